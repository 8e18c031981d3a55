//! The documented policies: every block of docs/policy.md is read, every command in it is run, and
//! the examples pass their own tests. `INSTA_UPDATE=always` renews what the commands say.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{policy, write, write_users};
use crate::support::page::document;
use crate::support::program::{Ran, Sandbox};

/// The folder that stands for the sandbox's in the document.
const SHOWN_FOLDER: &str = "/home/me/project";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A piece of a document: text between fences with what stands behind the first, or other text.
enum Piece {
    Text(String),
    Block { info: String, body: String },
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            plain.push_str(line);
            continue;
        };
        pieces.push(Piece::Text(std::mem::take(&mut plain)));
        let body = lines.by_ref().take_while(|line| *line != "```\n").collect();
        pieces.push(Piece::Block { info: info.trim_end().to_owned(), body });
    }
    pieces.push(Piece::Text(plain));
    pieces
}

/// Reads a block of TOML as what it says that it is.
fn load(sandbox: &Sandbox, info: &str, body: &str) {
    let words: Vec<&str> = info.split(' ').collect();
    let ["toml", whose, what] = words[..] else { panic!("whose is this? {info}: {body}") };
    let name = if what == "fragment" { "fragment.toml" } else { what };
    let version = if what == "fragment" { "version = 1\n" } else { "" };
    write(sandbox, name, &format!("{version}{body}"));
    let (level, code) = if whose == "refused" { ("user", 2) } else { (whose, 0) };
    let ran = policy(sandbox, &["check", name, "--level", level]);
    assert_eq!(ran.code, code, "{info}: {ran:?}\n{body}");
    // What is effective is what the reader was shown last.
    if what == "fragment" {
        fs::remove_file(sandbox.work().join(name)).unwrap();
    }
}

/// Runs the commands of a block, and gives the block as it should be.
fn run(sandbox: &Sandbox, body: &str) -> String {
    let commands = body.lines().filter_map(|line| line.strip_prefix("$ countersign "));
    let mut out = String::new();
    for command in commands {
        let path = sandbox.path().join("said");
        let said = File::create(&path).unwrap();
        let args: Vec<&str> = command.split(' ').collect();
        let mut program = sandbox.program(&args);
        program.stdout(said.try_clone().unwrap()).stderr(said).status().unwrap();
        let said = fs::read_to_string(&path).unwrap();
        let said = said.replace(sandbox.work().to_str().unwrap(), SHOWN_FOLDER);
        out.push_str(&format!("$ countersign {command}\n{said}"));
    }
    assert!(!out.is_empty(), "no command: {body}");
    out
}

#[test]
fn what_the_policy_page_says_is_so() {
    let text = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let sandbox = Sandbox::new();
    symlink(root().join("examples"), sandbox.work().join("examples")).unwrap();
    let (mut renewed, mut loaded, mut ran) = (String::new(), 0, 0);
    for piece in pieces(&text) {
        match piece {
            Piece::Text(text) => renewed.push_str(&text),
            Piece::Block { info, body } => {
                let body = if info == "console" {
                    ran += 1;
                    run(&sandbox, &body)
                } else {
                    loaded += 1;
                    load(&sandbox, &info, &body);
                    body
                };
                renewed.push_str(&format!("```{info}\n{body}```\n"));
            }
        }
    }
    assert!(loaded >= 10 && ran >= 6, "{loaded} blocks, {ran} commands");
    document("policy.md", &renewed);
}

#[test]
fn the_policies_of_the_readme_are_read() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let sandbox = Sandbox::new();
    let blocks = pieces(&text).into_iter().filter_map(|piece| match piece {
        Piece::Block { info, body } if info == "toml" => Some(body),
        _ => None,
    });
    let blocks: Vec<String> = blocks.collect();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    for body in blocks {
        load(&sandbox, "toml user policy.toml", &body);
    }
}

#[test]
fn a_block_that_is_no_policy_is_seen() {
    let sandbox = Sandbox::new();
    load(&sandbox, "toml user fragment", "[audit]\ndir = \"/log\"\n");
    let bad = |info: &'static str, body: &'static str| {
        std::panic::catch_unwind(|| load(&Sandbox::new(), info, body)).is_err()
    };
    assert!(bad("toml", "version = 1\n"), "it says not whose it is");
    assert!(bad("toml user fragment", "[[rule]]\n"));
    assert!(bad("toml project fragment", "[limits]\n"));
    assert!(bad("toml refused x.toml", "version = 1\n"));
}

fn examples() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("examples/policies")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let names: Vec<&str> = paths.iter().map(|p| p.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["ci", "read-only-audit", "shared-server", "solo-developer"]);
    paths
}

/// The level at which a file's own first lines put it.
fn level(text: &str) -> &'static str {
    let head: String = text.lines().take_while(|line| line.starts_with('#')).collect();
    let says = |place: &str| head.contains(&format!("Put it to {place}"));
    match (says("/etc/countersign/policy.toml"), says("~/.config/countersign/policy.toml")) {
        (true, false) => "system",
        (false, true) => "user",
        _ => panic!("it does not say where to put it: {head}"),
    }
}

#[test]
fn every_example_passes_its_tests_and_each_of_its_rules_decides_one() {
    let sandbox = Sandbox::new();
    for path in examples() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# What it gives:"), "{}", path.display());
        let args = [path.to_str().unwrap(), "--level", level(&text)];
        let ran = policy(&sandbox, &[&["check"], &args[..]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
        let ran = policy(&sandbox, &[&["test", "--json"], &args[..]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let found = ran.json();
        let tests = found["tests"].as_array().unwrap();
        let decided: BTreeSet<&str> =
            tests.iter().map(|test| test["rule"].as_str().unwrap()).collect();
        let ids: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'))
            .collect();
        let idle: Vec<_> = ids.difference(&decided).collect();
        assert!(idle.is_empty(), "{}: no test is decided by {idle:?}", path.display());
    }
}

#[test]
fn a_users_example_is_effective_where_it_says() {
    for path in examples() {
        let text = fs::read_to_string(&path).unwrap();
        if level(&text) != "user" {
            continue;
        }
        let sandbox = Sandbox::new();
        write_users(&sandbox, &text);
        for args in [&["policy", "check"][..], &["tools"]] {
            let mut program = sandbox.program(args);
            // Where rules count, a file that names the log wants no other.
            let ran = Ran::of(program.env_remove("AUDIT_DIR").output().unwrap());
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}: {ran:?}", path.display());
        }
    }
}
