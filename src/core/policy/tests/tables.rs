//! Tables of the decision: classes, targets, lists, attributes that nobody looked up, times and
//! counts at their boundaries.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::support::{UNIT, policy, vocabulary};
use crate::core::operation::Class;
use crate::core::plan::Target;
use crate::core::policy::{ClassSet, History, Past, Query, Requirement, Touched};

/// A target from `name:key=value:..`. What it has anyway is taken away by the value `?`.
fn target(text: &str) -> Target {
    let mut parts = text.split(':');
    let name = parts.next().unwrap().to_owned();
    let given = parts.map(|part| part.split_once('=').unwrap());
    let all = [("image", "img"), ("privileged", "false")].into_iter().chain(given);
    let mut attributes: BTreeMap<String, String> =
        all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    attributes.retain(|_, value| value != "?");
    Target { kind: UNIT.name, id: "0".repeat(8), name, engine: "e".into(), attributes }
}

struct Request {
    operation: &'static str,
    class: Option<Class>,
    targets: Vec<Target>,
    arguments: Map<String, Value>,
    now: OffsetDateTime,
    history: History,
}

fn on(operation: &'static str, targets: &str) -> Request {
    Request {
        operation,
        class: None,
        targets: targets.split_whitespace().map(target).collect(),
        arguments: Map::new(),
        now: OffsetDateTime::UNIX_EPOCH,
        history: History::default(),
    }
}

impl Request {
    fn verdict(&self, rules: &[&str]) -> String {
        let spec = &vocabulary().get(self.operation).unwrap().spec;
        let verdict = policy(rules).decide(&Query {
            spec,
            class: Some(self.class.unwrap_or(spec.class)),
            arguments: Some(&self.arguments),
            client: Some(None),
            targets: Some(&self.targets),
            now: Some(self.now),
            history: Some(&self.history),
        });
        format!("{} {}", verdict.effect().as_str(), verdict.rule())
    }
}

/// What a verdict takes, as a policy file says it; nothing for what is usual.
fn takes(operation: &'static str, targets: &str, rules: &[&str]) -> String {
    let request = on(operation, targets);
    let spec = &vocabulary().get(operation).unwrap().spec;
    let query = Query { targets: Some(&request.targets), ..Query::unknown(spec) };
    let verdict = policy(rules).decide(&query);
    match verdict.takes() {
        takes if *takes == Requirement::usual(verdict.effect()) => String::new(),
        takes => takes.to_string(),
    }
}

#[test]
fn a_verdict_takes_what_satisfies_every_rule_that_applies() {
    let hardware = "h: approve op = remove takes accept = hardware";
    let (alice, bob) = (
        "a: approve op = remove, label.env = prod takes by = alice+carol, expires = 600",
        "b: approve op = remove, label.tier = db takes by = bob+carol, expires = 60",
    );
    let (tty, key) = (
        "t: confirm op = remove takes accept = tty",
        "k: confirm op = remove, label.env = prod takes accept = uid",
    );
    let (ask, no) = ("p: approve", "n: deny op = remove, label.env = prod");
    let signed = "accept = [\"secret\", \"uid\", \"hardware\"]";
    let by_carol = format!("{signed}, by = [\"carol\"], expires = \"1m\"");
    for (targets, rules, expected) in [
        ("a", vec![ask], ""),
        ("a", vec![ask, hardware], "accept = [\"hardware\"]"),
        ("a", vec![ask, alice], ""),
        ("a:label.env=prod:label.tier=db", vec![ask, alice, bob], &*by_carol),
        // Of several targets, what each of them takes.
        ("a:label.env=prod b:label.tier=db c", vec![ask, alice, bob], &*by_carol),
        // What is not known counts: it may be of either sort.
        (
            "a:privileged=?",
            vec![ask, "q: approve privileged = true takes accept = uid"],
            "accept = [\"uid\"]",
        ),
        ("a", vec![ask, "q: approve privileged = true takes accept = uid"], ""),
        // What a milder rule takes counts, as far as a signature does not satisfy it.
        ("a", vec![ask, tty], ""),
        ("a:label.env=prod", vec![ask, key], "accept = [\"uid\"]"),
        ("a", vec![ask, key], ""),
        ("a:label.env=prod", vec![hardware, key], "accept = []"),
        ("a:label.env=prod", vec![tty, key], "accept = [\"uid\"]"),
        ("a", vec![tty, key], "accept = [\"tty\", \"secret\", \"uid\", \"hardware\"]"),
        // And nothing is enough for what is denied.
        ("a:label.env=prod", vec![ask, alice, no], ""),
        ("a:label.env=prod b", vec![ask, alice, no], ""),
    ] {
        assert_eq!(takes("remove", targets, &rules), expected, "{targets} {rules:?}");
    }
}

