//! Tables and properties of the decision, and the golden matrix of the built-in layer.

use std::borrow::Cow;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::core::operation::Drift;

fn spec(class: Class, ceiling: Class) -> Spec {
    Spec {
        name: Cow::Borrowed("some_operation"),
        title: Cow::Borrowed("Some operation"),
        summary: Cow::Borrowed("Does something."),
        toolset: "core",
        class,
        ceiling,
        kind: None,
        references: &[],
        drift: Drift::All,
        idempotent: false,
        since_api: None,
    }
}

fn rule(id: &str, effect: Effect, conditions: Vec<Condition>) -> Rule {
    Rule { id: id.into(), effect, conditions, reason: None }
}

#[test]
fn an_empty_policy_denies() {
    let policy = Policy::new(Vec::new());
    let verdict = policy.decide(&spec(Class::Read, Class::Read), Class::Read);
    assert_eq!((verdict.effect(), verdict.rule()), (Effect::Deny, "no-match"));
    assert!(policy.refuses_all(&spec(Class::Read, Class::Read)).is_some());
}

#[test]
fn the_most_restrictive_rule_wins_in_any_order() {
    let all = vec![Condition::Class(Class::ALL.to_vec())];
    let mut rules = vec![
        rule("a", Effect::Allow, all.clone()),
        rule("d", Effect::Deny, vec![Condition::Op(vec!["some_operation".into()])]),
        rule("c", Effect::Confirm, all),
    ];
    for _ in 0..rules.len() {
        rules.rotate_left(1);
        let verdict =
            Policy::new(rules.clone()).decide(&spec(Class::Mutate, Class::Mutate), Class::Mutate);
        assert_eq!((verdict.effect(), verdict.rule()), (Effect::Deny, "d"));
    }
}

#[test]
fn allow_looks_at_the_effective_class_only() {
    let allow_mutate =
        Policy::new(vec![rule("a", Effect::Allow, vec![Condition::Class(vec![Class::Mutate])])]);
    let stop = spec(Class::Mutate, Class::Destroy);
    assert_eq!(allow_mutate.decide(&stop, Class::Mutate).effect(), Effect::Allow);
    assert_eq!(allow_mutate.decide(&stop, Class::Destroy).effect(), Effect::Deny);
    assert!(allow_mutate.refuses_all(&stop).is_none(), "it may still be allowed");
    let deny_destroy =
        Policy::new(vec![rule("d", Effect::Deny, vec![Condition::Class(vec![Class::Destroy])])]);
    assert_eq!(deny_destroy.decide(&stop, Class::Destroy).rule(), "d");
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
    let policy = builtin();
    let mut table = String::from("declared   effective  verdict  rule\n");
    for declared in Class::ALL {
        for effective in Class::ALL.into_iter().filter(|e| *e >= declared) {
            let verdict = policy.decide(&spec(declared, Class::Escalate), effective);
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
            let verdict = builtin().decide(&spec(declared, Class::Escalate), effective);
            assert!(verdict.effect() >= Effect::Confirm, "{declared} {effective}");
        }
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let effect = prop_oneof![
        Just(Effect::Allow),
        Just(Effect::Confirm),
        Just(Effect::Approve),
        Just(Effect::Deny)
    ];
    let class = proptest::sample::subsequence(Class::ALL.to_vec(), 1..=5);
    let op = prop_oneof![Just("some_operation"), Just("another")];
    (effect, proptest::option::of(class), proptest::option::of(op)).prop_map(
        |(effect, class, op)| {
            let mut conditions = Vec::new();
            conditions.extend(class.map(Condition::Class));
            conditions.extend(op.map(|op| Condition::Op(vec![op.to_owned()])));
            rule("r", effect, conditions)
        },
    )
}

proptest! {
    #[test]
    fn the_first_decision_agrees_with_enumeration(
        rules in proptest::collection::vec(any_rule(), 0..6),
        declared in proptest::sample::select(Class::ALL.to_vec()),
        ceiling in proptest::sample::select(Class::ALL.to_vec()),
    ) {
        prop_assume!(ceiling >= declared);
        let spec = spec(declared, ceiling);
        let policy = Policy::new(rules);
        let possible = Class::ALL.into_iter().filter(|c| (declared..=ceiling).contains(c));
        let all_denied = possible
            .clone()
            .all(|class| policy.decide(&spec, class).effect() == Effect::Deny);
        // It may let pass what turns out to be denied, and never refuses what could be permitted.
        if policy.refuses_all(&spec).is_some() {
            prop_assert!(all_denied);
        }
        for rule in policy.rules() {
            let exact: Vec<Match> = possible
                .clone()
                .map(|class| matching(rule, &Query { spec: &spec, effective: Some(class) }))
                .collect();
            let first = matching(rule, &Query { spec: &spec, effective: None });
            match first {
                Match::Cannot => prop_assert!(exact.iter().all(|m| *m == Match::Cannot)),
                Match::Matches => prop_assert!(exact.iter().all(|m| *m == Match::Matches)),
                Match::May => prop_assert!(exact.contains(&Match::Matches)
                    && exact.contains(&Match::Cannot)),
            }
        }
    }

    #[test]
    fn another_rule_never_widens_what_some_rule_matched(
        rules in proptest::collection::vec(any_rule(), 0..5),
        extra in any_rule(),
        class in proptest::sample::select(Class::ALL.to_vec()),
    ) {
        let spec = spec(class, class);
        let before = Policy::new(rules.clone()).decide(&spec, class);
        let mut more = rules;
        more.push(extra);
        let after = Policy::new(more).decide(&spec, class);
        prop_assert!(before.rule() == NO_MATCH || after.effect() >= before.effect());
    }
}
