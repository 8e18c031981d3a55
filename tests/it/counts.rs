//! Rules that count hold over processes: never more than they let through, whoever asks at the same
//! time and whoever is killed on the way.
//!
//! The child is this test program again: a gate over a real log, and many callers at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign::audit::{AuditLog, Settings as AuditSettings, verify};
use countersign::core::ask::Terms;
use countersign::core::policy::{Effect, Scope};
use countersign::core::reason::{Fault, Reason};
use countersign::gate::{Gate, Parts, Registry, Settings, Status};
use countersign::host::{HostClock, HostEntropy};
use countersign::ports::{Entropy as _, Fixed, random_id};
use countersign::store::MemoryGrants;
use serde_json::{Value, json};

use crate::gate::request;
use crate::support::fakes::{FakeEngine, container, id};
use crate::support::operations;
use crate::support::people::nobody;
use crate::support::policies::{all, at_least, policy};

/// How many changes the rule lets through: in all, or of each target.
const LEAST: u32 = 5;

const TARGETS: u8 = 8;

/// Callers of one child, and how often each asks for a change of each target.
const CALLERS: u8 = 4;
const TURNS: u8 = 3;

/// Children that race; all but one are killed.
const CHILDREN: usize = 3;

/// How often it is played, for each scope.
const ROUNDS: u32 = 12;

const FOLDER: &str = "COUNTERSIGN_COUNT_FOLDER";
const SCOPE: &str = "COUNTERSIGN_COUNT_SCOPE";

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A gate over a real log, whose policy denies after so many changes.
struct Counted {
    gate: Gate,
    engine: Arc<FakeEngine>,
    audit: Arc<AuditLog>,
}

impl Counted {
    fn new(folder: &Path, scope: Scope) -> Self {
        let engine = Arc::new(FakeEngine::default());
        engine.still.store(true, Ordering::SeqCst);
        for n in 0..TARGETS {
            engine.put(container(id(n + 1), &format!("c{n}")));
        }
        let often = at_least(all("often", Effect::Deny), LEAST, scope, &["poke"]);
        let session = random_id(&HostEntropy).unwrap();
        let settings =
            AuditSettings { dir: folder.join("audit"), sync_all: false, session: session.clone() };
        let audit = Arc::new(AuditLog::new(settings, Arc::new(HostClock)));
        let gate = Gate::new(Parts {
            registry: Registry::new(operations::ALL, |_| true),
            policies: Arc::new(Fixed::new(policy(&[all("allow", Effect::Allow), often]))),
            look: engine.clone(),
            act: engine.clone(),
            audit: audit.clone(),
            grants: Arc::new(MemoryGrants::default()),
            people: nobody(audit.clone()),
            clock: Arc::new(HostClock),
            entropy: Arc::new(HostEntropy),
            settings: Settings {
                read_only: false,
                token_ttl: Duration::from_secs(120),
                concurrent_calls: 32,
                session,
                log: "audit".into(),
                account: "alice (uid 1000)".into(),
                terms: Terms::USUAL,
            },
        });
        Self { gate, engine, audit }
    }

    async fn poke(&self, target: u8) -> (Status, Option<Reason>) {
        let arguments = json!({"container": format!("c{}", target % TARGETS)});
        let answer = self.gate.run(request("poke", arguments)).await;
        (answer.status, answer.reason)
    }

    /// One caller's part: some of its changes fail, and of some nobody knows.
    async fn call(&self, caller: u8) {
        for turn in 0..TARGETS * TURNS {
            let fails = match turn % 5 {
                0 => Some(Fault::new(Reason::EngineError, "It failed.")),
                1 => Some(Fault::new(Reason::OutcomeUnknown, "Nobody knows.")),
                _ => None,
            };
            *self.engine.fails.lock().unwrap() = fails;
            let (_, reason) = self.poke(turn.wrapping_mul(3).wrapping_add(caller)).await;
            assert_ne!(reason, Some(Reason::AuditUnavailable));
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// The child's part. As a test of its own, nobody tells it anything and it does nothing.
#[test]
fn child() {
    let Some(folder) = told(FOLDER) else { return };
    let scope = if told(SCOPE).unwrap() == "host" { Scope::Host } else { Scope::Target };
    let folder = Path::new(&folder);
    let counted = Arc::new(Counted::new(folder, scope));
    fs::write(folder.join(format!("ready-{}", std::process::id())), "").unwrap();
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_micros(200));
    }
    runtime().block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move { counted.call(caller).await })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    counted.audit.close();
}

