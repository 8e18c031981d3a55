//! What broken files are told, word for word.

use std::fmt::Write as _;
use std::path::Path;

use super::super::{Error, File, Source, build};
use super::vocabulary::vocabulary;
use crate::core::policy::Level;

/// The level that a file of this name is read at.
fn level(name: &str) -> Level {
    if name.starts_with("project-") { Level::Project } else { Level::User }
}

/// Reads a text as a file of that name, up to its tests.
pub(super) fn load(name: &str, text: &str) -> Result<super::super::Stack, Error> {
    let source = Source { path: Path::new(name).to_owned(), level: level(name), named: true };
    let vocabulary = vocabulary();
    build(&[File::parse(&source, text.to_owned(), &vocabulary)?], &vocabulary)?.passed()
}

#[test]
fn broken_files_are_golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/broken");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut told = String::new();
    for name in &names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let error = load(name, &text).expect_err(name);
        writeln!(told, "{error}\n").unwrap();
        assert!(error.problems.iter().all(|problem| problem.position.is_some()), "{name}");
    }
    assert!(names.len() >= 40, "{}", names.len());
    insta::assert_snapshot!(told);
}
