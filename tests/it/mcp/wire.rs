//! Lines that are no messages: each is answered or noted, and the connection lives on.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::program::{LEGACY, Sandbox, Session, text};

fn session(sandbox: &Sandbox) -> Session {
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    session
}

const TOO_LONG: usize = 16 * 1024 * 1024 + 1;

#[test]
fn a_line_that_is_too_long_is_answered_by_its_id() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let filler = "z".repeat(TOO_LONG);
    let before = format!(
        r#"{{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{{"name":"{filler}"}}}}"#
    );
    let after = format!(
        r#"{{"jsonrpc":"2.0","method":"tools/call","params":{{"id":1,"name":"{filler}"}},"id":"b"}}"#
    );
    for (line, id) in [(before, json!(41)), (after, json!("b"))] {
        session.write(line.as_bytes());
        session.write(b"\n");
        let answer = session.answer(&id);
        assert_eq!(answer["error"]["code"], -32600, "{id}");
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains("16777216 bytes"), "{said}");
        session.lives();
    }
    let (code, _, stderr) = session.end();
    assert_eq!(code, 0);
    assert!(stderr.contains("16777216 bytes"), "{stderr}");
    assert!(!stderr.contains("zzz"));
    let mut events = sandbox.events();
    events.sort();
    assert_eq!(events, ["denied", "denied", "read", "read"]);
    let refused = sandbox.requests().iter().filter(|line| line["reason"] == "limit").count();
    assert_eq!(refused, 2);
}

#[test]
fn the_longest_line_is_still_read() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let around = json!({"jsonrpc": "2.0", "id": 5, "method": "ping", "x": ""}).to_string().len();
    let filler = "z".repeat(16 * 1024 * 1024 - around);
    let line = json!({"jsonrpc": "2.0", "id": 5, "method": "ping", "x": filler}).to_string();
    assert_eq!(line.len(), 16 * 1024 * 1024);
    session.write(line.as_bytes());
    session.write(b"\n");
    assert_eq!(session.answer(&json!(5))["result"], json!({}));
}

#[test]
fn what_is_no_json_is_noted_and_dropped() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let noise: [&[u8]; 5] = [
        b"this is no JSON\n",
        b"{\"jsonrpc\": \"2.0\", \"method\": \"ping\",\n",
        b"\xff\xfe\x00\xc3\x28\n",
        b"{\"jsonrpc\":\"2.0\",\"params\":{\"id\":9},\"method\":\"\xff\"}\n",
        b"\x00\x00\x00\n",
    ];
    for line in noise {
        session.write(line);
        session.lives();
    }
    let (code, rest, stderr) = session.end();
    assert_eq!((code, rest), (0, vec![]));
    assert_eq!(stderr.matches("is no JSON and was dropped").count(), noise.len(), "{stderr}");
}

#[test]
fn what_is_no_json_but_has_an_id_is_answered() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = format!(r#"{{"jsonrpc":"2.0","id":71,"method":"ping","params":{open}{close}}}"#);
    for (line, id) in [
        (deep.as_bytes(), json!(71)),
        (b"{\"jsonrpc\": \"2.0\", \"id\": 72,", json!(72)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"\xff\"}", json!("c")),
    ] {
        session.write(line);
        session.write(b"\n");
        assert_eq!(session.answer(&id)["error"]["code"], -32700, "{id}");
        session.lives();
    }
    assert_eq!(session.end().0, 0);
}

#[test]
fn empty_lines_carriage_returns_and_a_byte_order_mark_are_let_pass() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    session.write(b"\n  \n\r\n\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\"}\r\n");
    assert_eq!(session.answer(&json!(8))["result"], json!({}));
    assert_eq!(session.end(), (0, vec![], String::new()));
}

