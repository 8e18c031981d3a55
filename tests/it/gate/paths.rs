//! Each way through the path, with the lines that it leaves.

use countersign::core::policy::Effect;
use countersign::core::reason::Reason;
use countersign::core::record::Event::{self, Allowed, Denied, Done, Preview, Read};
use countersign::gate::{Confirm, Status};
use countersign::ports::Durability;
use serde_json::{Value, json};

use super::{Bench, ECHO, always, request, with_token};
use crate::support::fakes::{container, id};

pub(super) fn web() -> Value {
    json!({"container": "web"})
}

#[tokio::test]
async fn a_read_is_recorded_before_its_answer() {
    let bench = Bench::new();
    let answer = bench.call("greet", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (Status::Ok, "hello"));
    assert_eq!(bench.audit.events(), [Read]);
    let record = bench.audit.last();
    assert_eq!(record.rule.as_deref(), Some("builtin-reads"));
    assert_eq!(record.result, Some(json!({"bytes": 5})));
}

#[tokio::test]
async fn an_unrecorded_read_is_withheld() {
    let bench = Bench::new();
    bench.audit.fail(&[Read]);
    let answer = bench.call("peek", web()).await;
    assert_eq!(answer.reason, Some(Reason::AuditUnavailable));
    assert!(!answer.text.contains("running"), "{}", answer.text);
}

#[tokio::test]
async fn a_change_wants_its_token() {
    let bench = Bench::new();
    let preview = bench.call("poke", web()).await;
    assert_eq!(preview.status, Status::ConfirmationRequired);
    assert!(!preview.is_error());
    assert!(bench.engine.effects().is_empty());
    let token = preview.confirm_token.clone().unwrap();
    let text = preview.text_with_token();
    assert!(
        text.ends_with(&format!(
            "\nNothing has changed. To go ahead, call poke again with the same arguments and\n\
         confirmToken={token} (single use, valid 120 s)."
        )),
        "{text}"
    );
    let done = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!((done.status, done.text.as_str()), (Status::Ok, "start 1"));
    assert_eq!(bench.engine.effects(), ["restart web"]);
    assert_eq!(bench.audit.events(), [Preview, Allowed, Done]);
    let records = bench.audit.records();
    assert_eq!(records[0].0.plan, records[1].0.plan);
    assert_eq!(records[1].0.assurance, ECHO);
    assert_eq!(records[1].1, Durability::Synced);
    assert!(records[0].0.expires.is_some());
    assert_eq!(records[1].0.req, records[2].0.req);
    assert_ne!(records[0].0.req, records[1].0.req);
    let log = format!("{records:?}");
    assert!(!log.contains(&token), "the token is nowhere in the log");
}

#[tokio::test]
async fn a_token_works_once_and_for_its_own_plan_only() {
    for (name, operation, arguments, drift, expected) in [
        ("same target by its id", "poke", json!({"container": id(1).as_str()}), false, None),
        ("by a prefix of its id", "poke", json!({"container": "010101"}), false, None),
        ("default spelt out", "poke", json!({"container": "web", "timeout": 0}), false, None),
        ("other target", "poke", json!({"container": "db"}), false, Some(Reason::TokenMismatch)),
        (
            "other arguments",
            "poke",
            json!({"container": "web", "timeout": 9}),
            false,
            Some(Reason::TokenMismatch),
        ),
        ("other operation", "poke_each", json!({}), false, Some(Reason::TokenMismatch)),
        ("read that takes a token", "peek", web(), false, Some(Reason::TokenMismatch)),
        ("read that takes none", "greet", json!({}), false, Some(Reason::InvalidArgument)),
        ("unknown operation", "nope", json!({}), false, Some(Reason::Unclassified)),
        (
            "unknown argument",
            "poke",
            json!({"container": "web", "x": 1}),
            false,
            Some(Reason::InvalidArgument),
        ),
        ("missing target", "poke", json!({"container": "gone"}), false, Some(Reason::NotFound)),
        ("state changed", "poke", web(), true, Some(Reason::PlanChanged)),
    ] {
        let bench = Bench::new();
        let token = bench.token("poke", web()).await;
        if drift {
            bench.engine.change(1, |c| c.state.started_at = "later".into());
        }
        bench.audit.clear();
        let answer = bench.call(operation, with_token(arguments, &token)).await;
        assert_eq!(answer.reason, expected, "{name}: {}", answer.text);
        assert_eq!(bench.engine.effects().is_empty(), expected.is_some(), "{name}");
        let lines: &[Event] = match expected {
            None => &[Allowed, Done],
            Some(Reason::PlanChanged) => &[Denied, Preview],
            Some(_) => &[Denied],
        };
        assert_eq!(bench.audit.events(), lines, "{name}");
        let again = bench.call("poke", with_token(web(), &token)).await;
        assert_eq!(again.reason, Some(Reason::TokenUsed), "{name}: gone, however it was presented");
    }
}

