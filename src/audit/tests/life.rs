//! How the log begins, rolls, fails, comes back and ends.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs::{FlockOperation, flock};
use time::{Duration, OffsetDateTime};
use tokio::sync::oneshot;

use super::super::sink::{Job, Sink};
use super::super::sys::{SYNCED, SYNCS};
use super::support::*;
use crate::audit::{AuditLog, Settings, Shared, verify};
use crate::core::grant::Tick;
use crate::ports::{Audit, Clock, Durability};

#[test]
fn starting_writes_nothing() {
    let (top, dir) = fresh();
    let log = log_as(&dir, "s1");
    log.close();
    drop(log);
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    put(&log_as(&dir, "s1"), brief()).unwrap();
    assert!(!dir.join(".live").exists(), "a session without intents leaves no mark");
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
    assert_eq!(column(&dir, "version")[0], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_record_is_taken_over_when_it_is_appended() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    drop(log.append(brief(), Durability::Synced));
    drop(log);
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
}

#[test]
fn after_the_end_nothing_is_taken() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    put(&log, brief()).unwrap();
    log.close();
    assert_eq!(put(&log, brief()).unwrap_err().reason, Reason::AuditUnavailable);
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
}

#[test]
fn a_day_rolls_and_a_clock_that_steps_back_does_not_unroll_it() {
    let (_top, dir) = fresh();
    let clock = FakeClock::new();
    let log = log_at(&dir, "s1", Arc::clone(&clock));
    let other = log_at(&dir, "s2", Arc::clone(&clock));
    put(&log, brief()).unwrap();
    put(&other, brief()).unwrap();
    clock.shift(Duration::DAY);
    put(&log, brief()).unwrap();
    // The other process still has the old file open, and its clock says that this is right.
    clock.shift(-Duration::DAY);
    put(&other, brief()).unwrap();
    put(&log, brief()).unwrap();
    let new = log_at(&dir, "s3", Arc::clone(&clock));
    put(&new, brief()).unwrap();
    let report = verify(&dir, true, None).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.files, report.lines), (2, 8));
    let today = fs::read_to_string(dir.join(TODAY)).unwrap();
    assert_eq!(today.lines().count(), 3);
    let events = column(&dir, "event");
    assert_eq!(events[3], "opened");
    assert_eq!(column(&dir, "seq"), (1..=8).collect::<Vec<u64>>());
}

#[test]
fn the_log_comes_back_when_the_cause_is_gone() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    put_synced(&log, record(Event::Allowed, "r1")).unwrap();
    let away = dir.with_extension("away");
    fs::rename(&dir, &away).unwrap();
    fs::write(&dir, "no folder").unwrap();
    let refused = put(&log, brief()).unwrap_err();
    assert_eq!(refused.reason, Reason::AuditUnavailable);
    assert!(refused.message.contains("--audit-dir"), "{refused}");
    fs::remove_file(&dir).unwrap();
    fs::rename(&away, &dir).unwrap();
    put_synced(&log, record(Event::Done, "r1")).unwrap();
    assert_eq!(sound(&dir).lines, 3);
    // A folder that is gone is begun anew.
    fs::remove_dir_all(&dir).unwrap();
    put_synced(&log, brief()).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
    // So is a lock that is gone, and a log file.
    fs::remove_file(dir.join(".lock")).unwrap();
    put(&log_as(&dir, "s2"), brief()).unwrap();
    put(&log, brief()).unwrap();
    assert!(verify(&dir, true, None).unwrap().is_sound());
    fs::remove_file(dir.join(TODAY)).unwrap();
    put(&log, brief()).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
}

#[test]
fn lines_of_strangers_are_noticed() {
    use std::io::Write;
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    put(&log, brief()).unwrap();
    let mut file = File::options().append(true).open(dir.join(TODAY)).unwrap();
    file.write_all(b"half a li").unwrap();
    put(&log, brief()).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "read", "recovered", "read"]);
    assert_eq!(sound(&dir).tears, 1);
}

