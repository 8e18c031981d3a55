//! Opening a file of the system's or the user's: nobody else may be able to write it, or to put
//! another in its place. Owner and mode are those of what was opened, of each folder on the way to
//! it, and of each link.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::way::{self, Passed, What};

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

impl From<rustix::io::Errno> for Refused {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// Opens a regular file for reading, if only root and this account can change it.
///
/// # Errors
/// If someone else could, with what to mend; if it cannot be opened.
pub(super) fn open(path: &Path) -> Result<File, Refused> {
    if !path.is_absolute() {
        return Err(Refused::Open("it is no absolute path; name it from the root on".into()));
    }
    let uid = rustix::process::geteuid().as_raw();
    // The first thing on the way that others could change.
    let mut refusal = None;
    let opened = way::open(path, &mut |passed| {
        refusal = refusal.take().or_else(|| check(passed, uid));
    });
    match opened {
        // What is missing behind a link was there once, or will be.
        Err(lost) if lost.behind_a_link && lost.error.kind() == ErrorKind::NotFound => {
            Err(Refused::Open("a link on the way to it leads to nothing; mend or remove it".into()))
        }
        // Where there is no file, nobody believes the folders on the way to it.
        Err(lost) => Err(lost.error.into()),
        Ok(file) => refusal.map_or(Ok(file), |why| Err(Refused::Open(why))),
    }
}

fn check(passed: &Passed<'_>, uid: u32) -> Option<String> {
    let (here, owner) = (passed.at.display(), passed.owner());
    if owner != 0 && owner != uid {
        return Some(format!(
            "{here} belongs to user {owner}, who could change what is allowed; it must belong to root \
             or to user {uid}"
        ));
    }
    let what = if passed.what == What::Folder { "the folder" } else { "the file" };
    passed.is_open_to_others().then(|| {
        format!(
            "others can write {what} {here}, and so change what is allowed; run `chmod go-w {here}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use std::path::PathBuf;

    use rustix::fs::{AtFlags, CWD, Uid, chown};
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
