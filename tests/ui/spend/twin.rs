//! A grant is spent once.

use std::sync::Arc;

use countersign::core::grant::{Assurance, GrantRow, Permit, RequestKey, Tick, redeem};
use countersign::core::operation::Drift;
use countersign::core::plan::Plan;
use countersign::core::policy::Verdict;
use countersign::core::reason::Fault;

fn spend(
    [one, other]: [GrantRow; 2],
    plan: &Arc<Plan>,
    key: RequestKey,
    verdict: &Verdict,
    now: Tick,
) -> [Result<Permit, Fault>; 2] {
    [
        redeem(one, plan, key, Drift::All, verdict, Assurance::Echo, now),
        redeem(other, plan, key, Drift::All, verdict, Assurance::Echo, now),
    ]
}

fn main() {}
