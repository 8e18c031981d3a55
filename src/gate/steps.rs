//! Steps of a plan over many targets: each is looked at again and recorded before it is acted on.

use std::fmt;

use serde_json::{Value, json};

use super::answer::Progress;
use super::erased::ChangeCall;
use super::operation::Context;
use super::trail::Trail;
use crate::core::grant::{Granted, Permit};
use crate::core::operation::Drift;
use crate::core::plan::{Plan, Target};
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

/// What an operation tells the gate of its progress.
pub trait Steps: Send {
    /// Before a target of a plan over many is acted on.
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

    /// How far a change has come that takes long, for whoever waits. It binds to nothing, and is
    /// not recorded.
    fn report(&self, done: u64, total: Option<u64>, message: &str);

    /// What the operation may look at while it acts: what is gone afterwards can only be measured
    /// before. Nothing is bound to what it sees.
    fn context(&self) -> Context<'_>;
}

/// What became of one target of a plan over many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Untouched,
    /// It was acted on, or may have been, and how that ended is not known.
    Unknown,
    Done,
    Failed,
    /// It changed since it was shown.
    LeftAlone,
}

/// What became of the targets of a plan over many.
#[derive(Debug)]
pub(super) struct Tally {
    /// Whether the operation takes steps at all.
    began: bool,
    /// Each target's name and fate, in the order of the plan.
    targets: Vec<(String, Fate)>,
}

impl Tally {
    fn of(permit: &Permit) -> Self {
        let left_out: Vec<&Target> = permit.left_out().collect();
        let fate = |target: &Target| match left_out.contains(&target) {
            true => Fate::LeftAlone,
            false => Fate::Untouched,
        };
        let targets = permit.plan().targets().iter();
        let targets = targets.map(|target| (text::name(&target.name), fate(target))).collect();
        Self { began: false, targets }
    }

    fn names(&self, fates: &[Fate]) -> Vec<&str> {
        let fitting = self.targets.iter().filter(|(_, fate)| fates.contains(fate));
        fitting.map(|(name, _)| name.as_str()).collect()
    }

    fn set(&mut self, index: usize, fate: Fate) {
        self.began = true;
        if let Some((_, now)) = self.targets.get_mut(index) {
            *now = fate;
        }
    }

    /// Whether the operation took any step.
    pub(super) const fn began(&self) -> bool {
        self.began
    }

    /// Adds it to what the log keeps and to what the answer says.
    pub(super) fn tell(&self, failed: bool, result: &mut Value, answer: &mut String) {
        let left_alone = self.names(&[Fate::LeftAlone]);
        if let (true, Value::Object(map)) = (self.began, result) {
            let count = |fate| self.names(&[fate]).len();
            map.insert(
                "steps".into(),
                json!({
                    "done": count(Fate::Done),
                    "failed": count(Fate::Failed),
                    "unknown": count(Fate::Unknown),
                    "untouched": count(Fate::Untouched),
                }),
            );
            map.insert("left_alone".into(), json!(left_alone));
        }
        let mut say = |what: &str, names: &[&str]| {
            if !names.is_empty() {
                answer.push_str(&format!("\n{what}: {}", text::line(&names.join(", "), 2000)));
            }
        };
        if failed && self.began {
            say("Done before that", &self.names(&[Fate::Done]));
            say("Failed", &self.names(&[Fate::Failed]));
            say("Not known, look first", &self.names(&[Fate::Unknown]));
            say("Not touched", &self.names(&[Fate::Untouched]));
        }
        say("Left alone, since they changed after the preview", &left_alone);
    }
}

/// The gate's own keeper of steps. A plan whose operation takes no steps has no lines of its own for
/// them: its intent and outcome say everything, and under its lock it was looked at a moment ago.
pub(super) struct Recorder<'a> {
    cx: Context<'a>,
    call: &'a dyn ChangeCall,
    plan: &'a Plan,
    drift: Drift,
    trail: &'a Trail,
    progress: Option<&'a dyn Progress>,
    tally: Tally,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        cx: Context<'a>,
        call: &'a dyn ChangeCall,
        permit: &'a Permit,
        drift: Drift,
        trail: &'a Trail,
        progress: Option<&'a dyn Progress>,
    ) -> Self {
        let plan: &Plan = permit.plan();
        Self { cx, call, plan, drift, trail, progress, tally: Tally::of(permit) }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// The place of a target in the plan. A permit's targets are the plan's own.
    fn place(&self, target: &Target) -> usize {
        self.plan.targets().iter().position(|one| one == target).unwrap_or(usize::MAX)
    }

    fn tell_progress(&self, doing: &str) {
        let untouched = self.tally.names(&[Fate::Untouched]).len();
        let total = self.tally.targets.len();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.report(count(total - untouched.min(total)), Some(count(total)), doing);
    }
}

impl fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("plan", &self.plan.digest()).finish_non_exhaustive()
    }
}

/// Whether a look that ends so says that the target is no longer what it was, and not that nothing
/// could be seen.
const fn is_drift(reason: Reason) -> bool {
    matches!(reason, Reason::NotFound | Reason::PlanChanged)
}

impl Steps for Recorder<'_> {
    fn begin<'a>(&'a mut self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Proceed, Fault>> {
        Box::pin(async move {
            let target = target.target();
            self.tell_progress(&text::name(&target.name));
            let place = self.place(target);
            let shown = self.plan.parts().facts.get(place);
            let holds = |now: &Value| shown.is_some_and(|shown| self.call.holds(shown, now));
            let same = match self.call.observe(self.cx, std::slice::from_ref(target)).await {
                Ok(seen) => seen.facts.first().is_some_and(holds),
                Err(fault) if is_drift(fault.reason) => false,
                Err(fault) => {
                    self.tally.began = true;
                    return Err(fault);
                }
            };
            match (same, self.drift) {
                (true, _) => {}
                (false, Drift::Each) => {
                    self.tally.set(place, Fate::LeftAlone);
                    return Ok(Proceed::Skip);
                }
                (false, Drift::All) => {
                    self.tally.began = true;
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
            self.tally.began = true;
            self.trail.write_synced(record).await?;
            self.tally.set(place, Fate::Unknown);
            Ok(Proceed::Act)
        })
    }

    fn end<'a>(
        &'a mut self,
        target: &'a Granted<'a>,
        outcome: Result<(), &'a Fault>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let fate = match outcome {
                Ok(()) => Fate::Done,
                Err(fault) if fault.reason == Reason::OutcomeUnknown => Fate::Unknown,
                Err(_) => Fate::Failed,
            };
            self.tally.set(self.place(target.target()), fate);
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

    fn report(&self, done: u64, total: Option<u64>, message: &str) {
        if let Some(progress) = self.progress {
            progress.report(done, total, message);
        }
    }

    fn context(&self) -> Context<'_> {
        self.cx
    }
}
