//! Steps of a plan over many targets: each is looked at again and recorded before it is acted on.

use std::fmt;

use serde_json::{Value, json};

use super::erased::ChangeCall;
use super::operation::Context;
use super::trail::Trail;
use crate::core::grant::{Granted, Permit};
use crate::core::operation::Drift;
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, TargetRefs};
use crate::core::text;
use crate::ports::BoxFuture;

/// Whether to act on the target of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proceed {
    /// It is what was shown.
    Act,
    /// It changed since it was shown, and is left alone.
    Skip,
}

/// What an operation tells the gate of its progress through many targets.
pub trait Steps: Send {
    /// Before a target is acted on.
    ///
    /// # Errors
    /// `plan_changed` if the target is no longer what was shown and the plan stands or falls as a
    /// whole; `audit_unavailable` if the step cannot be recorded. The target must not be touched.
    fn begin<'a>(&'a mut self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Proceed, Fault>>;

    /// After a target was acted on, with what became of it.
    fn end<'a>(
        &'a mut self,
        target: &'a Granted<'a>,
        outcome: Result<(), &'a Fault>,
    ) -> BoxFuture<'a, ()>;
}

/// What became of the targets of a plan over many.
#[derive(Debug, Default)]
pub(super) struct Progress {
    many: bool,
    done: usize,
    failed: usize,
    /// The names of those that changed since they were shown.
    left_alone: Vec<String>,
}

impl Progress {
    /// Adds it to what the log keeps and to what the answer says.
    pub(super) fn tell(&self, result: &mut Value, answer: &mut String) {
        if let (true, Value::Object(map)) = (self.many, result) {
            map.insert("steps".into(), json!({"done": self.done, "failed": self.failed}));
            map.insert("left_alone".into(), json!(self.left_alone));
        }
        if !self.left_alone.is_empty() {
            let names = self.left_alone.join(", ");
            answer.push_str("\nLeft alone, since they changed after the preview: ");
            answer.push_str(&text::line(&names, 2000));
        }
    }
}

/// The gate's own keeper of steps. A plan over one target has no steps of its own: its intent and
/// outcome say everything, and under its lock it was looked at a moment ago.
pub(super) struct Recorder<'a> {
    cx: Context<'a>,
    call: &'a dyn ChangeCall,
    plan: &'a Plan,
    drift: Drift,
    trail: &'a Trail,
    progress: Progress,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        cx: Context<'a>,
        call: &'a dyn ChangeCall,
        permit: &'a Permit,
        drift: Drift,
        trail: &'a Trail,
    ) -> Self {
        let plan: &Plan = permit.plan();
        let left_alone = permit.left_out().map(|target| text::name(&target.name)).collect();
        let many = plan.targets().len() > 1;
        let progress = Progress { many, left_alone, ..Progress::default() };
        Self { cx, call, plan, drift, trail, progress }
    }

    pub(super) fn into_progress(self) -> Progress {
        self.progress
    }
}

impl fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("plan", &self.plan.digest()).finish_non_exhaustive()
    }
}

impl Steps for Recorder<'_> {
    fn begin<'a>(&'a mut self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Proceed, Fault>> {
        Box::pin(async move {
            if !self.progress.many {
                return Ok(Proceed::Act);
            }
            let target = target.target();
            let shown = self.plan.targets().iter().position(|t| t.id == target.id);
            let shown = shown.and_then(|index| self.plan.parts().facts.get(index));
            let now = self.call.observe(self.cx, std::slice::from_ref(target)).await;
            let same = now.is_ok_and(|seen| seen.facts.first() == shown && shown.is_some());
            match (same, self.drift) {
                (true, _) => {}
                (false, Drift::Each) => {
                    self.progress.left_alone.push(text::name(&target.name));
                    return Ok(Proceed::Skip);
                }
                (false, Drift::All) => {
                    return Err(Fault::new(
                        Reason::PlanChanged,
                        format!(
                            "{} is no longer what the preview showed; it and what follows were \
                             left alone.",
                            text::name(&target.name)
                        ),
                    ));
                }
            }
            let mut record = self.trail.record(Event::Step);
            record.target = TargetRefs::of(std::slice::from_ref(target));
            self.trail.write_synced(record).await?;
            Ok(Proceed::Act)
        })
    }

    fn end<'a>(
        &'a mut self,
        target: &'a Granted<'a>,
        outcome: Result<(), &'a Fault>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !self.progress.many {
                return;
            }
            match outcome {
                Ok(()) => self.progress.done += 1,
                Err(_) => self.progress.failed += 1,
            }
            let mut record = self.trail.record(Event::StepDone);
            record.target = TargetRefs::of(std::slice::from_ref(target.target()));
            record.result = Some(json!({"ok": outcome.is_ok()}));
            if let Err(fault) = outcome {
                record.reason = Some(fault.reason);
                record.error.clone_from(&fault.detail);
            }
            // The step has happened; that it cannot be recorded must not stop what is to follow,
            // and the outcome's own record will fail as well and say so.
            drop(self.trail.write_synced(record).await);
        })
    }
}
