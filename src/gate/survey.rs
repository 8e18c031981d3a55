//! From a request to what is known of it: its grant, its arguments, its targets, its plan and what
//! policy says. Nothing in this file changes anything but the store of grants.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::erased::{Call, Observed};
use super::operation::Context;
use super::preview::Preview;
use super::schema::{self, TOKEN_ARGUMENT};
use super::trail::{Trail, unread};
use super::{Gate, denied, note, unapproved};
use crate::core::grant::{self, GrantRow, RequestKey, Token};
use crate::core::operation::{Class, Spec};
use crate::core::plan::{self, Digest, Plan, Principal, Target, canonical};
use crate::core::policy::{Effect, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, Record, TargetRefs};
use crate::core::text;
use crate::ports::{BoxFuture, Gone, Judge, Judgement, random_id};

/// What is known of a request before it runs.
pub(super) struct Survey {
    pub(super) plan: Arc<Plan>,
    pub(super) key: RequestKey,
    pub(super) verdict: Verdict,
    pub(super) class: Class,
    pub(super) seen_at: OffsetDateTime,
    pub(super) preview: Preview,
}

impl Survey {
    pub(super) fn allows(&self) -> bool {
        self.verdict.effect() == Effect::Allow
    }
}

impl Gate {
    pub(super) fn context<'a>(&'a self, principal: &'a Principal) -> Context<'a> {
        let super::Parts { look, clock, entropy, .. } = &self.parts;
        Context { principal, look: &**look, clock: &**clock, entropy: &**entropy, judge: self }
    }

    /// The trail of a new request.
    pub(super) fn trail(&self, mut known: Record) -> Result<Trail, Fault> {
        known.session = Some(self.parts.settings.session.clone());
        known.req = Some(random_id(&*self.parts.entropy)?);
        Ok(Trail::new(Arc::clone(&self.parts.audit), Arc::clone(&self.parts.clock), known))
    }

    /// Takes the presented token's grant out of its store, and the token out of the arguments.
    pub(super) fn take(
        &self,
        arguments: &mut Map<String, Value>,
    ) -> Option<Result<GrantRow, Fault>> {
        let given = arguments.remove(TOKEN_ARGUMENT)?;
        let Some(given) = given.as_str() else {
            return Some(Err(Fault::invalid(format!("`{TOKEN_ARGUMENT}` must be a string."))));
        };
        let unknown = || {
            Fault::new(
                Reason::TokenUnknown,
                "No grant waits under this confirmToken. Call again without confirmToken to get a \
                 preview and a token.",
            )
        };
        let Some(token) = Token::parse(given) else { return Some(Err(unknown())) };
        Some(self.parts.grants.take(&token.hash(), self.parts.clock.tick()).map_err(|gone| {
            match gone {
                Gone::Unknown => unknown(),
                Gone::Expired => grant::expired(),
                Gone::Used => Fault::new(
                    Reason::TokenUsed,
                    "This confirmToken was presented before; a token works once. Call again \
                     without confirmToken to get a new preview.",
                ),
            }
        }))
    }

