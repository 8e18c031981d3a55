//! What is told of a container that was made, and of one that was not, or not quite.

use serde_json::{Value, json};

use super::wanted::Env;
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::Render;
use crate::ops::containers::limits::NewName;
use crate::ops::containers::outcome::Outcome;

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

/// The fault of a container that was made and not started, or perhaps started.
pub(in crate::ops) fn unstarted(id: &FullId, name: Option<&NewName>, fault: &Fault) -> Fault {
    let name = name.map_or(id.short(), NewName::as_str);
    let detail = fault.detail.as_deref().unwrap_or(&fault.message);
    let detail = format!("made {id}; then: {detail}");
    let message = format!(
        "The container {name} (id {id}) was MADE and stays; only its start went wrong. {} \
         inspect_container shows it, start_container tries again, remove_container takes it away.",
        fault.message
    );
    Fault::new(fault.reason, message).with_detail(detail)
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
    pub(in crate::ops) seen: Result<Outcome, Fault>,
}

impl Render for Made {
    fn text(&self) -> String {
        let Self { name, id, image, .. } = self;
        let seen = match &self.seen {
            Ok(outcome) => outcome.text(),
            Err(fault) => format!("Started it, but looking at it failed: {}", fault.message),
        };
        let mut out = format!("Made {name} (id {}) from {image}. {seen}", id.short());
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
            map.insert("warnings".into(), json!(self.warnings.len()));
        }
        record
    }
}
