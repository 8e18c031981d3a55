//! Signing an ask's document, by `ssh-keygen`: so that passphrases, agents that ask, and security keys
//! work as their owner knows them.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Output;
use crate::core::approval::{self, NAMESPACE, READING, Signers};
use crate::core::policy::Requirement;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::ports::Clock;
use crate::ports::asks::Trust;
use crate::trust::{KeySeen, see_key};

/// Where `ssh-keygen` is looked for. Not along PATH, which whoever runs under this account can set.
const PROGRAMS: [&str; 3] =
    ["/usr/bin/ssh-keygen", "/usr/local/bin/ssh-keygen", "/opt/homebrew/bin/ssh-keygen"];

/// Keys that are looked at.
const KEYS_MAX: usize = 256;

/// Public keys that are longer are not read, in bytes.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// What a signature is given for, and with what it is found.
pub(super) struct Signing<'a> {
    /// Whose agents hold keys.
    pub(super) trust: &'a dyn Trust,
    /// How long a signature took.
    pub(super) clock: &'a dyn Clock,
    /// Whose signatures count.
    pub(super) signers: Signers,
    /// What policy takes.
    pub(super) takes: &'a Requirement,
    /// The account that asks.
    pub(super) requester: u32,
    /// The one that approves, if that is another.
    pub(super) account: Option<u32>,
    /// Where keys are looked for.
    pub(super) home: Option<&'a Path>,
}

/// A signature that was given.
#[derive(Debug)]
pub(super) struct Signed {
    /// The signature.
    pub(super) signature: String,
    /// Why it is worth no more than somebody at a terminal, in a clause, if that was seen.
    pub(super) weak: Option<String>,
}

impl Signing<'_> {
    /// Has a document signed by this key, or by the one that is found, unless that would be in vain.
    ///
    /// # Errors
    /// If there is no key, if policy takes no signature of it, or if nothing is signed.
    pub(super) async fn sign(
        &self,
        key: Option<&Path>,
        document: &str,
        out: Output,
    ) -> Result<Signed, Fault> {
        let path = match key {
            Some(path) => path.to_owned(),
            None => find_key(&self.signers, self.takes, self.home)?,
        };
        let KeySeen { key, open } = see_key(&path);
        let shown = text::line(&path.display().to_string(), text::LINE_CHARS_MAX);
        if let Some(key) = &key {
            self.foresee(key, open.as_deref(), &shown)?;
            if let Some(agent) = self.trust.holder(self.requester, key).await {
                out.message(format!(
                    "The ssh-agent at {agent} holds this key. When the ask is spent, the server wants one \
                     more signature of it, which approves nothing, to see whether the agent asks \
                     anybody. Refuse that one: a refusal shows that it does."
                ));
            }
        }
        out.message(format!("Signing with {shown}:"));
        let before = self.clock.tick();
        let signature = sign(&path, document)?;
        let took = self.clock.tick().0.saturating_sub(before.0);
        let weak = if took < READING { self.unasked(&signature).await } else { None };
        Ok(Signed { signature, weak: open.or(weak) })
    }

    fn foresee(&self, key: &str, open: Option<&str>, path: &str) -> Result<(), Fault> {
        let mut signers = self.signers.clone();
        open.into_iter().for_each(|why| signers.weaken(why));
        let now = self.clock.now();
        approval::foresee(key, self.account, &signers, self.takes, now).map_err(|mut fault| {
            if open.is_some_and(|why| fault.message.contains(why)) {
                fault.message.push_str(&format!(
                    " Nothing was signed. Give the key a passphrase (ssh-keygen -p -f {path}), or sign \
                     with a security key."
                ));
            }
            fault
        })
    }

    /// Why nobody can have been asked for a signature that was given at once.
    async fn unasked(&self, signature: &str) -> Option<String> {
        let key = approval::key(signature)?;
        let agent = self.trust.holder(self.requester, &key).await?;
        Some(format!(
            "the ssh-agent at {agent} signed without asking anybody (take the key out of it: ssh-add -d \
             KEY; or let it ask: ssh-add -c KEY; or use a security key)"
        ))
    }
}

/// The key of this account's `~/.ssh` whose signature is worth most: its private file, or its public
/// one where an agent has the other.
///
/// # Errors
/// If there is none that anybody trusts.
fn find_key(signers: &Signers, takes: &Requirement, home: Option<&Path>) -> Result<PathBuf, Fault> {
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
fn sign(key: &Path, document: &str) -> Result<String, Fault> {
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
