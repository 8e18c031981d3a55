//! Files and folders that are not what they should be.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use super::support::*;
use crate::core::ask::{Ask, State};
use crate::core::reason::Reason;
use crate::core::secret::SealKey;
use crate::ports::asks::Asks;
use crate::store::SqliteAsks;
use crate::store::sqlite::database::VERSION;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn narrow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn to_look_makes_nothing() {
    let folder = Folder::new();
    let asks = folder.open();
    for made in [None, Some(folder.top().join("state")), Some(folder.state())] {
        if let Some(made) = made {
            fs::create_dir(made).unwrap();
        }
        assert_eq!(wait(asks.list(false, 10)).unwrap(), []);
        assert!(get(&asks, 1).is_none());
        assert!(wait(asks.presented(&ask(1).handle)).unwrap().is_none());
        assert!(wait(asks.overdue(NOW)).unwrap().is_empty());
        assert_eq!(asks.version().unwrap(), 0);
        let refused = turn(&asks, 1, State::Pending, State::Denied).unwrap_err();
        assert_eq!(refused.reason, Reason::NotFound);
    }
    assert_eq!(fs::read_dir(folder.state()).unwrap().count(), 0);
}

#[test]
fn what_is_made_is_ours_alone() {
    let folder = Folder::new();
    put_new(&folder.open(), &ask(1));
    let asks = folder.open();
    drop(asks.hold(id(1)).unwrap());
    put_new(&asks, &ask(2));
    assert_eq!((mode(&folder.top().join("state")), mode(&folder.state())), (0o700, 0o700));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.state()).unwrap() {
        let entry = entry.unwrap();
        let wanted = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), wanted, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["running", "state.db", "state.db-shm", "state.db-wal"]);
    assert_eq!(fs::read_dir(folder.state().join("running")).unwrap().count(), 0);
    // What others may look into is narrowed.
    drop(asks);
    narrow(&folder.state(), 0o755);
    narrow(&folder.file(), 0o644);
    assert!(get(&folder.open(), 1).is_some());
    assert_eq!((mode(&folder.state()), mode(&folder.file())), (0o700, 0o600));
}

#[test]
fn without_a_home_everything_is_refused() {
    let nowhere: std::sync::Arc<dyn crate::ports::asks::Asks> =
        std::sync::Arc::new(SqliteAsks::new(None));
    for fault in refusals(&nowhere) {
        assert!(fault.message.contains("neither XDG_STATE_HOME nor HOME"), "{fault}");
    }
    assert_eq!(nowhere.hold(id(1)).unwrap_err().reason, Reason::StateUnavailable);
    for path in ["state.db", "a/b/state.db", "/state.db", "/", ""] {
        for fault in refusals(&open(Path::new(path))) {
            assert!(fault.message.contains("is no absolute path"), "{path}: {fault}");
        }
    }
}

/// What is there stays as it is, whatever is asked.
fn is_refused(folder: &Folder, why: &str) {
    let before = fs::read(folder.file()).ok();
    let faults = refusals(&folder.open());
    for fault in faults {
        assert!(fault.message.contains(why), "{fault}");
        assert!(fault.message.contains("ove it") || fault.message.contains("Run as"), "{fault}");
    }
    assert_eq!(fs::read(folder.file()).ok(), before);
}

#[test]
fn a_file_that_is_no_database_of_ours_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir_all(folder.state()).unwrap();
    let file = folder.file();
    for bytes in [&b""[..], b"hello\n", b"SQLite format 3\0", &[0xff; 100_000]] {
        fs::write(&file, bytes).unwrap();
        is_refused(&folder, "is not a database that Countersign made");
    }
    fs::remove_file(&file).unwrap();
    let raw = folder.raw();
    raw.execute_batch("CREATE TABLE asks (id TEXT); INSERT INTO asks VALUES ('x');").unwrap();
    is_refused(&folder, "is not a database that Countersign made");
    drop(raw);
    fs::remove_file(&file).unwrap();
    put_new(&folder.open(), &ask(1));
    // Ours, with something more or something else in it.
    for tampering in [
        "CREATE TRIGGER t AFTER INSERT ON asks BEGIN UPDATE asks SET state = 'approved'; END",
        "CREATE VIEW v AS SELECT * FROM asks",
        "CREATE TABLE more (x)",
        "DROP INDEX asks_denied",
        "PRAGMA application_id = 7",
    ] {
        let spare = folder.top().join("spare");
        fs::copy(&file, &spare).unwrap();
        folder.raw().execute_batch(tampering).unwrap();
        is_refused(&folder, "is not a database that Countersign made");
        fs::copy(&spare, &file).unwrap();
        assert!(get(&folder.open(), 1).is_some());
    }
    for (version, next) in [(VERSION + 1, "Use the newer Countersign"), (0, "Move it away")] {
        folder.raw().pragma_update(None, "user_version", version).unwrap();
        let words = format!("is of version {version}, which this version does not know. {next}");
        is_refused(&folder, &words);
    }
}

