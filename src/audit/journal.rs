//! The newest log file, open to be appended to: one `write(2)` a record, with room reserved ahead.
//! Everything here happens under the log's lock.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::Once;

use rustix::fs::OFlags;
use serde_json::json;
use time::OffsetDateTime;

use crate::core::plan::Digest;
use crate::core::reason::Fault;
use crate::core::record::{Event, LINE_BYTES_MAX, Record};

use super::lock::Lock;
use super::place::{Day, Place, failed, unavailable};
use super::sys::{self, Room};
use super::tail::{self, Torn};

/// How much is reserved ahead, in bytes.
const RESERVE: u64 = 1024 * 1024;

/// What is left of the reserve when more is asked for, in bytes.
const RESERVE_LOW: u64 = 256 * 1024;

/// Said once a process that no room can be reserved.
static WARNED: Once = Once::new();

/// The longest line, as a size.
const LINE: u64 = LINE_BYTES_MAX as u64;

/// A record that is not in the log.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// Why.
    pub(super) fault: Fault,
    /// All of it but its newline got into the file, so it will count as a line.
    pub(super) counts: bool,
}

/// The newest log file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    day: Day,
    ino: u64,
    size: u64,
    seq: u64,
    prev: Digest,
    /// Up to where room is known to be reserved; none where the file system reserves nothing.
    reserved: Option<u64>,
    /// Whether the file's name is known to be on disk.
    named: bool,
}

