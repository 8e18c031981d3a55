//! What goes wrong: a log that fails, an engine that fails, a defect, bad input, an end.

use countersign::core::policy::Effect;
use countersign::core::reason::{Fault, Reason};
use countersign::core::record::Event::{self, Allowed, Denied, Done, Failed, Preview, Unknown};
use countersign::gate::{Registry, Status};
use countersign::ports::GrantStore as _;
use serde_json::json;

use super::paths::web;
use super::{Bench, always, request, with_token};
use crate::support::odd_operations::CONTRADICTORY;
use crate::support::operations;

#[tokio::test]
async fn no_audit_no_change() {
    for failing in [Preview, Allowed] {
        let bench = Bench::new();
        let token = bench.token("poke", web()).await;
        bench.audit.clear();
        bench.audit.fail(&[failing]);
        let arguments = if failing == Preview { web() } else { with_token(web(), &token) };
        let answer = bench.call("poke", arguments).await;
        assert_eq!(answer.reason, Some(Reason::AuditUnavailable), "{failing:?}");
        assert!(answer.confirm_token.is_none());
        assert!(bench.engine.effects().is_empty());
    }
}

#[tokio::test]
async fn an_unrecorded_outcome_does_not_hide_the_effect() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    bench.audit.fail(&[Done]);
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.status, Status::Ok);
    assert_eq!(bench.engine.effects(), ["restart web"]);
    assert!(answer.text.contains("could not be recorded"), "{}", answer.text);
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_says_so() {
    let bench = Bench::new();
    bench.audit.fail(&[Denied]);
    let answer = bench.call("poke", json!({"container": "gone"})).await;
    assert_eq!(answer.reason, Some(Reason::AuditUnavailable));
}

#[tokio::test]
async fn effects_that_go_wrong_are_failed_or_unknown() {
    for (reason, event, status) in [
        (Reason::EngineError, Failed, Status::Failed),
        (Reason::NotFound, Failed, Status::Failed),
        (Reason::EngineUnavailable, Failed, Status::Failed),
        (Reason::OutcomeUnknown, Unknown, Status::Unknown),
    ] {
        let bench = Bench::new();
        let token = bench.token("poke", web()).await;
        let fault = Fault::new(reason, "It went wrong.").with_detail("engine \u{1b}[1m says");
        *bench.engine.fails.lock().unwrap() = Some(fault);
        let answer = bench.call("poke", with_token(web(), &token)).await;
        assert_eq!((answer.status, answer.reason), (status, Some(reason)));
        assert_eq!(bench.audit.events(), [Preview, Allowed, event]);
        assert_eq!(bench.audit.last().reason, Some(reason));
        assert!(bench.audit.last().error.is_some());
        let seen = json!({"observed": true, "facts": ["start 0"]});
        assert_eq!(bench.audit.last().result, Some(seen), "it was looked at all the same");
        assert!(answer.text.contains("\nState afterwards, as before: web."), "{}", answer.text);
        assert_eq!(answer.data["facts"], json!(["start 0"]));
        let next = answer.text.ends_with("call again without confirmToken for a new preview.");
        assert_eq!(next, reason == Reason::EngineError, "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_rule_allows_is_only_called_again() {
    let bench = Bench::with(always(Effect::Allow), false);
    *bench.engine.fails.lock().unwrap() = Some(Fault::new(Reason::EngineError, "No."));
    let answer = bench.call("poke", web()).await;
    assert_eq!(answer.status, Status::Failed, "{}", answer.text);
    let next = "\nSee to what the engine names, then call again.";
    assert!(answer.text.ends_with(next), "{}", answer.text);
}

#[tokio::test]
async fn a_failed_second_look_is_said_and_the_change_is_done() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    *bench.engine.blind_after.lock().unwrap() = Some(1);
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.status, Status::Ok);
    assert!(answer.text.contains("looking at the result failed"), "{}", answer.text);
    assert_eq!(bench.audit.last().result, Some(json!({"observed": false})));
}

#[tokio::test]
async fn a_panic_is_caught_and_recorded_as_unknown() {
    for at in ["resolve", "observe", "preview", "execute"] {
        let bench = Bench::new();
        let mut arguments = json!({"at": at});
        if at == "execute" {
            let token = bench.token("boom", arguments.clone()).await;
            arguments = with_token(arguments, &token);
        }
        bench.audit.clear();
        let answer = bench.call("boom", arguments).await;
        assert_eq!((answer.status, answer.reason), (Status::Unknown, Some(Reason::OutcomeUnknown)));
        let lines: &[Event] = if at == "execute" { &[Allowed, Unknown] } else { &[Unknown] };
        assert_eq!(bench.audit.events(), lines, "{at}");
        assert_eq!(bench.call("greet", json!({})).await.status, Status::Ok, "and the gate lives");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_unknown() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    *bench.engine.takes.lock().unwrap() = std::time::Duration::from_secs(3600);
    let run = bench.call("poke", with_token(web(), &token));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), run).await.is_err());
    assert_eq!(bench.audit.events(), [Preview, Allowed, Unknown]);
}

