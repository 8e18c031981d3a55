//! The lock of the log: a file of its own, so that it outlives every day's file. It holds the name
//! of the newest log file, so that a process sees at once that another one has begun a new day.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::core::reason::Fault;

use super::place::{Day, Foreign, Place, failed, names_it, open_own, unavailable};

const NAME: &str = ".lock";

/// The length of `audit-<yyyyMMdd>.jsonl`.
const NAME_BYTES: usize = 20;

/// How long to wait for another process, in steps of [`STEP`].
const STEPS_MAX: u32 = 50_000;
const STEP: Duration = Duration::from_micros(200);

/// How often to try before the first pause; the lock is held for microseconds.
const EAGER: u32 = 20;

/// The lock file, open.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Opens the lock file of a folder.
    pub(super) fn open(place: &Place) -> Result<Self, Fault> {
        match place.own(NAME, OFlags::CREATE)? {
            Some(file) => Ok(Self(file)),
            None => Err(unavailable("its lock file vanished", "Try again.")),
        }
    }

    /// Takes the lock, and false if the file is no longer the folder's lock file.
    ///
    /// # Errors
    /// If another process holds it for ten seconds.
    pub(super) fn take(&self, place: &Place) -> Result<bool, Fault> {
        for step in 0..STEPS_MAX {
            match flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    let ours = place.look(NAME).map(|(ino, _)| ino) == inode(&self.0);
                    if !ours {
                        self.release();
                    }
                    return Ok(ours);
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) if step < EAGER => thread::yield_now(),
                Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(STEP),
                Err(e) => return Err(failed("its lock cannot be taken", &e.into())),
            }
        }
        Err(unavailable(
            "another process has held its lock for more than ten seconds",
            "Look for a stopped countersign process (`fuser .lock` in the log's folder), end it, \
             then try again.",
        ))
    }

    /// Gives the lock back.
    pub(super) fn release(&self) {
        if let Err(error) = flock(&self.0, FlockOperation::Unlock) {
            tracing::error!(%error, "the audit log's lock cannot be given back");
        }
    }

    /// The newest log file, as the lock file says.
    pub(super) fn newest(&self) -> Option<Day> {
        let mut name = [0; NAME_BYTES];
        self.0.read_exact_at(&mut name, 0).ok()?;
        Day::parse(std::str::from_utf8(&name).ok()?)
    }

    /// Notes the newest log file.
    pub(super) fn set_newest(&self, day: Day) -> Result<(), Fault> {
        if self.newest() == Some(day) {
            return Ok(());
        }
        // Names are of one length, so this overwrites in place, on a full disk too.
        self.0
            .write_all_at(day.to_string().as_bytes(), 0)
            .map_err(|e| failed("its lock file cannot be written", &e))
    }
}

fn inode(file: &File) -> Option<u64> {
    file.metadata().ok().map(|meta| meta.ino())
}

/// Takes the lock file `name` in `folder` for this process, at once or not at all: none if someone
/// else holds it. It is certain then that the name stands for what is locked.
pub(super) fn try_hold(folder: &impl AsFd, name: &str) -> Result<Option<File>, Foreign> {
    const TRIES: u32 = 16;
    for _ in 0..TRIES {
        let Some(file) = open_own(folder, name, OFlags::CREATE)? else { continue };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if names_it(folder, name, &file) => return Ok(Some(file)),
            // The holder before us has removed it in between.
            Ok(()) | Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(Foreign::Io(e.into())),
        }
    }
    Ok(None)
}
