//! How lines of a log are shown: between two fence lines with a nonce that no log can know, each
//! line sanitised, the newest kept where not all fit.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Streams;
use super::keep::{Kept, boundary};
use super::scan::{Found, Reach, SEARCHED_BYTES_MAX};
use crate::core::ids::FullId;
use crate::core::text;
use crate::gate::Render;
use crate::ops::units::{bytes, counted, grouped};
use crate::ports::engine::Stream;

/// What a page takes beside the lines, in bytes, at most.
const FRAME_BYTES: usize = 704;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// What a line has before its text, in bytes, at most: date, time and stream.
const PREFIX_BYTES: usize = 24;

/// The longest name in a fence line, in characters.
const NAME_CHARS_MAX: usize = 40;

/// What a page is to look like.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Shape {
    pub(in crate::ops) streams: Streams,
    /// Whether a pattern was asked for.
    pub(in crate::ops) grep: bool,
    pub(in crate::ops) tail: u32,
    /// The longest page, in bytes; at least 1024.
    pub(in crate::ops) bytes_max: usize,
}

impl Shape {
    /// The bytes that all lines of a page may take.
    pub(in crate::ops) fn lines_bytes_max(&self) -> usize {
        self.bytes_max.saturating_sub(FRAME_BYTES)
    }

    /// The bytes that the text of one line may take.
    pub(in crate::ops) fn line_bytes_max(&self) -> usize {
        LINE_BYTES_MAX.min(self.lines_bytes_max() / 2).saturating_sub(PREFIX_BYTES)
    }
}

/// A page of a log, ready to be read.
#[derive(Debug)]
pub struct Page {
    /// The fence lines; none without a line between them.
    fence: Option<(String, String)>,
    /// Newest first.
    shown: Vec<String>,
    last: String,
    lines: usize,
    bytes: usize,
    searched: u64,
    hits: u64,
    truncated: bool,
}

/// A line with what its place is decided by.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) group: usize,
    pub(super) at: Option<OffsetDateTime>,
    /// Whose line it is, where a page holds lines of several.
    pub(super) whose: Option<Arc<str>>,
    pub(super) kept: Kept,
}

impl Page {
    /// Shows what was found in the log of this container.
    pub(in crate::ops) fn new(
        name: &str,
        id: &FullId,
        found: Found,
        shape: Shape,
        nonce: &str,
    ) -> Self {
        let summary = Summary::of(&found);
        let placed = place(found.lines, shape.streams);
        let title = format!("log of {} (id {})", text::line(name, NAME_CHARS_MAX), id.short());
        Self::of(&title, &placed, &summary, shape, nonce)
    }

    /// Shows these lines. The title stands in the fence lines and is sanitised.
    pub(super) fn of(
        title: &str,
        placed: &[Placed],
        summary: &Summary,
        shape: Shape,
        nonce: &str,
    ) -> Self {
        let Summary { searched, hits, .. } = *summary;
        let mut days: Vec<_> = placed.iter().map(|p| p.at.map(OffsetDateTime::date)).collect();
        days.dedup();
        let day = if let [Some(day)] = days.as_slice() { Some(*day) } else { None };
        let (mut lines, mut hits_shown) = (Vec::new(), 0);
        let (mut size, mut group) = (0, None);
        for one in placed.iter().rev() {
            let line = line(one, day.is_some(), shape, nonce);
            let gap = group.is_some_and(|group| group != one.group);
            let more = line.len() + 1 + if gap { "--\n".len() } else { 0 };
            if size + more > shape.lines_bytes_max() {
                break;
            }
            if gap {
                lines.push("--".to_owned());
            }
            group = Some(one.group);
            size += more;
            hits_shown += u64::from(one.kept.hit);
            lines.push(line);
        }
        let count = lines.iter().filter(|line| *line != "--").count();
        let left_out = hits.min(u64::from(shape.tail)).saturating_sub(hits_shown);
        let last = summary.text(shape, left_out, count);
        let fence = (count > 0).then(|| {
            let day = day.map(|day| format!(", UTC {day}")).unwrap_or_default();
            let counted = counted(count, "line");
            let size = grouped(u64::try_from(size).unwrap_or(u64::MAX));
            (
                format!("--- {title}, {counted}, {size} bytes{day}, fence {nonce} ---\n"),
                format!("--- end of log, fence {nonce} ---\n"),
            )
        });
        let truncated = left_out > 0 || summary.reach == Reach::Oldest || summary.older(shape);
        Self { fence, shown: lines, last, lines: count, bytes: size, searched, hits, truncated }
    }

    /// Adds a sentence to its last line.
    pub(super) fn add(&mut self, sentence: &str) {
        if !self.last.is_empty() {
            self.last.push(' ');
        }
        self.last.push_str(sentence);
    }
}

impl Render for Page {
    fn text(&self) -> String {
        let mut out = String::with_capacity(self.bytes + FRAME_BYTES);
        if let Some((begin, end)) = &self.fence {
            out.push_str(begin);
            for line in self.shown.iter().rev() {
                out.push_str(line);
                out.push('\n');
            }
            out.push_str(end);
        }
        out.push_str(&self.last);
        out
    }

    fn data(&self) -> Value {
        self.record()
    }

    fn record(&self) -> Value {
        json!({
            "lines": self.lines, "bytes": self.bytes, "searched": self.searched,
            "matched": self.hits, "truncated": self.truncated,
        })
    }
}

