//! Where asks wait for a person, and whose word counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Audit, BoxFuture, Held};
use crate::core::approval::{Given, Signers};
use crate::core::ask::{Ask, AskId, State, Terms, Turn};
use crate::core::grant::Token;
use crate::core::plan::{Digest, Principal};
use crate::core::reason::Fault;
use crate::core::record::Caller;
use crate::core::text;

/// Pending asks that one denial ends, at most: more than all faces of an account may have open.
pub const TOGETHER_MAX: usize = 1000;

/// Asks, in a state that processes share. What it holds can be changed by whoever owns the account, so
/// nothing that it says is believed that a signature does not cover.
pub trait Asks: Send + Sync + fmt::Debug {
    /// Keeps an ask, unless the same plan is asked for already and still open.
    ///
    /// # Errors
    /// `cooling_down` if the same was denied lately, `limit` if too many of this principal are open,
    /// `state_unavailable`.
    fn put(&self, ask: Ask, terms: Terms) -> BoxFuture<'_, Result<Put, Fault>>;

    /// The ask of that id.
    ///
    /// # Errors
    /// `state_unavailable`.
    fn get(&self, id: AskId) -> BoxFuture<'_, Result<Option<Ask>, Fault>>;

    /// The ask of that handle.
    ///
    /// # Errors
    /// `state_unavailable`.
    fn presented<'a>(&'a self, handle: &'a Token) -> BoxFuture<'a, Result<Option<Ask>, Fault>>;

    /// Turns an ask from one state to another, and says how it is then. Atomic and durable: of all
    /// callers, in whatever process, one succeeds.
    ///
    /// # Errors
    /// `ask_closed` if it is in another state, `not_found` if there is none, `state_unavailable`.
    fn turn(&self, id: AskId, turn: Turn) -> BoxFuture<'_, Result<Ask, Fault>>;

    /// The pending asks that a denial of this cools down, at most [`TOGETHER_MAX`].
    ///
    /// # Errors
    /// `state_unavailable`.
    fn pending(&self, cools: Digest) -> BoxFuture<'_, Result<Vec<AskId>, Fault>>;

    /// The newest asks, those that are open or all.
    ///
    /// # Errors
    /// `state_unavailable`.
    fn list(&self, only_open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, Fault>>;

    /// The asks that should have turned by themselves, each with what it should be: expired where its
    /// time has passed, unknown where the process that spends it is gone.
    ///
    /// # Errors
    /// `state_unavailable`.
    fn overdue(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<(Ask, State)>, Fault>>;

    /// Marks an ask as being executed by this process, until the guard is dropped or the process ends.
    ///
    /// # Errors
    /// `busy` if another does, `state_unavailable`.
    fn hold(&self, id: AskId) -> Result<Held, Fault>;

    /// A number that differs whenever another process may have changed something since. Cheap.
    ///
    /// # Errors
    /// `state_unavailable`.
    fn version(&self) -> Result<u64, Fault>;
}

/// What became of an ask that was to be kept.
#[derive(Debug)]
pub enum Put {
    /// It waits now.
    New,
    /// The same plan is asked for already, by this ask.
    Same(Box<Ask>),
}

/// An ask as a list shows it. It decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: AskId,
    /// What has become of it.
    pub state: State,
    /// The operation's name.
    pub operation: String,
    /// What it acts on, in a few words, before sanitising.
    pub about: String,
    /// Who asks.
    pub principal: Principal,
    /// When it was made.
    pub made: OffsetDateTime,
    /// When it stops working.
    pub expires: OffsetDateTime,
    /// Since when it is what it is.
    pub since: OffsetDateTime,
}

/// Whose signatures count.
pub trait Trust: Send + Sync + fmt::Debug {
    /// The signers whose files are there, with what the signature of each is worth for what this account
    /// asks for.
    ///
    /// # Errors
    /// `state_unavailable` if a file that is there cannot be read.
    fn signers(&self, requester: u32) -> BoxFuture<'_, Result<Signers, Fault>>;

    /// The ssh-agent of this account that holds a key, which is named by its fingerprint. It is not asked
    /// for a signature. None for what is in a security key.
    fn holder<'a>(&'a self, requester: u32, key: &'a str) -> BoxFuture<'a, Option<String>>;

    /// Why a signature of a key may be of the account's own making, in a clause: one of its ssh-agents
    /// signs with it and asks nobody. Each that holds it is asked for one signature, which is good for
    /// nothing, and may show its owner a dialog for that.
    fn unasked<'a>(&'a self, requester: u32, key: &'a str) -> BoxFuture<'a, Option<String>>;

    /// Whether another account can give an approval of what this account asks for.
    ///
    /// # Errors
    /// Why not, in a clause.
    fn apart(&self, requester: u32) -> Result<(), String>;

    /// The approval of this account's ask that another account gave. What may be of the requester's own
    /// making is none.
    fn given(&self, ask: AskId, requester: u32) -> BoxFuture<'_, Option<Given>>;

    /// A number that differs whenever something else is given for an ask. Cheap, and decides nothing.
    fn stamp(&self, ask: AskId) -> u64;
}

/// These, whoever asks; and no other account gives anything.
impl Trust for Signers {
    fn signers(&self, _: u32) -> BoxFuture<'_, Result<Signers, Fault>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn holder<'a>(&'a self, _: u32, _: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    fn unasked<'a>(&'a self, _: u32, _: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    fn apart(&self, _: u32) -> Result<(), String> {
        Err("nothing is looked for".to_owned())
    }

    fn given(&self, _: AskId, _: u32) -> BoxFuture<'_, Option<Given>> {
        Box::pin(std::future::ready(None))
    }

    fn stamp(&self, _: AskId) -> u64 {
        0
    }
}

/// The audit logs that asks are on record in: each in that of the process that made it.
pub trait Logs: Send + Sync + fmt::Debug {
    /// The log in this folder.
    fn of(&self, folder: &str) -> Arc<dyn Audit>;
}

/// Who is told that somebody asks.
pub trait Notifier: Send + Sync + fmt::Debug {
    /// An ask waits. Returns at once, and nothing depends on whether anybody heard it.
    fn tell(&self, ask: AskId, line: &str);
}

/// An ask as it may be told: nobody is named beside it whose approval does not hold now.
#[derive(Clone, Debug)]
pub struct Told {
    /// The ask.
    pub ask: Ask,
    /// Why it is not approved, though it says so.
    pub broken: Option<String>,
}

impl Told {
    /// What is said in place of that it is approved, where it is not.
    pub fn instead(&self) -> Option<String> {
        let why = text::line(self.broken.as_ref()?, text::LINE_CHARS_MAX);
        Some(format!(
            "approved, and its signature does not hold. {why} A person takes it back with \
             `countersign revoke {}`; then ask anew.",
            self.ask.id
        ))
    }
}

/// A requester's own asks, for the operations that tell how one stands. Decides nothing.
pub trait Inbox: Send + Sync {
    /// How an ask stands; if nobody has decided yet, after waiting so long for a decision.
    ///
    /// # Errors
    /// `not_found` for what is no ask of this caller, `state_unavailable`.
    fn check<'a>(
        &'a self,
        caller: &'a Caller,
        id: AskId,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Told, Fault>>;

    /// Takes an ask back, if it is still open.
    ///
    /// # Errors
    /// `not_found` for what is no ask of this caller, `ask_closed`, `state_unavailable`.
    fn cancel<'a>(&'a self, caller: &'a Caller, id: AskId) -> BoxFuture<'a, Result<Told, Fault>>;
}
