//! A permit comes from a verdict or from a grant, and from nowhere else.

use std::sync::Arc;

use countersign::core::grant::{self, Assurance, Permit};
use countersign::core::plan::Plan;
use countersign::core::policy::Verdict;
use countersign::core::reason::Fault;

const ASSURANCE: Assurance = Assurance::Policy;

fn permit(plan: &Arc<Plan>, verdict: &Verdict) -> Result<Permit, Fault> {
    let (plan, drifted, rule) = (Arc::clone(plan), vec![false], verdict.rule().to_owned());
    Ok(Permit { plan, drifted, assurance: ASSURANCE, rule })
}

fn main() {}
