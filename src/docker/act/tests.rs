//! Which fault an engine's answer to a change is, and how long each change may take.

use std::collections::BTreeMap;

use super::*;
use crate::ports::engine::CONTAINER;

/// Verbs, with the status from which on their outcome is not certain.
const START: (&str, u16) = ("start", 501);
const STOP: (&str, u16) = ("stop", 500);
const RESTART: (&str, u16) = ("restart", 0);
const PAUSE: (&str, u16) = ("pause", 501);

fn refusal((verb, certain_below): (&'static str, u16), status: u16, said: &str) -> Fault {
    let error =
        BollardError::DockerResponseServerError { status_code: status, message: said.to_owned() };
    let target = target("container", "a1");
    let (method, path, limit) = (Method::POST, String::new(), Duration::ZERO);
    let order = Order { target: &target, verb, method, path, limit, certain_below };
    refused(&order, status, error)
}

fn target(kind: &'static str, id: &str) -> Target {
    Target {
        kind,
        id: id.to_owned(),
        name: "web".into(),
        engine: "E".into(),
        attributes: BTreeMap::new(),
    }
}

#[test]
fn an_error_is_a_refusal_only_where_nothing_can_have_happened() {
    let gone = "No such container: abc";
    let other = "network web not found";
    let paused =
        "unable to restart a container in a paused or unknown state: container state improper";
    let several = "unable to delete image \"a\" by ID with more than one tag ([b c]): please force \
                   removal";
    for (change, status, said, expected) in [
        (START, 404, gone, Reason::NotFound),
        (START, 404, other, Reason::EngineError),
        (START, 409, other, Reason::EngineError),
        (START, 500, other, Reason::EngineError),
        (START, 502, other, Reason::OutcomeUnknown),
        (STOP, 404, "no such container", Reason::NotFound),
        (STOP, 404, other, Reason::EngineError),
        (STOP, 409, other, Reason::EngineError),
        (STOP, 500, other, Reason::OutcomeUnknown),
        (PAUSE, 409, "Container abc is already paused", Reason::EngineError),
        (PAUSE, 500, "Container abc is not paused", Reason::EngineError),
        (PAUSE, 502, other, Reason::OutcomeUnknown),
        (RESTART, 404, gone, Reason::NotFound),
        (RESTART, 404, other, Reason::OutcomeUnknown),
        (RESTART, 400, other, Reason::OutcomeUnknown),
        (RESTART, 500, other, Reason::OutcomeUnknown),
        (RESTART, 500, paused, Reason::EngineError),
        (RESTART, 500, "unable to restart a container in a paused state", Reason::OutcomeUnknown),
        (RESTART, 500, several, Reason::EngineError),
        (RESTART, 500, "unable to delete image \"a\"", Reason::OutcomeUnknown),
    ] {
        let fault = refusal(change, status, said);
        assert_eq!(fault.reason, expected, "{change:?} {status} {said}");
        assert_eq!(fault.detail.as_deref(), Some(said));
    }
}

#[test]
fn engine_text_in_a_message_is_one_clean_line() {
    let said = format!("a\nb\u{1b}[2J{}", "x".repeat(5000));
    let fault = refusal(START, 409, &said);
    assert!(!fault.message.chars().any(text::is_hidden), "{}", fault.message);
    assert!(fault.message.len() < 1000);
    assert_eq!(fault.detail, Some(said));
}

#[test]
fn secrets_that_an_engine_quotes_are_told_to_nobody() {
    let said = r#"exec: "/bin/--token=hunter2-x": stat /bin/--token=hunter2-x: no such file"#;
    for (change, status) in [(START, 400), (STOP, 500), (RESTART, 400)] {
        let fault = refusal(change, status, said);
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        assert!(fault.message.contains("no such file"), "{fault:?}");
    }
}

#[test]
fn only_a_full_id_of_the_kind_is_a_target() {
    let id = "a".repeat(64);
    assert!(id_of(&target("container", &id), &CONTAINER).is_ok());
    let injected = format!("../images/prune?{}", "a".repeat(48));
    for (kind, id) in [
        ("image", id.as_str()),
        ("container", "web"),
        ("container", id.get(..12).unwrap()),
        ("container", &id.to_uppercase()),
        ("container", "../images/prune?filters=...&"),
        ("container", &injected),
    ] {
        let fault = id_of(&target(kind, id), &CONTAINER).unwrap_err();
        assert_eq!(fault.reason, Reason::InvalidArgument, "{kind} {id}");
    }
}
