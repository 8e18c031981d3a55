//! What keeping and turning asks costs, beside what the disk itself costs, in one run:
//! `cargo bench --bench asks [-- FOLDER]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

#[path = "server/stats.rs"]
#[expect(dead_code, reason = "the server's measurement uses more of it")]
mod stats;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use countersign::core::ask::{Ask, AskId, State, Terms, Turn};
use countersign::core::grant::{RequestKey, Token};
use countersign::core::plan::{Digest, Face, Principal};
use countersign::ports::asks::Asks;
use countersign::store::SqliteAsks;
use stats::bar;
use time::{Duration, OffsetDateTime};
use tokio::runtime::Runtime;

const SAMPLES: u32 = 1000;
const MANY: u32 = 10_000;
const DOCUMENT_BYTES: usize = 6000;

/// At most, in the middle of the samples: until an ask is stored, until all that wait are listed, and
/// until it is known whether another process changed something.
const STORED_MAX: std::time::Duration = std::time::Duration::from_millis(3);
const LISTED_MAX: std::time::Duration = std::time::Duration::from_millis(50);
const VERSION_MAX: std::time::Duration = std::time::Duration::from_micros(100);

fn main() {
    let base = std::env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    let base = base.map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let top = tempfile::tempdir_in(base).unwrap();
    let top = top.path().canonicalize().unwrap();
    // As the program runs: one thread for every request, and others for what waits.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    first(&runtime, &top);
    let asks = SqliteAsks::new(Some(top.join("state").join("countersign").join("state.db")));
    let asks: Arc<dyn Asks> = Arc::new(asks);
    one_by_one(&runtime, &top, &asks);
    many(&runtime, &asks);
    taken_back(&runtime, &top);
}

fn ask(n: u32, made: OffsetDateTime) -> Ask {
    let [a, b, c, d] = n.to_be_bytes();
    let digest = |what: &[u8]| Digest::of(&[what, &n.to_be_bytes()]);
    let mut bits = [0; 16];
    bits[..4].copy_from_slice(&[a, b, c, d]);
    Ask {
        id: AskId::from_random([1, a, b, c, d]),
        document: "x".repeat(DOCUMENT_BYTES).into(),
        handle: Arc::new(Token::from_random(bits)),
        request: RequestKey { given: digest(b"given"), bound: digest(b"bound") },
        plan: digest(b"plan"),
        operation: "remove_container".into(),
        about: "container `web` of the project `shop`".into(),
        principal: Principal { face: Face::Mcp, uid: 1000 },
        cools: digest(b"cools"),
        seal: None,
        session: "bench".into(),
        log: "/home/somebody/.local/state/countersign/audit".into(),
        made,
        expires: made + Duration::HOUR,
        state: State::Pending,
        since: made,
        signature: None,
        approver: None,
        assurance: None,
        words: None,
    }
}

fn terms() -> Terms {
    let open_max = usize::MAX;
    Terms { expires: Duration::HOUR, cooldown: Duration::MINUTE, open_max }
}

/// The middle of the samples, and nearly the worst.
fn report(
    what: &str,
    mut samples: Vec<std::time::Duration>,
    most: impl Into<Option<std::time::Duration>>,
) {
    samples.sort_unstable();
    let at = |percent: usize| samples[(samples.len() - 1) * percent / 100];
    let bar = most.into().map(|most| format!("  (bar: {most:?}){}", bar(at(50) <= most)));
    let bar = bar.unwrap_or_default();
    println!("  {what:<28} p50 {:>10.1?}  p99 {:>10.1?}{bar}", at(50), at(99));
}

/// The ask of an installation that has no state yet.
fn first(runtime: &Runtime, top: &Path) {
    let mut samples = Vec::new();
    for n in 0..20 {
        let file = top.join(format!("first{n}")).join("countersign").join("state.db");
        let new = ask(n, OffsetDateTime::now_utc());
        let start = Instant::now();
        let asks = SqliteAsks::new(Some(file));
        runtime.block_on(asks.put(new, terms())).unwrap();
        samples.push(start.elapsed());
    }
    println!("20 states made, with a first ask");
    report("state made, ask stored", samples, None);
}

