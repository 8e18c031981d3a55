//! Changing a file of signers: one line at a time, whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use ssh_key::{HashAlg, PublicKey};

use super::list::{bounded, contents};
use super::{TrustFiles, shown};
use crate::core::approval::{NAMESPACE, Signer};
use crate::core::signers::{self, FILE_BYTES_MAX, LINES_MAX};
use crate::way;

/// The file of a public key is no longer, in bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// A key's comment that is longer is left out, in bytes.
const COMMENT_BYTES_MAX: usize = 100;

/// How long another editor is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long until it is looked again.
const PAUSE: Duration = Duration::from_millis(20);

/// Everybody can read who is trusted; only the owner can change it.
const FILE_MODE: u32 = 0o644;

/// The folder as well.
const FOLDER_MODE: u32 = 0o755;

/// The file of signers that this account edits.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Where it is, or will be.
    pub file: PathBuf,
    /// Whether it is the system's.
    pub is_system: bool,
    /// The system's, where that is another.
    system: Option<PathBuf>,
}

/// Somebody who was added, or had been before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The key's fingerprint.
    pub fingerprint: String,
    /// Whether the file said so already.
    pub was_there: bool,
}

/// Somebody who was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The name.
    pub name: String,
    /// The key's fingerprint.
    pub fingerprint: String,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It was not to be had so.
    #[error("{0}")]
    Refused(String),
    /// It could not be done.
    #[error("{0}")]
    Failed(String),
}

impl TrustFiles {
    /// The file that this account edits: root the system's, everybody else their own.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn desk(&self) -> Result<Desk, Trouble> {
        if rustix::process::geteuid().is_root() {
            return Ok(Desk { file: self.places.system.clone(), is_system: true, system: None });
        }
        let file = self.places.user.clone().filter(|file| file.is_absolute());
        let file = file.ok_or_else(|| {
            Trouble::Refused("There is no folder for your own signers; set HOME to one.".into())
        })?;
        Ok(Desk { file, is_system: false, system: Some(self.places.system.clone()) })
    }
}

