//! The grant's state machine: what each presented row becomes.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::operation::Class;
use crate::core::plan::Parts;
use crate::core::plan::tests::parts;
use crate::core::policy::{Condition, Effect, Level, Policy, Query, Rule};

fn plan(facts: u8) -> Arc<Plan> {
    let mut parts = parts("a1", json!(facts));
    parts.policy = Policy::builtin().digest();
    Arc::new(Plan::new(parts).unwrap())
}

fn verdict(class: Class) -> Verdict {
    let spec = crate::core::operation::Spec {
        name: "restart_container".into(),
        title: "".into(),
        summary: "".into(),
        toolset: "containers",
        class,
        ceiling: Class::Escalate,
        kinds: &[],
        references: &[],
        beside: &[],
        drift: Drift::All,
        idempotent: false,
        since_api: None,
    };
    Policy::builtin().decide(&Query { class: Some(class), ..Query::unknown(&spec) })
}

fn key(given: u8, bound: u8) -> RequestKey {
    RequestKey { given: Digest::of(&[&[given]]), bound: Digest::of(&[&[bound]]) }
}

fn at(seconds: u64) -> Tick {
    Tick(Duration::from_secs(seconds))
}

fn row(plan: &Arc<Plan>) -> GrantRow {
    issue(&Token::from_random([7; 16]), plan, key(1, 1), at(120))
}

fn spend(
    row: GrantRow,
    plan: &Arc<Plan>,
    request: RequestKey,
    class: Class,
    now: Tick,
) -> Result<Permit, Reason> {
    redeem(row, plan, request, Drift::All, &verdict(class), Assurance::Echo, now)
        .map_err(|f| f.reason)
}

#[test]
fn each_presentation_has_its_outcome() {
    let (same, drifted) = (plan(1), plan(2));
    for (name, plan, request, class, now, expected) in [
        ("exactly its plan", &same, key(1, 1), Class::Mutate, 119, None),
        ("at its expiry", &same, key(1, 1), Class::Mutate, 120, Some(Reason::TokenExpired)),
        ("named in another way", &same, key(2, 1), Class::Mutate, 0, None),
        ("another target", &drifted, key(2, 2), Class::Mutate, 0, Some(Reason::TokenMismatch)),
        ("state changed", &drifted, key(1, 1), Class::Mutate, 0, Some(Reason::PlanChanged)),
        ("made anew", &drifted, key(1, 2), Class::Mutate, 0, Some(Reason::PlanChanged)),
        ("now wants a person", &same, key(1, 1), Class::Destroy, 0, Some(Reason::PolicyDenied)),
    ] {
        let row = issue(&Token::from_random([7; 16]), &same, key(1, 1), at(120));
        assert_eq!(spend(row, plan, request, class, at(now)).err(), expected, "{name}");
    }
}

#[test]
fn a_permit_names_its_rule_and_its_targets() {
    let plan = plan(1);
    let permit = spend(row(&plan), &plan, key(1, 1), Class::Mutate, at(0)).unwrap();
    assert_eq!(permit.rule(), "builtin-mutate");
    assert_eq!(permit.assurance(), Assurance::Echo);
    let ids: Vec<String> = permit.targets().map(|g| g.target().id.clone()).collect();
    assert_eq!(ids, ["a1"]);
}

/// A plan over targets `a` to `c`, each with its fact.
fn many(facts: &[(&str, u8)]) -> Arc<Plan> {
    Arc::new(Plan::new(parts_of(facts)).unwrap())
}

fn parts_of(facts: &[(&str, u8)]) -> Parts {
    let mut parts: Parts = parts("a", json!(0));
    parts.policy = Policy::builtin().digest();
    let one = parts.targets[0].clone();
    parts.targets =
        facts.iter().map(|(id, _)| Target { id: (*id).to_owned(), ..one.clone() }).collect();
    parts.facts = facts.iter().map(|(_, fact)| json!(fact)).collect();
    parts
}

#[test]
fn what_drifts_in_part_is_of_the_same_request() {
    let granted = many(&[("a", 1), ("b", 1)]);
    for (name, change, same) in [
        ("a target", (|_| {}) as fn(&mut Parts), true),
        ("its operation", |parts| parts.operation = "another".into(), false),
        ("an argument", |parts| drop(parts.arguments.insert("more".into(), json!(1))), false),
        ("who asks", |parts| parts.principal.uid += 1, false),
        ("its policy", |parts| parts.policy = Digest::of(&[b"another"]), false),
        ("its engine", |parts| parts.engine = Some("another".into()), false),
    ] {
        let mut parts = parts_of(&[("a", 1), ("b", 2)]);
        change(&mut parts);
        let now = Plan::new(parts).unwrap();
        let compared = compare(&granted, &now, key(1, 1), key(1, 1), Drift::Each);
        let compared = compared.map_err(|fault| fault.reason);
        let expected = if same { Ok(vec![false, true]) } else { Err(Reason::PlanChanged) };
        assert_eq!(compared, expected, "{name}");
    }
}

