//! Tests of policies: what is left out of a request, counts, and the time of day.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::support::{LINK, UNIT, rule, vocabulary};
use crate::core::operation::{Class, Form, Kind};
use crate::core::policy::{Case, Effect, Given, Level, Place, Policy, Ran, run_cases};

fn run(policy: &Policy, given: Given, expect: Effect, by: Option<&str>) -> Ran {
    let known = vocabulary().get(&given.operation).unwrap();
    let place = Place { file: "x.toml".into(), line: 7 };
    let case = Case { name: "t".into(), given, expect, by: by.map(Arc::from), place };
    run_cases(policy, [(&case, known)]).pop().unwrap()
}

const OTHER: Kind = Kind { name: "other", names: Form::Text, ids: Form::Text, attributes: &[] };

fn on(operation: &str) -> Given {
    Given { operation: operation.into(), ..Given::default() }
}

#[test]
fn what_is_left_out_is_as_it_mostly_is() {
    for (deny, given, denied) in [
        ("class = mutate", on("stop"), true),
        ("class = destroy", on("stop"), false),
        ("class = destroy", Given { class: Some(Class::Destroy), ..on("stop") }, true),
        ("privileged = false", on("stop"), true),
        ("image = *", on("stop"), true),
        ("image = ?*", on("stop"), false),
        ("label.env = *", on("stop"), false),
        ("name = *", on("stop"), true),
        ("name = ?*", on("stop"), false),
        ("client = *", on("stop"), false),
        ("client = a*", Given { client: Some("ab".into()), ..on("stop") }, true),
        ("arg.force = *", on("remove"), false),
        ("arg.timeout = 5", on("stop"), false),
    ] {
        let policy = Policy::new(vec![rule(&format!("d: deny {deny}")), rule("c: confirm op = *")]);
        let (expect, by) = if denied { (Effect::Deny, "d") } else { (Effect::Confirm, "c") };
        let ran = run(&policy, given, expect, Some(by));
        assert!(ran.passed, "{deny}: {ran:?}");
    }
    let mut given = on("stop");
    given.arguments.insert("timeout".into(), json!(5));
    let policy = Policy::new(vec![rule("d: deny arg.timeout = 5")]);
    assert!(run(&policy, given, Effect::Deny, Some("d")).passed);
}

#[test]
fn of_several_kinds_one_is_described() {
    let label = || [("label.env".to_owned(), "prod".to_owned())].into();
    let of = |kind, attributes| Given { kind, attributes, ..on("attach") };
    let image = || [("image".to_owned(), "db".to_owned())].into();
    for (deny, given, denied) in [
        ("kind = link, label.env = prod", of(None, label()), true),
        ("kind = unit, label.env = prod", of(None, label()), false),
        ("kind = unit, label.env = prod", of(Some("unit"), label()), true),
        ("kind = link, label.env = prod", of(Some("unit"), label()), false),
        ("kind = unit, image = db", of(None, image()), true),
        ("kind = link", of(None, image()), false),
    ] {
        let policy = Policy::new(vec![rule(&format!("d: deny {deny}")), rule("c: confirm op = *")]);
        let (expect, by) = if denied { (Effect::Deny, "d") } else { (Effect::Confirm, "c") };
        let ran = run(&policy, given, expect, Some(by));
        assert!(ran.passed, "{deny}: {ran:?}");
    }
}

#[test]
fn what_every_request_names_is_made_up_too() {
    let mut known = vocabulary().get("attach").unwrap().clone();
    known.spec.references = &["link"];
    let kinds = |given: &Given| -> Vec<(&str, String)> {
        given.targets(&known.spec).into_iter().map(|target| (target.kind, target.name)).collect()
    };
    let name = || "web".to_owned();
    let mut given = Given { kind: Some("unit"), name: name(), ..on("attach") };
    assert_eq!(kinds(&given), [("link", String::new()), ("unit", name())]);
    given.kind = Some("link");
    assert_eq!(kinds(&given), [("link", name())]);
    known.spec.references = &["link", "unit"];
    let both = given.targets(&known.spec);
    assert!(both.iter().all(|target| target.attributes.len() <= 2), "{both:?}");
    assert_eq!(both.len(), 2);
}

