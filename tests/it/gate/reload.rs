//! A policy that changes while requests come in: on record before it decides anything, and never
//! half in force.

use std::sync::Arc;

use countersign::core::policy::{Effect, Policy};
use countersign::core::reason::Reason;
use countersign::core::record::Event::{
    Allowed, Denied, Done, PolicyLoaded, PolicyRejected, Preview, Read,
};
use countersign::gate::Status;
use countersign::ports::Policies as _;
use serde_json::{Value, json};

use super::paths::web;
use super::{Bench, always, with_token};
use crate::support::fakes::{FakeEngine, container, id};
use crate::support::policies::{Switch, all, policy, rule};

fn bench(before: Policy) -> (Bench, Arc<Switch>) {
    let switch = Switch::new(before);
    (Bench::under(switch.clone(), false), switch)
}

#[tokio::test]
async fn a_changed_policy_is_on_record_before_it_decides() {
    for widened in [false, true] {
        let (bench, switch) = bench(Policy::builtin());
        let before = switch.current().digest();
        let changed = always(Effect::Deny);
        let after = changed.digest();
        switch.load(changed, widened);
        assert_eq!(bench.call("greet", json!({})).await.reason, Some(Reason::PolicyDenied));
        assert_eq!(bench.audit.events(), [PolicyLoaded, Denied]);
        let lines = bench.audit.records();
        let (loaded, denied) = (&lines[0].0, &lines[1].0);
        assert_eq!(loaded.policy, Some(after));
        assert_eq!(loaded.session.as_deref(), Some("session"));
        let log = json!({"before": before, "widened": widened});
        assert_eq!(Value::Object(loaded.log.clone()), log);
        assert_eq!((denied.policy, denied.rule.as_deref()), (Some(after), Some("always")));
        bench.audit.clear();
        assert!(bench.call("greet", json!({})).await.is_error());
        assert_eq!(bench.audit.events(), [Denied], "it is told once");
    }
}