#[test]
fn links_are_not_followed() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    put_new(&elsewhere.open(), &ask(1));
    fs::create_dir_all(folder.state()).unwrap();
    for target in [elsewhere.file(), folder.top().join("nothing")] {
        symlink(&target, folder.file()).unwrap();
        is_refused(&folder, "is a link or no regular file");
        fs::remove_file(folder.file()).unwrap();
        assert_eq!(target.exists(), target == elsewhere.file());
    }
    fs::hard_link(elsewhere.file(), folder.file()).unwrap();
    is_refused(&folder, "has a second name");
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    is_refused(&folder, "is a link or no regular file");
    fs::remove_dir(folder.file()).unwrap();
    fs::remove_dir(folder.state()).unwrap();
    symlink(elsewhere.state(), folder.state()).unwrap();
    is_refused(&folder, "is a link or no folder");
    assert!(folder.open().hold(id(1)).unwrap_err().message.contains("is a link"));
    fs::remove_file(folder.state()).unwrap();
    fs::write(folder.state(), "").unwrap();
    is_refused(&folder, "is a link or no folder");
    fs::remove_file(folder.state()).unwrap();
    // On the way to the folder links are what people make of them.
    fs::remove_dir(folder.top().join("state")).unwrap();
    symlink(elsewhere.top().join("state"), folder.top().join("state")).unwrap();
    assert!(get(&folder.open(), 1).is_some());
}

#[test]
fn marks_of_spending_are_no_links() {
    let folder = Folder::new();
    let asks = folder.open();
    bring(&asks, &ask(1), State::Executing);
    let running = folder.state().join("running");
    fs::create_dir(&running).unwrap();
    let victim = folder.top().join("victim");
    fs::write(&victim, "").unwrap();
    symlink(&victim, running.join(id(1).to_string())).unwrap();
    assert!(asks.hold(id(1)).unwrap_err().message.contains("is a link"));
    assert!(wait(asks.overdue(NOW)).is_err());
    fs::remove_file(running.join(id(1).to_string())).unwrap();
    // What nobody holds is of a process that is gone.
    fs::write(running.join(id(1).to_string()), "").unwrap();
    assert_eq!(wait(asks.overdue(NOW)).unwrap().len(), 1);
    assert!(!running.join(id(1).to_string()).exists());
    drop(asks.hold(id(1)).unwrap());
}

#[test]
fn what_belongs_to_another_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this user cannot give files away");
        return;
    }
    let folder = Folder::new();
    put_new(&folder.open(), &ask(1));
    std::os::unix::fs::chown(folder.file(), Some(12345), None).unwrap();
    is_refused(&folder, "belongs to user 12345");
    std::os::unix::fs::chown(folder.file(), Some(0), None).unwrap();
    std::os::unix::fs::chown(folder.state(), Some(12345), None).unwrap();
    is_refused(&folder, "belongs to user 12345");
    assert!(folder.open().hold(id(1)).is_err());
}

#[test]
fn a_file_that_is_removed_or_replaced_is_noticed() {
    let folder = Folder::new();
    let asks = folder.open();
    put_new(&asks, &ask(1));
    let first = asks.version().unwrap();
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{ending}", folder.file().display())).unwrap();
    }
    assert_eq!(asks.version().unwrap(), 0);
    assert!(get(&asks, 1).is_none());
    assert_eq!(turn(&asks, 1, State::Pending, State::Denied).unwrap_err().reason, Reason::NotFound);
    put_new(&asks, &ask(2));
    assert!(![0, first].contains(&asks.version().unwrap()));
    assert!(get(&folder.open(), 2).is_some());
    // Another's database in its place, while the log of the one before stands beside it.
    let other = Folder::new();
    put_new(&other.open(), &ask(3));
    let before = asks.version().unwrap();
    fs::rename(other.file(), folder.file()).unwrap();
    assert_ne!(asks.version().ok(), Some(before));
    let found = wait(asks.list(false, 10));
    assert!(found.is_err() || found.unwrap().iter().all(|row| [id(2), id(3)].contains(&row.id)));
}

#[test]
fn the_log_of_a_database_that_is_gone_is_no_part_of_a_new_one() {
    let folder = Folder::new();
    let asks = folder.open();
    put_new(&asks, &ask(1));
    fs::remove_file(folder.file()).unwrap();
    put_new(&folder.open(), &ask(2));
    drop(asks);
    let again = folder.open();
    assert!(get(&again, 1).is_none() && get(&again, 2).is_some());
    let check: String =
        folder.raw().query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn what_an_earlier_try_left_is_in_nobodys_way() {
    let folder = Folder::new();
    fs::create_dir_all(folder.state()).unwrap();
    for ending in [".new", ".new-journal", ".new-wal", ".new-shm"] {
        let path = format!("{}{ending}", folder.file().display());
        File::create(path).unwrap().set_len(5000).unwrap();
    }
    put_new(&folder.open(), &ask(1));
    assert_eq!(fs::read_dir(folder.state()).unwrap().count(), 1);
}

#[test]
fn what_is_removed_does_not_stay_in_the_file() {
    let folder = Folder::new();
    let seal = [0xc5; SealKey::BYTES];
    let secret = "--password=sesame ".repeat(700);
    let asks = folder.open();
    let key = Some(Arc::new(SealKey::from_random(seal)));
    put_new(&asks, &Ask { seal: key, document: secret.into(), ..ask(1) });
    // What the last one lets go of stands in the file alone.
    let holds = |asks: Arc<dyn Asks>, what: &[u8]| {
        drop(asks);
        assert!(!folder.state().join("state.db-wal").exists());
        fs::read(folder.file()).unwrap().windows(what.len()).any(|bytes| bytes == what)
    };
    assert!(holds(asks, b"sesame") && holds(folder.open(), &seal));
    let asks = folder.open();
    turn(&asks, 1, State::Pending, State::Denied).unwrap();
    assert!(holds(asks, b"sesame") && !holds(folder.open(), &seal));
    let asks = folder.open();
    wait(asks.overdue(NOW + time::Duration::days(2))).unwrap();
    assert!(!holds(asks, b"sesame"));
}
