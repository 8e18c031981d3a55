//! How requests end: executed, refused, or answered with a preview. Each way writes its line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::SemaphorePermit;

use super::answer::{Answer, Confirm, Status};
use super::erased::{Call, Rendered};
use super::inbox::WATCHING_MAX;
use super::survey::Survey;
use super::trail::Trail;
use super::{Admitted, Gate};
use crate::core::ask::State;
use crate::core::grant::{self, Assurance, Token};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Event, Record, tidy, timestamp};
use crate::core::text;
use crate::ports::random;

impl Gate {
    /// Waits for a place among the requests that run. Those that wait for a person have places of their
    /// own, so that they keep no other from running.
    pub(super) async fn place(&self, name: &str) -> Result<Option<SemaphorePermit<'_>>, Fault> {
        let refused = |_| {
            Fault::new(
                Reason::Limit,
                "Too many calls are running and waiting already. Wait for some to end, then call \
                 again.",
            )
        };
        let _waiting = self.waiting.try_acquire().map_err(refused)?;
        let ending = || Fault::new(Reason::Limit, "Countersign is ending; nothing was done.");
        let waits = self.parts.registry.get(name).is_some_and(|operation| operation.entry.waits());
        let place = match waits {
            true => None,
            false => Some(self.places.acquire().await.map_err(|_| ending())?),
        };
        if self.closing.load(Ordering::SeqCst) { Err(ending()) } else { Ok(place) }
    }

    /// Ends a request that is refused.
    pub(super) async fn refuse(&self, name: &str, trail: &mut Trail, fault: Fault) -> Answer {
        self.end(name, trail, Event::Denied, fault).await
    }

    /// Ends a request to which nothing happened.
    pub(super) async fn end(
        &self,
        name: &str,
        trail: &mut Trail,
        event: Event,
        fault: Fault,
    ) -> Answer {
        let recorded = trail.settle_with(event, &fault).await;
        let fault = match recorded {
            Ok(()) => fault,
            Err(unrecorded) => unrecorded,
        };
        Answer { target: trail.known.target.clone(), ..Answer::of_fault(name, &fault) }
    }

    /// Records and answers a request that does not come to run: its face could not read it, or
    /// refuses it. Its operation is none where that could not be read either.
    pub async fn turn_away(&self, caller: Caller, operation: Option<&str>, fault: Fault) -> Answer {
        let operation = operation.map(text::name);
        let mut known = Record::new(Event::Denied);
        known.caller = Some(caller);
        known.op.clone_from(&operation);
        let name = operation.unwrap_or_default();
        match self.trail(known) {
            Ok(mut trail) => self.refuse(&name, &mut trail, fault).await,
            Err(fault) => Answer::of_fault(&name, &fault),
        }
    }

    /// Ends a request with a preview, and where the caller can confirm it, with a new grant. The
    /// grant is issued once the preview is on record.
    pub(super) async fn offer(
        &self,
        name: &str,
        trail: &mut Trail,
        survey: Survey,
        refusal: Option<Fault>,
        confirm: Confirm,
    ) -> Answer {
        let possible = self.possible(&survey).await;
        if let Err(fault) = possible.and_then(|()| self.cooled_down(&survey.plan)) {
            return self.refuse(name, trail, without_preview(refusal, fault)).await;
        }
        let Survey { plan, key, class, drift, seen_at, caller, policy, sight, verdict, .. } =
            survey;
        let preview = sight.preview(self.context(&caller, &policy), &plan).await;
        let preview = preview.text(seen_at, drift);
        let ttl = self.parts.settings.token_ttl;
        let token = match self.token(confirm) {
            Ok(token) => token,
            Err(fault) => return self.refuse(name, trail, fault).await,
        };
        if let Some(fault) = &refusal {
            let mut record = trail.record(Event::Denied);
            record.reason = Some(fault.reason);
            if let Err(fault) = trail.write(record).await {
                return self.refuse(name, trail, fault).await;
            }
        }
        let expires_at = timestamp(self.parts.clock.now() + ttl);
        let mut record = trail.record(Event::Preview);
        record.expires = token.as_ref().map(|_| expires_at.clone());
        if let Err(fault) = trail.settle(record).await {
            return Answer::of_fault(name, &fault);
        }
        let shown = token.map(|token| {
            let now = self.parts.clock.tick();
            let expires = grant::Tick(now.0.saturating_add(ttl));
            self.parts.grants.put(grant::issue(&token, &plan, key, expires), now);
            token.reveal()
        });
        let granted = shown.is_some();
        let accepts = if granted { verdict.takes().accepted() } else { BTreeSet::new() };
        let refused = refusal.as_ref().map(|fault| format!("Error: {}\n\n", fault.message));
        Answer {
            status: if refusal.is_some() { Status::Denied } else { Status::ConfirmationRequired },
            operation: name.to_owned(),
            target: trail.known.target.clone(),
            plan: Some(plan.digest()),
            ask: None,
            expires_at: granted.then_some(expires_at),
            confirm_token: shown,
            reason: refusal.map(|fault| fault.reason),
            data: json!({"class": class, "facts": tidy(&json!(plan.parts().facts))}),
            text: format!("{}{preview}", refused.unwrap_or_default()),
            ttl_seconds: ttl.as_secs(),
            accepts,
            known: granted.then(|| Box::new(trail.known.clone())),
        }
    }

    /// Ends the grant of a preview that was not confirmed: it is gone from here on, and `fault` says
    /// why. `said` is how somebody said no, if anybody did: that cools down.
    pub async fn decline(&self, preview: &Answer, fault: Fault, said: Option<Assurance>) -> Answer {
        if let Some(token) = preview.confirm_token.as_deref().and_then(Token::parse) {
            // It may have expired, which comes to the same.
            let row = self.parts.grants.take(&token.hash(), self.parts.clock.tick());
            if let (Some(_), Ok(row)) = (said, row)
                && let Err(fault) = self.cool_down(row.plan())
            {
                tracing::error!("what was declined does not cool down: {}", fault.message);
            }
        }
        let mut known = preview.known.as_deref().cloned().unwrap_or(Record::new(Event::Denied));
        known.assurance = said;
        let (audit, clock) = (Arc::clone(&self.parts.audit), Arc::clone(&self.parts.clock));
        let mut trail = Trail::new(audit, clock, known);
        let answer = self.refuse(&preview.operation, &mut trail, fault).await;
        Answer { plan: preview.plan, ..answer }
    }

    fn token(&self, confirm: Confirm) -> Result<Option<Token>, Fault> {
        if confirm == Confirm::Never {
            return Ok(None);
        }
        Ok(Some(Token::from_random(random(&*self.parts.entropy)?)))
    }

    /// Runs what was admitted, and records how it ended.
    pub(super) async fn execute(&self, mut admitted: Admitted<'_>, trail: &mut Trail) -> Answer {
        let spent = admitted.spent.take();
        let mut answer = match &admitted.call {
            Call::Read(call) => {
                let cx = self.context(&admitted.caller, &admitted.policy);
                let read = call.read(cx, &admitted.targets).await;
                let spends = spent.is_some();
                self.finish_read(&admitted.spec.name, spends, read, trail).await
            }
            Call::Change(call) => self.change(&admitted, &**call, trail).await,
        };
        answer.target = trail.known.target.clone();
        answer.plan = Some(admitted.permit.plan().digest());
        let ended = match answer.status {
            Status::Ok => State::Done,
            Status::Unknown => State::Unknown,
            _ => State::Failed,
        };
        self.ended(spent, ended).await;
        answer
    }

    /// A read is on record before its answer leaves: as one, or as the outcome of what spent an ask.
    async fn finish_read(
        &self,
        name: &str,
        spends: bool,
        read: Result<Rendered, Fault>,
        trail: &mut Trail,
    ) -> Answer {
        let (done, failed) =
            if spends { (Event::Done, Event::Failed) } else { (Event::Read, Event::Denied) };
        let recorded = match &read {
            Ok(rendered) => {
                let mut record = trail.record(done);
                record.result = Some(rendered.record.clone());
                trail.settle(record).await
            }
            Err(fault) => trail.settle_with(failed, fault).await,
        };
        match recorded.and(read) {
            Ok(Rendered { text, data, .. }) => Answer::done(name, text, data),
            Err(fault) => Answer::of_fault(name, &fault),
        }
    }

    /// Ends a request that panicked. What it may have changed is unknown.
    pub(super) async fn broke_off(&self, name: &str, trail: &mut Trail) -> Answer {
        let mut fault = broke_off();
        if let Err(unrecorded) = trail.settle_with(Event::Unknown, &fault).await {
            fault.message.push_str(&not_recorded(&unrecorded));
        }
        Answer { target: trail.known.target.clone(), ..Answer::of_fault(name, &fault) }
    }

    /// Waits until every request that runs now has ended, and lets no other begin.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.waiting.close();
        let all = u32::try_from(self.parts.settings.concurrent_calls.max(1)).unwrap_or(u32::MAX);
        // Only this waits for all places, and nobody closes them: there is no error to handle.
        drop(self.places.acquire_many(all).await);
        drop(self.watching.acquire_many(WATCHING_MAX).await);
    }
}

/// Why there is no preview. That a granted plan changed stays the reason, also where nothing can be
/// confirmed in its place.
pub(super) fn without_preview(refusal: Option<Fault>, fault: Fault) -> Fault {
    match refusal {
        Some(Fault { reason, message, .. }) => {
            Fault { reason, message: format!("{message} {}", fault.message), ..fault }
        }
        None => fault,
    }
}

/// The fault of an operation that panicked.
pub(super) fn broke_off() -> Fault {
    Fault::new(
        Reason::OutcomeUnknown,
        "This operation broke off by a defect of Countersign. If it changes something, it may or \
         may not have done so: look before you try again.",
    )
    .with_detail("the operation panicked")
}

pub(super) fn not_recorded(fault: &Fault) -> String {
    let why = text::line(&fault.message, 400);
    format!("\n\nThe outcome could not be recorded: {why} The log shows it as open.")
}
