//! Log streams as the engine sends them, taken apart into lines as they arrive. What is kept is one
//! cut line a stream, so memory stays flat however long a log, a frame or a line is.
//!
//! Without a terminal the two streams come in frames: a kind, a length, a payload. With one there
//! are raw bytes and no frames, whatever these look like. Either way every record starts with its
//! time stamp, and a line of more than 16 KiB is several records, of which the last one ends it. So
//! the stream's first byte tells the two apart: a frame's kind is no digit, and a year begins with one.

use std::mem;
use std::ops::ControlFlow;

use crate::ports::engine::{LogLine, Stream};

/// What a line is handed to.
pub(super) type Each<'a> = &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send);

/// Bytes of a record without a terminal's frames: where one ends, the next may start mid-line.
const RECORD_BYTES_MAX: usize = 16 << 10;

/// Bytes of a time stamp, at least and at most: `2026-01-02T03:04:05Z`, with nanoseconds and zone.
const STAMP_BYTES_MIN: usize = 20;
const STAMP_BYTES_MAX: usize = 35;

/// Bytes of the engine's own message inside a stream, at most.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Why a stream is not read on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Whoever takes the lines has enough.
    Enough,
    /// It is not a log stream.
    Odd(String),
    /// The engine says inside the stream that it cannot go on.
    Engine(String),
}

/// Takes a stream apart.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Whether there are frames; none until the first byte.
    framed: Option<bool>,
    header: Vec<u8>,
    part: Part,
    left: usize,
    out: Assembly,
    err: Assembly,
    message: Vec<u8>,
}

/// Where the payload of the current frame goes.
#[derive(Clone, Copy, Debug)]
enum Part {
    Out,
    Err,
    Message,
}

impl Decoder {
    /// Lines are cut after `line_bytes_max`.
    pub(super) fn new(line_bytes_max: usize) -> Self {
        let assembly = |stream| Assembly::new(stream, line_bytes_max);
        Self {
            framed: None,
            header: Vec::with_capacity(8),
            part: Part::Out,
            left: 0,
            out: assembly(Stream::Out),
            err: assembly(Stream::Err),
            message: Vec::new(),
        }
    }

