//! What policy costs: a decision, the reading of a file, and the comparison of two:
//! `cargo bench --bench policy`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::config::{Alone, Source};
use countersign::core::operation::Class;
use countersign::core::plan::Target;
use countersign::core::policy::{
    self, ClassSet, History, Known, Level, Past, Policy, Query, Touched, Vocabulary,
};
use countersign::gate::Registry;
use countersign::ops;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

const RULES: usize = 1000;
/// The most that one file may have.
const RULES_MAX: usize = 10_000;
const SAMPLES: usize = 20_000;
const RUNS: usize = 5;
/// Earlier requests that rules that count look at.
const PASTS: usize = 1000;

/// The table of the rule of a number.
type Mix = fn(usize) -> String;

fn main() {
    let vocabulary = vocabulary();
    println!("one decision, {RULES} rules, the best of {RUNS} times {SAMPLES}  (bar: p99 10 µs)");
    let mixes: [(&str, Mix); 7] = [
        ("operation and name", by_operation),
        ("a label, literal", by_label),
        ("a label, glob", by_label_glob),
        ("as many labels as rules", by_many_labels),
        ("names with * on both sides", by_name),
        ("rates", by_rate),
        ("schedules", by_schedule),
    ];
    for (name, rule) in mixes {
        let policy = load(&file(RULES, rule, 0), &vocabulary);
        decisions(name, &policy, &vocabulary);
    }
    let mixed = |n: usize| mixes[n % mixes.len()].1(n);
    decisions("all of these", &load(&file(RULES, mixed, 0), &vocabulary), &vocabulary);
    let took = loading(&file(RULES, mixed, 300), &vocabulary);
    println!("loading {RULES} rules with 300 tests: {took:.1?}  (bar: 50 ms)");
    let short = |n: usize| format!("match = {{ name = \"w{n}\" }}");
    let took = loading(&file(RULES_MAX, short, 0), &vocabulary);
    println!("loading {RULES_MAX} rules, the most there can be: {took:.1?}");
    shadows(&load(&file(RULES, mixed, 0), &vocabulary), &vocabulary);
    comparing(mixed, &vocabulary);
}

/// The operations that there are, and others like them: as many as the program is to have.
fn vocabulary() -> Vocabulary {
    let real = Registry::new(ops::ALL, |_| true).vocabulary();
    let stop = real.get("stop_container").unwrap();
    let others = (0..40).map(|n| {
        let mut known: Known = stop.clone();
        known.spec.name = format!("stop_container_{n}").into();
        known
    });
    Vocabulary::new(real.operations().iter().cloned().chain(others).collect())
}

fn operation(n: usize) -> String {
    format!("stop_container_{}", n % 40)
}

fn by_operation(n: usize) -> String {
    format!("match = {{ op = \"{}\", name = \"web-{n}-1\" }}", operation(n))
}

fn by_label(n: usize) -> String {
    format!("match = {{ class = \"mutate\", label.team = \"team-{n}\" }}")
}

fn by_label_glob(n: usize) -> String {
    format!("match = {{ class = \"mutate\", label.team = \"team-{n}-*\" }}")
}

fn by_many_labels(n: usize) -> String {
    format!("match = {{ class = \"mutate\", label.key-{n} = \"yes\" }}")
}

fn by_name(n: usize) -> String {
    format!("match = {{ name = \"*-{n}-*\" }}\nunless = {{ label.env = \"dev\" }}")
}

fn by_rate(n: usize) -> String {
    let rate = "at_least = \"900 per 1h\", scope = \"target\"";
    format!("match = {{ class = \"mutate\", name = \"web-{n}-*\" }}\nwhen = {{ {rate} }}")
}

fn by_schedule(n: usize) -> String {
    let (hour, minute) = (n % 20, n % 60);
    let window = format!("inside = \"{hour:02}:{minute:02}-{:02}:{minute:02}\"", hour + 1);
    let zone = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"][n % 3];
    format!(
        "match = {{ op = \"{}\" }}\nunless = {{ name = \"db-{n}\" }}\nwhen = {{ timezone = \"{zone}\", {window} }}",
        operation(n)
    )
}

fn file(rules: usize, rule: impl Fn(usize) -> String, tests: usize) -> String {
    let mut text = String::from("version = 1\n");
    for n in 0..rules {
        let effect = ["confirm", "approve", "deny"][n % 3];
        writeln!(text, "[[rule]]\nid = \"r{n}\"\neffect = \"{effect}\"\n{}", rule(n)).unwrap();
    }
    for n in 0..tests {
        let given = format!("op = \"ping\", at = \"2026-01-12T{:02}:00:00Z\"", n % 24);
        writeln!(text, "[[test]]\nname = \"t{n}\"\ngiven = {{ {given} }}\nexpect = \"allow\"")
            .unwrap();
    }
    text
}

fn load(text: &str, vocabulary: &Vocabulary) -> Arc<Policy> {
    let source = Source { path: "policy.toml".into(), level: Level::User, named: true };
    let alone = Alone::of(&source, text.to_owned(), vocabulary).map_err(|e| e.to_string()).unwrap();
    alone.stack.passed().unwrap().policy
}

