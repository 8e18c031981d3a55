//! A clock that obeys, sample records, and children: this test binary run again for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::core::grant::Tick;
use crate::core::operation::Class;
use crate::core::plan::{Digest, Target};
use crate::core::record::TargetRefs;

use super::super::*;
pub(super) use crate::core::reason::Reason;
pub(super) use crate::core::record::Event;
pub(super) use std::sync::Arc;

/// What a child is to work on.
const CHILD: &str = "COUNTERSIGN_AUDIT_CHILD";

/// A clock that a test sets; it goes on by a microsecond with each look.
#[derive(Debug)]
pub(super) struct FakeClock(Mutex<OffsetDateTime>);

impl FakeClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(datetime!(2026-11-21 12:00 UTC))))
    }

    pub(super) fn shift(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> OffsetDateTime {
        let mut now = self.0.lock().unwrap();
        *now += Duration::MICROSECOND;
        *now
    }

    fn tick(&self) -> Tick {
        Tick(std::time::Duration::ZERO)
    }
}

/// The name of the file of the clock's first day.
pub(super) const TODAY: &str = "audit-20261121.jsonl";

pub(super) fn log_as(dir: &Path, session: &str) -> AuditLog {
    log_at(dir, session, FakeClock::new())
}

pub(super) fn log_at(dir: &Path, session: &str, clock: Arc<FakeClock>) -> AuditLog {
    let settings = Settings { dir: dir.to_owned(), sync_all: false, session: session.into() };
    AuditLog::new(settings, clock)
}

pub(super) fn target(name: &str) -> Target {
    Target {
        kind: "container",
        id: format!("{name:0<64}"),
        name: name.into(),
        engine: "E".into(),
        attributes: Default::default(),
    }
}

/// A record of a request of session `s1`.
pub(super) fn record(event: Event, req: &str) -> Record {
    Record {
        op: Some("restart_container".into()),
        class: Some(Class::Mutate),
        session: Some("s1".into()),
        req: Some(req.into()),
        target: TargetRefs::of(&[target("web")]),
        plan: Some(Digest::of(&[req.as_bytes()])),
        ..Record::new(event)
    }
}

/// The shortest line there is.
pub(super) fn brief() -> Record {
    Record { op: Some("ping".into()), ..Record::new(Event::Read) }
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn put(log: &AuditLog, record: Record) -> Result<(), Fault> {
    wait(log.append(record, Durability::Written))
}

pub(super) fn put_synced(log: &AuditLog, record: Record) -> Result<(), Fault> {
    wait(log.append(record, Durability::Synced))
}

/// A fresh folder for a log, not made yet, inside one that is removed.
pub(super) fn fresh() -> (tempfile::TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("audit");
    (top, dir)
}

/// A log folder with this content in the file of the first day.
pub(super) fn folder_with(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let (top, dir) = fresh();
    fs::create_dir(&dir).unwrap();
    narrow(&dir, 0o700);
    fs::write(dir.join(TODAY), bytes).unwrap();
    (top, dir)
}

pub(super) fn narrow(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The whole records of a log.
pub(super) fn records(dir: &Path) -> Vec<Value> {
    read(dir).unwrap().filter_map(|entry| entry.unwrap().record).collect()
}

/// The values of a key of all whole records, null where it is not.
pub(super) fn column(dir: &Path, key: &str) -> Vec<Value> {
    records(dir).iter().map(|record| record.get(key).cloned().unwrap_or(json!(null))).collect()
}

pub(super) fn sound(dir: &Path) -> Report {
    let report = verify(dir, false, None).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    report
}

/// This test binary, to run the ignored test `name` alone on `what`.
pub(super) fn child(name: &str, what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("audit::tests::{name}"), "--ignored", "--nocapture"]);
    command.env(CHILD, what).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What this child is to work on; none if it is no child.
pub(super) fn child_task() -> Option<String> {
    std::env::var(CHILD).ok()
}
