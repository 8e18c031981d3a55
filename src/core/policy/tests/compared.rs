//! Comparisons of policies: tables, and beside every request of a small world.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use super::random::{is_enough, rule, ways};
use super::reference::{Draft, Earlier, Request};
use super::support::{policy, vocabulary};
use crate::core::operation::Class;
use crate::core::plan::Target;
use crate::core::policy::{
    Comparison, Direction, Known, Level, Policy, Requirement, Rule, Verdict, Witness, builtin,
    compare, widens,
};

const BUDGET: usize = 10_000_000;

/// A Monday in winter, at midnight.
fn monday() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_768_176_000).unwrap()
}

fn compared<'a>(old: &'a Policy, new: &'a Policy) -> Comparison<'a> {
    compare(old, new, vocabulary(), monday(), BUDGET)
}

const SMALL: &[(&str, &[&str])] = &[
    ("op", &["ping", "stop", "attach", "remove"]),
    ("class", &["read", "mutate", "destroy"]),
    ("label.env", &["a", "b", "a*", "*", "?"]),
    ("kind", &["unit", "link"]),
    ("privileged", &["true", "false"]),
    ("driver", &["a", "a*", "?"]),
    ("client", &["a", "?", "*"]),
    ("arg.tags", &["a", "b", "a*", "?"]),
];

/// Every request of four operations, as far as such rules can tell them apart.
fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for name in ["ping", "stop", "attach", "remove"] {
        let known = vocabulary().get(name).unwrap();
        for class in Class::ALL {
            if (known.spec.class..=known.spec.ceiling).contains(&class) {
                all.extend(of_class(known, class));
            }
        }
    }
    all
}

fn of_class(known: &'static Known, class: Class) -> Vec<Request> {
    let tags = [json!(null), json!(["a"]), json!(["b"]), json!(["a", "b"]), json!(["zz"])];
    let tags = if known.arguments.contains_key("tags") { &tags[..] } else { &tags[..1] };
    let mut all = Vec::new();
    for tags in tags {
        for targets in targets(known) {
            for client in [None, Some("a"), Some("zz")] {
                for hour in [0, 5, 10, 15] {
                    for count in [0, 1, 3] {
                        let now = monday() + Duration::hours(hour);
                        let arguments = Map::from_iter([("tags".to_owned(), tags.clone())]);
                        all.push(Request {
                            known,
                            class: Some(class),
                            arguments: Some(arguments),
                            client: Some(client.map(str::to_owned)),
                            earlier: Some(vec![earlier(known, class, now, &targets); count]),
                            targets: Some(targets.clone()),
                            now: Some(now),
                        });
                    }
                }
            }
        }
    }
    all
}

fn earlier(known: &'static Known, class: Class, at: OffsetDateTime, on: &[Target]) -> Earlier {
    let targets =
        on.iter().map(|target| (target.kind, target.id.clone(), target.engine.clone())).collect();
    Earlier { at, operation: &known.spec.name, class: Some(class), targets: Some(targets) }
}

fn targets(known: &Known) -> Vec<Vec<Target>> {
    let mut all = vec![Vec::new()];
    for kind in known.spec.kinds {
        let (own, values) = match kind.attribute("privileged") {
            Some(_) => ("privileged", [None, Some("true"), Some("false")]),
            None => ("driver", [None, Some("a"), Some("zz")]),
        };
        for env in [None, Some("a"), Some("b"), Some("ab"), Some("zz")] {
            for value in values {
                let attributes = [("label.env", env), (own, value)].into_iter();
                let attributes =
                    attributes.filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned())));
                all.push(vec![Target {
                    kind: kind.name,
                    id: "00000000".into(),
                    name: "a".into(),
                    engine: "a".into(),
                    attributes: attributes.collect(),
                }]);
            }
        }
    }
    all
}

fn sealed(drafts: &[(usize, Draft)]) -> Policy {
    let rule = |(number, draft): &(usize, Draft)| draft.rule(&format!("r{number}"), vocabulary());
    Policy::new(drafts.iter().map(rule).collect())
}

