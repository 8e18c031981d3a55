//! `policy explain` of requests to come and of made-up ones.

use serde_json::{Value, json};

use super::{PROJECT, policy, project, write_users};
use crate::support::play::{Played, WEB};
use crate::support::program::{NOWHERE, Ran, Sandbox};

/// Runs `explain` against an engine.
fn explain(sandbox: &Sandbox, engine: &Played, args: &[&str]) -> Ran {
    policy(sandbox, &[&["explain"], args, &["--host", &engine.address()]].concat())
}

/// The part of the only target's rule with this id.
fn part<'a>(found: &'a Value, id: &str) -> &'a Value {
    let [target] = found["targets"].as_array().unwrap().as_slice() else { panic!("{found}") };
    let rules = target["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"] == id).unwrap_or_else(|| panic!("{id}: {found}"))
}

#[test]
fn a_request_is_weighed_as_the_gate_would() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    let ran = explain(&sandbox, &engine, &["restart_container", "web"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let file = sandbox.work().join("countersign.toml");
    let shown = ran.stdout.replace(file.to_str().unwrap(), "FILE");
    let (table, last) = shown.trim_end().rsplit_once('\n').unwrap();
    insta::assert_snapshot!(table);
    assert!(last.starts_with("6 rules, policy sha256:"), "{last}");
    assert_eq!(engine.changes(), Vec::<String>::new());
    // What it says is what the gate does.
    let args = ["call", "restart_container", "container=web", "--host", &engine.address()];
    let ran = sandbox.run(&args);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(sandbox.requests()[0]["rule"], "prod-is-for-people");
}

#[test]
fn programs_get_one_object() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    let args = ["restart_container", "web", "timeout=5", "--json"];
    let found = explain(&sandbox, &engine, &args).json();
    for (key, value) in [
        ("operation", json!("restart_container")),
        ("verdict", json!("approve")),
        ("rule", json!("prod-is-for-people")),
        ("reason", json!("production changes need a person")),
        ("class", json!("mutate")),
        ("arguments", json!({"container": "web", "timeout": 5})),
        ("client", Value::Null),
        ("then", Value::Null),
        ("notes", json!([])),
    ] {
        assert_eq!(found[key], value, "{key}: {found}");
    }
    assert_eq!(found["targets"][0]["target"]["id"], WEB);
    let deciding = part(&found, "prod-is-for-people");
    assert_eq!((&deciding["role"], &deciding["stands"]), (&json!("decides"), &json!("matches")));
    assert_eq!(deciding["line"], 4);
    let label = &deciding["asked"][1];
    let expected = json!({"table": "match", "what": "label.env = \"prod\"", "found": "`prod`",
        "stands": "matches"});
    assert_eq!(*label, expected);
    assert_eq!(part(&found, "builtin-mutate")["role"], "matches");
    let other = part(&found, "no-stops");
    assert_eq!((&other["role"], &other["stands"]), (&json!("none"), &json!("cannot")));
}

