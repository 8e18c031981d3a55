//! `init`.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::policy;
use crate::support::program::Sandbox;

#[test]
fn what_it_writes_passes_its_own_check() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["init"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for args in [&["check"][..], &["check", "countersign.toml"], &["test"]] {
        let ran = policy(&sandbox, args);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let found = policy(&sandbox, &["check", "--json"]).json();
    assert_eq!(found["files"][0]["level"], "project");
    assert!(found["files"][0]["rules"].as_u64().unwrap() >= 2, "{found}");
    assert!(found["files"][0]["tests"].as_u64().unwrap() >= 2, "{found}");
    assert!(!sandbox.log().exists(), "nothing is recorded");
}

#[test]
fn it_says_how_to_tell_a_client() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["init"]);
    let [json, claude] = ran.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{ran:?}") };
    let json: Value = serde_json::from_str(json).unwrap();
    let program = env!("CARGO_BIN_EXE_countersign");
    assert_eq!(json["mcpServers"]["countersign"]["command"], program);
    assert_eq!(json["mcpServers"]["countersign"]["args"][0], "mcp");
    assert_eq!(claude, format!("claude mcp add countersign -- {program} mcp"));
    assert!(ran.stderr.contains("Write .mcp.json"), "{ran:?}");
    assert!(ran.stderr.contains("policy check"), "{ran:?}");

    fs::write(sandbox.work().join(".mcp.json"), "{}").unwrap();
    fs::remove_file(sandbox.work().join("countersign.toml")).unwrap();
    assert!(sandbox.run(&["init"]).stderr.contains("Add to .mcp.json"));
}

#[test]
fn it_overwrites_nothing() {
    let sandbox = Sandbox::new();
    let path = sandbox.work().join("countersign.toml");
    let elsewhere = sandbox.path().join("elsewhere");
    let refused = |what: &str| {
        let ran = sandbox.run(&["init"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{what}: {ran:?}");
        assert!(ran.stderr.contains("is there already"), "{what}: {ran:?}");
    };
    fs::write(&path, "mine").unwrap();
    refused("a file");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    fs::remove_file(&path).unwrap();

    symlink(&elsewhere, &path).unwrap();
    refused("a link to nowhere");
    assert!(!elsewhere.exists(), "nothing is written through a link");
    fs::write(&elsewhere, "mine").unwrap();
    refused("a link to a file");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine");
    fs::remove_file(&path).unwrap();

    fs::create_dir(&path).unwrap();
    refused("a folder");
}

#[test]
fn a_folder_that_takes_no_file_is_a_failure() {
    let sandbox = Sandbox::new();
    let mut program = sandbox.program(&["init"]);
    // Nobody, root included, makes files here.
    let ran = crate::support::program::Ran::of(program.current_dir("/proc").output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("cannot be written"), "{ran:?}");
}

#[test]
fn it_works_where_the_users_policy_is_broken() {
    let sandbox = Sandbox::new();
    super::write_users(&sandbox, "nonsense");
    assert_eq!(sandbox.run(&["init"]).code, 0);
    assert_eq!(policy(&sandbox, &["check"]).code, 2);
    assert_eq!(policy(&sandbox, &["check", "countersign.toml"]).code, 0);
}
