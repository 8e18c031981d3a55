//! The tidy test: what the design promises of the source, and the compiler cannot hold within one
//! package.

mod rules;
mod source;

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use regex::Regex;

use rules::Findings;
use source::Source;

fn holds(sources: &[Source], rule: impl Fn(&Source) -> Findings) {
    let findings: Findings = sources.iter().flat_map(rule).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn program_file(path: &str) -> Source {
    source::program().into_iter().find(|source| source.path == path).unwrap()
}

#[test]
fn layers_name_only_what_lies_below_them() {
    holds(&source::program(), rules::layers);
}

#[test]
fn words_stay_at_home() {
    holds(&source::program(), rules::homes);
}

#[test]
fn the_core_knows_no_engine_and_no_face() {
    holds(&source::program(), rules::core_words);
}

#[test]
fn permits_are_made_in_one_file_and_in_known_ways() {
    holds(&[program_file("src/core/grant.rs")], rules::grant);
}

#[test]
fn files_and_functions_are_short() {
    for folder in ["src", "tests", "benches"] {
        holds(&source::read(folder), rules::sizes);
    }
}

#[test]
fn every_file_has_manners() {
    for folder in ["src", "tests", "benches"] {
        let mut sources = source::read(folder);
        // The rules themselves name what they forbid.
        sources.retain(|source| source.path != "tests/it/layers/rules.rs");
        holds(&sources, rules::manners);
    }
}

#[test]
fn every_operation_is_listed_once() {
    let sources = source::program();
    let findings = rules::registry(&program_file("src/ops/mod.rs"), &sources);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The names of an enum's variants, in snake case.
fn variants(source: &Source, name: &str) -> Vec<String> {
    let start = source.code.find(&format!("enum {name} {{")).unwrap();
    let open = start + source::part(&source.code, start..source.code.len()).find('{').unwrap();
    let body = source::part(&source.code, open..source::closing(&source.code, open));
    let variant = Regex::new(r"(?m)^ {4}(\w+),").unwrap();
    let snake = |name: &str| {
        let capital = Regex::new(r"(\w)([A-Z])").unwrap();
        capital.replace_all(name, "${1}_$2").to_lowercase()
    };
    variant.captures_iter(body).map(|found| snake(&found[1])).collect()
}

#[test]
fn the_reasons_are_those_of_the_contract() {
    const CONTRACT: [&str; 27] = [
        "token_unknown",
        "token_expired",
        "token_used",
        "token_mismatch",
        "plan_changed",
        "policy_denied",
        "approval_unavailable",
        "approval_denied",
        "approval_revoked",
        "cooling_down",
        "ask_closed",
        "signature_invalid",
        "signer_unknown",
        "assurance_too_low",
        "state_unavailable",
        "unclassified",
        "read_only",
        "not_found",
        "ambiguous",
        "invalid_argument",
        "audit_unavailable",
        "engine_unavailable",
        "engine_error",
        "busy",
        "limit",
        "timeout",
        "outcome_unknown",
    ];
    assert_eq!(Reason::ALL.map(Reason::as_str), CONTRACT);
    assert_eq!(variants(&program_file("src/core/reason.rs"), "Reason"), CONTRACT);
    let written = Reason::ALL.map(|reason| serde_json::to_value(reason).unwrap());
    assert_eq!(written.map(|word| word.as_str().unwrap().to_owned()), CONTRACT);
}

#[test]
fn the_events_are_those_of_the_contract() {
    const CONTRACT: [&str; 20] = [
        "read",
        "preview",
        "denied",
        "allowed",
        "step",
        "step_done",
        "done",
        "failed",
        "unknown",
        "ask_approved",
        "ask_denied",
        "ask_expired",
        "ask_cancelled",
        "ask_superseded",
        "ask_revoked",
        "ask_refused",
        "opened",
        "recovered",
        "policy_loaded",
        "policy_rejected",
    ];
    assert_eq!(Event::ALL.map(Event::as_str), CONTRACT);
    assert_eq!(variants(&program_file("src/core/record.rs"), "Event"), CONTRACT);
    let written = Event::ALL.map(|event| serde_json::to_value(event).unwrap());
    assert_eq!(written.map(|word| word.as_str().unwrap().to_owned()), CONTRACT);
}

#[test]
fn variants_are_read() {
    let source = Source::new("src/x.rs", "enum Mark {\n    /// Good.\n    AllGood,\n    Bad,\n}\n");
    assert_eq!(variants(&source, "Mark"), ["all_good", "bad"]);
}
