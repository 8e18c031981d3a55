//! A verdict is what a policy says.

use countersign::core::operation::Spec;
use countersign::core::policy::{Effect, Policy, Query, Verdict};

const EFFECT: Effect = Effect::Allow;

fn verdict(policy: &Policy, spec: &Spec) -> (Verdict, Effect) {
    (policy.decide(&Query::unknown(spec)), EFFECT)
}

fn main() {}
