//! `audit`: follow, filter, count and check.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::program::{Sandbox, Session};

fn file(sandbox: &Sandbox) -> PathBuf {
    let files = fs::read_dir(sandbox.log()).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|e| e == "jsonl")).unwrap()
}

/// Changes one letter in the middle of the log.
pub(super) fn spoil(sandbox: &Sandbox) {
    let file = file(sandbox);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.matches(r#""op":"ping""#).count() >= 2);
    fs::write(file, text.replacen(r#""op":"ping""#, r#""op":"pong""#, 1)).unwrap();
}

/// A log of two reads, two refusals of different reasons, and the line that opened it.
fn filled() -> Sandbox {
    let sandbox = Sandbox::new();
    for call in [&["call", "ping"][..], &["call", "no_such_tool"], &["call", "ping", "a=1"]] {
        sandbox.run(call);
    }
    sandbox.run(&["call", "ping"]);
    sandbox
}

fn shown(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let ran = sandbox.run(&[&["audit", "show", "--json"], args].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn show_filters() {
    let sandbox = filled();
    let count = |args: &[&str]| shown(&sandbox, args).len();
    assert_eq!(shown(&sandbox, &[]), sandbox.lines());
    assert_eq!(count(&["--op", "ping"]), 3);
    assert_eq!(count(&["--event", "denied"]), 2);
    assert_eq!(count(&["--op", "ping", "--event", "denied"]), 1);
    assert_eq!(count(&["--op", "pin"]), 0);
    assert_eq!(count(&["--target", "web"]), 0);
    assert_eq!(count(&["--since", "1h"]), 5);
    assert_eq!(count(&["--since", "2099-01-01T00:00:00Z"]), 0);
    let table = sandbox.run(&["audit", "show", "--event", "denied"]).stdout;
    assert_eq!(table.lines().count(), 2);
    assert!(table.contains("no_such_tool") && table.contains("unclassified"), "{table}");
    for bad in [&["--since", "soon"][..], &["--event", "dinner"]] {
        assert_eq!(sandbox.run(&[&["audit", "show"], bad].concat()).code, 2, "{bad:?}");
    }
}

#[test]
fn stats_count() {
    let sandbox = filled();
    let stats = sandbox.run(&["audit", "stats", "--json"]).json();
    assert_eq!(stats["lines"], 5);
    assert_eq!(stats["events"], json!({"opened": 1, "read": 2, "denied": 2}));
    assert_eq!(stats["reasons"], json!({"unclassified": 1, "invalid_argument": 1}));
    assert_eq!(stats["operations"], json!({"ping": 3, "no_such_tool": 1}));
    let table = sandbox.run(&["audit", "stats", "--op", "ping"]).stdout;
    assert!(table.contains("lines      3 (0 torn)"), "{table}");
}

#[test]
fn verify_proves_a_whole_log() {
    let sandbox = filled();
    let ran = sandbox.run(&["audit", "verify"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("the chain is whole") && ran.stdout.contains("Without an anchor"));
    let head = ran.stdout.lines().find_map(|line| line.strip_prefix("head       ")).unwrap();
    let anchored = sandbox.run(&["audit", "verify", "--from-start", "--anchor", head]);
    assert_eq!(anchored.code, 0, "{anchored:?}");
    assert!(anchored.stdout.contains("The anchor holds."), "{anchored:?}");
    let json = sandbox.run(&["audit", "verify", "--json"]).json();
    assert_eq!(json["sound"], true);
    // The same line with another digest, and a line that is not there.
    let digest = head.split_once(':').unwrap().1;
    let other = format!("5:{}", "0".repeat(64));
    for anchor in [other.as_str(), &format!("4:{digest}"), &format!("6:{digest}")] {
        let ran = sandbox.run(&["audit", "verify", "--anchor", anchor]);
        assert_eq!(ran.code, 5, "{anchor}: {ran:?}");
    }
    for anchor in ["5", "five:abc", ""] {
        assert_eq!(sandbox.run(&["audit", "verify", "--anchor", anchor]).code, 2, "{anchor}");
    }
}

#[test]
fn verify_finds_damage_and_says_where() {
    let sandbox = filled();
    spoil(&sandbox);
    let ran = sandbox.run(&["audit", "verify"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let name = file(&sandbox).file_name().unwrap().to_str().unwrap().to_owned();
    assert!(ran.stdout.contains(&format!("{name}:2  ")), "{}", ran.stdout);
    let json = sandbox.run(&["audit", "verify", "--json"]);
    assert_eq!((json.code, &json.json()["sound"]), (5, &json!(false)));
}

#[test]
fn a_cut_end_is_seen_with_an_anchor_only() {
    let sandbox = filled();
    let head = sandbox.run(&["audit", "verify"]).stdout;
    let head = head.lines().find_map(|line| line.strip_prefix("head       ")).unwrap().to_owned();
    let text = fs::read_to_string(file(&sandbox)).unwrap();
    let cut: String = text.split_inclusive('\n').take(4).collect();
    fs::write(file(&sandbox), cut).unwrap();
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
    assert_eq!(sandbox.run(&["audit", "verify", "--anchor", &head]).code, 5);
}

#[test]
fn a_log_that_cannot_be_read_is_said_so() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.log(), "").unwrap();
    for verb in ["verify", "show", "stats", "tail"] {
        let ran = sandbox.run(&["audit", verb]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{verb}: {ran:?}");
        assert!(ran.stderr.contains(sandbox.log().to_str().unwrap()), "{verb}: {ran:?}");
    }
}

#[test]
fn a_log_that_is_still_empty_is_sound() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
    assert_eq!(sandbox.run(&["audit", "show"]).stdout, "");
    assert!(!sandbox.log().exists(), "looking writes nothing");
}

#[test]
fn tail_follows_until_it_is_interrupted() {
    let sandbox = filled();
    let mut program = sandbox.program(&["audit", "tail", "--event", "read"]);
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("ping") && next().contains("ping"));
    // Lines of other processes, of which one is wanted.
    sandbox.run(&["call", "no_such_tool"]);
    let mut session: Session = sandbox.serve(&[]);
    session.initialize("2025-06-18");
    session.lives();
    let line = next();
    assert!(line.contains("ping") && line.contains("mcp"), "{line}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = filled();
    for args in [
        &["audit", "show"][..],
        &["audit", "verify"],
        &["tools"],
        &["call", "ping"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let mut program = sandbox.program(args);
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{args:?}");
    }
}
