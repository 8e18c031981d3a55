//! The rules, each a function from a file to what is wrong with it, and each with a bad sample.

use regex::Regex;

use super::source::{Source, closing, part};

/// What is wrong, in words that begin with the place.
pub(crate) type Findings = Vec<String>;

/// The modules that each layer or adapter may name. `main` and `lib` name all.
const LAYERS: &[(&str, &[&str])] = &[
    ("core", &["core"]),
    ("ports", &["core", "ports"]),
    ("gate", &["core", "ports", "gate"]),
    ("ops", &["core", "ports", "gate", "ops"]),
    ("docker", &["core", "ports", "docker"]),
    ("audit", &["core", "ports", "audit"]),
    ("store", &["core", "ports", "store"]),
    ("trust", &["accounts", "core", "ports", "trust", "way"]),
    ("accounts", &["accounts", "core"]),
    ("way", &["way"]),
    ("host", &["core", "ports", "host"]),
    ("config", &["accounts", "core", "ports", "config", "way"]),
    ("mcp", &["core", "ports", "gate", "ops", "config", "mcp"]),
    (
        "cli",
        &[
            "accounts", "core", "ports", "gate", "ops", "config", "audit", "trust", "way", "mcp",
            "cli",
        ],
    ),
];

pub(crate) fn layers(source: &Source) -> Findings {
    if ["main", "lib"].contains(&source.layer()) {
        return Vec::new();
    }
    let Some((layer, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == source.layer()) else {
        return vec![format!("{}: no layer of this name is declared", source.path)];
    };
    let mut findings = Vec::new();
    let named = Regex::new(r"\b(?:crate|countersign)::\s*(\{|\w+)").unwrap();
    for name in named.captures_iter(&source.code) {
        if !allowed.contains(&&name[1]) {
            findings.push(format!("{}: {layer} may not name `{}`", source.path, &name[0]));
        }
    }
    let climbs = Regex::new(r"\b(?:super::)+").unwrap();
    for climb in climbs.find_iter(&source.code) {
        if climb.as_str().matches("super").count() >= source.depth() {
            findings.push(format!("{}: `{}` leaves {layer}", source.path, climb.as_str()));
        }
    }
    findings
}

#[test]
fn a_layer_that_is_left_is_seen() {
    for (path, bad, good) in [
        ("src/core/x.rs", "use crate::ports::Clock;", "use crate::core::text;"),
        ("src/ports.rs", "fn f() { crate::gate::x() }", "use crate::core::text;"),
        ("src/gate/x.rs", "use crate::{ops, core};", "use crate::ports::Clock;"),
        ("src/ops/a/b.rs", "use crate::docker::X;", "use super::super::when;"),
        ("src/ops/a/b.rs", "use super::super::super::docker;", "use crate::gate::Read;"),
        ("src/docker/mod.rs", "use super::audit;", "use crate::docker::wire;"),
        ("src/mcp/x.rs", "use crate::cli::Output;", "use crate::gate::Gate;"),
        ("src/config.rs", "use crate::gate::Gate;", "use crate::core::operation::Spec;"),
        ("src/web/mod.rs", "", "// crate::gate"),
    ] {
        assert_eq!(layers(&Source::new(path, bad)).len(), 1, "{path}: {bad}");
        if !path.starts_with("src/web") {
            assert_eq!(layers(&Source::new(path, good)), Findings::new(), "{path}: {good}");
        }
    }
}

/// Words of code, and the beginnings of the paths that may hold them.
const HOMES: &[(&str, &[&str])] = &[
    (r"\b(?:bollard|hyper|hyper_util|http_body_util)\b", &["src/docker/"]),
    (r"\brmcp\b", &["src/mcp/"]),
    (r"\brusqlite\b", &["src/store/sqlite"]),
    (r"\bclap(?:_\w+)?\b", &["src/cli/", "src/config.rs", "src/main.rs"]),
    (r"\be?print(?:ln)?!|\bdbg!", &["src/cli/"]),
    (r"\bio::(?:stdout|stderr)\b", &["src/cli/", "src/main.rs"]),
    (
        r"\bgrant::\s*(?:\{[^}]*\b)?(?:issue|approve|redeem|allow|\*)",
        &["src/gate.rs", "src/gate/", "src/core/"],
    ),
    (r"\bcrate::mcp\b", &["src/cli/serve.rs", "src/mcp/"]),
    (r"\bAuditLog\b", &["src/audit/", "src/main.rs"]),
    (r"\bssh_key\b", &["src/core/approval", "src/core/signers", "src/trust/"]),
];

pub(crate) fn homes(source: &Source) -> Findings {
    let away = HOMES.iter().filter(|(_, homes)| !homes.iter().any(|h| source.path.starts_with(h)));
    away.filter_map(|(word, homes)| {
        source.find_code(word, &format!("belongs to {} only", homes.join(", ")))
    })
    .collect()
}

#[test]
fn a_word_away_from_home_is_seen() {
    for (path, bad) in [
        ("src/gate.rs", "use bollard::Docker;"),
        ("src/ops/x.rs", "type T = hyper::Uri;"),
        ("src/cli/mod.rs", "use rmcp::model::Tool;"),
        ("src/store/memory.rs", "use rusqlite::Connection;"),
        ("src/gate.rs", "#[derive(clap::Args)]"),
        ("src/docker/mod.rs", "fn f() { eprintln!(); }"),
        ("src/audit/mod.rs", "fn f() { std::io::stdout(); }"),
        ("src/ops/x.rs", "fn f() { grant::redeem(row) }"),
        ("src/mcp/x.rs", "use crate::core::grant::{Token, issue};"),
        ("src/store/x.rs", "use crate::core::grant::*;"),
        ("src/cli/call.rs", "use crate::mcp;"),
        ("src/cli/audit.rs", "use crate::audit::AuditLog;"),
        ("src/cli/trust.rs", "use ssh_key::PublicKey;"),
    ] {
        assert_eq!(homes(&Source::new(path, bad)).len(), 1, "{path}: {bad}");
    }
    for (path, good) in [
        ("src/docker/x.rs", "use bollard::Docker; use hyper::Uri;"),
        ("src/config.rs", "#[derive(clap::Args)]"),
        ("src/cli/output.rs", "fn f() { println!(); io::stdout(); }"),
        ("src/gate.rs", "fn f() { grant::redeem(row) }"),
        ("src/ops/x.rs", "use crate::core::grant::{Granted, Permit}; // grant::redeem"),
        ("src/gate/x.rs", "const S: &str = \"hyper\";"),
    ] {
        assert_eq!(homes(&Source::new(path, good)), Findings::new(), "{path}: {good}");
    }
}

/// No word of an engine, of a protocol or of the command line stands in the core, be it in a name or
/// in a literal. The names of the faces are what they are.
pub(crate) fn core_words(source: &Source) -> Findings {
    if source.layer() != "core" {
        return Vec::new();
    }
    let foreign = Regex::new(r"(?i)\w*(?:docker|container|mcp|clap)\w*").unwrap();
    let face = |word: &str| source.path == "src/core/plan.rs" && ["Mcp", "mcp"].contains(&word);
    let words = foreign.find_iter(&source.words).map(|word| word.as_str());
    words.filter(|word| !face(word)).map(|word| format!("{}: `{word}`", source.path)).collect()
}

#[test]
fn a_foreign_word_in_the_core_is_seen() {
    for bad in ["struct DockerId;", "fn container() {}", "const K: &str = \"container\";", "Mcp"] {
        assert_eq!(core_words(&Source::new("src/core/x.rs", bad)).len(), 1, "{bad}");
        assert_eq!(core_words(&Source::new("src/ops/x.rs", bad)), Findings::new());
    }
    for good in ["/// Docker.\nstruct Id;", "fn contain() {}"] {
        assert_eq!(core_words(&Source::new("src/core/x.rs", good)), Findings::new(), "{good}");
    }
    let plan = "enum Face { Mcp, McpServer }";
    assert_eq!(core_words(&Source::new("src/core/plan.rs", plan)).len(), 1);
}

/// The functions that `core/grant.rs` offers, in their order. One more is one more way to a permit.
const GRANT_FUNCTIONS: [&str; 21] = [
    "from_random",
    "parse",
    "reveal",
    "hash",
    "as_str",
    "hash",
    "plan",
    "expires",
    "issue",
    "approve",
    "redeem",
    "compare",
    "expired",
    "allow",
    "targets",
    "left_out",
    "plan",
    "assurance",
    "approval",
    "rule",
    "target",
];

/// What no permission may be.
const TRAITS: &str = "Clone|Copy|Default|Deserialize|From|TryFrom|FromStr";

/// Keeps the file that makes permits free of wider ways to one.
pub(crate) fn grant(source: &Source) -> Findings {
    let mut findings = Findings::new();
    let public = Regex::new(r"\bpub(?:\([^)]*\))?\s+(?:const\s+|async\s+)*fn\s+(\w+)").unwrap();
    let functions: Vec<&str> =
        public.captures_iter(&source.code).map(|found| found.get(1).unwrap().as_str()).collect();
    if functions != GRANT_FUNCTIONS {
        findings.push(format!("{}: its public functions are {functions:?}", source.path));
    }
    for name in ["Permit", "Granted", "GrantRow", "Token"] {
        let derives = format!(
            r"#\[derive\([^)]*\b(?:{TRAITS})\b[^)]*\)\]\s*(?:#\[\w+\]\s*)?pub struct {name}\b"
        );
        let implements = format!(r"impl(?:<[^>]*>)? (?:{TRAITS})(?:<[^{{]*>)? for {name}\b");
        let open = format!(r"pub struct {name}\b[^;{{(]*(?:\{{[^}}]*|\([^)]*)\bpub\b");
        for (pattern, what) in [
            (derives, "no permission is copied, made of nothing or read from text"),
            (implements, "no permission is copied, converted or made of nothing"),
            (open, "its fields are private"),
        ] {
            findings.extend(source.find_code(&pattern, what));
        }
    }
    let children = r"\bmod \w+\s*\{";
    findings.extend(source.find_code(children, "a module within could make permits"));
    let files = Regex::new(r"(#\[cfg\(test\)\]\s*)?\bmod \w+;").unwrap();
    for file in files.captures_iter(&source.code).filter(|found| found.get(1).is_none()) {
        findings.push(format!("{}: `{}` could make permits", source.path, &file[0]));
    }
    findings
}

#[test]
fn a_wider_way_to_a_permit_is_seen() {
    let real = include_str!("../../../src/core/grant.rs");
    let of = |text: &str| grant(&Source::new("src/core/grant.rs", text)).len();
    assert_eq!(of(real), 0);
    for bad in [
        "impl Permit { pub(crate) fn forge() -> Self { todo() } }",
        "pub const fn forge() -> Permit { todo() }",
        "impl Default for Permit { }",
        "impl Clone for GrantRow { }",
        "impl<'a> From<&'a Target> for Granted<'a> { }",
        "impl From<[u8; 16]> for Token { }",
        "mod forge { fn f() {} }",
        "mod forge;",
    ] {
        assert_eq!(of(&format!("{real}\n{bad}\n")), 1, "{bad}");
    }
    for (from, to) in [
        (
            "#[derive(Debug)]\n#[must_use]\npub struct Permit",
            "#[derive(Clone, Debug)]\n#[must_use]\npub struct Permit",
        ),
        (
            "#[derive(Debug)]\npub struct GrantRow",
            "#[derive(Debug, Deserialize)]\npub struct GrantRow",
        ),
        ("pub struct Token([u8", "pub struct Token(pub [u8"),
        ("    target: &'a Target,\n}", "    pub target: &'a Target,\n}"),
    ] {
        assert!(real.contains(from), "{from}");
        assert_eq!(of(&real.replacen(from, to, 1)), 1, "{to}");
    }
}

/// Lines of a file, at most.
const FILE_LINES_MAX: usize = 400;

/// Lines of code in a function's body, at most.
const FUNCTION_LINES_MAX: usize = 70;

pub(crate) fn sizes(source: &Source) -> Findings {
    let mut findings = Findings::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!("{}: {lines} lines", source.path));
    }
    let functions = Regex::new(r"\bfn\s+(\w+)[^;{]*\{").unwrap();
    for function in functions.captures_iter(&source.code) {
        let open = function.get(0).unwrap().end() - 1;
        let body = part(&source.code, open..closing(&source.code, open));
        let lines = body.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
        if lines > FUNCTION_LINES_MAX {
            findings.push(format!("{}: `{}` has {lines} lines", source.path, &function[1]));
        }
    }
    findings
}

