//! Who can change a file of signers, by each thing on the way to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::core::reason::Reason;

const LINE: &str =
    "alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID2LFbc/mn1XsBnX3HfHlU6tPKAR4649YPKMKHRqnh9T\n";

/// An account that owns nothing here.
const ASKS: u32 = 54_321;

/// Another.
const OTHER: u32 = 54_322;

fn place() -> (TempDir, PathBuf) {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    for folder in ["", "a", "a/b"] {
        set(&root.path().join(folder), 0o755);
    }
    let file = root.path().join("a/b/signers");
    fs::write(&file, LINE).unwrap();
    set(&file, 0o644);
    (root, file)
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn looked(system: &Path, requester: u32) -> Result<Known, Fault> {
    read(&Places { system: system.to_owned(), ..Places::default() }, requester)
}

/// Why the one signer of a file is worth no more.
fn weak(system: &Path) -> Option<String> {
    let known = looked(system, ASKS).unwrap();
    assert_eq!(known.signers.0.len(), 1);
    assert_eq!(known.signers.0[0].weak, known.files[0].weak);
    known.files[0].weak.clone()
}

#[test]
fn a_file_that_the_account_cannot_touch_is_not_weak_and_each_that_it_can_is() {
    let (root, file) = place();
    assert_eq!(weak(&file), None);
    for (part, what) in [("a/b/signers", ""), ("a/b", "the folder "), ("a", "the folder ")] {
        let path = root.path().join(part);
        let usual = if what.is_empty() { 0o644 } else { 0o755 };
        for more in [0o020, 0o002] {
            set(&path, usual | more);
            let why = weak(&file).unwrap();
            assert_eq!(why, format!("others than its owner can write {what}{}", path.display()));
            set(&path, usual);
        }
        assert_eq!(weak(&file), None);
        if chown(&path, Some(ASKS), None).is_err() {
            // Only root can give a file away.
            continue;
        }
        assert!(weak(&file).unwrap().contains("belongs to user 54321, who asks"), "{part}");
        // Not even where the mode keeps it from writing: it can change that.
        set(&path, if what.is_empty() { 0o444 } else { 0o555 });
        assert!(weak(&file).is_some(), "{part}");
        chown(&path, Some(OTHER), None).unwrap();
        set(&path, usual);
        assert_eq!(weak(&file), None, "what is another's is not the account's");
        chown(&path, Some(0), None).unwrap();
    }
    // In a sticky folder nobody replaces what is another's.
    set(&root.path().join("a"), 0o1777);
    assert_eq!(weak(&file), None);
}

#[test]
fn links_and_what_is_behind_them_count_as_well() {
    let (root, file) = place();
    let (other, _) = place();
    let link = other.path().join("a/link");
    symlink(&file, &link).unwrap();
    assert_eq!(weak(&link), None);
    for folder in [other.path().join("a"), root.path().join("a/b")] {
        set(&folder, 0o777);
        assert!(weak(&link).is_some());
        set(&folder, 0o755);
    }
    if lchown(&link, Some(ASKS), None).is_ok() {
        assert!(weak(&link).unwrap().contains("link belongs to user 54321"));
    }
}

#[test]
fn root_and_the_owner_of_a_file_never_have_more_than_a_terminal() {
    let (_root, file) = place();
    let root = looked(&file, 0).unwrap();
    assert!(root.signers.0[0].weak.as_ref().unwrap().contains("user 0 can write every file"));
    let places = Places { system: "/nowhere/at/all".into(), user: Some(file), ..Places::default() };
    let own = read(&places, ASKS).unwrap();
    assert_eq!(own.files.iter().map(|file| file.is_there).collect::<Vec<_>>(), [false, true]);
    assert!(own.signers.0[0].weak.as_ref().unwrap().contains("a file of the account itself"));
    // Nobody there passes for who has the same name in the system's file.
    let user = places.user.clone();
    let both = Places { system: user.clone().unwrap(), user, ..Places::default() };
    let both = read(&both, ASKS).unwrap();
    let names: Vec<&str> = both.signers.0.iter().map(|signer| &*signer.name).collect();
    assert_eq!(names, ["alice", "alice (own file)"]);
    assert!(!signers::is_name(names[1]));
}

#[test]
fn what_is_missing_is_nothing_and_what_cannot_be_read_is_said() {
    let (root, file) = place();
    let none = looked(&root.path().join("a/none"), ASKS).unwrap();
    assert!(none.signers.0.is_empty() && !none.files[0].is_there);

    symlink("nowhere", root.path().join("dangling")).unwrap();
    symlink("loop", root.path().join("loop")).unwrap();
    fs::write(root.path().join("huge"), vec![b'#'; FILE_BYTES_MAX + 1]).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for bad in ["dangling", "loop", "huge", "pipe", "a", "a/b/signers/x"] {
        let fault = looked(&root.path().join(bad), ASKS).unwrap_err();
        assert_eq!(fault.reason, Reason::StateUnavailable, "{bad}");
        assert!(fault.message.contains("no signature counts"), "{fault}");
    }
    assert_eq!(looked(Path::new("signers"), ASKS).unwrap_err().reason, Reason::StateUnavailable);
    fs::write(&file, b"\xff\xfe binary \0\nalice nothing\n").unwrap();
    let odd = looked(&file, ASKS).unwrap();
    assert_eq!((odd.signers.0.len(), odd.left_out.len()), (0, 2));
}

#[test]
fn only_the_map_of_no_namespace_is_whole() {
    assert!(is_whole("         0          0 4294967295\n"));
    for map in ["", "0 0 4294967294", "999 0 1", "0 999 1", "0 0 1\n1 1 4294967294\n"] {
        assert!(!is_whole(map), "{map}");
    }
}