#[test]
fn a_plan_that_may_drift_in_part_leaves_out_what_changed() {
    let granted = [("a", 1), ("b", 1), ("c", 1)];
    for (name, now, left) in [
        ("nothing", vec![("a", 1), ("b", 1), ("c", 1)], Some("")),
        ("one changed", vec![("a", 1), ("b", 2), ("c", 1)], Some("b")),
        ("one gone", vec![("a", 1), ("c", 1)], Some("b")),
        ("one new", vec![("a", 1), ("b", 1), ("c", 1), ("d", 1)], Some("")),
        ("all changed", vec![("a", 2), ("b", 2), ("c", 2)], None),
        ("all gone", vec![("d", 1)], None),
    ] {
        let granted = many(&granted);
        let now = many(&now);
        let verdict = verdict(Class::Mutate);
        let permit =
            redeem(row(&granted), &now, key(1, 1), Drift::Each, &verdict, Assurance::Echo, at(0));
        let out = permit.as_ref().map(|permit| {
            let kept: String = permit.targets().map(|g| g.target().id.clone()).collect();
            let left: String = permit.left_out().map(|t| t.id.clone()).collect();
            assert_eq!(kept.len() + left.len(), 3, "{name}: never more than was granted");
            left
        });
        assert_eq!(out.ok().as_deref(), left, "{name}");
        let whole =
            redeem(row(&granted), &now, key(1, 1), Drift::All, &verdict, Assurance::Echo, at(0));
        assert_eq!(whole.is_ok(), name == "nothing", "{name}");
    }
}

#[test]
fn only_allow_gives_a_permit_without_a_grant() {
    let plan = plan(1);
    for (class, expected) in [
        (Class::Sensitive, None),
        (Class::Mutate, Some(Reason::PolicyDenied)),
        (Class::Destroy, Some(Reason::PolicyDenied)),
    ] {
        assert_eq!(allow(&plan, &verdict(class)).err().map(|f| f.reason), expected);
    }
}

#[test]
fn a_verdict_of_another_policy_gives_no_permit() {
    let plan = plan(1);
    let all = vec![Condition::class(&Class::ALL)];
    let rule = Rule::new("all", Effect::Allow, Level::User, all);
    let spec_verdict = verdict(Class::Sensitive);
    assert!(allow(&plan, &spec_verdict).is_ok());
    let mut other = parts("a1", json!(1));
    other.policy = Policy::new(vec![rule]).digest();
    let other = Arc::new(Plan::new(other).unwrap());
    assert!(allow(&other, &spec_verdict).is_err());
}

#[test]
fn a_verdict_on_another_operation_gives_no_permit() {
    let mut other = parts("a1", json!(1));
    other.policy = Policy::builtin().digest();
    other.operation = "stop_container".into();
    let other = Arc::new(Plan::new(other).unwrap());
    assert!(allow(&other, &verdict(Class::Sensitive)).is_err());
    let spent = spend(row(&other), &other, key(1, 1), Class::Mutate, at(0));
    assert_eq!(spent.err(), Some(Reason::PolicyDenied));
}

#[test]
fn tokens_are_read_as_they_are_shown() {
    let token = Token::from_random([0xab; 16]);
    assert_eq!(token.reveal(), "ab".repeat(16));
    assert_eq!(Token::parse(&token.reveal()).unwrap().hash(), token.hash());
    assert_eq!(Token::parse(&token.reveal().to_uppercase()).unwrap().hash(), token.hash());
    for bad in ["", "ab", &"g".repeat(32), &"a".repeat(33), &"é".repeat(16)] {
        assert!(Token::parse(bad).is_none(), "{bad}");
    }
    assert_eq!(format!("{token:?}"), "Token(..)");
}

proptest! {
    #[test]
    fn a_permit_needs_the_very_plan_in_time(
        facts in 0_u8..3,
        given in 0_u8..3,
        bound in 0_u8..3,
        now in 0_u64..240,
    ) {
        let granted = plan(1);
        let shown = plan(facts);
        let result = spend(row(&granted), &shown, key(given, bound), Class::Mutate, at(now));
        let right = facts == 1 && (given == 1 || bound == 1) && now < 120;
        prop_assert_eq!(result.is_ok(), right);
    }
}
