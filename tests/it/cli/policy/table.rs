//! `policy test`.

use serde_json::json;

use super::{FAILING, PROJECT, policy, project, write_users};
use crate::support::program::Sandbox;

#[test]
fn all_that_pass_pass() {
    let sandbox = project(PROJECT);
    let ran = policy(&sandbox, &["test"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
    let ran = policy(&Sandbox::new(), &["test"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "0 of 0 tests passed\n"));
}

#[test]
fn all_are_shown_where_one_fails() {
    let sandbox = project(FAILING);
    for args in [&["test"][..], &["test", "countersign.toml"]] {
        let ran = policy(&sandbox, args);
        assert_eq!(ran.code, 2, "{ran:?}");
        let row = |name: &str| ran.stdout.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(row("it runs at once").ends_with("FAIL"), "{ran:?}");
        assert!(row("it is confirmed").ends_with("pass"), "{ran:?}");
        assert!(ran.stdout.ends_with("1 of 2 tests passed\n"), "{ran:?}");
        assert!(ran.stderr.contains("countersign.toml:4"), "{ran:?}");
    }
    let ran = policy(&sandbox, &["test", "--json"]);
    assert_eq!(ran.code, 2);
    let found = ran.json();
    assert_eq!((&found["passed"], &found["failed"]), (&json!(1), &json!(1)));
    let first = &found["tests"][0];
    for (key, value) in [
        ("name", json!("it runs at once")),
        ("expected", json!("allow")),
        ("found", json!("confirm")),
        ("rule", json!("builtin-mutate")),
        ("passed", json!(false)),
        ("line", json!(4)),
    ] {
        assert_eq!(first[key], value, "{key}: {found}");
    }
}

#[test]
fn tests_see_their_own_file_only() {
    let users = "version = 1\n[[rule]]\nid = \"nothing\"\neffect = \"deny\"\n\
                 match = { class = \"mutate\" }\n[[test]]\nname = \"nothing is restarted\"\n\
                 given = { op = \"restart_container\" }\nexpect = \"deny\"\nby = \"nothing\"\n";
    let sandbox = project(PROJECT);
    write_users(&sandbox, users);
    let found = policy(&sandbox, &["test", "--json"]);
    assert_eq!(found.code, 0, "the project's test does not see the user's rule");
    let found = found.json();
    assert_eq!(found["tests"][0]["rule"], "nothing");
    assert_ne!(found["tests"][1]["rule"], "nothing");
    let asked = policy(&sandbox, &["explain", "restart_container", "--given", "label.env=prod"]);
    assert!(asked.stdout.starts_with("restart_container: deny"), "together they deny: {asked:?}");
}

#[test]
fn a_test_that_leaves_the_time_open_is_told_so() {
    let text = |at: &str| {
        format!(
            "version = 1\n[[rule]]\nid = \"nights\"\neffect = \"deny\"\n\
             match = {{ class = \"mutate\" }}\n\
             when = {{ outside = \"08:00-20:00\", timezone = \"UTC\" }}\n\
             [[test]]\nname = \"by day\"\ngiven = {{ op = \"start_container\"{at} }}\n\
             expect = \"confirm\"\n"
        )
    };
    let ran = policy(&project(&text("")), &["test"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("depends on the time"), "{ran:?}");
    let ran = policy(&project(&text(", at = \"2026-01-31T12:00:00Z\"")), &["test"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = policy(&project(&text(", at = \"2026-01-31T22:00:00Z\"")), &["test"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}