#[test]
fn an_intent_that_failed_but_stands_there_gets_its_outcome() {
    let (_top, dir) = fresh();
    let settings = Settings { dir: dir.clone(), sync_all: false, session: "s1".into() };
    let mut sink = Sink::new(Arc::new(Shared::new(settings, FakeClock::new())));
    let commit = |sink: &mut Sink, record| {
        let (answer, mut answered) = oneshot::channel();
        sink.commit(vec![Job { record, sync: true, answer }]);
        answered.try_recv().unwrap().unwrap();
    };
    commit(&mut sink, record(Event::Allowed, "r1"));
    assert_eq!(sound(&dir).open.len(), 1);
    sink.owe(&record(Event::Allowed, "r1"));
    sink.owe(&record(Event::Done, "r2"));
    commit(&mut sink, brief());
    assert!(sound(&dir).open.is_empty());
    assert_eq!(column(&dir, "event"), ["opened", "allowed", "failed", "read"]);
    assert_eq!(column(&dir, "reason")[2], "audit_unavailable");
}

/// Syncs are counted for the whole process, so a process of its own looks at them.
#[test]
#[ignore = "a child of another test"]
fn syncing_child() {
    let Some(dir) = child_task() else { return };
    let syncs = || SYNCS.load(std::sync::atomic::Ordering::SeqCst);
    let settings =
        Settings { dir: Path::new(&dir).join("a"), sync_all: false, session: "s1".into() };
    let log = AuditLog::new(settings.clone(), FakeClock::new());
    put(&log, brief()).unwrap();
    put(&log, brief()).unwrap();
    assert_eq!(syncs(), 0, "nobody asked");
    put_synced(&log, brief()).unwrap();
    put_synced(&log, brief()).unwrap();
    assert_eq!(syncs(), 2, "whoever asks is answered after a sync");
    // An intent's answer comes after a sync of the file in which it stands by then.
    for n in 0..20 {
        let before = syncs();
        put_synced(&log, record(Event::Allowed, &format!("r{n}"))).unwrap();
        let file = fs::metadata(settings.dir.join(TODAY)).unwrap();
        assert_eq!(*SYNCED.lock().unwrap(), (file.ino(), file.len()), "intent {n}");
        // The first sets the session's mark, which is synced as well.
        assert_eq!(syncs() - before, if n == 0 { 2 } else { 1 });
    }
    let before = syncs();
    let all = Settings { dir: Path::new(&dir).join("b"), sync_all: true, ..settings };
    let log = AuditLog::new(all, FakeClock::new());
    put(&log, brief()).unwrap();
    assert_eq!(syncs(), before + 1);
    // Those who wait together share one.
    let lock = File::open(Path::new(&dir).join("b/.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let waiting: Vec<_> = (0..64).map(|_| log.append(brief(), Durability::Synced)).collect();
    flock(&lock, FlockOperation::Unlock).unwrap();
    waiting.into_iter().for_each(|answer| wait(answer).unwrap());
    assert!((2..=4).contains(&(syncs() - before)), "{}", syncs() - before);
    println!("\nall held");
}

#[test]
fn what_asks_for_it_is_synced_and_a_group_at_once() {
    let (top, _) = fresh();
    let child = child("life::syncing_child", &top.path().display().to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("all held"), "{said}");
}

/// A clock that breaks once.
#[derive(Debug)]
struct Broken(AtomicBool, Arc<FakeClock>);

impl Clock for Broken {
    fn now(&self) -> OffsetDateTime {
        assert!(!self.0.swap(false, std::sync::atomic::Ordering::SeqCst), "it broke");
        self.1.now()
    }

    fn tick(&self) -> Tick {
        self.1.tick()
    }
}

#[test]
fn a_writer_that_panics_is_replaced() {
    let (_top, dir) = fresh();
    let clock = Arc::new(Broken(AtomicBool::new(false), FakeClock::new()));
    let settings = Settings { dir: dir.clone(), sync_all: false, session: "s1".into() };
    let log = AuditLog::new(settings, Arc::<Broken>::clone(&clock));
    put(&log, record(Event::Allowed, "r1")).unwrap();
    clock.0.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(put(&log, brief()).unwrap_err().reason, Reason::AuditUnavailable);
    // While the old one unwinds, records are still refused.
    let back = (0..1000).any(|_| {
        std::thread::yield_now();
        put(&log, brief()).is_ok()
    });
    assert!(back);
    // The change still runs: neither the new writer nor another process takes it for orphaned.
    put(&log_as(&dir, "s2"), brief()).unwrap();
    assert!(sound(&dir).open[0].in_flight);
    put(&log, record(Event::Done, "r1")).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "allowed", "read", "read", "done"]);
    assert_eq!(sound(&dir).open, []);
    log.close();
    assert!(!dir.join(".live/s1").exists(), "nothing of it is open");
}

