//! The built-in layer: reads are free, changes want a confirmation, losses want a person.

use super::{Condition, Effect, Level, Rule};
use crate::core::operation::Class;

/// What the ids of the built-in rules begin with, and of no others.
pub const BUILTIN_PREFIX: &str = "builtin-";

/// The rules that hold where nobody replaced them: read and sensitive are allowed, mutate is
/// confirmed, destroy and escalate are approved. They never allow a change.
pub fn builtin() -> Vec<Rule> {
    let rule = |id: &str, effect, classes: &[Class], reason: Option<&str>| {
        let id = format!("{BUILTIN_PREFIX}{id}");
        let matches = vec![Condition::class(classes)];
        Rule { reason: reason.map(Into::into), ..Rule::new(&id, effect, Level::Builtin, matches) }
    };
    let (lost, host) = (
        "data would be lost, which a person must approve",
        "it can reach the host, which a person must approve",
    );
    vec![
        rule("reads", Effect::Allow, &[Class::Read, Class::Sensitive], None),
        rule("mutate", Effect::Confirm, &[Class::Mutate], None),
        rule("destroy", Effect::Approve, &[Class::Destroy], Some(lost)),
        rule("escalate", Effect::Approve, &[Class::Escalate], Some(host)),
    ]
}