#[tokio::test]
async fn a_refused_policy_is_on_record_once_and_the_one_before_stays() {
    let (bench, switch) = bench(Policy::builtin());
    let before = switch.current().digest();
    switch.reject(&format!("policy.toml:3:1: what is \u{1b}[1m`{}`?", "x".repeat(5000)));
    for _ in 0..3 {
        assert_eq!(bench.call("greet", json!({})).await.status, Status::Ok);
    }
    assert_eq!(bench.audit.events(), [PolicyRejected, Read, Read, Read]);
    let record = bench.audit.records()[0].0.clone();
    assert_eq!(record.policy, Some(before));
    let error = record.error.unwrap();
    assert!(error.starts_with("policy.toml:3:1: what is \\u{1b}[1m"), "{error}");
    assert!(error.chars().count() <= 1024, "{}", error.len());
    assert_eq!(bench.audit.last().policy, Some(before));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_in_force_and_told_again() {
    let (bench, switch) = bench(Policy::builtin());
    let before = switch.current().digest();
    switch.load(always(Effect::Allow), true);
    bench.audit.fail(&[PolicyLoaded]);
    for operation in ["greet", "poke"] {
        let answer = bench.call(operation, if operation == "poke" { web() } else { json!({}) });
        assert_eq!(answer.await.reason, Some(Reason::AuditUnavailable), "{operation}");
    }
    assert_eq!(bench.audit.events(), [Denied, Denied]);
    assert!(bench.engine.effects().is_empty());
    assert_eq!(switch.current().digest(), before);
    bench.audit.clear();
    bench.audit.fail(&[]);
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
    assert_eq!(bench.audit.events(), [PolicyLoaded, Allowed, Done]);
    switch.reject("no policy");
    bench.audit.clear();
    bench.audit.fail(&[PolicyRejected]);
    assert_eq!(bench.call("greet", json!({})).await.reason, Some(Reason::AuditUnavailable));
    bench.audit.fail(&[]);
    assert_eq!(bench.call("greet", json!({})).await.status, Status::Ok);
    assert_eq!(bench.audit.events(), [Denied, PolicyRejected, Read]);
}

#[tokio::test]
async fn a_token_of_another_policy_gets_a_new_preview() {
    let (bench, switch) = bench(Policy::builtin());
    let token = bench.token("poke", web()).await;
    switch.load(always(Effect::Confirm), false);
    bench.audit.clear();
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!((answer.status, answer.reason), (Status::Denied, Some(Reason::PlanChanged)));
    assert!(answer.text.contains("would poke web"), "{}", answer.text);
    assert_eq!(bench.audit.events(), [PolicyLoaded, Denied, Preview]);
    assert!(bench.engine.effects().is_empty());
    let again = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(again.reason, Some(Reason::TokenUsed), "the old one is gone");
    let fresh = answer.confirm_token.unwrap();
    let done = bench.call("poke", with_token(web(), &fresh)).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
}

#[tokio::test]
async fn a_token_is_gone_whatever_the_policy_says_now() {
    for (effect, reason) in [
        (Effect::Deny, Reason::PolicyDenied),
        (Effect::Approve, Reason::ApprovalUnavailable),
        (Effect::Allow, Reason::PlanChanged),
    ] {
        let (bench, switch) = bench(Policy::builtin());
        let token = bench.token("poke", web()).await;
        switch.load(always(effect), false);
        let answer = bench.call("poke", with_token(web(), &token)).await;
        assert_eq!(answer.reason, Some(reason), "{}", answer.text);
        assert_eq!(answer.confirm_token.is_some(), effect == Effect::Allow);
        assert!(bench.engine.effects().is_empty());
        // Back to what it was: the grant does not come back.
        switch.load(Policy::builtin(), false);
        let again = bench.call("poke", with_token(web(), &token)).await;
        assert_eq!(again.reason, Some(Reason::TokenUsed), "{effect:?}");
    }
}

/// A bench on which everything is allowed until somebody first looks at a container.
fn flips_at_a_look(after: Policy, also: impl FnOnce(&FakeEngine) + Send + 'static) -> Bench {
    let (bench, switch) = bench(always(Effect::Allow));
    *bench.engine.at_next_look.lock().unwrap() = Some(Box::new(move |engine| {
        switch.load(after, false);
        also(engine);
    }));
    bench
}

#[tokio::test]
async fn what_runs_is_decided_by_the_policy_that_is_in_force_under_its_lock() {
    for (effect, reason, status, last) in [
        (Effect::Deny, Some(Reason::PolicyDenied), Status::Denied, Denied),
        (Effect::Approve, Some(Reason::ApprovalUnavailable), Status::Denied, Denied),
        (Effect::Confirm, None, Status::ConfirmationRequired, Preview),
    ] {
        let bench = flips_at_a_look(policy(&[all("after", effect)]), |_| {});
        let answer = bench.call("poke", web()).await;
        assert_eq!((answer.reason, answer.status), (reason, status), "{}", answer.text);
        assert!(bench.engine.effects().is_empty());
        assert_eq!(bench.audit.events(), [PolicyLoaded, last]);
        let record = bench.audit.last();
        assert_eq!(record.rule.as_deref(), Some("after"));
        assert_eq!(record.policy, bench.audit.records()[0].0.policy);
        // The lock is free again.
        let db = bench.call("poke", web()).await;
        assert_ne!(db.reason, Some(Reason::Busy));
    }
    let bench = flips_at_a_look(policy(&[all("after", Effect::Allow)]), |_| {});
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
    assert_eq!(bench.audit.events(), [PolicyLoaded, Allowed, Done]);
    assert_eq!(bench.audit.last().rule.as_deref(), Some("after"));
}

#[tokio::test]
async fn the_new_policy_gets_what_it_asks_about() {
    let on_image = |image| policy(&[rule("after", Effect::Allow, &[("image", &[image])])]);
    let bench = flips_at_a_look(on_image("busybox:*"), |_| {});
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
    let bench = flips_at_a_look(on_image("nginx:*"), |_| {});
    assert_eq!(bench.call("poke", web()).await.reason, Some(Reason::PolicyDenied));
    assert_eq!(bench.audit.last().rule.as_deref(), Some("no-match"));
}

#[tokio::test]
async fn another_target_under_another_policy_is_another_request() {
    let bench = flips_at_a_look(policy(&[all("after", Effect::Allow)]), |engine| {
        let web = engine.containers.lock().unwrap().remove(&id(1)).unwrap();
        engine.put(container(id(1), "old-web"));
        engine.put(container(id(9), &web.name));
    });
    let answer = bench.call("poke", web()).await;
    assert_eq!(answer.reason, Some(Reason::Busy), "{}", answer.text);
    assert!(bench.engine.effects().is_empty());
    assert_eq!(bench.call("poke", web()).await.status, Status::Ok);
}

fn offered(bench: &Bench) -> Vec<&str> {
    bench.gate.offered().into_iter().map(|operation| &*operation.spec.name).collect()
}

#[tokio::test]
async fn what_is_denied_whatever_it_acts_on_is_not_offered() {
    let allow = || all("allow", Effect::Allow);
    let (bench, switch) = bench(policy(&[allow()]));
    let offers = bench.gate.offers();
    let everything: Vec<String> = offered(&bench).into_iter().map(str::to_owned).collect();
    assert!(everything.iter().any(|name| name == "poke"));
    let only = |matches| rule("only", Effect::Deny, matches);
    for (number, denied, gone) in [
        (1, only(&[("op", &["poke"])]), Some("poke")),
        // Neither of these denies all that can be asked, so the list is whole again.
        (2, only(&[("op", &["poke"]), ("label.env", &["prod"])]), None),
        (2, only(&[("op", &["poke"]), ("arg.timeout", &["9"])]), None),
        (3, only(&[("op", &["greet"])]), Some("greet")),
    ] {
        switch.load(policy(&[allow(), denied]), false);
        assert!(bench.gate.policy().await.is_ok());
        assert_eq!(*offers.borrow(), number, "it counts other lists, not other policies");
        let expected: Vec<&str> =
            everything.iter().map(String::as_str).filter(|name| Some(*name) != gone).collect();
        assert_eq!(offered(&bench), expected);
    }
    bench.audit.clear();
    assert_eq!(bench.call("greet", json!({})).await.reason, Some(Reason::PolicyDenied));
}

#[tokio::test]
async fn a_first_decision_needs_no_engine() {
    let (bench, switch) = bench(always(Effect::Allow));
    switch.load(
        policy(&[all("allow", Effect::Allow), rule("no", Effect::Deny, &[("op", &["poke"])])]),
        false,
    );
    let answer = bench.call("poke", json!({"container": "there-is-none"})).await;
    assert_eq!(answer.reason, Some(Reason::PolicyDenied));
    assert_eq!(bench.engine.looks.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// Under one policy `poke` is denied by a rule and `peek` allowed, under the other it is the other
/// way round, by other rules. Only the other one asks about images, and denies by a third rule what
/// it does not know the image of.
fn opposites() -> [Policy; 2] {
    let rules = |name: &str, denied: &str, allowed: &str| {
        [
            rule(&format!("{name}-denies"), Effect::Deny, &[("op", &[denied]), ("name", &["c*"])]),
            rule(&format!("{name}-allows"), Effect::Allow, &[("op", &[denied, allowed])]),
        ]
    };
    let half = rule("half", Effect::Deny, &[("op", &["poke"]), ("image", &["nginx:*"])]);
    let [denies, allows] = rules("b", "peek", "poke");
    [policy(&rules("a", "poke", "peek")), policy(&[denies, allows, half])]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_is_decided_by_half_a_policy() {
    const REQUESTS: usize = 64;
    let [before, after] = opposites();
    let (a, b) = (before.digest(), after.digest());
    let (bench, switch) = bench(before);
    for n in 0..REQUESTS {
        bench.engine.put(container(id(u8::try_from(n).unwrap() + 10), &format!("c{n}")));
    }
    let bench = Arc::new(bench);
    for round in 0..20 {
        let calls: Vec<_> = (0..REQUESTS)
            .map(|n| {
                let (bench, switch) = (Arc::clone(&bench), Arc::clone(&switch));
                tokio::spawn(async move {
                    if n % 4 == 0 {
                        let [one, other] = opposites();
                        switch.load(if (n / 4 + round) % 2 == 0 { one } else { other }, false);
                    }
                    let operation = if n % 2 == 0 { "poke" } else { "peek" };
                    bench.call(operation, json!({"container": format!("c{n}")})).await
                })
            })
            .collect();
        for call in calls {
            let answer = call.await.unwrap();
            assert!(matches!(answer.reason, None | Some(Reason::PolicyDenied)), "{}", answer.text);
        }
    }
    let (mut seen, mut in_force) = (std::collections::BTreeSet::new(), a);
    for (record, _) in bench.audit.records() {
        let policy = record.policy.unwrap();
        assert!([a, b].contains(&policy));
        if record.event == PolicyLoaded {
            assert_eq!(record.log["before"], json!(in_force));
            in_force = policy;
            continue;
        }
        let (poke, denied) = (record.op.as_deref() == Some("poke"), record.event == Denied);
        let name = if policy == a { "a" } else { "b" };
        assert_eq!(denied, poke == (policy == a), "{record:?}");
        let rule = format!("{name}-{}", if denied { "denies" } else { "allows" });
        assert_eq!(record.rule.as_deref(), Some(rule.as_str()), "{record:?}");
        seen.insert((policy, record.event, record.op));
    }
    assert_eq!(seen.len(), 5, "each was denied and let through: {seen:?}");
}
