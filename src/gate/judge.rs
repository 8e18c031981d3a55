//! What the gate would say of a request that nobody makes: the same steps to the same decision, and
//! nothing after it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::survey::{Asked, Decision, Parsed};
use super::{Gate, refusal};
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::Target;
use crate::core::policy::{Effect, History, Policy, Query, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Event, Record};
use crate::ports::{BoxFuture, Judge, Judgement};

/// A request that was decided on, with everything that was known.
pub struct Weighed<'a> {
    /// The operation's declaration.
    pub spec: &'a Spec,
    /// The policy that decided.
    pub policy: Arc<Policy>,
    /// What it said.
    pub verdict: Verdict,
    /// The effective class; none if nothing was looked at.
    pub class: Option<Class>,
    /// The arguments, with defaults filled in.
    pub arguments: Map<String, Value>,
    /// The same as the log would hold them: without secrets.
    pub recorded: Map<String, Value>,
    /// What it would act on; none if that is not known.
    pub targets: Option<Vec<Target>>,
    /// When it was decided.
    pub now: OffsetDateTime,
    /// What had been let through lately; none if nobody looked.
    pub history: Option<Arc<History>>,
    /// Why nothing is known of a target, if that is so because there is none just now.
    pub supposed: Option<String>,
    client: Option<String>,
}

/// Without the arguments, which can hold secrets.
impl fmt::Debug for Weighed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weighed").field("operation", &self.spec.name).finish_non_exhaustive()
    }
}

impl Weighed<'_> {
    /// The request as policy saw it.
    pub fn query(&self) -> Query<'_> {
        Query {
            spec: self.spec,
            class: self.class,
            arguments: Some(&self.arguments),
            client: Some(self.client.as_deref()),
            targets: self.targets.as_deref(),
            now: Some(self.now),
            history: self.history.as_deref(),
        }
    }
}

impl Gate {
    /// Resolves, observes and decides; executes and records nothing.
    ///
    /// # Errors
    /// Whatever refuses the request before policy does.
    pub async fn weigh(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<Weighed<'_>, Fault> {
        // What is learned for the record of a request is not recorded of a mere question.
        let mut known = Record::new(Event::Read);
        let Parsed { spec, call, open } = self.parse(name, arguments, false, None, &mut known)?;
        let asked = Asked { spec, call: &call, open: &open, caller, granted: None, seal: None };
        let policy = self.policy().await?;
        let at_once = |policy, verdict, now| Weighed {
            spec,
            policy,
            verdict,
            class: None,
            arguments: asked.arguments(),
            recorded: call.recorded(),
            targets: None,
            now,
            history: None,
            supposed: None,
            client: caller.client.clone(),
        };
        if let Some(verdict) = self.first_verdict(&asked, &policy) {
            return Ok(at_once(policy, verdict, self.parts.clock.now()));
        }
        let decided = |policy, Decision { verdict, now, history }, class| {
            let history = Some(history);
            Weighed { class: Some(class), history, ..at_once(policy, verdict, now) }
        };
        let resolved = self.resolve(&asked, Arc::clone(&policy), &mut known).await;
        if let Some(why) = resolved.as_ref().err().and_then(|fault| nothing_found(spec, fault)) {
            let decision = self.decide(&asked, &policy, None, spec.class).await?;
            return Ok(Weighed { supposed: Some(why), ..decided(policy, decision, spec.class) });
        }
        let basis = resolved?;
        let class = self.observe(&asked, &basis).await?.class;
        let decision = self.decide(&asked, &basis.policy, Some(&basis.targets), class).await?;
        let targets = Some(basis.targets);
        Ok(Weighed { targets, ..decided(basis.policy, decision, class) })
    }
}

/// Why nothing is known of a target: what would be asked for one by one is not there just now.
fn nothing_found(spec: &Spec, fault: &Fault) -> Option<String> {
    let nothing = fault.reason == Reason::NotFound && spec.drift == Drift::Each;
    nothing.then(|| {
        format!(
            "{} So nothing is known of what it would act on, and that counts against it.",
            fault.message
        )
    })
}

impl Judge for Gate {
    fn judge<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        arguments: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Judgement, Fault>> {
        Box::pin(async move {
            match self.weigh(caller, name, arguments).await {
                Ok(weighed) => Ok(judgement(weighed)),
                Err(fault) if fault.reason == Reason::ReadOnly => {
                    let class = self.parts.registry.get(name).map(|o| o.spec.class);
                    Ok(read_only(class, fault))
                }
                Err(fault) => Err(fault),
            }
        })
    }
}

fn judgement(weighed: Weighed<'_>) -> Judgement {
    let Weighed { spec, policy, verdict, class, targets, supposed, .. } = weighed;
    Judgement {
        effect: verdict.effect().as_str(),
        rule: verdict.rule().to_owned(),
        reason: refusal::reason(&verdict),
        policy: Some(verdict.policy()),
        class: class.unwrap_or(spec.class),
        targets: targets.unwrap_or_default(),
        supposed,
        way: refusal::way(spec, &verdict, &policy),
    }
}

fn read_only(class: Option<Class>, fault: Fault) -> Judgement {
    Judgement {
        effect: Effect::Deny.as_str(),
        rule: Reason::ReadOnly.as_str().to_owned(),
        reason: None,
        policy: None,
        class: class.unwrap_or(Class::Escalate),
        targets: Vec::new(),
        supposed: None,
        way: fault.message,
    }
}
