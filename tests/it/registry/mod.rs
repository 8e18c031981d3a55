//! The registry: what holds for every operation, what is promised of each, and the page about all.

mod contract;
mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::config::TOOLSETS;
use countersign::gate::{Operation, Registry};
use countersign::ops::ALL;

/// Operations that ask the engine for nothing.
const WITHOUT_ENGINE: [&str; 4] = ["ping", "check_policy", "check_ask", "cancel_ask"];

fn registry() -> Registry {
    Registry::new(ALL, |_| true)
}

/// The names of the arguments, but the token.
fn arguments(operation: &Operation) -> Vec<&str> {
    let properties = operation.schema["properties"].as_object().unwrap();
    properties.keys().map(String::as_str).filter(|name| *name != "confirmToken").collect()
}

#[test]
fn every_declaration_is_consistent_and_named_once() {
    let registry = registry();
    let names: BTreeSet<&str> = registry.iter().map(|operation| &*operation.spec.name).collect();
    assert_eq!(names.len(), ALL.len(), "named twice, or declared as what it is not");
    let places = registry.iter().map(|operation| {
        let toolset = operation.spec.toolset;
        TOOLSETS.iter().position(|known| *known == toolset).unwrap_or_else(|| panic!("{toolset}"))
    });
    assert!(places.is_sorted(), "an operation stands apart from its toolset");
}

#[test]
fn every_operation_is_told_in_short_full_sentences() {
    for operation in registry().iter() {
        let spec = &operation.spec;
        let (name, summary, title) = (&*spec.name, &*spec.summary, &*spec.title);
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(plain) && name.starts_with(|c: char| c != '_'), "{name}");
        assert!(summary.ends_with('.') && !summary.contains("  "), "{name}: {summary}");
        assert!(summary.len() <= 400 && summary.is_ascii(), "{name}: {summary}");
        assert!(title.starts_with(|c: char| c.is_ascii_uppercase()), "{name}: {title}");
        assert!(title.len() <= 40 && !title.ends_with('.'), "{name}: {title}");
    }
}

#[test]
fn every_change_says_on_what_it_acts_and_takes_a_token() {
    for operation in registry().iter() {
        let spec = &operation.spec;
        let properties = &operation.schema["properties"];
        assert_eq!(spec.takes_token(), properties.get("confirmToken").is_some(), "{}", spec.name);
        if spec.class.is_change() {
            assert!(!spec.kinds.is_empty(), "{} changes nothing that has a kind", spec.name);
        }
        let alone = spec.kinds.len() < 2;
        assert!(alone || spec.references.len() <= spec.kinds.len(), "{}", spec.name);
        for reference in spec.references {
            assert!(!spec.kinds.is_empty(), "{}: {reference} is of no kind", spec.name);
            let declared = properties.get(reference);
            let declared = declared.unwrap_or_else(|| panic!("{} has no {reference}", spec.name));
            assert_eq!(declared["type"], "string", "{}: {reference}", spec.name);
        }
    }
}

#[test]
fn every_operation_says_which_engine_api_it_needs() {
    for operation in registry().iter() {
        let (name, since) = (&*operation.spec.name, operation.spec.since_api);
        assert_eq!(since.is_none(), WITHOUT_ENGINE.contains(&name), "{name}: {since:?}");
        if let Some(since) = since {
            let (major, minor) = since.split_once('.').unwrap_or_else(|| panic!("{name}: {since}"));
            assert_eq!((major, minor.parse::<u8>().is_ok()), ("1", true), "{name}: {since}");
        }
    }
}

/// Files below a folder of tests.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// `holds_to_its_plan` shows a change's preview, and tries to break it.
#[test]
fn every_change_is_held_to_its_plan_on_a_real_engine() {
    let texts = sources("ops").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let text: String = texts.filter(|text| text.contains("holds_to_its_plan")).collect();
    for operation in registry().iter().filter(|operation| operation.spec.class.is_change()) {
        let name = &operation.spec.name;
        let tried = text.contains(&format!("\"{name}\""));
        assert!(tried, "there is no trial of {name} in tests/it/ops");
    }
}
