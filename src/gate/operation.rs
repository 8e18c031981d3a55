//! The two operation traits: what an operation of either sort consists of.

use std::fmt;
use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::preview::Preview;
use super::steps::Steps;
use crate::core::grant::Permit;
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::policy::Policy;
use crate::core::reason::Fault;
use crate::core::record::Caller;
use crate::ports::asks::Inbox;
use crate::ports::engine::{Act, Look};
use crate::ports::{Clock, Entropy, Judge};

/// What an operation may use of the world while it resolves, observes and reads.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The policy that decides on it.
    pub policy: &'a Policy,
    /// The engine, for looking only.
    pub look: &'a dyn Look,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Chance.
    pub entropy: &'a dyn Entropy,
    /// What the gate would say of another request.
    pub judge: &'a dyn Judge,
    /// The caller's own asks.
    pub inbox: &'a dyn Inbox,
    /// The targets of the grant that was presented, if one was: what finds its own targets narrows
    /// itself to these.
    pub granted: Option<&'a [Target]>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// The answer of an operation, ready for every face and for the log.
pub trait Render {
    /// What a person or a model reads.
    fn text(&self) -> String;
    /// What a program reads.
    fn data(&self) -> Value;
    /// What the log keeps: observed state, counts and sizes; never contents.
    fn record(&self) -> Value;
    /// Why nobody knows how a change ended, if that is so: it is then told and kept as unknown.
    fn unknown(&self) -> Option<String> {
        None
    }
    /// What went wrong after a part of a change was done, if that is so: the change is then told and
    /// kept as failed, with what this answer says of it.
    fn failed(&self) -> Option<Fault> {
        None
    }
}

/// Arguments: read from JSON, written back with defaults filled in, described by a schema.
pub trait Params: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static {}

impl<T: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static> Params for T {}

/// Arguments as JSON, with defaults filled in.
pub fn arguments(params: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(params) {
        Ok(Value::Object(map)) => map,
        // Arguments are structs with named fields; nothing else has a schema of type object.
        _ => Map::new(),
    }
}

/// An operation that changes nothing.
pub trait Read: Send + Sync + 'static {
    /// Its arguments.
    type Params: Params;
    /// Its answer.
    type Output: Render + Send;

    /// Whether it may wait for a person: then it takes no place from requests that run.
    const WAITS: bool = false;

    /// Its declaration.
    fn spec() -> Spec;

    /// What the log keeps of its arguments: all, unless some may hold what nobody may read there.
    fn recorded(params: &Self::Params) -> Map<String, Value> {
        arguments(params)
    }

    /// From references to full ids.
    fn resolve(
        _cx: Context<'_>,
        _params: &Self::Params,
    ) -> impl Future<Output = Result<Vec<Target>, Fault>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Reads.
    fn read(
        cx: Context<'_>,
        params: &Self::Params,
        targets: &[Target],
    ) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

/// What was observed of a change's targets.
#[derive(Debug)]
pub struct Seen<F, S> {
    /// The effective class: never below the declared one.
    pub class: Class,
    /// What the grant is bound to, one a target.
    pub facts: Vec<F>,
    /// What else was seen with that look, for the preview.
    pub sight: S,
}

/// An operation that changes something.
pub trait Change: Send + Sync + 'static {
    /// Its arguments.
    type Params: Params;
    /// The small, stable, hand-picked state that a grant is bound to.
    type Facts: Serialize + Send + Sync + 'static;
    /// What is seen of the targets with the facts.
    type Sight: Send + Sync + 'static;
    /// What executing tells, beside that it succeeded.
    type Done: Send + Sync;
    /// Its answer: what was observed after the effect.
    type Output: Render + Send;

    /// Its declaration.
    fn spec() -> Spec;

    /// What the log keeps of its arguments: all, unless some may hold what nobody may read there.
    fn recorded(params: &Self::Params) -> Map<String, Value> {
        arguments(params)
    }

    /// From references to full ids.
    fn resolve(
        cx: Context<'_>,
        params: &Self::Params,
    ) -> impl Future<Output = Result<Vec<Target>, Fault>> + Send;

    /// What arguments mean that can be written in more than one way, or that mean another target than
    /// the same id says: by this, beside what references are replaced by, requests are compared.
    fn meant(_: &Self::Params, _: &[Target]) -> Map<String, Value> {
        Map::new()
    }

    /// Whether it only uses a target, which stays as it is and which others may use at the same time.
    /// Such a one is not held.
    fn only_uses(_: &Target) -> bool {
        false
    }

    /// Looks at the targets. Must not change anything. It is asked at every preview, again before
    /// the effect, and for a plan over many before each step, then with that one target.
    fn observe(
        cx: Context<'_>,
        params: &Self::Params,
        targets: &[Target],
    ) -> impl Future<Output = Result<Seen<Self::Facts, Self::Sight>, Fault>> + Send;

    /// Refuses what the engine is sure to refuse as things are, and says what to do first: nobody is
    /// asked to confirm what cannot be done. It is asked once policy has let the request pass, at
    /// every preview and again before the effect, and must not change anything.
    ///
    /// # Errors
    /// `invalid_argument` for what is sure to be refused; those of what it looks at.
    fn possible(
        _cx: Context<'_>,
        _params: &Self::Params,
        _targets: &[Target],
        _sight: &Self::Sight,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// What would happen, for the one who decides. Looks at whatever else that takes, and must not
    /// change anything. It may take its time, since nothing is bound to it, and it cannot fail: what
    /// cannot be found out is said to be so.
    fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Self::Params,
        facts: &[Self::Facts],
        sight: Self::Sight,
    ) -> impl Future<Output = Preview> + Send;

    /// Whether a target of a plan over many is still what was shown when its own step comes, by the
    /// facts of then and now. Where the steps before it can move what the facts say, this says what
    /// must hold all the same.
    fn holds(shown: &Value, now: &Value) -> bool {
        shown == now
    }

    /// Changes the permitted targets, and no others.
    fn execute(
        act: &dyn Act,
        params: &Self::Params,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> impl Future<Output = Result<Self::Done, Fault>> + Send;

    /// Looks again after the effect.
    fn look_again(
        cx: Context<'_>,
        params: &Self::Params,
        targets: &[Target],
        done: &Self::Done,
    ) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}
