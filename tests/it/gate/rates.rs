//! Rules that count, through the gate: what the log says was let through lately decides, and a log
//! that cannot be read refuses.

use std::time::Duration;

use countersign::core::operation::Class;
use countersign::core::plan::Target;
use countersign::core::policy::{ClassSet, Effect, Past, Rule, Scope, Touched};
use countersign::core::reason::Reason;
use countersign::core::record::Event::{self, Allowed, Denied, Done, Preview, Unknown};
use countersign::core::record::TargetKey;
use countersign::gate::Status;
use countersign::ports::Clock as _;
use countersign::ports::engine::CONTAINER;
use serde_json::json;

use super::paths::web;
use super::{Bench, request, with_token};
use crate::support::fakes::id;
use crate::support::policies::{all, at_least, policy};

/// A bench on which everything is allowed until so many pokes.
fn bench(least: u32, scope: Scope) -> Bench {
    let denies = at_least(all("often", Effect::Deny), least, scope, &["poke", "greet"]);
    Bench::with(policy(&[all("allow", Effect::Allow), denies]), false)
}

/// An earlier request on the container of this number, so long ago.
fn past(bench: &Bench, operation: &str, n: u8, ago: u64) -> Past {
    let target = Target {
        kind: CONTAINER.name,
        id: id(n).as_str().to_owned(),
        name: "whatever it was called".into(),
        engine: "FAKE".into(),
        attributes: Default::default(),
    };
    Past {
        at: bench.clock.now() - Duration::from_secs(ago),
        operation: operation.into(),
        classes: ClassSet::of(&[Class::Mutate]),
        targets: Touched::Listed([TargetKey::from(&target)].into()),
    }
}

#[tokio::test]
async fn what_was_let_through_lately_decides() {
    // The bench's `web` is container 1 and `db` is container 2.
    for (scope, pasts, web_runs, db_runs) in [
        (Scope::Host, vec![("poke", 1, 10)], true, true),
        (Scope::Host, vec![("poke", 1, 10), ("poke", 2, 3600)], false, false),
        (Scope::Host, vec![("poke", 1, 10), ("poke", 2, 3601)], true, true),
        (Scope::Host, vec![("poke", 1, 10), ("boom", 1, 10)], true, true),
        (Scope::Target, vec![("poke", 1, 10), ("poke", 2, 10)], true, true),
        (Scope::Target, vec![("poke", 1, 10), ("poke", 1, 10)], false, true),
    ] {
        for (name, runs) in [("web", web_runs), ("db", db_runs)] {
            let bench = bench(2, scope);
            let earlier = pasts.iter().map(|(op, n, ago)| past(&bench, op, *n, *ago));
            bench.audit.remember(earlier.collect::<Vec<_>>());
            let answer = bench.call("poke", json!({"container": name})).await;
            let reason = (!runs).then_some(Reason::PolicyDenied);
            assert_eq!(answer.reason, reason, "{name} {scope:?} {pasts:?}: {}", answer.text);
            assert_eq!(bench.engine.effects().is_empty(), !runs);
            if !runs {
                assert_eq!(bench.audit.last().rule.as_deref(), Some("often"));
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_counted_when_it_is_presented() {
    let often = at_least(all("often", Effect::Deny), 1, Scope::Host, &["poke"]);
    let bench = Bench::with(policy(&[all("confirm", Effect::Confirm), often]), false);
    let token = bench.token("poke", web()).await;
    bench.audit.remember([past(&bench, "poke", 2, 1)]);
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.reason, Some(Reason::PolicyDenied), "{}", answer.text);
    assert_eq!(bench.audit.events(), [Preview, Denied]);
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn a_log_that_cannot_be_read_refuses_what_is_counted() {
    let bench = bench(1000, Scope::Target);
    bench.audit.go_blind();
    for (operation, arguments) in [("poke", web()), ("greet", json!({}))] {
        let answer = bench.call(operation, arguments).await;
        assert_eq!(answer.reason, Some(Reason::AuditUnavailable), "{operation}");
    }
    assert!(bench.engine.effects().is_empty());
    assert_eq!(bench.audit.events(), [Denied, Denied]);
    let peek = bench.call("peek", web()).await;
    assert_eq!(peek.status, Status::Ok, "what no rule counts needs no past");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_counted_waits_to_be_counted() {
    let bench = bench(1000, Scope::Host);
    let others = bench.audit.counting.clone().lock_owned().await;
    for (operation, arguments) in [("greet", json!({})), ("poke_each", json!({}))] {
        assert_eq!(bench.call(operation, arguments).await.status, Status::Ok, "{operation}");
    }
    let waits = tokio::time::timeout(Duration::from_millis(50), bench.call("poke", web())).await;
    assert!(waits.is_err(), "a poke waits for those that are being counted");
    drop(others);
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
}

/// The count is kept from before the decision until the intent is on record, and no longer.
#[tokio::test(start_paused = true)]
async fn a_change_is_counted_before_the_next_one_is_decided_on() {
    let bench = bench(1000, Scope::Host);
    let (counting, gate) = (bench.audit.counting.clone(), bench.gate.clone());
    let recorded = bench.audit.hold_intents();
    *bench.engine.takes.lock().unwrap() = Duration::from_millis(200);
    let run = tokio::spawn(async move { gate.run(request("poke", web())).await });
    while !bench.audit.events().contains(&Allowed) {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(counting.try_lock().is_err(), "the intent is not on record yet");
    recorded.add_permits(1);
    drop(tokio::time::timeout(Duration::from_secs(60), counting.lock()).await.unwrap());
    assert!(!bench.audit.events().contains(&Done), "it goes on without the count");
    assert_eq!(run.await.unwrap().status, Status::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_no_count_with_it() {
    let bench = bench(1000, Scope::Host);
    let counting = bench.audit.counting.clone();
    let recorded = bench.audit.hold_intents();
    let run = bench.call("poke", web());
    assert!(tokio::time::timeout(Duration::from_millis(50), run).await.is_err());
    assert_eq!(bench.audit.events(), [Allowed, Unknown]);
    assert!(counting.try_lock().is_err(), "its intent is still on its way to the disk");
    recorded.add_permits(1);
    drop(tokio::time::timeout(Duration::from_secs(60), counting.lock()).await.unwrap());
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn an_intent_that_cannot_be_recorded_gives_the_count_back() {
    let bench = bench(1000, Scope::Host);
    bench.audit.fail(&[Event::Allowed]);
    assert_eq!(bench.call("poke", web()).await.reason, Some(Reason::AuditUnavailable));
    assert!(bench.engine.effects().is_empty());
    assert!(bench.audit.counting.try_lock().is_ok());
    bench.audit.fail(&[]);
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
}

#[tokio::test]
async fn a_refusal_gives_the_count_back() {
    let refuses: [Rule; 2] = [all("no", Effect::Deny), all("no", Effect::Approve)];
    for rule in refuses {
        let often = at_least(rule, 1, Scope::Target, &["poke"]);
        let bench = Bench::with(policy(&[all("allow", Effect::Allow), often]), false);
        assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
        bench.audit.remember([past(&bench, "poke", 1, 1)]);
        assert!(bench.call("poke", web()).await.reason.is_some());
        assert!(bench.audit.counting.try_lock().is_ok());
    }
}
