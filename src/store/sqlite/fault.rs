//! What is wrong with the state, in words that say what to do about it.

use std::fmt;
use std::io;

use rusqlite::ErrorCode;

use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// A fault of the state: what is wrong, which may hold a path of anybody's choice, and what to do next.
pub(super) fn unavailable(what: impl fmt::Display, next: &str) -> Fault {
    let what = text::line(&what.to_string(), text::LINE_CHARS_MAX);
    Fault::new(
        Reason::StateUnavailable,
        format!("The state that asks are kept in is unavailable: {what}. {next}"),
    )
}

/// A fault that the operating system reported.
pub(super) fn failed(what: impl fmt::Display, error: &io::Error) -> Fault {
    let next = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "Free space on its disk, then try again."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Make it writable for this user, or name another folder with XDG_STATE_HOME."
        }
        _ => "Mend that, or name another folder with XDG_STATE_HOME.",
    };
    unavailable(format_args!("{what}: {error}"), next).with_detail(error.to_string())
}

/// What to do about a file that cannot be used as it is. None of ours is deleted or mended by us.
const AWAY: &str = "Move it away, together with the files beside it that begin with its name, and a new \
                    one is made; what was asked before has to be asked again.";

/// The fault of a file that is no database of ours.
pub(super) fn foreign(path: impl fmt::Display) -> Fault {
    unavailable(format_args!("{path} is not a database that Countersign made"), AWAY)
}

/// The fault of a database of another version.
pub(super) fn version(path: impl fmt::Display, found: i64) -> Fault {
    let what = format_args!("{path} is of version {found}, which this version does not know");
    let next = match found {
        1.. => "Use the newer Countersign that made it, or move it away.",
        _ => AWAY,
    };
    unavailable(what, next)
}

/// The fault of one ask that cannot be read back.
pub(super) fn nonsense(what: &str) -> Fault {
    unavailable(
        format_args!("what is kept of this ask is not what Countersign writes ({what})"),
        "Nothing was done with it. Ask again, and look who changes that file.",
    )
}

/// Why something was not done: what was refused, or what the database said.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Fault),
    Database(rusqlite::Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Failure {
    /// Whether the database is as good as before.
    pub(super) fn is_harmless(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Database(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull)
            ),
        }
    }

    /// The fault, as it is told of the file at `path`.
    pub(super) fn fault(self, path: impl fmt::Display) -> Fault {
        let error = match self {
            Self::Refused(fault) => return fault,
            Self::Database(error) => error,
        };
        let told = |what: &str, next| unavailable(format_args!("{path} {what}: {error}"), next);
        let fault = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => foreign(&path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => told(
                "is held by another process",
                "Try again. If it stays so, look for a stopped countersign process (`fuser` on that \
                 file) and end it.",
            ),
            Some(ErrorCode::DatabaseCorrupt) => told("is damaged", AWAY),
            Some(ErrorCode::DiskFull) => {
                told("cannot be written", "Free space on its disk, then try again.")
            }
            Some(ErrorCode::SystemIoFailure) => told(
                "cannot be read or written",
                "Free space on its disk if that is full, then try again.",
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                told(
                    "cannot be opened to be written",
                    "Make it and its folder writable for this user, or name another folder with \
                 XDG_STATE_HOME.",
                )
            }
            _ => told("cannot be used", AWAY),
        };
        fault.with_detail(error.to_string())
    }
}