#[test]
fn what_is_too_long_is_seen() {
    let function = |lines: usize| format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines));
    for (text, wrong) in [
        (function(70), 0),
        (function(71), 1),
        (format!("trait T {{ fn short(); }}\n{}", function(71)), 1),
        ("\n".repeat(400), 0),
        ("\n".repeat(401), 1),
    ] {
        assert_eq!(sizes(&Source::new("src/x.rs", &text)).len(), wrong);
    }
}

/// What every file has, and what none has.
pub(crate) fn manners(source: &Source) -> Findings {
    let mut findings = Findings::new();
    if !source.text.starts_with("//! ") {
        findings.push(format!("{}: its first line is no module doc", source.path));
    }
    findings.extend(source.find_code(r"#!?\[allow\b", "say `expect`, and why"));
    findings.extend(source.find_code(r"\b(?:todo|unimplemented)!", "finish it or leave it"));
    let marks = Regex::new(r"\b(?:TODO|FIXME|XXX|HACK)\b").unwrap();
    findings.extend(marks.find(&source.text).map(|m| format!("{}: {}", source.path, m.as_str())));
    findings
}

#[test]
fn bad_manners_are_seen() {
    for bad in [
        "use std::fs;\n",
        "//! A file.\n#[allow(dead_code)]\nfn f() {}\n",
        "//! A file.\n#![allow(dead_code)]\n",
        "//! A file.\nfn f() { todo!() }\n",
        "//! A file.\n// TODO: more\n",
        "//! A file.\nconst S: &str = \"FIXME\";\n",
    ] {
        assert_eq!(manners(&Source::new("src/x.rs", bad)).len(), 1, "{bad}");
    }
    let good = "//! A file.\n#[expect(dead_code, reason = \"it is\")]\nfn f() {}\n";
    assert_eq!(manners(&Source::new("src/x.rs", good)), Findings::new());
}

