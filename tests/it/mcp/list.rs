//! The list of tools, as clients get it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::program::{LEGACY, Sandbox};

/// Tokens that the list may cost, at four characters each: of the default toolsets, and of all.
const TOKENS_MAX: usize = 4_000;
const TOKENS_MAX_OF_ALL: usize = 12_000;

/// Tokens that one tool may cost.
const TOKENS_MAX_OF_ONE: usize = 600;

fn tools(args: &[&str]) -> Vec<Value> {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(args);
    session.initialize(LEGACY);
    let answer = session.request("tools/list", &json!({}));
    assert_eq!(answer["result"].get("nextCursor"), None);
    answer["result"]["tools"].as_array().unwrap().clone()
}

/// Calls `visit` with every schema within a schema, and with the path to it.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            walk(&format!("{path}[]"), &schema[key], visit);
        }
    }
}

#[test]
fn every_tool_says_all_of_itself() {
    let all = tools(&["--toolsets", "all"]);
    let mut names = BTreeSet::new();
    assert!(all.len() >= 3);
    for tool in &all {
        let name = tool["name"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(plain) && name.len() <= 64, "{name}");
        assert!(!tool["title"].as_str().unwrap().is_empty(), "{name}");
        let description = tool["description"].as_str().unwrap();
        assert!(description.ends_with('.') && description.is_ascii(), "{name}: {description}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} has no {hint}");
        }
        assert_eq!(tool.get("outputSchema"), None, "{name}");
        let read_only = tool["annotations"]["readOnlyHint"] == true;
        let destructive = tool["annotations"]["destructiveHint"] == true;
        assert!(!(read_only && destructive), "{name}");
        let takes_token = !tool["inputSchema"]["properties"]["confirmToken"].is_null();
        assert!(read_only || takes_token, "{name} changes something and takes no token");
    }
}

#[test]
fn every_schema_is_plain_and_bounded() {
    for tool in tools(&["--toolsets", "all"]) {
        let (name, schema) = (tool["name"].as_str().unwrap(), &tool["inputSchema"]);
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(schema["additionalProperties"], false, "{name}");
        for word in ["oneOf", "anyOf", "allOf", "$ref", "$defs", "$schema"] {
            assert_eq!(schema.get(word), None, "{name}: {word} at the root");
        }
        assert!(!schema.to_string().contains("uint"), "{name}");
        walk(name, schema, &mut |path, schema| bounded(path, schema, path == name));
    }
}

/// Every argument has a description, one type that is not `null`, and bounds.
fn bounded(path: &str, schema: &Value, root: bool) {
    assert!(schema["type"].is_string(), "{path}: type {}", schema["type"]);
    assert_ne!(schema["type"], "null", "{path}");
    assert!(schema.get("default").is_none_or(|value| !value.is_null()), "{path}");
    let default = &schema["default"];
    let within = |bound: &str, fits: fn(f64, f64) -> bool| match (default, &schema[bound]) {
        (Value::Number(default), Value::Number(bound)) => {
            fits(default.as_f64().unwrap(), bound.as_f64().unwrap())
        }
        _ => true,
    };
    assert!(within("minimum", |d, least| d >= least), "{path}: default {default}");
    assert!(within("maximum", |d, most| d <= most), "{path}: default {default}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(schema["properties"][name.as_str().unwrap()].is_object(), "{path}: {name}");
    }
    let is_element = path.ends_with("[]");
    if !root && !is_element {
        let text = schema["description"].as_str().unwrap_or_else(|| panic!("{path}: undescribed"));
        assert!(text.ends_with('.'), "{path}: {text}");
    }
    match schema["type"].as_str().unwrap() {
        "string" => {
            let bounded = schema["maxLength"].is_u64() || schema["enum"].is_array();
            assert!(bounded, "{path} has no maxLength");
        }
        "integer" | "number" => {
            assert!(schema["minimum"].is_number(), "{path} has no minimum");
            assert!(schema["maximum"].is_number(), "{path} has no maximum");
        }
        "array" => {
            assert!(schema["maxItems"].is_u64(), "{path} has no maxItems");
            assert!(schema["items"]["type"].is_string(), "{path}: of what?");
        }
        "object" if schema["additionalProperties"].is_object() => {
            assert!(schema["maxProperties"].is_u64(), "{path} has no maxProperties");
            let names = &schema["propertyNames"];
            assert!(names["maxLength"].is_u64(), "{path}: names without a maxLength");
            bounded(&format!("{path}[]"), &schema["additionalProperties"], false);
        }
        "boolean" | "object" => {}
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn an_unbounded_argument_is_seen() {
    for bad in [
        json!({"type": "string", "description": "A word."}),
        json!({"type": "string", "description": "A word", "maxLength": 4}),
        json!({"type": "string", "maxLength": 4}),
        json!({"type": "integer", "description": "A number.", "minimum": 1}),
        json!({"type": ["string", "null"], "description": "A word.", "maxLength": 4}),
        json!({"type": "array", "description": "Words."}),
        json!({"type": "array", "description": "Words.", "maxItems": 4}),
        json!({"type": "object", "description": "M.", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "description": "M.", "maxProperties": 2,
            "additionalProperties": {"type": "string", "maxLength": 2}}),
        json!({"type": "object", "description": "M.", "maxProperties": 2,
            "propertyNames": {"maxLength": 2}, "additionalProperties": {"type": "string"}}),
        json!({"type": "integer", "description": "N.", "minimum": 1, "maximum": 2, "default": 3}),
    ] {
        let seen = std::panic::catch_unwind(|| bounded("tool.word", &bad, false));
        assert!(seen.is_err(), "{bad}");
    }
    bounded("t.w", &json!({"type": "string", "description": "A word.", "maxLength": 4}), false);
}

#[test]
fn the_list_is_short_and_always_the_same() {
    let listed = serde_json::to_string(&tools(&[])).unwrap();
    assert!(listed.len() / 4 <= TOKENS_MAX, "{} tokens", listed.len() / 4);
    assert_eq!(listed, serde_json::to_string(&tools(&[])).unwrap());
    let all = tools(&["--toolsets", "all"]);
    let tokens = |value: &[Value]| serde_json::to_string(value).unwrap().len() / 4;
    assert!(tokens(&all) <= TOKENS_MAX_OF_ALL, "{} tokens", tokens(&all));
    for tool in all.chunks(1) {
        assert!(tokens(tool) <= TOKENS_MAX_OF_ONE, "{}: {}", tool[0]["name"], tokens(tool));
    }
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    let first = session.request("tools/list", &json!({}))["result"].clone();
    session.lives();
    assert_eq!(first, session.request("tools/list", &json!({}))["result"]);
}

#[test]
fn there_is_one_page() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    session.initialize(LEGACY);
    let answer = session.request("tools/list", &json!({"cursor": "1"}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(session.request("tools/list", &json!({}))["result"]["tools"].is_array());
}

#[test]
fn read_only_and_toolsets_hide_tools() {
    let names = |args: &[&str]| -> Vec<String> {
        tools(args).iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    for tool in tools(&["--toolsets", "all", "--read-only"]) {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
    assert!(names(&[]).contains(&"ping".to_owned()));
    assert!(names(&["--toolsets", "core"]).contains(&"ping".to_owned()));
    assert!(!names(&["--toolsets", "containers"]).contains(&"ping".to_owned()));
}

#[test]
fn the_list_is_golden() {
    let pages: Vec<String> = tools(&["--toolsets", "all"])
        .iter()
        .map(|tool| serde_json::to_string_pretty(tool).unwrap())
        .collect();
    insta::assert_snapshot!(pages.join("\n"));
}