fn target(n: usize) -> Target {
    let labels = [
        ("label.team".to_owned(), format!("team-{n}")),
        (format!("label.key-{n}"), "no".to_owned()),
        ("label.env".to_owned(), "prod".to_owned()),
        ("image".to_owned(), "registry.example/web:1".to_owned()),
        ("privileged".to_owned(), "false".to_owned()),
    ];
    Target {
        kind: "container",
        id: format!("{n:064x}"),
        name: format!("web-{n}-1"),
        engine: "ENGINE".to_owned(),
        attributes: labels.into_iter().collect(),
    }
}

fn history(now: OffsetDateTime) -> History {
    let mut history = History::default();
    for n in 0..PASTS {
        history.push(Past {
            at: now - Duration::from_secs(u64::try_from(n).unwrap()),
            operation: operation(n),
            classes: ClassSet::of(&[Class::Mutate]),
            targets: Touched::Listed([(&target(n)).into()].into()),
        });
    }
    history
}

/// Of several runs the one with the lowest p99: others may use the machine too.
fn decisions(name: &str, policy: &Policy, vocabulary: &Vocabulary) {
    let run = || {
        let mut samples = samples(policy, vocabulary);
        samples.sort_unstable();
        let at = |percent: usize| samples[(SAMPLES - 1) * percent / 100];
        (at(99), at(50))
    };
    let (p99, p50) = (0..RUNS).map(|_| run()).min().unwrap();
    println!("  {name:28} p50 {p50:>9.2?}  p99 {p99:>9.2?}");
}

fn samples(policy: &Policy, vocabulary: &Vocabulary) -> Vec<Duration> {
    let now = OffsetDateTime::from_unix_timestamp(1_768_212_345).unwrap();
    let history = history(now);
    let arguments: Map<String, Value> = [("timeout".to_owned(), json!(10))].into_iter().collect();
    let one = |n: usize| {
        let target = target(n);
        let known = vocabulary.get(&operation(n)).unwrap();
        let query = Query {
            spec: &known.spec,
            class: Some(Class::Mutate),
            arguments: Some(&arguments),
            client: Some(Some("client")),
            targets: Some(std::slice::from_ref(&target)),
            now: Some(now),
            history: Some(&history),
        };
        let start = Instant::now();
        drop(black_box(policy.decide(black_box(&query))));
        start.elapsed()
    };
    (0..SAMPLES).map(one).collect()
}

fn median(times: usize, mut run: impl FnMut()) -> Duration {
    let mut samples: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    samples.sort_unstable();
    samples[times / 2]
}

fn loading(text: &str, vocabulary: &Vocabulary) -> Duration {
    median(11, || {
        black_box(load(text, vocabulary));
    })
}

/// Which rules are shadowed, of rules that are not.
fn shadows(policy: &Policy, vocabulary: &Vocabulary) {
    let rules = policy.rules();
    let took = median(11, || {
        for rule in rules {
            black_box(policy::shadowed_by(rule, rules.iter(), vocabulary));
        }
    });
    println!("looking for shadowed rules among {RULES}: {took:.1?}  (bar: 20 ms)");
}

fn comparing(mixed: impl Fn(usize) -> String + Copy, vocabulary: &Vocabulary) {
    let since = OffsetDateTime::from_unix_timestamp(1_768_212_345).unwrap();
    let some = |n: usize| mixed(if n.is_multiple_of(10) { n + 7000 } else { n });
    let all = |n: usize| mixed(n + 7000);
    for (name, rules, other) in [
        ("20 of 200 rules changed", 200, load(&file(200, some, 0), vocabulary)),
        ("200 of 200 rules changed", 200, load(&file(200, all, 0), vocabulary)),
    ] {
        let old = load(&file(rules, mixed, 0), vocabulary);
        let mut said = (0, 0, 0);
        let took = median(3, || {
            let found = policy::compare(&old, &other, vocabulary, since, policy::DIFF_BUDGET);
            said = (found.changes.len(), found.undecided.len(), found.silent.len());
        });
        let (changes, undecided, silent) = said;
        println!(
            "compare, {name}: {took:.1?}, {changes} changes, {undecided} undecided, {silent} \
             without any  (bar: 2 s)"
        );
    }
    let old = load(&file(RULES, mixed, 0), vocabulary);
    let less = |n: usize| mixed(if n == 500 { 10_500 } else { n });
    for (name, new) in [
        ("1 rule changed", load(&file(RULES, less, 0), vocabulary)),
        ("1 rule fewer", load(&file(RULES - 1, mixed, 0), vocabulary)),
        ("1 rule more", load(&file(RULES + 1, mixed, 0), vocabulary)),
        ("all rules changed", load(&file(RULES, |n| mixed(n + 7000), 0), vocabulary)),
    ] {
        let mut widened = false;
        let took = median(5, || {
            widened = policy::widens(&old, &new, vocabulary, since, policy::RELOAD_BUDGET);
        });
        println!("reload, {name}: {took:.1?}, widened: {widened}  (bar: 50 ms)");
    }
}
