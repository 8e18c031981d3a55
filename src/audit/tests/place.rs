//! Links, strangers and open doors in the way of the log.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::support::*;
use crate::audit::{read, verify};
use crate::core::reason::Fault;
use crate::ports::Audit;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(dir: &Path) -> Fault {
    let fault = put(&log_as(dir, "s1"), brief()).unwrap_err();
    assert_eq!(fault.reason, Reason::AuditUnavailable);
    fault
}

#[test]
fn what_is_made_is_ours_alone() {
    let (top, _) = fresh();
    let dir = top.path().join("a/b/audit");
    let log = log_as(&dir, "s1");
    put(&log, record(Event::Allowed, "r1")).unwrap();
    let _held = log.hold(&[target("web")]).unwrap();
    for folder in [top.path().join("a"), dir.clone(), dir.join(".live")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for folder in [&dir, &dir.join(".live")] {
        for file in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if file.is_file() {
                assert_eq!(mode(&file), 0o600, "{}", file.display());
            }
        }
    }
    assert!(!column(&dir, "narrowed").contains(&true.into()));
}

#[test]
fn a_wide_folder_is_narrowed_and_told_once() {
    let (_top, dir) = fresh();
    fs::create_dir(&dir).unwrap();
    narrow(&dir, 0o755);
    put(&log_as(&dir, "s1"), brief()).unwrap();
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
    assert_eq!(column(&dir, "narrowed")[0], true);
    // Where the day's file is there already, a line of its own says so.
    narrow(&dir, 0o750);
    narrow(&dir.join(TODAY), 0o644);
    let log = log_as(&dir, "s2");
    put(&log, brief()).unwrap();
    put(&log, brief()).unwrap();
    assert_eq!((mode(&dir), mode(&dir.join(TODAY))), (0o700, 0o600));
    assert_eq!(column(&dir, "event"), ["opened", "read", "opened", "read", "read"]);
    sound(&dir);
}

#[test]
fn a_wide_folder_that_holds_more_than_a_log_is_refused_and_left_as_it_is() {
    let (_top, dir) = fresh();
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("README.md"), "recipes").unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    narrow(&dir, 0o755);
    assert!(refused(&dir).message.contains("more than a log"));
    assert_eq!(mode(&dir), 0o755);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
    fs::remove_file(dir.join("notes.txt")).unwrap();
    put(&log_as(&dir, "s1"), brief()).unwrap();
    assert_eq!(mode(&dir), 0o700);
}

#[test]
fn a_link_in_place_of_the_folder_is_refused_and_one_on_the_way_is_not() {
    let (top, dir) = fresh();
    let real = top.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, &dir).unwrap();
    assert!(refused(&dir).message.contains("is a link"));
    assert!(verify(&dir, false, None).is_err());
    assert!(read(&dir).is_err());
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
    let behind = dir.join("audit");
    put(&log_as(&behind, "s1"), brief()).unwrap();
    assert_eq!(column(&real.join("audit"), "event"), ["opened", "read"]);
}

#[test]
fn a_link_in_place_of_a_file_is_refused() {
    for name in [TODAY, ".lock"] {
        let (top, dir) = folder_with(b"");
        let elsewhere = top.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        let _gone = fs::remove_file(dir.join(name));
        symlink(&elsewhere, dir.join(name)).unwrap();
        let fault = refused(&dir);
        assert!(fault.message.contains("is a link or no regular file"), "{fault}");
        assert!(fault.message.contains(name), "{fault}");
        assert_eq!(fs::metadata(&elsewhere).unwrap().len(), 0);
    }
    let (top, dir) = folder_with(b"");
    symlink(top.path(), dir.join(".live")).unwrap();
    let log = log_as(&dir, "s1");
    assert!(put(&log, record(Event::Allowed, "r1")).is_err());
    assert!(log.hold(&[target("web")]).is_err());
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let (_top, dir) = folder_with(b"");
    fs::remove_file(dir.join(TODAY)).unwrap();
    fs::create_dir(dir.join(TODAY)).unwrap();
    refused(&dir);
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    let (top, dir) = fresh();
    put(&log_as(&dir, "s1"), brief()).unwrap();
    let second = top.path().join("second");
    fs::hard_link(dir.join(TODAY), &second).unwrap();
    assert!(refused(&dir).message.contains("second name"));
    fs::remove_file(&second).unwrap();
    put(&log_as(&dir, "s1"), brief()).unwrap();
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let (_top, dir) = folder_with(b"");
    std::os::unix::fs::chown(dir.join(TODAY), Some(12_345), None).unwrap();
    assert!(refused(&dir).message.contains("belongs to user 12345"));
    let (_top, dir) = folder_with(b"");
    std::os::unix::fs::chown(&dir, Some(12_345), None).unwrap();
    narrow(&dir, 0o755);
    let fault = refused(&dir);
    assert!(fault.message.contains("belongs to user 12345"), "{fault}");
    assert_eq!(mode(&dir), 0o755, "a stranger's folder stays as it is");
}

#[test]
fn a_path_that_names_no_folder_is_refused() {
    for dir in ["/", "..", "a/.."] {
        refused(Path::new(dir));
    }
}

#[test]
fn names_that_are_no_day_are_not_of_the_log() {
    let (_top, dir) = fresh();
    put(&log_as(&dir, "s1"), brief()).unwrap();
    for name in ["audit-20261332.jsonl", "audit-2026.jsonl", "audit-20261122.jsonl.gz", "README.md"]
    {
        fs::write(dir.join(name), "{}\n").unwrap();
    }
    put(&log_as(&dir, "s1"), brief()).unwrap();
    assert_eq!(sound(&dir).files, 1);
    assert_eq!(column(&dir, "event"), ["opened", "read", "read"]);
}

#[test]
fn verifying_and_reading_change_nothing() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "gone");
    put(&log, record(Event::Allowed, "r1")).unwrap();
    drop(log);
    narrow(&dir, 0o755);
    let look = || {
        let stat = |path: &Path| {
            let meta = fs::metadata(path).unwrap();
            (
                path.to_owned(),
                meta.ino(),
                meta.mode(),
                meta.len(),
                meta.mtime_nsec(),
                meta.ctime_nsec(),
            )
        };
        let mut all = vec![stat(&dir)];
        for folder in [&dir, &dir.join(".live")] {
            all.extend(fs::read_dir(folder).unwrap().map(|e| stat(&e.unwrap().path())));
        }
        all.sort();
        all
    };
    let before = look();
    let report = sound(&dir);
    assert!(!report.open[0].in_flight);
    assert_eq!(records(&dir).len(), 2);
    assert_eq!(look(), before);
}