#[expect(clippy::disallowed_methods, reason = "the child is a process")]
fn spawn(folder: &Path, scope: Scope) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "counts::child", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(SCOPE, scope.as_str())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Children that begin at the same moment.
fn together(folder: &Path, scope: Scope) -> Vec<Child> {
    let children: Vec<Child> = (0..CHILDREN).map(|_| spawn(folder, scope)).collect();
    let names = || fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let is_ready = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("ready-");
    while names().filter(is_ready).count() < CHILDREN {
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::write(folder.join("go"), "").unwrap();
    children
}

/// The lines of requests of a log.
fn lines(folder: &Path) -> Vec<Value> {
    let Ok(days) = fs::read_dir(folder.join("audit")) else { return Vec::new() };
    let mut found = Vec::new();
    for day in days.map(|day| day.unwrap().path()) {
        if day.extension().is_some_and(|extension| extension == "jsonl") {
            let bytes = fs::read(day).unwrap();
            found.extend(bytes.split(|byte| *byte == b'\n').filter_map(|line| {
                serde_json::from_slice::<Value>(line).ok().filter(|line| line["op"] == "poke")
            }));
        }
    }
    found
}

/// How many changes were let through, of each thing that is counted by itself.
fn allowed(folder: &Path, scope: Scope) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for line in lines(folder).iter().filter(|line| line["event"] == "allowed") {
        let of = match scope {
            Scope::Host => "all",
            Scope::Target => line["target"]["name"].as_str().unwrap(),
        };
        *counts.entry(of.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn never_more_than_the_rule_lets_through() {
    let mut seed = [0; 8];
    HostEntropy.fill(&mut seed).unwrap();
    let mut random = u64::from_le_bytes(seed);
    println!("seed {random}");
    let mut chance = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    let (mut died, mut crowds) = (0, 0);
    for scope in [Scope::Host, Scope::Target].into_iter().cycle().take(2 * ROUNDS as usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut children = together(folder.path(), scope);
        for killed in children.iter_mut().take(CHILDREN - 1) {
            std::thread::sleep(Duration::from_micros(chance(120_000)));
            drop(killed.kill());
        }
        for mut child in children {
            died += u32::from(!child.wait().unwrap().success());
        }
        let counts = allowed(folder.path(), scope);
        assert!(counts.values().all(|count| *count <= LEAST), "{scope:?}: {counts:?}");
        let sessions: std::collections::BTreeSet<String> =
            lines(folder.path()).iter().map(|line| line["session"].to_string()).collect();
        crowds += u32::from(sessions.len() > 1);
        check_end(folder.path(), scope);
    }
    println!("{died} died, in {crowds} rounds several wrote");
    assert!(died >= ROUNDS / 3, "too few died for this to mean anything");
    assert!(crowds >= ROUNDS / 3, "too few met another");
}

/// What must hold once one more process has asked for all that it gets.
fn check_end(folder: &Path, scope: Scope) {
    let counted = Counted::new(folder, scope);
    runtime().block_on(async {
        for turn in 0..=u8::try_from(LEAST).unwrap() {
            for target in 0..TARGETS {
                let (status, reason) = counted.poke(target).await;
                let over = turn == u8::try_from(LEAST).unwrap();
                assert!(status == Status::Ok || reason == Some(Reason::PolicyDenied), "{reason:?}");
                assert!(!over || reason == Some(Reason::PolicyDenied), "{scope:?} {target}");
            }
        }
    });
    counted.audit.close();
    let counts = allowed(folder, scope);
    assert_eq!(counts.len(), if scope == Scope::Host { 1 } else { usize::from(TARGETS) });
    assert!(counts.values().all(|count| *count == LEAST), "{scope:?}: {counts:?}");
    let refused = lines(folder).into_iter().filter(|line| line["rule"] == "often");
    assert!(refused.into_iter().all(|line| line["event"] == "denied"));
    assert!(verify(&folder.join("audit"), true, None).unwrap().is_sound());
}

#[test]
fn many_callers_of_one_process_are_counted_one_by_one() {
    for scope in [Scope::Host, Scope::Target] {
        let folder = tempfile::tempdir().unwrap();
        let counted = Arc::new(Counted::new(folder.path(), scope));
        runtime().block_on(async {
            let callers: Vec<_> = (0..32)
                .map(|caller| {
                    let counted = Arc::clone(&counted);
                    tokio::spawn(async move { counted.poke(caller).await })
                })
                .collect();
            for caller in callers {
                let (_, reason) = caller.await.unwrap();
                let known = [None, Some(Reason::PolicyDenied), Some(Reason::Busy)];
                assert!(known.contains(&reason), "{reason:?}");
            }
        });
        let counts = allowed(folder.path(), scope);
        assert!(counts.values().all(|count| *count <= LEAST), "{scope:?}: {counts:?}");
        check_end(folder.path(), scope);
    }
}

#[test]
fn what_failed_and_what_nobody_knows_counts_too() {
    let folder = tempfile::tempdir().unwrap();
    let counted = Counted::new(folder.path(), Scope::Target);
    runtime().block_on(async {
        for reason in [Reason::EngineError, Reason::OutcomeUnknown, Reason::NotFound] {
            *counted.engine.fails.lock().unwrap() = Some(Fault::new(reason, "It went wrong."));
            assert_eq!(counted.poke(0).await.1, Some(reason));
        }
        for _ in 3..LEAST {
            assert_eq!(counted.poke(0).await.0, Status::Ok);
        }
        assert_eq!(counted.poke(0).await.1, Some(Reason::PolicyDenied));
        assert_eq!(counted.poke(1).await.0, Status::Ok, "another target");
    });
    // Another process knows it from the log.
    let other = Counted::new(folder.path(), Scope::Target);
    runtime().block_on(async {
        assert_eq!(other.poke(0).await.1, Some(Reason::PolicyDenied));
        assert_eq!(other.poke(1).await.0, Status::Ok);
    });
}
