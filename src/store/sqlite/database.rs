//! The database file: how it is made, opened and told from any other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::fault::{Failure, foreign, unavailable, version};
use super::place::{Identity, Place, identify};
use crate::core::reason::Fault;

/// What marks a file as ours: `CSGN`.
const APPLICATION: i64 = 0x4353_474e;

/// The version of the schema.
pub(super) const VERSION: i64 = 1;

/// A value or a row is no longer, in bytes.
const LENGTH_MAX: i32 = 2 * 1024 * 1024;

/// How long one waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a new database is begun as.
const NEW: &str = ".new";

/// How often to look again where the file is replaced while it is opened.
const TRIES: u32 = 8;

/// All that is in a database of ours, as it says so itself.
const SCHEMA: [&str; 8] = [
    "CREATE TABLE asks (\
     seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, handle TEXT NOT NULL UNIQUE, \
     state TEXT NOT NULL, operation TEXT NOT NULL, uid INTEGER NOT NULL, face TEXT NOT NULL, \
     made INTEGER NOT NULL, expires INTEGER NOT NULL, since INTEGER NOT NULL, about TEXT NOT NULL, \
     given TEXT NOT NULL, bound TEXT NOT NULL, plan TEXT NOT NULL, cools TEXT NOT NULL, \
     session TEXT NOT NULL, log TEXT NOT NULL, seal BLOB, assurance TEXT, approver TEXT, \
     words TEXT, signature TEXT) STRICT",
    // Beside them, so that a list of asks reads none.
    "CREATE TABLE documents (ask INTEGER PRIMARY KEY REFERENCES asks (seq) ON DELETE CASCADE, \
     text TEXT NOT NULL) STRICT",
    "CREATE INDEX asks_open ON asks (uid, face, plan) WHERE state IN ('pending', 'approved')",
    "CREATE INDEX asks_due ON asks (expires, uid, face) WHERE state IN ('pending', 'approved')",
    "CREATE INDEX asks_denied ON asks (cools, since) WHERE state = 'denied'",
    "CREATE INDEX asks_taken_back ON asks (expires, uid, face) WHERE state = 'cancelled'",
    "CREATE INDEX asks_running ON asks (seq) WHERE state = 'executing'",
    "CREATE INDEX asks_closed ON asks (since) \
     WHERE state NOT IN ('pending', 'approved', 'executing')",
];

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Identity,
}

impl Database {
    /// Opens the database, if there is one.
    pub(super) fn existing(file: &Path) -> Result<Option<Self>, Fault> {
        match Place::existing(file)? {
            Some(place) => Self::within(&place),
            None => Ok(None),
        }
    }

    /// Opens the database, which is made if it is not there. Nobody ever sees it half made.
    pub(super) fn made(file: &Path) -> Result<Self, Fault> {
        let place = Place::made(file)?;
        for _ in 0..TRIES {
            if let Some(database) = Self::within(&place)? {
                return Ok(database);
            }
            let _held = place.hold()?;
            if place.look()?.is_none() {
                let path = place.beside(NEW);
                place.begin(NEW)?;
                make(&path).map_err(|failure| failure.fault(path.display()))?;
                // What is beside a file that is gone would be taken for a part of the new one.
                place.remove("-wal")?;
                place.remove("-shm")?;
                place.complete(NEW)?;
            }
        }
        Err(vanishing(file))
    }

    fn within(place: &Place) -> Result<Option<Self>, Fault> {
        let path = place.file();
        for _ in 0..TRIES {
            let Some(identity) = place.look()? else { return Ok(None) };
            let opened = open(&path);
            let database = match opened {
                Ok(connection) => Self { connection, path: path.clone(), identity },
                Err(_) if identify(&path) != Some(identity) => continue,
                Err(failure) => return Err(failure.fault(path.display())),
            };
            if database.is_current() {
                return Ok(Some(database));
            }
        }
        Err(vanishing(&path))
    }

    /// Whether its path still stands for the file that is open.
    pub(super) fn is_current(&self) -> bool {
        identify(&self.path) == Some(self.identity)
    }
}

/// The fault of a file that is gone, or another, while it is used.
pub(super) fn vanishing(path: &Path) -> Fault {
    unavailable(
        format_args!("{} was removed or replaced meanwhile", path.display()),
        "Whether what was just done is kept is not known. Find out who did that, then try again.",
    )
}

/// A connection that takes nothing from the file but its rows.
fn connect(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Each turn is on disk before it is told.
fn keep(connection: &Connection) -> Result<(), Failure> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(unavailable(
            "its file system cannot share it between processes",
            "Name a folder on a local disk with XDG_STATE_HOME.",
        )
        .into());
    }
    // What is removed does not stay in the file.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    Ok(())
}

fn make(path: &Path) -> Result<(), Failure> {
    let mut connection = connect(path)?;
    let begun = connection.transaction()?;
    for statement in SCHEMA {
        begun.execute(statement, ())?;
    }
    begun.pragma_update(None, "application_id", APPLICATION)?;
    begun.pragma_update(None, "user_version", VERSION)?;
    begun.commit()?;
    keep(&connection)?;
    connection.close().map_err(|(_, error)| Failure::from(error))
}

fn open(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("application_id")? != APPLICATION {
        return Err(foreign(path.display()).into());
    }
    let found = number("user_version")?;
    if found != VERSION {
        return Err(version(path.display(), found).into());
    }
    if !is_ours(&connection)? {
        return Err(foreign(path.display()).into());
    }
    keep(&connection)?;
    Ok(connection)
}

/// Whether the database holds what ours do, and nothing else.
fn is_ours(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 100")?;
    let found = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    let mut ours = SCHEMA;
    ours.sort_unstable();
    Ok(found == ours)
}
