//! Who could change a file or a folder: itself, or by what it is reached through.

use std::path::Path;

use crate::config::shown;
use crate::way::{self, Passed, What};

/// What stands on the way to a place that could be changed, each in a clause.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changers {
    /// What this account can change.
    pub(super) us: Option<String>,
    /// What others than root and this account can.
    pub(super) others: Option<String>,
}

/// Looks at the whole way to a place, as far as it goes.
pub(super) fn changers(path: &Path) -> Changers {
    let uid = rustix::process::geteuid().as_raw();
    let mut found = Changers::default();
    // Where it ends too early, what was passed until then has been seen.
    drop(way::open(path, &mut |passed| {
        let (at, owner) = (place(passed), passed.owner());
        if found.us.is_none() && (owner == uid || passed.is_open_to_us()) {
            found.us = Some(format!("it can change {at}"));
        }
        if found.others.is_none() && owner != 0 && owner != uid {
            found.others = Some(format!("{at} belongs to user {owner}"));
        } else if found.others.is_none() && passed.is_open_to_others() {
            found.others = Some(format!("others than its owner can write {at}"));
        }
    }));
    found
}

fn place(passed: &Passed<'_>) -> String {
    let what = if passed.what == What::Folder { "the folder " } else { "" };
    format!("{what}{}", shown(passed.at))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_is_ours_and_what_is_everybodys_is_seen_up_to_the_file() {
        let root = TempDir::new().unwrap();
        let file = root.path().join("a/file");
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(&file, "").unwrap();
        let found = changers(&file);
        assert!(found.us.is_some() && found.others.is_none(), "{found:?}");
        fs::set_permissions(root.path().join("a"), Permissions::from_mode(0o777)).unwrap();
        let others = changers(&file).others.unwrap();
        assert!(others.ends_with("/a"), "{others}");
        assert!(changers(&root.path().join("a/missing")).others.is_some());
        fs::set_permissions(root.path().join("a"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert!(changers(&file).others.unwrap().ends_with("/a/file"));
    }
}