#[test]
fn json_of_another_shape_is_an_invalid_request() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    for (line, id) in [
        (json!([]), Value::Null),
        (json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]), Value::Null),
        (json!({"jsonrpc": "1.0", "id": 61, "method": "ping"}), json!(61)),
        (json!({"id": 62, "method": "ping"}), json!(62)),
        (json!({"jsonrpc": "2.0", "id": 63}), json!(63)),
        (json!({"jsonrpc": "2.0", "id": 64, "method": 5}), json!(64)),
        (json!({"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}), Value::Null),
        (json!({"jsonrpc": "2.0", "id": [65], "method": "ping"}), Value::Null),
        (json!("ping"), Value::Null),
        (json!(7), Value::Null),
        (Value::Null, Value::Null),
    ] {
        session.send(&line);
        let answer = session.receive();
        assert_eq!(answer["error"]["code"], -32600, "{line}: {answer}");
        assert_eq!(answer["id"], id, "{line}");
        session.lives();
    }
    assert_eq!(session.end(), (0, vec![], String::new()));
}

#[test]
fn notifications_and_answers_that_nobody_asked_for_are_dropped() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    for line in [
        json!({"jsonrpc": "2.0", "method": "notifications/of_no_kind"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": 5}),
        json!({"jsonrpc": "2.0", "id": 12345, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 12346, "error": {"code": -1, "message": "no"}}),
        json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "ping"}}),
    ] {
        session.send(&line);
        session.lives();
    }
    assert_eq!(session.end().1, Vec::<Value>::new());
    assert!(sandbox.events().iter().all(|event| event == "read"));
}

#[test]
fn a_notification_may_come_first() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    session.send(&json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    session.write(b"noise\n");
    assert_eq!(session.initialize(LEGACY)["protocolVersion"], LEGACY);
    session.lives();
    assert_eq!(session.end().0, 0);
}

#[test]
fn the_last_message_needs_no_line_feed() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let call = json!({
        "jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": {"name": "ping"},
    });
    session.write(call.to_string().as_bytes());
    let (code, rest, _) = session.end();
    assert_eq!(code, 0);
    let [answer] = rest.as_slice() else { panic!("{rest:?}") };
    assert_eq!(answer["id"], "last");
    assert_eq!(text(&answer["result"]), "pong");
    assert_eq!(sandbox.events(), ["read"]);
}

#[test]
fn the_last_line_is_answered_and_recorded_even_if_it_is_refused() {
    let long = format!(r#"{{"id":1,"x":"{}"}}"#, "z".repeat(TOO_LONG));
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#;
    for (line, code) in [(long.as_str(), -32600), (call, -32602), ("[]", -32600)] {
        for _ in 0..5 {
            let sandbox = Sandbox::new();
            let mut session = session(&sandbox);
            session.write(line.as_bytes());
            let (status, rest, _) = session.end();
            assert_eq!(status, 0);
            let [answer] = rest.as_slice() else { panic!("{rest:?}") };
            assert_eq!(answer["error"]["code"], code);
            assert_eq!(sandbox.events(), ["denied"]);
        }
    }
}

#[test]
fn a_flood_of_refused_lines_is_answered_and_recorded_whole() {
    const FLOOD: usize = 500;
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":[]}\n";
    session.write(call.repeat(FLOOD).as_bytes());
    let (status, rest, _) = session.end();
    assert_eq!((status, rest.len()), (0, FLOOD));
    assert!(rest.iter().all(|answer| answer["error"]["code"] == -32602));
    assert_eq!(sandbox.events().len(), FLOOD);
}

#[test]
fn a_message_may_come_in_pieces() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    for byte in b"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\"" {
        session.write(&[*byte]);
    }
    assert_eq!(session.answer(&json!(3))["result"], json!({}));
    session.write(b",\"id\":4,\"method\":\"ping\"}\n");
    assert_eq!(session.answer(&json!(4))["result"], json!({}));
}

#[test]
fn one_id_used_twice_leaves_two_lines_and_a_connection() {
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let call = json!({
        "jsonrpc": "2.0", "id": "same", "method": "tools/call", "params": {"name": "ping"},
    });
    session.write(format!("{call}\n{call}\n").as_bytes());
    assert_eq!(text(&session.answer(&json!("same"))["result"]), "pong");
    session.lives();
    assert_eq!(session.end().0, 0);
    assert_eq!(sandbox.events(), ["read", "read", "read"]);
}

#[test]
fn a_crowd_of_requests_is_answered_whole() {
    const CROWD: u64 = 200;
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    let asked: BTreeSet<u64> =
        (0..CROWD).map(|_| session.ask("tools/call", &json!({"name": "ping"}))).collect();
    let answered: BTreeSet<u64> = (0..CROWD)
        .map(|_| {
            let answer = session.receive();
            assert_eq!(text(&answer["result"]), "pong");
            answer["id"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(asked, answered);
    assert_eq!(session.end().0, 0);
    assert_eq!(sandbox.events().len(), usize::try_from(CROWD).unwrap());
    let verified = sandbox.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
}