    /// Takes the next bytes, wherever they were cut.
    pub(super) fn feed(&mut self, mut data: &[u8], each: Each<'_>) -> ControlFlow<Stop> {
        if !self.is_framed(data) {
            return self.out.push(data, each).map_break(|()| Stop::Enough);
        }
        while !data.is_empty() {
            if self.left == 0 {
                let (taken, rest) = data.split_at(data.len().min(8 - self.header.len()));
                self.header.extend_from_slice(taken);
                data = rest;
                if self.header.len() == 8 {
                    self.start_frame()?;
                }
                continue;
            }
            let (payload, rest) = data.split_at(data.len().min(self.left));
            self.left -= payload.len();
            data = rest;
            let assembly = match self.part {
                Part::Out => &mut self.out,
                Part::Err => &mut self.err,
                Part::Message => {
                    let room = MESSAGE_BYTES_MAX.saturating_sub(self.message.len());
                    self.message.extend(payload.iter().take(room));
                    if self.left == 0 {
                        return ControlFlow::Break(Stop::Engine(self.said()));
                    }
                    continue;
                }
            };
            assembly.push(payload, each).map_break(|()| Stop::Enough)?;
            if self.left == 0 {
                assembly.end_record(each).map_break(|()| Stop::Enough)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn is_framed(&mut self, data: &[u8]) -> bool {
        let tells = |first: &u8| !first.is_ascii_digit();
        let framed = self.framed.or_else(|| data.first().map(tells));
        self.framed = framed;
        self.out.tty = framed == Some(false);
        framed != Some(false)
    }

    /// The stream has ended: what has no line feed is a line too.
    pub(super) fn finish(&mut self, each: Each<'_>) -> ControlFlow<Stop> {
        if !self.message.is_empty() {
            return ControlFlow::Break(Stop::Engine(self.said()));
        }
        if self.left > 0 || !self.header.is_empty() {
            return ControlFlow::Break(Stop::Odd("it ends within a frame".to_owned()));
        }
        self.out.finish(each).map_break(|()| Stop::Enough)?;
        self.err.finish(each).map_break(|()| Stop::Enough)
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.message).into_owned()
    }

    fn start_frame(&mut self) -> ControlFlow<Stop> {
        let &[kind, 0, 0, 0, a, b, c, d] = self.header.as_slice() else {
            let why = format!("no frame starts with {:02x?}", self.header);
            return ControlFlow::Break(Stop::Odd(why));
        };
        self.header.clear();
        self.left = u32::from_be_bytes([a, b, c, d]) as usize;
        self.part = match kind {
            0 | 1 => Part::Out,
            2 => Part::Err,
            3 => Part::Message,
            _ => {
                return ControlFlow::Break(Stop::Odd(format!("no frame is of kind {kind}")));
            }
        };
        match self.part {
            Part::Out => self.out.start_record(),
            Part::Err => self.err.start_record(),
            Part::Message => {}
        }
        ControlFlow::Continue(())
    }
}

/// The line of one stream that is being put together.
#[derive(Debug)]
struct Assembly {
    stream: Stream,
    tty: bool,
    line_bytes_max: usize,
    /// Whether what comes may be a time stamp; else the record's text is read.
    at_head: bool,
    /// The beginning of what may become one.
    head: Vec<u8>,
    /// Bytes of text since the last time stamp.
    record_len: usize,
    /// Whether there is a line, if only an empty one.
    begun: bool,
    timestamp: String,
    bytes: Vec<u8>,
    full_len: usize,
    last: u8,
}

impl Assembly {
    fn new(stream: Stream, line_bytes_max: usize) -> Self {
        Self {
            stream,
            tty: false,
            line_bytes_max,
            at_head: true,
            head: Vec::with_capacity(STAMP_BYTES_MAX + 1),
            record_len: 0,
            begun: false,
            timestamp: String::new(),
            bytes: Vec::new(),
            full_len: 0,
            last: 0,
        }
    }

    fn start_record(&mut self) {
        self.at_head = true;
        self.head.clear();
        self.record_len = 0;
    }

    fn push(&mut self, mut data: &[u8], each: Each<'_>) -> ControlFlow<()> {
        while !data.is_empty() {
            data = if self.at_head { self.stamp(data, each)? } else { self.text(data, each)? };
        }
        ControlFlow::Continue(())
    }

    /// Reads on in what may be a time stamp. What turns out to be none is text.
    fn stamp<'d>(&mut self, data: &'d [u8], each: Each<'_>) -> ControlFlow<(), &'d [u8]> {
        let room = (STAMP_BYTES_MAX + 1).saturating_sub(self.head.len());
        let end = data.iter().take(room).position(|byte| matches!(byte, b' ' | b'\n'));
        let (taken, rest) = data.split_at(end.map_or(room.min(data.len()), |end| end + 1));
        if end.is_none() && self.head.len() + taken.len() <= STAMP_BYTES_MAX {
            self.head.extend_from_slice(taken);
            return ControlFlow::Continue(rest);
        }
        self.at_head = false;
        if self.head.is_empty() {
            self.stamped(taken, each)?;
        } else {
            let mut head = mem::take(&mut self.head);
            head.extend_from_slice(taken);
            self.stamped(&head, each)?;
        }
        ControlFlow::Continue(rest)
    }

    /// Takes what is a time stamp or turned out to be none.
    fn stamped(&mut self, head: &[u8], each: Each<'_>) -> ControlFlow<()> {
        match head.strip_suffix(b" ").and_then(timestamp) {
            Some(_) if self.begun => {}
            Some(stamp) => {
                stamp.clone_into(&mut self.timestamp);
                self.begun = true;
            }
            None => {
                if !self.begun {
                    self.timestamp.clear();
                }
                self.all_text(head, each)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The record has ended: what began like a time stamp and is none is text.
    fn end_record(&mut self, each: Each<'_>) -> ControlFlow<()> {
        self.at_head = false;
        let head = mem::take(&mut self.head);
        self.all_text(&head, each)
    }

    fn all_text(&mut self, mut data: &[u8], each: Each<'_>) -> ControlFlow<()> {
        while !data.is_empty() {
            data = self.text(data, each)?;
        }
        ControlFlow::Continue(())
    }

    /// Takes text up to the end of the line or of the record.
    fn text<'d>(&mut self, data: &'d [u8], each: Each<'_>) -> ControlFlow<(), &'d [u8]> {
        let room = if self.tty { RECORD_BYTES_MAX - self.record_len } else { data.len() };
        let here = data.get(..room).unwrap_or(data);
        let feed = here.iter().position(|byte| *byte == b'\n');
        let (line, rest) = data.split_at(feed.unwrap_or(here.len()));
        let kept = line.len().min(self.line_bytes_max.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(line.get(..kept).unwrap_or_default());
        self.full_len += line.len();
        self.record_len += line.len();
        self.last = line.last().copied().unwrap_or(self.last);
        self.begun = true;
        if feed.is_some() {
            self.emit(each)?;
            if self.tty {
                self.start_record();
            }
            return ControlFlow::Continue(rest.get(1..).unwrap_or_default());
        }
        if self.tty && self.record_len == RECORD_BYTES_MAX {
            self.start_record();
        }
        ControlFlow::Continue(rest)
    }

    fn finish(&mut self, each: Each<'_>) -> ControlFlow<()> {
        self.end_record(each)?;
        if self.begun { self.emit(each) } else { ControlFlow::Continue(()) }
    }

    fn emit(&mut self, each: Each<'_>) -> ControlFlow<()> {
        if self.tty && self.full_len > 0 && self.last == b'\r' {
            self.full_len -= 1;
            self.bytes.truncate(self.full_len);
        }
        let flow = each(LogLine {
            stream: self.stream,
            timestamp: &self.timestamp,
            bytes: &self.bytes,
            full_len: self.full_len,
        });
        self.begun = false;
        self.bytes.clear();
        self.full_len = 0;
        self.last = 0;
        flow
    }
}

/// The text, if it has the form of a time stamp.
fn timestamp(text: &[u8]) -> Option<&str> {
    let well_formed = (STAMP_BYTES_MIN..=STAMP_BYTES_MAX).contains(&text.len())
        && text.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            0..19 => byte.is_ascii_digit(),
            _ => byte.is_ascii_digit() || matches!(byte, b'.' | b'Z' | b'+' | b'-' | b':'),
        });
    std::str::from_utf8(text).ok().filter(|_| well_formed)
}

#[cfg(test)]
mod tests;
