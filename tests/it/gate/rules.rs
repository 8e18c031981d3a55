//! Rules over everything that a request is, through the gate: each with the nearest request that it
//! does not speak of.

use countersign::core::policy::{Effect, Rule};
use countersign::core::reason::Reason;
use countersign::gate::Request;
use serde_json::json;

use super::{Bench, request};
use crate::support::policies::{all, inside, policy, rule, unless};

/// A bench with a container `web` of production and a container `db` of nothing.
fn bench(rules: &[Rule]) -> Bench {
    let bench = Bench::with(policy(rules), false);
    bench.engine.change(1, |c| {
        c.labels.insert("env".into(), "prod".into());
        c.image = "nginx:1".into();
    });
    bench
}

/// What becomes of a poke under a rule that denies beside one that allows, and its rule.
async fn poke(denies: Rule, change: impl FnOnce(&mut Request)) -> Option<Reason> {
    let bench = bench(&[all("allow", Effect::Allow), denies]);
    let mut poke = request("poke", json!({"container": "web"}));
    change(&mut poke);
    let answer = bench.gate.run(poke).await;
    let decided = bench.audit.last();
    let rule = if answer.reason.is_some() { "denies" } else { "allow" };
    assert_eq!(decided.rule.as_deref(), Some(rule), "{}", answer.text);
    assert_eq!(bench.engine.effects().is_empty(), answer.reason.is_some());
    answer.reason
}

fn denies(matches: &[(&str, &[&str])]) -> Rule {
    rule("denies", Effect::Deny, matches)
}

fn on(container: &str) -> impl FnOnce(&mut Request) {
    let arguments = json!({"container": container}).as_object().unwrap().clone();
    move |request| request.arguments = arguments
}

fn from(client: &str) -> impl FnOnce(&mut Request) {
    let client = client.to_owned();
    move |request| request.caller.client = Some(client)
}

const DENIED: Option<Reason> = Some(Reason::PolicyDenied);

#[tokio::test]
async fn rules_speak_of_the_resolved_target() {
    let prod = || denies(&[("label.env", &["prod"])]);
    assert_eq!(poke(prod(), |_| {}).await, DENIED);
    assert_eq!(poke(prod(), on("db")).await, None);
    // By its id it is the same target, and by any name it has this name only.
    assert_eq!(poke(prod(), on(&"01".repeat(32))).await, DENIED);
    let named = || denies(&[("name", &["we?"])]);
    assert_eq!(poke(named(), on("010101")).await, DENIED);
    assert_eq!(poke(named(), on("db")).await, None);
    let image = || denies(&[("image", &["nginx:*"])]);
    assert_eq!(poke(image(), |_| {}).await, DENIED);
    assert_eq!(poke(image(), on("db")).await, None);
    let not_db = || unless(denies(&[("op", &["poke"])]), &[("name", &["db"])]);
    assert_eq!(poke(not_db(), |_| {}).await, DENIED);
    assert_eq!(poke(not_db(), on("db")).await, None);
}

#[tokio::test]
async fn rules_speak_of_arguments_with_their_defaults() {
    let timeout = |value| denies(&[("arg.timeout", &[value])]);
    let give = |value: u32| {
        move |request: &mut Request| {
            request.arguments.insert("timeout".into(), json!(value));
        }
    };
    assert_eq!(poke(timeout("0"), |_| {}).await, DENIED);
    assert_eq!(poke(timeout("0"), give(1)).await, None);
    assert_eq!(poke(timeout("9?"), give(95)).await, DENIED);
    assert_eq!(poke(timeout("9?"), give(9)).await, None);
}

#[tokio::test]
async fn rules_speak_of_what_the_client_calls_itself() {
    let client = || denies(&[("client", &["*bot"])]);
    assert_eq!(poke(client(), from("a bot")).await, DENIED);
    assert_eq!(poke(client(), from("a person")).await, None);
    assert_eq!(poke(client(), |_| {}).await, None, "one that gives no name has none");
}

#[tokio::test]
async fn rules_speak_of_the_effective_class() {
    let destroy = || denies(&[("class", &["destroy"])]);
    assert_eq!(poke(destroy(), |_| {}).await, None);
    let bench = bench(&[all("allow", Effect::Allow), destroy()]);
    bench.engine.change(1, |c| c.auto_remove = true);
    assert_eq!(bench.call("poke", json!({"container": "web"})).await.reason, DENIED);
    assert_eq!(bench.call("poke", json!({"container": "db"})).await.reason, None);
}

/// The clock of these tests stands at noon in UTC.
#[tokio::test]
async fn rules_speak_of_the_time() {
    for (window, denied) in [
        ("12:00-13:00", DENIED),
        ("11:00-12:00", None),
        ("22:00-06:00", None),
        ("12:00-00:00", DENIED),
    ] {
        assert_eq!(poke(inside(denies(&[]), window), |_| {}).await, denied, "{window}");
    }
    // The same request later, with nothing read again.
    let bench = bench(&[all("allow", Effect::Allow), inside(denies(&[]), "13:00-14:00")]);
    let web = || json!({"container": "web"});
    assert_eq!(bench.call("poke", web()).await.reason, None);
    bench.clock.advance(3600);
    assert_eq!(bench.call("poke", web()).await.reason, DENIED);
    bench.clock.advance(3600);
    assert_eq!(bench.call("poke", web()).await.reason, None);
}

/// A token does not outlive the time in which its plan could be confirmed.
#[tokio::test]
async fn a_token_does_not_reach_into_a_forbidden_time() {
    let bench = bench(&[all("confirm", Effect::Confirm), inside(denies(&[]), "12:01-12:30")]);
    let token = bench.token("poke", json!({"container": "web"})).await;
    bench.clock.advance(60);
    let answer = bench.call("poke", json!({"container": "web", "confirmToken": token})).await;
    assert_eq!(answer.reason, DENIED);
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn the_target_that_is_restricted_most_decides_for_all() {
    for (effect, reason) in [
        (Effect::Deny, DENIED),
        (Effect::Approve, Some(Reason::ApprovalUnavailable)),
        (Effect::Confirm, None),
    ] {
        let strict = rule("strict", effect, &[("label.env", &["prod"])]);
        let bench = bench(&[all("allow", Effect::Allow), strict]);
        let answer = bench.call("poke_each", json!({})).await;
        assert_eq!(answer.reason, reason, "{}", answer.text);
        assert_eq!(bench.audit.last().rule.as_deref(), Some("strict"));
        assert!(bench.engine.effects().is_empty());
        bench.engine.change(1, |c| c.labels.clear());
        assert_eq!(bench.call("poke_each", json!({})).await.reason, None);
        assert_eq!(bench.engine.effects().len(), 3);
    }
}
