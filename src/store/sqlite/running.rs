//! Which asks are being spent: a locked file for each, so that a process which ends without a word is
//! noticed.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, OFlags, flock, openat, statat, unlinkat};
use rustix::io::Errno;

use super::fault::{failed, unavailable};
use super::place::{FILE_MODE, Place};
use crate::core::ask::AskId;
use crate::core::reason::Fault;
use crate::store::rules;

const FOLDER: &str = "running";

/// How often to try again where the holder before us removes its file in between.
const TRIES: u32 = 16;

/// The mark of an ask that this process spends.
#[derive(Debug)]
pub(super) struct Running {
    folder: OwnedFd,
    name: String,
    _lock: File,
}

impl Running {
    /// Marks an ask as being spent by this process.
    pub(super) fn begin(state: &Path, id: AskId) -> Result<Self, Fault> {
        let folder = Place::made(state)?.make_within(FOLDER)?;
        let name = id.to_string();
        for _ in 0..TRIES {
            let Some(lock) = open(&folder, &name, OFlags::CREATE)? else { continue };
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if names_it(&folder, &name, &lock) => {
                    return Ok(Self { folder, name, _lock: lock });
                }
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => break,
                Err(e) => return Err(failed(format_args!("{FOLDER}/{name}"), &e.into())),
            }
        }
        Err(rules::held(id))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        remove(&self.folder, &self.name);
    }
}

/// Whether a living process spends it. A mark that nobody holds is removed.
pub(super) fn is_running(state: &Path, id: AskId) -> Result<bool, Fault> {
    let Some(place) = Place::existing(state)? else { return Ok(false) };
    let Some(folder) = place.within(FOLDER)? else { return Ok(false) };
    let name = id.to_string();
    let Some(lock) = open(&folder, &name, OFlags::empty())? else { return Ok(false) };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            if names_it(&folder, &name, &lock) {
                remove(&folder, &name);
            }
            Ok(false)
        }
        Err(_) => Ok(true),
    }
}

fn open(folder: &OwnedFd, name: &str, how: OFlags) -> Result<Option<File>, Fault> {
    let flags = how | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(folder, name, flags, FILE_MODE) {
        Ok(lock) => Ok(Some(File::from(lock))),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(unavailable(
            format_args!("{FOLDER}/{name} is a link"),
            "Move it away, find out who put it there, then try again.",
        )),
        Err(e) => Err(failed(format_args!("{FOLDER}/{name} cannot be opened"), &e.into())),
    }
}

fn names_it(folder: &impl AsFd, name: &str, lock: &File) -> bool {
    let there = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| stat.st_ino);
    there.is_some() && there == lock.metadata().ok().map(|meta| meta.ino())
}

fn remove(folder: &impl AsFd, name: &str) {
    if let Err(error) = unlinkat(folder, name, AtFlags::empty()) {
        tracing::warn!(name, %error, "the mark of an ask that was spent cannot be removed");
    }
}