#[tokio::test]
async fn a_changed_plan_comes_with_a_new_preview_and_token() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    bench.engine.containers.lock().unwrap().clear();
    bench.engine.put(container(id(9), "web"));
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!((answer.status, answer.reason), (Status::Denied, Some(Reason::PlanChanged)));
    assert!(answer.is_error() && answer.text.starts_with("Error: "), "{}", answer.text);
    assert!(answer.text.contains("would poke web"));
    let fresh = answer.confirm_token.unwrap();
    assert_ne!(fresh, token);
    let done = bench.call("poke", with_token(web(), &fresh)).await;
    assert_eq!(done.status, Status::Ok);
}

#[tokio::test]
async fn tokens_expire_and_strangers_are_unknown() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    bench.clock.advance(119);
    let second = bench.token("poke", web()).await;
    bench.clock.advance(1);
    for (token, expected) in [
        (token.as_str(), Reason::TokenExpired),
        ("0123456789abcdef0123456789abcdef", Reason::TokenUnknown),
        ("short", Reason::TokenUnknown),
    ] {
        let answer = bench.call("poke", with_token(web(), token)).await;
        assert_eq!(answer.reason, Some(expected));
    }
    let odd = bench.call("poke", json!({"container": "web", "confirmToken": 5})).await;
    assert_eq!(odd.reason, Some(Reason::InvalidArgument));
    assert!(bench.engine.effects().is_empty());
    assert_eq!(bench.call("poke", with_token(web(), &second)).await.status, Status::Ok);
}

#[tokio::test]
async fn another_principal_cannot_spend_a_token() {
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    let mut other = request("poke", with_token(web(), &token));
    other.caller.principal.uid = 1001;
    assert_eq!(bench.gate.run(other).await.reason, Some(Reason::TokenMismatch));
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn what_turns_out_to_destroy_wants_a_person() {
    let bench = Bench::new();
    bench.engine.change(1, |c| c.auto_remove = true);
    let answer = bench.call("poke", web()).await;
    assert_eq!(answer.reason, Some(Reason::ApprovalUnavailable));
    assert!(answer.confirm_token.is_none());
    let record = bench.audit.last();
    assert_eq!((record.event, record.rule.as_deref()), (Denied, Some("builtin-destroy")));
    // A token that was given before the target became one of those is not enough either.
    let bench = Bench::new();
    let token = bench.token("poke", web()).await;
    bench.engine.change(1, |c| c.auto_remove = true);
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.reason, Some(Reason::ApprovalUnavailable));
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn verdicts_are_obeyed() {
    for (effect, change, read) in [
        (Effect::Allow, None, None),
        (Effect::Approve, Some(Reason::ApprovalUnavailable), Some(Reason::ApprovalUnavailable)),
        (Effect::Deny, Some(Reason::PolicyDenied), Some(Reason::PolicyDenied)),
    ] {
        let bench = Bench::with(always(effect), false);
        assert_eq!(bench.call("poke", web()).await.reason, change, "{effect:?}");
        assert_eq!(bench.engine.effects().is_empty(), change.is_some());
        assert_eq!(bench.call("peek", web()).await.reason, read, "{effect:?}");
    }
}

#[tokio::test]
async fn an_allowed_change_runs_on_its_rule() {
    let bench = Bench::with(always(Effect::Allow), false);
    let answer = bench.call("poke", web()).await;
    assert_eq!(answer.status, Status::Ok);
    assert_eq!(bench.audit.events(), [Allowed, Done]);
    let record = bench.audit.last();
    assert_eq!(record.rule.as_deref(), Some("always"));
    assert_eq!(format!("{:?}", record.assurance), "Some(Policy)");
}

#[tokio::test]
async fn a_sensitive_read_can_want_a_confirmation_too() {
    let bench = Bench::with(always(Effect::Confirm), false);
    let preview = bench.call("peek", web()).await;
    assert_eq!(preview.status, Status::ConfirmationRequired);
    let token = preview.confirm_token.unwrap();
    let answer = bench.call("peek", with_token(web(), &token)).await;
    assert_eq!((answer.status, answer.text.as_str()), (Status::Ok, "running"));
    assert_eq!(bench.audit.events(), [Preview, Read]);
}

#[tokio::test]
async fn read_only_refuses_changes_whatever_the_policy() {
    let bench = Bench::with(always(Effect::Allow), true);
    assert_eq!(bench.call("poke", web()).await.reason, Some(Reason::ReadOnly));
    assert_eq!(bench.call("peek", web()).await.status, Status::Ok);
    assert_eq!(bench.audit.events(), [Denied, Read]);
}

#[tokio::test]
async fn nobody_to_confirm_means_no_grant() {
    let bench = Bench::new();
    let mut request = request("poke", web());
    request.confirm = Confirm::Never;
    let answer = bench.gate.run(request).await;
    assert_eq!(answer.status, Status::ConfirmationRequired);
    assert_eq!(answer.exit_code(), 4);
    assert_eq!(answer.confirm_token, None);
    assert_eq!(bench.audit.last().expires, None);
}
