//! A server of the MCP face within the test's process, over fakes, and its client. In a test whose
//! time is paused it goes by itself, so that a second costs nothing.

use std::sync::Arc;
use std::time::Duration;

use countersign::config::Via;
use countersign::core::policy::Policy;
use countersign::core::record::Event;
use countersign::mcp::{Error, serve};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::policies::Switch;
use super::program::LEGACY;
use crate::gate::Bench;

/// Longer than any look at the policy takes to come.
const A_WHILE: Duration = Duration::from_secs(10);

/// A served gate, and its client.
pub(crate) struct Talk {
    pub(crate) bench: Bench,
    pub(crate) switch: Arc<Switch>,
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
    server: JoinHandle<Result<(), Error>>,
    next: u64,
    /// Everything that came, as it came.
    pub(crate) wire: String,
    told: Arc<Notify>,
}

impl Talk {
    pub(crate) fn new(before: Policy) -> Self {
        Self::via(Via::Auto, before)
    }

    pub(crate) fn via(via: Via, before: Policy) -> Self {
        let switch = Switch::new(before);
        let bench = Bench::under(switch.clone(), false);
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let told = Arc::new(Notify::new());
        let end = Arc::clone(&told);
        let gate = bench.gate.clone();
        let server = tokio::spawn(async move {
            serve(gate, via, tokio::io::split(theirs), async move { end.notified().await }).await
        });
        let (reader, writer) = tokio::io::split(ours);
        let (reader, wire) = (BufReader::new(reader), String::new());
        Self { bench, switch, reader, writer, server, next: 1, wire, told }
    }

    /// With the handshake of legacy clients.
    pub(crate) async fn legacy(before: Policy) -> Self {
        let mut talk = Self::new(before);
        talk.initialize().await;
        talk.is_ready().await;
        talk
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        self.initialize_as(LEGACY, json!({})).await
    }

    /// With a client of this revision that can do this.
    pub(crate) async fn initialize_as(&mut self, revision: &str, can: Value) -> Value {
        let info = json!({"name": "tester", "version": "7"});
        let params = json!({"protocolVersion": revision, "capabilities": can, "clientInfo": info});
        self.request("initialize", params).await
    }

    /// The client says that it is ready.
    pub(crate) async fn is_ready(&mut self) {
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// The next message, if one comes within a while.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(A_WHILE, self.reader.read_line(&mut line)).await.ok()?;
        self.wire.push_str(&line);
        (read.unwrap() > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Sends a request; the answer, which has to be the next message.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let answer = self.receive().await.expect("an answer");
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    pub(crate) async fn tools(&mut self, params: Value) -> Vec<String> {
        let answer = self.request("tools/list", params).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Tells the server to end, as a signal does.
    pub(crate) fn tell_to_end(&self) {
        self.told.notify_one();
    }

    /// Hangs up; what came after that, once the server has ended.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        self.writer.shutdown().await.unwrap();
        self.rest().await
    }

    /// What comes until the server has ended.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut rest = Vec::new();
        while let Some(message) = self.receive().await {
            rest.push(message);
        }
        self.server.await.unwrap().unwrap();
        rest
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.bench.audit.events()
    }
}