/// What a panic leaves open is closed once, when the process has ended.
#[test]
fn an_intent_that_a_panic_left_open_is_closed_by_the_next_process() {
    let (_top, dir) = fresh();
    let clock = Arc::new(Broken(AtomicBool::new(false), FakeClock::new()));
    let settings = Settings { dir: dir.clone(), sync_all: false, session: "s1".into() };
    let log = AuditLog::new(settings, Arc::<Broken>::clone(&clock));
    put(&log, record(Event::Allowed, "r1")).unwrap();
    clock.0.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(put(&log, record(Event::Done, "r1")).is_err());
    log.close();
    assert!(dir.join(".live/s1").exists());
    put(&log_as(&dir, "s2"), brief()).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "allowed", "unknown", "read"]);
}

#[test]
fn too_many_waiting_records_are_refused() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    put(&log, brief()).unwrap();
    let lock = File::open(dir.join(".lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let waiting: Vec<_> = (0..6000).map(|_| log.append(brief(), Durability::Written)).collect();
    flock(&lock, FlockOperation::Unlock).unwrap();
    let answers: Vec<_> = waiting.into_iter().map(wait).collect();
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((4096..6000).contains(&taken), "{taken}");
    let refused = answers.iter().find_map(|answer| answer.as_ref().err()).unwrap();
    assert_eq!(refused.reason, Reason::AuditUnavailable);
    assert_eq!(sound(&dir).lines, taken as u64 + 2);
}

#[test]
fn a_lock_that_nobody_gives_back_is_not_waited_for_for_ever() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    put(&log, brief()).unwrap();
    let lock = File::open(dir.join(".lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let refused = put(&log, brief()).unwrap_err();
    assert!(refused.message.contains("ten seconds"), "{refused}");
    flock(&lock, FlockOperation::Unlock).unwrap();
    put(&log, brief()).unwrap();
}

#[test]
fn a_bad_session_name_never_becomes_a_path() {
    for session in ["", "..", "a/b", "target-1", &"x".repeat(65)] {
        let (_top, dir) = fresh();
        let log = log_as(&dir, session);
        let refused = put(&log, record(Event::Allowed, "r1")).unwrap_err();
        assert_eq!(refused.reason, Reason::AuditUnavailable, "{session}");
        assert!(!column(&dir, "event").contains(&"allowed".into()));
    }
}

/// Two logs of one session: the second cannot begin a change while the first lives.
#[test]
fn a_session_has_one_process() {
    let (_top, dir) = fresh();
    let first = log_as(&dir, "s1");
    put(&first, record(Event::Allowed, "r1")).unwrap();
    let second = log_as(&dir, "s1");
    assert!(put(&second, record(Event::Allowed, "r2")).is_err());
    put(&second, brief()).unwrap();
    drop(first);
    let third: AuditLog = log_as(&dir, "s1");
    put(&third, record(Event::Allowed, "r3")).unwrap();
}
