//! ssh-agents of an account that hold a listed key, and whether they sign with it without asking. There
//! is no way to be told that, so such an agent is asked for one signature, which is good for nothing.

use std::fs::DirEntry;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use ssh_key::{HashAlg, PublicKey, SshSig};
use tokio::time::timeout;

use super::protocol::Agent;
use super::{Places, is_us, shown};
use crate::core::approval::{Signers, is_hardware};

/// What a signature that is asked for here is for. Nothing takes one for anything.
const NAMESPACE: &str = "countersign-probe";

/// What is signed.
const MESSAGE: &[u8] = b"Whether this agent signs without asking. This approves nothing.\n";

/// How long an agent has for an answer. One that asks somebody takes longer.
const ANSWER: Duration = Duration::from_secs(1);

/// Agents of an account, at most.
const SOCKETS_MAX: usize = 32;

/// What is taken from a folder, at most.
const NAMES_MAX: usize = 4096;

/// Where systems put the sockets of agents below a runtime folder.
const RUNTIME: [&str; 7] = [
    "ssh-agent.socket",
    "ssh-agent",
    "openssh_agent",
    "keyring/ssh",
    "gcr/ssh",
    "gnupg/S.gpg-agent.ssh",
    "gnupg/d.ssh/S.gpg-agent.ssh",
];

/// The sockets of the agents that an account may have.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    found: Vec<(Socket, PathBuf)>,
    /// Whether there are more than are looked at.
    more: bool,
}

/// What tells one socket from another, for as long as both are there.
type Socket = (u64, u64);

/// A key that an agent holds, as its public half is written, and its fingerprint.
struct Held {
    key: Vec<u8>,
    fingerprint: String,
}

impl Sockets {
    /// An agent that holds the key of this fingerprint, if one does.
    pub(super) async fn holder(&self, key: &str) -> Option<String> {
        let held = join_all(self.found.iter().map(|(_, path)| held(path))).await;
        let holds = |held: &[Held]| held.iter().any(|held| held.fingerprint == key);
        let found = held.iter().zip(&self.found).find(|(held, _)| holds(held));
        found.map(|(_, (_, path))| shown(path))
    }

    /// Why a signature of each of these keys may be one that nobody was asked for, as far as one may:
    /// asks every agent that holds one for a signature.
    pub(super) async fn unasked(&self, keys: &[String]) -> Vec<Option<String>> {
        let looks = self.found.iter().map(|(_, path)| signed(path, keys));
        let signed: Vec<Vec<String>> = join_all(looks).await;
        let why = |key: &String| {
            let signs = signed.iter().zip(&self.found).find(|(signed, _)| signed.contains(key));
            let signs = signs.map(|(_, (_, path))| {
                format!("the ssh-agent at {} signs with the key without asking", shown(path))
            });
            signs.or_else(|| {
                self.more.then(|| {
                    format!(
                        "the account has more than the {SOCKETS_MAX} ssh-agents that are looked at"
                    )
                })
            })
        };
        keys.iter().map(why).collect()
    }

    /// Notes of each signer if one of these agents signs with its key without asking.
    pub(super) async fn probe(&self, signers: &mut Signers) {
        let open = signers.0.iter_mut().filter(|signer| signer.is_open_question());
        let mut open: Vec<_> = open.collect();
        let keys: Vec<String> = open.iter().map(|signer| signer.fingerprint()).collect();
        for (signer, why) in open.iter_mut().zip(self.unasked(&keys).await) {
            signer.weak = why;
        }
    }

    fn add(&mut self, path: PathBuf, owner: Option<u32>) {
        let Ok(found) = std::fs::metadata(&path) else { return };
        let socket = (found.dev(), found.ino());
        let is_new = self.found.iter().all(|(known, _)| *known != socket);
        let is_anothers = owner.is_some_and(|uid| found.uid() != uid);
        if !found.file_type().is_socket() || is_anothers || !is_new {
            return;
        }
        if self.found.len() < SOCKETS_MAX {
            self.found.push((socket, path));
        } else {
            self.more = true;
        }
    }
}

/// The keys that an agent holds, but for those of security keys.
async fn held(socket: &Path) -> Vec<Held> {
    let look = async { Agent::connect(socket).await?.keys().await };
    let Ok(Ok(keys)) = timeout(ANSWER, look).await else { return Vec::new() };
    let held = keys.into_iter().filter_map(|key| {
        let public = PublicKey::from_bytes(&key).ok()?;
        let fingerprint = public.fingerprint(HashAlg::Sha256).to_string();
        (!is_hardware(&public)).then_some(Held { key, fingerprint })
    });
    held.collect()
}

/// Those of the keys that an agent signs with without asking.
async fn signed(socket: &Path, keys: &[String]) -> Vec<String> {
    let mut held = held(socket).await;
    held.retain(|held| keys.contains(&held.fingerprint));
    held.dedup_by(|one, other| one.key == other.key);
    let one = |held: Held| async move {
        let signs = timeout(ANSWER, signs(socket, &held.key)).await;
        matches!(signs, Ok(Some(true))).then_some(held.fingerprint)
    };
    join_all(held.into_iter().map(one)).await.into_iter().flatten().collect()
}

async fn signs(socket: &Path, key: &[u8]) -> Option<bool> {
    let bytes = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, MESSAGE).ok()?;
    Agent::connect(socket).await.ok()?.signs(key, &bytes).await.ok()
}

/// The sockets of agents in the usual places that belong to an account.
pub(super) fn sockets(places: &Places, homes: &[PathBuf], uid: u32) -> Sockets {
    let mut sockets = Sockets::default();
    let mut runtime = vec![PathBuf::from(format!("/run/user/{uid}"))];
    if is_us(uid) {
        runtime.extend(places.runtime_dir.clone());
        // The one that programs are told to use may belong to whoever forwards it.
        if let Some(path) = &places.auth_sock {
            sockets.add(path.clone(), None);
        }
    }
    let fixed = runtime.iter().flat_map(|folder| RUNTIME.map(|name| folder.join(name)));
    let gnupg = homes.iter().map(|home| home.join(".gnupg/S.gpg-agent.ssh"));
    let own = homes.iter().flat_map(|home| within(&home.join(".ssh/agent"), "", uid));
    let passing = within(Path::new("/tmp"), "ssh-", uid);
    let passing = passing.into_iter().flat_map(|folder| within(&folder, "agent.", uid));
    for path in fixed.chain(gnupg).chain(own).chain(passing) {
        sockets.add(path, Some(uid));
    }
    sockets
}

/// What an account has in a folder that can be looked into, by names that begin so.
fn within(folder: &Path, start: &str, uid: u32) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_meant = |entry: &DirEntry| {
        let begins = entry.file_name().to_string_lossy().starts_with(start);
        begins && entry.metadata().is_ok_and(|found| found.uid() == uid)
    };
    // Whatever else lies there, or others put there, hides nothing.
    entries.flatten().filter(is_meant).take(NAMES_MAX).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
