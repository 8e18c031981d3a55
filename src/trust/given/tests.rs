//! What counts as given by another account, and everything near it that does not.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use rustix::fs::{CWD, FileType, mknodat};
use tempfile::TempDir;

use super::*;

/// The account that asks. It owns nothing here.
const ASKS: u32 = 54_321;

/// A group.
const GROUP_ID: u32 = 54_322;

const SIGNATURE: &str = "a signature\n";

struct Place {
    root: TempDir,
    places: Places,
    ask: AskId,
    file: PathBuf,
}

impl Place {
    /// With an approval in it, of the account that the tests run as.
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let approvals = root.path().join("lib/approvals");
        fs::create_dir_all(&approvals).unwrap();
        for folder in ["", "lib", "lib/approvals"] {
            set(&root.path().join(folder), 0o755);
        }
        let ask = AskId::from_random([7; 5]);
        let file = approvals.join(format!("{ask}.sig"));
        let place = Self { root, places: Places { approvals, ..Places::default() }, ask, file };
        place.put(SIGNATURE.as_bytes());
        place
    }

    fn put(&self, bytes: &[u8]) {
        fs::remove_file(&self.file).ok();
        fs::write(&self.file, bytes).unwrap();
        set(&self.file, 0o644);
    }

    fn read(&self) -> Result<Option<Given>, String> {
        read(&self.places, self.ask, ASKS)
    }

    /// Why what is there does not count.
    fn why(&self) -> String {
        self.read().unwrap_err()
    }
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[test]
fn a_file_of_another_account_is_given_and_nothing_is_nothing() {
    let place = Place::new();
    let given = Given { signature: SIGNATURE.into(), uid: us() };
    assert_eq!(place.read(), Ok(Some(given)));
    set(&place.file, 0o600);
    assert!(place.read().unwrap().is_some(), "whom its owner lets read it is up to its owner");
    fs::remove_file(&place.file).unwrap();
    assert_eq!(place.read(), Ok(None));
    fs::remove_dir(&place.places.approvals).unwrap();
    assert_eq!(place.read(), Ok(None));
    assert_eq!(read(&Places::default(), place.ask, ASKS), Ok(None));
    let why = sound(&place.places, ASKS).map(drop).unwrap_err();
    assert!(why.ends_with("approvals is missing"), "{why}");
    assert!(sound(&Places::default(), ASKS).is_err());
}

