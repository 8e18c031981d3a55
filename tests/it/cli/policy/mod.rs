//! `policy`, `init`, and whatever else the command line says of rules.

mod check;
mod compare;
mod documents;
mod explain;
mod explain_request;
mod init;
mod show;
mod table;

use std::fs;
use std::path::PathBuf;

use crate::support::program::{Ran, Sandbox};

/// A project's rules, with a test.
pub(super) const PROJECT: &str = r#"version = 1

[[rule]]
id = "prod-is-for-people"
effect = "approve"
match = { class = ["mutate", "destroy", "escalate"], label.env = "prod" }
reason = "production changes need a person"

[[rule]]
id = "no-stops"
effect = "deny"
match = { op = "stop_container" }
unless = { label.env = "dev" }

[[test]]
name = "prod asks a person"
given = { op = "restart_container", label.env = "prod" }
expect = "approve"
by = "prod-is-for-people"
"#;

/// A file whose one test fails.
pub(super) const FAILING: &str = r#"version = 1

[[test]]
name = "it runs at once"
given = { op = "restart_container" }
expect = "allow"

[[test]]
name = "it is confirmed"
given = { op = "restart_container" }
expect = "confirm"
"#;

/// Writes a file into the working folder.
pub(super) fn write(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.work().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Writes the user's file.
pub(super) fn write_users(sandbox: &Sandbox, text: &str) -> PathBuf {
    let folder = sandbox.path().join("home/.config/countersign");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("policy.toml");
    fs::write(&path, text).unwrap();
    path
}

/// A sandbox with a project's file.
pub(super) fn project(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    write(&sandbox, "countersign.toml", text);
    sandbox
}

/// Runs `policy` to its end. It never writes a log.
pub(super) fn policy(sandbox: &Sandbox, args: &[&str]) -> Ran {
    let log = sandbox.lines().len();
    let ran = sandbox.run(&[&["policy"], args].concat());
    assert_eq!(sandbox.lines().len(), log, "{args:?} recorded something: {ran:?}");
    ran
}

/// Every sub-verb with arguments that are good wherever the effective policy is.
pub(super) const EVERY: [&[&str]; 4] =
    [&["check"], &["show"], &["test"], &["explain", "restart_container", "--given"]];

#[test]
fn a_broken_file_stops_every_verb_that_would_believe_it() {
    for text in
        ["version = 1\n[[rule]]\n", "version = 2\n", "nonsense", FAILING, "version = 1\n\u{9b}"]
    {
        let sandbox = project(text);
        for args in EVERY.into_iter().filter(|args| text != FAILING || args != &["test"]) {
            for json in [&[][..], &["--json"]] {
                let args = [args, json].concat();
                let ran = policy(&sandbox, &args);
                assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
                assert!(ran.stderr.starts_with("countersign: "), "{args:?}: {ran:?}");
                assert!(ran.stderr.contains("countersign.toml"), "{args:?}: {ran:?}");
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_no_file_is_refused() {
    let sandbox = Sandbox::new();
    let good = write(&sandbox, "good.toml", "version = 1\n");
    let good = good.to_str().unwrap();
    for bad in ["missing.toml", ".", "/dev/null", "\u{1b}[31m"] {
        for args in
            [&["check", bad][..], &["test", bad], &["diff", good, bad], &["diff", bad, good]]
        {
            let ran = policy(&sandbox, args);
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
            assert!(!ran.stderr.contains('\u{1b}'), "{args:?}: {ran:?}");
        }
    }
    let ran = policy(&sandbox, &["check", "missing.toml"]);
    assert!(ran.stderr.contains("missing.toml"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let sandbox = project(PROJECT);
    for args in EVERY {
        let mut program = sandbox.program(&[&["policy"], args].concat());
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = child.wait_with_output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{args:?}");
        assert!(ran.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
