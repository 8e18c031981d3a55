//! `doctor`: what is found, and what is said to be wrong.

use std::fs;

use serde_json::Value;

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
    assert!(
        findings
            .iter()
            .any(|(about, _, found)| { about == "file" && found.contains(file.to_str().unwrap()) })
    );
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
