//! A folder with a state in it, and this test program again as another process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rusqlite::Connection;

use crate::core::reason::{Fault, Reason};
use crate::ports::asks::Asks;
use crate::store::SqliteAsks;
pub(super) use crate::store::contract::given::*;

/// A folder of state homes, gone when dropped.
pub(super) struct Folder(tempfile::TempDir);

impl Place for Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn Asks> {
        open(&self.file())
    }
}

impl Folder {
    /// The folder that the state home is made in.
    pub(super) fn top(&self) -> &Path {
        self.0.path()
    }

    /// The folder of the state.
    pub(super) fn state(&self) -> PathBuf {
        self.top().join("state").join("countersign")
    }

    /// The state's file.
    pub(super) fn file(&self) -> PathBuf {
        self.state().join("state.db")
    }

    /// The database, as somebody else opens it.
    pub(super) fn raw(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}

pub(super) fn open(file: &Path) -> Arc<dyn Asks> {
    Arc::new(SqliteAsks::new(Some(file.to_owned())))
}

/// What every call says of a state that cannot be used.
pub(super) fn refusals(asks: &Arc<dyn Asks>) -> Vec<Fault> {
    let (from, to) = (crate::core::ask::State::Pending, crate::core::ask::State::Denied);
    let faults = [
        put(asks, &ask(90)).err(),
        wait(asks.get(id(90))).err(),
        wait(asks.presented(&ask(90).handle)).err(),
        turn(asks, 90, from, to).err(),
        wait(asks.list(false, 10)).err(),
        wait(asks.overdue(NOW)).err(),
        asks.version().err(),
    ];
    let faults: Vec<Fault> = faults.into_iter().map(|fault| fault.expect("refused")).collect();
    assert!(faults.iter().all(|fault| fault.reason == Reason::StateUnavailable), "{faults:?}");
    faults
}

const CHILD: &str = "COUNTERSIGN_STATE_CHILD";

/// This test program again, for one ignored test.
#[expect(clippy::disallowed_methods, reason = "the child is a process")]
pub(super) fn child(name: &str, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("store::sqlite::tests::{name}"), "--ignored", "--nocapture"]);
    command.env(CHILD, task).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What this child is to do; none if it is no child.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
pub(super) fn child_task() -> Option<String> {
    std::env::var(CHILD).ok()
}
