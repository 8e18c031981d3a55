//! Ports: what the core and the gate need of the world. Adapters implement them; tests fake them.

pub mod asks;
pub mod engine;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::core::ask::{AskId, Recorded};
use crate::core::grant::{GrantRow, Tick, TokenHash};
use crate::core::hex;
use crate::core::operation::Class;
use crate::core::plan::{Digest, Target};
use crate::core::policy::{History, Policy, Recall};
use crate::core::reason::Fault;
use crate::core::record::{Caller, Record};

/// A boxed future, as traits behind `dyn` return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, for people and for the log.
    fn now(&self) -> OffsetDateTime;
    /// A clock that never goes back and does not stop while the machine sleeps, for expiry.
    fn tick(&self) -> Tick;
}

/// Chance.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` from the operating system's generator.
    ///
    /// # Errors
    /// If the operating system gives none; nothing may go on without.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// 64 random bits as 16 hex digits: the id of a session or a request.
pub fn random_id(entropy: &dyn Entropy) -> Result<String, Fault> {
    Ok(hex::encode(&random::<8>(entropy)?))
}

/// So many random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// When an appended record must be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Written: it survives the process.
    Written,
    /// Synced: it survives the machine.
    Synced,
}

/// The audit log.
pub trait Audit: Send + Sync + fmt::Debug {
    /// Appends one record. The record is taken over when this is called, not when the answer is
    /// awaited, so a caller that goes away loses nothing. Before its first `allowed` the log marks
    /// this session as live.
    ///
    /// # Errors
    /// `audit_unavailable`: the record is not in the log, or not as durable as asked.
    fn append(
        &self,
        record: Record,
        durability: Durability,
    ) -> BoxFuture<'static, Result<(), Fault>>;

    /// Takes the lock of every target, across processes: one running change per target.
    ///
    /// # Errors
    /// `busy` if another change of one of them is running, `audit_unavailable` if the locks
    /// cannot be kept.
    fn hold(&self, targets: &[Target]) -> Result<Held, Fault>;

    /// What was let through lately, by this process or another: every whole line of the log up to
    /// this moment. Changes are counted by their `allowed` lines, whatever became of them, and reads
    /// by their `read` lines. These are written when a read is over and nothing serialises reads, so
    /// a rule that counts them may let through as many more as run at that moment.
    ///
    /// # Errors
    /// `audit_unavailable` if the log cannot be read.
    fn recall<'a>(&'a self, recall: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>>;

    /// What is on record of this ask, made at that moment, whatever the state says that others can write.
    ///
    /// # Errors
    /// `audit_unavailable` if the log cannot be read.
    fn recorded(
        &self,
        ask: AskId,
        made: OffsetDateTime,
    ) -> BoxFuture<'static, Result<Recorded, Fault>>;

    /// Waits until no other change, in any process, is between being counted and being on record. Of
    /// a process that ends, nothing is waited for.
    ///
    /// # Errors
    /// `busy` if that takes too long, `audit_unavailable` if the lock cannot be kept.
    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>>;
}

/// Where the effective policy comes from.
pub trait Policies: Send + Sync + fmt::Debug {
    /// The policy that is in force.
    fn current(&self) -> Arc<Policy>;

    /// Whether there is nothing new, as far as a short look tells that reads nothing.
    fn is_current(&self) -> bool;

    /// Looks at the files that it was read from, which can take a while. If they have changed since, says what came of
    /// reading them again, and says so until [`Policies::settle`] is called.
    fn news(&self) -> Option<News>;

    /// What [`Policies::news`] said is on record: a policy that was loaded is in force from now on.
    fn settle(&self);
}

/// What came of reading a changed policy.
#[derive(Clone, Debug)]
pub enum News {
    /// It can be put in force.
    Loaded {
        /// The policy.
        policy: Arc<Policy>,
        /// Whether it permits something more than the one before, or may do so.
        widened: bool,
    },
    /// It cannot, and the one before stays in force.
    Rejected {
        /// What is wrong with it, where, and the mend.
        error: String,
    },
}

/// A policy that no file changes.
#[derive(Debug)]
pub struct Fixed(Arc<Policy>);

impl Fixed {
    /// This one for ever.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        Self(policy.into())
    }
}

impl From<Arc<Policy>> for Fixed {
    fn from(policy: Arc<Policy>) -> Self {
        Self(policy)
    }
}

impl Policies for Fixed {
    fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.0)
    }

    fn is_current(&self) -> bool {
        true
    }

    fn news(&self) -> Option<News> {
        None
    }

    fn settle(&self) {}
}

/// Locks that end when this is dropped.
pub type Held = Box<dyn fmt::Debug + Send + Sync>;

/// Why a store has no grant under a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was presented before.
    Used,
    /// Its time has passed, or too many newer ones waited.
    Expired,
    /// It never was.
    Unknown,
}

/// Grants that wait.
pub trait GrantStore: Send + Sync + fmt::Debug {
    /// Keeps a grant. Where too many wait, the oldest expires.
    fn put(&self, row: GrantRow, now: Tick);

    /// Takes the grant out. Atomic: of all callers at most one gets it, ever.
    ///
    /// # Errors
    /// Why there is none.
    fn take(&self, hash: &TokenHash, now: Tick) -> Result<GrantRow, Gone>;
}

/// What the gate would say of a request, for operations that explain it. Decides nothing.
pub trait Judge: Send + Sync {
    /// Resolves, observes and decides, and executes nothing.
    fn judge<'a>(
        &'a self,
        caller: &'a Caller,
        operation: &'a str,
        arguments: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Judgement, Fault>>;
}

/// What the gate would say of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// `allow`, `confirm`, `approve` or `deny`.
    pub effect: &'static str,
    /// The id of the rule that decides.
    pub rule: String,
    /// Why: the rule's own words, or that there is none.
    pub reason: Option<String>,
    /// The digest of the policy that decides; none where it is not asked.
    pub policy: Option<Digest>,
    /// The effective class.
    pub class: Class,
    /// The targets that it would act on.
    pub targets: Vec<Target>,
    /// Why nothing is known of them, if there are none just now.
    pub supposed: Option<String>,
    /// What to do to get permission, in full sentences.
    pub way: String,
}
