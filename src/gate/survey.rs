//! From a request to what is known of it: its grant, its arguments, its targets, its plan and what
//! policy says. Nothing in this file changes anything.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::erased::{Call, Observed, Sighted};
use super::operation::Context;
use super::refusal::{denied, undeclared};
use super::schema::{self, TOKEN_ARGUMENT};
use super::trail::{Trail, note, unread};
use super::{Confirm, Gate, Stop};
use crate::core::grant::RequestKey;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{self, Digest, Plan, Principal, Target, canonical};
use crate::core::policy::{Effect, History, Policy, Query, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Record, TargetRefs};
use crate::core::secret::SealKey;
use crate::core::text;
use crate::ports::engine::CONTAINER;
use crate::ports::{BoxFuture, random_id};

/// Arguments by their names.
type Arguments = Map<String, Value>;

/// What is known of a request before it runs.
pub(super) struct Survey {
    pub(super) plan: Arc<Plan>,
    pub(super) key: RequestKey,
    pub(super) verdict: Verdict,
    pub(super) class: Class,
    pub(super) drift: Drift,
    pub(super) seen_at: OffsetDateTime,
    pub(super) caller: Caller,
    pub(super) policy: Arc<Policy>,
    /// What was seen of the targets.
    pub(super) sight: Box<dyn Sighted>,
    /// The key by which its secrets are sealed, if it is not that of this process.
    pub(super) seal: Option<Arc<SealKey>>,
    /// The arguments that the plan holds by their seals, as they were given.
    pub(super) written: Map<String, Value>,
}

impl Survey {
    pub(super) fn allows(&self) -> bool {
        self.verdict.effect() == Effect::Allow
    }

    /// Whether policy lets this face have it confirmed: nobody gets a token that works nowhere.
    pub(super) fn is_confirmable(&self, confirm: Confirm) -> bool {
        let takes = self.verdict.takes();
        confirm == Confirm::Never || confirm.ways().iter().any(|way| takes.is_met(*way, None))
    }

    /// What becomes of a request whose grant is refused: a new preview or ask if its plan changed.
    pub(super) fn or_anew(self, fault: Fault) -> Stop {
        match (fault.reason, self.verdict.effect()) {
            (Reason::PlanChanged, Effect::Allow | Effect::Confirm) => {
                Stop::Preview(Box::new(self), Some(fault))
            }
            (Reason::PlanChanged | Reason::PolicyDenied, Effect::Approve) => {
                Stop::Ask(Box::new(self), Some(fault))
            }
            _ => fault.into(),
        }
    }
}

/// An operation with its arguments, as they were read.
pub(super) struct Parsed<'a> {
    pub(super) spec: &'a Spec,
    pub(super) call: Call,
    /// The arguments that hold secrets, as they were given.
    pub(super) open: Map<String, Value>,
}

/// A request whose arguments were read.
pub(super) struct Asked<'a> {
    pub(super) spec: &'a Spec,
    pub(super) call: &'a Call,
    /// The arguments that hold secrets, as they were given.
    pub(super) open: &'a Map<String, Value>,
    pub(super) caller: &'a Caller,
    /// The targets of the grant that came with it.
    pub(super) granted: Option<&'a [Target]>,
    /// The key by which its secrets are sealed, if it is not that of this process.
    pub(super) seal: Option<&'a Arc<SealKey>>,
}

impl Asked<'_> {
    /// The arguments as policy sees them, which may ask for secrets as well.
    pub(super) fn arguments(&self) -> Map<String, Value> {
        let mut arguments = self.call.arguments();
        arguments.extend(self.open.clone());
        arguments
    }
}

/// What a request is decided by, and on. The targets hold what that policy asks about.
pub(super) struct Basis {
    pub(super) policy: Arc<Policy>,
    pub(super) targets: Vec<Target>,
}

/// A decision on a request of which everything is known, with what it depended on.
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    pub(super) now: OffsetDateTime,
    pub(super) history: Arc<History>,
}

