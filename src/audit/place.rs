//! The folder of the log: made and opened without following links, ours alone, and the names in it.
//!
//! The configured path may pass through links on its way (`/tmp` is one on macOS, a home folder may
//! be), so its parent is made canonical once and then opened with links refused. The folder itself,
//! and whatever stands in it, is never a link.

use std::ffi::OsString;
use std::fmt;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, openat, statat};
use rustix::io::Errno;
use time::{Date, Month, OffsetDateTime, UtcOffset};

use crate::core::reason::{Fault, Reason};
use crate::core::text;

use super::sys;

const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The folder of session and target locks, inside the log's.
const LIVE: &str = ".live";

/// A fault of the log: what is wrong, which may hold a path of anybody's choice, and what to do next.
pub(super) fn unavailable(what: impl fmt::Display, next: &str) -> Fault {
    let what = text::line(&what.to_string(), text::LINE_CHARS_MAX);
    Fault::new(Reason::AuditUnavailable, format!("The audit log is unavailable: {what}. {next}"))
}

/// A fault of the log that the operating system reported.
pub(super) fn failed(what: impl fmt::Display, error: &io::Error) -> Fault {
    let next = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Free space on its disk, then try again."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Make its folder writable for this user, or name another with --audit-dir."
        }
        _ => "Mend that, or name another folder with --audit-dir.",
    };
    unavailable(format_args!("{what}: {error}"), next).with_detail(error.to_string())
}

/// A UTC day, as the name of a log file holds it: 20261121.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(u32);

impl Day {
    /// The day that holds a moment.
    pub(super) fn of(at: OffsetDateTime) -> Self {
        let date = at.to_offset(UtcOffset::UTC).date();
        let year = u32::try_from(date.year()).unwrap_or(0);
        Self(year * 10_000 + u32::from(u8::from(date.month())) * 100 + u32::from(date.day()))
    }

    /// Reads `audit-<yyyyMMdd>.jsonl`; none for any other name, or a day that no calendar has.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
        if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: u32 = digits.parse().ok()?;
        let month = Month::try_from(u8::try_from(number / 100 % 100).ok()?).ok()?;
        let day = u8::try_from(number % 100).ok()?;
        Date::from_calendar_date(i32::try_from(number / 10_000).ok()?, month, day).ok()?;
        Some(Self(number))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "audit-{:08}.jsonl", self.0)
    }
}

/// The log's folder, open.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
    parent: OwnedFd,
    name: OsString,
    path: PathBuf,
    ino: u64,
}