#[tokio::test]
async fn unreadable_arguments_are_recorded_by_name_and_size_only() {
    let bench = Bench::new();
    for arguments in [
        json!({"container": "web", "password": "hunter2"}),
        json!({"container": 7}),
        json!({"container": ["web"]}),
        json!({"container": null}),
        json!({}),
        json!({"container": "web", "timeout": -1}),
        json!({"container": "web", "timeout": 601}),
        json!({"container": "web", "timeout": "10"}),
        json!({"container": "x".repeat(10_000_000)}),
    ] {
        bench.audit.clear();
        let answer = bench.call("poke", arguments.clone()).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
        assert!(answer.text.len() < 1000);
        assert_eq!(bench.audit.events(), [Denied]);
        assert!(!format!("{:?}", bench.audit.last()).contains("hunter2"));
    }
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn a_token_that_meets_a_limit_is_gone_too() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    bench.gate.close().await;
    let limited = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(limited.reason, Some(Reason::Limit));
    let hash = countersign::core::grant::Token::parse(&token).unwrap().hash();
    let gone = bench.grants.take(&hash, countersign::ports::Clock::tick(&*bench.clock));
    assert_eq!(gone.err(), Some(countersign::ports::Gone::Used));
}

#[tokio::test]
async fn a_panic_that_cannot_be_recorded_says_so() {
    let bench = Bench::new();
    bench.audit.fail(&[Unknown]);
    let answer = bench.call("boom", json!({"at": "observe"})).await;
    assert_eq!(answer.status, Status::Unknown);
    assert!(answer.text.contains("could not be recorded"), "{}", answer.text);
}

#[tokio::test]
async fn a_class_that_was_not_declared_is_refused() {
    let bench = Bench::with(always(Effect::Allow), false);
    let answer = bench.call("climb", web()).await;
    assert_eq!(answer.reason, Some(Reason::Unclassified));
    assert!(bench.engine.effects().is_empty());
}

#[test]
fn what_contradicts_its_declaration_is_not_offered() {
    let names = |all| {
        let registry = Registry::new(all, |_| true);
        registry.iter().map(|o| o.spec.name.to_string()).collect::<Vec<_>>()
    };
    assert!(names(CONTRADICTORY).is_empty());
    assert_eq!(names(countersign::ops::ALL).len(), countersign::ops::ALL.len());
    assert_eq!(names(operations::ALL).len(), operations::ALL.len());
}

#[tokio::test]
async fn hostile_identifiers_never_reach_the_engine() {
    let bench = Bench::new();
    for bad in
        ["../info?", "%2e%2e/info", "web?x", "a/b", "../images/prune?filters=...&", "w\u{0}b"]
    {
        for operation in ["poke", "peek"] {
            let answer = bench.call(operation, json!({"container": bad})).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{bad}");
        }
    }
    assert_eq!(bench.engine.looks.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_face_can_turn_a_request_away_on_record() {
    let bench = Bench::new();
    let caller = request("greet", json!({})).caller;
    let fault = Fault::new(Reason::Limit, "Too long.");
    let answer = bench.gate.turn_away(caller.clone(), None, fault.clone()).await;
    assert_eq!((answer.reason, answer.operation.as_str()), (Some(Reason::Limit), ""));
    let answer = bench.gate.turn_away(caller, Some("greet\u{1b}"), fault).await;
    assert_eq!(answer.reason, Some(Reason::Limit));
    assert_eq!(bench.audit.events(), [Denied, Denied]);
    assert_eq!(bench.audit.last().op, Some(answer.operation));
    assert!(bench.audit.last().op.is_some_and(|op| !op.contains('\u{1b}')));
}

#[tokio::test]
async fn closing_waits_for_what_runs_and_admits_nothing_more() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    *bench.engine.takes.lock().unwrap() = std::time::Duration::from_millis(200);
    let gate = bench.gate.clone();
    let running =
        tokio::spawn(async move { gate.run(request("poke", with_token(web(), &token))).await });
    while !bench.audit.events().contains(&Allowed) {
        tokio::task::yield_now().await;
    }
    bench.gate.close().await;
    assert_eq!(bench.audit.events(), [Preview, Allowed, Done]);
    assert_eq!(running.await.unwrap().status, Status::Ok);
    assert_eq!(bench.call("greet", json!({})).await.reason, Some(Reason::Limit));
}