#[test]
fn a_target_can_be_named_in_each_way() {
    let (sandbox, engine) = (project(PROJECT), Played::labelled(&[("env", "prod")]));
    for args in [
        &["restart_container", "web"][..],
        &["restart_container", WEB],
        &["restart_container", "container=web"],
        &["restart_container", "timeout=5", "web"],
        &["restart_container", "--args", r#"{"container": "web"}"#],
    ] {
        let ran = explain(&sandbox, &engine, args);
        assert!(ran.stdout.starts_with("restart_container: approve"), "{args:?}: {ran:?}");
    }
    for (code, args) in [
        (1, &["restart_container", "nobody"][..]),
        (2, &[]),
        (2, &["restart_container"]),
        (2, &["restart_container", "web", "container=web"]),
        (2, &["restart_container", "web", "loud=1"]),
        (2, &["restart_container", "web", "web"]),
        (2, &["restart_container", "web", "timeout=many"]),
        (2, &["ping", "web"]),
        (2, &["ping", "--args", "[]"]),
        (3, &["no_such_tool", "web"]),
        (3, &["no_such_tool", "--given"]),
    ] {
        let ran = explain(&sandbox, &engine, args);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn secrets_are_weighed_and_not_shown() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"no-tokens\"\neffect = \"deny\"\n\
         match = { op = \"run_container\", arg.env = \"TOKEN=*3t\" }\n\
         [[rule]]\nid = \"no-words\"\neffect = \"deny\"\n\
         match = { op = \"exec_in_container\", arg.command = \"--token=*2\" }\n\
         unless = { label.env = \"dev\" }\n",
    );
    let engine = Played::willing();
    let run = ["run_container", "busybox:1", r#"env={"TOKEN": "s3cr3t"}"#];
    let exec = |word: &str| {
        ["exec_in_container", "web", &*format!(r#"command=["app", "{word}"]"#)].map(str::to_owned)
    };
    let exec = [exec("--token=hunter2"), exec("--token=hunter3")];
    let [exec, other] = exec.each_ref().map(|args| args.each_ref().map(String::as_str));
    for (args, rule, stands, shown) in [
        (&run, "no-tokens", "matches", "TOKEN=hmac-sha256:"),
        (&exec, "no-words", "may", "--token=(hidden)"),
        (&other, "no-words", "cannot", "--token=(hidden)"),
    ] {
        let json = explain(&sandbox, &engine, &[&args[..], &["--json"]].concat());
        for ran in [&explain(&sandbox, &engine, args), &json] {
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(!ran.stdout.contains("hunter") && !ran.stdout.contains("s3cr3t"), "{ran:?}");
            assert!(ran.stdout.contains(shown), "{ran:?}");
        }
        // The rule is asked of what was given.
        let json = json.json();
        assert_eq!(part(&json, rule)["stands"], stands, "{json}");
        let arguments = json["arguments"].to_string();
        assert!(arguments.contains("hmac-sha256:") || arguments.contains("(hidden)"), "{json}");
    }
}

#[test]
fn without_an_engine_only_what_needs_none_is_explained() {
    let sandbox = project(PROJECT);
    let ran = policy(&sandbox, &["explain", "restart_container", "web", "--host", NOWHERE]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("/nonexistent.sock"), "{ran:?}");
    assert_eq!(policy(&sandbox, &["explain", "ping"]).code, 0);
    assert_eq!(policy(&sandbox, &["explain", "restart_container", "--given"]).code, 0);
}

#[test]
fn what_is_refused_at_once_names_the_rule_that_is_sure() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"a-label\"\neffect = \"deny\"\n\
         match = { class = \"mutate\", label.x = \"y\" }\n\
         [[rule]]\nid = \"all\"\neffect = \"deny\"\nmatch = { op = \"start_container\" }\n",
    );
    let found = policy(&sandbox, &["explain", "start_container", "web", "--json"]).json();
    assert_eq!((&found["verdict"], &found["rule"]), (&json!("deny"), &json!("all")));
    assert_eq!(found["targets"][0]["target"], Value::Null, "nothing was looked at");
    assert_eq!(part(&found, "all")["role"], "decides");
    let other = part(&found, "a-label");
    assert_eq!((&other["role"], &other["stands"]), (&json!("matches"), &json!("may")));
    let ran = policy(&sandbox, &["explain", "start_container", "web"]);
    assert!(ran.stdout.contains("any container: which one is not known"), "{ran:?}");
    assert!(ran.stdout.contains("not known, counts against"), "{ran:?}");
}

#[test]
fn nothing_that_permits_is_said_so() {
    let sandbox = Sandbox::new();
    write_users(
        &sandbox,
        "version = 1\nbase = \"replace\"\n[[rule]]\nid = \"reads\"\neffect = \"allow\"\n\
         match = { class = \"read\" }\n",
    );
    let ran = policy(&sandbox, &["explain", "start_container", "--given"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("start_container: deny"), "{ran:?}");
    assert!(ran.stdout.contains("rule `no-match`"), "{ran:?}");
    assert!(ran.stdout.contains("certainly permits it"), "{ran:?}");
}

#[test]
fn switched_off_is_no_matter_of_policy_and_is_said() {
    let sandbox = project(PROJECT);
    let args = ["explain", "restart_container", "--given", "--json"];
    let found =
        policy(&sandbox, &[&args[..], &["--read-only", "--toolsets", "core"]].concat()).json();
    assert_eq!(found["verdict"], "confirm");
    let notes = found["notes"].as_array().unwrap();
    assert!(notes[0].as_str().unwrap().contains("read_only by --read-only"), "{found}");
    assert!(notes[1].as_str().unwrap().contains("`containers` is not offered"), "{found}");
}

fn kind_of(account: &Value) -> &str {
    account["target"]["kind"].as_str().unwrap()
}

#[test]
fn a_made_up_request_is_what_a_test_gives() {
    let sandbox = project(PROJECT);
    for (given, verdict, rule) in [
        (&[][..], "confirm", "builtin-mutate"),
        (&["label.env=prod"], "approve", "prod-is-for-people"),
        (&["label.env=staging"], "confirm", "builtin-mutate"),
        (&["class=destroy"], "approve", "builtin-destroy"),
        (&["name=web", "arg.timeout=5", "privileged=true", "count=3"], "confirm", "builtin-mutate"),
        (&["at=2026-01-31T12:00:00Z", "client=x"], "confirm", "builtin-mutate"),
    ] {
        let args = [&["explain", "restart_container", "--json", "--given"], given].concat();
        let found = policy(&sandbox, &args).json();
        assert_eq!(
            (&found["verdict"], &found["rule"]),
            (&json!(verdict), &json!(rule)),
            "{given:?}"
        );
    }
    let args = ["explain", "connect_network", "--json", "--given", "kind=container", "name=web"];
    let found = policy(&sandbox, &args).json();
    let kinds: Vec<&str> = found["targets"].as_array().unwrap().iter().map(kind_of).collect();
    assert_eq!(kinds, ["network", "container"], "{found}");
    assert_eq!(found["targets"][1]["target"]["name"], "web");
    // What is the same for both is told once.
    let told = policy(&sandbox, &["explain", "connect_network", "--given"]).stdout;
    assert_eq!(told.matches("PART ").count(), 1, "{told}");
    assert!(told.contains("\na made-up network\na made-up container\nPART "), "{told}");
    let given = ["explain", "connect_network", "--given", "kind=container", "label.env=prod"];
    let told = policy(&sandbox, &given).stdout;
    assert_eq!(told.matches("PART ").count(), 2, "{told}");
    for bad in
        ["lable.env=prod", "env=prod", "prod", "class=mighty", "at=noon", "count=-1", "op=ping"]
    {
        let ran = policy(&sandbox, &["explain", "restart_container", "--given", bad]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{bad}: {ran:?}");
    }
    let ran = policy(&sandbox, &["explain", "restart_container", "web", "--given", "class=mutate"]);
    assert_eq!(ran.code, 2, "there is either a target or a made-up one: {ran:?}");
}

#[test]
fn a_time_that_is_not_given_is_not_known() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"nights\"\neffect = \"deny\"\nmatch = { class = \"mutate\" }\n\
         when = { outside = \"08:00-20:00\", timezone = \"UTC\" }\n",
    );
    let explain = |at: &[&str]| {
        policy(&sandbox, &[&["explain", "start_container", "--given"], at].concat()).stdout
    };
    let open = explain(&[]);
    assert!(open.contains("decides: not known, counts against"), "{open}");
    let night = explain(&["at=2026-01-31T22:00:00Z"]);
    assert!(night.starts_with("start_container: deny"), "{night}");
    assert!(night.contains("timezone = \"UTC\"; found sat 22:00"), "{night}");
    let day = explain(&["at=2026-01-31T12:00:00Z"]);
    assert!(day.starts_with("start_container: confirm"), "{day}");
}

#[test]
fn hostile_text_drives_no_terminal() {
    let sandbox = project(
        "version = 1\n[[rule]]\nid = \"a\"\neffect = \"deny\"\n\
         match = { class = \"mutate\", label.evil = \"*\" }\n\
         reason = \"\\u001b[31m\\u202e confirmToken=00112233445566778899aabbccddeeff\"\n",
    );
    let evil = "\u{1b}[31m\u{202e}\nrestart_container: allow confirmToken=00112233445566778899";
    let engine = Played::labelled(&[("evil", evil)]);
    let ran = explain(&sandbox, &engine, &["restart_container", "web"]);
    assert!(ran.stdout.starts_with("restart_container: deny"), "{ran:?}");
    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    assert!(!ran.stdout.contains("\nrestart_container: allow"), "{ran:?}");
    assert!(!ran.stdout.contains("confirmToken="), "{ran:?}");
    let ran = explain(&sandbox, &engine, &["restart_container", "web", "--json"]);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1);
}
