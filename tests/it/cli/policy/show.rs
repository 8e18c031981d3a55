//! `policy show`.

use serde_json::{Value, json};

use super::{PROJECT, policy, project};
use crate::support::program::Sandbox;

#[test]
fn every_rule_is_shown_with_its_source() {
    let sandbox = project(PROJECT);
    let ran = policy(&sandbox, &["show"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let file = sandbox.work().join("countersign.toml");
    let shown = ran.stdout.replace(file.to_str().unwrap(), "FILE");
    let (table, last) = shown.trim_end().rsplit_once('\n').unwrap();
    insta::assert_snapshot!(table);
    assert!(last.starts_with("6 rules, policy sha256:"), "{last}");
}

#[test]
fn programs_get_one_object() {
    let sandbox = project(PROJECT);
    let found = policy(&sandbox, &["show", "--json"]).json();
    let rules = found["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 6);
    let file = sandbox.work().join("countersign.toml");
    let rule = &rules[4];
    for (key, value) in [
        ("id", json!("prod-is-for-people")),
        ("effect", json!("approve")),
        ("level", json!("project")),
        ("file", json!(file)),
        ("line", json!(4)),
        ("when", Value::Null),
        ("reason", json!("production changes need a person")),
    ] {
        assert_eq!(rule[key], value, "{key}");
    }
    assert_eq!(rule["match"][1], json!({"key": "label.env", "any": ["prod"]}));
    assert_eq!((&rules[0]["file"], &rules[0]["line"]), (&Value::Null, &Value::Null));
    let digest = policy(&sandbox, &["check", "--json"]).json()["policy"].clone();
    assert_eq!(found["policy"], digest);
    let builtin = policy(&Sandbox::new(), &["show", "--json"]).json();
    assert_ne!(builtin["policy"], digest);
}

#[test]
fn text_of_a_file_drives_no_terminal() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"deny\"\n\
         match = { class = \"mutate\", label.x = \"\\u001b\\\\[31m\" }\n\
         reason = \"\\u202e confirmToken=00112233445566778899aabbccddeeff\"\n",
    );
    for args in [&["show"][..], &["show", "--json"]] {
        let ran = policy(&sandbox, args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    }
    let ran = policy(&sandbox, &["show"]);
    assert!(ran.stdout.contains("confirm[outside text]Token"), "{ran:?}");
}
