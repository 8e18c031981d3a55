//! `policy explain --req`: requests of the audit log, then and today.

use std::fs;

use serde_json::{Value, json};

use super::{PROJECT, policy, project, write, write_users};
use crate::support::play::{Played, WEB};
use crate::support::program::{NOWHERE, Ran, Sandbox};

/// A rule that denies the third change of a container within a day.
const COUNTING: &str = "version = 1\n[[rule]]\nid = \"twice-a-day\"\neffect = \"deny\"\n\
                        match = { op = \"restart_container\" }\n\
                        when = { at_least = \"2 per 1d\", scope = \"target\" }\n";

/// The `req` of the last line.
fn last_req(sandbox: &Sandbox) -> String {
    sandbox.requests().last().unwrap()["req"].as_str().unwrap().to_owned()
}

fn call(sandbox: &Sandbox, engine: &Played, args: &[&str]) -> String {
    sandbox.run(&[&["call"], args, &["--host", &engine.address()]].concat());
    last_req(sandbox)
}

fn explain(sandbox: &Sandbox, address: &str, req: &str, more: &[&str]) -> Ran {
    policy(sandbox, &[&["explain", "--req", req, "--host", address], more].concat())
}

#[test]
fn what_was_decided_is_told_and_explained() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    let req = call(&sandbox, &engine, &["restart_container", "container=web"]);
    let line = sandbox.requests().pop().unwrap();
    let ran = explain(&sandbox, &engine.address(), &req, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for word in [
        &req,
        line["policy"].as_str().unwrap(),
        "came to denied (approval_unavailable)",
        "rule    prod-is-for-people",
        "The same policy is in force today.",
        "restart_container: approve (class mutate, rule `prod-is-for-people`)",
        &format!("container web (id {WEB}, engine PLAYED)"),
    ] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let found = explain(&sandbox, &engine.address(), &req, &["--json"]).json();
    let then = &found["then"];
    for (key, value) in [
        ("req", json!(req)),
        ("events", json!(["denied"])),
        ("rule", json!("prod-is-for-people")),
        ("reason", json!("approval_unavailable")),
        ("policy", line["policy"].clone()),
        ("class", json!("mutate")),
        ("samePolicy", json!(true)),
    ] {
        assert_eq!(then[key], value, "{key}: {found}");
    }
    assert_eq!(found["arguments"]["container"], WEB, "the id stands for the name");
    assert_eq!(found["at"], then["at"]);
    assert!(
        line["ts"]
            .as_str()
            .unwrap()
            .starts_with(found["at"].as_str().unwrap().trim_end_matches('Z'))
    );
}

#[test]
fn another_policy_of_today_speaks_and_is_said_to() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    let req = call(&sandbox, &engine, &["restart_container", "container=web"]);
    write(&sandbox, "countersign.toml", "version = 1\n");
    let ran = explain(&sandbox, &engine.address(), &req, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("rule    prod-is-for-people"), "{ran:?}");
    assert!(ran.stdout.contains("Another policy is in force today"), "{ran:?}");
    assert!(
        ran.stdout.contains("restart_container: confirm (class mutate, rule `builtin-mutate`)")
    );
    let found = explain(&sandbox, &engine.address(), &req, &["--json"]).json();
    assert_eq!(found["then"]["samePolicy"], false);
}

#[test]
fn a_target_that_is_gone_is_not_known() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    let req = call(&sandbox, &engine, &["restart_container", "container=web"]);
    let other = Played::empty();
    for address in [&other.address(), NOWHERE] {
        let found = explain(&sandbox, address, &req, &["--json"]).json();
        assert_eq!(found["targets"][0]["target"], Value::Null, "{found}");
        assert!(found["notes"][0].as_str().unwrap().contains("is not known now"), "{found}");
        // What is not known counts against it.
        assert_eq!(
            (&found["verdict"], &found["rule"]),
            (&json!("approve"), &json!("prod-is-for-people"))
        );
        assert_eq!(found["targets"][0]["rules"][0]["stands"], "may", "{found}");
    }
}

#[test]
fn a_prune_that_would_find_nothing_now_is_of_what_is_not_known() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"prod-stays\"\neffect = \"deny\"\n\
         match = { class = \"destroy\", label.env = \"prod\" }\n",
    );
    let engine = Played::willing();
    let req = call(&sandbox, &engine, &["prune_images", "--toolsets", "all"]);
    let address = engine.address();
    let asked = policy(&sandbox, &["explain", "prune_images", "--json", "--host", &address]);
    for found in [explain(&sandbox, &address, &req, &["--json"]).json(), asked.json()] {
        assert_eq!((&found["verdict"], &found["rule"]), (&json!("deny"), &json!("prod-stays")));
        assert_eq!(found["targets"][0]["target"], Value::Null, "{found}");
        assert_eq!(found["targets"][0]["rules"][0]["stands"], "may", "{found}");
        let note = found["notes"].to_string();
        assert!(note.contains("There is nothing to prune"), "{found}");
        assert!(note.contains("nothing is known of what it would act on"), "{found}");
    }
}

