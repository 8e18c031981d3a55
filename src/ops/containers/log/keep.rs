//! Which lines of a stream to keep: the last ones, or the last matching ones with what stands
//! around them. Memory is bounded however long the stream is.

use std::collections::VecDeque;
use std::ops::Range;

use regex::bytes::Regex;
use time::OffsetDateTime;

use super::Streams;
use crate::ops::when::{self, Window};
use crate::ports::engine::{LogLine, Stream};

/// A kept line: cut to what can be shown, not yet sanitised.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its place among the lines that were considered.
    pub(super) index: u64,
    pub(super) stream: Stream,
    /// When it was written, if that can be read.
    pub(super) at: Option<OffsetDateTime>,
    pub(super) bytes: Vec<u8>,
    /// Bytes of the line before and after these.
    pub(super) before: usize,
    pub(super) after: usize,
    /// Whether it matches, or no pattern was given.
    pub(super) hit: bool,
}

/// What to keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) streams: Streams,
    pub(super) window: Window,
    pub(super) pattern: Option<&'a Regex>,
    pub(super) context: usize,
    /// Matching lines, at most; without a pattern every line matches.
    pub(super) tail: usize,
    /// Bytes of all kept lines, at most, but for one line.
    pub(super) bytes_max: usize,
    /// Bytes of one kept line, at most.
    pub(super) line_bytes_max: usize,
}

/// Keeps lines while they stream by.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    rule: Rule<'a>,
    ring: VecDeque<Kept>,
    /// Lines before the next hit that may become its context.
    ahead: VecDeque<Kept>,
    /// Lines after the last hit that are still its context.
    behind: usize,
    hits_kept: usize,
    bytes_kept: usize,
    /// Lines considered: of the wanted streams, in the window.
    pub(super) lines: u64,
    /// Of these, those that match.
    pub(super) hits: u64,
    /// Whether lines were let go to bound the bytes.
    pub(super) full: bool,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(rule: Rule<'a>) -> Self {
        Self {
            rule,
            ring: VecDeque::new(),
            ahead: VecDeque::new(),
            behind: 0,
            hits_kept: 0,
            bytes_kept: 0,
            lines: 0,
            hits: 0,
            full: false,
        }
    }

    /// Considers a line.
    pub(super) fn push(&mut self, line: &LogLine<'_>) {
        let at = when::read(line.timestamp);
        if !self.considers(line.stream, at) {
            return;
        }
        self.lines += 1;
        let found = match self.rule.pattern {
            None => Some(0..0),
            Some(pattern) => pattern.find(line.bytes).map(|found| found.range()),
        };
        let hit = found.is_some();
        let idle = !hit && self.behind == 0;
        if idle && self.rule.context == 0 {
            return;
        }
        let kept = self.cut(line, at, found.unwrap_or(0..0), hit);
        if idle {
            self.ahead.push_back(kept);
            if self.ahead.len() > self.rule.context {
                self.ahead.pop_front();
            }
            return;
        }
        if hit {
            while let Some(before) = self.ahead.pop_front() {
                self.keep(before);
            }
            self.hits += 1;
            self.behind = self.rule.context;
        } else {
            self.behind -= 1;
        }
        self.keep(kept);
        self.trim();
    }

    /// The kept lines, in the order in which they came.
    pub(super) fn into_lines(self) -> Vec<Kept> {
        self.ring.into()
    }

    /// Whether a line is of the wanted streams and time; one whose time cannot be read is.
    fn considers(&self, stream: Stream, at: Option<OffsetDateTime>) -> bool {
        let Rule { streams, window, .. } = self.rule;
        streams.holds(stream) && at.is_none_or(|at| window.holds(at))
    }

    fn keep(&mut self, kept: Kept) {
        self.bytes_kept += kept.bytes.len();
        self.hits_kept += usize::from(kept.hit);
        self.ring.push_back(kept);
    }

    fn trim(&mut self) {
        while self.hits_kept > self.rule.tail {
            self.drop_first_hit();
        }
        while self.bytes_kept > self.rule.bytes_max && self.ring.len() > 1 {
            self.full = true;
            self.drop_first();
        }
    }

    /// Makes the oldest hit a mere line, and lets those go that no other hit wants around it.
    fn drop_first_hit(&mut self) {
        if let Some(first) = self.ring.iter_mut().find(|line| line.hit) {
            first.hit = false;
            self.hits_kept -= 1;
        }
        let Some(next) = self.ring.iter().find(|line| line.hit).map(|line| line.index) else {
            return;
        };
        let context = u64::try_from(self.rule.context).unwrap_or(u64::MAX);
        while self.ring.front().is_some_and(|line| line.index.saturating_add(context) < next) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(line) = self.ring.pop_front() {
            self.bytes_kept -= line.bytes.len();
            self.hits_kept -= usize::from(line.hit);
        }
    }

    /// The part of a line that is kept: its beginning, or where that misses the match, the match.
    fn cut(
        &self,
        line: &LogLine<'_>,
        at: Option<OffsetDateTime>,
        found: Range<usize>,
        hit: bool,
    ) -> Kept {
        let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
        let max = self.rule.line_bytes_max;
        let start = if found.end <= max { 0 } else { found.start.saturating_sub(max / 4) };
        let start = boundary(bytes, start);
        let end =
            if bytes.len() - start <= max { bytes.len() } else { boundary(bytes, start + max) };
        Kept {
            index: self.lines,
            stream: line.stream,
            at,
            bytes: bytes.get(start..end).unwrap_or_default().to_vec(),
            before: start,
            after: line.full_len.saturating_sub(line.bytes.len()) + (bytes.len() - end),
            hit,
        }
    }
}

/// The nearest place at or before `at` that does not part a character.
pub(super) fn boundary(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len());
    let inside = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    let back = (at.saturating_sub(3)..=at).rev().find(|at| !inside(at));
    back.unwrap_or(at)
}
