//! `tools`: every operation and what policy says of it.

use serde_json::{Value, json};

use crate::support::program::Sandbox;

fn rows(args: &[&str]) -> Vec<Value> {
    let ran = Sandbox::new().run(&[&["tools", "--json"], args].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn the_table_holds_every_operation() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["tools"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let all = rows(&[]);
    assert_eq!(ran.stdout.lines().count(), all.len() + 1);
    for word in ["NAME", "TOOLSET", "CLASS", "OFFERED", "ENGINE API", "VERDICT"] {
        assert!(ran.stdout.lines().next().unwrap().contains(word), "{word}");
    }
    for (line, row) in ran.stdout.lines().skip(1).zip(&all) {
        for key in ["name", "toolset", "class", "verdict"] {
            assert!(line.contains(row[key].as_str().unwrap()), "{key}: {line}");
        }
    }
    assert!(!sandbox.log().exists(), "listing writes nothing");
}

#[test]
fn verdicts_follow_the_class() {
    for row in rows(&[]) {
        let verdict = row["verdict"].as_str().unwrap();
        let begins = match row["class"].as_str().unwrap() {
            "read" | "sensitive" => "allow",
            "mutate" => "confirm",
            _ => "approve",
        };
        assert!(verdict.starts_with(begins), "{row}");
    }
}

#[test]
fn toolsets_narrow_the_list() {
    let core = rows(&["--toolsets", "core"]);
    assert!(names(&core).contains(&"ping") && !names(&core).contains(&"restart_container"));
    assert!(core.iter().all(|row| row["toolset"] == "core" && row["offered"] == true));
    let all = rows(&["--toolsets", "all"]);
    assert_eq!(names(&all), names(&rows(&[])));
}

#[test]
fn read_only_offers_no_change() {
    for row in rows(&["--read-only", "--toolsets", "all"]) {
        let is_change = ["mutate", "destroy", "escalate"].contains(&row["class"].as_str().unwrap());
        assert_eq!(row["offered"] == false, is_change, "{row}");
        assert_eq!(row["verdict"].as_str().unwrap().contains("read_only"), is_change, "{row}");
    }
}

/// The row of an operation, in a sandbox with this project's file.
fn row(text: &str, name: &str) -> Value {
    let sandbox = super::policy::project(text);
    let ran = sandbox.run(&["tools", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let rows = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.into_iter().find(|row| row["name"] == name).unwrap()
}

fn rule(id: &str, effect: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\neffect = \"{effect}\"\n{rest}\n")
}

#[test]
fn a_verdict_that_depends_names_every_rule_between() {
    let text = format!(
        "version = 1\n{}{}",
        rule("prod", "approve", "match = { class = \"mutate\", label.env = \"prod\" }"),
        rule(
            "nights",
            "deny",
            "match = { class = \"mutate\" }\n\
             when = { outside = \"08:00-20:00\", timezone = \"UTC\" }"
        ),
    );
    let start = row(&text, "start_container");
    let words = "confirm (builtin-mutate) to approve (prod) to deny (nights)";
    assert_eq!(start["verdict"], words);
    assert_eq!((&start["least"], &start["most"]), (&"confirm".into(), &"deny".into()));
    assert_eq!(start["offered"], true);
    assert_eq!(start["rules"][1], json!({"effect": "approve", "id": "prod"}));
    assert_eq!(row(&text, "list_containers")["verdict"], "allow (builtin-reads)");
    let stop = row(&text, "stop_container");
    assert!(stop["verdict"].as_str().unwrap().contains("approve (builtin-destroy, prod)"));
}

#[test]
fn what_policy_denies_for_every_target_is_not_offered() {
    let deny = |rest: &str| format!("version = 1\n{}", rule("none", "deny", rest));
    let all = deny("match = { op = \"stop_container\" }");
    let stop = row(&all, "stop_container");
    assert_eq!((&stop["offered"], &stop["verdict"]), (&false.into(), &"deny (none)".into()));
    assert_eq!(row(&all, "start_container")["offered"], true);
    let some = deny("match = { op = \"stop_container\", name = \"web\" }");
    assert_eq!(row(&some, "stop_container")["offered"], true);
}

#[test]
fn only_verdicts_that_a_request_can_get_are_named() {
    let users = |rest: &str| {
        let sandbox = Sandbox::new();
        let reads = rule("reads", "allow", "match = { class = [\"read\", \"sensitive\"] }");
        let dev = "match = { class = \"destroy\", label.env = \"dev\" }";
        let dev = rule("dev", "confirm", dev);
        let text = format!("version = 1\nbase = \"replace\"\n{reads}{dev}{rest}");
        super::policy::write_users(&sandbox, &text);
        let ran = sandbox.run(&["tools", "remove_container", "--json"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
        ran.json()
    };
    let others = "match = { class = \"destroy\" }\nunless = { label.env = \"dev\" }";
    let all = users(&rule("others", "approve", others));
    assert_eq!(all["verdict"], "confirm (dev) to approve (others)");
    assert_eq!(all["most"], "approve");
    let some =
        "match = { class = \"destroy\", label.env = \"*\" }\nunless = { label.env = \"dev\" }";
    let some = users(&rule("others", "approve", some));
    assert_eq!(some["verdict"], "confirm (dev) to approve (others) to deny (no-match)");
}

#[test]
fn one_operation_is_shown_with_its_arguments() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["tools", "run_container"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let begins = "run_container (class escalate, toolset containers-admin, not offered)\n";
    assert!(ran.stdout.starts_with(begins), "{ran:?}");
    assert!(ran.stdout.contains("\nVerdict: approve (builtin-escalate)\n"), "{ran:?}");
    let line = |name: &str| {
        let mut lines = ran.stdout.lines();
        lines.find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {ran:?}"))
    };
    assert!(line("image ").contains("(needed)"));
    assert!(line("command ").contains("'command=[\"...\", \"...\"]'"));
    assert!(line("labels ").contains("'labels={\"...\": \"...\"}'"));
    assert!(!ran.stdout.contains("confirmToken"));
    let ran = sandbox.run(&["tools", "run_container", "--json"]);
    assert_eq!(ran.json()["inputSchema"]["properties"]["image"]["type"], "string");
    let ran = sandbox.run(&["tools", "run_contaner"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("Did you mean `run_container`?"), "{ran:?}");
    assert!(ran.stderr.len() < 250 && !sandbox.log().exists(), "{ran:?}");
}

#[test]
fn many_rules_are_all_named_for_programs_and_some_for_people() {
    let mut text = String::from("version = 1\n");
    for number in 0..9 {
        let rest = format!("match = {{ op = \"start_container\", name = \"n{number}\" }}");
        text.push_str(&rule(&format!("r{number}"), "deny", &rest));
    }
    let start = row(&text, "start_container");
    let words = "confirm (builtin-mutate) to deny (r0, r1, r2, r3, 5 more)";
    assert_eq!(start["verdict"], words);
    assert_eq!(start["rules"].as_array().unwrap().len(), 10);
}