/// A policy, and the same after some rules were changed, removed and added.
fn edited() -> impl Strategy<Value = (Policy, Policy)> {
    let rules = vec((rule(SMALL), 0..8_u8, rule(SMALL)), 0..=5);
    (rules, vec(rule(SMALL), 0..=1)).prop_map(|(rules, added)| {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (number, (before, edit, after)) in rules.into_iter().enumerate() {
            match edit {
                0 => {}
                1 => new.push((number, after)),
                _ => new.push((number, before.clone())),
            }
            old.push((number, before));
        }
        new.extend(added.into_iter().enumerate().map(|(n, draft)| (100 + n, draft)));
        (sealed(&old), sealed(&new))
    })
}

fn rates(policy: &Policy) -> usize {
    policy.rules().iter().filter(|rule| rule.counts()).count()
}

fn taking(policy: &Policy) -> usize {
    policy.rules().iter().filter(|rule| rule.takes.is_some()).count()
}

/// Which way a verdict changed, by what is enough for it.
fn ways_of(before: &Verdict, after: &Verdict) -> Vec<Direction> {
    let wider = |less: &Verdict, more: &Verdict| {
        more.effect() < less.effect()
            || ways().into_iter().any(|how| is_enough(more, how) && !is_enough(less, how))
    };
    if (before.effect(), before.takes()) == (after.effect(), after.takes()) {
        return Vec::new();
    }
    let both = [(before, after, Direction::Widened), (after, before, Direction::Narrowed)];
    both.into_iter().filter(|(less, more, _)| wider(less, more)).map(|(.., way)| way).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn no_change_is_missed_and_none_made_up((old, new) in edited()) {
        let comparison = compared(&old, &new);
        // How counts depend on one another is followed for two of them at a time, and what several
        // rules take together is not compared with what one takes.
        let taking = taking(&old) + taking(&new);
        prop_assert!(comparison.undecided.is_empty() || rates(&old) + rates(&new) > 2 || taking > 2);
        for change in &comparison.changes {
            let query = change.witness.query();
            let (before, after) = (old.decide(&query), new.decide(&query));
            prop_assert_eq!((&before, &after), (&change.before, &change.after));
            prop_assert!(ways_of(&before, &after).contains(&change.direction));
        }
        for request in requests() {
            let history = request.history();
            let query = request.query(history.as_ref());
            let (before, after) = (old.decide(&query), new.decide(&query));
            let name = &request.known.spec.name;
            let open = comparison.undecided.iter().any(|open| open.operation.spec.name == *name);
            for direction in ways_of(&before, &after) {
                let told = comparison.changes.iter().any(|change| {
                    change.witness.spec.name == *name
                        && (change.direction == direction || change.direction == Direction::Widened)
                });
                prop_assert!(told || open, "{:?} {:?}", direction, request);
            }
        }
        let widened = widens(&old, &new, vocabulary(), monday(), BUDGET);
        prop_assert_eq!(widened, comparison.widened);
    }

    #[test]
    fn a_policy_is_no_change_of_itself((old, _) in edited()) {
        let comparison = compared(&old, &old);
        prop_assert!(comparison.changes.is_empty() && comparison.silent.is_empty());
        prop_assert!(!comparison.widened && comparison.undecided.is_empty());
    }
}

/// What a comparison says, a line for each thing.
fn told(old: &Policy, new: &Policy) -> String {
    let comparison = compared(old, new);
    let changes = comparison.changes.iter().map(|change| {
        let Witness { spec, class, facts, .. } = &change.witness;
        let facts: Vec<String> = facts.iter().map(|(key, text)| format!("{key} {text}")).collect();
        let verdict = |verdict: &Verdict| {
            let takes = match verdict.takes() {
                takes if *takes == Requirement::usual(verdict.effect()) => String::new(),
                takes => format!(", {takes}"),
            };
            format!("{} ({}{takes})", verdict.effect().as_str(), verdict.rule())
        };
        let (before, after) = (verdict(&change.before), verdict(&change.after));
        let (way, id, name) = (change.direction, change.difference.id(), &spec.name);
        format!("{way:?} by {id}: {name} {class}, {}: {before}, now {after}", facts.join(", "))
    });
    let open = comparison.undecided.iter().map(|open| {
        let (way, id) = (open.direction, open.difference.id());
        format!("{way:?} maybe by {id}: {}", open.operation.spec.name)
    });
    let silent = comparison.silent.iter().map(|silent| format!("nothing by {}", silent.id()));
    let widened = comparison.widened.then(|| "WIDENED".to_owned());
    changes.chain(open).chain(silent).chain(widened).collect::<Vec<_>>().join("\n")
}

