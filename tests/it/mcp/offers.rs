//! Other tools under another policy: the list changes, and who wants to know is told, in both eras.

use std::time::Duration;

use countersign::core::policy::{Effect, Policy};
use countersign::core::record::Event::{Denied, PolicyLoaded, PolicyRejected};
use serde_json::{Value, json};

use crate::support::policies::{all, inside, policy, rule};
use crate::support::program::{MODERN, meta};
use crate::support::talk::Talk;

const LISTEN: &str = "subscriptions/listen";

impl Talk {
    /// Subscribes; the id of the subscription.
    async fn listen(&mut self, notifications: Value) -> u64 {
        let params = json!({"_meta": meta(MODERN), "notifications": notifications});
        let id = self.ask(LISTEN, params).await;
        let acknowledged = self.receive().await.unwrap();
        assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(subscription(&acknowledged), id);
        id
    }
}

fn subscription(message: &Value) -> u64 {
    let id = &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    id.as_u64().unwrap_or_else(|| panic!("{message}"))
}

fn modern() -> Value {
    json!({"_meta": meta(MODERN)})
}

fn everything() -> Policy {
    policy(&[all("allow", Effect::Allow)])
}

/// Everything but this operation.
fn without(operation: &str) -> Policy {
    policy(&[all("allow", Effect::Allow), rule("no", Effect::Deny, &[("op", &[operation])])])
}

const CHANGED: &str = "notifications/tools/list_changed";

