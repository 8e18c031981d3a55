//! A full disk: what was begun can be told, nothing new begins, and all goes on when there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};
use time::Duration;

use super::support::*;
use crate::audit::{AuditLog, verify};

/// A small file system, gone when dropped.
struct Small {
    top: tempfile::TempDir,
}

impl Small {
    /// Mounts one; none where this user may not.
    fn mount(kind: &str) -> Option<Self> {
        let top = tempfile::tempdir().unwrap();
        let at = top.path().join("mnt");
        fs::create_dir(&at).unwrap();
        let run = |program: &str, args: &[&str]| {
            let ran = Command::new(program).args(args).stderr(Stdio::null()).output();
            ran.is_ok_and(|ran| ran.status.success())
        };
        let at = at.to_str().unwrap();
        let image = top.path().join("image");
        let image = image.to_str().unwrap();
        let mounted = match kind {
            "tmpfs" => run("mount", &["-t", "tmpfs", "-o", "size=4m,mode=0755", "none", at]),
            _ => {
                File::create(image).unwrap().set_len(8 * 1024 * 1024).unwrap();
                run("mkfs.ext4", &["-q", "-m", "0", image])
                    && run("mount", &["-o", "loop", image, at])
            }
        };
        mounted.then_some(Self { top })
    }

    fn path(&self) -> PathBuf {
        self.top.path().join("mnt")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.path().join("ballast")).unwrap();
        for size in [64 * 1024, 4096, 1024, 128, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

/// Appends reads until they are refused.
fn exhaust(log: &AuditLog) {
    let refused = (0..20_000).find_map(|_| put(log, brief()).err()).expect("it fills up");
    assert_eq!(refused.reason, Reason::AuditUnavailable);
    assert!(refused.message.contains("Free space"), "{refused}");
}

/// What must hold on a disk that just became full, with the intents `r1` and `r2` open.
fn nothing_new_begins(log: &AuditLog, dir: &Path) {
    exhaust(log);
    for event in [Event::Allowed, Event::Step, Event::Preview] {
        let refused = put_synced(log, record(event, "new")).unwrap_err();
        assert_eq!(refused.reason, Reason::AuditUnavailable);
    }
    put_synced(log, record(Event::StepDone, "r1")).unwrap();
    put_synced(log, record(Event::Done, "r1")).unwrap();
    let report = sound(dir);
    assert_eq!(report.open.len(), 1, "r2 is open: {:?}", report.open);
}

fn on_a_full(kind: &str) {
    let Some(small) = Small::mount(kind) else {
        eprintln!("skipped: this user cannot mount a {kind}");
        return;
    };
    let dir = small.path().join("audit");
    let clock = FakeClock::new();
    let log = log_at(&dir, "s1", Arc::clone(&clock));
    for req in ["r1", "r2", "r3"] {
        put_synced(&log, record(Event::Allowed, req)).unwrap();
    }
    put_synced(&log, record(Event::Done, "r3")).unwrap();
    small.fill();
    nothing_new_begins(&log, &dir);
    // Midnight: a new file cannot be begun, so the outcome stands in the old one.
    clock.shift(Duration::DAY);
    assert!(put(&log, brief()).is_err());
    put_synced(&log, record(Event::Failed, "r2")).unwrap();
    assert_eq!(sound(&dir).open, []);
    // Room again.
    small.empty();
    put_synced(&log, record(Event::Allowed, "r4")).unwrap();
    put_synced(&log, record(Event::Done, "r4")).unwrap();
    drop(log);
    let report = verify(&dir, true, None).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.files, 2);
    assert_eq!(report.tears, 0);
}

#[test]
fn on_a_full_ext4() {
    on_a_full("ext4");
}

#[test]
fn on_a_full_tmpfs() {
    on_a_full("tmpfs");
}

#[test]
fn a_crashed_session_is_closed_on_a_full_disk() {
    let Some(small) = Small::mount("ext4") else {
        eprintln!("skipped: this user cannot mount an ext4");
        return;
    };
    let dir = small.path().join("audit");
    let log = log_as(&dir, "s1");
    put_synced(&log, record(Event::Allowed, "r1")).unwrap();
    small.fill();
    exhaust(&log);
    drop(log);
    let next = log_as(&dir, "s2");
    exhaust(&next);
    let report = sound(&dir);
    assert!(report.open.is_empty(), "{:?}", report.open);
    small.empty();
    put(&next, brief()).unwrap();
}

/// Works under a limit on the size of files; a write beyond it would kill it.
#[test]
#[ignore = "a child of another test"]
fn limited_child() {
    let Some(dir) = child_task() else { return };
    let dir = Path::new(&dir);
    let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    let log = log_as(dir, "s1");
    for req in ["r1", "r2"] {
        put_synced(&log, record(Event::Allowed, req)).unwrap();
    }
    limit(Some(300 * 1024));
    nothing_new_begins(&log, dir);
    // The last bytes are for outcomes, and then there is an end to these as well.
    let refused = (0..2000).find_map(|_| put(&log, record(Event::StepDone, "r2")).err());
    assert!(refused.expect("a limit is a limit").message.contains("Free space"));
    limit(None);
    put_synced(&log, record(Event::Allowed, "r4")).unwrap();
    put_synced(&log, record(Event::Done, "r2")).unwrap();
    put_synced(&log, record(Event::Done, "r4")).unwrap();
    drop(log);
    assert_eq!(sound(dir).open, []);
    println!("\nall held");
}

#[test]
fn under_a_limit_on_file_sizes() {
    let (_top, dir) = fresh();
    let child = child("full::limited_child", &dir.display().to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("all held"), "{said}");
}
