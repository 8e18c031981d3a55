//! Tables and properties of the decision, and the golden matrix of the built-in layer.

mod analysis;
mod case;
mod compared;
mod partial;
mod properties;
mod random;
mod reference;
mod support;
mod tables;

use std::fmt::Write as _;

use super::*;
use crate::core::operation::Class;

fn spec(class: Class, ceiling: Class) -> Spec {
    support::spec("some_operation", class, ceiling)
}

fn rule(id: &str, effect: Effect, conditions: Vec<Condition>) -> Rule {
    Rule::new(id, effect, Level::User, conditions)
}

fn op(name: &str) -> Condition {
    Condition::new(Key::Op, vec![Glob::literal(name)])
}

fn decide(policy: &Policy, spec: &Spec, class: Class) -> Verdict {
    policy.decide(&Query { class: Some(class), ..Query::unknown(spec) })
}

#[test]
fn an_empty_policy_denies() {
    let policy = Policy::new(Vec::new());
    let verdict = decide(&policy, &spec(Class::Read, Class::Read), Class::Read);
    assert_eq!((verdict.effect(), verdict.rule()), (Effect::Deny, "no-match"));
    assert!(policy.refuses_all(&Query::unknown(&spec(Class::Read, Class::Read))).is_some());
}

#[test]
fn the_most_restrictive_rule_wins_in_any_order() {
    let all = vec![Condition::class(&Class::ALL)];
    let mut rules = vec![
        rule("a", Effect::Allow, all.clone()),
        rule("d", Effect::Deny, vec![op("some_operation")]),
        rule("c", Effect::Confirm, all),
    ];
    for _ in 0..rules.len() {
        rules.rotate_left(1);
        let verdict =
            decide(&Policy::new(rules.clone()), &spec(Class::Mutate, Class::Mutate), Class::Mutate);
        assert_eq!((verdict.effect(), verdict.rule()), (Effect::Deny, "d"));
    }
}

#[test]
fn allow_looks_at_the_effective_class_only() {
    let allow_mutate =
        Policy::new(vec![rule("a", Effect::Allow, vec![Condition::class(&[Class::Mutate])])]);
    let stop = spec(Class::Mutate, Class::Destroy);
    assert_eq!(decide(&allow_mutate, &stop, Class::Mutate).effect(), Effect::Allow);
    assert_eq!(decide(&allow_mutate, &stop, Class::Destroy).effect(), Effect::Deny);
    assert!(allow_mutate.refuses_all(&Query::unknown(&stop)).is_none(), "it may still be allowed");
    let deny_destroy =
        Policy::new(vec![rule("d", Effect::Deny, vec![Condition::class(&[Class::Destroy])])]);
    assert_eq!(decide(&deny_destroy, &stop, Class::Destroy).rule(), "d");
}

#[test]
fn the_digest_tells_policies_apart() {
    let one = Policy::new(vec![rule("a", Effect::Deny, Vec::new())]);
    let two = Policy::new(vec![rule("a", Effect::Confirm, Vec::new())]);
    assert_ne!(one.digest(), two.digest());
    assert_eq!(one.digest(), Policy::new(vec![rule("a", Effect::Deny, Vec::new())]).digest());
}

#[test]
fn the_builtin_matrix_is_golden() {
    let policy = Policy::builtin();
    let mut table = String::from("declared   effective  verdict  rule\n");
    for declared in Class::ALL {
        for effective in Class::ALL.into_iter().filter(|e| *e >= declared) {
            let verdict = decide(&policy, &spec(declared, Class::Escalate), effective);
            let effect = verdict.effect().as_str();
            writeln!(table, "{declared:10} {effective:10} {effect:8} {}", verdict.rule()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_builtin_layer_never_allows_a_change() {
    for declared in Class::ALL {
        for effective in Class::ALL.into_iter().filter(|c| *c >= declared && c.is_change()) {
            let verdict = decide(&Policy::builtin(), &spec(declared, Class::Escalate), effective);
            assert!(verdict.effect() >= Effect::Confirm, "{declared} {effective}");
        }
    }
}
