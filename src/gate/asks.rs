//! Asks that are presented: what that comes to, and how an approved one is spent.

use std::collections::BTreeMap;
use std::time::Duration;

use super::given::approver;
use super::refusal::reason;
use super::survey::Survey;
use super::turns::Opened;
use super::{Confirm, Gate};
use crate::core::ask::{Ask, AskId, Document, Shown, State, Turn};
use crate::core::grant::{self, Permit, Tick};
use crate::core::operation::Drift;
use crate::core::plan::Target;
use crate::core::policy::Verdict;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, Record};
use crate::core::text;
use crate::ports::Held;

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

/// An ask whose approval was redeemed. Nobody else can redeem it until it is dropped.
pub(super) struct Approved {
    opened: Opened,
    _alone: Option<Held>,
}

/// An ask that is being executed by this process, until it is dropped.
pub(super) struct Spent {
    approved: Box<Approved>,
    _held: Held,
}

/// An ask as something of which one thing at a time is done.
fn itself(ask: &Ask) -> Target {
    Target {
        kind: "ask",
        id: ask.id.to_string(),
        name: ask.id.to_string(),
        engine: String::new(),
        attributes: BTreeMap::new(),
    }
}

impl Gate {
    /// Spends an approved ask: its signature is verified again, and its plan must be this plan. Says
    /// how it stands if nobody has decided yet.
    pub(super) async fn approved(
        &self,
        opened: Opened,
        survey: &Survey,
        drift: Drift,
    ) -> Result<(Permit, Approved), Unspent> {
        // Of all who present it, in whatever state, one at a time asks the log and writes to it.
        let alone = match opened.ask.state {
            State::Approved => Some(self.parts.audit.hold(&[itself(&opened.ask)])?),
            _ => None,
        };
        let fault = match self.redeem_ask(&opened, survey, drift).await {
            Ok(Some(permit)) => return Ok((permit, Approved { opened, _alone: alone })),
            Ok(None) => return Err(Unspent::Waits(Box::new(opened.ask))),
            Err(fault) => fault,
        };
        let to = match fault.reason {
            Reason::TokenMismatch => State::Cancelled,
            Reason::PlanChanged => State::Superseded,
            Reason::TokenExpired => State::Expired,
            _ => return Err(fault.into()),
        };
        let mut turn = Turn::new(opened.ask.state, to, self.parts.clock.now())?;
        if to == State::Cancelled {
            let (owner, caller) = (&opened.ask.principal, &survey.caller.principal);
            turn.words = Some(match owner == caller {
                true => "its confirm token was presented with another request".into(),
                false => format!("its confirm token was presented by another caller, {caller}"),
            });
        }
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
        if document.log != self.parts.settings.log {
            return Err(Fault::new(
                Reason::AuditUnavailable,
                format!(
                    "Ask {} is on record in {}, and can be spent there only: the log here is {}.",
                    ask.id,
                    text::name(&document.log),
                    text::name(&self.parts.settings.log)
                ),
            ));
        }
        let recorded = self.parts.audit.recorded(ask.id, document.not_before).await?;
        if let Some(event) = recorded.spent {
            return Err(over(ask.id, event));
        }
        let approval = self.approval(ask, survey, None).await?;
        if !recorded.approved {
            return Err(Fault::new(
                Reason::AuditUnavailable,
                format!(
                    "The approval of ask {} is not in the audit log, so nothing was done. Ask anew.",
                    ask.id
                ),
            ));
        }
        self.is_as_shown(document, survey)?;
        grant::compare(plan, now_plan, ask.request, *key, drift)?;
        let approval = self.unasked(ask, approval, survey).await?;
        let row = grant::approve(&ask.handle, plan, ask.request, expires, approval);
        // The approval says how it came about; nobody echoed anything.
        let echo = Confirm::Echo.assurance();
        grant::redeem(row, now_plan, *key, drift, verdict, echo, tick).map(Some)
    }

    fn is_as_shown(&self, document: &Document, survey: &Survey) -> Result<(), Fault> {
        let Survey { verdict, class, written, .. } = survey;
        document.showed(&Shown {
            class: *class,
            rule: verdict.rule(),
            why: reason(verdict).as_deref(),
            takes: verdict.takes(),
            written,
            most: expiry(verdict, self.parts.settings.terms.expires),
        })
    }

    /// Turns an approved ask to executing: from here on it is spent, whatever happens.
    pub(super) async fn spend(
        &self,
        approved: Approved,
        permit: &Permit,
        known: &mut Record,
    ) -> Result<Spent, Fault> {
        known.approver = permit.approval().map(|approval| {
            let requester = permit.plan().parts().principal.uid;
            approver(approval, approval.account().unwrap_or(requester))
        });
        let (asks, ask) = (&self.parts.people.asks, &approved.opened.ask);
        let held = asks.hold(ask.id)?;
        let mut turn = Turn::new(ask.state, State::Executing, self.parts.clock.now())?;
        turn.session = Some(self.parts.settings.session.clone());
        // It is on record as `allowed`, which the gate writes before the effect.
        asks.turn(ask.id, turn).await.map_err(|fault| match fault.reason {
            Reason::AskClosed => Fault::new(
                Reason::TokenUsed,
                format!("Ask {} was spent or closed meanwhile. {}", ask.id, fault.message),
            ),
            _ => fault,
        })?;
        Ok(Spent { approved: Box::new(approved), _held: held })
    }

    /// Ends a spent ask as what it permitted ended, which is on record already.
    pub(super) async fn ended(&self, spent: Option<Spent>, to: State) {
        let Some(Spent { approved, _held }) = spent else { return };
        let id = approved.opened.ask.id;
        let turned = match Turn::new(State::Executing, to, self.parts.clock.now()) {
            Ok(turn) => self.parts.people.asks.turn(id, turn).await.map(drop),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = turned {
            tracing::error!("ask {id} stays as executing, though it ended: {}", fault.message);
        }
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

/// How long an ask waits: as usual, or less where a rule says so.
pub(super) fn expiry(verdict: &Verdict, usual: time::Duration) -> time::Duration {
    let said = verdict.takes().expires.map(|seconds| time::Duration::seconds(seconds.into()));
    said.map_or(usual, |said| said.min(usual))
}
