//! Text of anybody's choice drives no terminal and breaks no program, wherever it comes from.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::program::{PATIENCE, Ran, Sandbox};

fn plain(mut program: Command) -> Ran {
    let ran = Ran::of(program.output().unwrap());
    let hidden = |c: &char| *c != '\n' && (c.is_control() || *c == '\u{202e}');
    for said in [&ran.stdout, &ran.stderr] {
        assert_eq!(said.chars().find(hidden), None, "{program:?}: {ran:?}");
    }
    ran
}

/// Adds bytes to the only file of the log.
fn append(sandbox: &Sandbox, bytes: &[u8]) {
    let files = fs::read_dir(sandbox.log()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|p| p.extension().is_some_and(|e| e == "jsonl")).unwrap();
    OpenOptions::new().append(true).open(file).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_file_of_the_project_is_shown_without_driving_the_terminal() {
    for (text, verbs) in [
        ("version = 1\n\u{1b}[31m = \u{9b}2J\n", &[&["doctor"][..], &["mcp"]][..]),
        ("version = 1\n[mcp]\ntoolsets = [\"\\u001b[31m\"]\n", &[&["doctor"], &["tools"]]),
    ] {
        let sandbox = Sandbox::new();
        fs::write(sandbox.work().join("countersign.toml"), text).unwrap();
        for verb in verbs {
            let ran = plain(sandbox.program(verb));
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(ran.stderr.contains("\\u{1b}[31m"), "what is there is shown: {ran:?}");
        }
    }
}

#[test]
fn a_folder_or_address_is_shown_without_driving_the_terminal() {
    let sandbox = Sandbox::new();
    let text = "version = 1\n[audit]\ndir = \"\\u001b[31m/\\u009b\"\n";
    fs::write(sandbox.work().join("countersign.toml"), text).unwrap();
    fs::write(sandbox.work().join("\u{1b}[31m"), "no folder").unwrap();
    for args in [
        &["doctor"][..],
        &["doctor", "--json"],
        &["audit", "verify"],
        &["audit", "verify", "--json"],
        &["audit", "show"],
        &["call", "ping"],
    ] {
        let mut program = sandbox.program(args);
        program.env_remove("AUDIT_DIR").env("DOCKER_HOST", "unix:///\u{1b}[31m.sock");
        let ran = plain(program);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains("[31m"), "{args:?}: {ran:?}");
    }
    fs::remove_file(sandbox.work().join("\u{1b}[31m")).unwrap();
    let mut program = sandbox.program(&["audit", "verify"]);
    program.env_remove("AUDIT_DIR");
    assert!(plain(program).stdout.contains("\\u{1b}[31m"));
}

#[test]
fn a_forged_log_is_shown_without_driving_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.run(&["call", "ping"]);
    let forged = "{\"seq\":3,\"ts\":\"\\u001b[31m\",\"event\":\"\u{202e}\",\"op\":\"\u{9b}2J\",\
                  \"reason\":\"\u{9b}2J\",\"rule\":\"\u{9b}\",\"session\":\"s\",\"req\":\"r\",\
                  \"caller\":{\"face\":\"\u{9b}\"},\"target\":{\"id\":\"\",\"name\":\"\u{9b}\"},\
                  \"prev\":\"sha256:\u{9b}\"}\n";
    append(&sandbox, forged.as_bytes());
    append(&sandbox, forged.replace('\u{202e}', "allowed").as_bytes());
    append(&sandbox, b"\x1b[31m torn \xff\n");
    for args in [&["show"][..], &["stats"], &["verify"]] {
        for json in [&[][..], &["--json"]] {
            plain(sandbox.program(&[&["audit"], args, json].concat()));
        }
    }
    let shown = plain(sandbox.program(&["audit", "show", "--json"])).stdout;
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[2], serde_json::from_str::<Value>(forged).unwrap(), "it says the same");
    let torn = &lines[4]["torn"];
    assert_eq!((&torn["line"], &torn["bytes"]), (&5.into(), &12.into()));
    assert!(torn["sha256"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_tail_whose_reader_went_away_ends() {
    let sandbox = Sandbox::new();
    sandbox.run(&["call", "ping"]);
    let mut child = sandbox
        .program(&["audit", "tail"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    // The reader takes one line and leaves; nothing more is ever written.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("opened"), "{line}");
    let step = std::time::Duration::from_millis(20);
    let mut left = PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        left = left.checked_sub(step).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("it goes on for nobody")
        });
        std::thread::sleep(step);
    };
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(said, "");
}
