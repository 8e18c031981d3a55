//! Approvals that another account gives. It cannot write the requester's state, so what it gives is a
//! file of its own, in a folder that the requester cannot write: only root and the owner of such a
//! file can make, replace or remove it, and so its owner says who gave it.

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, Mode, OFlags, RenameFlags, accessat, openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::list::{bounded, changes, namespace};
use super::{Places, Trouble, TrustFiles, is_us, shown};
use crate::core::approval::Given;
use crate::core::ask::AskId;
use crate::way::{self, What};

/// The system's folder of approvals.
pub const APPROVALS: &str = "/var/lib/countersign/approvals";

/// Signatures that are longer are not read, in bytes.
const BYTES_MAX: u64 = 16 * 1024;

/// Everybody can read what was given; only its owner can change it.
const FILE_MODE: u32 = 0o644;

/// Root alone writes the folder. It may let a group write it as well, if it is sticky then.
const FOLDER_MODE: u32 = 0o755;

/// What lets a group write.
const GROUP: u32 = 0o020;

/// What lets everybody write.
const EVERYBODY: u32 = 0o002;

/// What keeps all but its owner from removing and renaming what is in a folder.
const STICKY: u32 = 0o1000;

/// The approval of an ask of this account that another one gave; none if there is no file for it.
///
/// # Errors
/// Why what is there is none, in a clause.
pub(super) fn read(places: &Places, ask: AskId, requester: u32) -> Result<Option<Given>, String> {
    let path = places.approvals.join(name(ask));
    if std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let folder = sound(places, requester)?;
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(&folder, name(ask), flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.to_string()),
    };
    let found = file.metadata().map_err(|error| error.to_string())?;
    own(&found, requester).map_or(Ok(()), Err)?;
    let bytes = bounded(&file, BYTES_MAX).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("it has more than {BYTES_MAX} bytes"))?;
    let signature = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    Ok(Some(Given { signature, uid: found.uid() }))
}

/// Why a file is not one that only another account can have made, in a clause.
fn own(found: &Metadata, requester: u32) -> Option<String> {
    if !found.is_file() {
        return Some("it is no regular file".into());
    }
    if found.uid() == requester {
        return Some(format!("it belongs to user {requester}, who asks"));
    }
    if found.mode() & (GROUP | EVERYBODY) != 0 {
        return Some("others than its owner can write it".into());
    }
    // It may have been made for something else, and linked to here.
    (found.nlink() != 1).then(|| "it has another name as well".into())
}

/// The folder of approvals, if this account can put nothing into it, by whatever way.
///
/// # Errors
/// Why it is not so, in a clause.
pub(super) fn sound(places: &Places, requester: u32) -> Result<File, String> {
    let path = &places.approvals;
    if requester == 0 {
        return Err("user 0 can write every folder".into());
    }
    if let Some(why) = namespace() {
        return Err(why.into());
    }
    let mut changer = None;
    let opened = way::open(path, &mut |passed| {
        // That it is sticky keeps nobody from putting something of their own into it.
        let changes = || match passed.what {
            What::File if passed.owner() == requester => {
                Some(format!("{} belongs to user {requester}, who asks", shown(path)))
            }
            What::File => (is_us(requester) && passed.is_open_to_us())
                .then(|| format!("user {requester}, who asks, can write {}", shown(path))),
            What::Folder | What::Link => changes(passed, requester),
        };
        changer = changer.take().or_else(changes);
    });
    let folder = opened.map_err(|lost| match lost.error.kind() {
        ErrorKind::NotFound => format!("the folder {} is missing", shown(path)),
        _ => format!("{} cannot be opened: {lost}", shown(path)),
    })?;
    changer.map_or(Ok(()), Err)?;
    let found = folder.metadata().map_err(|error| error.to_string())?;
    if !found.is_dir() {
        return Err(format!("{} is no folder", shown(path)));
    }
    let open = match found.mode() & STICKY {
        0 => GROUP | EVERYBODY,
        _ => EVERYBODY,
    };
    match found.mode() & open {
        0 => Ok(folder),
        _ => Err(format!("others than its owner can write the folder {}", shown(path))),
    }
}

/// The folder in which other accounts approve, as it is for what one account asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// The user and the group that it belongs to, if it is there.
    pub owner: Option<(u32, u32)>,
    /// Whether the group can write it.
    pub is_shared: bool,
    /// Why nothing in it counts, in a clause, if that is so.
    pub why: Option<String>,
}

impl Folder {
    pub(super) fn look(places: &Places, requester: u32) -> Self {
        let path = places.approvals.clone();
        let found = std::fs::metadata(&path).ok();
        let is_shared = found.as_ref().is_some_and(|found| found.mode() & GROUP != 0);
        let owner = found.map(|found| (found.uid(), found.gid()));
        Self { path, owner, is_shared, why: sound(places, requester).err() }
    }

