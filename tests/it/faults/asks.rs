//! A process that dies at each turn of an ask, and in between: what was spent is never spent again, what
//! was not can be, and state and log say the same of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::audit::verify;
use countersign::core::approval::{NAMESPACE, Signers};
use countersign::core::ask::{Ask, AskId, State, Terms, Turn};
use countersign::core::grant::Token;
use countersign::core::plan::Digest;
use countersign::core::reason::{Fault, Reason};
use countersign::gate::{Answer, Approvals, Gate, People, Registry, Status, Turns};
use countersign::host::{HostClock, HostEntropy};
use countersign::ports::asks::{Asks, Listed, Put};
use countersign::ports::{BoxFuture, Clock, Entropy as _, Held};
use countersign::store::SqliteAsks;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::burning::Burning;
use super::{count, ledger, spawn, told};
use crate::gate::{request, with_token};
use crate::support::operations;
use crate::support::people::{approving, key, signature, signer, somebody};

/// Rounds, unless `COUNTERSIGN_FAULT_ROUNDS` says otherwise: then a tenth of these.
const ROUNDS: u64 = 70;

/// Rounds that share a state and a log.
const ROUNDS_PER_STATE: u64 = 30;

/// Calls of ports that the child's story makes, roughly.
const POINTS: u64 = 48;

/// Asks in a real file, which burn the fuse at each call that turns one.
#[derive(Debug)]
struct BurningAsks {
    asks: SqliteAsks,
    burning: Arc<Burning>,
}

