//! ssh-agents of an account that sign with a listed key without asking. There is no way to be told, so
//! each that has such a key is asked for one signature, which is good for nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use ssh_key::{HashAlg, SshSig};
use tokio::time::timeout;

use super::protocol::Agent;
use super::{Places, is_open_question, is_us, shown};
use crate::core::approval::Signers;
use crate::core::grant::Tick;
use crate::ports::Clock;

/// What a signature that is asked for here is for. Nothing takes one for anything.
const NAMESPACE: &str = "countersign-probe";

/// What is signed.
const MESSAGE: &[u8] = b"Whether this agent signs without asking. This approves nothing.\n";

/// How long an agent has for an answer. One that asks somebody takes longer.
const ANSWER: Duration = Duration::from_secs(1);

/// How long an agent that asked is taken to ask, so that not every look shows somebody a dialog.
const ASKS: Duration = Duration::from_secs(300);

/// Agents of an account, at most.
const SOCKETS_MAX: usize = 32;

/// Names in a folder that are looked at, at most.
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

/// The agents that an account may have.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    found: Vec<(Socket, PathBuf)>,
    /// Whether there are more than are looked at.
    more: bool,
}

/// What tells one socket from another, for as long as both are there.
type Socket = (u64, u64);

/// What asks agents, and remembers those that ask.
#[derive(Debug)]
pub(super) struct Agents {
    clock: Arc<dyn Clock>,
    asking: Mutex<BTreeMap<(Socket, Vec<u8>), Tick>>,
}

impl Agents {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, asking: Mutex::default() }
    }

    /// Notes of each signer if one of these agents signs with its key without asking.
    pub(super) async fn ask(&self, signers: &mut Signers, sockets: &Sockets) {
        let keys: Vec<Vec<u8>> = signers
            .0
            .iter()
            .filter(|signer| is_open_question(signer))
            .filter_map(|signer| signer.key.to_bytes().ok())
            .collect();
        if keys.is_empty() {
            return;
        }
        let looks = sockets.found.iter().map(|(socket, path)| self.signs(*socket, path, &keys));
        let unasked = join_all(looks).await;
        let more = sockets.more.then(|| {
            format!("the account has more than the {SOCKETS_MAX} ssh-agents that are looked at")
        });
        for signer in signers.0.iter_mut().filter(|signer| is_open_question(signer)) {
            let Ok(key) = signer.key.to_bytes() else { continue };
            let signs = unasked.iter().zip(&sockets.found).find(|(keys, _)| keys.contains(&key));
            let signs = signs.map(|(_, (_, path))| {
                format!("the ssh-agent at {} signs with the key without asking", shown(path))
            });
            signer.weak = signs.or_else(|| more.clone());
        }
    }

    /// Those of the keys that an agent signs with without asking.
    async fn signs(&self, socket: Socket, path: &Path, keys: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let Ok(Some(mut held)) = timeout(ANSWER, held(path)).await else { return Vec::new() };
        held.retain(|key| keys.contains(key) && !self.asked_lately(socket, key));
        held.dedup();
        let one = |key: Vec<u8>| async move {
            let signed = timeout(ANSWER, signs(path, &key)).await;
            if matches!(signed, Ok(Some(true))) {
                return Some(key);
            }
            self.note(socket, key);
            None
        };
        join_all(held.into_iter().map(one)).await.into_iter().flatten().collect()
    }

    fn asked_lately(&self, socket: Socket, key: &[u8]) -> bool {
        let now = self.clock.tick();
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.retain(|_, at| now.0.saturating_sub(at.0) < ASKS);
        asking.contains_key(&(socket, key.to_vec()))
    }

    fn note(&self, socket: Socket, key: Vec<u8>) {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.insert((socket, key), self.clock.tick());
    }
}

async fn held(socket: &Path) -> Option<Vec<Vec<u8>>> {
    Agent::connect(socket).await.ok()?.keys().await.ok()
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
    let own = homes.iter().flat_map(|home| within(&home.join(".ssh/agent"), ""));
    let passing = within(Path::new("/tmp"), "ssh-");
    let passing = passing.into_iter().flat_map(|folder| within(&folder, "agent."));
    for path in fixed.chain(gnupg).chain(own).chain(passing) {
        sockets.add(path, Some(uid));
    }
    sockets
}

impl Sockets {
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

/// What is in a folder that can be looked into, by names that begin so.
fn within(folder: &Path, start: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let begins = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(start);
    entries.flatten().take(NAMES_MAX).filter(begins).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