impl Place {
    /// Opens the folder to write in, making it if it is not there and narrowing it if others may
    /// look in; `narrowed` is set then.
    pub(super) fn open(dir: &Path, narrowed: &AtomicBool) -> Result<Self, Fault> {
        let (up, name) = split(dir)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&up)
            .map_err(|e| failed(format_args!("{} cannot be made", up.display()), &e))?;
        let parent = open_parent(&up)?;
        match mkdirat(&parent, &name, FOLDER_MODE) {
            Ok(()) => sync_folder(&parent),
            Err(Errno::EXIST) => {}
            Err(e) => {
                return Err(failed(format_args!("{} cannot be made", dir.display()), &e.into()));
            }
        }
        let place = Self::enter(parent, name, dir)?;
        own_folder(&place.folder, &place.path, narrowed)?;
        Ok(place)
    }

    /// Opens the folder to read from; none if there is none. Makes and changes nothing.
    pub(super) fn existing(dir: &Path) -> Result<Option<Self>, Fault> {
        let (up, name) = split(dir)?;
        if matches!(up.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let parent = open_parent(&up)?;
        match statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            _ => Self::enter(parent, name, dir).map(Some),
        }
    }

    fn enter(parent: OwnedFd, name: OsString, dir: &Path) -> Result<Self, Fault> {
        let folder = open_in(&parent, &name).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => unavailable(
                format_args!(
                    "{} is a link or no folder, and links are not followed",
                    dir.display()
                ),
                "Name the folder itself with --audit-dir.",
            ),
            error => failed(format_args!("{} cannot be opened", dir.display()), &error.into()),
        })?;
        let ino = ino(&folder).map_err(|e| failed(dir.display(), &e))?;
        Ok(Self { folder, parent, name, path: dir.to_owned(), ino })
    }

    /// Whether the configured path still names this folder.
    pub(super) fn is_current(&self) -> bool {
        statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| stat.st_ino == self.ino)
    }

    /// The folder as it was configured, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The days that have a log file, oldest first.
    pub(super) fn days(&self) -> Result<Vec<Day>, Fault> {
        let names = names(&self.folder).map_err(|e| failed(self.path.display(), &e))?;
        let mut days: Vec<Day> = names.iter().filter_map(|name| Day::parse(name)).collect();
        days.sort_unstable();
        Ok(days)
    }

    /// Opens a file of the log's folder to write in, under the rules of [`open_own`].
    pub(super) fn own(&self, name: &str, how: OFlags) -> Result<Option<File>, Fault> {
        open_own(&self.folder, name, how)
            .map_err(|e| e.fault(format_args!("{}/{name}", self.path.display())))
    }

    /// Opens a log file to read; none if it is gone.
    pub(super) fn reader(&self, day: Day) -> Result<Option<File>, Fault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&self.folder, day.to_string(), flags, Mode::empty()) {
            Ok(fd) => {
                let file = File::from(fd);
                let shown = format!("{}/{day}", self.path.display());
                match file.metadata() {
                    Ok(meta) if meta.is_file() => Ok(Some(file)),
                    Ok(_) => Err(Foreign::NoFile.fault(shown)),
                    Err(e) => Err(failed(shown, &e)),
                }
            }
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(Foreign::from(e).fault(format_args!("{}/{day}", self.path.display()))),
        }
    }

    /// The inode and size of what a name in the folder stands for.
    pub(super) fn look(&self, name: &str) -> Option<(u64, u64)> {
        let stat = statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
            .then(|| (stat.st_ino, u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// Returns when the folder's names are on disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        rustix::fs::fsync(&self.folder).map_err(|e| {
            failed(format_args!("{} cannot be synced", self.path.display()), &e.into())
        })
    }

    /// The folder of session and target locks, made if it is not there.
    pub(super) fn live(&self) -> Result<OwnedFd, Fault> {
        let path = self.path.join(LIVE);
        match mkdirat(&self.folder, LIVE, FOLDER_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => {
                return Err(failed(format_args!("{} cannot be made", path.display()), &e.into()));
            }
        }
        let live = open_in(&self.folder, LIVE)
            .map_err(|e| failed(format_args!("{} cannot be opened", path.display()), &e.into()))?;
        own_folder(&live, &path, &AtomicBool::new(false))?;
        Ok(live)
    }

    /// The same folder, if it is there.
    pub(super) fn existing_live(&self) -> Option<OwnedFd> {
        open_in(&self.folder, LIVE).ok()
    }
}

/// Why a name in the folder does not stand for a file of ours.
#[derive(Debug)]
pub(super) enum Foreign {
    /// It is a link, or no regular file.
    NoFile,
    /// It has another name as well.
    Linked,
    /// It belongs to another user.
    Owner(u32),
    /// The operating system says no.
    Io(io::Error),
}

impl From<Errno> for Foreign {
    fn from(error: Errno) -> Self {
        if error == Errno::LOOP { Self::NoFile } else { Self::Io(error.into()) }
    }
}

impl Foreign {
    /// What to tell the reader about the file at `path`.
    pub(super) fn fault(self, path: impl fmt::Display) -> Fault {
        let next = "Move it away, find out who put it there, then try again.";
        match self {
            Self::NoFile => unavailable(format_args!("{path} is a link or no regular file"), next),
            Self::Linked => unavailable(format_args!("{path} has a second name (hard link)"), next),
            Self::Owner(uid) => unavailable(format_args!("{path} belongs to user {uid}"), next),
            Self::Io(error) => failed(format_args!("{path} cannot be opened"), &error),
        }
    }
}

