//! Beginning and end of a server.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::{LEGACY, MODERN, Sandbox, meta};

#[test]
fn a_client_that_leaves_before_its_first_message_is_no_error() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.serve(&[]).end(), (0, vec![], String::new()));
    assert!(!sandbox.log().exists(), "starting writes nothing");
}

#[test]
fn starting_and_looking_write_nothing() {
    for modern in [false, true] {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&[]);
        if modern {
            session.request("server/discover", &json!({"_meta": meta(MODERN)}));
            session.request("tools/list", &json!({"_meta": meta(MODERN)}));
        } else {
            session.initialize(LEGACY);
            session.request("tools/list", &json!({}));
            session.request("ping", &json!({}));
        }
        assert_eq!(session.end().0, 0);
        assert!(!sandbox.log().exists());
        for folder in [sandbox.work(), sandbox.path().join("home")] {
            assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_probe_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.request("server/discover", &json!({"_meta": meta(MODERN)}));
    assert_eq!(session.end(), (0, vec![], String::new()));
    let mut session = sandbox.serve(&[]);
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    assert_eq!(session.end(), (0, vec![], String::new()));
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    let asked: Vec<u64> =
        (0..20).map(|_| session.ask("tools/call", &json!({"name": "ping"}))).collect();
    let (code, rest, _) = session.end();
    assert_eq!(code, 0);
    let mut answered: Vec<u64> = rest.iter().map(|m| m["id"].as_u64().unwrap()).collect();
    answered.sort_unstable();
    assert_eq!(answered, asked);
    assert_eq!(sandbox.events().len(), 20);
}

#[test]
fn a_client_that_does_not_listen_any_more_stops_nothing() {
    let sandbox = Sandbox::new();
    let mut program = sandbox.program(&["mcp"]);
    program.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = program.spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": {},
            "clientInfo": {"name": "deaf", "version": "1"},
        }}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "ping"}}),
    ];
    for line in lines {
        // It may be gone already, which is right as well.
        std::io::Write::write_all(&mut stdin, format!("{line}\n").as_bytes()).unwrap_or_default();
    }
    drop(stdin);
    // Its first answer could not be given: the connection broke, which the exit code says.
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

fn hello() -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": LEGACY, "capabilities": {},
        "clientInfo": {"name": "deaf", "version": "1"},
    }})
}

/// Memory of a process in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_client_that_reads_nothing_costs_little_and_keeps_nobody() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program(&["mcp"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    writeln!(stdin, "{}", hello()).unwrap();
    let flood = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n".repeat(1000);
    // Writing blocks once the server reads no more; only the end of this thread's pipe ends it.
    let writer = std::thread::spawn(move || {
        let mut written = 0;
        while written < 200_000 && stdin.write_all(flood.as_bytes()).is_ok() {
            written += 1000;
        }
        written
    });
    std::thread::sleep(Duration::from_secs(3));
    let resident = resident_kib(server.id());
    assert!(resident < 64 * 1024, "{resident} KiB while nothing is read");
    assert!(!writer.is_finished(), "the server has taken everything in");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&server),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let ended = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        server.try_wait().unwrap().is_some()
    });
    assert!(ended, "it is kept by answers that nobody reads");
    assert!(writer.join().unwrap() < 200_000);
}

#[test]
fn a_client_that_leaves_without_reading_keeps_nobody() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program(&["mcp"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    writeln!(stdin, "{}", hello()).unwrap();
    for id in 1..100 {
        writeln!(stdin, "{}", json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"})).unwrap();
    }
    drop(stdin);
    let ended = (0..250).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        server.try_wait().unwrap().is_some()
    });
    assert!(ended, "it is kept by answers that nobody reads");
}
