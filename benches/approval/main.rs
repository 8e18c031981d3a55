//! What an approval costs with the real program over stdio, on the real engine: the call that asks, and
//! the time from the approval to the intent on record, for an agent that waits with `check_ask`. Needs
//! root, an engine and the test image: `cargo bench --bench approval`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

#[path = "../server/stats.rs"]
#[expect(dead_code, reason = "the server's measurement uses more of it")]
mod stats;
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;
use stats::bar;
use support::account::{Who, World};
use support::engine::Engine;
use support::keys::Key;
use support::program::{Ran, data, text};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SAMPLES: usize = 100;
const STARTS_MAX: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let Some(world) = World::with_system() else {
        println!("Nothing was measured: an approval takes an account that only root can make.");
        return ExitCode::FAILURE;
    };
    let engine = Engine::connect();
    world.write(&world.own(Who::Agent).join(".ssh/config"), "");
    let alice = Key::new(&world, Who::Agent, ".ssh/id_ed25519", Some("sesam1"));
    let public = format!("{}.pub", alice.path.display());
    assert_eq!(world.run(Who::Root, &["trust", "add", &public, "--name", "alice"]).code, 0);
    let mut server = world.serve(&["--toolsets", "all"]);
    server.initialize("2025-06-18");
    let [mut looked, mut asked] = [const { Vec::new() }; 2];
    let mut asks = Vec::new();
    for n in 0..if quick { 10 } else { SAMPLES } {
        let volume = engine.volume_with(&format!("approval{n}"), &[]);
        let remove = json!({"volume": volume});
        let begun = Instant::now();
        server.call("inspect_volume", &remove);
        looked.push(begun.elapsed());
        let begun = Instant::now();
        let answer = server.call("remove_volume", &remove);
        asked.push(begun.elapsed());
        let id = data(&answer)["ask"].as_str().unwrap_or_else(|| panic!("{}", text(&answer)));
        let check = json!({"name": "check_ask", "arguments": {"ask": id, "wait": 55}});
        let check = server.ask("tools/call", &check);
        let mut approve = world.program(Who::Agent, &["approve", id]);
        alice.unlocks(&mut approve);
        let approved = Ran::of(approve.output().unwrap());
        assert_eq!(approved.code, 0, "{approved:?}");
        server.answer(&json!(check));
        let spend = json!({"volume": volume, "confirmToken": data(&answer)["confirmToken"]});
        let done = server.call("remove_volume", &spend);
        assert_eq!(data(&done)["status"], "ok", "{}", text(&done));
        asks.push(id.to_owned());
    }
    let lines = world.sandbox().requests();
    let at = |ask: &String, event: &str| {
        let line = lines.iter().find(|line| line["ask"] == **ask && line["event"] == event);
        OffsetDateTime::parse(line.unwrap()["ts"].as_str().unwrap(), &Rfc3339).unwrap()
    };
    let began = |ask| Duration::try_from(at(ask, "allowed") - at(ask, "ask_approved")).unwrap();
    println!("{} asks, spent by an agent that waits for each", asks.len());
    report("inspect_volume", looked, None);
    report("remove_volume, asked", asked, None);
    report("approved to intent on record", asks.iter().map(began).collect(), Some(STARTS_MAX));
    ExitCode::SUCCESS
}

/// The middle of the samples, and nearly the worst.
fn report(what: &str, mut samples: Vec<Duration>, most: Option<Duration>) {
    samples.sort_unstable();
    let at = |percent: usize| samples[(samples.len() - 1) * percent / 100];
    let bar = most.map(|most| format!("  (bar: {most:?}){}", bar(at(50) <= most)));
    let bar = bar.unwrap_or_default();
    println!("  {what:<30} p50 {:>9.2?}  p99 {:>9.2?}{bar}", at(50), at(99));
}
