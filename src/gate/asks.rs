//! Asks on the requester's side: how one is made where policy wants a person, what presenting its
//! handle comes to, and how it is spent.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::answer::{Answer, Status};
use super::finish::without_preview;
use super::given::approver;
use super::refusal::{reason, too_low, unapproved};
use super::survey::Survey;
use super::trail::Trail;
use super::turns::{Opened, moment};
use super::{Confirm, Gate};
use crate::core::ask::{Ask, AskId, Document, State, Turn};
use crate::core::grant::{self, Permit, Tick, Token};
use crate::core::hex;
use crate::core::operation::Drift;
use crate::core::plan::{Digest, Plan, Target, canonical};
use crate::core::policy::{Effect, Requirement, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, Record, tidy, timestamp};
use crate::core::secret::SEALED;
use crate::core::text;
use crate::ports::Held;
use crate::ports::asks::Put;

/// Targets that are named in a few words.
const NAMED_MAX: usize = 3;

/// Why an ask that was presented permits nothing.
pub(super) enum Unspent {
    /// Nobody has decided yet.
    Waits(Box<Ask>),
    /// It is refused.
    Refused(Fault),
}

impl From<Fault> for Unspent {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// An ask that is being executed by this process, until it is dropped.
pub(super) struct Spent {
    opened: Box<Opened>,
    _held: Held,
}

impl Gate {
    /// Spends an approved ask: its signature is verified again, and its plan must be this plan. Says
    /// how it stands if nobody has decided yet.
    pub(super) async fn approved(
        &self,
        opened: Opened,
        survey: &Survey,
        drift: Drift,
    ) -> Result<(Permit, Opened), Unspent> {
        let fault = match self.redeem_ask(&opened, survey, drift).await {
            Ok(Some(permit)) => return Ok((permit, opened)),
            Ok(None) => return Err(Unspent::Waits(Box::new(opened.ask))),
            Err(fault) => fault,
        };
        let to = match fault.reason {
            Reason::TokenMismatch => State::Cancelled,
            Reason::PlanChanged => State::Superseded,
            Reason::TokenExpired => State::Expired,
            _ => return Err(fault.into()),
        };
        let turn = Turn::new(opened.ask.state, to, self.parts.clock.now())?;
        self.turns.turn(&opened, turn, Some(&survey.caller)).await?;
        Err(fault.into())
    }

    async fn redeem_ask(
        &self,
        opened: &Opened,
        survey: &Survey,
        drift: Drift,
    ) -> Result<Option<Permit>, Fault> {
        let Opened { ask, document, plan } = opened;
        let Survey { plan: now_plan, key, verdict, .. } = survey;
        let (now, tick) = (self.parts.clock.now(), self.parts.clock.tick());
        if now < document.not_before || now >= document.expires {
            return Err(grant::expired());
        }
        let left = Duration::try_from(document.expires - now).unwrap_or_default();
        let expires = Tick(tick.0.saturating_add(left));
        if ask.state == State::Pending {
            grant::compare(plan, now_plan, ask.request, *key, drift)?;
            return Ok(None);
        }
        let Some(signature) = &ask.signature else {
            return Err(Fault::new(
                Reason::SignatureInvalid,
                format!(
                    "Ask {} says that it is approved, and holds no signature: somebody changed it. \
                     Nothing was done.",
                    ask.id
                ),
            ));
        };
        for log in BTreeSet::from([&self.parts.settings.log, &ask.log]) {
            let log = self.parts.people.logs.of(log);
            if let Some(event) = log.spent(ask.id, document.not_before).await? {
                return Err(over(ask.id, event));
            }
        }
        let approval = self.approval(ask, signature, survey).await?;
        self.is_as_shown(document, survey)?;
        let row = grant::approve(&ask.handle, plan, ask.request, expires, approval);
        // The approval says how it came about; nobody echoed anything.
        let echo = Confirm::Echo.assurance();
        grant::redeem(row, now_plan, *key, drift, verdict, echo, tick).map(Some)
    }

    /// Refuses an approval of something else than what is decided now. The plan is compared by itself;
    /// but a document lies where its requester may be able to write before it is shown and signed.
    fn is_as_shown(&self, document: &Document, survey: &Survey) -> Result<(), Fault> {
        let Survey { verdict, class, .. } = survey;
        let most = expiry(verdict, self.parts.settings.terms.expires);
        let other = if document.class != *class {
            "class"
        } else if document.rule != verdict.rule() || document.why != reason(verdict) {
            "rule"
        } else if document.expires - document.not_before > most {
            "time"
        } else {
            return Ok(());
        };
        Err(Fault::new(
            Reason::PlanChanged,
            format!("The approver was shown another {other} than holds now. Nothing was done."),
        ))
    }

