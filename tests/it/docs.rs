//! The pages: each is whole, links lead somewhere, and what the log says is written down.

use std::fs;
use std::path::{Path, PathBuf};

use countersign::core::record::Event;
use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// Every page, at its place in the repository.
fn pages() -> Vec<PathBuf> {
    let folders = ["", "docs", "audit"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    assert!(pages.len() >= 11, "{pages:?}");
    pages
}

/// Whether a page ends with a sentence, a row of a table or a block, and with its line.
fn is_whole(text: &str) -> bool {
    let blocks = text.lines().filter(|line| line.starts_with("```")).count();
    let last = text.strip_suffix('\n').unwrap_or_default();
    blocks % 2 == 0 && [".", "|", "\n```"].iter().any(|end| last.ends_with(end))
}

#[test]
fn every_page_is_whole() {
    for page in pages() {
        assert!(is_whole(&read(&page)), "{} is cut off", page.display());
    }
}

#[test]
fn a_page_that_is_cut_off_is_seen() {
    for whole in ["Done.\n", "| a | b |\n", "```sh\nls\n```\n"] {
        assert!(is_whole(whole), "{whole}");
        assert!(!is_whole(whole.trim_end()), "{whole} without its line");
        assert!(!is_whole(&format!("{whole}\n")), "{whole} with a line too many");
    }
    for cut in ["", "\n", "A governed socke\n", "- one\n", "# Doors\n", "```sh\nls.\n", "``` |\n"] {
        assert!(!is_whole(cut), "{cut}");
    }
}

/// The name that a heading is linked to by.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#]*)(?:#([^)]*))?\)").unwrap();
    let (mut paths, mut anchors) = (0, 0);
    for page in pages() {
        let text = read(&page);
        for found in link.captures_iter(&text) {
            let there = match &found[1] {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            assert!(there.exists(), "{}: {} is not there", page.display(), &found[0]);
            paths += 1;
            let Some(name) = found.get(2) else { continue };
            let text = read(&there);
            let mut headings = text.lines().filter(|line| line.starts_with('#'));
            let is_there =
                headings.any(|line| anchor(line.trim_matches(['#', ' '])) == name.as_str());
            assert!(is_there, "{}: {} has no such heading", page.display(), &found[0]);
            anchors += 1;
        }
    }
    assert!(paths >= 20 && anchors >= 1, "{paths}, {anchors}");
}

#[test]
fn every_event_and_key_of_the_log_is_written_down() {
    let page = read(&root().join("audit/README.md"));
    let source = read(&root().join("src/core/record.rs"));
    let record = source.split_once("pub struct Record {").unwrap().1.split_once("\n}").unwrap().0;
    let keys = record.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
    let keys: Vec<&str> = keys.map(|(key, _)| key).filter(|key| *key != "log").collect();
    assert!(keys.len() >= 19 && keys.contains(&"approver"), "{keys:?}");
    for word in Event::ALL.map(Event::as_str).iter().chain(&keys) {
        let row = Regex::new(&format!(r"(?m)^\|[^|]*`{word}`[^|]*\|")).unwrap();
        assert!(row.is_match(&page), "`{word}` has no row");
    }
}
