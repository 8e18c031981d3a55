//! The way from the root folder to a file, gone by descriptors: what is seen of each folder and link is
//! what is gone through, and what is seen of the file is what is opened.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, Stat, accessat, fstat, openat, readlinkat, statat,
};
use rustix::io::Errno;

/// Links on the way to a file, at most.
const LINKS_MAX: usize = 40;

/// What lets a group or everybody write.
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);

/// How folders on the way are opened: to look things up in, which takes no right to list them.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);

/// What is passed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A folder, in which the next name is looked up.
    Folder,
    /// A link, which is followed.
    Link,
    /// What the way ends at.
    File,
}

/// One thing on the way.
#[derive(Debug)]
pub struct Passed<'a> {
    /// What it is.
    pub what: What,
    /// Where, for messages.
    pub at: &'a Path,
    folder: &'a OwnedFd,
    name: &'a OsStr,
    stat: Stat,
}

impl Passed<'_> {
    /// The user that it belongs to.
    pub const fn owner(&self) -> u32 {
        self.stat.st_uid
    }

    /// Whether its mode lets others than its owner change what stands here. In a sticky folder nobody
    /// can remove or rename what belongs to another.
    pub fn is_open_to_others(&self) -> bool {
        let mode = Mode::from_raw_mode(self.stat.st_mode);
        self.what != What::Link && mode.intersects(OTHERS_WRITE) && !self.is_sticky()
    }

    /// Whether this process may change what stands here, by whatever right.
    pub fn is_open_to_us(&self) -> bool {
        let may_write =
            || accessat(self.folder, self.name, Access::WRITE_OK, AtFlags::EACCESS).is_ok();
        self.what != What::Link && !self.is_sticky() && may_write()
    }

    fn is_sticky(&self) -> bool {
        let sticky = Mode::from_raw_mode(self.stat.st_mode).contains(Mode::SVTX);
        self.what == What::Folder && sticky
    }
}

/// Why a way does not end at a file.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Lost {
    /// What went wrong.
    pub error: std::io::Error,
    /// Whether a link was followed before.
    pub behind_a_link: bool,
}

/// Opens the file at an absolute path for reading, and shows what is passed on the way. What is no
/// regular file is opened as well, and nothing is waited for.
///
/// # Errors
/// If there is no file, or no way to it.
pub fn open(path: &Path, see: &mut dyn FnMut(&Passed<'_>)) -> Result<File, Lost> {
    let mut links = 0;
    walk(path, &mut links, see)
        .map_err(|errno| Lost { error: errno.into(), behind_a_link: links > 0 })
}

fn walk(path: &Path, links: &mut usize, see: &mut dyn FnMut(&Passed<'_>)) -> Result<File, Errno> {
    if !path.is_absolute() {
        return Err(Errno::INVAL);
    }
    let flags = FOLDER | OFlags::CLOEXEC;
    let (root, mut at) = (openat(CWD, "/", flags, Mode::empty())?, PathBuf::from("/"));
    let mut folder =
        root.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let here = OsStr::new(".");
    let stat = fstat(&root)?;
    see(&Passed { what: What::Folder, at: &at, folder: &root, name: here, stat });
    let mut rest = names(path);
    while let Some(name) = rest.pop_front() {
        let found = statat(&folder, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)?;
        let passing = at.join(&name);
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                *links += 1;
                if *links > LINKS_MAX {
                    return Err(Errno::LOOP);
                }
                let (what, name) = (What::Link, name.as_os_str());
                see(&Passed { what, at: &passing, folder: &folder, name, stat: found });
                let target = readlinkat(&folder, name, Vec::new())?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    folder = openat(&root, ".", flags, Mode::empty())?;
                    at = "/".into();
                }
                for name in names(&target).into_iter().rev() {
                    rest.push_front(name);
                }
            }
            FileType::Directory if !rest.is_empty() => {
                let next = openat(&folder, name.as_os_str(), flags, Mode::empty())?;
                let (what, name, stat) = (What::Folder, name.as_os_str(), fstat(&next)?);
                see(&Passed { what, at: &passing, folder: &folder, name, stat });
                (folder, at) = (next, passing);
            }
            _ if rest.is_empty() => {
                // Without NONBLOCK, opening a pipe would wait for its writer.
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = openat(&folder, name.as_os_str(), flags, Mode::empty())?;
                let (what, name, stat) = (What::File, name.as_os_str(), fstat(&file)?);
                see(&Passed { what, at: &passing, folder: &folder, name, stat });
                return Ok(File::from(file));
            }
            _ => return Err(Errno::NOTDIR),
        }
    }
    Err(Errno::ISDIR)
}

/// The names of a path, one after the other; `..` stays, since it is looked up like any other.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}