impl Desk {
    /// Trusts the key in a file under this name.
    ///
    /// # Errors
    /// For what is no name or no public key that counts, and if the file cannot be written.
    pub fn add(&self, key: &Path, name: &str) -> Result<Added, Trouble> {
        if !signers::is_name(name) {
            return Err(Trouble::Refused(
                "A signer's name has letters, digits and `.`, `_`, `@`, `+`, `-`, at most 64."
                    .into(),
            ));
        }
        let (key, comment) = public(key)?;
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let _lock = self.lock()?;
        let mut bytes = self.read()?;
        let known = self.signers(&bytes);
        if let Some(signer) = known.iter().find(|it| it.key.key_data() == key.key_data()) {
            if &*signer.name == name {
                return Ok(Added { fingerprint, was_there: true });
            }
            return Err(Trouble::Refused(format!(
                "{} is the key of {} already ({}:{}). A key has one name: remove that first.",
                fingerprint,
                signer.name,
                shown(&self.file),
                signer.line
            )));
        }
        let public = PublicKey::from(key.key_data().clone()).to_openssh();
        let public = public.map_err(|error| Trouble::Failed(error.to_string()))?;
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            bytes.push(b'\n');
        }
        let line = format!("{name} namespaces=\"{NAMESPACE}\" {public} {comment}");
        bytes.extend_from_slice(line.trim_end().as_bytes());
        bytes.push(b'\n');
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        if bytes.len() > FILE_BYTES_MAX || lines >= LINES_MAX {
            let file = shown(&self.file);
            return Err(Trouble::Refused(format!("{file} is full: remove what nobody needs.")));
        }
        self.write(&bytes)?;
        Ok(Added { fingerprint, was_there: false })
    }

    /// Trusts no longer whom this name, or the key's fingerprint, stands for.
    ///
    /// # Errors
    /// If that is nobody, if a line names others as well, and if the file cannot be written.
    pub fn remove(&self, who: &str) -> Result<Vec<Removed>, Trouble> {
        let _lock = if self.file.exists() { Some(self.lock()?) } else { None };
        let bytes = self.read()?;
        let known = self.signers(&bytes);
        let of_key = |signer: &&Signer| signer.fingerprint() == who;
        let is_meant = |signer: &&Signer| &*signer.name == who || of_key(signer);
        let meant: Vec<&Signer> = known.iter().filter(is_meant).collect();
        if meant.is_empty() {
            return Err(Trouble::Refused(self.nobody(who, is_meant)));
        }
        let mut lines: Vec<Option<&[u8]>> = bytes.split(|byte| *byte == b'\n').map(Some).collect();
        for signer in &meant {
            let Some(place) = lines.get_mut(signer.line.saturating_sub(1)) else { continue };
            let alone = place.is_none_or(|line| {
                let line = line.trim_ascii_start();
                let principals = line.split(u8::is_ascii_whitespace).next();
                principals == Some(signer.name.as_bytes())
            });
            if !alone && !of_key(signer) {
                return Err(Trouble::Refused(format!(
                    "{}:{} names others beside {}; edit that line.",
                    shown(&self.file),
                    signer.line,
                    signer.name
                )));
            }
            *place = None;
        }
        let kept: Vec<&[u8]> = lines.into_iter().flatten().collect();
        self.write(&kept.join(&b'\n'))?;
        let removed = |signer: &Signer| Removed {
            name: signer.name.to_string(),
            fingerprint: signer.fingerprint(),
        };
        Ok(meant.into_iter().map(removed).collect())
    }

    /// What is said to whoever would remove somebody who is not in the file.
    fn nobody(&self, who: &str, is_meant: impl Fn(&&Signer) -> bool) -> String {
        let (file, who) = (shown(&self.file), crate::core::text::name(who));
        let bytes = self.system.as_ref().map(|file| contents(file, &mut |_| {}));
        let system = bytes.and_then(Result::ok).flatten().unwrap_or_default();
        match (&self.system, self.signers(&system).iter().any(|signer| is_meant(&signer))) {
            (Some(system), true) => format!(
                "{who} is not in {file}, your own, but in {}: `sudo countersign trust remove {who}`.",
                shown(system)
            ),
            _ => format!(
                "Nobody in {file} has the name or the fingerprint {who}: `countersign trust list`."
            ),
        }
    }

    /// Who beside root could change the file, in a clause, if somebody could.
    pub fn exposed(&self) -> Option<String> {
        let mut exposed = None;
        let opened = way::open(&self.file, &mut |passed| {
            let (at, owner) = (shown(passed.at), passed.owner());
            let others = passed.is_open_to_others();
            let others = others.then(|| format!("others than its owner can write {at}"));
            let owned = (owner != 0).then(|| format!("{at} belongs to user {owner}"));
            exposed = exposed.take().or(owned).or(others);
        });
        opened.map_or_else(|lost| Some(lost.to_string()), |_| exposed)
    }

    fn signers(&self, bytes: &[u8]) -> Vec<Signer> {
        let file = self.file.display().to_string().into();
        signers::read(bytes, &file, Some(&jiff::tz::TimeZone::UTC)).signers
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    /// Makes the folder if it is missing, and keeps other editors out for as long as it is held.
    fn lock(&self) -> Result<File, Trouble> {
        let folder = self.folder();
        let failed = |error: std::io::Error| self.failed(&error);
        if !folder.exists() {
            let above = folder.parent().unwrap_or(Path::new("/"));
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(above).map_err(failed)?;
            match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
                // Whatever this account takes away from files that it makes: others read this one.
                Ok(()) => std::fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            }
            .map_err(failed)?;
        }
        let lock = File::open(folder).map_err(failed)?;
        let mut waited = Duration::ZERO;
        // Everybody may open the folder, and so keep its lock: nobody waits for that for ever.
        while let Err(errno) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if errno != Errno::WOULDBLOCK || waited >= PATIENCE {
                let why = "somebody keeps it locked (`fuser -v` on it says who)";
                let why =
                    if errno == Errno::WOULDBLOCK { why.to_owned() } else { errno.to_string() };
                return Err(Trouble::Failed(format!("{}: {why}.", shown(folder))));
            }
            sleep(PAUSE);
            waited += PAUSE;
        }
        Ok(lock)
    }

    fn read(&self) -> Result<Vec<u8>, Trouble> {
        if self.file.is_symlink() {
            return Err(Trouble::Refused(format!(
                "{} is a link, and would be replaced; edit what it leads to.",
                shown(&self.file)
            )));
        }
        let bytes = contents(&self.file, &mut |_| {});
        bytes.map(Option::unwrap_or_default).map_err(|fault| Trouble::Failed(fault.message))
    }

    /// Puts another file in its place, which is there with all that it holds or not at all.
    fn write(&self, bytes: &[u8]) -> Result<(), Trouble> {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.file.file_name().unwrap_or_default());
        name.push(".new");
        let new = self.folder().join(name);
        // Nobody else writes while the folder is locked: what is there was left by who was killed.
        drop(std::fs::remove_file(&new));
        let put = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new)?;
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, &self.file)?;
            File::open(self.folder())?.sync_all()
        };
        put().map_err(|error| {
            drop(std::fs::remove_file(&new));
            self.failed(&error)
        })
    }

    fn failed(&self, error: &std::io::Error) -> Trouble {
        Trouble::Failed(format!("{} cannot be written: {error}.", shown(&self.file)))
    }
}

/// The public key in a file, and its comment.
fn public(path: &Path) -> Result<(PublicKey, String), Trouble> {
    let refuse = |why: &str| Trouble::Refused(format!("{} is no public key: {why}.", shown(path)));
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file
        .map_err(|error| Trouble::Refused(format!("{} cannot be opened: {error}.", shown(path))))?;
    let bytes = bounded(&file, KEY_BYTES_MAX).map_err(|error| refuse(&error.to_string()))?;
    let bytes = bytes.ok_or_else(|| refuse("it is too long, or no regular file"))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is no text"))?;
    if text.contains("PRIVATE KEY") {
        return Err(refuse(&format!(
            "it is a private one, which stays with its owner. Give its public half, {}.pub, or make \
             that with `ssh-keygen -y -f {}`",
            shown(path),
            shown(path)
        )));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(refuse("it holds no line, or more than one"));
    };
    let key = signers::key(line).map_err(|why| match signers::is_kind(line) {
        true => Trouble::Refused(format!("{} is a key that does not count: {why}.", shown(path))),
        false => refuse(&why),
    })?;
    let comment = line.splitn(3, [' ', '\t']).nth(2).unwrap_or_default().trim();
    let plain = comment.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let fits = plain && comment.len() <= COMMENT_BYTES_MAX;
    Ok((key, if fits { comment.to_owned() } else { String::new() }))
}

#[cfg(test)]
mod tests;
