//! Signing an ask's document, by `ssh-keygen`: so that passphrases, agents that ask, and security keys
//! work as their owner knows them.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::core::approval::{NAMESPACE, Signers};
use crate::core::policy::Requirement;
use crate::core::reason::{Fault, Reason};

/// Where `ssh-keygen` is looked for. Not along PATH, which whoever runs under this account can set.
const PROGRAMS: [&str; 3] =
    ["/usr/bin/ssh-keygen", "/usr/local/bin/ssh-keygen", "/opt/homebrew/bin/ssh-keygen"];

/// Keys that are looked at.
const KEYS_MAX: usize = 256;

/// Public keys that are longer are not read, in bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// The key of this account's `~/.ssh` whose signature is worth most: its private file, or its public
/// one where an agent has the other.
///
/// # Errors
/// If there is none that anybody trusts.
pub(super) fn find_key(
    signers: &Signers,
    takes: &Requirement,
    home: Option<&Path>,
) -> Result<PathBuf, Fault> {
    let folder = home.map(|home| home.join(".ssh"));
    let files = folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
    let files = files.into_iter().flatten().flatten().map(|entry| entry.path()).take(KEYS_MAX);
    let keys = files.filter(|path| path.extension().is_some_and(|end| end == "pub"));
    let trusted = keys.filter_map(|path| {
        let line = public(&path)?;
        let known = signers.0.iter().filter(|signer| signer.has(&line));
        // One that policy takes comes before one that is worth more.
        let rank = known.map(|signer| {
            let worth = signer.worth();
            (takes.is_met(worth, Some(&signer.name)), worth)
        });
        Some((rank.max()?, path))
    });
    let Some((_, path)) = trusted.max() else {
        return Err(Fault::new(
            Reason::SignerUnknown,
            "No key in ~/.ssh is one whose signature counts here (`countersign trust list`). Name the \
             one to sign with: --key FILE.",
        ));
    };
    let private = path.with_extension("");
    Ok(if private.is_file() { private } else { path })
}

fn public(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Has a document signed. Whoever holds the key is asked by `ssh-keygen` itself.
///
/// # Errors
/// If it cannot be run, or signs nothing.
#[expect(clippy::disallowed_methods, reason = "the signer runs ssh-keygen, on its own terminal")]
pub(super) fn sign(key: &Path, document: &str) -> Result<String, Fault> {
    let failed = |message: String| Fault::new(Reason::SignatureInvalid, message);
    let program = PROGRAMS.into_iter().find(|program| Path::new(program).is_file());
    let program = program.ok_or_else(|| {
        failed(format!("There is no ssh-keygen at {}. Install OpenSSH.", PROGRAMS.join(", ")))
    })?;
    let broken = |error: std::io::Error| failed(format!("{program} cannot be run: {error}"));
    let mut child = Command::new(program)
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(broken)?;
    if let Some(mut input) = child.stdin.take() {
        // Where it ends before it has read all, what it says and its exit code tell why.
        drop(input.write_all(document.as_bytes()));
    }
    let signed = child.wait_with_output().map_err(broken)?;
    if !signed.status.success() {
        return Err(failed(format!(
            "{program} did not sign ({}). Nothing was approved.",
            signed.status
        )));
    }
    String::from_utf8(signed.stdout)
        .map_err(|_| failed(format!("{program} printed something that is no signature.")))
}
