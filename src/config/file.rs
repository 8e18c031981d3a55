//! Configuration files: their shape, their layers and what each layer may set.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::{Document, Error, Span, shown};
use super::read::read_text;
use super::{Environment, Flags, Sync};
use crate::core::policy::{Case, Level, Rule, Vocabulary};
use crate::core::text;

/// The system's file.
const SYSTEM_FILE: &str = "/etc/countersign/policy.toml";

/// What is told of a file's error, in characters.
const ERROR_CHARS_MAX: usize = 2048;

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
    pub(super) content: Content,
    /// Whether it takes the place of the built-in rules.
    pub(super) replaces: bool,
    /// Its rules, and where the id of each stands.
    pub(super) rules: Vec<(Rule, Span)>,
    /// Its tests, and where the name of each stands.
    pub(super) cases: Vec<(Case, Span)>,
}

/// What a file can say. Whatever else it says is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    version: u32,
    pub(super) engine: Option<Engine>,
    pub(super) audit: Option<Audit>,
    pub(super) mcp: Option<Mcp>,
    pub(super) limits: Option<Limits>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Engine {
    pub(super) host: Option<String>,
    pub(super) context: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) dir: Option<PathBuf>,
    pub(super) sync: Option<Sync>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mcp {
    pub(super) toolsets: Option<Vec<String>>,
    pub(super) read_only: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) token_ttl_seconds: Option<u64>,
    pub(super) concurrent_calls: Option<usize>,
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
    /// If it says what a file of that level may not.
    pub fn parse(source: &Source, text: String, _vocabulary: &Vocabulary) -> Result<Self, Error> {
        let content = parse(&text, source.level)
            .map_err(|why| Error::new(format!("{}: {why}", shown(&source.path))))?;
        Ok(Self {
            source: source.clone(),
            document: Document::new(&source.path, text),
            content,
            replaces: false,
            rules: Vec::new(),
            cases: Vec::new(),
        })
    }
}

fn parse(text: &str, level: Level) -> Result<Content, String> {
    let content: Content = toml::from_str(text).map_err(|error| {
        // It shows the line that it is about.
        let text = text::block(&error.to_string(), ERROR_CHARS_MAX);
        if ["`rule`", "`test`", "`base`"]
            .iter()
            .any(|word| text.contains(&format!("unknown field {word}")))
        {
            format!(
                "{text}This version of Countersign reads no rules: the built-in policy holds. \
                 Remove the rules, so that nobody relies on them."
            )
        } else {
            text
        }
    })?;
    if content.version != 1 {
        return Err(format!("version is {}; this program reads version 1.", content.version));
    }
    if let Some(Engine { host: Some(_), context: Some(_) }) = &content.engine {
        return Err("engine.host and engine.context name two engines; leave one out.".into());
    }
    if level == Level::Project {
        let widening = [
            ("[engine]", content.engine.is_some()),
            ("audit.sync", content.audit.as_ref().is_some_and(|audit| audit.sync.is_some())),
            ("[limits]", content.limits.is_some()),
        ];
        if let Some((key, _)) = widening.iter().find(|(_, set)| *set) {
            return Err(format!(
                "a project's file may not set {key}, since whoever can edit the project could \
                 widen what is allowed. Set it in {SYSTEM_FILE} or in \
                 $XDG_CONFIG_HOME/countersign/policy.toml, or by a flag or variable."
            ));
        }
    }
    Ok(content)
}