impl Journal {
    /// Opens the newest file that holds anything, and closes what is torn at its end; none if
    /// there is no such file. What `known` reserved and synced in the same file stays so.
    pub(super) fn open(
        place: &Place,
        lock: &Lock,
        known: Option<&Self>,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, Fault> {
        let mut days = place.days()?;
        // A file that was made and never written to is not begun.
        while let Some(last) = days.last()
            && place.look(&last.to_string()).is_some_and(|(_, size)| size == 0)
        {
            days.pop();
        }
        let Some(day) = days.last().copied() else { return Ok(None) };
        let Some(file) = place.own(&day.to_string(), OFlags::APPEND)? else {
            return Err(unavailable(format_args!("{day} vanished"), "Try again."));
        };
        let tail = tail::find(place, &days)?;
        lock.set_newest(day)?;
        let meta = file.metadata().map_err(|e| failed(day, &e))?;
        let (ino, size) = (meta.ino(), meta.len());
        let (seq, prev) = (tail.seq, tail.prev);
        let known = known.filter(|known| (known.day, known.ino) == (day, ino));
        let (reserved, named) = known.map_or((Some(0), false), |old| (old.reserved, old.named));
        let mut journal = Self { file, day, ino, size, seq, prev, reserved, named };
        if let Some(torn) = tail.torn {
            journal.recover(torn, now)?;
        }
        Ok(Some(journal))
    }

    /// Begins the file of a day, after the end of `before`, with room for the outcomes of `owed`
    /// intents. Its first line is `opened`.
    pub(super) fn begin(
        place: &Place,
        lock: &Lock,
        before: Option<&Self>,
        now: OffsetDateTime,
        (narrowed, owed): (bool, u64),
    ) -> Result<Self, Fault> {
        let day = Day::of(now);
        if let Some(old) = before {
            // What the new file's first line chains to must not be lost after it.
            sys::sync(&old.file).map_err(|e| failed(old.day, &e))?;
        }
        let Some(file) = place.own(&day.to_string(), OFlags::APPEND | OFlags::CREATE)? else {
            return Err(unavailable(format_args!("{day} vanished"), "Try again."));
        };
        let meta = file.metadata().map_err(|e| failed(day, &e))?;
        let (seq, prev) = before.map_or((0, Digest::ZERO), |old| (old.seq, old.prev));
        let (ino, size) = (meta.ino(), meta.len());
        let mut new = Self { file, day, ino, size, seq, prev, reserved: Some(0), named: false };
        new.make_room(LINE, owed, || owed)?;
        lock.set_newest(day)?;
        new.put(&opened(narrowed), now).map_err(|unwritten| unwritten.fault)?;
        Ok(new)
    }

    /// Whether the folder's newest file still is this one, as we left it.
    pub(super) fn is_current(&self, place: &Place, lock: &Lock) -> bool {
        lock.newest() == Some(self.day)
            && place.look(&self.day.to_string()) == Some((self.ino, self.size))
    }

    /// The day of the file, and its size in bytes.
    pub(super) const fn end(&self) -> (Day, u64) {
        (self.day, self.size)
    }

    /// Appends a record with one write.
    pub(super) fn put(&mut self, record: &Record, now: OffsetDateTime) -> Result<(), Unwritten> {
        let line = record.line(self.seq + 1, now, self.prev);
        let bare = line.strip_suffix(b"\n").unwrap_or(&line);
        self.append(&line)?;
        self.seq += 1;
        self.prev = Digest::of(&[bare]);
        Ok(())
    }

    /// Closes what is torn: a newline where it is missing, and a record that says so. The torn
    /// bytes stay.
    fn recover(&mut self, torn: Torn, now: OffsetDateTime) -> Result<(), Fault> {
        let Torn { bytes, after, open } = torn;
        let mut record = Record::new(Event::Recovered);
        record.log.insert("torn_bytes".into(), json!(bytes));
        if !after.is_empty() {
            record.log.insert("after".into(), json!(after));
        }
        let line = record.line(self.seq + 1, now, self.prev);
        let mut text = if open { b"\n".to_vec() } else { Vec::new() };
        text.extend_from_slice(&line);
        self.append(&text).map_err(|unwritten| unwritten.fault)?;
        self.seq += 1;
        self.prev = Digest::of(&[line.strip_suffix(b"\n").unwrap_or(&line)]);
        Ok(())
    }

    fn append(&mut self, text: &[u8]) -> Result<(), Unwritten> {
        let len = text.len() as u64;
        let not = |fault, counts| Unwritten { fault, counts };
        if self.size.saturating_add(len) > sys::size_limit() {
            return Err(not(full(self.day), false));
        }
        match sys::write_once(&self.file, text) {
            Ok(wrote) if wrote == text.len() => {
                self.size += len;
                Ok(())
            }
            Ok(wrote) => Err(not(full(self.day), wrote + 1 == text.len())),
            Err(e) => Err(not(failed(format_args!("{} cannot be written", self.day), &e), false)),
        }
    }

    /// Makes sure that a record of at most [`LINE_BYTES_MAX`] and then the outcomes of `open`
    /// intents fit. Where the disk has no more, what is reserved already must do, for the intents
    /// of all processes: `all` counts these.
    pub(super) fn make_room(
        &mut self,
        len: u64,
        open: u64,
        all: impl FnOnce() -> u64,
    ) -> Result<(), Fault> {
        let end = self.size + len;
        let limit = sys::size_limit();
        let ample = end + RESERVE_LOW.max(LINE * (open + 1));
        if limit >= ample
            && (self.has(ample) || self.reserve(end + RESERVE.max(LINE * (open + 1)))?)
        {
            return Ok(());
        }
        let needed = end + LINE * (open.max(all()) + 1);
        if limit >= needed && (self.has(needed) || self.reserve(needed)?) {
            return Ok(());
        }
        Err(full(self.day))
    }

    fn has(&self, end: u64) -> bool {
        self.reserved.is_none_or(|reserved| reserved >= end)
    }

    /// Reserves room up to `end`; false if there is none.
    fn reserve(&mut self, end: u64) -> Result<bool, Fault> {
        let room = sys::reserve(&self.file, self.size, end)
            .map_err(|e| failed(format_args!("{} cannot be extended", self.day), &e))?;
        match room {
            Room::Reserved => self.reserved = Some(end),
            Room::Unsupported => {
                self.reserved = None;
                WARNED.call_once(|| {
                    tracing::warn!(
                        "the audit log's file system reserves no room: on a full disk, the \
                         outcome of a change may not fit"
                    );
                });
            }
            Room::None => return Ok(false),
        }
        Ok(true)
    }

    /// Returns when everything written, and the file's name, is on disk.
    pub(super) fn sync(&mut self, place: &Place) -> Result<(), Fault> {
        sys::sync(&self.file)
            .map_err(|e| failed(format_args!("{} cannot be synced", self.day), &e))?;
        if !self.named {
            place.sync()?;
            self.named = true;
        }
        Ok(())
    }
}

/// The line that begins a file, or tells that the folder was narrowed.
pub(super) fn opened(narrowed: bool) -> Record {
    let mut record = Record::new(Event::Opened);
    record.log.insert("program".into(), json!("countersign"));
    record.log.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    if narrowed {
        record.log.insert("narrowed".into(), json!(true));
    }
    record
}

fn full(day: Day) -> Fault {
    unavailable(
        format_args!("no room is left to write {day} and the outcomes of what is running"),
        "Free space on its disk, then try again.",
    )
}
