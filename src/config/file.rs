//! Configuration files: their shape, their layers and what each layer may set.

use std::path::PathBuf;

use serde::Deserialize;

use super::Sync;
use super::document::{Document, Error, Span, shown};
use super::found::{SYSTEM_FILE, Source};
use crate::core::policy::{Case, Level, Rule, Vocabulary};
use crate::core::text;

/// What is told of a file's error, in characters.
const ERROR_CHARS_MAX: usize = 2048;

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

impl File {
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
