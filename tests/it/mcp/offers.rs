//! Other tools under another policy: the list changes, and who wants to know is told, in both eras.
//!
//! The server runs in this process, over a policy that the test changes. Time goes by itself, so a
//! second costs nothing.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use countersign::config::Via;
use countersign::core::policy::{Effect, Policy};
use countersign::core::record::Event::{self, Denied, PolicyLoaded, PolicyRejected};
use countersign::mcp::serve;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gate::Bench;
use crate::support::policies::{Switch, all, inside, policy, rule};
use crate::support::program::{LEGACY, MODERN, meta};

const LISTEN: &str = "subscriptions/listen";

/// Longer than any look at the policy takes to come.
const A_WHILE: Duration = Duration::from_secs(10);

/// A served gate, and its client.
struct Talk {
    bench: Bench,
    switch: Arc<Switch>,
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
    server: JoinHandle<Result<(), countersign::mcp::Error>>,
    next: u64,
}

impl Talk {
    fn new(before: Policy) -> Self {
        let switch = Switch::new(before);
        let bench = Bench::under(switch.clone(), false);
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let (reader, writer) = tokio::io::split(theirs);
        let server = tokio::spawn(serve(bench.gate.clone(), Via::Auto, (reader, writer), pending()));
        let (reader, writer) = tokio::io::split(ours);
        Self { bench, switch, reader: BufReader::new(reader), writer, server, next: 1 }
    }

    /// With the handshake of legacy clients.
    async fn legacy(before: Policy) -> Self {
        let mut talk = Self::new(before);
        talk.initialize().await;
        talk.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        talk
    }

    async fn initialize(&mut self) -> Value {
        let info = json!({"name": "tester", "version": "7"});
        let params = json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": info});
        self.request("initialize", params).await
    }

    async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next message, if one comes within a while.
    async fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(A_WHILE, self.reader.read_line(&mut line)).await.ok()?;
        (read.unwrap() > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    async fn ask(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Sends a request; the answer, which has to be the next message.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let answer = self.receive().await.expect("an answer");
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn tools(&mut self, params: Value) -> Vec<String> {
        let answer = self.request("tools/list", params).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Subscribes; the id of the subscription.
    async fn listen(&mut self, notifications: Value) -> u64 {
        let params = json!({"_meta": meta(MODERN), "notifications": notifications});
        let id = self.ask(LISTEN, params).await;
        let acknowledged = self.receive().await.unwrap();
        assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(subscription(&acknowledged), id);
        id
    }

    /// Hangs up; what came after that, once the server has ended.
    async fn end(mut self) -> Vec<Value> {
        self.writer.shutdown().await.unwrap();
        let mut rest = Vec::new();
        while let Some(message) = self.receive().await {
            rest.push(message);
        }
        self.server.await.unwrap().unwrap();
        rest
    }

    fn events(&self) -> Vec<Event> {
        self.bench.audit.events()
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
    talk.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
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
