//! What a look at a file tells without reading it: whether it is still the one that was read.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use time::{Duration, OffsetDateTime};

/// How long after its last change two looks at a file may tell the same though it was changed
/// between them: file systems keep times in steps.
const STEP: Duration = Duration::seconds(1);

/// A file's identity, size and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// There is none, or it cannot be looked at.
    Missing,
    /// It is there.
    There {
        /// Device and number.
        identity: [u64; 2],
        /// Length in bytes.
        size: u64,
        /// The last change of what it says, and of anything about it, in seconds and nanoseconds.
        changed: [(i64, i64); 2],
    },
}

impl Stamp {
    /// Looks at a file, through links.
    pub(super) fn of(path: &Path) -> Self {
        std::fs::metadata(path).map_or(Self::Missing, |found| Self::There {
            identity: [found.dev(), found.ino()],
            size: found.size(),
            changed: [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())],
        })
    }

    /// Whether the file was last changed so long before `now` that another change would show. One
    /// that is dated in the future is not believed.
    pub(super) fn is_settled(self, now: OffsetDateTime) -> bool {
        match self {
            Self::Missing => true,
            Self::There { changed, .. } => {
                changed.into_iter().all(|(seconds, _)| seconds < (now - STEP).unix_timestamp())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn every_change_shows_once_it_is_settled() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("policy.toml");
        assert_eq!(Stamp::of(&path), Stamp::Missing);
        fs::write(&path, "one").unwrap();
        let first = Stamp::of(&path);
        assert_eq!(Stamp::of(&path), first);
        fs::write(&path, "three").unwrap();
        assert_ne!(Stamp::of(&path), first, "another size");
        let other = root.path().join("other");
        fs::write(&other, "three").unwrap();
        let second = Stamp::of(&path);
        fs::rename(&other, &path).unwrap();
        assert_ne!(Stamp::of(&path), second, "another file");
    }

    #[test]
    fn what_was_just_changed_is_not_settled() {
        let at = |second| OffsetDateTime::from_unix_timestamp(second).unwrap();
        let stamp = |seconds| Stamp::There {
            identity: [1, 1],
            size: 1,
            changed: [(seconds, 0), (seconds, 0)],
        };
        assert!(!stamp(100).is_settled(at(100)));
        assert!(!stamp(100).is_settled(at(101)));
        assert!(stamp(100).is_settled(at(102)));
        assert!(!stamp(500).is_settled(at(102)), "dated in the future");
        assert!(Stamp::Missing.is_settled(at(0)));
    }
}
