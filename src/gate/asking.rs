//! Asking a person: how an ask is made where policy wants one, and what its requester is told.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use time::OffsetDateTime;

use super::Gate;
use super::answer::{Answer, Status};
use super::asks::expiry;
use super::cooling::cools;
use super::finish::without_preview;
use super::refusal::{reason, too_low, unapproved, wants_approval, wants_person};
use super::survey::Survey;
use super::trail::Trail;
use super::turns::Opened;
use crate::core::approval::Trusted;
use crate::core::ask::{Ask, AskId, Document, State, Turn};
use crate::core::grant::Token;
use crate::core::hex;
use crate::core::plan::Target;
use crate::core::policy::{Effect, Requirement};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, second, tidy, timestamp};
use crate::core::secret::SEALED;
use crate::core::text;
use crate::ports::asks::{Put, Told};
use crate::ports::random;

/// Targets that are named in a few words.
const NAMED_MAX: usize = 3;

/// Stored asks that are not what they say and are closed for a new one, at most.
const CHANGED_MAX: usize = 64;

impl Gate {
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
        let trusted = Trusted { signers, requester, apart, now };
        if let Some(unmet) = trusted.unmet(survey.verdict.takes()) {
            return Err(match survey.verdict.effect() {
                Effect::Confirm => too_low(&survey.verdict),
                _ => unapproved(&survey.verdict, &survey.policy, &unmet),
            });
        }
        self.possible(&survey).await?;
        self.cooled_down(&survey.plan)?;
        let plan = Arc::clone(&survey.plan);
        let wants = wants_person(&survey.verdict);
        let (ask, document) = self.composed(survey, now).await?;
        self.turns.tidy(&self.parts.registry).await?;
        let made = ask.id;
        let (told, document) = self.kept(ask, document).await?;
        let ask = &told.ask;
        trail.known.ask = Some(ask.id);
        let recorded = self.record_ask(trail, ask, refusal.as_ref()).await;
        if ask.id == made {
            if let Err(fault) = recorded {
                // Nobody is asked for what is not on record.
                let turn = Turn::new(State::Pending, State::Cancelled, now)?;
                self.parts.people.asks.turn(ask.id, turn).await?;
                return Err(fault);
            }
            let line = format!("{} {}", ask.operation, ask.about);
            self.parts.people.notifier.tell(ask.id, &line);
        } else {
            recorded?;
        }
        let facts = json!({"class": document.class, "facts": tidy(&json!(plan.parts().facts))});
        Ok(Answer { data: facts, ..self.waiting(&told, &document, &wants, refusal.as_ref()) })
    }

    /// Keeps an ask, or finds the one that waits for the same plan. What only says that it does is
    /// in nobody's way.
    async fn kept(&self, ask: Ask, document: Document) -> Result<(Told, Document), Fault> {
        let asks = &self.parts.people.asks;
        for _ in 0..CHANGED_MAX {
            let same = match asks.put(ask.clone(), self.parts.settings.terms).await? {
                Put::New => return Ok((Told { ask, broken: None }, document)),
                Put::Same(same) => *same,
            };
            let (id, is) = (same.id, same.state);
            match Opened::of(same, &self.parts.registry) {
                Ok(same) if same.plan.digest() == ask.plan => {
                    let document = same.document.clone();
                    return Ok((self.told(same).await, document));
                }
                _ => tracing::warn!("ask {id} was changed by somebody, and is left out"),
            }
            let turned = asks.turn(id, Turn::new(is, State::Superseded, ask.made)?).await;
            turned.map(drop).or_else(|fault| match fault.reason {
                Reason::AskClosed => Ok(()),
                _ => Err(fault),
            })?;
        }
        Err(Fault::new(
            Reason::StateUnavailable,
            "Somebody changes what is stored as asks for this. Nobody was asked; find out who can \
             write the state.",
        ))
    }

    async fn record_ask(
        &self,
        trail: &mut Trail,
        ask: &Ask,
        refusal: Option<&Fault>,
    ) -> Result<(), Fault> {
        if let Some(fault) = refusal {
            let mut record = trail.record(Event::Denied);
            record.reason = Some(fault.reason);
            trail.write(record).await?;
        }
        let mut record = trail.record(Event::Preview);
        record.expires = Some(timestamp(ask.expires));
        trail.settle(record).await
    }

    /// The ask of what was surveyed, with its document.
    async fn composed(
        &self,
        survey: Survey,
        now: OffsetDateTime,
    ) -> Result<(Ask, Document), Fault> {
        let Survey {
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
        } = survey;
        let preview = sight.preview(self.context(&caller, &policy), &plan).await;
        let preview = preview.text(seen_at, drift);
        let terms = self.parts.settings.terms;
        let entropy = &*self.parts.entropy;
        let document = Document {
            v: Document::VERSION,
            ask: AskId::from_random(random(entropy)?),
            plan: plan.to_value()?,
            class,
            rule: verdict.rule().to_owned(),
            why: reason(&verdict),
            takes: verdict.takes().clone(),
            written,
            preview,
            client: caller.client.clone(),
            log: self.parts.settings.log.clone(),
            nonce: hex::encode(&random::<16>(entropy)?),
            not_before: now,
            expires: now + expiry(&verdict, terms.expires),
        };
        let text = document.text()?;
        let seals = text.contains(SEALED);
        let ask = Ask {
            id: document.ask,
            document: text.into(),
            handle: Arc::new(Token::from_random(random(entropy)?)),
            request: key,
            plan: plan.digest(),
            operation: plan.parts().operation.clone(),
            about: about(plan.targets()),
            principal: caller.principal.clone(),
            cools: cools(&plan)?,
            seal: seal.or_else(|| self.seal_key.get().cloned()).filter(|_| seals),
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
                let Document { rule, why, .. } = &opened.document;
                let wants = wants_approval(rule, why.as_deref());
                let told = Told { ask: opened.ask, broken: None };
                let answer = self.waiting(&told, &opened.document, &wants, None);
                Answer { target: trail.known.target.clone(), ..answer }
            }
            Err(fault) => Answer::of_fault(name, &fault),
        }
    }

    /// The answer of an ask that waits, with the words on why it wants a person.
    fn waiting(
        &self,
        told: &Told,
        document: &Document,
        wants: &str,
        refusal: Option<&Fault>,
    ) -> Answer {
        let (ask, instead) = (&told.ask, told.instead());
        let mut out = String::new();
        // Writing to a String cannot fail.
        if let Some(fault) = refusal {
            write!(out, "Error: {}\n\n", fault.message).unwrap_or_default();
        }
        write!(out, "{}{wants} ", document.preview).unwrap_or_default();
        let until = second(document.expires);
        match (ask.state, &instead) {
            (State::Approved, Some(instead)) => writeln!(out, "Ask {} is {instead}", ask.id),
            (State::Approved, None) => {
                let name = ask.approver.as_ref().and_then(|by| by.name.as_deref());
                let by = name.map(|name| format!(" by {}", text::name(name))).unwrap_or_default();
                writeln!(
                    out,
                    "Ask {} is approved{by}, until {until}. Nothing has changed. Call {} again with \
                     the same arguments and confirmToken to do it.",
                    ask.id, ask.operation
                )
            }
            _ => writeln!(
                out,
                "Ask {} waits until {until}.\nA person approves it at a shell of this machine, as \
                 {}: {}",
                ask.id,
                self.parts.settings.account,
                approve(ask.id, &document.takes),
            ),
        }
        .unwrap_or_default();
        Answer {
            ask: Some(ask.id),
            plan: Some(ask.plan),
            confirm_token: instead.is_none().then(|| ask.handle.reveal()),
            expires_at: Some(timestamp(ask.expires)),
            reason: refusal.map(|fault| fault.reason),
            text: out,
            ..Answer::empty(
                if refusal.is_some() { Status::Denied } else { Status::ApprovalRequired },
                &ask.operation,
            )
        }
    }
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

/// How a person approves an ask.
fn approve(id: AskId, takes: &Requirement) -> String {
    match takes.is_apart() {
        true => format!(
            "countersign asks show {id} --document | sudo countersign approve {id} --document - --key KEY"
        ),
        false => format!("countersign approve {id}"),
    }
}
