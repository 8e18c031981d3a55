//! What the fuzzer found or began with holds in every run.

use std::path::Path;

#[path = "../../fuzz/check.rs"]
mod check;

#[test]
fn what_the_fuzzer_keeps_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/policy_file");
    let mut bytes_total = 0;
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        check::check(&bytes);
        bytes_total += bytes.len();
        files += 1;
    }
    assert!((20..=60).contains(&files) && bytes_total < 100_000, "{files} of {bytes_total} bytes");
}
