//! A cloned project with hostile files: whatever stands in it, and whatever its `.mcp.json` has the
//! program started with, nothing is permitted that the user's policy does not permit.

use std::fs;

use crate::support::play::Played;
use crate::support::program::{Ran, Sandbox};

/// The user's rules: what stops is denied, and a restart is confirmed by the built-in ones.
const USERS: &str = r#"
version = 1
[[rule]]
id = "no-stops"
effect = "deny"
match = { op = "stop_container" }
"#;

/// The user's rules: nothing but reads.
const READS_ONLY: &str = r#"
version = 1
base = "replace"
[[rule]]
id = "reads"
effect = "allow"
match = { class = ["read", "sensitive"] }
"#;

/// Rules that would permit everything.
const EVERYTHING: &str = r#"
version = 1
base = "replace"
[[rule]]
id = "everything"
effect = "allow"
match = { class = ["read", "sensitive", "mutate", "destroy", "escalate"] }
"#;

/// What a hostile project brings: files by their paths, arguments and variables. `@` stands for the
/// checkout's folder.
#[derive(Default)]
struct Hostile {
    name: &'static str,
    files: Vec<(&'static str, &'static str)>,
    args: Vec<&'static str>,
    env: Vec<(&'static str, &'static str)>,
}

/// A project's own file with this text.
fn saying(text: &'static str) -> Hostile {
    Hostile { name: text, files: vec![("countersign.toml", text)], ..Hostile::default() }
}

/// Files that would permit everything if they were the user's.
fn evil(name: &'static str) -> Hostile {
    let files = vec![
        ("evil/countersign/policy.toml", EVERYTHING),
        ("evil/.config/countersign/policy.toml", EVERYTHING),
        ("evil.toml", EVERYTHING),
        (".mcp.json", "{}"),
    ];
    Hostile { name, files, ..Hostile::default() }
}

fn naming(name: &'static str, value: &'static str) -> Hostile {
    Hostile { env: vec![(name, value)], ..evil(name) }
}

fn brought() -> Vec<Hostile> {
    let mutate = "match = { class = \"mutate\" }";
    let rule = |id: &str, effect: &str| {
        let rule = format!("version = 1\n[[rule]]\nid = \"{id}\"\neffect = \"{effect}\"\n{mutate}");
        &*rule.leak()
    };
    vec![
        saying(rule("a", "allow")),
        saying(rule("a", "confirm")),
        saying(rule("builtin-mutate", "confirm")),
        saying(rule("no-stops", "confirm")),
        saying("version = 1\n[limits]\ntoken_ttl_seconds = 120"),
        saying("version = 1\nbase = \"replace\""),
        saying("version = 1\n["),
        saying(""),
        Hostile { args: vec!["--policy", "evil.toml"], ..evil("--policy") },
        Hostile { args: vec!["--config", "evil.toml"], ..evil("--config") },
        naming("COUNTERSIGN_POLICY", "evil.toml"),
        naming("COUNTERSIGN_CONFIG", "evil.toml"),
        naming("XDG_CONFIG_HOME", "@/evil"),
        naming("XDG_CONFIG_HOME", "@/../work/evil"),
        naming("XDG_CONFIG_HOME", "evil"),
        naming("HOME", "@/evil"),
    ]
}

fn call(users: &str, hostile: &Hostile, engine: &Played, operation: &str) -> Ran {
    let sandbox = Sandbox::new();
    let own = sandbox.path().join("home/.config/countersign");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("policy.toml"), users).unwrap();
    for (path, text) in &hostile.files {
        let path = sandbox.work().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let address = engine.address();
    let args =
        [&["call", operation, "container=web", "--host", &address], &hostile.args[..]].concat();
    let mut program = sandbox.program(&args);
    for (name, value) in &hostile.env {
        program.env(name, value.replace('@', sandbox.work().to_str().unwrap()));
    }
    Ran::of(program.output().unwrap())
}

#[test]
fn nothing_that_a_checkout_brings_widens() {
    let engine = Played::willing();
    for (users, restart) in [(USERS, 4), (READS_ONLY, 3)] {
        let nothing = Hostile::default();
        assert_eq!(call(users, &nothing, &engine, "restart_container").code, restart);
        assert_eq!(call(users, &nothing, &engine, "stop_container").code, 3);
        for hostile in brought() {
            for (operation, own) in [("restart_container", restart), ("stop_container", 3)] {
                let ran = call(users, &hostile, &engine, operation);
                let name = hostile.name;
                assert!([2, own].contains(&ran.code), "{name}: {operation}: {ran:?}");
                // What would have to be confirmed is shown, as it is without the checkout.
                assert_eq!(ran.stdout.starts_with("Preview: "), ran.code == 4, "{name}: {ran:?}");
                assert_eq!(ran.stdout.is_empty(), ran.code != 4, "{name}: {operation}");
            }
        }
    }
    assert_eq!(engine.changes(), Vec::<String>::new());
}

#[test]
fn a_users_file_that_others_can_write_serves_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let own = sandbox.path().join("home/.config/countersign");
    fs::create_dir_all(&own).unwrap();
    let file = own.join("policy.toml");
    fs::write(&file, USERS).unwrap();
    assert_eq!(sandbox.run(&["tools"]).code, 0);
    for (path, mode, back) in [(&file, 0o666, 0o644), (&own, 0o777, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for verb in [&["mcp"][..], &["tools"], &["call", "ping"], &["doctor"]] {
            let ran = sandbox.run(verb);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{verb:?}: {ran:?}");
            assert!(ran.stderr.contains("chmod go-w"), "{verb:?}: {ran:?}");
        }
        fs::set_permissions(path, fs::Permissions::from_mode(back)).unwrap();
    }
}

#[test]
fn a_checkout_keeps_nobody_from_reading_the_log() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["call", "ping"]).code, 0);
    fs::write(sandbox.work().join("countersign.toml"), "broken").unwrap();
    assert_eq!(sandbox.run(&["call", "ping"]).code, 2);
    for verb in [&["audit", "verify"][..], &["audit", "show"], &["audit", "stats"]] {
        let ran = sandbox.run(verb);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{verb:?}");
    }
    let mut unnamed = sandbox.program(&["audit", "verify"]);
    unnamed.env_remove("AUDIT_DIR");
    assert_eq!(Ran::of(unnamed.output().unwrap()).code, 2, "where it is stands in that file");
}
