//! Both eras of the protocol, and what is not declared in either.

use serde_json::json;

use crate::support::program::{LEGACY, MODERN, Sandbox, data, meta, text};

#[test]
fn every_legacy_revision_is_spoken() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&[]);
        let result = session.initialize(version);
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["serverInfo"]["name"], "countersign");
        assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(result["capabilities"], json!({"tools": {"listChanged": true}}), "{version}");
        assert!(result["instructions"].as_str().unwrap().contains("confirmToken"));
        session.lives();
        assert_eq!(session.end().0, 0);
        let lines = sandbox.requests();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(line["caller"]["client"], "tester");
        assert_eq!(line["caller"]["version"], "7");
        assert_eq!(line["caller"]["face"], "mcp");
    }
}

#[test]
fn a_revision_that_nobody_knows_is_answered_with_one_that_we_know() {
    for version in ["1999-01-01", "", "nonsense", "2026-07-28"] {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&[]);
        assert_eq!(session.initialize(version)["protocolVersion"], "2025-11-25", "{version}");
        session.lives();
    }
}

#[test]
fn modern_requests_need_no_handshake() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    let answer = session.request("server/discover", &json!({"_meta": meta(MODERN)}));
    let result = &answer["result"];
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)), "{answer}");
    assert_eq!(result["capabilities"], json!({"tools": {"listChanged": true}}));
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "countersign");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let listed = session.request("tools/list", &json!({"_meta": meta(MODERN)}));
    assert_eq!(listed["result"]["resultType"], "complete");
    assert_eq!(listed["result"]["cacheScope"], "private");
    assert!(listed["result"]["ttlMs"].is_u64());
    let call = json!({"_meta": meta(MODERN), "name": "ping", "arguments": {}});
    let called = session.request("tools/call", &call);
    assert_eq!(text(&called["result"]), "pong");
    assert_eq!(called["result"]["resultType"], "complete");
    assert_eq!(data(&called["result"])["status"], "ok");
    assert_eq!(session.end().0, 0);
    let lines = sandbox.requests();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["caller"]["client"], "modern");
}

#[test]
fn a_modern_request_may_come_within_a_legacy_session() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    let call = json!({"_meta": meta(MODERN), "name": "ping", "arguments": {}});
    assert_eq!(session.request("tools/call", &call)["result"]["resultType"], "complete");
    let plain = session.request("tools/call", &json!({"name": "ping"}));
    assert_eq!(plain["result"].get("resultType"), None);
}

#[test]
fn a_modern_request_of_another_revision_is_told_which_there_are() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    let answer = session.request("tools/list", &json!({"_meta": meta("2099-01-01")}));
    assert_eq!(answer["error"]["code"], -32022, "{answer}");
    assert_eq!(answer["error"]["data"]["requested"], "2099-01-01");
    assert!(answer["error"]["data"]["supported"].as_array().unwrap().contains(&json!(MODERN)));
    // The connection lives, and another try is served.
    let again = session.request("tools/list", &json!({"_meta": meta(MODERN)}));
    assert!(again["result"]["tools"].is_array());
    let late = session.request("tools/list", &json!({"_meta": meta("2099-01-01")}));
    assert_eq!(late["error"]["code"], -32022, "{late}");
}

#[test]
fn a_request_without_its_metadata_is_refused_and_the_connection_lives() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    let bare = session.request("tools/list", &json!({}));
    assert_eq!(bare["error"]["code"], -32602, "{bare}");
    let mut half = meta(MODERN);
    half.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
    let half = session.request("tools/list", &json!({"_meta": half}));
    assert_eq!(half["error"]["code"], -32602, "{half}");
    let call = session.request("tools/call", &json!({"name": "ping", "arguments": {}}));
    assert_eq!(call["error"]["code"], -32602, "{call}");
    let whole = session.request("tools/list", &json!({"_meta": meta(MODERN)}));
    assert!(whole["result"]["tools"].is_array());
}

#[test]
fn a_ping_of_the_protocol_is_answered_at_any_time() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    assert_eq!(session.request("ping", &json!({}))["result"], json!({}));
    session.initialize(LEGACY);
    assert_eq!(session.request("ping", &json!({}))["result"], json!({}));
}

const LISTEN: &str = "subscriptions/listen";

/// Everything that the protocol knows and that is not declared here, with parameters as they
/// would be right.
const UNDECLARED: [(&str, &str); 15] = [
    ("prompts/list", "{}"),
    ("prompts/get", r#"{"name": "x"}"#),
    ("resources/list", "{}"),
    ("resources/templates/list", "{}"),
    ("resources/read", r#"{"uri": "file:///etc/passwd"}"#),
    ("resources/subscribe", r#"{"uri": "file:///etc/passwd"}"#),
    ("resources/unsubscribe", r#"{"uri": "file:///etc/passwd"}"#),
    (
        "completion/complete",
        r#"{"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}}"#,
    ),
    ("logging/setLevel", r#"{"level": "debug"}"#),
    (LISTEN, r#"{"notifications": {"toolsListChanged": true}}"#),
    ("tasks/get", r#"{"taskId": "x"}"#),
    ("tasks/list", "{}"),
    ("tasks/result", r#"{"taskId": "x"}"#),
    ("tasks/cancel", r#"{"taskId": "x"}"#),
    ("no/such/method", "{}"),
];

#[test]
fn what_is_not_declared_is_no_method_in_either_era() {
    for modern in [false, true] {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&[]);
        if modern {
            session.request("server/discover", &json!({"_meta": meta(MODERN)}));
        } else {
            session.initialize(LEGACY);
        }
        // Subscribing is what the modern era has in place of sessions.
        let undeclared = UNDECLARED.iter().filter(|(method, _)| !modern || *method != LISTEN);
        for (method, params) in undeclared {
            let mut params: serde_json::Value = serde_json::from_str(params).unwrap();
            if modern {
                params["_meta"] = meta(MODERN);
            }
            let answer = session.request(method, &params);
            assert_eq!(answer["error"]["code"], -32601, "{method}, modern {modern}: {answer}");
        }
        let list = if modern { json!({"_meta": meta(MODERN)}) } else { json!({}) };
        assert!(session.request("tools/list", &list)["result"]["tools"].is_array());
    }
}

#[test]
fn a_method_without_parameters_or_with_wrong_ones_is_no_method_either() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    for (method, _) in UNDECLARED {
        for params in [json!({}), json!({"uri": 5, "ref": [], "taskId": {}, "level": "loud"})] {
            let answer = session.request(method, &params);
            assert_eq!(answer["error"]["code"], -32601, "{method} {params}: {answer}");
        }
    }
    session.lives();
}