/// Each file of an operation holds one, of its own name, and the list holds each once.
pub(crate) fn registry(list: &Source, sources: &[Source]) -> Findings {
    let mut findings = Findings::new();
    let mut count = 0;
    let implements = Regex::new(r"\bimpl (Read|Change|Verb|Prunable|ToAll) for (\w+)").unwrap();
    for source in sources.iter().filter(|source| source.layer() == "ops") {
        let found: Vec<_> = implements.captures_iter(&source.code).collect();
        count += found.len();
        if found.len() > 1 {
            findings.push(format!("{}: more than one operation", source.path));
        }
        for operation in found {
            let (sort, name) = (&operation[1], &operation[2]);
            // Whatever is no read is a change: of its own, or one of a sort.
            let sort = if sort == "Read" { sort } else { "Change" };
            if name.to_lowercase() != source.name().replace('_', "") {
                findings.push(format!("{}: holds {name}", source.path));
            }
            let entry = format!(r"\b{sort}s::<(\w+::\w+<)?\w+::{name}>?>::NEW\b");
            let times = Regex::new(&entry).unwrap().find_iter(&list.code).count();
            if times != 1 {
                findings.push(format!("{}: {name} is listed {times} times", source.path));
            }
        }
    }
    let listed = list.code.matches("::NEW").count();
    if listed != count {
        findings.push(format!("{}: lists {listed} of {count} operations", list.path));
    }
    findings
}