impl Gate {
    pub(super) fn context<'a>(&'a self, caller: &'a Caller, policy: &'a Policy) -> Context<'a> {
        let super::Parts { look, clock, entropy, .. } = &self.parts;
        let (look, clock, entropy) = (&**look, &**clock, &**entropy);
        Context { caller, policy, look, clock, entropy, judge: self, inbox: self, granted: None }
    }

    /// The first decision, of which nothing is known but what the caller says.
    pub(super) fn refuse_at_once(
        &self,
        asked: &Asked<'_>,
        policy: &Policy,
        known: &mut Record,
    ) -> Result<(), Fault> {
        match self.first_verdict(asked, policy) {
            Some(verdict) => {
                note(known, &verdict);
                Err(denied(asked.spec, &verdict, policy))
            }
            None => Ok(()),
        }
    }

    pub(super) fn first_verdict(&self, asked: &Asked<'_>, policy: &Policy) -> Option<Verdict> {
        let arguments = asked.arguments();
        policy.refuses_all(&Query {
            arguments: Some(&arguments),
            client: Some(asked.caller.client.as_deref()),
            now: Some(self.parts.clock.now()),
            ..Query::unknown(asked.spec)
        })
    }

    /// The trail of a new request.
    pub(super) fn trail(&self, mut known: Record) -> Result<Trail, Fault> {
        known.session = Some(self.parts.settings.session.clone());
        known.req = Some(random_id(&*self.parts.entropy)?);
        Ok(Trail::new(Arc::clone(&self.parts.audit), Arc::clone(&self.parts.clock), known))
    }

    /// The key by which secrets are sealed: that of a presented ask, or that of this process.
    fn key<'a>(&'a self, seal: Option<&'a SealKey>) -> Result<&'a SealKey, Fault> {
        seal.map_or_else(|| self.seal_key().map(|key| &**key), Ok)
    }

    /// Finds the operation and reads its arguments.
    pub(super) fn parse(
        &self,
        name: &str,
        mut arguments: Map<String, Value>,
        with_token: bool,
        seal: Option<&SealKey>,
        known: &mut Record,
    ) -> Result<Parsed<'_>, Fault> {
        known.args = Some(unread(&arguments));
        let operation = self.parts.registry.find(name)?;
        let spec = &operation.spec;
        known.class = Some(spec.class);
        if with_token && !spec.takes_token() {
            return Err(Fault::invalid(format!(
                "{name} is a read and takes no `{TOKEN_ARGUMENT}`. Call it without."
            )));
        }
        schema::check(&operation.schema, &arguments)?;
        let open = match schema::holds_secrets(&operation.schema, &arguments) {
            true => schema::seal(&operation.schema, &mut arguments, self.key(seal)?),
            false => Map::new(),
        };
        let call = operation.entry.parse(arguments)?;
        known.args = Some(Value::Object(call.recorded()));
        if self.parts.settings.read_only && spec.class.is_change() {
            return Err(Fault::new(
                Reason::ReadOnly,
                format!(
                    "{name} changes something, and changes are switched off here (read_only). Reads \
                     go on; ask the operator for anything else."
                ),
            ));
        }
        Ok(Parsed { spec, call, open })
    }

    pub(super) async fn resolve(
        &self,
        asked: &Asked<'_>,
        policy: Arc<Policy>,
        known: &mut Record,
    ) -> Result<Basis, Fault> {
        let cx = Context { granted: asked.granted, ..self.context(asked.caller, &policy) };
        let targets = asked.call.resolve(cx).await?;
        known.target = TargetRefs::of(&targets);
        if asked.call.is_change() {
            self.not_ourselves(&targets)?;
        }
        Ok(Basis { policy, targets })
    }

    /// Nothing is changed about the container that we run in: it would end us half-way.
    fn not_ourselves(&self, targets: &[Target]) -> Result<(), Fault> {
        let own = self.parts.look.own_container();
        let is_own = |target: &&Target| {
            target.kind == CONTAINER.name && own.is_some_and(|own| own.as_str() == target.id)
        };
        match targets.iter().find(is_own) {
            None => Ok(()),
            Some(target) => Err(Fault::new(
                Reason::PolicyDenied,
                format!(
                    "Countersign itself runs in the container {}, and changes nothing about it. Do \
                     this from outside, with the engine's own client.",
                    text::name(&target.name)
                ),
            )),
        }
    }

    /// Observes the targets, asks policy and makes the plan.
    pub(super) async fn survey(
        &self,
        asked: &Asked<'_>,
        basis: &Basis,
        known: &mut Record,
    ) -> Result<Survey, Fault> {
        let Asked { spec, call, caller, .. } = *asked;
        let Basis { policy, targets } = basis;
        let seen_at = self.parts.clock.now();
        let Observed { class, facts, sight } = self.observe(asked, basis).await?;
        let verdict = self.decide(asked, policy, Some(targets), class).await?.verdict;
        let (given, written) = self.planned(call, asked.seal.map(|seal| &**seal))?;
        let mut bound = bind(spec, given.clone(), targets);
        bound.extend(call.meant(targets));
        let principal = &caller.principal;
        let key = RequestKey {
            given: request_digest(spec, principal, &given)?,
            bound: request_digest(spec, principal, &bound)?,
        };
        let plan = Plan::new(plan::Parts {
            operation: spec.name.clone().into_owned(),
            arguments: bound,
            targets: targets.clone(),
            facts,
            engine: targets.first().map(|target| target.engine.clone()),
            policy: policy.digest(),
            principal: principal.clone(),
        })?;
        known.class = Some(class);
        known.args = Some(Value::Object(bind(spec, call.recorded(), targets)));
        known.plan = Some(plan.digest());
        note(known, &verdict);
        let (plan, caller, policy) = (Arc::new(plan), caller.clone(), Arc::clone(policy));
        let (drift, seal) = (spec.drift, asked.seal.cloned());
        Ok(Survey {
            plan,
            key,
            verdict,
            class,
            drift,
            seen_at,
            caller,
            policy,
            sight,
            seal,
            written,
        })
    }

    /// Refuses what the engine is sure to refuse as things are.
    pub(super) async fn possible(&self, survey: &Survey) -> Result<(), Fault> {
        let cx = self.context(&survey.caller, &survey.policy);
        survey.sight.possible(cx, survey.plan.targets()).await
    }

    /// The arguments as a plan holds them. A plan's digest goes to the log, and lives on where others
    /// read it: what the log may not hold as it is, such as a command with a password in it, is bound
    /// by its seal; as it was given it comes beside.
    fn planned(
        &self,
        call: &Call,
        seal: Option<&SealKey>,
    ) -> Result<(Arguments, Arguments), Fault> {
        let (mut planned, recorded) = (call.arguments(), call.recorded());
        let mut written = Map::new();
        for (name, value) in &mut planned {
            if recorded.get(name) != Some(value) {
                let sealed = json!(self.key(seal)?.seal(&canonical(value)?));
                written.insert(name.clone(), std::mem::replace(value, sealed));
            }
        }
        Ok((planned, written))
    }

    /// Looks at the targets. What turns out to be of a class that is not declared is refused.
    pub(super) async fn observe(
        &self,
        asked: &Asked<'_>,
        basis: &Basis,
    ) -> Result<Observed, Fault> {
        let observed = match asked.call {
            Call::Change(call) => {
                let cx = self.context(asked.caller, &basis.policy);
                call.observe(cx, &basis.targets).await?
            }
            Call::Read(_) => Observed::nothing(asked.spec),
        };
        if observed.class > asked.spec.ceiling {
            return Err(undeclared(asked.spec, observed.class));
        }
        Ok(observed)
    }

    /// The decision on a request of which everything is known, unless it acts on nothing just now. What
    /// was let through lately is looked up if a rule on this operation asks.
    pub(super) async fn decide(
        &self,
        asked: &Asked<'_>,
        policy: &Policy,
        targets: Option<&[Target]>,
        class: Class,
    ) -> Result<Decision, Fault> {
        let history = match policy.recall_of(asked.spec) {
            Some(recall) => self.parts.audit.recall(recall).await?,
            None => Arc::default(),
        };
        let now = self.parts.clock.now();
        let arguments = asked.arguments();
        let verdict = policy.decide(&Query {
            spec: asked.spec,
            class: Some(class),
            arguments: Some(&arguments),
            client: Some(asked.caller.client.as_deref()),
            targets,
            now: Some(now),
            history: Some(&history),
        });
        Ok(Decision { verdict, now, history })
    }
}