    /// Turns an approved ask to executing: from here on it is spent, whatever happens.
    pub(super) async fn spend(
        &self,
        opened: Opened,
        permit: &Permit,
        known: &mut Record,
    ) -> Result<Spent, Fault> {
        known.approver = permit.approval().map(|approval| {
            let requester = permit.plan().parts().principal.uid;
            approver(approval, approval.account().unwrap_or(requester))
        });
        let asks = &self.parts.people.asks;
        let held = asks.hold(opened.ask.id)?;
        let mut turn = Turn::new(opened.ask.state, State::Executing, self.parts.clock.now())?;
        turn.session = Some(self.parts.settings.session.clone());
        // It is on record as `allowed`, which the gate writes before the effect.
        let ask = asks.turn(opened.ask.id, turn).await.map_err(|fault| match fault.reason {
            Reason::AskClosed => Fault::new(
                Reason::TokenUsed,
                format!("Ask {} was spent or closed meanwhile. {}", opened.ask.id, fault.message),
            ),
            _ => fault,
        })?;
        Ok(Spent { opened: Box::new(Opened { ask, ..opened }), _held: held })
    }

    /// Ends a spent ask as what it permitted ended, which is on record already.
    pub(super) async fn ended(&self, spent: Option<Spent>, to: State) {
        let Some(spent) = spent else { return };
        let turned = match Turn::new(State::Executing, to, self.parts.clock.now()) {
            Ok(turn) => self.parts.people.asks.turn(spent.opened.ask.id, turn).await.map(drop),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = turned {
            let id = spent.opened.ask.id;
            tracing::error!("ask {id} stays as executing, though it ended: {}", fault.message);
        }
    }

    /// Ends a request with an ask that waits for a person.
    pub(super) async fn ask(
        &self,
        name: &str,
        trail: &mut Trail,
        survey: Survey,
        refusal: Option<Fault>,
    ) -> Answer {
        match self.make_ask(trail, survey, refusal.clone()).await {
            Ok(answer) => Answer { operation: name.to_owned(), ..answer },
            Err(fault) if fault.reason == Reason::ApprovalUnavailable => {
                self.refuse(name, trail, fault).await
            }
            Err(fault) => self.refuse(name, trail, without_preview(refusal, fault)).await,
        }
    }

    async fn make_ask(
        &self,
        trail: &mut Trail,
        survey: Survey,
        refusal: Option<Fault>,
    ) -> Result<Answer, Fault> {
        let now = self.parts.clock.now();
        let (trust, requester) = (&self.parts.people.trust, survey.caller.principal.uid);
        let (signers, apart) = (trust.signers(requester).await?, trust.apart(requester));
        if !signers.can_meet(survey.verdict.takes(), apart.is_ok(), now) {
            return Err(match survey.verdict.effect() {
                Effect::Confirm => too_low(&survey.verdict),
                _ => unapproved(&survey.verdict, &survey.policy, &signers, apart),
            });
        }
        self.possible(&survey).await?;
        let plan = Arc::clone(&survey.plan);
        let (ask, mut document) = self.composed(survey, now).await?;
        self.turns.tidy(&self.parts.registry).await?;
        let ask = match self.parts.people.asks.put(ask.clone(), self.parts.settings.terms).await? {
            Put::New => {
                let line = format!("{} {}", ask.operation, ask.about);
                self.parts.people.notifier.tell(ask.id, &line);
                ask
            }
            Put::Same(same) => {
                document = Opened::of((*same).clone(), &self.parts.registry)?.document;
                *same
            }
        };
        trail.known.ask = Some(ask.id);
        if let Some(fault) = &refusal {
            let mut record = trail.record(Event::Denied);
            record.reason = Some(fault.reason);
            trail.write(record).await?;
        }
        let mut record = trail.record(Event::Preview);
        record.expires = Some(timestamp(ask.expires));
        trail.settle(record).await?;
        let facts = json!({"class": document.class, "facts": tidy(&json!(plan.parts().facts))});
        Ok(Answer { data: facts, ..waiting(&ask, &document, refusal.as_ref()) })
    }

    /// The ask of what was surveyed, with its document.
    async fn composed(
        &self,
        survey: Survey,
        now: OffsetDateTime,
    ) -> Result<(Ask, Document), Fault> {
        let Survey { plan, key, verdict, class, drift, seen_at, caller, policy, sight } = survey;
        let preview = sight.preview(self.context(&caller, &policy), &plan).await;
        let preview = preview.text(seen_at, drift);
        let terms = self.parts.settings.terms;
        let document = Document {
            v: Document::VERSION,
            ask: AskId::from_random(self.bits()?),
            plan: plan.to_value()?,
            class,
            rule: verdict.rule().to_owned(),
            why: reason(&verdict),
            takes: verdict.takes().clone(),
            preview,
            client: caller.client.clone(),
            nonce: hex::encode(&self.bits::<16>()?),
            not_before: now,
            expires: now + expiry(&verdict, terms.expires),
        };
        let seals = document.text()?.contains(SEALED);
        let ask = Ask {
            id: document.ask,
            document: document.text()?.into(),
            handle: Arc::new(Token::from_random(self.bits()?)),
            request: key,
            plan: plan.digest(),
            operation: plan.parts().operation.clone(),
            about: about(plan.targets()),
            principal: caller.principal.clone(),
            cools: cools(&plan)?,
            seal: self.seal_key.get().filter(|_| seals).cloned(),
            session: self.parts.settings.session.clone(),
            log: self.parts.settings.log.clone(),
            made: now,
            expires: document.expires,
            state: State::Pending,
            since: now,
            signature: None,
            approver: None,
            assurance: None,
            words: None,
        };
        Ok((ask, document))
    }

    /// Ends a request that presented an ask on which nobody has decided yet.
    pub(super) async fn waits(&self, name: &str, trail: &mut Trail, ask: &Ask) -> Answer {
        let mut record = trail.record(Event::Preview);
        record.expires = Some(timestamp(ask.expires));
        let recorded = trail.settle(record).await;
        match recorded.and_then(|()| Opened::of(ask.clone(), &self.parts.registry)) {
            Ok(opened) => {
                let answer = waiting(&opened.ask, &opened.document, None);
                Answer { target: trail.known.target.clone(), ..answer }
            }
            Err(fault) => Answer::of_fault(name, &fault),
        }
    }

    fn bits<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bits = [0; N];
        self.parts.entropy.fill(&mut bits)?;
        Ok(bits)
    }
}

/// The refusal of an ask that is over, as the audit log has it, whatever its state says.
fn over(id: AskId, event: Event) -> Fault {
    let (reason, was) = match event {
        Event::AskDenied => (Reason::ApprovalDenied, "denied"),
        Event::AskRevoked => (Reason::ApprovalRevoked, "taken back"),
        event if event.closes_ask() => (Reason::TokenUsed, "closed"),
        _ => (Reason::TokenUsed, "spent"),
    };
    Fault::new(
        reason,
        format!(
            "Ask {id} was {was} before, as the audit log has it, and its state says something else: \
             somebody changed it. Nothing was done."
        ),
    )
}

/// What a plan acts on, in a few words.
fn about(targets: &[Target]) -> String {
    let named = targets.iter().take(NAMED_MAX).map(|target| text::name(&target.name));
    let named = named.collect::<Vec<_>>().join(", ");
    match targets.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// How long an ask waits: as usual, or less where a rule says so.
fn expiry(verdict: &Verdict, usual: time::Duration) -> time::Duration {
    let said = verdict.takes().expires.map(|seconds| time::Duration::seconds(seconds.into()));
    said.map_or(usual, |said| said.min(usual))
}

/// What a denial cools down: who asks for what, whatever the arguments.
fn cools(plan: &Plan) -> Result<Digest, Fault> {
    let parts = plan.parts();
    let mut targets: Vec<_> =
        parts.targets.iter().map(|target| (target.kind, &target.id, &target.engine)).collect();
    targets.sort();
    let json = canonical(&json!([parts.principal, parts.operation, targets]))?;
    Ok(Digest::of(&[b"countersign-cools-v1\n", &json]))
}

/// How a person approves an ask.
fn approve(id: AskId, takes: &Requirement) -> String {
    match takes.is_apart() {
        true => format!(
            "countersign asks show {id} --document | sudo countersign approve {id} --document -"
        ),
        false => format!("countersign approve {id}"),
    }
}

/// The answer of an ask that waits.
fn waiting(ask: &Ask, document: &Document, refusal: Option<&Fault>) -> Answer {
    let mut out = String::new();
    // Writing to a String cannot fail.
    if let Some(fault) = refusal {
        write!(out, "Error: {}\n\n", fault.message).unwrap_or_default();
    }
    let why = document.why.as_deref().unwrap_or("a rule asks for it");
    write!(
        out,
        "{}This wants a person's approval: {} (rule `{}`). Ask {} waits until {}.\n\
         A person approves it at a shell of this machine: {}\n",
        document.preview,
        text::line(why, 400),
        text::name(&document.rule),
        ask.id,
        moment(ask.expires),
        approve(ask.id, &document.takes),
    )
    .unwrap_or_default();
    Answer {
        ask: Some(ask.id),
        plan: Some(ask.plan),
        confirm_token: Some(ask.handle.reveal()),
        expires_at: Some(timestamp(ask.expires)),
        reason: refusal.map(|fault| fault.reason),
        text: out,
        ..Answer::empty(
            if refusal.is_some() { Status::Denied } else { Status::ApprovalRequired },
            &ask.operation,
        )
    }
}