#[test]
fn what_the_account_made_itself_or_others_can_write_is_not_given() {
    let place = Place::new();
    for mode in [0o664, 0o646, 0o666, 0o622] {
        set(&place.file, mode);
        assert!(place.why().contains("others than its owner can write it"), "{mode:o}");
    }
    set(&place.file, 0o644);
    let other = place.root.path().join("other");
    fs::hard_link(&place.file, &other).unwrap();
    assert!(place.why().contains("another name"));
    fs::remove_file(&other).unwrap();
    assert!(place.read().unwrap().is_some());

    fs::rename(&place.file, &other).unwrap();
    symlink(&other, &place.file).unwrap();
    assert!(place.read().is_err(), "a link is not followed");
    fs::remove_file(&place.file).unwrap();
    fs::create_dir(&place.file).unwrap();
    assert!(place.why().contains("no regular file"));
    fs::remove_dir(&place.file).unwrap();
    mknodat(CWD, &place.file, FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(place.why().contains("no regular file"), "and nobody waits for its writer");
    place.put(&vec![b'a'; usize::try_from(BYTES_MAX).unwrap() + 1]);
    assert!(place.why().contains("bytes"));
    place.put(b"\xff\xfe\0");
    assert!(place.why().contains("no text"));
    place.put(b"");
    assert_eq!(place.read().unwrap().unwrap().signature, "");

    // To the account that it belongs to it is none.
    let own = read(&place.places, place.ask, us());
    assert!(own.is_err(), "{own:?}");
    if chown(&place.file, Some(ASKS), None).is_ok() {
        assert!(place.why().contains("it belongs to user 54321, who asks"));
    }
}

#[test]
fn a_folder_that_the_account_can_put_something_into_holds_nothing() {
    let place = Place::new();
    let approvals = place.places.approvals.clone();
    for (folder, mode, counts) in [
        (&approvals, 0o755, true),
        (&approvals, 0o775, false),
        (&approvals, 0o757, false),
        (&approvals, 0o777, false),
        (&approvals, 0o1775, true),
        // Whoever can make a file there can be first.
        (&approvals, 0o1777, false),
        (&approvals, 0o1757, false),
        (&approvals.parent().unwrap().to_owned(), 0o775, false),
        (&approvals.parent().unwrap().to_owned(), 0o777, false),
    ] {
        set(folder, mode);
        assert_eq!(place.read().is_ok(), counts, "{mode:o} {}", folder.display());
        assert_eq!(sound(&place.places, ASKS).is_ok(), counts, "{mode:o}");
        set(folder, 0o755);
    }
    assert!(sound(&place.places, 0).is_err(), "root writes everywhere");
    assert!(sound(&place.places, us()).is_err(), "so does who owns it");
    for folder in [&approvals, &approvals.parent().unwrap().to_owned()] {
        if chown(folder, Some(ASKS), None).is_ok() {
            assert!(place.why().contains("belongs to user 54321, who asks"));
            chown(folder, Some(us()), None).unwrap();
        }
    }
    let elsewhere = Place::new();
    fs::remove_dir_all(&approvals).unwrap();
    symlink(&elsewhere.places.approvals, &approvals).unwrap();
    assert!(place.read().unwrap().is_some(), "a link of root's leads on");
    set(elsewhere.root.path(), 0o777);
    assert!(place.read().is_err(), "not by a way that the account can change");
    fs::remove_file(&approvals).unwrap();
    fs::write(&approvals, "").unwrap();
    assert!(sound(&place.places, ASKS).is_err(), "it is no folder");
}

#[test]
fn what_is_given_is_whole_and_nobody_elses_is_replaced() {
    let place = Place::new();
    let files = TrustFiles::new(place.places.clone());
    let refused = files.give(place.ask, ASKS, "another").unwrap_err();
    assert!(matches!(&refused, Trouble::Refused(why) if why.contains("already")), "{refused}");
    assert_eq!(place.read().unwrap().unwrap().signature, SIGNATURE);
    let before = stamp(&place.places, place.ask);
    assert_eq!(before, stamp(&place.places, place.ask));
    fs::remove_file(&place.file).unwrap();
    assert_eq!(stamp(&place.places, place.ask), 0);

    assert_eq!(files.give(place.ask, ASKS, "another").unwrap(), place.file);
    assert_ne!(stamp(&place.places, place.ask), before);
    let given = place.read().unwrap().unwrap();
    assert_eq!(given, Given { signature: "another".into(), uid: us() });
    assert_eq!(fs::metadata(&place.file).unwrap().mode() & 0o7777, FILE_MODE);
    let entries = fs::read_dir(&place.places.approvals).unwrap().count();
    assert_eq!(entries, 1, "nothing is left beside it");

    fs::remove_file(&place.file).unwrap();
    symlink("/nowhere", &place.file).unwrap();
    assert!(files.give(place.ask, ASKS, "x").is_err(), "a link is something as well");
    fs::remove_file(&place.file).unwrap();
    set(&place.places.approvals, 0o777);
    let refused = files.give(place.ask, ASKS, "x").unwrap_err();
    assert!(refused.to_string().starts_with("It would not count, since others"), "{refused}");
    assert!(files.give(place.ask, us(), "x").is_err(), "nobody gives their own");
}

#[test]
fn root_makes_the_folder_and_nobody_else_does() {
    let place = Place::new();
    fs::remove_dir_all(place.root.path().join("lib")).unwrap();
    let files = TrustFiles::new(place.places.clone());
    files.prepare().unwrap();
    assert_eq!(place.places.approvals.exists(), us() == 0);
    if us() == 0 {
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&place.places.approvals), FOLDER_MODE);
        // What root has made of it stays.
        set(&place.places.approvals, 0o1775);
        chown(&place.places.approvals, None, Some(GROUP_ID)).unwrap();
        files.prepare().unwrap();
        assert_eq!(mode(&place.places.approvals), 0o1775);
        assert!(sound(&place.places, ASKS).is_ok());
    }
}
