//! Approvals: a person's signature over the document of an ask, by a key that somebody trusts. What a
//! signature is worth is found, never claimed.

mod trusted;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ssh_key::{HashAlg, PublicKey, SshSig};
use time::OffsetDateTime;

use super::grant::Assurance;
use super::policy::Requirement;
use super::reason::{Fault, Reason};
use super::{signers, text};

pub use trusted::{Trusted, Unmet};

/// What approvals are signed for, and nothing else is.
pub const NAMESPACE: &str = "countersign-approval";

/// Nobody reads what is asked and answers in less.
pub const READING: Duration = Duration::from_millis(300);

/// Signatures that are longer are not read, in bytes.
const SIGNATURE_BYTES_MAX: usize = 16 * 1024;

/// What a signature begins with.
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";

/// What it ends with.
const END: &str = "-----END SSH SIGNATURE-----";

/// What a security key's signature ends with: a byte of flags, and a counter of four.
const HARDWARE_TRAILER: usize = 5;

/// The flag that says that somebody touched it.
const TOUCHED: u8 = 1;

/// Somebody whose signature counts.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The name in the file.
    pub name: Arc<str>,
    /// The key.
    pub key: PublicKey,
    /// The file that trusts it.
    pub file: Arc<str>,
    /// The line there, from 1.
    pub line: usize,
    /// From when, if the file says so.
    pub valid_after: Option<OffsetDateTime>,
    /// Until when, if the file says so.
    pub valid_before: Option<OffsetDateTime>,
    /// Why its signature is worth no more than somebody at a terminal, if that is so: in a clause that
    /// goes on after "since".
    pub weak: Option<String>,
}

impl Signer {
    /// The key's fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether this line of a public key's file is its key.
    pub fn has(&self, line: &str) -> bool {
        let key = PublicKey::from_openssh(line.trim());
        key.is_ok_and(|key| key.key_data() == self.key.key_data())
    }

    /// Whether the key is in a device that somebody has to touch.
    pub fn is_hardware(&self) -> bool {
        is_hardware(&self.key)
    }

    /// Whether it is still to be seen if somebody else could sign with its key. What is in a security
    /// key is protected by the touch.
    pub fn is_open_question(&self) -> bool {
        self.weak.is_none() && !self.is_hardware()
    }

    /// What a signature of it is worth at most.
    pub fn worth(&self) -> Assurance {
        match (&self.weak, self.is_hardware()) {
            (Some(_), _) => Assurance::Tty,
            (None, false) => Assurance::Secret,
            (None, true) => Assurance::Hardware,
        }
    }

    /// Whether the file lets it sign at this moment.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.valid_after.is_none_or(|after| after <= now)
            && self.valid_before.is_none_or(|before| now <= before)
    }
}

/// Whether a key is in a device that somebody has to touch.
pub fn is_hardware(key: &PublicKey) -> bool {
    key.key_data().is_sk_ed25519() || key.key_data().is_sk_ecdsa_p256()
}

/// Everybody whose signature counts.
#[derive(Clone, Debug, Default)]
pub struct Signers(pub Vec<Signer>);

impl Signers {
    /// Takes each signature but that of a security key for one that is worth no more than somebody at
    /// a terminal, for this reason.
    pub fn weaken(&mut self, why: &str) {
        let open = self.0.iter_mut().filter(|signer| signer.is_open_question());
        open.for_each(|signer| signer.weak = Some(why.to_owned()));
    }

    /// Whether somebody could sign now what satisfies this, given by another account than the
    /// requester's as well if there is a way for that.
    pub fn can_meet(&self, takes: &Requirement, apart: bool, now: OffsetDateTime) -> bool {
        let meets = |signer: &&Signer| {
            let worth = [false, apart].into_iter().flat_map(|apart| all(signer.worth(), apart));
            let mut met = worth.map(|worth| takes.is_met(worth, Some(&signer.name)));
            signer.is_valid(now) && met.any(|met| met)
        };
        self.0.iter().any(|signer| meets(&signer))
    }
}

/// A signature that was verified. It cannot be made otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    signer: Arc<str>,
    key: String,
    assurance: Assurance,
    account: Option<u32>,
}

impl Approval {
    /// The signer's name in the file that trusts the key.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The key's fingerprint.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is worth.
    pub const fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The account that gave it, if that is not the requester's.
    pub const fn account(&self) -> Option<u32> {
        self.account
    }
}

/// A signature that another account than the requester's gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The signature.
    pub signature: String,
    /// The account.
    pub uid: u32,
}

/// Verifies a signature over a document, as `ssh-keygen -Y sign` writes it, and finds what it is worth.
/// `account` is the one that it was found to come from, if that is not the requester's.
///
/// # Errors
/// `signature_invalid` for one over something else, for another purpose or by nobody; `signer_unknown` if
/// no file trusts the key, or not now, or policy wants another signer; `assurance_too_low` if it is
/// worth less than policy takes.
pub fn verify(
    document: &str,
    signature: &str,
    account: Option<u32>,
    signers: &Signers,
    takes: &Requirement,
    now: OffsetDateTime,
) -> Result<Approval, Fault> {
    let signature = read(signature)?;
    if signature.namespace() != NAMESPACE {
        return Err(invalid(format!(
            "The signature was given for `{}`, and approvals are signed for `{NAMESPACE}`.",
            text::name(signature.namespace())
        )));
    }
    let key = PublicKey::from(signature.public_key().clone());
    signers::counts(&key)
        .map_err(|why| invalid(format!("The signature is by a key that does not count: {why}.")))?;
    key.verify(NAMESPACE, document.as_bytes(), &signature)
        .map_err(|_| invalid("The signature is not one over this ask's document."))?;
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let known = known(&fingerprint, signers, takes, now)?;
    let (most, weak) = worth(known, &signature);
    let met = |worth: &Assurance| takes.is_met(*worth, Some(&known.name));
    let Some(assurance) = all(most, account.is_some()).into_iter().find(met) else {
        return Err(too_low(known, most, weak.as_deref(), account, takes));
    };
    let signer = Arc::clone(&known.name);
    Ok(Approval { signer, key: fingerprint, assurance, account })
}