impl Asks for BurningAsks {
    fn put(&self, ask: Ask, terms: Terms) -> BoxFuture<'_, Result<Put, Fault>> {
        Box::pin(async move {
            self.burning.fuse.point();
            let put = self.asks.put(ask, terms).await;
            self.burning.fuse.point();
            put
        })
    }

    fn get(&self, id: AskId) -> BoxFuture<'_, Result<Option<Ask>, Fault>> {
        self.asks.get(id)
    }

    fn presented<'a>(&'a self, handle: &'a Token) -> BoxFuture<'a, Result<Option<Ask>, Fault>> {
        self.burning.fuse.point();
        self.asks.presented(handle)
    }

    fn turn(&self, id: AskId, turn: Turn) -> BoxFuture<'_, Result<Ask, Fault>> {
        Box::pin(async move {
            self.burning.fuse.point();
            let turned = self.asks.turn(id, turn).await;
            self.burning.fuse.point();
            turned
        })
    }

    fn pending(&self, cools: Digest) -> BoxFuture<'_, Result<Vec<AskId>, Fault>> {
        self.asks.pending(cools)
    }

    fn list(&self, only_open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, Fault>> {
        self.asks.list(only_open, limit)
    }

    fn overdue(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<(Ask, State)>, Fault>> {
        self.asks.overdue(now)
    }

    fn hold(&self, id: AskId) -> Result<Held, Fault> {
        self.burning.fuse.point();
        let held = self.asks.hold(id);
        self.burning.fuse.point();
        held
    }

    fn version(&self) -> Result<u64, Fault> {
        self.asks.version()
    }
}

/// One process: a gate by which people approve every change, and alice.
pub(super) struct Scene {
    pub(super) gate: Gate,
    pub(super) burning: Arc<Burning>,
    pub(super) approvals: Approvals,
    asks: Arc<BurningAsks>,
}

impl Scene {
    pub(super) fn new(folder: &Path, fuse: u64, name: &str) -> Self {
        Self::at(folder, fuse, name, Arc::new(HostClock))
    }

    /// By this clock.
    pub(super) fn at(folder: &Path, fuse: u64, name: &str, clock: Arc<dyn Clock>) -> Self {
        let burning = Burning::new(folder, fuse, name);
        let asks = SqliteAsks::new(Some(folder.canonicalize().unwrap().join("state/state.db")));
        let asks = Arc::new(BurningAsks { asks, burning: burning.clone() });
        let signers = Signers(vec![signer("alice", &key(1))]);
        let people = People { asks: asks.clone(), ..somebody(burning.clone(), signers) };
        let turns = Turns {
            asks: asks.clone(),
            logs: people.logs.clone(),
            clock: Arc::clone(&clock),
            session: burning.session.clone(),
        };
        let approvals = Approvals {
            turns,
            trust: people.trust.clone(),
            registry: Registry::new(operations::ALL, |_| true),
            caller: request("", json!({})).caller,
            kept: String::new(),
        };
        let gate = burning.gate_at(clock, approving(), people);
        Self { gate, burning, asks, approvals }
    }

    /// Asks for a change of this container.
    pub(super) async fn asked(&self, name: &str) -> Option<(AskId, String)> {
        let answer = self.gate.run(request("poke", json!({"container": name}))).await;
        Some((answer.ask?, answer.confirm_token?))
    }

    /// Asks for a change of this container, and has it approved.
    pub(super) async fn approved(&self, name: &str) -> Option<String> {
        let (id, handle) = self.asked(name).await?;
        self.sign(id).await.ok()?;
        Some(handle)
    }

    pub(super) async fn sign(&self, id: AskId) -> Result<(), Fault> {
        let opened = self.approvals.open(id).await?;
        let signature = signature(&key(1), NAMESPACE, &opened.ask.document);
        self.approvals.approve(&opened, &signature, None).await.map(drop)
    }

    pub(super) async fn present(&self, name: &str, handle: &str) -> Answer {
        self.gate.run(request("poke", with_token(json!({"container": name}), handle))).await
    }

    /// The first ask for this container as it stands, by which nothing is turned.
    pub(super) async fn stored(&self, name: &str) -> Option<Ask> {
        let listed = self.asks.list(false, usize::MAX).await.unwrap();
        let id = listed.into_iter().rfind(|listed| listed.about == name)?.id;
        self.asks.get(id).await.unwrap()
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// The child's part: an ask, its approval, its spending, and a replay. As a test of its own, nobody
/// tells it anything and it does nothing.
#[test]
fn child() {
    let Some(folder) = told("COUNTERSIGN_FAULT_FOLDER") else { return };
    let fuse = told("COUNTERSIGN_FAULT_FUSE").unwrap().parse().unwrap();
    let name = told("COUNTERSIGN_FAULT_NAME").unwrap();
    let scene = Scene::new(Path::new(&folder), fuse, &name);
    block_on(async {
        let handle = scene.approved(&name).await.unwrap();
        for _ in 0..2 {
            drop(scene.present(&name, &handle).await);
        }
    });
    scene.burning.audit.close();
}

pub(super) fn effects(folder: &Path, name: &str) -> usize {
    let effects = fs::read_to_string(folder.join("effects")).unwrap_or_default();
    effects.lines().filter(|line| *line == name).count()
}

/// What another process finds and can still do. Gives the state that the ask was left in.
fn check(folder: &Path, name: &str) -> Option<State> {
    let before = effects(folder, name);
    let scene = Scene::new(folder, u64::MAX, name);
    let left = block_on(async {
        let left = scene.stored(name).await;
        let Some(ask) = &left else {
            drop(scene.gate.run(request("greet", json!({}))).await);
            return None;
        };
        let handle = ask.handle.reveal();
        if ask.state == State::Pending {
            let early = scene.present(name, &handle).await;
            assert_eq!(early.status, Status::ApprovalRequired, "{name}: {}", early.text);
            scene.sign(ask.id).await.unwrap();
        }
        let lines = ledger(folder).remove(name).unwrap_or_default();
        let approved = lines.iter().any(|line| line["event"] == "ask_approved");
        let answer = scene.present(name, &handle).await;
        if ask.state == State::Approved && !approved {
            // What nobody finds on record is no approval. It can be taken back, and asked for anew.
            assert_eq!(answer.reason, Some(Reason::AuditUnavailable), "{name}: {}", answer.text);
            assert_eq!(before, 0, "{name}");
            return Some(ask.state);
        }
        if ask.state.is_open() {
            assert_eq!((answer.status, before), (Status::Ok, 0), "{name}: {}", answer.text);
        } else {
            assert_eq!(answer.reason, Some(Reason::TokenUsed), "{name}: {}", answer.text);
        }
        let again = scene.present(name, &handle).await;
        assert_eq!(again.reason, Some(Reason::TokenUsed), "{name}: {}", again.text);
        Some(ask.state)
    });
    scene.burning.audit.close();
    if let Some(ask) = block_on(scene.stored(name)).filter(|ask| !ask.state.is_open()) {
        check_record(folder, name, &ask);
    }
    let report = verify(&folder.join("audit"), true, None).unwrap();
    assert!(report.is_sound() && report.open.is_empty(), "{name}: {report:?}");
    left
}

/// State, log and effects say the same.
fn check_record(folder: &Path, name: &str, ask: &Ask) {
    let lines = ledger(folder).remove(name).unwrap_or_default();
    let lines: Vec<Value> =
        lines.into_iter().filter(|line| line["ask"] == ask.id.to_string()).collect();
    let allowed: Vec<&Value> = lines.iter().filter(|line| line["event"] == "allowed").collect();
    let outcomes = ["done", "failed", "unknown"];
    assert!(allowed.len() <= 1 && effects(folder, name) <= allowed.len(), "{name}: {lines:?}");
    assert_eq!(count(&lines, &outcomes), 1, "{name}, {}: {lines:?}", ask.state);
    assert_eq!(count(&lines, &[ask.state.as_str()]), 1, "{name}, {}: {lines:?}", ask.state);
    for intent in &allowed {
        let outcome = lines.iter().find(|line| outcomes.iter().any(|o| line["event"] == *o));
        assert_eq!(outcome.unwrap()["req"], intent["req"], "{name}: {lines:?}");
        assert_eq!(outcome.unwrap()["approver"]["name"], "alice", "{name}: {lines:?}");
    }
    if allowed.is_empty() {
        assert_eq!(ask.state, State::Unknown, "{name}: {lines:?}");
    }
}

#[test]
fn no_death_spends_an_ask_twice_or_hides_that_it_was_spent() {
    let rounds = told("COUNTERSIGN_FAULT_ROUNDS").map(|rounds| rounds.parse::<u64>().unwrap());
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds / 10);
    let mut seed = [0; 8];
    HostEntropy.fill(&mut seed).unwrap();
    let mut random = u64::from_le_bytes(seed);
    let mut left = std::collections::BTreeMap::<Option<State>, u32>::new();
    let mut folder = tempfile::tempdir().unwrap();
    let started = HostClock.tick();
    for round in 0..rounds {
        if round % ROUNDS_PER_STATE == 0 {
            folder = tempfile::tempdir().unwrap();
        }
        let name = format!("c{round}");
        let by_chance = round % 5 == 4;
        let fuse = if by_chance { u64::MAX } else { 1 + (round - round / 5) % POINTS };
        let mut child = spawn("faults::asks::child", folder.path(), fuse, &name);
        if by_chance {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_micros(5000 + (random >> 33) % 60_000));
            drop(child.kill());
        }
        child.wait().unwrap();
        *left.entry(check(folder.path(), &name)).or_default() += 1;
    }
    let seconds = (HostClock.tick().0 - started.0).as_secs();
    println!("{rounds} rounds, left as {left:?}, {seconds} s");
    for state in [State::Pending, State::Approved, State::Executing, State::Done] {
        assert!(left.contains_key(&Some(state)), "none was left {state}, so it was not tested");
    }
}
