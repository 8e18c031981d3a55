//! Private keys that an account can use without asking anybody: those in its `~/.ssh` that no
//! passphrase protects.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use ssh_key::encoding::{Base64Reader, Reader as _};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{HashAlg, PrivateKey, PublicKey};

use super::list::bounded;
use super::{is_us, shown};
use crate::core::approval::is_hardware;

/// A private key's file is no longer, in bytes: OpenSSH reads none that is.
const KEY_BYTES_MAX: u64 = 1024 * 1024;

/// Files in a folder that are looked at, at most.
const FILES_MAX: usize = 512;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Open {
    keys: Vec<(PathBuf, Half)>,
    /// Why not everything was looked at, in a clause.
    missed: Option<String>,
}

/// What is seen of a key's file before it signs: a private one, or a public one whose private half is
/// beside it, in an agent or in a security key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The key's fingerprint, if it is told there.
    pub key: Option<String>,
    /// Why nobody is asked when it signs, in a clause, if that is so.
    pub open: Option<String>,
}

/// Looks at a key's file.
pub fn see(path: &Path) -> Seen {
    let private = match path.extension() {
        Some(end) if end == "pub" => path.with_extension(""),
        _ => path.to_owned(),
    };
    let text = key_file(&private, None).and_then(|bytes| String::from_utf8(bytes).ok());
    let embedded = text.and_then(|text| PrivateKey::from_openssh(text.trim_start()).ok());
    let public = match embedded {
        Some(key) => Some(key.public_key().clone()),
        None => [path, &beside(&private)].into_iter().find_map(public),
    };
    let is_hardware = public.as_ref().is_some_and(is_hardware);
    let open = unprotected(&private, None).filter(|_| !is_hardware);
    Seen {
        key: public.map(|key| key.fingerprint(HashAlg::Sha256).to_string()),
        open: open.map(|_| lies_open(&private)),
    }
}

fn lies_open(path: &Path) -> String {
    format!("{} holds the key without a passphrase", shown(path))
}

/// The file of a private key's public half.
fn beside(private: &Path) -> PathBuf {
    let mut beside = private.as_os_str().to_owned();
    beside.push(".pub");
    beside.into()
}

fn public(path: &Path) -> Option<PublicKey> {
    let bytes = key_file(path, None)?;
    PublicKey::from_openssh(std::str::from_utf8(&bytes).ok()?).ok()
}

/// What is known of an unprotected key's public half.
#[derive(Debug)]
enum Half {
    /// This is it.
    Known(Box<KeyData>),
    /// It stands somewhere among these bytes, or in the file beside the key's.
    Within { private: Vec<u8>, beside: Option<Box<KeyData>> },
}

impl Open {
    /// Why a signature of this key may be the account's own, in a clause.
    pub(super) fn weakens(&self, key: &KeyData) -> Option<String> {
        let found = self.keys.iter().find(|(_, half)| half.is_of(key));
        found.map(|(path, _)| lies_open(path)).or_else(|| self.missed.clone())
    }
}

impl Half {
    fn is_of(&self, key: &KeyData) -> bool {
        match self {
            Self::Known(half) => **half == *key,
            Self::Within { private, beside } => {
                beside.as_deref() == Some(key)
                    || number(key).is_some_and(|number| {
                        private.windows(number.len()).any(|window| window == number)
                    })
            }
        }
    }
}

/// The number in a public key that every older form of the private one holds as well.
fn number(key: &KeyData) -> Option<&[u8]> {
    let number = match key {
        KeyData::Rsa(rsa) => rsa.n().as_positive_bytes()?,
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => point.as_bytes(),
        _ => return None,
    };
    (!number.is_empty()).then_some(number)
}

/// Looks for unprotected keys in these homes, as far as this process can see.
pub(super) fn lying_open(homes: &[PathBuf], uid: u32) -> Open {
    let mut open = Open::default();
    for folder in homes.iter().map(|home| home.join(".ssh")) {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                // What another account keeps to itself, it sees itself before it spends anything.
                if is_us(uid) && error.kind() != ErrorKind::NotFound {
                    open.missed =
                        Some(format!("{} cannot be looked into: {error}", shown(&folder)));
                }
                continue;
            }
        };
        for (count, entry) in entries.enumerate() {
            let Ok(entry) = entry else {
                open.missed = Some(format!("{} cannot be looked into", shown(&folder)));
                break;
            };
            if count >= FILES_MAX {
                open.missed = Some(format!(
                    "{} has more than the {FILES_MAX} files that are looked at",
                    shown(&folder)
                ));
                break;
            }
            let path = entry.path();
            open.keys.extend(unprotected(&path, Some(uid)).map(|half| (path, half)));
        }
    }
    open
}

/// The key in a file, if that account can read it and no passphrase protects it.
fn unprotected(path: &Path, reader: Option<u32>) -> Option<Half> {
    let bytes = key_file(path, reader)?;
    let text = std::str::from_utf8(&bytes).ok()?.trim_start();
    let (label, body) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    if label == "OPENSSH PRIVATE KEY" {
        match PrivateKey::from_openssh(text) {
            Ok(key) if key.is_encrypted() => return None,
            Ok(key) => return Some(Half::Known(Box::new(key.public_key().key_data().clone()))),
            // What is not understood may well be a key.
            Err(_) => {}
        }
    }
    if label.starts_with("ENCRYPTED") || body.contains("Proc-Type: 4,ENCRYPTED") {
        return None;
    }
    let beside = public(&beside(path)).map(|key| Box::new(key.key_data().clone()));
    Some(Half::Within { private: decoded(body), beside })
}

/// The bytes of the lines of base64 before the end.
fn decoded(body: &str) -> Vec<u8> {
    let lines = body.lines().take_while(|line| !line.starts_with("-----"));
    let base64: String = lines.filter(|line| !line.contains(':')).map(str::trim).collect();
    let mut bytes = Vec::new();
    if let Ok(mut reader) = Base64Reader::new(base64.as_bytes()) {
        bytes.resize(reader.remaining_len(), 0);
        if reader.read(&mut bytes).is_err() {
            bytes.clear();
        }
    }
    bytes
}

/// What a file of a key's size holds, if that account can read it or come to.
fn key_file(path: &Path, reader: Option<u32>) -> Option<Vec<u8>> {
    // Without NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty()).ok()?);
    let found = file.metadata().ok()?;
    let may = |uid| is_us(uid) || found.uid() == uid || found.mode() & 0o044 != 0;
    if !reader.is_none_or(may) {
        return None;
    }
    bounded(&file, KEY_BYTES_MAX).ok().flatten()
}

#[cfg(test)]
mod tests;
