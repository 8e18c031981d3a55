//! Reading the log: every line of every file in order, the torn ones too; what a filter lets
//! through; how much there is of what; and what is new. Reading makes and changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::core::reason::Fault;
use crate::core::record::Event;

use super::place::{Day, Place, failed};

/// How much of a line is kept; ours are shorter.
const LINE_KEPT: u64 = 1024 * 1024;

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its file.
    pub(super) day: Day,
    /// Its number in the file, from 1, or from where reading began.
    pub(super) line: u64,
    /// Where it begins in its file, in bytes.
    pub(super) start: u64,
    /// Whether it ends in a newline.
    pub(super) ended: bool,
}

/// The lines of a log as bytes, into a buffer of the caller's.
#[derive(Debug)]
pub(super) struct RawLines {
    days: VecDeque<Day>,
    file: Option<(Day, BufReader<File>)>,
    line: u64,
    /// Where the next line begins.
    start: u64,
    skip: u64,
}

impl RawLines {
    /// Starts at the oldest line, or at a position in a day's file. A file that is made later, or
    /// begun, is not read: then what is read is a beginning of the log, with nothing left out.
    pub(super) fn new(place: &Place, from: Option<(Day, u64)>) -> Result<Self, Fault> {
        let mut days = VecDeque::from(place.days()?);
        let mut skip = 0;
        if let Some((day, offset)) = from {
            days.retain(|other| *other >= day);
            skip = if days.front() == Some(&day) { offset } else { 0 };
        }
        let is_empty = |day: &Day| place.look(&day.to_string()).is_some_and(|(_, size)| size == 0);
        days.retain(|day| !is_empty(day));
        Ok(Self { days, file: None, line: 0, start: 0, skip })
    }

    /// The next line without its newline; none at the end. Of a line beyond [`LINE_KEPT`] the rest
    /// is left out, so that it is no record. What has no newline is the end of its file, though more
    /// of it may be written by now.
    pub(super) fn next(&mut self, place: &Place, raw: &mut Vec<u8>) -> Result<Option<Spot>, Fault> {
        loop {
            if self.file.is_none() && !self.next_file(place)? {
                return Ok(None);
            }
            let Some((day, file)) = &mut self.file else { return Ok(None) };
            let day = *day;
            raw.clear();
            let error = |e| failed(format_args!("{day} cannot be read"), &e);
            let mut read =
                file.by_ref().take(LINE_KEPT).read_until(b'\n', raw).map_err(error)? as u64;
            if read == 0 {
                self.file = None;
                continue;
            }
            let mut ended = raw.last() == Some(&b'\n');
            if ended {
                raw.pop();
            } else if read == LINE_KEPT {
                let (skipped, newline) = skip_line(file).map_err(error)?;
                (read, ended) = (read + skipped, newline);
            }
            if !ended {
                self.file = None;
            }
            self.line += 1;
            let start = self.start;
            self.start += read;
            return Ok(Some(Spot { day, line: self.line, start, ended }));
        }
    }

    fn next_file(&mut self, place: &Place) -> Result<bool, Fault> {
        while let Some(day) = self.days.pop_front() {
            let Some(mut file) = place.reader(day)? else { continue };
            let skip = std::mem::take(&mut self.skip);
            if skip > 0 {
                file.seek(SeekFrom::Start(skip)).map_err(|e| failed(day, &e))?;
            }
            self.file = Some((day, BufReader::with_capacity(BUFFER, file)));
            self.line = 0;
            self.start = skip;
            return Ok(true);
        }
        Ok(false)
    }
}

/// Reads on to the next newline: how many bytes, and false if the file ends first.
fn skip_line(file: &mut BufReader<File>) -> std::io::Result<(u64, bool)> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok((skipped, false));
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        file.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok((skipped, true));
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name of its file.
    pub file: String,
    /// Its number in the file, from 1.
    pub line: u64,
    /// Its bytes without the newline; at most 1 MiB of them.
    pub raw: Vec<u8>,
    /// What it says; none if it is torn.
    pub record: Option<Value>,
}

