//! One configuration file as a whole.

use super::document::{Document, Error, Problems, Span};
use super::found::{SYSTEM_FILE, Source, USER_FILE};
use super::settings::Settings;
use super::table::{Keys, wrong};
use super::{cases, rules, syntax};
use crate::core::policy::{Case, Level, Rule, Vocabulary};

/// The version of files that this program reads.
const VERSION: u32 = 1;

/// The keys of a file.
const KEYS: [&str; 10] =
    ["version", "base", "engine", "audit", "mcp", "limits", "asks", "confirm", "rule", "test"];

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) source: Source,
    pub(super) document: Document,
    pub(super) settings: Settings,
    /// Whether it takes the place of the built-in rules.
    pub(super) replaces: bool,
    /// Its rules, and where the id of each stands.
    pub(super) rules: Vec<(Rule, Span)>,
    /// Its tests, and where the name of each stands.
    pub(super) cases: Vec<(Case, Span)>,
}

impl File {
    /// Reads a file of this text.
    ///
    /// # Errors
    /// For everything that is wrong with it, each with its place and the mend.
    pub(super) fn parse(
        source: &Source,
        text: String,
        vocabulary: &Vocabulary,
    ) -> Result<Self, Error> {
        // A mark of the byte order says nothing in UTF-8, and has no column.
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        let document = Document::new(&source.path, text);
        let level = source.level;
        let mut problems = Problems::default();
        let read = syntax::parse(document.text(), &mut problems).map(|table| {
            let mut top = Keys::new("the file", &table, 0..0, &KEYS, &mut problems);
            version(&mut top);
            let replaces = base(&mut top, level);
            let settings = Settings::read(&mut top, level);
            let rules = rules::read(&mut top, level, &document, vocabulary);
            let cases = cases::read(&mut top, &document, vocabulary);
            (replaces, settings, rules, cases)
        });
        problems.check(&document)?;
        let (replaces, settings, rules, cases) = read.unwrap_or_default();
        Ok(Self { source: source.clone(), document, settings, replaces, rules, cases })
    }
}

fn version(top: &mut Keys<'_, '_>) {
    let Some((_, node)) = top.get("version") else {
        return top.missing("version", "Begin it with `version = 1`.");
    };
    if super::table::integer(node.get_ref()) != Some(VERSION.into()) {
        top.problems().add(&node.span(), || {
            wrong("version", "1, the version that this program reads", node.get_ref())
        });
    }
}

/// Whether the file takes the place of the built-in rules.
fn base(top: &mut Keys<'_, '_>, level: Level) -> bool {
    let Some((key, node)) = top.get("base") else { return false };
    if level == Level::Project {
        top.problems().add(&key, || {
            format!(
                "A project's file may not say `base`: it restricts what others permit, and takes \
                 nothing away. Say it in {SYSTEM_FILE} or {USER_FILE}."
            )
        });
        return false;
    }
    let replaces = node.get_ref().as_str() == Some("replace");
    if !replaces {
        top.problems().add(&node.span(), || {
            let wanted = "\"replace\", to take the place of the built-in rules, or left out";
            wrong("base", wanted, node.get_ref())
        });
    }
    replaces
}
