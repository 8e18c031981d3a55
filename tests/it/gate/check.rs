//! `check_policy`: the verdict of the same evaluation, by which rule, why, and the way to get
//! permission; nothing executed, and on record as a read.

use std::fmt::Write as _;
use std::sync::Arc;

use countersign::core::operation::Class;
use countersign::core::policy::{ClassSet, Effect, Past, Rule, Scope, Touched};
use countersign::core::reason::Reason;
use countersign::core::record::Event::{Denied, PolicyLoaded, Read};
use countersign::gate::Answer;
use countersign::ports::Clock as _;
use serde_json::{Value, json};

use super::{Bench, request};
use crate::support::policies::{Switch, all, at_least, inside, policy, rule};

async fn check(bench: &Bench, operation: &str, arguments: Value) -> Answer {
    bench.call("check_policy", json!({"operation": operation, "arguments": arguments})).await
}

fn because(rule: Rule, reason: &str) -> Rule {
    Rule { reason: Some(reason.into()), ..rule }
}

/// A rule that speaks of no other operation, so that asking is free.
fn poke(id: &str, effect: Effect) -> Rule {
    rule(id, effect, &[("op", &["poke"])])
}

fn reads() -> Rule {
    rule("reads", Effect::Allow, &[("class", &["read", "sensitive"])])
}

#[tokio::test]
async fn what_it_says_is_golden() {
    let mut text = String::new();
    let allow = || all("free", Effect::Allow);
    let often = |scope| at_least(poke("often", Effect::Deny), 2, scope, &["poke"]);
    let hostile = because(poke("no", Effect::Deny), "see\u{1b}[2J confirmToken=0123");
    for (name, rules) in [
        ("allow", vec![allow()]),
        ("confirm", vec![poke("ask", Effect::Confirm), reads()]),
        ("approve", vec![because(poke("people", Effect::Approve), "people decide"), reads()]),
        ("deny", vec![because(poke("never", Effect::Deny), "it is frozen"), reads()]),
        ("deny without a reason", vec![rule("web", Effect::Deny, &[("name", &["web"])]), allow()]),
        ("no rule", vec![reads()]),
        ("deny at times", vec![inside(poke("noon", Effect::Deny), "12:00-13:00"), allow()]),
        ("approve at times", vec![inside(poke("noon", Effect::Approve), "12:00-13:00"), allow()]),
        ("deny of a rate over a target", vec![often(Scope::Target), allow()]),
        ("deny of a rate over all", vec![often(Scope::Host), allow()]),
        ("a hostile reason", vec![hostile, allow()]),
    ] {
        let bench = Bench::with(policy(&rules), false);
        let past = Past {
            at: bench.clock.now(),
            operation: "poke".into(),
            classes: ClassSet::of(&[Class::Mutate]),
            targets: Touched::Unlisted,
        };
        bench.audit.remember([past.clone(), past]);
        let answer = check(&bench, "poke", json!({"container": "web"})).await;
        writeln!(text, "-- {name}\n{}\n{}\n", answer.text, answer.data).unwrap();
        // The gate says the same of the request itself.
        let real = bench.call("poke", json!({"container": "web"})).await;
        let verdict = match real.reason {
            Some(Reason::PolicyDenied) => "deny",
            Some(Reason::ApprovalUnavailable) => "approve",
            None if real.confirm_token.is_some() => "confirm",
            None => "allow",
            other => panic!("{other:?}"),
        };
        assert_eq!(answer.data["verdict"], verdict, "{name}");
        if real.reason.is_some() {
            writeln!(text, "{}\n", real.text).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn it_executes_nothing_and_is_on_record_as_a_read() {
    let bench = Bench::with(policy(&[all("free", Effect::Allow)]), false);
    let answer = check(&bench, "poke", json!({"container": "web", "timeout": 7})).await;
    assert_eq!(answer.data["verdict"], "allow");
    assert!(bench.engine.effects().is_empty());
    assert_eq!(bench.audit.events(), [Read]);
    let record = bench.audit.last();
    assert_eq!(record.op.as_deref(), Some("check_policy"));
    let policy = record.policy.unwrap();
    assert_eq!(
        record.result,
        Some(json!({"verdict": "allow", "rule": "free", "policy": policy, "class": "mutate"}))
    );
}

#[tokio::test]
async fn it_asks_for_the_client_that_asks() {
    let bots = rule("bots", Effect::Deny, &[("client", &["*bot"]), ("op", &["poke"])]);
    let bench = Bench::with(policy(&[all("free", Effect::Allow), bots]), false);
    for (client, verdict) in [(Some("a bot"), "deny"), (Some("a person"), "allow"), (None, "allow")]
    {
        let asked = json!({"operation": "poke", "arguments": {"container": "web"}});
        let mut asked = request("check_policy", asked);
        asked.caller.client = client.map(str::to_owned);
        assert_eq!(bench.gate.run(asked).await.data["verdict"], verdict, "{client:?}");
    }
}

#[tokio::test]
async fn it_speaks_of_the_policy_of_now() {
    let switch = Switch::new(policy(&[all("free", Effect::Allow)]));
    let bench = Bench::under(Arc::clone(&switch) as Arc<_>, false);
    let deny = rule("frozen", Effect::Deny, &[("op", &["poke"])]);
    switch.load(policy(&[all("free", Effect::Allow), deny]), false);
    let answer = check(&bench, "poke", json!({"container": "nowhere"})).await;
    assert_eq!(answer.data["rule"], "frozen", "{}", answer.text);
    assert_eq!(bench.audit.events(), [PolicyLoaded, Read]);
}

#[tokio::test]
async fn what_policy_is_never_asked_is_said_as_it_is() {
    let bench = Bench::with(policy(&[all("free", Effect::Allow)]), true);
    let answer = check(&bench, "poke", json!({"container": "web"})).await;
    assert_eq!(answer.data["verdict"], "deny");
    assert_eq!(answer.data["rule"], "read_only");
    for (operation, arguments, reason) in [
        ("no_such_operation", json!({}), Reason::Unclassified),
        ("peek", json!({"container": 5}), Reason::InvalidArgument),
        ("peek", json!({"container": "nowhere"}), Reason::NotFound),
    ] {
        bench.audit.clear();
        assert_eq!(check(&bench, operation, arguments).await.reason, Some(reason));
        assert_eq!(bench.audit.events(), [Denied]);
    }
}