/// Beside these rules, the built-in ones hold.
fn with_builtin(rules: &[&str]) -> Policy {
    Policy::new(
        builtin().into_iter().chain(rules.iter().map(|text| super::support::rule(text))).collect(),
    )
}

/// Rules, and others that take something else.
const TAKEN: &[(&[&str], &[&str])] = &[
    (&["x: approve op = run takes accept = hardware"], &["x: approve op = run"]),
    (&["x: approve op = run"], &["x: approve op = run takes by = bob"]),
    (&["x: approve op = run takes by = alice"], &["x: approve op = run takes by = alice+bob"]),
    (&["x: approve op = run takes by = alice"], &["x: approve op = run takes by = bob"]),
    (&["x: approve op = run takes expires = 60"], &["x: approve op = run takes expires = 61"]),
    (
        &["x: approve op = run takes accept = secret"],
        &["x: approve op = run takes accept = secret+hardware"],
    ),
    (
        &["x: confirm op = stop takes accept = elicit"],
        &["x: confirm op = stop takes accept = elicit+tty"],
    ),
    (&["x: confirm op = stop takes accept = hardware"], &["x: approve op = stop"]),
    (&["x: approve op = run takes by = alice"], &["x: deny op = run"]),
    (
        &["x: approve op = run takes by = alice", "y: approve op = run takes accept = uid"],
        &["z: approve op = run, client = a takes accept = uid, by = alice"],
    ),
    (
        &["x: approve op = run takes accept = hardware, by = alice"],
        &["y: approve op = run takes accept = hardware", "z: approve op = run takes by = alice"],
    ),
];

#[test]
fn changes_are_told_with_a_request() {
    let mut golden = String::new();
    for (old, new) in [
        (vec!["prod: deny op = stop, label.env = prod"], vec![]),
        (vec![], vec!["prod: deny op = stop, label.env = prod"]),
        (vec!["web: deny op = stop, name = web-*"], vec!["web: deny op = stop, name = web-prod-*"]),
        (vec!["web: deny op = stop, name = *a*"], vec!["web: deny op = stop, name = *a | a*"]),
        (vec!["x: deny op = stop"], vec!["x: deny op = stop unless label.env = dev"]),
        (vec!["x: approve op = remove"], vec!["x: confirm op = remove"]),
        (vec!["x: confirm op = stop"], vec!["x: allow op = stop"]),
        (vec![], vec!["x: allow op = stop"]),
        (vec!["x: deny op = stop"], vec!["y: deny op = stop"]),
        (vec!["x: deny op = stop", "y: deny class = mutate"], vec!["y: deny class = mutate"]),
        (vec!["x: deny op = remove, arg.tags = a*"], vec!["x: deny op = remove, arg.tags = ab*"]),
        (
            vec!["x: deny op = remove, privileged = true"],
            vec!["x: deny op = remove, privileged = false"],
        ),
        (
            vec!["x: deny op = stop when zone = Europe/Berlin, inside = 09:00-17:00"],
            vec![
                "x: deny op = stop when zone = Europe/Berlin, inside = 09:00-16:30, days = mon+tue",
            ],
        ),
        (
            vec!["x: deny op = stop when zone = Europe/Berlin, inside = 09:00-10:00"],
            vec!["x: deny op = stop when zone = America/New_York, inside = 03:00-04:00"],
        ),
        (
            vec!["x: deny op = stop when least = 5, scope = target"],
            vec!["x: deny op = stop when least = 6, scope = target"],
        ),
        (
            vec!["x: deny op = stop when least = 5, scope = host"],
            vec!["x: deny op = stop when least = 5, scope = target"],
        ),
        (vec!["x: deny op = run, client = a*"], vec!["x: deny op = run, client = ab*"]),
    ] {
        writeln!(golden, "{old:?} -> {new:?}").unwrap();
        writeln!(golden, "{}\n", told(&with_builtin(&old), &with_builtin(&new))).unwrap();
    }
    insta::assert_snapshot!(golden);
}

