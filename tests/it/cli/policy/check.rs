//! `policy check`.

use serde_json::json;

use super::{FAILING, PROJECT, policy, project, write, write_users};
use crate::support::program::Sandbox;

#[test]
fn without_a_file_the_builtin_rules_hold() {
    let sandbox = Sandbox::new();
    let ran = policy(&sandbox, &["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("No policy file was found"), "{ran:?}");
    assert!(ran.stdout.contains("4 rules, 4 of them built in; 0 tests passed"), "{ran:?}");
}

#[test]
fn each_effective_file_is_listed() {
    let sandbox = project(PROJECT);
    let users = write_users(
        &sandbox,
        "version = 1\nbase = \"replace\"\n[[rule]]\nid = \"reads\"\neffect = \"allow\"\n\
         match = { class = \"read\" }\n",
    );
    // Without the built-in rules nothing permits a restart, which is no concern of a project's test.
    let ran = policy(&sandbox, &["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("3 rules, the built-in ones are replaced"), "{ran:?}");
    let rules = "version = 1\n[[rule]]\nid = \"no-web\"\neffect = \"deny\"\n\
                 match = { class = \"mutate\", name = \"web\" }\n";
    std::fs::write(&users, rules).unwrap();
    let ran = policy(&sandbox, &["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> =
        ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let (users, projects) = (users.to_str().unwrap(), sandbox.work().join("countersign.toml"));
    assert_eq!(lines[0], ["LEVEL", "RULES", "TESTS", "FILE"]);
    assert_eq!(lines[1], ["user", "1", "0", users]);
    assert_eq!(lines[2], ["project", "2", "1", projects.to_str().unwrap()]);
    assert!(ran.stdout.contains("ok  7 rules, 4 of them built in; 1 tests passed"), "{ran:?}");
    let found = policy(&sandbox, &["check", "--json"]).json();
    assert_eq!(
        found["files"][1],
        json!({"level": "project", "path": projects, "rules": 2, "tests": 1})
    );
    assert_eq!(
        (&found["rules"], &found["builtin"], &found["tests"]),
        (&json!(7), &json!(4), &json!(1))
    );
    assert!(found["policy"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_file_by_itself_says_whose_it_is_taken_for() {
    let sandbox = project("this is not read");
    let allow = "version = 1\nbase = \"replace\"\n[[rule]]\nid = \"a\"\neffect = \"allow\"\nmatch = { class = \"mutate\" }\n";
    write(&sandbox, "policy.toml", allow);
    let ran = policy(&sandbox, &["check", "policy.toml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("a user's file"), "{ran:?}");
    let ran = policy(&sandbox, &["check", "policy.toml", "--level", "project"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(!ran.stderr.contains("Read as"), "{ran:?}");
    let ran = policy(&sandbox, &["check", "policy.toml", "--level", "system"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.contains("system"), "{ran:?}");

    write(&sandbox, "countersign.toml", allow);
    let ran = policy(&sandbox, &["check", "countersign.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("a project's file"), "{ran:?}");
    write(&sandbox, "countersign.toml", PROJECT);
    assert_eq!(policy(&sandbox, &["check", "countersign.toml"]).code, 0);
    let ran = policy(&sandbox, &["check", "--level", "user"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "a level is that of a file: {ran:?}");
}

#[test]
fn a_test_that_fails_refuses_the_file() {
    let sandbox = Sandbox::new();
    write(&sandbox, "policy.toml", FAILING);
    let ran = policy(&sandbox, &["check", "policy.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    for word in ["it runs at once", "policy.toml:4", "confirm", "builtin-mutate"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert!(!ran.stderr.contains("it is confirmed"), "{ran:?}");
}

#[test]
fn settings_are_checked_too() {
    let sandbox = Sandbox::new();
    for (text, good) in [
        ("version = 1\n[limits]\ntoken_ttl_seconds = 10\n", true),
        ("version = 1\n[limits]\ntoken_ttl_seconds = 5\n", false),
        ("version = 1\n[mcp]\ntoolsets = [\"core\"]\n", true),
        ("version = 1\n[mcp]\ntoolsets = [\"cores\"]\n", false),
    ] {
        write(&sandbox, "policy.toml", text);
        let ran = policy(&sandbox, &["check", "policy.toml", "--level", "user"]);
        assert_eq!(ran.code == 0, good, "{text}: {ran:?}");
    }
}

#[test]
fn what_nobody_here_can_give_is_refused_with_its_place_and_a_file_by_itself_is_not() {
    let sandbox = Sandbox::new();
    let rule = |id: &str, takes: &str| {
        format!(
            "version = 1\n[[rule]]\nid = \"{id}\"\neffect = \"approve\"\n\
             match = {{ op = \"restart_container\" }}\n{takes}\n"
        )
    };
    let takes = "approve = { by = \"nobody-of-this-name\" }";
    write(&sandbox, "alone.toml", &rule("alone", takes));
    let ran = policy(&sandbox, &["check", "alone.toml", "--level", "user"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    write_users(&sandbox, &rule("usual", ""));
    assert_eq!(policy(&sandbox, &["check"]).code, 0, "what a rule does not say is no matter");
    write_users(&sandbox, &rule("named", takes));
    let ran = policy(&sandbox, &["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let said = "policy.toml:3:6: Nobody here can give what the rule `named` takes to approve";
    assert!(ran.stderr.contains(said), "{ran:?}");
}
