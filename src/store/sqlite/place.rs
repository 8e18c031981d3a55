//! The folder of the state: made and opened without following links, and ours alone.
//!
//! The path may pass through links on its way (`/tmp` is one on macOS, a home folder may be), so the
//! parent of the folder is made canonical. The folder itself, and whatever stands in it, is never a link.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, flock, fstat, mkdirat,
    openat, statat, unlinkat,
};
use rustix::io::Errno;

use super::fault::{failed, unavailable};
use crate::core::reason::Fault;

const FOLDER_MODE: Mode = Mode::RWXU;
pub(super) const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How long to wait for another process that makes the state, in steps of [`STEP`].
const STEPS_MAX: u32 = 500;
const STEP: Duration = Duration::from_millis(10);

/// What to do about something that is not ours.
const WHO: &str = "Move it away, find out who put it there, then try again.";

/// The folder of the state, open, and where it really is.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
    path: PathBuf,
    name: String,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity(Stat);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        (self.0.st_dev, self.0.st_ino) == (other.0.st_dev, other.0.st_ino)
    }
}

impl Place {
    /// The folder of the state file at `file`, if it is there. Makes nothing.
    pub(super) fn existing(file: &Path) -> Result<Option<Self>, Fault> {
        let (up, _, _) = split(file)?;
        match up.canonicalize() {
            Ok(up) => Self::enter(&up, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(up.display(), &error)),
        }
    }

    /// The same, made if it is not there.
    pub(super) fn made(file: &Path) -> Result<Self, Fault> {
        let (up, name, _) = split(file)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(up);
        made.map_err(|e| failed(format_args!("{} cannot be made", up.display()), &e))?;
        let up = up.canonicalize().map_err(|e| failed(up.display(), &e))?;
        make(CWD, &up.join(name))?;
        Self::enter(&up, file)?
            .ok_or_else(|| unavailable(format_args!("{} vanished", up.display()), "Try again."))
    }

    fn enter(up: &Path, file: &Path) -> Result<Option<Self>, Fault> {
        let (_, name, file) = split(file)?;
        let path = up.join(name);
        let folder = open_folder(CWD, &path, &path)?;
        Ok(folder.map(|folder| Self { folder, path, name: file.to_owned() }))
    }

    /// A folder in this one, if it is there.
    pub(super) fn within(&self, name: &str) -> Result<Option<OwnedFd>, Fault> {
        open_folder(&self.folder, Path::new(name), &self.path.join(name))
    }

    /// The same, made if it is not there.
    pub(super) fn make_within(&self, name: &str) -> Result<OwnedFd, Fault> {
        let made = mkdirat(&self.folder, name, FOLDER_MODE);
        let shown = self.path.join(name);
        if let Err(error) = made
            && error != Errno::EXIST
        {
            return Err(failed(format_args!("{} cannot be made", shown.display()), &error.into()));
        }
        self.within(name)?
            .ok_or_else(|| unavailable(format_args!("{} vanished", shown.display()), "Try again."))
    }

    /// Where the state's file really is.
    pub(super) fn file(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    /// The same with an ending.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        self.path.join(format!("{}{ending}", self.name))
    }