#[test]
fn the_target_that_is_restricted_most_decides() {
    let rules = ["all: allow", "ask: confirm label.env = staging", "no: deny label.env = prod"];
    for (targets, expected) in [
        ("", "allow all"),
        ("a", "allow all"),
        ("a b:label.env=staging", "confirm ask"),
        ("a:label.env=staging b", "confirm ask"),
        ("a b:label.env=prod c:label.env=staging", "deny no"),
    ] {
        assert_eq!(on("stop", targets).verdict(&rules), expected, "{targets}");
    }
    let named = ["web: allow name = web*"];
    assert_eq!(on("stop", "web-1 web-2").verdict(&named), "allow web");
    assert_eq!(on("stop", "web-1 db").verdict(&named), "deny no-match", "db is permitted by none");
    assert_eq!(on("stop", "").verdict(&named), "deny no-match", "nothing has no name");
}

/// `stop` is declared mutate and can be destroy.
#[test]
fn classes_count_against_a_request() {
    for (rules, class, expected) in [
        (vec!["r: deny class = mutate"], Class::Mutate, "deny r"),
        (vec!["r: deny class = mutate"], Class::Destroy, "deny r"),
        (vec!["a: allow", "r: deny class = destroy"], Class::Mutate, "allow a"),
        (vec!["a: allow", "r: deny class = destroy"], Class::Destroy, "deny r"),
        (vec!["a: allow class = mutate"], Class::Mutate, "allow a"),
        (vec!["a: allow class = mutate"], Class::Destroy, "deny no-match"),
        (vec!["a: allow class = destroy"], Class::Mutate, "deny no-match"),
        (vec!["a: allow class = destroy"], Class::Destroy, "allow a"),
        // An exception of what restricts goes by the effective class.
        (vec!["a: allow", "r: deny unless class = mutate"], Class::Mutate, "allow a"),
        (vec!["a: allow", "r: deny unless class = mutate"], Class::Destroy, "deny r"),
        (vec!["a: allow", "r: deny unless class = destroy"], Class::Destroy, "allow a"),
        // An exception of what allows goes by the declared one too.
        (vec!["a: allow unless class = mutate"], Class::Mutate, "deny no-match"),
        (vec!["a: allow unless class = mutate"], Class::Destroy, "deny no-match"),
        (vec!["a: allow unless class = destroy"], Class::Mutate, "allow a"),
        (vec!["a: allow unless class = destroy"], Class::Destroy, "deny no-match"),
        (vec!["c: confirm class = destroy | mutate"], Class::Destroy, "confirm c"),
    ] {
        let request = Request { class: Some(class), ..on("stop", "a") };
        assert_eq!(request.verdict(&rules), expected, "{rules:?} {class}");
    }
}

#[test]
fn a_read_is_allowed_or_denied() {
    for (operation, expected) in [("list", "allow a"), ("show", "approve r"), ("ping", "allow a")] {
        let rules = ["a: allow", "r: approve", "c: confirm"];
        assert_eq!(on(operation, "").verdict(&rules), expected, "{operation}");
    }
}

#[test]
fn of_a_list_one_element_restricts_and_all_permit() {
    for (tags, restricted, permitted, excepted) in [
        (json!(["a", "ab"]), true, true, true),
        (json!(["a", "x"]), true, false, false),
        (json!(["x"]), false, false, false),
        (json!([]), false, false, false),
        (json!(null), false, false, false),
        (json!("a"), true, true, true),
        (json!({"a": "1"}), true, true, true),
        (json!({"a": "1", "x": "2"}), true, false, false),
    ] {
        let arguments = Map::from_iter([("tags".to_owned(), tags.clone())]);
        let request = Request { arguments, ..on("remove", "t") };
        for (rules, expected) in [
            (["p: allow", "r: deny arg.tags = a*"], if restricted { "deny r" } else { "allow p" }),
            (
                ["p: allow arg.tags = a*", "x: confirm name = no"],
                if permitted { "allow p" } else { "deny no-match" },
            ),
            (
                ["p: allow", "r: deny unless arg.tags = a*"],
                if excepted { "allow p" } else { "deny r" },
            ),
        ] {
            assert_eq!(request.verdict(&rules), expected, "{tags} {rules:?}");
        }
    }
    let allow_unless = ["p: allow unless arg.tags = a*"];
    for (tags, expected) in [(json!(["x"]), "allow p"), (json!(["a", "x"]), "deny no-match")] {
        let arguments = Map::from_iter([("tags".to_owned(), tags.clone())]);
        let request = Request { arguments, ..on("remove", "t") };
        assert_eq!(request.verdict(&allow_unless), expected, "{tags}");
    }
}