impl Entry {
    pub(super) fn new(spot: Spot, raw: Vec<u8>) -> Self {
        let record = serde_json::from_slice(&raw).ok().filter(Value::is_object);
        Self { file: spot.day.to_string(), line: spot.line, raw, record }
    }

    /// A key of the line that holds text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.record.as_ref()?.get(key)?.as_str()
    }

    /// When the line was written.
    pub fn at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.text("ts")?, &Rfc3339).ok()
    }

    /// The ids and names of its targets.
    pub fn targets(&self) -> Vec<(&str, &str)> {
        fn pair(target: &Value) -> Option<(&str, &str)> {
            Some((target.get("id")?.as_str()?, target.get("name")?.as_str()?))
        }
        match self.record.as_ref().and_then(|record| record.get("target")) {
            Some(Value::Array(many)) => many.iter().filter_map(pair).collect(),
            Some(one) => pair(one).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// The lines of a log in order.
#[derive(Debug)]
pub struct Lines(Option<(Place, RawLines)>);

/// Every line of the log in `dir`, oldest first; none where there is no such folder.
///
/// # Errors
/// `audit_unavailable` if the folder is a link or cannot be read.
pub fn read(dir: &Path) -> Result<Lines, Fault> {
    let Some(place) = Place::existing(dir)? else { return Ok(Lines(None)) };
    let lines = RawLines::new(&place, None)?;
    Ok(Lines(Some((place, lines))))
}

impl Iterator for Lines {
    type Item = Result<Entry, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (place, lines) = self.0.as_mut()?;
        let mut raw = Vec::new();
        match lines.next(place, &mut raw) {
            Ok(spot) => spot.map(|spot| Ok(Entry::new(spot, raw))),
            Err(fault) => {
                self.0 = None;
                Some(Err(fault))
            }
        }
    }
}

/// What a reader wants to see; what is not set lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this moment on.
    pub since: Option<OffsetDateTime>,
    /// The operation's name.
    pub op: Option<String>,
    /// What the line reports.
    pub event: Option<Event>,
    /// A target's name, or the beginning of its id.
    pub target: Option<String>,
}

impl Filter {
    /// Whether a line is wanted. A torn line says nothing, so only an empty filter wants it.
    pub fn wants(&self, entry: &Entry) -> bool {
        let Self { since, op, event, target } = self;
        since.is_none_or(|since| entry.at().is_some_and(|at| at >= since))
            && op.as_deref().is_none_or(|op| entry.text("op") == Some(op))
            && event.is_none_or(|event| entry.text("event") == Some(event.as_str()))
            && target.as_deref().is_none_or(|wanted| {
                let hit = |(id, name): (&str, &str)| name == wanted || id.starts_with(wanted);
                entry.targets().into_iter().any(hit)
            })
    }
}

/// How much of what a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Lines that say something.
    pub lines: u64,
    /// Lines that are torn.
    pub torn: u64,
    /// The moment of the first line.
    pub first: Option<String>,
    /// The moment of the last line.
    pub last: Option<String>,
    /// Lines by event.
    pub events: BTreeMap<String, u64>,
    /// Lines by operation.
    pub operations: BTreeMap<String, u64>,
    /// Lines by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Lines by name of target.
    pub targets: BTreeMap<String, u64>,
}

impl Stats {
    /// Counts one more line.
    pub fn add(&mut self, entry: &Entry) {
        if entry.record.is_none() {
            self.torn += 1;
            return;
        }
        self.lines += 1;
        if let Some(at) = entry.text("ts") {
            self.first.get_or_insert_with(|| at.to_owned());
            self.last = Some(at.to_owned());
        }
        let count = |map: &mut BTreeMap<String, u64>, key: Option<&str>| {
            if let Some(key) = key {
                *map.entry(key.to_owned()).or_default() += 1;
            }
        };
        count(&mut self.events, entry.text("event"));
        count(&mut self.operations, entry.text("op"));
        count(&mut self.reasons, entry.text("reason"));
        for (_, name) in entry.targets() {
            count(&mut self.targets, Some(name));
        }
    }
}

#[cfg(test)]
mod tests;
