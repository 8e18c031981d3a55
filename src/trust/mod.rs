//! Whose signatures count, and what each is worth: the files of signers, whether the account that asks
//! could change them, whether it could sign with one of their keys itself, and what other accounts gave.
//!
//! Found is what lies open, in the usual places; who wants to hide a key from this can. The signature of
//! a key that the account has had in its hands is worth nothing, whatever is found.

mod account;
mod agents;
mod edit;
mod given;
mod keys;
mod list;
mod protocol;

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::approval::{Given, Signer, Signers};
use crate::core::ask::AskId;
use crate::core::reason::{Fault, Reason};
use crate::core::signers::LeftOut;
use crate::core::text;
use crate::ports::asks::Trust;
use crate::ports::{BoxFuture, Clock};
use agents::Agents;

pub use edit::{Added, Desk, Removed, Trouble};
pub use given::APPROVALS;
pub use list::SYSTEM;

/// Where to look, as this process's environment says.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The system's file of signers.
    pub system: PathBuf,
    /// This account's own.
    pub user: Option<PathBuf>,
    /// This account's home, if not only the one that the system knows.
    pub home: Option<PathBuf>,
    /// The socket of this account's ssh-agent.
    pub auth_sock: Option<PathBuf>,
    /// Where this account's other sockets are.
    pub runtime_dir: Option<PathBuf>,
    /// The folder in which other accounts approve.
    pub approvals: PathBuf,
}

/// Everything that is known of whose signature counts.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The signers, with what each is worth.
    pub signers: Signers,
    /// The lines that do not count.
    pub left_out: Vec<LeftOut>,
    /// The files, those that are missing as well.
    pub files: Vec<Seen>,
}

/// A file of signers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Whether it is there.
    pub is_there: bool,
    /// Why nobody in it is worth more than somebody at a terminal, in a clause, if that is so.
    pub weak: Option<String>,
}

/// The files of signers of a host.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    places: Arc<Places>,
    agents: Arc<Agents>,
}

impl TrustFiles {
    /// Looks in these places, each time anew.
    pub fn new(places: Places, clock: Arc<dyn Clock>) -> Self {
        Self { places: Arc::new(places), agents: Arc::new(Agents::new(clock)) }
    }

    /// The signers whose files are there, and what does not count, for what this account asks for.
    ///
    /// # Errors
    /// `state_unavailable` if a file that is there cannot be read.
    pub async fn look(&self, requester: u32) -> Result<Known, Fault> {
        let places = Arc::clone(&self.places);
        let looked = tokio::task::spawn_blocking(move || {
            let mut known = list::read(&places, requester)?;
            let homes = account::homes(&places, requester);
            if known.signers.0.iter().any(is_open_question) {
                let open = keys::lying_open(&homes, requester);
                known
                    .signers
                    .0
                    .iter_mut()
                    .filter(|signer| is_open_question(signer))
                    .for_each(|signer| signer.weak = open.weakens(signer.key.key_data()));
            }
            let sockets = agents::sockets(&places, &homes, requester);
            Ok((known, sockets))
        });
        let (mut known, sockets) = looked.await.map_err(|error| {
            unavailable("The files of signers could not be looked at.", error.to_string())
        })??;
        self.agents.ask(&mut known.signers, &sockets).await;
        Ok(known)
    }
}

impl Trust for TrustFiles {
    fn signers(&self, requester: u32) -> BoxFuture<'_, Result<Signers, Fault>> {
        Box::pin(async move { self.look(requester).await.map(|known| known.signers) })
    }

    fn apart(&self, requester: u32) -> Result<(), String> {
        given::sound(&self.places, requester).map(drop)
    }

    fn given(&self, ask: AskId, requester: u32) -> BoxFuture<'_, Option<Given>> {
        let places = Arc::clone(&self.places);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || given::read(&places, ask, requester));
            let read = read.await.unwrap_or_else(|_| Err("it could not be read".to_owned()));
            read.unwrap_or_else(|why| {
                tracing::warn!("what was given for ask {ask} does not count: {why}");
                None
            })
        })
    }

    fn stamp(&self, ask: AskId) -> u64 {
        given::stamp(&self.places, ask)
    }
}

/// Whether it is still to be seen if somebody else could sign with this signer's key. What is in a
/// security key is protected by the touch.
fn is_open_question(signer: &Signer) -> bool {
    signer.weak.is_none() && !signer.is_hardware()
}

/// Whether this process runs as that account.
fn is_us(uid: u32) -> bool {
    rustix::process::geteuid().as_raw() == uid
}

/// A path in a message.
fn shown(path: &std::path::Path) -> String {
    text::line(&path.display().to_string(), 300)
}

fn unavailable(message: impl Into<String>, detail: String) -> Fault {
    Fault::new(Reason::StateUnavailable, message).with_detail(detail)
}
