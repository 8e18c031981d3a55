//! What differs between systems: opening a folder without following links, syncing, and reserving
//! room behind the end of a file.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Resource, getrlimit};

/// How a folder is opened that is only walked through.
#[cfg(target_os = "linux")]
const WALK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const WALK: OFlags = OFlags::RDONLY;

/// Opens the folder at an absolute path, refusing a link in any of its components.
pub(super) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = WALK | OFlags::DIRECTORY | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // Kernels before 5.6, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    walk(path, flags)
}

/// The same, one component after the other.
fn walk(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW;
    let mut folder = rustix::fs::openat(CWD, "/", flags, Mode::empty())?;
    for component in path.components().skip(1) {
        folder = rustix::fs::openat(&folder, component.as_os_str(), flags, Mode::empty())?;
    }
    Ok(folder)
}

/// How often something was synced, for tests.
#[cfg(test)]
pub(super) static SYNCS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// The inode and size of what was synced last, for tests.
#[cfg(test)]
pub(super) static SYNCED: std::sync::Mutex<(u64, u64)> = std::sync::Mutex::new((0, 0));

/// Returns when the file's content is on disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    let before = file.metadata()?;
    #[cfg(target_vendor = "apple")]
    rustix::fs::fcntl_fullfsync(file)?;
    #[cfg(not(target_vendor = "apple"))]
    rustix::fs::fdatasync(file)?;
    #[cfg(test)]
    {
        use std::os::unix::fs::MetadataExt as _;
        SYNCS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        *SYNCED.lock().map_err(|_| io::ErrorKind::Other)? = (before.ino(), before.len());
    }
    Ok(())
}

/// What became of asking for room.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux reserves here"))]
pub(super) enum Room {
    /// It is reserved.
    Reserved,
    /// There is none.
    None,
    /// This file system reserves nothing.
    Unsupported,
}

/// Reserves the bytes from `offset` to `end` for writes to come; the file's size stays.
pub(super) fn reserve(file: &File, offset: u64, end: u64) -> io::Result<Room> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        let len = end.saturating_sub(offset);
        match fallocate(file, FallocateFlags::KEEP_SIZE, offset, len) {
            Ok(()) => Ok(Room::Reserved),
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Ok(Room::None),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(Room::Unsupported),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _: (&File, u64, u64) = (file, offset, end);
        Ok(Room::Unsupported)
    }
}

/// The size that this process may give a file, in bytes. A write beyond it would end the process.
pub(super) fn size_limit() -> u64 {
    getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX)
}

/// One `write(2)`: how many bytes the file took.
pub(super) fn write_once(file: &File, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::write(file, bytes))?)
}
