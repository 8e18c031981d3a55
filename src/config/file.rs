//! Configuration files: where they are, and what one as a whole says.

use std::path::{Path, PathBuf};

use super::document::{Document, Error, Problems, Span, shown};
use super::read::read_text;
use super::settings::Settings;
use super::table::{Keys, wrong};
use super::{Environment, Flags, cases, rules, syntax};
use crate::core::policy::{Case, Level, Rule, Vocabulary};

/// The system's file.
pub(super) const SYSTEM_FILE: &str = "/etc/countersign/policy.toml";

/// The user's file, as users know it.
pub(super) const USER_FILE: &str = "$XDG_CONFIG_HOME/countersign/policy.toml";

/// The version of files that this program reads.
const VERSION: u32 = 1;

/// The keys of a file.
const KEYS: [&str; 8] = ["version", "base", "engine", "audit", "mcp", "limits", "rule", "test"];

/// A file that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path.
    pub path: PathBuf,
    /// Whose it is.
    pub level: Level,
    /// Whether somebody named it, so that it must exist.
    pub named: bool,
}

/// A file that was read.
#[derive(Debug)]
pub struct File {
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

/// Every file there may be, in the order of their trust: the system's, the user's, the project's.
pub(super) fn sources(flags: &Flags, env: &Environment, cwd: &Path) -> Vec<Source> {
    let mut sources = vec![Source { path: SYSTEM_FILE.into(), level: Level::System, named: false }];
    if let Some(home) = env.config_home() {
        let path = home.join("countersign").join("policy.toml");
        sources.push(Source { path, level: Level::User, named: false });
    }
    let project = |path: PathBuf, named| Source { path, level: Level::Project, named };
    sources.push(match flags.config.as_ref().or(env.config.as_ref()) {
        Some(named) => project(cwd.join(named), true),
        None => project(cwd.join("countersign.toml"), false),
    });
    if let Some(named) = flags.policy.as_ref().or(env.policy.as_ref()) {
        sources.push(project(cwd.join(named), true));
    }
    sources
}

impl File {
    /// Reads the file; none if it is not there and nobody named it.
    ///
    /// # Errors
    /// If it cannot be read, or says what it may not.
    pub fn read(source: &Source, vocabulary: &Vocabulary) -> Result<Option<Self>, Error> {
        match read_text(&source.path, source.level)? {
            Some(text) => Self::parse(source, text, vocabulary).map(Some),
            None if !source.named => Ok(None),
            None => Err(Error::new(format!(
                "{}: there is no such file. Make it or name another.",
                shown(&source.path)
            ))),
        }
    }

    /// Reads a file of this text.
    ///
    /// # Errors
    /// For everything that is wrong with it, each with its place and the mend.
    pub fn parse(source: &Source, text: String, vocabulary: &Vocabulary) -> Result<Self, Error> {
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
