//! Asks in an SQLite file that the processes of one account share. It is opened on first need, and made
//! for nothing but an ask.

mod database;
mod fault;
mod place;
mod row;
mod running;
mod table;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use time::OffsetDateTime;

use self::database::{Database, vanishing};
use self::fault::{Failure, unavailable};
use self::running::Running;
use super::rules;
use crate::core::ask::{Ask, AskId, State, Terms, Turn};
use crate::core::grant::Token;
use crate::core::plan::Digest;
use crate::core::reason::Fault;
use crate::ports::asks::{Asks, Listed, Put};
use crate::ports::{BoxFuture, Held};

/// How long the version is waited for: who asks for it waits on the thread of all requests.
const VERSION_PATIENCE: Duration = Duration::from_millis(20);

/// Asks in a file.
#[derive(Debug)]
pub struct SqliteAsks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: Option<PathBuf>,
    work: Mutex<Option<Database>>,
    /// A connection of its own sees what the other one writes as well.
    watch: Mutex<Watch>,
}

#[derive(Debug, Default)]
struct Watch {
    database: Option<Database>,
    /// How often there was another file, or none.
    epoch: u32,
}

impl SqliteAsks {
    /// The asks in the file at this absolute path, which need not be there. None if the account has no
    /// folder for it; then everything is refused.
    pub fn new(path: Option<PathBuf>) -> Self {
        let (work, watch) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { path, work, watch }))
    }

    /// Runs what waits for the disk and for other processes beside the thread of all requests.
    fn beside<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Shared) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Fault>> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let ran = tokio::task::spawn_blocking(move || run(&shared)).await;
            ran.unwrap_or_else(|_| Err(unavailable("a thread of it ended", "Try again.")))
        })
    }
}

impl Shared {
    fn path(&self) -> Result<&Path, Fault> {
        self.path.as_deref().ok_or_else(|| {
            unavailable(
                "neither XDG_STATE_HOME nor HOME is set, so there is no place for it",
                "Set one of them to the absolute path of a folder.",
            )
        })
    }

    /// Runs with the database; none if there is none. After a failure it is opened anew, and what was
    /// done to a file that others do not see does not count.
    fn with<T>(
        &self,
        open: impl FnOnce(&Path) -> Result<Option<Database>, Fault>,
        run: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>, Fault> {
        let path = self.path()?;
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match work.take().filter(Database::is_current) {
            Some(database) => Some(database),
            None => open(path)?,
        };
        let Some(mut database) = database else { return Ok(None) };
        let ran = run(&mut database.connection);
        if ran.is_ok() && !database.is_current() {
            return Err(vanishing(path));
        }
        if ran.as_ref().err().is_none_or(Failure::is_harmless) {
            *work = Some(database);
        }
        ran.map(Some).map_err(|failure| failure.fault(path.display()))
    }

    /// Runs with the database, if there is one.
    fn existing<T>(
        &self,
        run: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>, Fault> {
        self.with(Database::existing, run)
    }

    fn version(&self) -> Result<u64, Fault> {
        let path = self.path()?;
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if !watch.database.as_ref().is_some_and(Database::is_current) {
            watch.database = Database::existing(path)?;
            watch.epoch = watch.epoch.wrapping_add(1);
            if let Some(database) = &watch.database {
                let patient = database.connection.busy_timeout(VERSION_PATIENCE);
                patient.map_err(|error| Failure::from(error).fault(path.display()))?;
            }
        }
        let Some(database) = &watch.database else { return Ok(0) };
        let version = database
            .connection
            .pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
        match version.map_err(Failure::from) {
            Ok(version) => {
                let version = version.cast_unsigned() & u64::from(u32::MAX);
                Ok(u64::from(watch.epoch) << 32 | version)
            }
            Err(failure) => {
                watch.database = None;
                Err(failure.fault(path.display()))
            }
        }
    }
}

impl Asks for SqliteAsks {
    fn put(&self, ask: Ask, terms: Terms) -> BoxFuture<'_, Result<Put, Fault>> {
        self.beside(move |shared| {
            let made = |path: &Path| Database::made(path).map(Some);
            let put = shared.with(made, |database| table::put(database, &ask, terms))?;
            put.ok_or_else(|| unavailable("it vanished", "Try again."))
        })
    }

    fn get(&self, id: AskId) -> BoxFuture<'_, Result<Option<Ask>, Fault>> {
        self.beside(move |shared| {
            Ok(shared.existing(|database| table::get(database, id))?.flatten())
        })
    }

    fn presented<'a>(&'a self, handle: &'a Token) -> BoxFuture<'a, Result<Option<Ask>, Fault>> {
        let handle = handle.reveal();
        self.beside(move |shared| {
            Ok(shared.existing(|database| table::presented(database, &handle))?.flatten())
        })
    }

    fn turn(&self, id: AskId, turn: Turn) -> BoxFuture<'_, Result<Ask, Fault>> {
        self.beside(move |shared| {
            let turned = shared.existing(|database| table::turn(database, id, &turn))?;
            turned.ok_or_else(|| rules::not_found(id))
        })
    }

    fn pending(&self, cools: Digest) -> BoxFuture<'_, Result<Vec<AskId>, Fault>> {
        self.beside(move |shared| {
            let found = shared.existing(|database| table::pending(database, cools))?;
            Ok(found.unwrap_or_default())
        })
    }

    fn list(&self, only_open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, Fault>> {
        self.beside(move |shared| {
            let listed = shared.existing(|database| table::list(database, only_open, limit))?;
            Ok(listed.unwrap_or_default())
        })
    }

    fn overdue(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<(Ask, State)>, Fault>> {
        self.beside(move |shared| {
            let path = shared.path()?;
            let found = shared.existing(|database| table::overdue(database, path, now))?;
            Ok(found.unwrap_or_default())
        })
    }

    fn hold(&self, id: AskId) -> Result<Held, Fault> {
        Ok(Box::new(Running::begin(self.0.path()?, id)?))
    }

    fn version(&self) -> Result<u64, Fault> {
        self.0.version()
    }
}