    /// Who can approve by it what a user asks, and what that is worth.
    pub fn says(&self, requester: u32) -> String {
        let path = shown(&self.path);
        match (self.owner, &self.why) {
            (None, _) => {
                format!(
                    "no other account can approve: {path} is missing (root's `trust add` makes it)"
                )
            }
            (_, Some(why)) => {
                format!(
                    "what other accounts give in {path} does not count to user {requester}: {why}"
                )
            }
            (Some((user, group)), None) => {
                let group =
                    if self.is_shared { format!(" and group {group}") } else { String::new() };
                format!(
                    "user {user}{group} can approve what user {requester} asks by files in {path}, with \
                     a signature worth `secret` or more: it is `uid` then"
                )
            }
        }
    }
}

/// A number that differs whenever something else stands there.
pub(super) fn stamp(places: &Places, ask: AskId) -> u64 {
    let Ok(found) = std::fs::symlink_metadata(places.approvals.join(name(ask))) else { return 0 };
    let mut hasher = DefaultHasher::new();
    let stamp = (found.dev(), found.ino(), found.ctime(), found.ctime_nsec(), found.size());
    stamp.hash(&mut hasher);
    hasher.finish()
}

impl TrustFiles {
    /// Makes the folder of approvals if it is missing and this is root; else leaves it as it is.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn prepare(&self) -> Result<(), Trouble> {
        let folder = &self.places.approvals;
        if !rustix::process::geteuid().is_root() || folder.exists() {
            return Ok(());
        }
        let above = folder.parent().into_iter().chain([folder.as_path()]);
        let missing: Vec<&Path> = above.filter(|folder| !folder.exists()).collect();
        let make = |folder: &&Path| {
            DirBuilder::new().mode(FOLDER_MODE).create(folder)?;
            // Whatever root takes away from what it makes: others look in here.
            std::fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
        };
        missing.iter().try_for_each(make).map_err(|error| failed(folder, &error))
    }

    /// Whether this account can give an approval of what another one asks for, so that nobody signs in
    /// vain. Gives the folder for it, which root makes if it is missing.
    ///
    /// # Errors
    /// If it would not count, is there already, or cannot be written.
    pub fn may_give(&self, ask: AskId, requester: u32) -> Result<File, Trouble> {
        self.prepare()?;
        let folder = sound(&self.places, requester)
            .map_err(|why| Trouble::Refused(format!("It would not count, since {why}.")))?;
        let (path, at) = (self.places.approvals.join(name(ask)), &self.places.approvals);
        if path.is_symlink() || path.exists() {
            return Err(there(&path));
        }
        accessat(&folder, ".", Access::WRITE_OK, AtFlags::EACCESS).map_err(|_| {
            Trouble::Refused(format!(
                "This account cannot write {}: root can, and a group that it lets (docs/trust.md).",
                shown(at)
            ))
        })?;
        Ok(folder)
    }

    /// Gives an approval as this account of what another one asks for. Gives the file's path.
    ///
    /// # Errors
    /// If it would not count, or cannot be written.
    pub fn give(&self, ask: AskId, requester: u32, signature: &str) -> Result<PathBuf, Trouble> {
        let folder = self.may_give(ask, requester)?;
        let path = self.places.approvals.join(name(ask));
        // What is there by this name was left by a process that was killed.
        let new = format!(".{}.{}", name(ask), std::process::id());
        unlinkat(&folder, &new, AtFlags::empty()).ok();
        let put = || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            let made = openat(&folder, &new, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
            let mut file = File::from(made);
            file.write_all(signature.as_bytes())?;
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            file.sync_all()?;
            // Whoever waits for it sees all of it, and what is there already stays.
            renameat_with(&folder, &new, &folder, name(ask), RenameFlags::NOREPLACE)?;
            folder.sync_all()
        };
        match put() {
            Ok(()) => Ok(path),
            Err(error) => {
                unlinkat(&folder, &new, AtFlags::empty()).ok();
                Err(match error.kind() {
                    ErrorKind::AlreadyExists => there(&path),
                    _ => failed(&path, &error),
                })
            }
        }
    }
}

/// The name of an ask's file.
fn name(ask: AskId) -> String {
    format!("{ask}.sig")
}

fn there(path: &Path) -> Trouble {
    Trouble::Refused(format!(
        "There is an approval of this ask already: {}. Whoever it belongs to can remove it.",
        shown(path)
    ))
}

fn failed(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Failed(format!("{} cannot be written: {error}.", shown(path)))
}

#[cfg(test)]
mod tests;
