//! Ports: what the core and the gate need of the world. Adapters implement them; tests fake them.

pub mod engine;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::core::grant::{GrantRow, Tick, TokenHash};
use crate::core::hex;
use crate::core::operation::Class;
use crate::core::plan::{Principal, Target};
use crate::core::reason::Fault;
use crate::core::record::Record;

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
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    Ok(hex::encode(&bytes))
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
        principal: &'a Principal,
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
    /// The rule's own words.
    pub reason: Option<String>,
    /// The effective class.
    pub class: Class,
    /// The targets that it would act on.
    pub targets: Vec<Target>,
    /// What to do to get permission, in full sentences.
    pub way: String,
}