#[test]
fn what_the_log_hides_is_said_to_be_hidden() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    for (command, hidden) in [(r#"["app","--token=hunter2"]"#, true), (r#"["app","-v"]"#, false)] {
        let arguments = format!(r#"{{"container": "web", "command": {command}}}"#);
        let call = ["exec_in_container", "--toolsets", "all", "--args", &arguments];
        let req = self::call(&sandbox, &engine, &call);
        let ran = explain(&sandbox, &engine.address(), &req, &[]);
        let said = ran.stdout.contains("something else than what was given in `command`");
        assert_eq!((ran.code, said), (0, hidden), "{ran:?}");
        assert!(!ran.stdout.contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn the_past_is_the_one_of_then() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    write_users(&sandbox, COUNTING);
    let mut session = sandbox.serve(&["--host", &engine.address()]);
    session.initialize(crate::support::program::LEGACY);
    let mut restart = || {
        let first = session.call("restart_container", &json!({"container": "web"}));
        let token = crate::support::program::data(&first)["confirmToken"].clone();
        if token.is_null() {
            return first;
        }
        session.call("restart_container", &json!({"container": "web", "confirmToken": token}))
    };
    for _ in 0..3 {
        restart();
    }
    session.end();
    let lines = sandbox.requests();
    let of = |event: &str| {
        let fits = lines.iter().filter(|line| line["event"] == event);
        fits.map(|line| line["req"].as_str().unwrap()).collect::<Vec<_>>()
    };
    let (done, denied) = (of("done"), of("denied"));
    assert_eq!((done.len(), denied.len()), (2, 1), "{lines:?}");
    for (req, verdict, events) in [
        (done[0], "confirm", json!(["allowed", "done"])),
        (done[1], "confirm", json!(["allowed", "done"])),
        (denied[0], "deny", json!(["denied"])),
    ] {
        let found = explain(&sandbox, &engine.address(), req, &["--json"]).json();
        assert_eq!(found["verdict"], verdict, "{found}");
        assert_eq!(found["then"]["events"], events);
        assert_eq!(found["client"], "tester");
    }
}

#[test]
fn what_never_came_to_a_decision_is_told_so() {
    let (sandbox, engine) = (project(PROJECT), Played::willing());
    for (args, reason) in [
        (&["restart_container", "container=nobody"][..], "not_found"),
        (&["restart_container", "loud=1"], "invalid_argument"),
    ] {
        let req = call(&sandbox, &engine, args);
        let found = explain(&sandbox, &engine.address(), &req, &["--json"]).json();
        let then = &found["then"];
        assert_eq!((&then["reason"], &then["rule"]), (&json!(reason), &Value::Null), "{found}");
        assert_eq!((&then["policy"], &then["samePolicy"]), (&Value::Null, &Value::Null));
        let ran = explain(&sandbox, &engine.address(), &req, &[]);
        assert!(ran.stdout.contains("none decided"), "{ran:?}");
    }
    let req = call(&sandbox, &engine, &["no_such_tool"]);
    let ran = explain(&sandbox, &engine.address(), &req, &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("came to denied (unclassified)"), "{ran:?}");
    assert!(ran.stderr.contains("There is no operation `no_such_tool`"), "{ran:?}");
}

#[test]
fn a_request_that_is_not_in_the_log_is_refused() {
    let sandbox = Sandbox::new();
    let ran = explain(&sandbox, NOWHERE, "9f3a0c5d11e2b7a4", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "no log: {ran:?}");
    sandbox.run(&["call", "ping"]);
    let req = last_req(&sandbox);
    assert_eq!(explain(&sandbox, NOWHERE, &req, &[]).code, 0);
    for bad in ["9f3a0c5d11e2b7a4", req.get(..8).unwrap(), "", "\u{1b}[31m"] {
        let ran = explain(&sandbox, NOWHERE, bad, &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{bad:?}: {ran:?}");
        assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
    for args in [&["ping"][..], &["--given"], &["--args", "{}"]] {
        let ran = explain(&sandbox, NOWHERE, &req, args);
        assert_eq!(ran.code, 2, "a request of the log says all of itself: {ran:?}");
    }
}

#[test]
fn a_forged_line_drives_no_terminal() {
    let sandbox = Sandbox::new();
    sandbox.run(&["call", "ping"]);
    let forged = json!({
        "v": 1, "seq": 9, "ts": "2026-01-31T12:00:00Z", "event": "\u{9b}31m", "op": "ping",
        "class": "\u{9b}", "req": "forged", "rule": "\u{202e}", "policy": "\u{1b}[2J", "plan": "x",
        "reason": "\u{1b}", "args": {"\u{1b}": "\u{1b}"},
        "caller": {"face": "\u{9b}", "uid": "no", "client": "\u{1b}[31m"},
        "target": {"id": "\u{1b}", "name": "\u{202e}"},
    });
    let file = fs::read_dir(sandbox.log()).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|p| p.extension().is_some_and(|e| e == "jsonl")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}{forged}\n")).unwrap();
    for more in [&[][..], &["--json"]] {
        let ran = explain(&sandbox, NOWHERE, "forged", more);
        assert_eq!(ran.code, 0, "{ran:?}");
        for hidden in ['\u{1b}', '\u{9b}', '\u{202e}'] {
            assert!(!ran.stdout.contains(hidden), "{hidden:?}: {ran:?}");
        }
    }
}
