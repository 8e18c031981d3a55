//! `doctor`: what is found, and what is said to be wrong.

mod levels;

use std::fs;
use std::os::unix::net::UnixListener;

use serde_json::Value;

use super::policy::{PROJECT, write_users};
use crate::support::play::Played;
use crate::support::program::{Ran, Sandbox};

fn findings(ran: &Ran) -> Vec<(String, String, String)> {
    let of = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let all = ran.json();
    let all = all.as_array().unwrap().iter();
    all.map(|f| (of(f, "about"), of(f, "mark"), of(f, "found"))).collect()
}

#[test]
fn an_engine_that_is_down_is_bad() {
    let ran = Sandbox::new().run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("bad   engine"), "{}", ran.stdout);
    assert!(ran.stdout.contains("/nonexistent.sock (from DOCKER_HOST)"), "{}", ran.stdout);
}

#[test]
fn an_engine_that_answers_is_good() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let ran = sandbox.run(&["doctor", "--json", "--host", &engine.address()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let findings = findings(&ran);
    assert!(findings.iter().all(|(_, mark, _)| mark != "bad"), "{findings:?}");
    let says = |about: &str, words: &str| {
        findings.iter().any(|(a, _, found)| a == about && found.contains(words))
    };
    assert!(says("engine", "(from --host)"), "{findings:?}");
    assert!(says("engine", "20.10.1") && says("engine", "PLAYED"), "{findings:?}");
    // Whoever can open the socket can do without us, and that is said.
    assert!(says("rights", "without Countersign"), "{findings:?}");
    assert!(!sandbox.log().exists(), "looking writes nothing");
}

#[test]
fn an_engine_beside_the_one_that_is_set_is_a_way_around_as_well() {
    let sandbox = Sandbox::new();
    let _engine = UnixListener::bind(sandbox.work().join("docker.sock")).unwrap();
    let mut doctor = sandbox.program(&["doctor", "--json"]);
    let ran = Ran::of(doctor.env("XDG_RUNTIME_DIR", sandbox.work()).output().unwrap());
    let around = |(about, mark, found): &(String, String, String)| {
        about == "rights" && mark == "warn" && found.contains("docker.sock")
    };
    assert!(findings(&ran).iter().any(around), "{ran:?}");
}

#[test]
fn each_setting_names_its_source() {
    let sandbox = Sandbox::new();
    let file = sandbox.work().join("countersign.toml");
    fs::write(&file, "version = 1\n[mcp]\ntoolsets = [\"core\"]\n").unwrap();
    let output = sandbox
        .program(&["doctor", "--json", "--log-level", "info"])
        .env("COUNTERSIGN_READ_ONLY", "true")
        .output()
        .unwrap();
    let findings = findings(&Ran::of(output));
    let settings: Vec<&str> = findings
        .iter()
        .filter(|(about, _, _)| about == "setting")
        .map(|(_, _, found)| found.as_str())
        .collect();
    let log = sandbox.log();
    for expected in [
        &format!("audit.dir = {} (AUDIT_DIR)", log.display()),
        "audit.sync = mutate (default)",
        &format!("mcp.toolsets = core ({})", file.display()),
        "mcp.read_only = true (COUNTERSIGN_READ_ONLY)",
        "limits.token_ttl_seconds = 120 (default)",
        "limits.concurrent_calls = 32 (default)",
        "log level = info (--log-level)",
    ] {
        assert!(settings.contains(&expected), "{expected}: {settings:?}");
    }
    let listed = format!("{} (project): 0 rules, 0 tests passed", file.display());
    assert!(findings.contains(&("policy".into(), "ok".into(), listed)), "{findings:?}");
}

#[test]
fn a_damaged_log_is_bad() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    for _ in 0..3 {
        sandbox.run(&["call", "ping"]);
    }
    let address = engine.address();
    assert_eq!(sandbox.run(&["doctor", "--host", &address]).code, 0);
    super::log::spoil(&sandbox);
    let ran = sandbox.run(&["doctor", "--host", &address]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("bad   audit"), "{}", ran.stdout);
}

/// What is found of the policy, each with its mark.
fn policy(ran: &Ran) -> Vec<(String, String)> {
    let of_policy = findings(ran).into_iter().filter(|(about, ..)| about == "policy");
    of_policy.map(|(_, mark, found)| (mark, found)).collect()
}

