//! Documents that are made of what the program declares.

use std::fs;
use std::path::Path;

/// Compares a document with what it is made of, and renews it if asked to.
pub(crate) fn document(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
    let renew = std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always");
    if renew {
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/{name} is stale. Renew it with \
         `INSTA_UPDATE=always cargo test --test it cli:: registry::`, and look at the difference."
    );
}
