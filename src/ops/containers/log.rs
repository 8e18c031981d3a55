//! Reading a log: which lines to keep, how far to search, how to show what was kept.

mod keep;
mod merge;
mod page;
mod scan;

pub(in crate::ops) use merge::Merge;
pub(in crate::ops) use page::{Page, Shape, clean};
pub(in crate::ops) use scan::Scan;

use regex::bytes::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::reason::Fault;
use crate::core::text;
use crate::ports::engine::Stream;

/// What a compiled pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Which streams to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::ops) enum Streams {
    #[default]
    All,
    Stdout,
    Stderr,
}

impl Streams {
    pub(in crate::ops) const fn holds(self, stream: Stream) -> bool {
        match self {
            Self::All => true,
            Self::Stdout => matches!(stream, Stream::Out),
            Self::Stderr => matches!(stream, Stream::Err),
        }
    }
}

/// Compiles a pattern with smart case: without an upper-case letter it fits either case.
///
/// # Errors
/// `invalid_argument` for a pattern that is none, or needs too much memory.
pub(in crate::ops) fn pattern(given: &str) -> Result<Regex, Fault> {
    RegexBuilder::new(given)
        .case_insensitive(!has_upper(given))
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| {
            // What is wrong comes last, after a drawing of where.
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Fault::invalid(format!(
                "`grep` is not a pattern that can be used: {}. It is a regular expression; write \
                 `\\` before . * + ? ( ) [ ] {{ }} | ^ $ to mean the character itself.",
                text::line(why.trim_end_matches('.'), 300)
            ))
        })
}

/// Whether a pattern holds an upper-case letter, apart from those of escapes such as `\S`.
fn has_upper(pattern: &str) -> bool {
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\\' {
            let escape = rest.next();
            if matches!(escape, Some('p' | 'P' | 'x' | 'u' | 'U')) && rest.peek() == Some(&'{') {
                while rest.next().is_some_and(|c| c != '}') {}
            }
        } else if c.is_uppercase() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
