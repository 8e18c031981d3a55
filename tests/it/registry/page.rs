//! `docs/operations.md`, made of the declarations.
//! `INSTA_UPDATE=always cargo test --test it registry::page` renews it.

use std::fmt::Write as _;

use countersign::config::{TOOLSETS, TOOLSETS_DEFAULT};
use countersign::core::operation::Drift;
use countersign::gate::Operation;
use serde_json::Value;

use super::{arguments, registry};
use crate::support::page::document;

const HEAD: &str = "# Operations

Made by the test `registry::page` of the declarations; do not edit. Of each operation: what it does to
the world (its class, and how high it can be raised by what is found), on what it acts, its arguments,
and the engine API that it needs. Every operation but those of class `read` also takes `confirmToken`,
whatever the policy. `countersign tools` shows the same for the policy in force.
";

#[test]
fn the_page_of_operations_is_golden() {
    let registry = registry();
    let mut text = String::from(HEAD);
    for toolset in TOOLSETS {
        let of: Vec<&Operation> = registry.iter().filter(|o| o.spec.toolset == toolset).collect();
        if of.is_empty() {
            continue;
        }
        let shown = if TOOLSETS_DEFAULT.contains(&toolset) { "Offered by default." } else { "" };
        let also = format!("Offered with `--toolsets {toolset}` or `all`.");
        let shown = if shown.is_empty() { &also } else { shown };
        write!(text, "\n## {toolset}\n\n{shown}\n").unwrap();
        for operation in of {
            text.push_str(&section(operation));
        }
    }
    document("operations.md", &text);
}

fn section(operation: &Operation) -> String {
    let spec = &operation.spec;
    let mut text = format!("\n### `{}`\n\n{}. {}\n\n", spec.name, spec.title, spec.summary);
    let class = if spec.ceiling == spec.class {
        format!("`{}`", spec.class)
    } else {
        format!("`{}`, up to `{}` by what is found", spec.class, spec.ceiling)
    };
    writeln!(text, "- class: {class}").unwrap();
    if !spec.kinds.is_empty() {
        let kinds: Vec<&str> = spec.kinds.iter().map(|kind| kind.name).collect();
        let by: Vec<String> = spec.references.iter().map(|name| format!("`{name}`")).collect();
        let by = if by.is_empty() { String::new() } else { format!(", by {}", by.join(" and ")) };
        writeln!(text, "- acts on: {}{by}", kinds.join(", ")).unwrap();
    }
    if spec.class.is_change() {
        let drift = match spec.drift {
            Drift::All => "nothing is done and there is a new preview",
            Drift::Each => "what changed is left alone and said so",
        };
        writeln!(text, "- if a target changed since the preview: {drift}").unwrap();
    }
    writeln!(text, "- hints: {}", hints(operation).join(", ")).unwrap();
    writeln!(text, "- engine API: {}", spec.since_api.unwrap_or("not asked")).unwrap();
    let arguments = arguments(operation);
    if !arguments.is_empty() {
        text.push_str("\n| argument | type | default | bounds | |\n|---|---|---|---|---|\n");
    }
    for name in arguments {
        text.push_str(&row(operation, name));
    }
    text
}

/// The hints that hold, as MCP clients get them.
fn hints(operation: &Operation) -> Vec<&'static str> {
    let tool = countersign::mcp::tools([operation]).remove(0);
    let hints = serde_json::to_value(tool.annotations).unwrap();
    let words = [
        ("readOnlyHint", ["read-only", "changes something"]),
        ("destructiveHint", ["destructive", "not destructive"]),
        ("idempotentHint", ["idempotent", "not idempotent"]),
        ("openWorldHint", ["open world", "closed world"]),
    ];
    words.iter().map(|(hint, words)| words[usize::from(hints[hint] == false)]).collect()
}

fn row(operation: &Operation, name: &str) -> String {
    let declared = &operation.schema["properties"][name];
    let required = operation.schema.get("required").and_then(Value::as_array);
    let default = match declared.get("default") {
        Some(value) => format!("`{value}`"),
        None if required.is_some_and(|all| all.iter().any(|one| one == name)) => "required".into(),
        None => "none".into(),
    };
    let description = declared["description"].as_str().unwrap_or_default().replace('|', "\\|");
    let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let (kind, bounds) = (kind(declared), bounds(declared));
    format!("| `{name}` | {kind} | {default} | {bounds} | {description} |\n")
}

fn kind(declared: &Value) -> String {
    let kind = declared["type"].as_str().unwrap();
    match kind {
        "array" => format!("array of {}", declared["items"]["type"].as_str().unwrap()),
        other => other.to_owned(),
    }
}

/// The bounds in words; those of an array's elements after its own.
fn bounds(declared: &Value) -> String {
    let range = |least: &str, most: &str, of: &str| {
        let (least, most) = (&declared[least], &declared[most]);
        match (least.is_null(), most.is_null()) {
            (_, true) => None,
            (true, false) => Some(format!("at most {most}{of}")),
            (false, false) => Some(format!("{least} to {most}{of}")),
        }
    };
    let words = |all: &Value| {
        let words = all.as_array()?.iter().map(|word| format!("`{}`", word.as_str().unwrap_or("")));
        Some(words.collect::<Vec<_>>().join(", "))
    };
    let items = declared.get("items").or_else(|| declared.get("additionalProperties"));
    let of_items = items.filter(|items| items.is_object()).map(bounds);
    let all = [
        words(&declared["enum"]),
        range("minimum", "maximum", ""),
        range("minLength", "maxLength", " characters"),
        range("minItems", "maxItems", " elements"),
        range("minProperties", "maxProperties", " entries"),
        of_items.filter(|of| !of.is_empty()).map(|of| format!("each {of}")),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
