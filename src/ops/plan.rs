//! What operations read of a plan and of a permit.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::core::grant::{Granted, Permit};
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// The engine that a plan is for, as it is shown.
pub(super) fn engine(plan: &Plan) -> String {
    plan.targets().first().map(|target| text::name(&target.engine)).unwrap_or_default()
}

/// Whether the facts that a permit is bound to say that it is so, of the target at this place.
///
/// # Errors
/// `plan_changed` if they say neither yes nor no.
pub(super) fn fact(permit: &Permit, place: usize, name: &str) -> Result<bool, Fault> {
    let facts = permit.plan().parts().facts.get(place);
    let fact = facts.and_then(|facts| facts.get(name)).and_then(Value::as_bool);
    fact.ok_or_else(|| unread(format!("no {name} at {place}")))
}

/// The facts that a permit is bound to, in the order of its targets.
///
/// # Errors
/// `plan_changed` if they are not such facts.
pub(super) fn facts<F: DeserializeOwned>(permit: &Permit) -> Result<Vec<F>, Fault> {
    let facts = permit.plan().parts().facts.iter();
    facts.map(|facts| F::deserialize(facts).map_err(|error| unread(error.to_string()))).collect()
}

/// The facts that a permit is bound to, of its first target.
///
/// # Errors
/// `plan_changed` if there are none, or not such ones.
pub(super) fn first<F: DeserializeOwned>(permit: &Permit) -> Result<F, Fault> {
    facts(permit)?.into_iter().next().ok_or_else(|| unread("no facts".to_owned()))
}

fn unread(why: String) -> Fault {
    let said = "The plan holds other facts than this takes. Ask for a new preview.";
    Fault::new(Reason::PlanChanged, said).with_detail(why)
}

/// The one target that a permit permits to change.
///
/// # Errors
/// `not_found` without a target, which `resolve` never returns.
pub(super) fn one(permit: &Permit) -> Result<Granted<'_>, Fault> {
    let mut targets = permit.targets();
    targets.next().ok_or_else(|| Fault::new(Reason::NotFound, "There is nothing to act on."))
}
