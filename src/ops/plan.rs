//! What operations read of a plan and of a permit.

use serde_json::Value;

use crate::core::grant::{Granted, Permit};
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// What a preview says of what was not found out.
pub(super) const UNCHECKED: &str = "could not be checked";

/// The engine that a plan is for, as it is shown.
pub(super) fn engine(plan: &Plan) -> String {
    plan.targets().first().map(|target| text::name(&target.engine)).unwrap_or_default()
}

/// Whether the facts that a permit is bound to say that it is so, of the target at this place.
pub(super) fn fact(permit: &Permit, place: usize, name: &str) -> bool {
    let facts = permit.plan().parts().facts.get(place);
    facts.and_then(|facts| facts.get(name)) == Some(&Value::Bool(true))
}

/// The one target that a permit permits to change.
///
/// # Errors
/// `not_found` without a target, which `resolve` never returns.
pub(super) fn one(permit: &Permit) -> Result<Granted<'_>, Fault> {
    let mut targets = permit.targets();
    targets.next().ok_or_else(|| Fault::new(Reason::NotFound, "There is nothing to act on."))
}
