//! What must not compile. In each folder of `tests/ui` stands a `twin.rs` that compiles, as a part
//! of this program, and beside it what differs in one line and does not. `TRYBUILD=overwrite` renews
//! what the compiler says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Declares the twins, and the list of their folders.
macro_rules! twins {
    ($($folder:ident: $path:literal,)*) => {
        $(
            #[expect(dead_code, reason = "it only has to compile")]
            #[path = $path]
            mod $folder;
        )*
        const TWINS: &[(&str, &str)] = &[$((stringify!($folder), $path),)*];
    };
}

twins! {
    copy_grant_row: "../ui/copy_grant_row/twin.rs",
    copy_granted: "../ui/copy_granted/twin.rs",
    copy_permit: "../ui/copy_permit/twin.rs",
    copy_token: "../ui/copy_token/twin.rs",
    execute: "../ui/execute/twin.rs",
    grant_row: "../ui/grant_row/twin.rs",
    granted: "../ui/granted/twin.rs",
    outlive: "../ui/outlive/twin.rs",
    permit: "../ui/permit/twin.rs",
    restart: "../ui/restart/twin.rs",
    spend: "../ui/spend/twin.rs",
    verdict: "../ui/verdict/twin.rs",
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

/// The files of a folder that end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.display().to_string().ends_with(end)).collect();
    files.sort();
    files
}

/// Lines in which two files of the same length differ; none if they are not.
fn differences(one: &str, other: &str) -> Option<usize> {
    let same_length = one.lines().count() == other.lines().count();
    same_length.then(|| one.lines().zip(other.lines()).filter(|(a, b)| a != b).count())
}

#[test]
fn each_differs_from_its_twin_in_one_line() {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let folder = entry.unwrap().path();
        let twin = fs::read_to_string(folder.join("twin.rs")).unwrap();
        let mut failing = files(&folder, ".rs");
        failing.retain(|path| !path.ends_with("twin.rs"));
        assert!(!failing.is_empty(), "{}", folder.display());
        for path in failing {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(differences(&twin, &text), Some(1), "{}", path.display());
            assert!(path.with_extension("stderr").exists(), "{}", path.display());
        }
        seen.insert(folder.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let declared: BTreeSet<String> = TWINS.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    assert_eq!(seen, declared);
    assert!(TWINS.iter().all(|(folder, path)| *path == format!("../ui/{folder}/twin.rs")));
}

#[test]
fn a_difference_is_counted() {
    assert_eq!(differences("a\nb\nc", "a\nb\nc"), Some(0));
    assert_eq!(differences("a\nb\nc", "a\nx\nc"), Some(1));
    assert_eq!(differences("a\nb\nc", "a\nx\ny"), Some(2));
    assert_eq!(differences("a\nb\nc", "a\nb"), None);
}

#[test]
fn what_must_not_compile_does_not() {
    let cases = trybuild::TestCases::new();
    for (name, _) in TWINS {
        for path in files(&folder().join(name), ".rs") {
            if !path.ends_with("twin.rs") {
                cases.compile_fail(path);
            }
        }
    }
}