    /// What the state's file is, if it is there. Whatever is not a file of ours is refused.
    ///
    /// It is not opened for that: to close it again would end the locks that this process holds on it.
    pub(super) fn look(&self) -> Result<Option<Identity>, Fault> {
        let shown = self.file();
        let shown = shown.display();
        let stat = match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(shown, &error.into())),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(unavailable(format_args!("{shown} is a link or no regular file"), WHO));
        }
        if stat.st_nlink != 1 {
            return Err(unavailable(format_args!("{shown} has a second name (hard link)"), WHO));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(unavailable(format_args!("{shown} belongs to user {}", stat.st_uid), WHO));
        }
        if is_open_to_others(&stat) {
            rustix::fs::chmodat(&self.folder, &self.name, FILE_MODE, AtFlags::empty())
                .map_err(|e| failed(format_args!("{shown} cannot be narrowed"), &e.into()))?;
        }
        Ok(Some(Identity(stat)))
    }

    /// Makes an empty file of that ending, in place of what an earlier try left.
    pub(super) fn begin(&self, ending: &str) -> Result<(), Fault> {
        for beside in ["", "-journal", "-wal", "-shm"] {
            self.remove(&format!("{ending}{beside}"))?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let name = format!("{}{ending}", self.name);
        openat(&self.folder, name, flags | OFlags::CLOEXEC, FILE_MODE).map(drop).map_err(|e| {
            failed(format_args!("{} cannot be made", self.beside(ending).display()), &e.into())
        })
    }

    /// Removes the file of that ending, if it is there.
    pub(super) fn remove(&self, ending: &str) -> Result<(), Fault> {
        match unlinkat(&self.folder, format!("{}{ending}", self.name), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => {
                let shown = self.beside(ending);
                Err(failed(format_args!("{} cannot be removed", shown.display()), &e.into()))
            }
        }
    }

    /// Gives what was begun under that ending its name, durably.
    pub(super) fn complete(&self, ending: &str) -> Result<(), Fault> {
        let begun = format!("{}{ending}", self.name);
        rustix::fs::renameat(&self.folder, begun, &self.folder, &self.name)
            .and_then(|()| rustix::fs::fsync(&self.folder))
            .map_err(|e| {
                failed(format_args!("{} cannot be made", self.file().display()), &e.into())
            })
    }

    /// Waits until nobody else makes the state here; until this is dropped nobody else does.
    pub(super) fn hold(&self) -> Result<File, Fault> {
        let shown = self.path.display();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&self.folder, ".", flags, Mode::empty());
        let folder = File::from(folder.map_err(|e| failed(&shown, &e.into()))?);
        for _ in 0..STEPS_MAX {
            match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(folder),
                Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(STEP),
                Err(error) => return Err(failed(&shown, &error.into())),
            }
        }
        Err(unavailable(
            format_args!("another process has locked {shown} for more than five seconds"),
            "Look for a stopped countersign process (`fuser` on that folder), end it, then try again.",
        ))
    }
}

/// The folder above the state's folder, the folder's name and the file's.
fn split(file: &Path) -> Result<(&Path, &Path, &str), Fault> {
    let folder = file.parent();
    let parts = folder.and_then(|folder| {
        let name = Path::new(folder.file_name()?);
        Some((folder.parent()?, name, file.file_name()?.to_str()?))
    });
    parts.filter(|_| file.is_absolute()).ok_or_else(|| {
        unavailable(
            format_args!("`{}` is no absolute path", file.display()),
            "Set XDG_STATE_HOME or HOME to the absolute path of a folder.",
        )
    })
}

fn make(at: impl std::os::fd::AsFd, path: &Path) -> Result<(), Fault> {
    match mkdirat(at, path, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(e) => Err(failed(format_args!("{} cannot be made", path.display()), &e.into())),
    }
}

/// Opens a folder of ours, and narrows it if others may look in.
fn open_folder(
    at: impl std::os::fd::AsFd,
    name: &Path,
    shown: &Path,
) -> Result<Option<OwnedFd>, Fault> {
    let shown = shown.display();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match openat(at, name, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(unavailable(format_args!("{shown} is a link or no folder"), WHO));
        }
        Err(error) => return Err(failed(format_args!("{shown} cannot be opened"), &error.into())),
    };
    let stat = fstat(&folder).map_err(|e| failed(&shown, &e.into()))?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(unavailable(
            format_args!("{shown} belongs to user {}", stat.st_uid),
            "Run as that user, or name a folder of your own with XDG_STATE_HOME.",
        ));
    }
    if is_open_to_others(&stat) {
        fchmod(&folder, FOLDER_MODE)
            .map_err(|e| failed(format_args!("{shown} cannot be narrowed to 0700"), &e.into()))?;
    }
    Ok(Some(folder))
}

fn is_open_to_others(stat: &Stat) -> bool {
    Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO)
}

/// What a path stands for now, if anything.
pub(super) fn identify(path: &Path) -> Option<Identity> {
    statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).ok().map(Identity)
}