/// Lines in the order of their groups, and where two streams mix, of their moments.
fn place(lines: Vec<Kept>, streams: Streams) -> Vec<Placed> {
    let (mut group, mut last, mut moment) = (0, None, None);
    let mut placed: Vec<Placed> = lines
        .into_iter()
        .map(|kept| {
            if last.is_some_and(|last| kept.index != last + 1) {
                group += 1;
            }
            last = Some(kept.index);
            // A line without a readable moment stays behind the one before it.
            moment = kept.at.or(moment);
            Placed { group, at: moment, whose: None, kept }
        })
        .collect();
    if streams == Streams::All {
        placed.sort_by_key(|placed| (placed.group, placed.at));
    }
    placed
}

/// One line: its moment, whose it is, its stream where both are shown, and its sanitised text.
fn line(placed: &Placed, one_day: bool, shape: Shape, nonce: &str) -> String {
    let Placed { at, whose, kept, group: _ } = placed;
    let mut out = String::with_capacity(PREFIX_BYTES + kept.bytes.len());
    match at {
        Some(at) => {
            if !one_day {
                // Writing to a String cannot fail.
                write!(out, "{} ", at.date()).unwrap_or_default();
            }
            for (before, number) in [("", at.hour()), (":", at.minute()), (":", at.second())] {
                out.push_str(before);
                out.push(char::from(b'0' + number / 10));
                out.push(char::from(b'0' + number % 10));
            }
        }
        None => out.push_str("--:--:--"),
    }
    if let Some(whose) = whose {
        out.push(' ');
        out.push_str(whose);
    }
    out.push_str(match (shape.streams, kept.stream) {
        (Streams::All, Stream::Err) => " E ",
        (Streams::All, Stream::Out) => "  ",
        _ => " ",
    });
    let room = shape.line_bytes_max();
    let mut end = kept.bytes.len();
    let mut shown = clean(&kept.bytes, nonce);
    while shown.len() > room && end > 0 {
        // What is hidden grows when it is made visible; halve what is shown until it fits.
        end = boundary(&kept.bytes, end / 2);
        shown = clean(kept.bytes.get(..end).unwrap_or_default(), nonce);
    }
    if kept.before > 0 {
        write!(out, "(+{} bytes) … ", kept.before).unwrap_or_default();
    }
    out.push_str(&shown);
    let after = kept.after + (kept.bytes.len() - end);
    if after > 0 {
        write!(out, " … (+{after} bytes)").unwrap_or_default();
    }
    out
}

/// Text from outside as one line, which cannot pass for a fence.
pub(in crate::ops) fn clean(bytes: &[u8], nonce: &str) -> String {
    let clean = text::line(&String::from_utf8_lossy(bytes), usize::MAX);
    // Nothing inside can know the nonce; should it hold it all the same, it must not pass for one.
    if clean.contains(nonce) { clean.replace(nonce, "[fence]") } else { clean }
}

/// What the last line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) searched: u64,
    pub(super) bytes: u64,
    pub(super) hits: u64,
    pub(super) reach: Reach,
    pub(super) limited: bool,
    pub(super) overlong: u64,
}

impl Summary {
    pub(super) const fn of(found: &Found) -> Self {
        let Found { searched, bytes, hits, reach, limited, overlong, lines: _ } = found;
        Self {
            searched: *searched,
            bytes: *bytes,
            hits: *hits,
            reach: *reach,
            limited: *limited,
            overlong: *overlong,
        }
    }

    fn text(&self, shape: Shape, left_out: u64, shown: usize) -> String {
        let mut parts = Vec::new();
        let searched = format!(
            "{} ({} read)",
            counted(usize::try_from(self.searched).unwrap_or(usize::MAX), "line"),
            bytes(self.bytes)
        );
        if shape.grep && self.hits == 0 {
            parts.push(format!("No line matches. Searched {searched}."));
        } else if shape.grep {
            parts.push(format!("Searched {searched}, {} matched.", grouped(self.hits)));
        } else if shown == 0 {
            parts.push("No lines.".to_owned());
        }
        if left_out > 0 {
            let what = if shape.grep { "older matching lines" } else { "older lines" };
            parts.push(format!(
                "{} {what} left out to keep within maxBytes; narrow with since=, until= or {}.",
                grouped(left_out),
                if shape.grep { "a stricter grep=" } else { "grep=" }
            ));
        } else if shape.grep && self.hits > u64::from(shape.tail) {
            let more = grouped(self.hits - u64::from(shape.tail));
            parts.push(format!("{more} older matching lines left out; raise tail=."));
        }
        parts.extend(self.beyond(shape, left_out, shown).map(str::to_owned));
        if shape.grep && self.overlong > 0 {
            parts.push(format!(
                "Of lines longer than {} only the beginning was searched.",
                bytes(u64::try_from(SEARCHED_BYTES_MAX).unwrap_or(u64::MAX))
            ));
        }
        parts.join(" ")
    }

    /// What lies beyond the lines that were kept.
    fn beyond(&self, shape: Shape, left_out: u64, shown: usize) -> Option<&'static str> {
        match (self.reach, self.limited) {
            (Reach::Newest, true) => Some(
                "Older lines were not searched: the limit was reached. Set since= and until= \
                 around what you look for.",
            ),
            (Reach::Oldest, _) => Some(
                "Newer lines of that time were not searched: the limit was reached. Move since= \
                 nearer to until=.",
            ),
            _ if shape.grep || left_out > 0 || shown == 0 => None,
            _ if self.older(shape) => Some("There are older lines; raise tail= to see them."),
            _ => Some("There are no older lines that fit."),
        }
    }

    /// Whether there are lines that fit and are older than those asked for.
    fn older(&self, shape: Shape) -> bool {
        self.reach == Reach::Newest || self.hits > u64::from(shape.tail)
    }
}
