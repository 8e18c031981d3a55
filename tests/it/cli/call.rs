//! `call`: arguments, exit codes and answers, where no terminal is.

use std::fs;

use serde_json::{Value, json};

use crate::support::door::Deed;
use crate::support::play::Played;
use crate::support::program::Sandbox;

#[test]
fn each_way_to_end_has_its_exit_code() {
    let engine = Played::willing();
    let address = engine.address();
    let cases: [(i32, &[&str]); 14] = [
        (0, &["ping"]),
        (0, &["list_containers", "all=true", "limit=5", "--host", &address]),
        (1, &["engine_info"]),
        (1, &["inspect_container", "container=nobody", "--host", "unix:///dev/null"]),
        (2, &["ping", "loud"]),
        (2, &["ping", "loud=1"]),
        (2, &["ping", "a=1", "a=2"]),
        (2, &["list_containers", "limit=many", "--host", &address]),
        (2, &["list_containers", "limit=0", "--host", &address]),
        (2, &["ping", "--args", "[]"]),
        (2, &["ping", "--args", "{"]),
        (2, &["ping", "a=1", "--args", "{}"]),
        (3, &["no_such_tool"]),
        (3, &["restart_container", "container=web", "--read-only", "--host", &address]),
    ];
    for (code, args) in cases {
        let ran = Sandbox::new().run(&[&["call"], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        if code == 0 {
            assert_eq!(ran.stderr, "", "{args:?}");
        } else {
            assert_eq!(ran.stdout, "", "{args:?}");
            assert!(!ran.stderr.is_empty(), "{args:?}");
        }
    }
    assert_eq!(engine.changes(), Vec::<String>::new());
}

#[test]
fn values_are_typed_by_what_the_operation_declares() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    for args in [
        &["call", "list_containers", "all=true", "limit=7", "name=7", "--host", &engine.address()],
        &[
            "call",
            "list_containers",
            "--args",
            r#"{"all": true, "limit": 7, "name": "7"}"#,
            "--host",
            &engine.address(),
        ][..],
    ] {
        let ran = sandbox.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let lines = sandbox.requests();
    assert_eq!(lines[0]["args"]["all"], true);
    assert_eq!(lines[0]["args"]["limit"], 7);
    assert_eq!(lines[0]["args"]["name"], "7");
    assert_eq!(lines[0]["args"], lines[1]["args"]);
    assert_eq!(lines[0]["caller"]["face"], "cli");
    // A value may hold the sign that separates it.
    let ran = sandbox.run(&["call", "check_policy", "operation=a=b"]);
    assert!(ran.stderr.contains("a=b"), "{ran:?}");
}

#[test]
fn an_answer_can_be_had_as_json() {
    let sandbox = Sandbox::new();
    let answer = sandbox.run(&["call", "ping", "--json"]).json();
    assert_eq!((&answer["status"], &answer["text"]), (&json!("ok"), &json!("pong")));
    let refused = sandbox.run(&["call", "no_such_tool", "--json"]);
    assert_eq!((refused.code, &refused.json()["reason"]), (3, &json!("unclassified")));
    assert_eq!(refused.stderr, "");
}

#[test]
fn without_a_terminal_a_change_ends_with_its_preview() {
    for json in [false, true] {
        let (sandbox, engine) = (Sandbox::new(), Played::willing());
        let mut args = vec!["call", "restart_container", "container=web", "--host"];
        let address = engine.address();
        args.push(&address);
        if json {
            args.push("--json");
        }
        let ran = sandbox.run(&args);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stdout.contains("web"), "{ran:?}");
        assert!(!ran.stdout.contains("confirmToken") && !ran.stderr.contains("confirmToken"));
        if json {
            assert_eq!(ran.json()["status"], "confirmation_required");
        } else {
            assert!(ran.stderr.contains("Nothing has changed."), "{ran:?}");
        }
        assert_eq!(engine.changes(), Vec::<String>::new());
        assert_eq!(sandbox.events(), ["preview"]);
        assert_eq!(sandbox.requests()[0].get("expires"), None, "there is no grant");
    }
}

#[test]
fn a_token_that_somebody_made_up_is_refused() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let token = format!("confirmToken={}", "0".repeat(32));
    let address = engine.address();
    let ran =
        sandbox.run(&["call", "restart_container", "container=web", &token, "--host", &address]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(sandbox.requests()[0]["reason"], "token_unknown");
    assert_eq!(engine.changes(), Vec::<String>::new());
}

#[test]
fn without_a_log_nothing_is_done() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.log(), "").unwrap();
    let ran = sandbox.run(&["call", "ping"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("audit log is unavailable"), "{ran:?}");
}

#[test]
fn configuration_that_cannot_be_used_exits_with_two() {
    let sandbox = Sandbox::new();
    let file = sandbox.path().join("bad.toml");
    fs::write(&file, "version = 1\n[mcp]\ntoolset = [\"core\"]\n").unwrap();
    let bad = file.to_str().unwrap();
    for args in [
        &["call", "ping", "--config", "/nonexistent.toml"][..],
        &["call", "ping", "--config", bad],
        &["mcp", "--config", bad],
        &["tools", "--config", bad],
        &["doctor", "--config", bad],
        &["call", "ping", "--toolsets", "kitchen"],
        &["call", "ping", "--log-level", "loud"],
        &["call", "ping", "--log-file", "/nonexistent/folder/file"],
        &["call"],
        &["no-such-verb"],
        &[],
    ] {
        let ran = sandbox.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    let ran = sandbox.run(&["call", "ping", "--config", bad]);
    for words in [bad, "toolset"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    for (name, value) in [("COUNTERSIGN_READ_ONLY", "maybe"), ("COUNTERSIGN_LOG", "loud")] {
        let output = sandbox.program(&["call", "ping"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(name));
    }
    assert!(!sandbox.log().exists());
}

#[test]
fn an_engine_that_is_named_twice_is_none() {
    let ran = Sandbox::new().run(&["call", "engine_info", "--host", "unix:///x", "--context", "y"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn what_programs_read_is_what_the_server_answers() {
    let (sandbox, engine) = (Sandbox::new(), Played::with(|| Deed::HangUp));
    let ran = sandbox.run(&["call", "list_containers", "--json", "--host", &engine.address()]);
    let answer: Value = ran.json();
    assert_eq!(answer["operation"], "list_containers");
    assert!(answer["text"].as_str().unwrap().contains("web"), "{answer}");
}

#[test]
fn pairs_and_json_add_up_and_may_not_contradict() {
    let sandbox = Sandbox::new();
    let json = r#"{"operation":"ping"}"#;
    let both = ["call", "check_policy", "arguments={}", "--args", json];
    assert_eq!(sandbox.run(&both).code, 0);
    let twice = ["call", "check_policy", "operation=ping", "--args", json];
    assert_eq!(sandbox.run(&twice).code, 2);
}