#[test]
fn what_every_request_acts_on_beside_is_made_up_unless_one_is_described() {
    let mut known = vocabulary().get("attach").unwrap().clone();
    known.spec.kinds = &[&OTHER, &LINK, &UNIT];
    known.spec.references = &["other"];
    known.spec.beside = &[&LINK, &UNIT];
    for (kind, expected) in [
        (None, &["other", "link"][..]),
        (Some("other"), &["other", "link"]),
        (Some("link"), &["other", "link"]),
        (Some("unit"), &["other", "unit"]),
    ] {
        let given = Given { kind, ..on("attach") };
        let kinds: Vec<&str> = given.targets(&known.spec).iter().map(|one| one.kind).collect();
        assert_eq!(kinds, expected, "{kind:?}");
    }
}

#[test]
fn a_failing_test_says_what_it_got() {
    let policy = Policy::new(vec![rule("a: allow class = mutate")]);
    assert_eq!(run(&policy, on("stop"), Effect::Allow, Some("a")).failure(), None);
    let told = |expect, by| run(&policy, on("stop"), expect, by).failure().unwrap();
    assert_eq!(
        told(Effect::Deny, None),
        "The test `t` fails: it expects `deny` and gets `allow` by `a`."
    );
    assert_eq!(
        told(Effect::Allow, Some("b")),
        "The test `t` fails: it expects `allow` by `b` and gets `allow` by `a`."
    );
    let why = run(&policy, on("attach"), Effect::Deny, None).failure().unwrap();
    assert!(why.ends_with("was taken for a link; say another `kind` in `given`."), "{why}");
    let said = Given { kind: Some("unit"), ..on("attach") };
    assert!(!run(&policy, said, Effect::Deny, None).failure().unwrap().contains("taken"));
    let ran = run(&policy, on("ping"), Effect::Deny, Some("no-match"));
    assert!(ran.passed && &*ran.rule == "no-match");
}

#[test]
fn every_rate_sees_as_many_as_are_said() {
    let policy = Policy::new(vec![
        rule("a: allow class = mutate"),
        rule("two: deny op = stop when least = 2, scope = target"),
    ]);
    for (count, expect) in [(0, Effect::Allow), (1, Effect::Allow), (2, Effect::Deny)] {
        let ran = run(&policy, Given { count, ..on("stop") }, expect, None);
        assert!(ran.passed, "{count}: {ran:?}");
    }
}

/// A rule's effect, whether it is a project's, and the hours in which it holds.
type Timed = (Effect, bool, Option<(u8, u8)>);

fn scheduled() -> impl Strategy<Value = Vec<Timed>> {
    let effect = prop::sample::select(Effect::ALL.to_vec());
    let hours = prop::option::of((0_u8..24, 0_u8..24).prop_filter("empty", |(a, b)| a != b));
    prop::collection::vec((effect, any::<bool>(), hours), 0..5)
}

proptest! {
    /// Where a test without a time is taken, no time changes what it says.
    #[test]
    fn what_needs_no_time_is_so_at_all_times(rules in scheduled()) {
        let written = |(number, (effect, project, hours)): (usize, &Timed)| {
            let when = hours.map_or(String::new(), |(from, to)| {
                format!(" when zone = UTC, inside = {from:02}:00-{to:02}:00")
            });
            let mut rule = rule(&format!("r{number}: {} class = mutate{when}", effect.as_str()));
            rule.level = if *project { Level::Project } else { Level::User };
            rule
        };
        let policy = Policy::new(rules.iter().enumerate().map(written).collect());
        let without = run(&policy, on("rename"), Effect::Allow, None);
        let at = |hour| {
            let at = OffsetDateTime::UNIX_EPOCH + Duration::hours(hour);
            let ran = run(&policy, Given { at: Some(at), ..on("rename") }, Effect::Allow, None);
            assert!(!ran.timeless);
            (ran.found, ran.rule)
        };
        let all: Vec<_> = (0..24).map(at).collect();
        if without.timeless {
            prop_assert!(!without.passed && without.failure().is_some());
            prop_assert!(rules.iter().any(|(.., hours)| hours.is_some()));
        } else {
            prop_assert!(all.iter().all(|verdict| *verdict == (without.found, without.rule.clone())));
        }
    }
}
