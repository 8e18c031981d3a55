//! Steps of a plan over many targets: each is looked at again and recorded before it is acted on.

use std::panic::AssertUnwindSafe;
use std::time::Duration;
use std::{fmt, slice};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::Progress;
use super::erased::ChangeCall;
use super::operation::Context;
use super::trail::Trail;
use crate::core::grant::{Granted, Permit};
use crate::core::ids;
use crate::core::operation::Drift;
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, TargetRefs};
use crate::core::text;
use crate::ports::BoxFuture;

/// How long the looks at what changed since the preview may take.
const LOOK: Duration = Duration::from_secs(5);

/// Looks at the same time, at most.
const AT_ONCE: usize = 8;

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
    /// It was gone when its turn came, and not by this plan.
    Gone,
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
    /// That of a plan of which nothing was acted on yet. What changed since it was shown never is.
    fn of(permit: &Permit) -> Self {
        let left_out: Vec<&Target> = permit.left_out().collect();
        let told = |target: &Target| {
            let left_out = left_out.contains(&target);
            let fate = if left_out { Fate::LeftAlone } else { Fate::Untouched };
            (text::name(ids::short(&target.name)), fate)
        };
        Self { began: false, targets: permit.plan().targets().iter().map(told).collect() }
    }

    /// Looks at what changed since it was shown: whether it is there at all. It is only told of, and
    /// can wait until the rest is done.
    pub(super) async fn look(&mut self, cx: Context<'_>, call: &dyn ChangeCall, permit: &Permit) {
        let left_out: Vec<&Target> = permit.left_out().collect();
        let targets = self.targets.iter_mut().zip(permit.plan().targets());
        let mut looks = Vec::new();
        for ((_, fate), target) in targets.filter(|(_, target)| left_out.contains(target)) {
            looks.push(async move {
                let seen = call.observe(cx, slice::from_ref(target)).await;
                if seen.is_err_and(|fault| fault.reason == Reason::NotFound) {
                    *fate = Fate::Gone;
                }
            });
        }
        let look = stream::iter(looks).buffer_unordered(AT_ONCE).collect::<()>();
        // What cannot be seen in time is there for all that is known.
        drop(timeout(LOOK, AssertUnwindSafe(look).catch_unwind()).await);
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
        let (left_alone, gone) = (self.names(&[Fate::LeftAlone]), self.names(&[Fate::Gone]));
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
            map.insert("gone_already".into(), json!(gone));
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
        say("Gone already", &gone);
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
        let tally = Tally::of(permit);
        Self { cx, call, plan, drift, trail, progress, tally }
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

/// The refusal of a plan that stands or falls as a whole, at a target that changed or is gone.
fn drifted_away(target: &Target, fate: Fate) -> Fault {
    let how = match fate {
        Fate::Gone => "is gone; what follows was",
        _ => "is no longer what the preview showed; it and what follows were",
    };
    let name = text::name(&target.name);
    Fault::new(Reason::PlanChanged, format!("{name} {how} left alone."))
}

impl Steps for Recorder<'_> {
    fn begin<'a>(&'a mut self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Proceed, Fault>> {
        Box::pin(async move {
            let target = target.target();
            self.tell_progress(&text::name(&target.name));
            let place = self.place(target);
            let shown = self.plan.parts().facts.get(place);
            let holds = |now: &Value| shown.is_some_and(|shown| self.call.holds(shown, now));
            let drifted = match self.call.observe(self.cx, slice::from_ref(target)).await {
                Ok(seen) if seen.facts.first().is_some_and(holds) => None,
                Err(fault) if fault.reason == Reason::NotFound => Some(Fate::Gone),
                Err(fault) if fault.reason != Reason::PlanChanged => {
                    self.tally.began = true;
                    return Err(fault);
                }
                // It is no longer what it was.
                Ok(_) | Err(_) => Some(Fate::LeftAlone),
            };
            if let Some(fate) = drifted {
                self.tally.set(place, fate);
                return match self.drift {
                    Drift::Each => Ok(Proceed::Skip),
                    Drift::All => Err(drifted_away(target, fate)),
                };
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
                Err(fault) if fault.reason == Reason::NotFound => Fate::Gone,
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
