//! Keys that lie open, and those that do not. Those of `ssh-keygen` are in the tests of the program.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use ssh_key::LineEnding;
use ssh_key::private::Ed25519Keypair;
use tempfile::TempDir;

use super::*;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn home() -> (TempDir, PathBuf) {
    let home = TempDir::new().unwrap();
    let folder = home.path().join(".ssh");
    fs::create_dir(&folder).unwrap();
    (home, folder)
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn weakens(home: &TempDir, uid: u32, key: &PrivateKey) -> Option<String> {
    lying_open(&[home.path().to_owned()], uid).weakens(key.public_key().key_data())
}

#[test]
fn a_key_without_a_passphrase_is_found_whatever_its_name() {
    let (home, folder) = home();
    let text = key(1).to_openssh(LineEnding::LF).unwrap();
    assert_eq!(weakens(&home, us(), &key(1)), None);
    for name in ["id_ed25519", "odd name", ".hidden"] {
        fs::write(folder.join(name), &*text).unwrap();
        let why = weakens(&home, us(), &key(1)).unwrap();
        assert_eq!(
            why,
            format!("{} holds the key without a passphrase", folder.join(name).display())
        );
        assert_eq!(weakens(&home, us(), &key(2)), None, "that is another key");
        fs::remove_file(folder.join(name)).unwrap();
    }
    let elsewhere = home.path().join("elsewhere");
    fs::write(&elsewhere, format!("\n{}", &*text)).unwrap();
    assert_eq!(weakens(&home, us(), &key(1)), None);
    symlink(&elsewhere, folder.join("link")).unwrap();
    assert!(weakens(&home, us(), &key(1)).is_some());
}

#[test]
fn what_the_account_cannot_read_is_not_its_own() {
    let (home, folder) = home();
    let file = folder.join("id");
    fs::write(&file, &*key(1).to_openssh(LineEnding::LF).unwrap()).unwrap();
    let other = us() + 1;
    for (mode, readable) in [(0o600, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert_eq!(weakens(&home, other, &key(1)).is_some(), readable, "{mode:o}");
        assert!(weakens(&home, us(), &key(1)).is_some());
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    if chown(&file, Some(other), None).is_ok() {
        assert!(weakens(&home, other, &key(1)).is_some(), "the owner can read it");
    }
}

#[test]
fn what_is_not_understood_is_told_by_what_stands_beside_it() {
    let (home, folder) = home();
    let public = key(1).public_key().to_openssh().unwrap();
    for label in ["OPENSSH PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY"] {
        let pem = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        fs::write(folder.join("odd"), pem).unwrap();
        assert_eq!(weakens(&home, us(), &key(1)), None);
        fs::write(folder.join("odd.pub"), &public).unwrap();
        assert!(weakens(&home, us(), &key(1)).is_some(), "{label}");
        fs::remove_file(folder.join("odd.pub")).unwrap();
    }
    fs::write(folder.join("odd.pub"), &public).unwrap();
    for guarded in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "no key at all",
        "",
    ] {
        fs::write(folder.join("odd"), guarded).unwrap();
        assert_eq!(weakens(&home, us(), &key(1)), None, "{guarded}");
    }
}

#[test]
fn a_folder_that_is_not_looked_through_weakens_everybody() {
    let (home, folder) = home();
    for count in 0..=FILES_MAX {
        fs::write(folder.join(count.to_string()), "").unwrap();
    }
    assert!(weakens(&home, us(), &key(1)).unwrap().contains("more than the 512 files"));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(weakens(&home, us(), &key(1)), None);
    fs::write(&folder, "a file").unwrap();
    assert!(weakens(&home, us(), &key(1)).unwrap().contains("cannot be looked into"));
    assert_eq!(weakens(&home, us() + 1, &key(1)), None);
}

#[test]
fn what_is_no_file_of_a_key_is_passed_by() {
    let (home, folder) = home();
    fs::create_dir(folder.join("folder")).unwrap();
    fs::write(folder.join("binary"), b"\xff\0-----BEGIN PRIVATE KEY-----").unwrap();
    let key = key(1);
    let long = format!("{}{}", &*key.to_openssh(LineEnding::LF).unwrap(), " ".repeat(65 * 1024));
    fs::write(folder.join("long"), long).unwrap();
    let pipe = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("pipe"), pipe, mode, 0).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    assert_eq!(weakens(&home, us(), &key), None);
}

#[test]
fn the_file_of_a_key_tells_which_it_is_and_whether_it_lies_open() {
    let (_home, folder) = home();
    let [open, shut] = ["open", "shut"].map(|name| folder.join(name));
    fs::write(&open, &*key(1).to_openssh(LineEnding::LF).unwrap()).unwrap();
    let locked = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n";
    fs::write(&shut, locked).unwrap();
    let public = |path: &Path, key: &PrivateKey| {
        fs::write(beside(path), key.public_key().to_openssh().unwrap()).unwrap();
    };
    // What the private file says of itself counts, not what lies beside it.
    public(&open, &key(2));
    public(&shut, &key(3));
    let fingerprint = |seed| Some(key(seed).fingerprint(HashAlg::Sha256).to_string());
    for path in [open.clone(), beside(&open)] {
        let Seen { key, open } = see(&path);
        assert_eq!(key, fingerprint(1));
        assert!(open.unwrap().ends_with("open holds the key without a passphrase"));
    }
    for path in [shut.clone(), beside(&shut)] {
        assert_eq!(see(&path), Seen { key: fingerprint(3), open: None });
    }
    fs::remove_file(&shut).unwrap();
    assert_eq!(see(&beside(&shut)), Seen { key: fingerprint(3), open: None }, "an agent has it");
    assert_eq!(see(&folder.join("none")), Seen::default());
}
