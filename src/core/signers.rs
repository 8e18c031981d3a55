//! OpenSSH's list of allowed signers, as `ssh-keygen -Y verify` reads it (`ssh-keygen(1)`, "ALLOWED
//! SIGNERS"), and stricter: a line that is not understood to its end does not count, and it is said why.

mod options;

use std::sync::Arc;

use jiff::tz::TimeZone;
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::approval::{NAMESPACE, Signer};
use super::text;
use options::Options;

/// A file that is longer is not read, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Lines and signers of a file, at most.
pub const LINES_MAX: usize = 1000;

/// A line that is longer does not count, in bytes.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// What follows the name of a signer whom an account trusts by a file of its own. No name in a file has
/// it, so that no rule and no record takes such a signer for another.
pub const OWN: &str = " (own file)";

/// A signer's name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The shortest RSA key that counts, in bits.
const RSA_BITS_MIN: usize = 2048;

/// The longest RSA key that signatures are verified with, in bits.
const RSA_BITS_MAX: usize = 8192;

/// The kinds of keys that are read, as they stand in files.
pub const KINDS: [&str; 5] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What a file of signers says.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Those whose signature counts, in the order of the file.
    pub signers: Vec<Signer>,
    /// What does not count.
    pub left_out: Vec<LeftOut>,
}

/// A line, or a part of one, that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The file.
    pub file: Arc<str>,
    /// The line's number, from 1.
    pub line: usize,
    /// Why, in a clause.
    pub why: String,
}

/// Reads a file of signers. Times without a `Z` are of the zone, and do not count where none is known.
pub fn read(bytes: &[u8], file: &Arc<str>, zone: Option<&TimeZone>) -> Listed {
    let mut listed = Listed::default();
    let mut leave = |line: usize, why: String| {
        listed.left_out.push(LeftOut { file: Arc::clone(file), line, why });
    };
    if bytes.len() > FILE_BYTES_MAX {
        leave(1, format!("the file is longer than {FILE_BYTES_MAX} bytes"));
        return listed;
    }
    for (index, bytes) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        if line > LINES_MAX {
            leave(line, format!("nothing after {LINES_MAX} lines counts"));
            break;
        }
        let entry = match plain(bytes).and_then(|text| Entry::parse(text, zone)) {
            Ok(Some(entry)) => entry,
            Ok(None) => continue,
            Err(why) => {
                leave(line, why);
                continue;
            }
        };
        let Entry { principals, key, options: Options { valid_after, valid_before } } = entry;
        if let Some(odd) = principals.split(',').find(|name| !is_name(name)) {
            leave(line, not_plain(odd));
        }
        let names = principals.split(',').filter(|name| is_name(name));
        listed.signers.extend(names.map(|name| Signer {
            name: name.into(),
            key: key.clone(),
            file: Arc::clone(file),
            line,
            valid_after,
            valid_before,
            weak: None,
        }));
        if listed.signers.len() > LINES_MAX {
            listed.signers.truncate(LINES_MAX);
            leave(line, format!("nobody after {LINES_MAX} signers counts"));
            break;
        }
    }
    listed
}

/// Whether a signer can have this name: letters, digits, `.`, `_`, `@`, `+` and `-`, of at most 64.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// Reads a public key as OpenSSH writes one: its kind, its bytes in base64, and perhaps a comment.
///
/// # Errors
/// For what is no such key, and for one of a kind or size that does not count, in a clause.
pub fn key(text: &str) -> Result<PublicKey, String> {
    let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
    let (kind, base64) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    if !KINDS.contains(&kind) {
        return Err(not_read(kind));
    }
    let key = PublicKey::from_openssh(&format!("{kind} {base64}"))
        .map_err(|_| format!("its {kind} key cannot be read"))?;
    counts(&key)?;
    Ok(key)
}

/// Whether the signatures of a key of this kind and size count.
///
/// # Errors
/// If they do not, in a clause.
pub fn counts(key: &PublicKey) -> Result<(), String> {
    let kind = key.algorithm();
    if !KINDS.contains(&kind.as_str()) {
        return Err(not_read(kind.as_str()));
    }
    let KeyData::Rsa(rsa) = key.key_data() else { return Ok(()) };
    let modulus = rsa.n().as_positive_bytes().unwrap_or_default();
    let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (modulus.len() * 8).saturating_sub(zeros);
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(format!(
            "its RSA key has {bits} bits, and {RSA_BITS_MIN} to {RSA_BITS_MAX} count"
        ));
    }
    Ok(())
}

/// One line that names somebody.
struct Entry<'a> {
    principals: &'a str,
    key: PublicKey,
    options: Options,
}

impl<'a> Entry<'a> {
    /// Reads a line; none for an empty one or a comment.
    fn parse(line: &'a str, zone: Option<&TimeZone>) -> Result<Option<Self>, String> {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let Some((principals, rest)) = line.split_once([' ', '\t']) else {
            return Err("it has no key".into());
        };
        // With a negation among them, even a plain name may be excepted.
        if principals.contains('!') {
            return Err("it excepts signers with `!`; name those who count".into());
        }
        let rest = rest.trim_start_matches([' ', '\t']);
        let (options, rest) = if is_kind(rest.split([' ', '\t']).next().unwrap_or_default()) {
            (Options::default(), rest)
        } else {
            options::parse(rest, NAMESPACE, zone)?
        };
        Ok(Some(Self { principals, key: key(rest)?, options }))
    }
}

/// Whether a word is the kind of a key rather than an option. No option begins like one.
pub fn is_kind(word: &str) -> bool {
    ["ssh-", "sk-", "ecdsa-", "rsa-", "webauthn-"].iter().any(|start| word.starts_with(start))
}

fn not_read(kind: &str) -> String {
    let kinds = KINDS.join(", ");
    if is_kind(kind) {
        return format!("keys of the kind `{}` are not read; {kinds} are", text::name(kind));
    }
    format!("it has no key where one is due; {kinds} are read")
}

fn not_plain(name: &str) -> String {
    if name.contains(['*', '?']) {
        let name = text::name(name);
        return format!(
            "`{name}` is a pattern, and who approved could not be told; name each signer"
        );
    }
    format!(
        "`{}` is no name of a signer: letters, digits and `.`, `_`, `@`, `+`, `-`, at most \
         {NAME_BYTES_MAX}",
        text::name(name)
    )
}

/// A line as text that shows all that it holds.
fn plain(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() > LINE_BYTES_MAX {
        return Err(format!("it is longer than {LINE_BYTES_MAX} bytes"));
    }
    let line = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(|c| c != '\t' && text::is_hidden(c)) {
        return Err("it holds characters that do not show".into());
    }
    Ok(line)
}

#[cfg(test)]
mod tests;
