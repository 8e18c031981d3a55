//! Asks that are presented: what that comes to, and how an approved one is spent.

use std::time::Duration;

use time::OffsetDateTime;

use super::given::approver;
use super::refusal::reason;
use super::survey::Survey;
use super::turns::{Opened, itself};
use super::{Confirm, Gate};
use crate::core::ask::{Ask, AskId, Document, Shown, State, Turn};
use crate::core::grant::{self, Permit, Tick};
use crate::core::operation::Drift;
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
            Reason::ApprovalRevoked => State::Revoked,
            _ => return Err(fault.into()),
        };
        let mut turn = Turn::new(opened.ask.state, to, self.parts.clock.now())?;
        if to == State::Cancelled {
            let (owner, by) = (&opened.ask.principal, &survey.caller.principal);
            turn.words = Some(match owner == by {
                true => "its confirm token was presented with another request".into(),
                false => format!("its confirm token was presented by another caller, {by}"),
            });
        }
        let caller = Some(&survey.caller);
        match alone {
            Some(_) => self.turns.turn_alone(&opened, turn, caller).await?,
            None => self.turns.turn(&opened, turn, caller).await?,
        };
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
        is_current(document, now)?;
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
        let by = recorded.approved.unwrap_or(survey.caller.principal.uid);
        let approval = self.approval(ask, by, survey, None).await?;
        if recorded.approved.is_none() {
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
        let approval = self.unasked(ask, by, approval, survey).await?;
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

    /// Whether the intent that was just put on record is what spends the ask. The log's order decides: a
    /// process can be stopped between its look at the log and its line there, and the state be changed
    /// meanwhile.
    pub(super) async fn is_first(&self, spent: &Spent, request: Option<&str>) -> Result<(), Fault> {
        let Opened { ask, document, .. } = &spent.approved.opened;
        let recorded = self.parts.audit.recorded(ask.id, document.not_before).await?;
        match recorded.spent {
            Some(Event::Allowed) if request.is_some() && recorded.request.as_deref() == request => {
                Ok(())
            }
            event => Err(over(ask.id, event.unwrap_or(Event::Unknown))),
        }
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
pub(super) fn over(id: AskId, event: Event) -> Fault {
    let (reason, was) = match event {
        Event::AskDenied => (Reason::ApprovalDenied, "denied"),
        Event::AskRevoked => (Reason::ApprovalRevoked, "taken back"),
        event if event.closes_ask() => (Reason::TokenUsed, "closed"),
        _ => (Reason::TokenUsed, "spent"),
    };
    Fault::new(
        reason,
        format!(
            "Ask {id} was {was} before, as the audit log has it. Its state says something else: it could \
             not be written then, or somebody changed it. Nothing was done."
        ),
    )
}

/// Refuses an ask whose time is over.
pub(super) fn is_current(document: &Document, now: OffsetDateTime) -> Result<(), Fault> {
    if now < document.not_before {
        return Err(Fault::new(
            Reason::StateUnavailable,
            format!(
                "Ask {} was made at a time that is still to come: a clock was set back. Nothing was \
                 done.",
                document.ask
            ),
        ));
    }
    if now < document.expires { Ok(()) } else { Err(grant::expired()) }
}

/// How long an ask waits: as usual, or less where a rule says so.
pub(super) fn expiry(verdict: &Verdict, usual: time::Duration) -> time::Duration {
    let said = verdict.takes().expires.map(|seconds| time::Duration::seconds(seconds.into()));
    said.map_or(usual, |said| said.min(usual))
}
