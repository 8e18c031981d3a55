//! Opening a file of the system's or the user's: nobody else may be able to write it, or to put
//! another in its place. Owner and mode are those of what was opened, of each folder on the way to
//! it, and of each link.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
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

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Others could change what it says.
    #[error("{0}")]
    Open(String),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// Opens a regular file for reading, if only root and this account can change it.
///
/// # Errors
/// If someone else could, with what to mend; if it cannot be opened.
pub(super) fn open(path: &Path) -> Result<File, Refused> {
    let mut walk = Walk::new(rustix::process::geteuid().as_raw())?;
    match walk.to(path) {
        // What is missing behind a link was there once, or will be.
        Err(Refused::Io(error)) if error.kind() == ErrorKind::NotFound && walk.links > 0 => {
            Err(Refused::Open("a link on the way to it leads to nothing; mend or remove it".into()))
        }
        // Where there is no file, nobody believes the folders on the way to it.
        Err(error) => Err(error),
        Ok(file) => walk.refusal.map_or(Ok(file), Err),
    }
}

/// A way from the root folder to a file.
struct Walk {
    uid: u32,
    folder: OwnedFd,
    /// What was passed, for messages.
    passed: PathBuf,
    links: usize,
    /// The first thing on the way that others could change.
    refusal: Option<Refused>,
}

impl Walk {
    fn new(uid: u32) -> Result<Self, Refused> {
        let folder = openat(CWD, "/", FOLDER | OFlags::CLOEXEC, Mode::empty())?;
        let mut walk = Self { uid, folder, passed: "/".into(), links: 0, refusal: None };
        walk.check_folder()?;
        Ok(walk)
    }

    fn to(&mut self, path: &Path) -> Result<File, Refused> {
        if !path.is_absolute() {
            return Err(Refused::Open("it is no absolute path; name it from the root on".into()));
        }
        let mut rest = names(path);
        while let Some(name) = rest.pop_front() {
            let found = statat(&self.folder, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            let here = self.passed.join(&name);
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Symlink => self.follow(&name, &found, &mut rest)?,
                FileType::Directory if !rest.is_empty() => {
                    let flags = FOLDER | OFlags::CLOEXEC;
                    self.folder = openat(&self.folder, name.as_os_str(), flags, Mode::empty())?;
                    self.passed = here;
                    self.check_folder()?;
                }
                _ if rest.is_empty() => return self.file(&name),
                _ => return Err(Errno::NOTDIR.into()),
            }
        }
        Err(Errno::ISDIR.into())
    }

    fn follow(
        &mut self,
        name: &OsString,
        link: &Stat,
        rest: &mut VecDeque<OsString>,
    ) -> Result<(), Refused> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Errno::LOOP.into());
        }
        self.check_owner(link, &self.passed.join(name));
        let target = readlinkat(&self.folder, name.as_os_str(), Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            let root = Self::new(self.uid)?;
            self.folder = root.folder;
            self.passed = root.passed;
        }
        for name in names(&target).into_iter().rev() {
            rest.push_front(name);
        }
        Ok(())
    }

    fn file(&mut self, name: &OsString) -> Result<File, Refused> {
        // Without NONBLOCK, opening a pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.folder, name.as_os_str(), flags, Mode::empty())?;
        let (found, here) = (fstat(&file)?, self.passed.join(name));
        self.check_owner(&found, &here);
        if Mode::from_raw_mode(found.st_mode).intersects(OTHERS_WRITE) {
            self.refusal.get_or_insert(writable("the file", &here));
        }
        Ok(File::from(file))
    }

    fn check_folder(&mut self) -> Result<(), Refused> {
        let (found, here) = (fstat(&self.folder)?, self.passed.clone());
        self.check_owner(&found, &here);
        let mode = Mode::from_raw_mode(found.st_mode);
        // In a sticky folder nobody can remove or rename what belongs to another.
        if mode.intersects(OTHERS_WRITE) && !mode.contains(Mode::SVTX) {
            self.refusal.get_or_insert(writable("the folder", &here));
        }
        Ok(())
    }

    fn check_owner(&mut self, found: &Stat, here: &Path) {
        if found.st_uid != 0 && found.st_uid != self.uid {
            self.refusal.get_or_insert(Refused::Open(format!(
                "{} belongs to user {}, who could change what is allowed; it must belong to root or \
                 to user {}",
                here.display(),
                found.st_uid,
                self.uid
            )));
        }
    }
}