#[test]
fn what_is_taken_otherwise_is_told_with_a_request() {
    let mut golden = String::new();
    for (old, new) in TAKEN {
        writeln!(golden, "{old:?} -> {new:?}").unwrap();
        writeln!(golden, "{}\n", told(&with_builtin(old), &with_builtin(new))).unwrap();
    }
    insta::assert_snapshot!(golden);
}

#[test]
fn what_nothing_permits_is_seen_in_both_directions() {
    let (open, none) = (policy(&["a: allow op = ping"]), policy(&[]));
    assert_eq!(
        told(&none, &open),
        "Widened by a: ping read, : deny (no-match), now allow (a)\nWIDENED"
    );
    assert_eq!(told(&open, &none), "Narrowed by a: ping read, : allow (a), now deny (no-match)");
}

/// Neither of two rules is sure to permit where some elements match, or where nobody knows.
#[test]
fn what_is_neither_yes_nor_no_is_seen() {
    for (yes, no, fact) in [
        (
            "op = remove, arg.tags = a*",
            "op = remove unless arg.tags = a*",
            "arg.tags `a`, `example`",
        ),
        ("op = stop, privileged = true", "op = stop, privileged = false", "privileged not known"),
    ] {
        let (yes, no) = (format!("y: allow {yes}"), format!("n: allow {no}"));
        let more =
            format!("m: allow {}", if yes.contains("stop") { "op = stop" } else { "op = remove" });
        let (old, new) = (policy(&[&yes, &no]), policy(&[&yes, &no, &more]));
        let told = told(&old, &new);
        assert!(told.starts_with("Widened by m: ") && told.contains(fact), "{told}");
    }
}

/// Each of very many rules has to be kept from matching in its own way.
#[test]
fn a_deep_search_is_given_up() {
    let keys = || (0..2000).map(|n| format!("label.k{n} = x"));
    let deep = format!("d: deny op = stop, {}", keys().collect::<Vec<_>>().join(", "));
    let others: Vec<String> = (0..2000)
        .map(|n| format!("r{n}: deny op = stop, label.k{n} = x unless label.m{n} = y"))
        .collect();
    let rules: Vec<&str> = others.iter().map(String::as_str).chain(["p: allow"]).collect();
    let (old, new) = (policy(&[&rules[..], &[deep.as_str()]].concat()), policy(&rules));
    let comparison = compared(&old, &new);
    assert!(comparison.widened && comparison.changes.is_empty());
    assert_eq!(comparison.undecided[0].operation.spec.name, "stop");
}

#[test]
fn a_project_is_no_reason_for_more() {
    let at = |level| {
        let rule = Rule { level, ..super::support::rule("a: allow op = ping") };
        Policy::new(vec![rule])
    };
    let (project, user) = (at(Level::Project), at(Level::User));
    assert_eq!(told(&policy(&[]), &project), "nothing by a");
    assert!(told(&project, &user).ends_with("now allow (a)\nWIDENED"));
    assert!(told(&user, &project).starts_with("Narrowed by a"));
}

#[test]
fn words_alone_change_no_verdict() {
    let text = "a: deny op = stop";
    let with = Rule { reason: Some("because".into()), ..super::support::rule(text) };
    assert_eq!(told(&policy(&[text]), &Policy::new(vec![with])), "nothing by a");
}

#[test]
fn what_is_not_decided_counts_as_widened() {
    let (old, new) = (policy(&["a: deny op = stop"]), policy(&["a: deny op = stop, name = a"]));
    for budget in 0..3 {
        let comparison = compare(&old, &new, vocabulary(), monday(), budget);
        assert!(
            comparison.widened && comparison.changes.is_empty() && comparison.silent.is_empty()
        );
        assert_eq!(comparison.undecided.len(), 2, "both directions, one operation");
        assert!(widens(&old, &new, vocabulary(), monday(), budget));
    }
    assert!(!compared(&old, &new).widened, "nothing was permitted, and nothing is");
}
