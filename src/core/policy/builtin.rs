//! The built-in layer: reads are free, changes want a confirmation, losses want a person.

use super::{Condition, Effect, Policy, Rule};
use crate::core::operation::Class;

/// The policy that holds where nobody wrote another: read and sensitive are allowed, mutate is
/// confirmed, destroy and escalate are approved. It never allows a change.
pub fn builtin() -> Policy {
    let rule = |id: &str, effect, class: &[Class], reason: Option<&str>| Rule {
        id: id.into(),
        effect,
        conditions: vec![Condition::Class(class.to_vec())],
        reason: reason.map(Into::into),
    };
    Policy::new(vec![
        rule("builtin-reads", Effect::Allow, &[Class::Read, Class::Sensitive], None),
        rule("builtin-mutate", Effect::Confirm, &[Class::Mutate], None),
        rule(
            "builtin-destroy",
            Effect::Approve,
            &[Class::Destroy],
            Some("data would be lost, which a person must approve"),
        ),
        rule(
            "builtin-escalate",
            Effect::Approve,
            &[Class::Escalate],
            Some("it can reach the host, which a person must approve"),
        ),
    ])
}