fn writable(what: &str, here: &Path) -> Refused {
    let here = here.display();
    Refused::Open(format!(
        "others can write {what} {here}, and so change what is allowed; run `chmod go-w {here}`"
    ))
}

/// The names of a path, one after the other; `..` stays, since it is looked up like any other.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use rustix::fs::{Uid, chown};
    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        let file = root.path().join("a/b/policy.toml");
        fs::write(&file, "version = 1").unwrap();
        set(&file, 0o644);
        (root, file)
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        open(path).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn what_only_its_owner_can_write_is_opened() {
        let (root, file) = place();
        assert!(open(&file).is_ok());
        set(&file, 0o600);
        assert!(open(&root.path().join("a/../a/./b/policy.toml")).is_ok());
        symlink("b/policy.toml", root.path().join("a/link")).unwrap();
        symlink(root.path().join("a/b"), root.path().join("absolute")).unwrap();
        assert!(open(&root.path().join("a/link")).is_ok());
        assert!(open(&root.path().join("absolute/policy.toml")).is_ok());
    }

    #[test]
    fn what_others_can_write_is_refused_with_the_mend() {
        for mode in [0o664, 0o646, 0o666] {
            let (_root, file) = place();
            set(&file, mode);
            let error = refusal(&file);
            assert!(error.contains("others can write the file"), "{error}");
            assert!(error.contains(&format!("chmod go-w {}", file.display())), "{error}");
        }
        for mode in [0o775, 0o757] {
            let (root, file) = place();
            set(&root.path().join("a"), mode);
            assert!(refusal(&file).contains("others can write the folder"));
            set(&root.path().join("a"), mode | 0o1000);
            assert!(open(&file).is_ok(), "a sticky folder keeps what is another's");
        }
    }

    #[test]
    fn a_folder_behind_a_link_counts_and_so_does_that_of_the_link() {
        let (root, file) = place();
        let (other, _) = place();
        symlink(&file, other.path().join("a/link")).unwrap();
        set(&other.path().join("a"), 0o777);
        assert!(refusal(&other.path().join("a/link")).contains("others can write"));
        set(&other.path().join("a"), 0o755);
        assert!(open(&other.path().join("a/link")).is_ok());
        set(&root.path().join("a/b"), 0o777);
        assert!(refusal(&other.path().join("a/link")).contains("others can write"));
    }

    #[test]
    fn what_belongs_to_another_is_refused() {
        for part in ["a", "a/b", "a/b/policy.toml"] {
            let (root, file) = place();
            let given = chown(root.path().join(part), Some(Uid::from_raw(12_345)), None);
            if given.is_err() {
                // Only root can give a file away.
                return;
            }
            assert!(refusal(&file).contains("belongs to user 12345"), "{part}");
        }
        let (root, file) = place();
        let link = root.path().join("link");
        symlink(&file, &link).unwrap();
        rustix::fs::chownat(
            CWD,
            &link,
            Some(Uid::from_raw(12_345)),
            None,
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .unwrap();
        assert!(refusal(&link).contains("belongs to user 12345"));
    }

    #[test]
    fn what_is_no_way_to_a_file_is_refused() {
        let (root, file) = place();
        assert!(refusal(Path::new("policy.toml")).contains("absolute"));
        assert!(open(&file.join("below")).is_err());
        symlink("loop", root.path().join("loop")).unwrap();
        assert!(open(&root.path().join("loop")).is_err());
        let missing = open(&root.path().join("missing")).unwrap_err();
        let Refused::Io(error) = missing else { panic!("{missing}") };
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn a_missing_file_is_missing_whoever_can_write_its_folder_and_a_broken_link_is_not() {
        let (root, file) = place();
        set(&root.path().join("a"), 0o777);
        let missing = |path: &Path| match open(path).unwrap_err() {
            Refused::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
            Refused::Open(_) => false,
        };
        assert!(missing(&root.path().join("a/b/other.toml")));
        assert!(!missing(&file));
        symlink("nowhere", root.path().join("dangling")).unwrap();
        for path in ["dangling", "dangling/policy.toml"] {
            assert!(refusal(&root.path().join(path)).contains("leads to nothing"), "{path}");
        }
    }
}