    /// Finds the operation and reads its arguments.
    pub(super) fn parse(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        with_token: bool,
        known: &mut Record,
    ) -> Result<(&Spec, Call), Fault> {
        known.args = Some(unread(&arguments));
        let Some(operation) = self.parts.registry.get(name) else {
            return Err(Fault::new(
                Reason::Unclassified,
                format!(
                    "There is no operation `{}` here. Offered are: {}. Which toolsets are offered is \
                     the operator's setting.",
                    text::name(name),
                    self.parts
                        .registry
                        .iter()
                        .map(|o| &*o.spec.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ));
        };
        let spec = &operation.spec;
        known.class = Some(spec.class);
        if with_token && !spec.takes_token() {
            return Err(Fault::invalid(format!(
                "{name} is a read and takes no `{TOKEN_ARGUMENT}`. Call it without."
            )));
        }
        schema::check(&operation.schema, &arguments)?;
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
        Ok((spec, call))
    }

    pub(super) async fn resolve(
        &self,
        call: &Call,
        principal: &Principal,
        known: &mut Record,
    ) -> Result<Vec<Target>, Fault> {
        let targets = call.resolve(self.context(principal)).await?;
        known.target = TargetRefs::of(&targets);
        Ok(targets)
    }

    /// Observes the targets, makes the plan and asks policy.
    pub(super) async fn survey(
        &self,
        spec: &Spec,
        call: &Call,
        targets: &[Target],
        principal: &Principal,
        known: &mut Record,
    ) -> Result<Survey, Fault> {
        let seen_at = self.parts.clock.now();
        let Observed { class, facts, preview } = match call {
            Call::Change(call) => call.observe(self.context(principal), targets).await?,
            Call::Read(_) => nothing_observed(spec),
        };
        if class > spec.ceiling {
            return Err(Fault::new(
                Reason::Unclassified,
                format!(
                    "{} turned out to be of class {class}, which it does not declare. Nothing has \
                     changed; this is a defect of Countersign.",
                    spec.name
                ),
            ));
        }
        let verdict = self.parts.policy.decide(spec, class);
        let given = call.arguments();
        let bound = bind(spec, given.clone(), targets);
        let key = RequestKey {
            given: request_digest(spec, principal, &given)?,
            bound: request_digest(spec, principal, &bound)?,
        };
        let plan = Plan::new(plan::Parts {
            operation: spec.name.clone().into_owned(),
            arguments: bound,
            targets: targets.to_vec(),
            facts,
            engine: targets.first().map(|target| target.engine.clone()),
            policy: self.parts.policy.digest(),
            principal: principal.clone(),
        })?;
        known.class = Some(class);
        known.args = Some(Value::Object(bind(spec, call.recorded(), targets)));
        known.plan = Some(plan.digest());
        note(known, &verdict);
        let preview = preview(&plan);
        Ok(Survey { plan: Arc::new(plan), key, verdict, class, seen_at, preview })
    }
}

impl Call {
    fn arguments(&self) -> Map<String, Value> {
        match self {
            Self::Read(call) => call.arguments(),
            Self::Change(call) => call.arguments(),
        }
    }

    fn recorded(&self) -> Map<String, Value> {
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

/// A read is bound to nothing but its target; where policy wants it confirmed, the preview says so.
fn nothing_observed(spec: &Spec) -> Observed {
    let title = spec.title.clone();
    Observed {
        class: spec.class,
        facts: Vec::new(),
        preview: Box::new(move |plan| {
            let targets = plan.targets().iter();
            let facts = targets.map(|t| (t.kind, format!("{} (id {})", text::name(&t.name), t.id)));
            Preview {
                headline: format!("{title}. It changes nothing, but can show secrets."),
                facts: facts.collect(),
                notes: Vec::new(),
            }
        }),
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

impl Judge for Gate {
    fn judge<'a>(
        &'a self,
        principal: &'a Principal,
        name: &'a str,
        arguments: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Judgement, Fault>> {
        Box::pin(async move {
            // What is learned for the record of a request is not recorded of a mere question.
            let mut known = Record::new(Event::Read);
            let (spec, call) = match self.parse(name, arguments, false, &mut known) {
                Ok(parsed) => parsed,
                Err(fault) if fault.reason == Reason::ReadOnly => {
                    return Ok(read_only(known.class, fault));
                }
                Err(fault) => return Err(fault),
            };
            if let Some(verdict) = self.parts.policy.refuses_all(spec) {
                return Ok(judgement(spec, &verdict, spec.class, Vec::new()));
            }
            let targets = self.resolve(&call, principal, &mut known).await?;
            let survey = self.survey(spec, &call, &targets, principal, &mut known).await?;
            Ok(judgement(spec, &survey.verdict, survey.class, targets))
        })
    }
}

fn judgement(spec: &Spec, verdict: &Verdict, class: Class, targets: Vec<Target>) -> Judgement {
    let way = match verdict.effect() {
        Effect::Allow => format!("Call {}: it runs at once.", spec.name),
        Effect::Confirm => format!(
            "Call {}: the first call answers with a preview and a {TOKEN_ARGUMENT}, the second one, \
             with that token, runs it.",
            spec.name
        ),
        Effect::Approve => unapproved(spec, verdict).message,
        Effect::Deny => denied(spec, verdict).message,
    };
    Judgement {
        effect: verdict.effect().as_str(),
        rule: verdict.rule().to_owned(),
        reason: verdict.reason().map(str::to_owned),
        class,
        targets,
        way,
    }
}

fn read_only(class: Option<Class>, fault: Fault) -> Judgement {
    Judgement {
        effect: Effect::Deny.as_str(),
        rule: Reason::ReadOnly.as_str().to_owned(),
        reason: None,
        class: class.unwrap_or(Class::Escalate),
        targets: Vec::new(),
        way: fault.message,
    }
}
