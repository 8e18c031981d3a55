//! A file's text: from spans to places, and what is wrong with it, shown as its reader sees it.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::core::policy::Place;
use crate::core::text;

/// Problems of one file that are told; of more, how many there are.
const PROBLEMS_MAX: usize = 20;

/// What is told of one problem, in characters.
const MESSAGE_CHARS_MAX: usize = 1200;

/// What is shown of a line on each side of the mark, in characters.
const CONTEXT_CHARS: usize = 60;

/// Why the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong, in the order of the file. Never empty.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub more: usize,
}

/// One thing that is wrong: what was found, what is allowed, and the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; none for what no file says.
    pub position: Option<Position>,
    /// What is wrong, in full sentences.
    pub message: String,
}

/// A place in a file, with its line as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file and its line.
    pub place: Place,
    /// The character of the line, from 1.
    pub column: usize,
    /// The line, cut to what stands about the place.
    pub line: String,
    /// What is meant of it, in characters: how many lie before, and how many it are.
    pub mark: (usize, usize),
}

impl Error {
    /// An error that has nothing to do with a file.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { problems: vec![Problem { position: None, message: message.into() }], more: 0 }
    }

    /// Where the problems are, without what stands there: a file may hold what no log should.
    pub fn places(&self) -> String {
        let place = |problem: &Problem| match &problem.position {
            Some(Position { place, column, .. }) => {
                format!("{}:{}:{column}", place.file, place.line)
            }
            None => problem.message.clone(),
        };
        let mut places: Vec<String> = self.problems.iter().map(place).collect();
        if self.more > 0 {
            places.push(format!("{} more", self.more));
        }
        format!("{} (`countersign policy check` says what is wrong)", places.join(", "))
    }

    /// These problems as an error, if there are any.
    pub(super) fn of(mut problems: Vec<Problem>) -> Option<Self> {
        let more = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        (!problems.is_empty()).then_some(Self { problems, more })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(problem, f)?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\n… and 1 more problem."),
            more => write!(f, "\n… and {more} more problems."),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Position { place, column, line, mark }) = &self.position else {
            return f.write_str(&self.message);
        };
        let number = place.line.to_string();
        let (before, count) = *mark;
        writeln!(f, "{}:{number}:{column}: {}", place.file, self.message)?;
        writeln!(f, "  {number} | {line}")?;
        let gutter = " ".repeat(number.len());
        write!(f, "  {gutter} | {}{}", " ".repeat(before), "^".repeat(count.max(1)))
    }
}

/// A stretch of a file's text, in bytes.
pub(super) type Span = Range<usize>;

/// The text of one file.
#[derive(Debug)]
pub(super) struct Document {
    file: Arc<str>,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Document {
    pub(super) fn new(path: &Path, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file: shown(path).into(), text, lines }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The file and the line in which a span begins.
    pub(super) fn place(&self, span: &Span) -> Place {
        let line = self.lines.partition_point(|begins| *begins <= span.start);
        Place { file: Arc::clone(&self.file), line }
    }

    /// One problem with its place.
    pub(super) fn problem(&self, span: &Span, message: &str) -> Problem {
        let message = text::block(message, MESSAGE_CHARS_MAX);
        Problem { position: Some(self.position(span)), message }
    }

    fn position(&self, span: &Span) -> Position {
        let place = self.place(span);
        let begins = self.lines.get(place.line - 1).copied().unwrap_or(0);
        let rest = self.text.get(begins..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let cut = |at: usize| line.floor_char_boundary(at.saturating_sub(begins));
        let (before, others) = line.split_at(cut(span.start));
        let (marked, after) = others.split_at(cut(span.end).saturating_sub(before.len()));
        let column = before.chars().count() + 1;
        let (before, marked, after) = (last(before), first(marked), first(after));
        let mark = (before.chars().count(), marked.chars().count());
        // What looks like a token is broken up also where the mark begins within it.
        let line = text::line(&format!("{before}{marked}{after}"), text::LINE_CHARS_MAX);
        Position { place, column, line, mark }
    }
}

/// A path as it is shown.
pub fn shown(path: &Path) -> String {
    text::line(&path.display().to_string(), text::LINE_CHARS_MAX)
}

fn first(part: &str) -> String {
    match part.char_indices().nth(CONTEXT_CHARS) {
        None => text::line(part, text::LINE_CHARS_MAX),
        Some((at, _)) => {
            let kept = text::line(part.split_at(at).0, text::LINE_CHARS_MAX);
            format!("{kept}…")
        }
    }
}

fn last(part: &str) -> String {
    match part.char_indices().nth_back(CONTEXT_CHARS - 1).filter(|(at, _)| *at > 0) {
        None => text::line(part, text::LINE_CHARS_MAX),
        Some((at, _)) => {
            let kept = text::line(part.split_at(at).1, text::LINE_CHARS_MAX);
            format!("…{kept}")
        }
    }
}

/// The problems of one file: the first in its order, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Problems {
    first: Vec<(Span, String)>,
    total: usize,
}

impl Problems {
    /// Notes one. The words are made only if they will be told.
    pub(super) fn add(&mut self, span: &Span, message: impl FnOnce() -> String) {
        self.total += 1;
        let at = self.first.partition_point(|(other, _)| other.start <= span.start);
        if at < PROBLEMS_MAX {
            self.first.insert(at, (span.clone(), message()));
            self.first.truncate(PROBLEMS_MAX);
        }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.total
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// All of them as an error, if there are any.
    pub(super) fn check(self, document: &Document) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let more = self.total - self.first.len();
        let first = self.first.iter();
        let problems = first.map(|(span, message)| document.problem(span, message)).collect();
        Err(Error { problems, more })
    }
}
