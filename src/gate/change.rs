//! Changing: execute, look again, and say how it ended.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::afterwards::Afterwards;
use super::answer::{Answer, Status};
use super::erased::{ChangeCall, Rendered};
use super::finish::{broke_off, not_recorded};
use super::steps::{Recorder, Tally};
use super::trail::Trail;
use super::{Admitted, Gate};
use crate::core::grant::{Assurance, Permit};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, tidy};

/// What to do about an engine that refused: all of a plan, or the rest of it.
fn next(permit: &Permit, tally: &Tally) -> String {
    let left = if tally.began() { "what is left, see to " } else { "to " };
    let again = match permit.assurance() {
        Assurance::Echo => " without confirmToken for a new preview",
        _ => "",
    };
    format!("\nSee {left}what the engine names, then call again{again}.")
}

/// How a change ended: the closing line's event and result, and the answer.
struct Ended {
    event: Event,
    result: Value,
    fault: Option<Fault>,
    answer: Answer,
}

impl Gate {
    /// Executes a change under its permit, and closes its intent.
    pub(super) async fn change(
        &self,
        admitted: &Admitted<'_>,
        call: &dyn ChangeCall,
        trail: &mut Trail,
    ) -> Answer {
        let Admitted { spec, permit, caller, policy, progress, .. } = admitted;
        let cx = self.context(caller, policy);
        let (executed, mut tally) = {
            let progress = progress.as_deref();
            let mut steps = Recorder::new(cx, call, permit, spec.drift, trail, progress);
            let execute = call.execute(cx, &*self.parts.act, permit, &mut steps);
            let executed = AssertUnwindSafe(execute).catch_unwind().await;
            let executed = executed.unwrap_or_else(|_panic| Err(broke_off()));
            (executed, steps.into_tally())
        };
        tally.look(cx, call, permit).await;
        let mut ended = match executed {
            Ok(looked) => changed(&spec.name, looked, &tally),
            Err(fault) => {
                // A plan over many may have lost some of its targets.
                let seen = Afterwards::look(cx, call, permit.plan(), tally.began()).await;
                went_wrong(permit, &spec.name, fault, &seen, &tally)
            }
        };
        let mut line = trail.record(ended.event);
        line.result = Some(ended.result);
        line.reason = ended.answer.reason;
        line.error = ended.fault.map(|fault| fault.detail.unwrap_or(fault.message));
        if let Err(fault) = trail.settle(line).await {
            // The effect has happened, or may have; a full disk must not hide it.
            ended.answer.text.push_str(&not_recorded(&fault));
        }
        ended.answer
    }
}

fn changed(name: &str, looked: Result<Rendered, Fault>, tally: &Tally) -> Ended {
    let event = Event::Done;
    let mut ended = match looked {
        Ok(Rendered { text, data, record, unknown: None, failed: None }) => {
            Ended { event, result: record, fault: None, answer: Answer::done(name, text, data) }
        }
        Ok(Rendered { text, data, record, unknown, failed }) => {
            let unclear = |why| Fault::new(Reason::OutcomeUnknown, "").with_detail(why);
            let wrong = failed.or(unknown.map(unclear));
            let reason = wrong.as_ref().map_or(Reason::OutcomeUnknown, |fault| fault.reason);
            let fault = Fault { reason, message: text, detail: wrong.and_then(|f| f.detail) };
            let mut answer = Answer { data, ..Answer::of_fault(name, &fault) };
            let event = match reason {
                Reason::OutcomeUnknown => Event::Unknown,
                _ => {
                    answer.status = Status::Failed;
                    Event::Failed
                }
            };
            Ended { event, result: record, fault: Some(fault), answer }
        }
        Err(unseen) => {
            let why = &unseen.message;
            let text = format!("{name} was done, but looking at the result failed: {why}");
            let result = json!({"observed": false});
            let answer = Answer::done(name, text, result.clone());
            Ended { event, result, fault: Some(unseen), answer }
        }
    };
    let failed = ended.event != Event::Done;
    tally.tell(failed, &mut ended.result, &mut ended.answer.text);
    ended
}

/// What failed, or may have, is looked at all the same: the log keeps what is so now.
fn went_wrong(
    permit: &Permit,
    name: &str,
    fault: Fault,
    seen: &Afterwards,
    tally: &Tally,
) -> Ended {
    let mut answer = Answer::of_fault(name, &fault);
    let event = match fault.reason {
        Reason::OutcomeUnknown => Event::Unknown,
        _ => {
            answer.status = Status::Failed;
            Event::Failed
        }
    };
    answer.text.push_str(&format!("\n{}", seen.text()));
    let mut result = seen.record();
    tally.tell(true, &mut result, &mut answer.text);
    if fault.reason == Reason::EngineError {
        answer.text.push_str(&next(permit, tally));
    }
    answer.data = tidy(&result);
    Ended { event, result, fault: Some(fault), answer }
}
