//! Calls: the shape of answers, and requests that are wrong in every way.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::{LEGACY, NOWHERE, Sandbox, Session, data, text};

fn session(sandbox: &Sandbox, args: &[&str]) -> Session {
    let mut session = sandbox.serve(args);
    session.initialize(LEGACY);
    session
}

#[test]
fn an_answer_is_text_and_data_for_programs() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    let result = session.call("ping", &json!({}));
    assert_eq!(text(&result), "pong");
    assert_eq!(result["isError"], false);
    assert_eq!(result.get("structuredContent"), None);
    let keys: Vec<&String> = result["_meta"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["countersign/result"]);
    let data = data(&result);
    assert_eq!(data["status"], "ok");
    assert_eq!(data["operation"], "ping");
    assert!(data["plan"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(data["data"], json!({"pong": true}));
    let lines = sandbox.requests();
    assert_eq!(lines.len(), 1, "the answer was on record before it left");
    assert_eq!(lines[0]["event"], "read");
    assert_eq!(lines[0]["op"], "ping");
    assert_eq!(lines[0]["plan"], data["plan"]);
}

/// Calls that are refused, with the reason and with words that their text must hold.
fn refused() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let long = "x".repeat(100_000);
    vec![
        ("no_such_tool", json!({}), "unclassified", "no_such_tool"),
        ("", json!({}), "unclassified", "Error: "),
        ("Ping", json!({}), "unclassified", "Ping"),
        ("ping ", json!({}), "unclassified", "ping"),
        ("../../etc/passwd", json!({}), "unclassified", "Error: "),
        ("ping\u{0}\u{1b}[31m\u{202e}", json!({}), "unclassified", "Error: "),
        ("$(reboot)", json!({"a": 1}), "unclassified", "Error: "),
        ("ping", json!({"loud": true}), "invalid_argument", "loud"),
        ("ping", json!({"confirmToken": "00"}), "invalid_argument", "confirmToken"),
        ("ping", json!({"\u{1b}[2J\u{202e}": 1}), "invalid_argument", "Error: "),
        ("check_policy", json!({}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": 5}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": null}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": ["ping"]}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": {"a": 1}}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": true}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": ""}), "invalid_argument", "operation"),
        ("check_policy", json!({"operation": long}), "invalid_argument", "operation"),
        (
            "check_policy",
            json!({"operation": "ping", "arguments": []}),
            "invalid_argument",
            "arguments",
        ),
        (
            "check_policy",
            json!({"operation": "ping", "arguments": null}),
            "invalid_argument",
            "arguments",
        ),
    ]
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_reason_and_put_on_record() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    for (number, (tool, arguments, reason, words)) in refused().iter().enumerate() {
        let result = session.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}");
        let said = text(&result);
        assert!(said.starts_with("Error: ") && said.contains(words), "{tool}: {said}");
        assert!(said.len() < 2_000, "{} bytes", said.len());
        assert!(!said.contains(['\u{0}', '\u{1b}', '\u{202e}']), "{said:?}");
        assert_eq!(data(&result)["status"], "denied");
        assert_eq!(data(&result)["reason"], *reason, "{tool} {arguments}: {said}");
        let lines = sandbox.requests();
        assert_eq!(lines.len(), number + 1, "one line a refusal");
        let line = &lines[number];
        assert_eq!((&line["event"], &line["reason"]), (&json!("denied"), &json!(reason)));
        assert!(!line.to_string().contains(['\u{0}', '\u{1b}', '\u{202e}']));
    }
    session.lives();
}

#[test]
fn ten_megabytes_are_refused_quickly_and_leave_a_short_line() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    // In a program without optimisation, on a machine that has more to do.
    session.patience = Duration::from_secs(10);
    let huge = "y".repeat(10 * 1024 * 1024);
    for (tool, arguments) in [
        ("check_policy", json!({"operation": huge})),
        ("ping", json!({"loud": huge})),
        (huge.as_str(), json!({})),
    ] {
        let result = session.call(tool, &arguments);
        assert_eq!(result["isError"], true);
        assert_eq!(data(&result)["status"], "denied");
        assert!(result.to_string().len() < 4_000, "{}", result.to_string().len());
    }
    session.lives();
    // That each line is short is seen where they are read.
    assert_eq!(sandbox.events(), ["denied", "denied", "denied", "read"]);
}

#[test]
fn deep_nesting_is_refused_and_the_connection_lives() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    session.write(
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{{\"name\":\
             \"ping\",\"arguments\":{{\"a\":{deep}}}}}}}\n"
        )
        .as_bytes(),
    );
    assert_eq!(session.answer(&json!(77))["error"]["code"], -32700);
    session.lives();
    assert_eq!(session.end().0, 0);
}