#[tokio::test(start_paused = true)]
async fn a_client_with_a_session_is_told_without_asking() {
    let mut talk = Talk::legacy(everything()).await;
    let before = talk.tools(json!({})).await;
    assert!(before.contains(&"poke".to_owned()));
    assert_eq!(talk.receive().await, None, "nothing has changed");
    talk.switch.load(without("poke"), false);
    let told = talk.receive().await.unwrap();
    assert_eq!(told["method"], CHANGED);
    assert_eq!(told["params"]["_meta"], Value::Null, "it is on no subscription");
    assert_eq!(talk.events(), [PolicyLoaded], "nobody had to ask anything");
    let after = talk.tools(json!({})).await;
    let expected: Vec<&String> = before.iter().filter(|name| *name != "poke").collect();
    assert_eq!(after.iter().collect::<Vec<_>>(), expected);
    assert_eq!(talk.receive().await, None, "it is told once");
    talk.switch.load(everything(), true);
    assert_eq!(talk.receive().await.unwrap()["method"], CHANGED);
    assert_eq!(talk.tools(json!({})).await, before);
    assert_eq!(talk.end().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn only_another_list_is_announced() {
    let mut talk = Talk::legacy(without("poke")).await;
    let before = talk.tools(json!({})).await;
    let prod = rule("prod", Effect::Deny, &[("label.env", &["prod"])]);
    let noon = inside(rule("noon", Effect::Deny, &[]), "11:00-13:00");
    let no = rule("no", Effect::Deny, &[("op", &["poke"])]);
    for also in [prod, noon, all("ask", Effect::Confirm)] {
        talk.switch.load(policy(&[all("allow", Effect::Allow), no.clone(), also]), false);
        assert_eq!(talk.receive().await, None);
        assert_eq!(talk.tools(json!({})).await, before);
    }
    talk.switch.reject("it cannot be read");
    assert_eq!(talk.receive().await, None);
    let events = [PolicyLoaded, PolicyLoaded, PolicyLoaded, PolicyRejected];
    assert_eq!(talk.events(), events, "all were seen");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_ready_is_told_when_it_is() {
    let mut talk = Talk::new(everything());
    let capabilities = talk.initialize().await["result"]["capabilities"].clone();
    assert_eq!(capabilities, json!({"tools": {"listChanged": true}}));
    // Some clients ask before they say that they are ready.
    let before = talk.tools(json!({})).await;
    talk.switch.load(without("poke"), false);
    assert_eq!(talk.receive().await, None);
    talk.is_ready().await;
    assert_eq!(talk.receive().await.unwrap()["method"], CHANGED);
    assert_ne!(talk.tools(json!({})).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_session_is_told_what_it_subscribed_to() {
    let mut talk = Talk::new(everything());
    let discovered = talk.request("server/discover", modern()).await;
    let capabilities = &discovered["result"]["capabilities"];
    assert_eq!(*capabilities, json!({"tools": {"listChanged": true}}));
    let before = talk.tools(modern()).await;
    talk.switch.load(without("poke"), false);
    assert_eq!(talk.receive().await, None, "it did not subscribe");
    assert_eq!(talk.events(), [PolicyLoaded]);
    let after = talk.tools(modern()).await;
    assert_eq!(after.len() + 1, before.len());
    let first = talk.listen(json!({"toolsListChanged": true})).await;
    let deaf = talk.listen(json!({"promptsListChanged": true})).await;
    let second = talk.listen(json!({"toolsListChanged": true, "promptsListChanged": true})).await;
    assert_eq!(talk.receive().await, None, "nothing has changed since");
    talk.switch.load(everything(), true);
    let mut told = Vec::new();
    while let Some(message) = talk.receive().await {
        assert_eq!(message["method"], CHANGED);
        told.push(subscription(&message));
    }
    told.sort_unstable();
    assert_eq!(told, [first, second]);
    assert_eq!(talk.tools(modern()).await, before);
    // One that is cancelled is told nothing more, and gets no answer.
    let cancel = json!({"requestId": first, "reason": "enough"});
    talk.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel}))
        .await;
    talk.switch.load(without("greet"), false);
    assert_eq!(subscription(&talk.receive().await.unwrap()), second);
    assert_eq!(talk.receive().await, None);
    // The client leaves: what still listens ends, and nobody is waited for.
    let started = tokio::time::Instant::now();
    let rest = talk.end().await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let mut ended: Vec<u64> = rest.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    ended.sort_unstable();
    assert_eq!(ended, [deaf, second]);
    assert!(rest.iter().all(|message| message["result"]["resultType"] == "complete"), "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_subscribed_to_is_refused() {
    let mut talk = Talk::new(everything());
    talk.tools(modern()).await;
    for bad in [json!({}), json!({"notifications": 5}), json!({"notifications": null})] {
        let mut params = bad.clone();
        params["_meta"] = meta(MODERN);
        let answer = talk.request(LISTEN, params).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}: {answer}");
    }
    assert_eq!(talk.events(), [Denied; 3]);
    for _ in 0..16 {
        talk.listen(json!({"toolsListChanged": true})).await;
    }
    let params = json!({"_meta": meta(MODERN), "notifications": {"toolsListChanged": true}});
    let id = talk.ask(LISTEN, params).await;
    assert_eq!(subscription(&talk.receive().await.unwrap()), id, "it is acknowledged first");
    let refused = talk.receive().await.unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(id), &json!(-32600)));
    talk.tools(modern()).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_asked_for_is_the_one_of_now() {
    let mut talk = Talk::new(everything());
    let before = talk.tools(modern()).await;
    let listed = talk.request("tools/list", modern()).await;
    assert!(listed["result"]["ttlMs"].as_u64().unwrap() <= 10_000, "{}", listed["result"]["ttlMs"]);
    talk.switch.load(without("poke"), false);
    let params = json!({"_meta": meta(MODERN), "name": "poke", "arguments": {"container": "web"}});
    let called = talk.request("tools/call", params).await;
    assert_eq!(called["result"]["_meta"]["countersign/result"]["reason"], "policy_denied");
    assert_eq!(talk.tools(modern()).await.len() + 1, before.len());
    talk.switch.load(everything(), true);
    assert_eq!(talk.tools(modern()).await, before, "without waiting for a look");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_cannot_be_recorded_changes_no_list() {
    let mut talk = Talk::legacy(everything()).await;
    let before = talk.tools(json!({})).await;
    talk.bench.audit.fail(&[PolicyLoaded]);
    talk.switch.load(without("poke"), false);
    assert_eq!(talk.receive().await, None);
    assert_eq!(talk.tools(json!({})).await, before);
    talk.bench.audit.fail(&[]);
    assert_eq!(talk.receive().await.unwrap()["method"], CHANGED);
    assert_eq!(talk.events(), [PolicyLoaded]);
}
