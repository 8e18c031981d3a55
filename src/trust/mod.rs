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
use crate::ports::BoxFuture;
use crate::ports::asks::Trust;
use agents::Sockets;

pub use edit::{Added, Desk, Removed, Trouble};
pub use given::{APPROVALS, Folder};
pub use keys::{Seen as KeySeen, see as see_key};
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
    /// Where other accounts approve.
    pub approvals: Folder,
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
}

impl TrustFiles {
    /// Looks in these places, each time anew.
    pub fn new(places: Places) -> Self {
        Self { places: Arc::new(places) }
    }

    /// The signers whose files are there, and what does not count, for what this account asks for. A
    /// key that an ssh-agent holds counts as if that asked.
    ///
    /// # Errors
    /// `state_unavailable` if a file that is there cannot be read.
    pub fn read(&self, requester: u32) -> Result<Known, Fault> {
        // The environment names this account's own file, and no other's.
        let user = self.places.user.clone().filter(|_| is_us(requester));
        let mut known = list::read(&Places { user, ..(*self.places).clone() }, requester)?;
        known.approvals = Folder::look(&self.places, requester);
        if known.signers.0.iter().any(Signer::is_open_question) {
            let homes = account::homes(&self.places, requester);
            let open = keys::lying_open(&homes, requester);
            let signers = known.signers.0.iter_mut().filter(|signer| signer.is_open_question());
            let homeless = account::homeless(requester);
            signers.for_each(|signer| {
                signer.weak = open.weakens(signer.key.key_data()).or_else(|| homeless.clone());
            });
        }
        Ok(known)
    }

    /// The same, and each ssh-agent that holds one of their keys is asked for a signature: one that asks
    /// somebody first shows a dialog for that.
    ///
    /// # Errors
    /// As `read`.
    pub async fn look(&self, requester: u32) -> Result<Known, Fault> {
        let mut known = self.later(move |files| files.read(requester)).await??;
        self.sockets(requester).await.probe(&mut known.signers).await;
        Ok(known)
    }

    /// What these files say, looked at where it keeps nobody waiting.
    async fn later<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let files = self.clone();
        tokio::task::spawn_blocking(move || look(&files)).await.map_err(|error| {
            unavailable("The files of signers could not be looked at.", error.to_string())
        })
    }

    /// The agents of this account, as far as they can be found.
    async fn sockets(&self, requester: u32) -> Sockets {
        let look = move |files: &Self| {
            let homes = account::homes(&files.places, requester);
            agents::sockets(&files.places, &homes, requester)
        };
        self.later(look).await.unwrap_or_default()
    }
}

impl Trust for TrustFiles {
    fn signers(&self, requester: u32) -> BoxFuture<'_, Result<Signers, Fault>> {
        Box::pin(async move {
            self.later(move |files| files.read(requester)).await?.map(|known| known.signers)
        })
    }

    fn holder<'a>(&'a self, requester: u32, key: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move { self.sockets(requester).await.holder(key).await })
    }

    fn unasked<'a>(&'a self, requester: u32, key: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move {
            let sockets = self.sockets(requester).await;
            sockets.unasked(&[key.to_owned()]).await.pop().flatten()
        })
    }

    fn apart(&self, requester: u32) -> Result<(), String> {
        given::sound(&self.places, requester).map(drop)
    }

    fn given(&self, ask: AskId, requester: u32) -> BoxFuture<'_, Option<Given>> {
        Box::pin(async move {
            let read = self.later(move |files| given::read(&files.places, ask, requester)).await;
            let read = read.unwrap_or_else(|fault| Err(fault.message));
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