#[test]
fn parameters_that_cannot_be_read_are_invalid_and_on_record() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    let wrong = [
        json!({}),
        json!({"name": 5}),
        json!({"name": null}),
        json!({"arguments": {}}),
        json!({"name": "ping", "arguments": [1]}),
        json!({"name": "ping", "arguments": "x"}),
        json!({"name": ["ping"]}),
        json!([]),
    ];
    for (number, params) in wrong.iter().enumerate() {
        let answer = session.request("tools/call", params);
        assert_eq!(answer["error"]["code"], -32602, "{params}: {answer}");
        let lines = sandbox.requests();
        assert_eq!(lines.len(), number + 1, "{params}");
        assert_eq!(lines[number]["event"], "denied");
        assert_eq!(lines[number]["reason"], "invalid_argument");
        assert_eq!(lines[number]["caller"]["face"], "mcp");
    }
    session.send(&json!({"jsonrpc": "2.0", "id": "bare", "method": "tools/call"}));
    assert_eq!(session.answer(&json!("bare"))["error"]["code"], -32602);
    session.lives();
    assert_eq!(sandbox.requests().len(), wrong.len() + 2);
}

#[test]
fn arguments_may_be_left_out() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &[]);
    let answer = session.request("tools/call", &json!({"name": "ping"}));
    assert_eq!(text(&answer["result"]), "pong");
    let answer = session.request("tools/call", &json!({"name": "ping", "arguments": null}));
    assert_eq!(text(&answer["result"]), "pong");
}

#[test]
fn an_engine_that_is_not_there_is_said_with_advice_and_nothing_else_suffers() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &["--host", NOWHERE]);
    for _ in 0..2 {
        let result = session.call("engine_info", &json!({}));
        assert_eq!(result["isError"], true);
        assert_eq!(data(&result)["status"], "failed");
        assert_eq!(data(&result)["reason"], "engine_unavailable");
        for words in ["/nonexistent.sock", "--host"] {
            assert!(text(&result).contains(words), "{}", text(&result));
        }
        session.lives();
    }
    assert_eq!(sandbox.events(), ["denied", "read", "denied", "read"]);
    assert_eq!(sandbox.requests()[0]["reason"], "engine_unavailable");
}

#[test]
fn without_a_log_nothing_is_answered_until_there_is_one() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.log(), "in the way").unwrap();
    let mut session = session(&sandbox, &[]);
    for (tool, arguments) in [("ping", json!({})), ("no_such_tool", json!({}))] {
        let result = session.call(tool, &arguments);
        assert_eq!(result["isError"], true);
        assert_eq!(data(&result)["reason"], "audit_unavailable", "{tool}");
        assert!(!text(&result).contains("pong"));
        assert!(text(&result).contains(sandbox.log().to_str().unwrap()), "{}", text(&result));
    }
    fs::remove_file(sandbox.log()).unwrap();
    session.lives();
    assert_eq!(sandbox.events(), ["read"]);
}

#[test]
fn a_log_of_another_owner_is_refused_until_it_is_ours() {
    if !rustix::process::getuid().is_root() {
        // Nobody else can give a folder away.
        return;
    }
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.log()).unwrap();
    std::os::unix::fs::chown(sandbox.log(), Some(65_534), Some(65_534)).unwrap();
    let mut session = session(&sandbox, &[]);
    let result = session.call("ping", &json!({}));
    assert_eq!(data(&result)["reason"], "audit_unavailable");
    assert!(text(&result).contains("belongs to user 65534"), "{}", text(&result));
    assert_eq!(fs::read_dir(sandbox.log()).unwrap().count(), 0);
    std::os::unix::fs::chown(sandbox.log(), Some(0), Some(0)).unwrap();
    session.lives();
    assert_eq!(sandbox.events(), ["read"]);
}

#[test]
fn read_only_refuses_what_is_not_even_listed() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox, &["--read-only", "--toolsets", "all"]);
    let names = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    assert!(names.as_array().unwrap().iter().all(|t| t["annotations"]["readOnlyHint"] == true));
    let result = session.call("restart_container", &json!({"container": "web"}));
    assert_eq!(result["isError"], true);
    assert_eq!(data(&result)["status"], "denied");
    assert_eq!(data(&result)["reason"], "read_only", "{}", text(&result));
}

#[test]
fn messages_to_people_hold_no_values() {
    const SECRET: &str = "hunter2-in-an-argument";
    const VARIABLE: &str = "hunter2-in-a-variable";
    for level in [&["-q"][..], &["--log-level", "debug"]] {
        let sandbox = Sandbox::new();
        let mut program = sandbox.program(&["mcp"]);
        program.args(level).env("DATABASE_PASSWORD", VARIABLE);
        let mut session = Session::start(&mut program);
        session.initialize(LEGACY);
        session.lives();
        session.call("check_policy", &json!({"operation": "ping", "arguments": {"a": SECRET}}));
        session.call("ping", &json!({SECRET: SECRET}));
        session.call("engine_info", &json!({}));
        session.request("tools/call", &json!({"name": 5, "arguments": {"a": SECRET}}));
        session.write(format!("{{\"password\": {SECRET}}}\n").as_bytes());
        session.write(format!("{{\"password\": \"{SECRET}\"}}\n").as_bytes());
        session.lives();
        let (code, _, stderr) = session.end();
        assert_eq!(code, 0);
        for secret in [SECRET, VARIABLE] {
            assert!(!stderr.contains(secret), "{level:?}: {stderr}");
        }
        assert!(!format!("{:?}", sandbox.lines()).contains(VARIABLE));
        if level == ["-q"] {
            assert_eq!(stderr, "");
        }
    }
}