/// The warnings about the policy of a sandbox with this user's file.
fn warnings(sandbox: &Sandbox) -> Vec<String> {
    let mut program = sandbox.program(&["doctor", "--json"]);
    let ran = Ran::of(program.env_remove("AUDIT_DIR").output().unwrap());
    let warnings = policy(&ran).into_iter().filter(|(mark, _)| mark == "warn");
    warnings.map(|(_, found)| found).collect()
}

#[test]
fn each_policy_file_is_told_with_its_level_rules_and_tests() {
    let sandbox = Sandbox::new();
    let users = write_users(&sandbox, "version = 1\n");
    fs::write(sandbox.work().join("countersign.toml"), PROJECT).unwrap();
    let found = policy(&sandbox.run(&["doctor", "--json"]));
    let file = sandbox.work().join("countersign.toml");
    for expected in [
        format!("{} (user): 0 rules, 0 tests passed", users.display()),
        format!("{} (project): 2 rules, 1 tests passed", file.display()),
    ] {
        assert!(found.contains(&("ok".into(), expected.clone())), "{expected}: {found:?}");
    }
    assert!(found[0].1.starts_with("6 rules, sha256:"), "{found:?}");
}

#[test]
fn a_rule_that_allows_a_change_is_warned_of() {
    let text = |allow: &str, more: &str| {
        format!(
            "version = 1\nbase = \"replace\"\n[[rule]]\nid = \"loose\"\neffect = \"allow\"\n\
             match = {{ {allow} }}\n{more}"
        )
    };
    let deny =
        "[[rule]]\nid = \"strict\"\neffect = \"deny\"\nmatch = { op = \"stop_container\" }\n";
    let dev = ", label.env = \"dev\"";
    for (allow, more, named) in [
        ("class = \"mutate\"".to_owned(), "", Some("start_container, stop_container")),
        (format!("class = \"mutate\"{dev}"), "", Some("restart_container")),
        (format!("class = \"mutate\"{dev}"), deny, Some("start_container, restart_container")),
        ("class = [\"read\", \"sensitive\"]".to_owned(), "", None),
        ("op = [\"ping\", \"list_containers\"]".to_owned(), "", None),
    ] {
        let sandbox = Sandbox::new();
        write_users(&sandbox, &text(&allow, more));
        let found = warnings(&sandbox);
        let loose = found.iter().find(|found| found.contains("`loose`"));
        match (named, loose) {
            (Some(named), Some(found)) => {
                assert!(found.contains(named) && found.contains("unconfirmed"), "{found}");
            }
            (None, None) => {}
            other => panic!("{allow} {more}: {other:?}"),
        }
    }
}

#[test]
fn counts_in_a_log_that_a_project_can_choose_are_warned_of() {
    let rule = "[[rule]]\nid = \"counting\"\neffect = \"deny\"\nmatch = { class = \"mutate\" }\n\
                when = { at_least = \"5 per 1h\", scope = \"host\" }\n";
    let says = |sandbox: &Sandbox| {
        warnings(sandbox).iter().any(|found| found.contains("counting count in a log"))
    };
    let sandbox = Sandbox::new();
    write_users(&sandbox, &format!("version = 1\n{rule}"));
    assert!(says(&sandbox));
    fs::write(sandbox.work().join("countersign.toml"), "version = 1\n[audit]\ndir = \"x\"\n")
        .unwrap();
    assert!(says(&sandbox), "the project's file says where");
    write_users(&sandbox, &format!("version = 1\n[audit]\ndir = \"log\"\n{rule}"));
    assert!(!says(&sandbox));
    write_users(&sandbox, "version = 1\n");
    assert!(!says(&sandbox), "nothing counts");
}

#[test]
fn a_file_that_the_account_can_write_itself_is_warned_of() {
    let sandbox = Sandbox::new();
    let says = |sandbox: &Sandbox| {
        warnings(sandbox).iter().any(|found| found.contains("this account can write"))
    };
    assert!(!says(&sandbox), "there is no file");
    write_users(&sandbox, "version = 1\n");
    assert!(says(&sandbox));
    assert!(warnings(&sandbox)[0].contains("/etc/countersign/policy.toml"));
}