impl Call {
    pub(super) fn arguments(&self) -> Map<String, Value> {
        match self {
            Self::Read(call) => call.arguments(),
            Self::Change(call) => call.arguments(),
        }
    }

    fn meant(&self, targets: &[Target]) -> Map<String, Value> {
        match self {
            Self::Read(_) => Map::new(),
            Self::Change(call) => call.meant(targets),
        }
    }

    pub(super) fn recorded(&self) -> Map<String, Value> {
        match self {
            Self::Read(call) => call.recorded(),
            Self::Change(call) => call.recorded(),
        }
    }

    fn resolve<'a>(&'a self, cx: Context<'a>) -> BoxFuture<'a, Result<Vec<Target>, Fault>> {
        match self {
            Self::Read(call) => call.resolve(cx),
            Self::Change(call) => call.resolve(cx),
        }
    }
}

/// The arguments with references replaced by the full ids that they mean.
fn bind(spec: &Spec, mut arguments: Map<String, Value>, targets: &[Target]) -> Map<String, Value> {
    for (reference, target) in spec.references.iter().zip(targets) {
        arguments.insert((*reference).to_owned(), json!(target.id));
    }
    arguments
}

fn request_digest(
    spec: &Spec,
    principal: &Principal,
    arguments: &Map<String, Value>,
) -> Result<Digest, Fault> {
    let json = canonical(&json!([spec.name, principal, arguments]))?;
    Ok(Digest::of(&[b"countersign-request-v1\n", &json]))
}
