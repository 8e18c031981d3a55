//! The recent past, for rules that count: an index of the last lines of the log, caught up from its
//! tail, so that it holds over processes and restarts and is kept nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::core::operation::Class;
use crate::core::policy::{ClassSet, History, Past, Recall, Touched};
use crate::core::reason::Fault;
use crate::core::record::{Event, TargetKey};

use super::place::{Day, Place};
use super::read::{RawLines, Spot};

/// How much further back it is read than is asked about, so that a clock that is set back a little
/// asks for nothing that was not read.
const SLACK: Duration = Duration::minutes(10);

/// How much of a line is looked at before it is read as JSON, in bytes.
const BEGINNING: usize = 256;

/// The index. What it holds is what the log says: where the log is not what was read before, all of
/// it is read again.
#[derive(Debug)]
pub(super) struct Recent {
    dir: PathBuf,
    index: Option<Index>,
}

/// What was read.
#[derive(Debug)]
struct Index {
    recall: Recall,
    /// Since when nothing is left out.
    since: OffsetDateTime,
    mark: Option<Mark>,
    history: Arc<History>,
}

/// The last whole line that was read. A log that still holds it there is the same log: it names the
/// digest of the line before, as that one does.
#[derive(Debug)]
struct Mark {
    day: Day,
    start: u64,
    line: Vec<u8>,
}

impl Mark {
    fn is(&self, spot: Spot, line: &[u8]) -> bool {
        (self.day, self.start, true) == (spot.day, spot.start, spot.ended) && self.line == line
    }
}

impl Recent {
    /// An index of the log in a folder, with nothing in it yet.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), index: None }
    }

    /// Reads every whole line that was appended since. Where there is no log, nothing was let
    /// through.
    pub(super) fn catch_up(
        &mut self,
        recall: &Recall,
        now: OffsetDateTime,
    ) -> Result<Arc<History>, Fault> {
        // Whatever goes wrong from here on, nothing is believed of what was read.
        let known = self.index.take();
        let Some(place) = Place::existing(&self.dir)? else { return Ok(Arc::default()) };
        let caught_up = match known {
            Some(index) if index.recall == *recall => index.catch_up(&place, now)?,
            _ => None,
        };
        let index = match caught_up {
            Some(index) => index,
            None => Index::build(&place, recall, now)?,
        };
        let history = Arc::clone(&index.history);
        self.index = Some(index);
        Ok(history)
    }
}

impl Index {
    /// Reads the log from the day on in which what is asked about begins. No line stands in the
    /// file of an earlier day than its own.
    fn build(place: &Place, recall: &Recall, now: OffsetDateTime) -> Result<Self, Fault> {
        let since = begins(recall, now).saturating_sub(SLACK);
        let mut index = Self { recall: recall.clone(), since, mark: None, history: Arc::default() };
        let mut lines = RawLines::new(place, Some((Day::of(since), 0)))?;
        index.read(place, &mut lines, now)?;
        Ok(index)
    }

    /// Reads on after the mark, and forgets what nobody asks about any more; none if this is not
    /// the log that was read, or more of it is asked about.
    fn catch_up(mut self, place: &Place, now: OffsetDateTime) -> Result<Option<Self>, Fault> {
        let begins = begins(&self.recall, now);
        let Some(mark) = self.mark.as_ref().filter(|_| self.since <= begins) else {
            return Ok(None);
        };
        let mut lines = RawLines::new(place, Some((mark.day, mark.start)))?;
        let mut raw = Vec::new();
        let first = lines.next(place, &mut raw)?;
        if !first.is_some_and(|spot| mark.is(spot, &raw)) {
            return Ok(None);
        }
        if self.read(place, &mut lines, now)? {
            self.since = begins.saturating_sub(SLACK);
            Arc::make_mut(&mut self.history).forget_before(self.since);
        }
        Ok(Some(self))
    }

    /// Reads to the end of the log; whether anything that counts was let through. A line without
    /// its newline is still being written, or it is torn, and then its request went no further.
    fn read(
        &mut self,
        place: &Place,
        lines: &mut RawLines,
        now: OffsetDateTime,
    ) -> Result<bool, Fault> {
        let (mut raw, mut line) = (Vec::new(), Vec::new());
        let mut last = None;
        let mut found = false;
        while let Some(spot) = lines.next(place, &mut raw)? {
            if !spot.ended {
                continue;
            }
            if let Some(past) = past(&raw, &self.recall, now).filter(|past| past.at >= self.since) {
                Arc::make_mut(&mut self.history).push(past);
                found = true;
            }
            last = Some(spot);
            std::mem::swap(&mut line, &mut raw);
        }
        if let Some(Spot { day, start, .. }) = last {
            self.mark = Some(Mark { day, start, line });
        }
        Ok(found)
    }
}

/// When what is asked about begins.
fn begins(recall: &Recall, now: OffsetDateTime) -> OffsetDateTime {
    now.saturating_sub(recall.span)
}

/// What a line says was let through, if it is counted. What it does not say in words that are known
/// here counts as any of them, and as of `now`.
pub(super) fn past(raw: &[u8], recall: &Recall, now: OffsetDateTime) -> Option<Past> {
    if !may_count(raw, &recall.operations) {
        return None;
    }
    let record: Value = serde_json::from_slice(raw).ok()?;
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let operation = text("op").filter(|name| recall.operations.contains(*name))?.to_owned();
    if !text("event").is_some_and(is_let_through) {
        return None;
    }
    let class = Class::ALL.into_iter().find(|class| Some(class.as_str()) == text("class"));
    Some(Past {
        at: text("ts").and_then(|ts| OffsetDateTime::parse(ts, &Rfc3339).ok()).unwrap_or(now),
        operation,
        classes: class.map_or(ClassSet::ALL, |class| ClassSet::of(&[class])),
        targets: touched(record.get("target")),
    })
}

fn is_let_through(event: &str) -> bool {
    [Event::Allowed, Event::Read].iter().any(|counted| counted.as_str() == event)
}

/// Whether a line can be counted at all. Lines are written in one order of keys, so that most are
/// told by their beginning; what begins otherwise is not.
fn may_count(raw: &[u8], operations: &BTreeSet<String>) -> bool {
    let beginning = raw.get(..BEGINNING).unwrap_or(raw);
    let beginning = beginning.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let Some((before, rest)) = beginning.split_once(r#","event":""#) else { return true };
    // Of an object within the line, it would say nothing of the line.
    if before.get(1..).is_none_or(|before| before.contains('{')) {
        return true;
    }
    match rest.split_once('"') {
        None => true,
        Some((event, _)) if !is_let_through(event) => false,
        Some((_, rest)) => rest
            .strip_prefix(r#","op":""#)
            .and_then(|rest| rest.split_once('"'))
            .is_none_or(|(name, _)| name.contains('\\') || operations.contains(name)),
    }
}

fn touched(target: Option<&Value>) -> Touched {
    let key = |target: &Value| {
        let text = |key: &str| target.get(key).and_then(Value::as_str);
        Some(TargetKey::of(text("kind")?, text("id")?, text("engine")?))
    };
    let keys = match target {
        None => Some(BTreeSet::new()),
        Some(Value::Array(many)) => many.iter().map(key).collect(),
        Some(one) => key(one).map(|key| BTreeSet::from([key])),
    };
    keys.map_or(Touched::Unlisted, Touched::Listed)
}
