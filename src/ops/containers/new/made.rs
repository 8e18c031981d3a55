//! What is told of a container that was made, and of one that was not, or not quite.

use serde_json::{Value, json};

use super::wanted::Env;
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::Render;
use crate::ops::containers::outcome::Outcome;
use crate::ports::engine::Start;

/// The label that says by which plan a container was made.
pub(in crate::ops) const PLAN: &str = "countersign.plan";

/// Warnings of an engine that are shown, at most.
const WARNINGS_MAX: usize = 8;

/// The fault of a container that was not made, or of which nobody knows. Whether there is one can
/// be seen by the plan that it names.
pub(in crate::ops) fn unmade(image: &str, by: &str, fault: Fault) -> Fault {
    if fault.reason != Reason::OutcomeUnknown {
        return fault;
    }
    let detail = fault.detail.unwrap_or_default();
    let why = text::line(if detail.is_empty() { "no clear answer came" } else { &detail }, 300);
    Fault::new(
        Reason::OutcomeUnknown,
        format!(
            "Whether a container of {} was made is not known: {why}. Do not repeat it blindly: \
             look first, with list_containers (all=true, label={PLAN}={by}) or `docker ps -a \
             --filter label={PLAN}={by}`, whether there is one. It was not started.",
            text::name(image)
        ),
    )
    .with_detail(detail)
}

/// The fault of a container that was made and not started, or perhaps started. Its words are those of
/// [`Made`]: what is told of orders by themselves would say that nothing happened.
pub(in crate::ops) fn unstarted(id: &FullId, fault: &Fault) -> Fault {
    let reason = match fault.reason {
        Reason::OutcomeUnknown => Reason::OutcomeUnknown,
        _ => Reason::EngineError,
    };
    let said = fault.detail.as_ref().filter(|detail| !detail.is_empty());
    let why = said.unwrap_or(&fault.message);
    Fault::new(reason, text::line(why, 300)).with_detail(format!("made {id}; then: {why}"))
}

/// A fault in which the engine quotes no variable's value.
pub(in crate::ops) fn clean(env: &Env, fault: &Fault) -> Fault {
    let hide = |text: &str| Redactor::new(&env.entries()).text(&env.hidden_in(text));
    Fault {
        reason: fault.reason,
        detail: fault.detail.as_deref().map(hide),
        message: env.hidden_in(&fault.message),
    }
}

/// A container that was made and started, and what is seen of it.
#[derive(Debug)]
pub struct Made {
    pub(in crate::ops) name: String,
    pub(in crate::ops) id: FullId,
    pub(in crate::ops) image: String,
    pub(in crate::ops) warnings: Vec<String>,
    pub(in crate::ops) start: Start,
    pub(in crate::ops) seen: Result<Outcome, Fault>,
}

impl Made {
    /// Its state as it is seen now, in the engine's word.
    fn status(&self) -> Option<String> {
        let record = self.seen.as_ref().ok()?.record();
        record.get("status")?.as_str().map(str::to_owned)
    }

    /// Whether it was started; null where nobody knows.
    fn is_started(&self) -> Value {
        match &self.start {
            Start::Done => json!(true),
            Start::Failed(fault) if fault.reason == Reason::OutcomeUnknown => Value::Null,
            // It could not be removed, perhaps since somebody has started it.
            Start::Withheld(_) if self.is_elsewise_started() => Value::Null,
            Start::Failed(_) | Start::Withheld(_) => json!(false),
        }
    }

    /// Whether it is seen in a state that it has only once somebody has started it.
    fn is_elsewise_started(&self) -> bool {
        self.status().is_some_and(|status| status != "created")
    }

    fn made_only(&self, fault: &Fault) -> String {
        let Self { name, id, image, .. } = self;
        let how = match fault.reason {
            Reason::OutcomeUnknown => "whether it was started is not known",
            _ => "only its start went wrong",
        };
        format!(
            "The container {name} (id {id}) was MADE from {image} and stays; {how}: {}\n{} \
             inspect_container shows it, start_container tries again, remove_container takes it \
             away.",
            fault.message,
            self.now()
        )
    }

    fn withheld(&self, fault: &Fault) -> String {
        let Self { name, id, image, .. } = self;
        let then = match self.is_elsewise_started() {
            true => "Somebody else has started it",
            false => "Do not start it",
        };
        format!(
            "The container {name} (id {id}) was MADE and NOT STARTED by this, since nobody can be sure that \
             it is of {image} as shown: {}\n{} {then}: remove_container takes it away.",
            fault.message,
            self.now()
        )
    }

    fn now(&self) -> String {
        let now = self.status().unwrap_or_else(|| "not to be seen".to_owned());
        format!("Its state is now: {now}.")
    }
}

impl Render for Made {
    fn text(&self) -> String {
        let Self { name, id, image, .. } = self;
        let mut out = match (&self.start, &self.seen) {
            (Start::Failed(fault), _) => self.made_only(fault),
            (Start::Withheld(fault), _) => self.withheld(fault),
            (Start::Done, Ok(outcome)) => {
                format!("Made {name} (id {}) from {image}. {}", id.short(), outcome.text())
            }
            (Start::Done, Err(fault)) => format!(
                "Made {name} (id {}) from {image} and started it, but looking at it failed: {}",
                id.short(),
                fault.message
            ),
        };
        for warning in self.warnings.iter().take(WARNINGS_MAX) {
            out.push_str("\nThe engine warns: ");
            out.push_str(warning);
        }
        out
    }

    fn data(&self) -> Value {
        let mut data = match &self.seen {
            Ok(outcome) => outcome.data(),
            Err(_) => json!({"observed": false}),
        };
        if let Some(map) = data.as_object_mut() {
            map.insert("id".into(), json!(self.id));
            map.insert("name".into(), json!(self.name));
            map.insert("made".into(), json!(true));
            map.insert("started".into(), self.is_started());
            map.insert("warnings".into(), json!(self.warnings));
        }
        data
    }

    fn record(&self) -> Value {
        let mut record = match &self.seen {
            Ok(outcome) => outcome.record(),
            Err(_) => json!({"observed": false}),
        };
        if let Some(map) = record.as_object_mut() {
            map.insert("id".into(), json!(self.id));
            map.insert("started".into(), self.is_started());
            map.insert("warnings".into(), json!(self.warnings.len()));
        }
        record
    }

    fn failed(&self) -> Option<Fault> {
        match &self.start {
            Start::Done => None,
            Start::Failed(fault) | Start::Withheld(fault) => Some(fault.clone()),
        }
    }
}
