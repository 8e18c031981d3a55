//! `call`: arguments, exit codes and answers, where no terminal is.

use std::fs;

use serde_json::{Value, json};

use crate::support::door::Deed;
use crate::support::play::Played;
use crate::support::program::{NOWHERE, Sandbox};

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
fn words_without_a_sign_are_what_has_to_be_given() {
    let sandbox = Sandbox::new();
    let toolsets = ["--toolsets", "all", "--host", NOWHERE];
    for (words, arguments) in [
        (&["restart_container", "web"][..], json!({"container": "web", "timeout": 10})),
        (&["stop_container", "timeout=5", "web"], json!({"container": "web", "timeout": 5})),
        (&["rename_container", "web", "www"], json!({"container": "web", "newName": "www"})),
        (
            &["connect_network", "net", "container=web"],
            json!({"network": "net", "container": "web"}),
        ),
        (&["connect_network", "net", "web"], json!({"network": "net", "container": "web"})),
        (&["restart_project", "shop"], json!({"project": "shop"})),
        (&["pull_image", "busybox:9"], json!({"image": "busybox:9"})),
        (&["get_container_stats", "web"], json!({"container": "web"})),
    ] {
        let ran = sandbox.run(&[&["call"], words, &toolsets].concat());
        assert_eq!(ran.code, 1, "there is no engine: {words:?}: {ran:?}");
        let recorded = sandbox.requests().pop().unwrap()["args"].clone();
        for (name, value) in arguments.as_object().unwrap() {
            assert_eq!(recorded[name], *value, "{words:?}: {recorded}");
        }
    }
    let lines = sandbox.lines().len();
    for words in [
        &["restart_container", "web", "db"][..],
        &["restart_container", "web", "container=web"],
        &["ping", "web"],
        &["list_containers", "web"],
        &["exec_in_container", "web", "id"],
    ] {
        let ran = sandbox.run(&[&["call"], words, &toolsets].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words:?}: {ran:?}");
        let helps = ran.stderr.contains("as key=value") || ran.stderr.contains("given twice");
        assert!(helps, "{words:?}: {ran:?}");
    }
    assert_eq!(sandbox.lines().len(), lines, "nothing was asked of the gate");
}

#[test]
fn what_is_not_offered_says_how_it_could_be() {
    let sandbox = Sandbox::new();
    for (operation, says) in [
        ("list_images", "of the toolset `images`, which is not offered here"),
        ("list_images", "`--toolsets default,images`"),
        ("list_image", "Did you mean `list_images`?"),
        ("restart_contaner", "Did you mean `restart_container`?"),
        ("no_such_tool", "`countersign tools` prints all"),
    ] {
        let ran = sandbox.run(&["call", operation]);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{ran:?}");
        assert!(ran.stderr.contains(says) && ran.stderr.len() < 250, "{operation}: {ran:?}");
    }
    assert!(sandbox.requests().iter().all(|line| line["reason"] == "unclassified"));
    let args = ["call", "list_images", "--toolsets", "default,images", "--host", NOWHERE];
    assert_eq!(sandbox.run(&args).code, 1, "it is offered, and there is no engine");
}

#[test]
fn a_value_of_the_wrong_type_is_shown_the_right_one() {
    let sandbox = Sandbox::new();
    for (word, says) in [
        ("labels=nc", "such as {\"name\": \"value\"}"),
        ("command=id", "such as [\"one\", \"two\"]"),
    ] {
        let args = ["call", "run_container", "busybox", word, "--toolsets", "all"];
        let ran = sandbox.run(&args);
        assert!(ran.stderr.contains(says), "{word}: {ran:?}");
    }
    let ran = sandbox.run(&["call", "list_containers", "loud=1"]);
    assert!(ran.stderr.contains("`countersign tools list_containers` prints them"), "{ran:?}");
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