/// Whether policy could take a signature of the key that has this fingerprint, so that nobody signs in
/// vain. `account` is as in [`verify`].
///
/// # Errors
/// As [`verify`] has for it, if it could not.
pub fn foresee(
    key: &str,
    account: Option<u32>,
    signers: &Signers,
    takes: &Requirement,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let known = known(key, signers, takes, now)?;
    let met = |worth: Assurance| takes.is_met(worth, Some(&known.name));
    match all(known.worth(), account.is_some()).into_iter().any(met) {
        true => Ok(()),
        false => Err(too_low(known, known.worth(), known.weak.as_deref(), account, takes)),
    }
}

/// The fingerprint of the key that a signature names, if it is one that can be read.
pub fn key(signature: &str) -> Option<String> {
    let signature = read(signature).ok()?;
    let key = PublicKey::from(signature.public_key().clone());
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}

/// Everything that a signature of this worth is worth, the highest first: given by another account, one
/// that the requester cannot give is worth that as well.
fn all(most: Assurance, apart: bool) -> [Assurance; 2] {
    match apart && most >= Assurance::Secret {
        true => [most.max(Assurance::Uid), Assurance::Uid],
        false => [most, most],
    }
}

fn read(signature: &str) -> Result<SshSig, Fault> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(invalid("The signature is too long to be one."));
    }
    let no_signature = || invalid("This is no signature as `ssh-keygen -Y sign` writes them.");
    // What stands around it would be skipped otherwise, and kept.
    let signature = signature.trim_ascii();
    let inner = signature.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    if inner.is_none_or(|inner| inner.contains("--")) {
        return Err(no_signature());
    }
    let signature = SshSig::from_pem(signature).map_err(|_| no_signature())?;
    // No signature covers its version.
    if signature.version() == SshSig::VERSION { Ok(signature) } else { Err(no_signature()) }
}

/// The entry of the signer's key that counts most, of those that count at all.
fn known<'a>(
    fingerprint: &str,
    signers: &'a Signers,
    takes: &Requirement,
    now: OffsetDateTime,
) -> Result<&'a Signer, Fault> {
    let unknown = |message: String| Err(Fault::new(Reason::SignerUnknown, message));
    let of_key: Vec<&Signer> =
        signers.0.iter().filter(|signer| signer.fingerprint() == fingerprint).collect();
    if of_key.is_empty() {
        return unknown(format!("No file trusts the key {fingerprint}: `countersign trust list`."));
    }
    let valid: Vec<&Signer> = of_key.into_iter().filter(|signer| signer.is_valid(now)).collect();
    if valid.is_empty() {
        return unknown(format!("The key {fingerprint} is trusted, but not at this time."));
    }
    let named = |signer: &&Signer| takes.by.as_ref().is_none_or(|by| by.contains(&signer.name));
    match valid.iter().filter(|signer| named(signer)).max_by_key(|signer| signer.worth()) {
        Some(signer) => Ok(signer),
        None => {
            let names: Vec<&str> = takes.by.iter().flatten().map(|name| &**name).collect();
            unknown(format!(
                "The key {fingerprint} is trusted, but policy wants the signature of {}.",
                text::name(&names.join(" or "))
            ))
        }
    }
}

/// What this signature of a signer is worth, and why it is no more.
fn worth(signer: &Signer, signature: &SshSig) -> (Assurance, Option<String>) {
    let bytes = signature.signature_bytes();
    let flags = bytes.len().checked_sub(HARDWARE_TRAILER).and_then(|place| bytes.get(place));
    let touched = flags.is_some_and(|flags| flags & TOUCHED != 0);
    if signer.weak.is_none() && signer.is_hardware() && !touched {
        return (Assurance::Tty, Some("nobody touched the security key".into()));
    }
    (signer.worth(), signer.weak.clone())
}

fn too_low(
    signer: &Signer,
    assurance: Assurance,
    weak: Option<&str>,
    account: Option<u32>,
    takes: &Requirement,
) -> Fault {
    let why = weak.map(|why| format!(", since {why}")).unwrap_or_default();
    let [assurance, _] = all(assurance, account.is_some());
    let apart = all(assurance, true).iter().any(|worth| takes.is_met(*worth, Some(&signer.name)));
    let mend =
        if apart { " Given by another account it is enough: `approve --document`." } else { "" };
    Fault::new(
        Reason::AssuranceTooLow,
        format!(
            "The signature of {} is worth `{assurance}`{why}. Policy takes {} here.{mend}",
            text::name(&signer.name),
            takes.words()
        ),
    )
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(Reason::SignatureInvalid, message)
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, `{}`)", text::name(&self.signer), self.key, self.assurance)
    }
}

#[cfg(test)]
mod tests;
