//! What operations read of a plan and of a permit.

use serde::de::DeserializeOwned;

use crate::core::grant::{Granted, Permit};
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// The engine that a plan is for, as it is shown.
pub(super) fn engine(plan: &Plan) -> String {
    plan.targets().first().map(|target| text::name(&target.engine)).unwrap_or_default()
}

/// The facts that a permit is bound to, in the order of its targets.
///
/// # Errors
/// `plan_changed` if they are not such facts.
pub(super) fn facts<F: DeserializeOwned>(permit: &Permit) -> Result<Vec<F>, Fault> {
    let facts = permit.plan().parts().facts.iter();
    facts.map(|facts| F::deserialize(facts).map_err(|error| unread(error.to_string()))).collect()
}

/// The facts that a permit is bound to, of the target at this place.
///
/// # Errors
/// `plan_changed` if there are none, or not such ones.
pub(super) fn at<F: DeserializeOwned>(permit: &Permit, place: usize) -> Result<F, Fault> {
    let facts = permit.plan().parts().facts.get(place);
    let facts = facts.ok_or_else(|| unread(format!("no facts at {place}")))?;
    F::deserialize(facts).map_err(|error| unread(error.to_string()))
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
