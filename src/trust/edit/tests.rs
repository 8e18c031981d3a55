//! What is added to a file of signers and removed from it, and what is left alone.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use tempfile::TempDir;

use super::*;

struct Place {
    folder: TempDir,
    desk: Desk,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("above/countersign/allowed_signers");
    Place { desk: Desk { file, is_system: true, system: None }, folder }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

impl Place {
    fn public(&self, seed: u8, comment: &str) -> PathBuf {
        let public = key(seed).public_key().to_openssh().unwrap();
        self.file(&format!("{public} {comment}\n"))
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("key.pub");
        fs::write(&path, text).unwrap();
        path
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.desk.file).unwrap()
    }

    fn refusal(&self, key: &Path, name: &str) -> String {
        let before = fs::read(&self.desk.file).ok();
        let trouble = self.desk.add(key, name).unwrap_err();
        assert_eq!(fs::read(&self.desk.file).ok(), before, "{trouble}");
        let Trouble::Refused(why) = trouble else { panic!("{trouble}") };
        why
    }
}

#[test]
fn a_key_is_added_once_and_for_approvals_only() {
    let place = place();
    let added = place.desk.add(&place.public(1, "alice@laptop"), "alice").unwrap();
    assert_eq!(added.fingerprint, key(1).fingerprint(HashAlg::Sha256).to_string());
    assert!(!added.was_there);
    let public = key(1).public_key().to_openssh().unwrap();
    let line = format!("alice namespaces=\"countersign-approval\" {public} alice@laptop\n");
    assert_eq!(place.text(), line);
    let modes = [&*place.desk.file, place.desk.folder()]
        .map(|path| fs::metadata(path).unwrap().mode() & 0o7777);
    assert_eq!(modes, [0o644, 0o755]);

    assert!(place.desk.add(&place.public(1, ""), "alice").unwrap().was_there);
    assert_eq!(place.text(), line);
    let why = place.refusal(&place.public(1, ""), "bob");
    assert!(why.contains("is the key of alice already") && why.contains(":1)"), "{why}");
    // Whatever stood there stays as it was, and a comment that could hide something does not come in.
    fs::write(&place.desk.file, format!("# ours\r\n\n{}", line.trim_end())).unwrap();
    place.desk.add(&place.public(2, "a\u{202e}b"), "alice").unwrap();
    let text = place.text();
    assert!(text.starts_with(&format!("# ours\r\n\n{line}alice namespaces=")), "{text}");
    assert!(text.is_ascii());
    assert_eq!(place.desk.signers(text.as_bytes()).len(), 2);
    let left: Vec<_> = fs::read_dir(place.desk.folder()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_is_no_public_key_or_no_name_is_refused() {
    let place = place();
    let good = key(1).public_key().to_openssh().unwrap();
    let private = key(1).to_openssh(LineEnding::LF).unwrap();
    for (text, words) in [
        ("", "no line, or more than one"),
        (&*format!("{good}\n{good}\n"), "no line, or more than one"),
        (&*private, "it is a private one, which stays with its owner"),
        ("ssh-dss AAAA", "is a key that does not count: keys of the kind `ssh-dss` are not read"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "are not read"),
        ("alice ssh-ed25519 AAAA", "no key where one is due"),
        (&*format!("command=\"x\" {good}"), "no key where one is due"),
        (include_str!("../../core/approval/signed/rsa1024.pub"), "1024 bits"),
        (&*"x".repeat(17 * 1024), "too long"),
    ] {
        let why = place.refusal(&place.file(text), "alice");
        assert!(why.contains(words), "{text}: {why}");
    }
    assert!(place.refusal(place.folder.path(), "alice").contains("no regular file"));
    assert!(place.refusal(&place.folder.path().join("none"), "alice").contains("cannot be opened"));
    let long = "a".repeat(65);
    for name in ["", "a b", "*", "a,b", "!a", "a\"", "a\n", "ä", "a#", &long] {
        assert!(place.refusal(&place.public(1, ""), name).contains("name has letters"), "{name}");
    }
    assert!(!place.desk.file.exists());
    place.desk.add(&place.public(1, ""), &"a".repeat(64)).unwrap();
}

#[test]
fn who_is_removed_is_gone_and_nobody_else() {
    let place = place();
    let line = |names: &str, seed: u8| {
        format!("{names} {}\n", key(seed).public_key().to_openssh().unwrap())
    };
    let [alice, bob, both] = [line("alice", 1), line("bob", 2), line("carol,dave", 3)];
    let also = line("  alice valid-before=\"20300101Z\"", 4);
    let all = format!("# people\n{alice}nonsense\n{bob}{both}{also}# end");
    let write = || {
        fs::create_dir_all(place.desk.folder()).unwrap();
        fs::write(&place.desk.file, &all).unwrap();
    };
    write();
    let names = |removed: Vec<Removed>| removed.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(place.desk.remove("alice").unwrap()), ["alice", "alice"]);
    assert_eq!(place.text(), format!("# people\nnonsense\n{bob}{both}# end"));
    write();
    let fingerprint = |seed: u8| key(seed).fingerprint(HashAlg::Sha256).to_string();
    assert_eq!(names(place.desk.remove(&fingerprint(1)).unwrap()), ["alice"]);
    assert_eq!(place.text(), all.replace(&alice, ""));
    assert_eq!(names(place.desk.remove(&fingerprint(3)).unwrap()), ["carol", "dave"]);
    write();
    for (who, words) in [
        ("carol", ":5 names others beside carol"),
        ("nobody", "Nobody in"),
        ("", "Nobody in"),
        ("Alice", "Nobody in"),
        ("nonsense", "Nobody in"),
    ] {
        let Trouble::Refused(why) = place.desk.remove(who).unwrap_err() else { panic!() };
        assert!(why.contains(words), "{who}: {why}");
        assert_eq!(place.text(), all);
    }
    fs::remove_file(&place.desk.file).unwrap();
    assert!(matches!(place.desk.remove("alice"), Err(Trouble::Refused(_))));
}

#[test]
fn a_link_is_not_replaced_and_a_file_that_cannot_be_read_is_not_written() {
    let place = place();
    fs::create_dir_all(place.desk.folder()).unwrap();
    let elsewhere = place.folder.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    symlink(&elsewhere, &place.desk.file).unwrap();
    assert!(place.refusal(&place.public(1, ""), "alice").contains("is a link"));
    fs::remove_file(&place.desk.file).unwrap();
    fs::create_dir(&place.desk.file).unwrap();
    let trouble = place.desk.add(&place.public(1, ""), "alice").unwrap_err();
    assert!(matches!(trouble, Trouble::Failed(_)), "{trouble}");
    fs::remove_dir(&place.desk.file).unwrap();
    // What somebody left who was killed does not stand in the way, and is not followed.
    symlink(&elsewhere, place.desk.folder().join(".allowed_signers.new")).unwrap();
    place.desk.add(&place.public(1, ""), "alice").unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
    fs::write(&place.desk.file, "#\n".repeat(LINES_MAX - 1)).unwrap();
    assert!(place.refusal(&place.public(1, ""), "alice").contains("is full"));
}

#[test]
fn many_editors_lose_nothing() {
    let place = place();
    let keys: Vec<PathBuf> = (1..9)
        .map(|seed| {
            let path = place.folder.path().join(seed.to_string());
            fs::write(&path, key(seed).public_key().to_openssh().unwrap()).unwrap();
            path
        })
        .collect();
    std::thread::scope(|scope| {
        for key in &keys {
            scope.spawn(|| place.desk.add(key, "alice").unwrap());
        }
    });
    assert_eq!(place.desk.signers(place.text().as_bytes()).len(), keys.len());
}
