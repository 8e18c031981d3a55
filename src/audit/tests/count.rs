//! The lock under which changes are counted: one at a time over all processes, in order within one,
//! free again when its holder ends, and never waited for without end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::support::*;
use crate::audit::AuditLog;
use crate::ports::Audit;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Whether the count is free at this moment.
fn is_free(log: &AuditLog) -> bool {
    runtime().block_on(async {
        tokio::time::timeout(Duration::from_millis(50), log.hold_count()).await.is_ok()
    })
}

/// Holds the count until its input ends.
#[test]
#[ignore = "a child of another test"]
fn counting_child() {
    let Some(dir) = child_task() else { return };
    let log = log_as(Path::new(&dir), "child");
    let held = runtime().block_on(log.hold_count()).unwrap();
    println!("\nheld");
    let mut end = String::new();
    std::io::stdin().read_to_string(&mut end).unwrap();
    drop(held);
}

fn holding(dir: &Path) -> Child {
    let mut child = child("count::counting_child", &dir.display().to_string())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    assert!(out.lines().map_while(Result::ok).any(|line| line == "held"));
    child
}

#[test]
fn one_process_counts_at_a_time() {
    for kill in [false, true] {
        let (_top, dir) = fresh();
        let mut child = holding(&dir);
        let log = log_as(&dir, "parent");
        assert!(!is_free(&log));
        assert!(log.hold(&[target("web")]).is_ok(), "targets have locks of their own");
        if kill {
            child.kill().unwrap();
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(is_free(&log), "kill: {kill}");
        assert!(is_free(&log), "and it is given back");
        assert_eq!(fs::read_dir(dir.join(".live")).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn what_a_killed_process_left_is_swept() {
    let (_top, dir) = fresh();
    let mut child = holding(&dir);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(dir.join(".live/target-count").exists());
    put(&log_as(&dir, "next"), brief()).unwrap();
    assert!(!dir.join(".live/target-count").exists());
}

#[test]
fn nobody_waits_without_end() {
    let (_top, dir) = fresh();
    let (one, other) = (log_as(&dir, "one"), log_as(&dir, "other"));
    let mut paused = tokio::runtime::Builder::new_current_thread();
    paused.enable_all().start_paused(true).build().unwrap().block_on(async {
        let held = one.hold_count().await.unwrap();
        for log in [&one, &other] {
            let started = tokio::time::Instant::now();
            let fault = log.hold_count().await.unwrap_err();
            assert_eq!(fault.reason, Reason::Busy);
            assert!(fault.message.contains("Nothing was done"), "{fault}");
            assert_eq!(started.elapsed().as_secs(), 5);
        }
        drop(held);
        assert!(other.hold_count().await.is_ok());
    });
}

#[test]
fn those_of_one_process_come_in_their_order() {
    let (_top, dir) = fresh();
    let log = Arc::new(log_as(&dir, "one"));
    let order = Arc::new(Mutex::new(Vec::new()));
    runtime().block_on(async {
        let held = log.hold_count().await.unwrap();
        let mut waiting = Vec::new();
        for n in 0..20 {
            let (log, order) = (Arc::clone(&log), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let held = log.hold_count().await.unwrap();
                order.lock().unwrap().push(n);
                tokio::task::yield_now().await;
                drop(held);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for one in waiting {
            one.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_lock_that_cannot_be_kept_is_said() {
    let (_top, dir) = fresh();
    fs::write(&dir, "no folder").unwrap();
    let fault = runtime().block_on(log_as(&dir, "one").hold_count()).unwrap_err();
    assert_eq!(fault.reason, Reason::AuditUnavailable);
    let (_top, dir) = folder_with(b"");
    fs::create_dir_all(dir.join(".live/target-count")).unwrap();
    narrow(&dir.join(".live"), 0o700);
    let fault = runtime().block_on(log_as(&dir, "one").hold_count()).unwrap_err();
    assert_eq!(fault.reason, Reason::AuditUnavailable, "{fault}");
}
