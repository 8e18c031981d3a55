//! A process that dies at each point of the path, and in between: no effect without a durable
//! intent, no grant spent twice, every orphan reported.
//!
//! The child is this test program again. Everything that happens in it goes through a port, and it
//! aborts at the call of a port that it was told; or the parent kills it at a random moment.

mod asks;
mod burning;
mod crowd;
mod taken;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::audit::verify;
use countersign::core::policy::Policy;
use countersign::gate::Gate;
use countersign::host::{HostClock, HostEntropy};
use countersign::ports::{Clock as _, Entropy as _};
use serde_json::{Value, json};

use self::burning::Burning;
use crate::gate::{request, with_token};
use crate::support::people::nobody;

/// Rounds, unless `COUNTERSIGN_FAULT_ROUNDS` says otherwise.
const ROUNDS: u64 = 1000;

/// Rounds that share a log.
const ROUNDS_PER_LOG: u64 = 50;

/// Calls of ports that the child's story makes, roughly: beyond these it ends by itself.
const POINTS: u64 = 60;

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A gate over a real log, and what its ports do.
fn gate(folder: &Path, fuse: u64, name: &str) -> (Gate, Arc<Burning>) {
    let burning = Burning::new(folder, fuse, name);
    (burning.gate(Policy::builtin(), nobody(burning.clone())), burning)
}

/// What the child does: two changes, each with a replay of its token.
async fn story(gate: &Gate, name: &str) {
    for _ in 0..2 {
        let web = json!({"container": name});
        let preview = gate.run(request("poke", web.clone())).await;
        let Some(token) = preview.confirm_token else { continue };
        for _ in 0..2 {
            drop(gate.run(request("poke", with_token(web.clone(), &token))).await);
        }
    }
}

/// The child's part. As a test of its own, nobody tells it anything and it does nothing.
#[test]
fn child() {
    let Some(folder) = told("COUNTERSIGN_FAULT_FOLDER") else { return };
    let fuse = told("COUNTERSIGN_FAULT_FUSE").unwrap().parse().unwrap();
    // Each child has a target of its own, so that effects can be told apart.
    let name = told("COUNTERSIGN_FAULT_NAME").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gate, burning) = gate(Path::new(&folder), fuse, &name);
    runtime.block_on(story(&gate, &name));
    burning.audit.close();
}

#[expect(clippy::disallowed_methods, reason = "the child is a process")]
fn spawn(test: &str, folder: &Path, fuse: u64, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1"])
        .env("COUNTERSIGN_FAULT_FOLDER", folder)
        .env("COUNTERSIGN_FAULT_FUSE", fuse.to_string())
        .env("COUNTERSIGN_FAULT_NAME", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The lines of the log, by what they say of each target: (allowed, outcomes).
fn ledger(folder: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut by_target: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let Ok(days) = fs::read_dir(folder.join("audit")) else { return by_target };
    for day in days.map(|day| day.unwrap().path()) {
        if day.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in fs::read(day).unwrap().split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
            if let Some(name) = line["target"]["name"].as_str() {
                by_target.entry(name.to_owned()).or_default().push(line);
            }
        }
    }
    by_target
}

fn count(lines: &[Value], events: &[&str]) -> usize {
    lines.iter().filter(|line| events.iter().any(|event| line["event"] == *event)).count()
}

/// What must hold right after a death, before anybody else has written.
fn check_effects(folder: &Path, name: &str) -> usize {
    let ledger = ledger(folder);
    let lines = ledger.get(name).map(Vec::as_slice).unwrap_or_default();
    let allowed: Vec<&Value> = lines.iter().filter(|line| line["event"] == "allowed").collect();
    let mut grants = 0_usize;
    for line in lines {
        match line["event"].as_str() {
            Some("preview") => grants += 1,
            Some("allowed") => {
                grants = grants.checked_sub(1).expect("a grant was spent twice");
            }
            _ => {}
        }
    }
    let effects = fs::read_to_string(folder.join("effects")).unwrap_or_default();
    let effects = effects.lines().filter(|line| *line == name).count();
    assert!(effects <= allowed.len(), "{name}: an effect without an intent");
    let ended = count(lines, &["done", "failed", "unknown"]);
    assert!(effects <= 2 && ended <= allowed.len());
    let report = verify(&folder.join("audit"), false, None).unwrap();
    assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
    assert_eq!(report.open.len(), allowed.len() - ended, "{name}: every orphan is listed");
    effects
}

/// What must hold once another process has written.
fn check_closed(folder: &Path, name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gate, burning) = gate(folder, u64::MAX, "next");
    drop(runtime.block_on(gate.run(request("greet", json!({})))));
    burning.audit.close();
    let ledger = ledger(folder);
    let lines = ledger.get(name).map(Vec::as_slice).unwrap_or_default();
    for allowed in lines.iter().filter(|line| line["event"] == "allowed") {
        let same = |line: &&Value| line["req"] == allowed["req"];
        let request: Vec<Value> = lines.iter().filter(same).cloned().collect();
        assert_eq!(count(&request, &["done", "failed", "unknown"]), 1, "{name}: {request:?}");
    }
    let report = verify(&folder.join("audit"), true, None).unwrap();
    assert!(report.is_sound() && report.open.is_empty(), "{name}: {report:?}");
}

#[test]
fn no_death_hides_an_effect_or_repeats_one() {
    let rounds = told("COUNTERSIGN_FAULT_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut seed = [0; 8];
    HostEntropy.fill(&mut seed).unwrap();
    let mut random = u64::from_le_bytes(seed);
    println!("seed {random}");
    let (mut died, mut with_effect) = (0, 0);
    let mut folder = tempfile::tempdir().unwrap();
    let started = HostClock.tick();
    for round in 0..rounds {
        if round % ROUNDS_PER_LOG == 0 {
            folder = tempfile::tempdir().unwrap();
        }
        let name = format!("c{round}");
        let mut child;
        if round % 4 == 3 {
            // Between the points: killed at a moment of chance.
            child = spawn("faults::child", folder.path(), u64::MAX, &name);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_micros(1000 + (random >> 33) % 12_000));
            drop(child.kill());
        } else {
            child = spawn("faults::child", folder.path(), 1 + round % POINTS, &name);
        }
        died += usize::from(!child.wait().unwrap().success());
        with_effect += check_effects(folder.path(), &name);
        check_closed(folder.path(), &name);
    }
    let seconds = (HostClock.tick().0 - started.0).as_secs();
    println!("{rounds} rounds, {died} deaths, {with_effect} effects, {seconds} s");
    assert!(died as u64 >= rounds / 4, "too few died for this to mean anything");
    assert!(with_effect > 0, "none had an effect, so nothing was tested");
}
