//! Measures the real server over stdio beside the engine's raw socket, interleaved call by call in
//! one run, and prints ratios. Needs an engine, the test image and a release build of the program;
//! `scripts/bench` sees to that.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measuring program: it starts the server, reads the clock, prints and may fail"
)]

mod client;
mod fixture;
mod raw;
mod scale;
mod stats;

use std::time::{Duration, Instant};

use client::Server;
use fixture::Fixture;
use raw::Raw;
use serde_json::json;
use stats::{Samples, bar};

/// Samples of each call.
const SAMPLES: usize = 1000;

/// Calls before anything is measured.
const WARM_UP: usize = 50;

/// Starts that are measured.
const STARTS: usize = 200;

fn main() {
    // Cargo passes `--bench`; a bare `--quick` measures less, to try the program out.
    let quick = std::env::args().any(|arg| arg == "--quick");
    let samples = if quick { 50 } else { SAMPLES };
    let fixture = Fixture::new(10, 2500);
    calls(&fixture, samples);
    start(if quick { 20 } else { STARTS });
    memory(&fixture, quick);
    scale::scale(&fixture, quick);
    sizes();
}

fn timed<T>(into: &mut Samples, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = run();
    into.add(begun.elapsed());
    result
}

/// Each tool beside the raw calls that its path needs.
fn calls(fixture: &Fixture, samples: usize) {
    let mut server = Server::start(&fixture.audit_dir);
    let mut engine = Raw::connect();
    let label = fixture.label_filter();
    let list = format!("/containers/json?filters={label}");
    let find = format!("/containers/json?all=1&filters={}", fixture.name_filter());
    let log = |tail: u32| {
        format!("/containers/{}/logs?stdout=1&stderr=1&timestamps=1&tail={tail}", fixture.chatty_id)
    };
    let (log_100, log_2000) = (log(100), log(2000));
    let mut ping = Samples::new("ping");
    let mut ours = [
        Samples::new("list_containers, 10 containers"),
        Samples::new("get_container_logs, tail 100"),
        Samples::new("get_container_logs, tail 2000"),
    ];
    let mut raws = [Samples::new("raw list"), Samples::new("raw 100"), Samples::new("raw 2000")];
    let logs =
        |tail: u32| json!({"container": fixture.chatty_name, "tail": tail, "maxBytes": 1_048_576});
    for n in 0..samples + WARM_UP {
        if n == WARM_UP {
            ping.clear();
            ours.iter_mut().chain(&mut raws).for_each(Samples::clear);
        }
        timed(&mut ping, || server.call_line("ping", &json!({})));
        timed(&mut raws[0], || engine.get(&list));
        let line = timed(&mut ours[0], || {
            server.call_line("list_containers", &json!({"label": fixture.label}))
        });
        let text = client::text(&line);
        assert!(text.lines().count() >= 11, "ten containers and a heading: {text}");
        for (place, tail, path) in [(1, 100, &log_100), (2, 2000, &log_2000)] {
            timed(&mut raws[place], || {
                engine.get(&find);
                engine.get(path)
            });
            let arguments = logs(tail);
            let line =
                timed(&mut ours[place], || server.call_line("get_container_logs", &arguments));
            let wanted = usize::try_from(tail).unwrap();
            assert!(client::text(&line).lines().count() > wanted, "{tail} lines and a fence");
        }
    }
    println!("{samples} samples of each call, interleaved; microseconds\n");
    println!("{ping}");
    for (ours, raw) in ours.iter().zip(&raws) {
        println!("{ours}\n{raw}");
        let bar_p50 = raw.p50() + 3 * ping.p50();
        println!(
            "  p50 {:.2} x raw; {:.2} x (raw + 3 ping){}",
            ratio(ours.p50(), raw.p50()),
            ratio(ours.p50(), bar_p50),
            bar(ours.p50() <= bar_p50)
        );
        let bar_p99 = (raw.p99() + 3 * ping.p99()).mul_f64(1.3);
        println!(
            "  p99 {:.2} x 1.3 (raw + 3 ping){}\n",
            ratio(ours.p99(), bar_p99),
            bar(ours.p99() <= bar_p99)
        );
    }
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// From starting the process to the answer of `initialize`, without a policy file and with one of
/// 100 rules and as many tests.
fn start(starts: usize) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("config");
    std::fs::create_dir_all(home.join("countersign")).unwrap();
    std::fs::write(home.join("countersign/policy.toml"), policy(100)).unwrap();
    let (none, some) = ("start to initialize's answer", "the same with a policy of 100 rules");
    for (name, home, most) in [(none, None, 10), (some, Some(home.as_path()), 15)] {
        let mut samples = Samples::new(name);
        for _ in 0..starts {
            let begun = Instant::now();
            let server = Server::start_with(folder.path(), home);
            samples.add(begun.elapsed());
            drop(server);
        }
        let met = bar(samples.p50() <= Duration::from_millis(most));
        println!("{samples}\n  p50 at most {most} ms{met}\n");
    }
    assert!(!folder.path().join("audit").exists(), "starting writes nothing");
}

/// A user's file of so many rules, each with a test.
fn policy(rules: usize) -> String {
    let rule = |n: usize| {
        format!(
            "[[rule]]\nid = \"team-{n}\"\neffect = \"approve\"\n\
             match = {{ class = [\"mutate\", \"destroy\"], label.team = \"team-{n}-*\" }}\n\
             unless = {{ name = \"scratch-{n}-*\" }}\n\
             [[test]]\nname = \"team {n}\"\n\
             given = {{ op = \"restart_container\", label.team = \"team-{n}-web\" }}\n\
             expect = \"approve\"\nby = \"team-{n}\"\n"
        )
    };
    std::iter::once("version = 1\n".to_owned()).chain((0..rules).map(rule)).collect()
}

/// Resident memory after many calls, and while a long log is read.
fn memory(fixture: &Fixture, quick: bool) {
    let mut server = Server::start(&fixture.audit_dir);
    for n in 0..300 {
        match n % 3 {
            0 => server.call("ping", &json!({})),
            1 => server.call("list_containers", &json!({"all": true})),
            _ => server.call("get_container_logs", &json!({"container": fixture.chatty_name})),
        };
    }
    let after = server.pss_kib();
    println!("memory (PSS) after 300 calls: {after} KiB{}", bar(after <= 12 * 1024));
    let megabytes = if quick { 20 } else { 1000 };
    let Some(long) = fixture.long_log(megabytes) else { return };
    let grep = json!({"container": long, "grep": "no such line", "tail": 10});
    let begun = Instant::now();
    let (text, peak) = server.call_watched("get_container_logs", &grep);
    println!(
        "memory while a log of {megabytes} MB is searched: peak {peak} KiB, {} ms: {}",
        begun.elapsed().as_millis(),
        text.lines().last().unwrap_or_default()
    );
    let whole = json!({"container": long, "tail": 1000, "since": "30d"});
    let (_, peak) = server.call_watched("get_container_logs", &whole);
    println!("memory while its end is read: peak {peak} KiB{}", bar(peak <= 20 * 1024));
}

fn sizes() {
    let mut server = Server::start(tempfile::tempdir().unwrap().path());
    let list = server.tool_list();
    let tokens = list.len().div_ceil(4);
    println!("tool list: {tokens} tokens at 4 characters a token{}", bar(tokens <= 4000));
    let size = std::fs::metadata(client::PROGRAM).unwrap().len();
    println!("binary: {:.2} MB{}", size as f64 / 1e6, bar(size <= 12_000_000));
}