/// A raw append with fdatasync, an ask and its turns, call by call.
fn one_by_one(runtime: &Runtime, top: &Path, asks: &Arc<dyn Asks>) {
    let mut raw = OpenOptions::new().append(true).create(true).open(top.join("raw")).unwrap();
    let [mut plain, mut kept, mut turned, mut version, mut got] = [const { Vec::new() }; 5];
    for n in 0..SAMPLES {
        let start = Instant::now();
        raw.write_all(&[b'x'; DOCUMENT_BYTES]).unwrap();
        raw.sync_data().unwrap();
        plain.push(start.elapsed());
        let now = OffsetDateTime::now_utc();
        let new = ask(n, now);
        let id = new.id;
        let start = Instant::now();
        runtime.block_on(asks.put(new, terms())).unwrap();
        kept.push(start.elapsed());
        let start = Instant::now();
        asks.version().unwrap();
        version.push(start.elapsed());
        let start = Instant::now();
        runtime.block_on(asks.get(id)).unwrap().unwrap();
        got.push(start.elapsed());
        for (from, to) in [
            (State::Pending, State::Approved),
            (State::Approved, State::Executing),
            (State::Executing, State::Done),
        ] {
            let turn = Turn::new(from, to, now).unwrap();
            let start = Instant::now();
            runtime.block_on(asks.turn(id, turn)).unwrap();
            turned.push(start.elapsed());
        }
    }
    println!("one caller, {SAMPLES} asks of {DOCUMENT_BYTES} bytes, interleaved");
    report("write + fdatasync", plain, None);
    report("ask to stored", kept, STORED_MAX);
    report("turn", turned, None);
    report("look at one", got, None);
    report("version after a change", version, VERSION_MAX);
}

fn many(runtime: &Runtime, asks: &Arc<dyn Asks>) {
    let made = OffsetDateTime::now_utc();
    let [mut kept, mut open, mut all, mut version] = [const { Vec::new() }; 4];
    for n in 0..MANY {
        let new = ask(MANY + n, made);
        let start = Instant::now();
        runtime.block_on(asks.put(new, terms())).unwrap();
        kept.push(start.elapsed());
    }
    for _ in 0..20 {
        for (only_open, samples) in [(true, &mut open), (false, &mut all)] {
            let start = Instant::now();
            let listed = runtime.block_on(asks.list(only_open, usize::MAX)).unwrap();
            samples.push(start.elapsed());
            assert!(listed.len() >= MANY as usize);
        }
        let start = Instant::now();
        asks.version().unwrap();
        version.push(start.elapsed());
    }
    println!("{MANY} asks that wait");
    report("the last 1000 stored", kept.split_off(kept.len() - 1000), STORED_MAX);
    report("those that wait listed", open, LISTED_MAX);
    report("all listed", all, None);
    report("version", version, VERSION_MAX);
}

/// Where as many asks as are remembered were taken back and are over.
fn taken_back(runtime: &Runtime, top: &Path) {
    let asks = SqliteAsks::new(Some(top.join("taken-back").join("state.db")));
    let made = OffsetDateTime::now_utc() - Duration::DAY;
    for n in 0..MANY {
        let new = ask(n, made);
        let id = new.id;
        runtime.block_on(asks.put(new, terms())).unwrap();
        let turn = Turn::new(State::Pending, State::Cancelled, made).unwrap();
        runtime.block_on(asks.turn(id, turn)).unwrap();
    }
    let mut kept = Vec::new();
    for n in 0..SAMPLES {
        let new = ask(MANY + n, OffsetDateTime::now_utc());
        let start = Instant::now();
        runtime.block_on(asks.put(new, terms())).unwrap();
        kept.push(start.elapsed());
    }
    println!("{MANY} asks that were taken back yesterday");
    report("another stored", kept, STORED_MAX);
}
