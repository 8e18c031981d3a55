//! A disk that is full, and one that takes nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::support::*;
use crate::core::ask::{Ask, State};
use crate::core::plan::{Face, Principal};
use crate::core::reason::Reason;

/// A small file system, gone when dropped.
struct Small(tempfile::TempDir);

impl Small {
    /// Mounts one; none where this user may not.
    fn mount() -> Option<Self> {
        let small = Self(tempfile::tempdir().unwrap());
        let at = small.path();
        mount(&["-t", "tmpfs", "-o", "size=600k,mode=0755", "none", at.to_str()?]).then_some(small)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn file(&self) -> PathBuf {
        self.path().join("countersign").join("state.db")
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
    #[expect(clippy::disallowed_methods, reason = "only a program can do it")]
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).stderr(Stdio::null()).status());
    }
}

#[expect(clippy::disallowed_methods, reason = "only a program can do it")]
fn mount(args: &[&str]) -> bool {
    let ran = Command::new("mount").args(args).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

fn large(n: u32) -> Ask {
    let principal = Principal { face: Face::Mcp, uid: n };
    Ask { principal, document: "x".repeat(9000).into(), ..ask(n) }
}

#[test]
fn on_a_full_disk_nothing_is_half_done() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: this user cannot mount");
        return;
    };
    let asks = open(&small.file());
    let kept = (0..200).find(|n| match put(&asks, &large(*n)) {
        Ok(_) => false,
        Err(fault) => {
            assert_eq!(fault.reason, Reason::StateUnavailable);
            assert!(fault.message.contains("Free space"), "{fault}");
            true
        }
    });
    let kept = kept.expect("it fills up");
    assert!(kept > 5);
    small.fill();
    for again in [&asks, &open(&small.file())] {
        for n in 2..kept {
            match wait(again.get(id(n))) {
                Ok(ask) => assert_eq!(said(&ask.unwrap()), said(&large(n))),
                Err(fault) => assert!(fault.message.contains("Free space"), "{fault}"),
            }
        }
        // To turn takes some room as well, and may find it.
        match turn(again, 1, State::Pending, State::Approved) {
            Ok(row) => assert_eq!(row.state, State::Approved),
            Err(fault) if fault.reason == Reason::AskClosed => {}
            Err(fault) => assert!(fault.message.contains("Free space"), "{fault}"),
        }
    }
    small.empty();
    let is = get(&asks, 1).unwrap().state;
    if is == State::Pending {
        turn(&asks, 1, State::Pending, State::Approved).unwrap();
    }
    assert_eq!(get(&open(&small.file()), 1).unwrap().state, State::Approved);
    assert_eq!(said(&get(&asks, kept - 1).unwrap()), said(&large(kept - 1)));
    assert!(get(&asks, kept).is_none());
}

#[test]
fn on_a_full_disk_none_is_made() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: this user cannot mount");
        return;
    };
    small.fill();
    let asks = open(&small.file());
    let refused = put(&asks, &ask(1)).unwrap_err();
    assert_eq!(refused.reason, Reason::StateUnavailable);
    assert!(refused.message.contains("Free space"), "{refused}");
    assert!(!small.file().exists());
    assert_eq!(wait(asks.list(false, 10)).unwrap(), []);
    small.empty();
    put_new(&asks, &ask(1));
    assert_eq!(fs::read_dir(small.path().join("countersign")).unwrap().count(), 3);
}

#[test]
fn where_nothing_can_be_written_nothing_is_done() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: this user cannot mount");
        return;
    };
    let remount = |how: &str| {
        assert!(mount(&["-o", &format!("remount,{how}"), small.path().to_str().unwrap()]));
    };
    remount("ro");
    let asks = open(&small.file());
    let refused = put(&asks, &ask(1)).unwrap_err();
    assert!(refused.message.contains("writable for this user"), "{refused}");
    assert_eq!(wait(asks.list(false, 10)).unwrap(), []);
    assert!(asks.hold(id(1)).is_err());
    remount("rw");
    put_new(&asks, &ask(1));
    drop(asks);
    remount("ro");
    for fault in refusals(&open(&small.file())) {
        assert!(fault.message.contains("writable for this user"), "{fault}");
    }
}