#[test]
fn an_operation_that_is_not_listed_once_is_seen() {
    let stop = || Source::new("src/ops/c/stop_it.rs", "impl Change for StopIt {}");
    let list = |text: &str| Source::new("src/ops/mod.rs", text);
    let once = "&Changes::<c::StopIt>::NEW,";
    assert_eq!(registry(&list(once), &[stop()]), Findings::new());
    for (bad, wrong) in [("", 2), ("&Reads::<c::StopIt>::NEW,", 1)] {
        assert_eq!(registry(&list(bad), &[stop()]).len(), wrong, "{bad}");
    }
    assert_eq!(registry(&list(&once.repeat(2)), &[stop()]).len(), 2);
    let sort = Source::new("src/ops/c/stop_it.rs", "impl Prunable for StopIt {}");
    assert_eq!(registry(&list("&Changes::<c::Prune<c::StopIt>>::NEW,"), &[sort]), Findings::new());
    let other = Source::new("src/ops/c/other.rs", "impl Change for StopIt {}");
    assert_eq!(registry(&list(once), &[other]).len(), 1);
    let two = Source::new("src/ops/c/two.rs", "impl Read for Two {} impl Read for TwoToo {}");
    assert!(
        !registry(&list("&Reads::<c::Two>::NEW, &Reads::<c::TwoToo>::NEW,"), &[two]).is_empty()
    );
}