#[test]
fn an_attribute_that_nobody_looked_up_is_no_no() {
    for (targets, rules, expected) in [
        ("a:privileged=?", ["p: allow", "r: deny privileged = true"], "deny r"),
        ("a:privileged=false", ["p: allow", "r: deny privileged = true"], "allow p"),
        ("a:privileged=?", ["p: allow", "r: deny unless privileged = false"], "deny r"),
        ("a:privileged=?", ["p: allow privileged = false", "x: deny op = ping"], "deny no-match"),
        (
            "a:privileged=?",
            ["p: allow unless privileged = true", "x: deny op = ping"],
            "deny no-match",
        ),
        // A label that is not there is certainly not there.
        ("a", ["p: allow", "r: deny label.env = *"], "allow p"),
        ("a", ["p: allow", "r: deny unless label.env = dev"], "deny r"),
        ("a", ["p: allow unless label.env = prod", "x: deny op = ping"], "allow p"),
    ] {
        assert_eq!(on("stop", targets).verdict(&rules), expected, "{targets} {rules:?}");
    }
}

#[test]
fn windows_begin_with_their_first_minute_and_end_before_their_last() {
    let rules = |when: &str| format!("r: deny op = stop when zone = Europe/Berlin, {when}");
    for (when, utc, holds) in [
        ("inside = 09:00-17:00", "2026-01-12T07:59:59Z", false),
        ("inside = 09:00-17:00", "2026-01-12T08:00:00Z", true),
        ("inside = 09:00-17:00", "2026-01-12T15:59:59Z", true),
        ("inside = 09:00-17:00", "2026-01-12T16:00:00Z", false),
        ("outside = 09:00-17:00", "2026-01-12T16:00:00Z", true),
        ("outside = 09:00-17:00", "2026-01-12T15:59:59Z", false),
        ("inside = 22:00-06:00", "2026-01-12T04:59:59Z", true),
        ("inside = 22:00-06:00", "2026-01-12T05:00:00Z", false),
        ("days = mon", "2026-01-11T22:59:59Z", false),
        ("days = mon", "2026-01-11T23:00:00Z", true),
        ("days = mon", "2026-01-12T22:59:59Z", true),
        ("days = mon", "2026-01-12T23:00:00Z", false),
        ("inside = 09:00-17:00, days = sat+sun", "2026-01-12T10:00:00Z", false),
        ("inside = 09:00-17:00, days = sat+sun", "2026-01-11T10:00:00Z", true),
    ] {
        let now = OffsetDateTime::parse(utc, &Rfc3339).unwrap();
        let request = Request { now, ..on("stop", "a") };
        let expected = if holds { "deny r" } else { "allow p" };
        assert_eq!(request.verdict(&["p: allow", &rules(when)]), expected, "{when} {utc}");
    }
}

#[test]
fn counts_reach_back_to_the_second_and_over_their_scope() {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let (a, b) = (target("a"), Target { id: "1".repeat(8), ..target("b") });
    for (pasts, host, on_target) in [
        (vec![], false, false),
        (vec![("stop", 0, &a), ("stop", 3600, &a)], true, true),
        (vec![("stop", 0, &a), ("stop", 3601, &a)], false, false),
        (vec![("stop", 0, &a), ("stop", 10, &b)], true, false),
        (vec![("stop", 0, &b), ("stop", 10, &b)], true, false),
        (vec![("stop", 0, &a), ("rename", 10, &a)], false, false),
        (vec![("stop", -60, &a), ("stop", 10, &a)], true, true),
    ] {
        for (scope, reached) in [("host", host), ("target", on_target)] {
            let mut history = History::default();
            for (operation, ago, target) in &pasts {
                history.push(Past {
                    at: now - Duration::seconds(*ago),
                    operation: (*operation).to_owned(),
                    classes: ClassSet::of(&[Class::Mutate]),
                    targets: Touched::Listed([(*target).into()].into()),
                });
            }
            let request = Request { now, history, ..on("stop", "a") };
            let rule = format!("r: deny op = stop when least = 2, scope = {scope}");
            let expected = if reached { "deny r" } else { "allow p" };
            assert_eq!(request.verdict(&["p: allow", &rule]), expected, "{scope} {pasts:?}");
        }
    }
}