/// Opens a regular file of ours to read and write; none if it is not there and `how` does not make
/// it, or not any more. A link, a second name or another owner is refused, a wider mode narrowed.
pub(super) fn open_own(
    folder: &impl AsFd,
    name: &str,
    how: OFlags,
) -> Result<Option<File>, Foreign> {
    let flags = how | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, FILE_MODE) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT) if !how.contains(OFlags::CREATE) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let meta = file.metadata().map_err(Foreign::Io)?;
    if !meta.is_file() {
        return Err(Foreign::NoFile);
    }
    match meta.nlink() {
        // Somebody has removed it since it was opened.
        0 => return Ok(None),
        1 => {}
        _ => return Err(Foreign::Linked),
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(Foreign::Owner(meta.uid()));
    }
    if meta.mode() & 0o077 != 0 {
        rustix::fs::fchmod(&file, FILE_MODE).map_err(|e| Foreign::Io(e.into()))?;
    }
    Ok(Some(file))
}

/// Whether a name in a folder still stands for this open file.
pub(super) fn names_it(folder: &impl AsFd, name: &str, file: &File) -> bool {
    let there = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| stat.st_ino);
    there.is_some() && there == file.metadata().ok().map(|meta| meta.ino())
}

/// The names in a folder that are text, in no order.
pub(super) fn names(folder: &impl AsFd) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        if let Ok(name) = entry?.file_name().to_str()
            && name != "."
            && name != ".."
        {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

fn split(dir: &Path) -> Result<(PathBuf, OsString), Fault> {
    let Some(name) = dir.file_name() else {
        return Err(unavailable(
            format_args!("`{}` does not end in the name of a folder", dir.display()),
            "Name one with --audit-dir.",
        ));
    };
    let up = match dir.parent() {
        Some(up) if !up.as_os_str().is_empty() => up,
        _ => Path::new("."),
    };
    Ok((up.to_owned(), name.to_owned()))
}

fn open_parent(up: &Path) -> Result<OwnedFd, Fault> {
    up.canonicalize()
        .and_then(|real| sys::open_folder(&real))
        .map_err(|e| failed(format_args!("{} cannot be opened", up.display()), &e))
}

fn open_in(parent: &impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn ino(fd: &OwnedFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(fd)?.st_ino)
}

fn own_folder(folder: &OwnedFd, path: &Path, narrowed: &AtomicBool) -> Result<(), Fault> {
    let stat = rustix::fs::fstat(folder).map_err(|e| failed(path.display(), &e.into()))?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(unavailable(
            format_args!("{} belongs to user {}", path.display(), stat.st_uid),
            "Run as that user, or name a folder of your own with --audit-dir.",
        ));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        // Who names the folder may be a file that an agent can edit; no other folder is locked up.
        if !is_ours_alone(folder).map_err(|e| failed(path.display(), &e))? {
            return Err(unavailable(
                format_args!("{} is open to others and holds more than a log", path.display()),
                "Name a folder for the log alone, or narrow this one: chmod 700.",
            ));
        }
        rustix::fs::fchmod(folder, FOLDER_MODE).map_err(|e| {
            failed(format_args!("{} cannot be narrowed to 0700", path.display()), &e.into())
        })?;
        narrowed.store(true, Ordering::Release);
    }
    Ok(())
}

/// Whether a folder holds nothing but a log and what a project keeps beside it.
fn is_ours_alone(folder: &OwnedFd) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let known = [".", "..", ".lock", ".live", "README.md", ".gitignore", ".gitkeep"];
        let log = name.starts_with(b"audit-") && name.ends_with(b".jsonl");
        if !log && !known.iter().any(|known| known.as_bytes() == name) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The parent may be a folder that can be walked but not read; then its names are synced with
/// whatever syncs them next, and the log's own folder is synced on its own.
fn sync_folder(parent: &OwnedFd) {
    if let Ok(readable) = open_in(parent, ".")
        && let Err(error) = rustix::fs::fsync(&readable)
    {
        tracing::warn!(%error, "the folder above the audit log cannot be synced");
    }
}
