//! Verifying the log: every file from the oldest, in flat memory, one thread hashing while another
//! reads what the lines say. Makes and changes nothing.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::core::plan::Digest;
use crate::core::reason::Fault;

use super::checker::{Checker, Demand, hex};
use super::live;
use super::place::{Place, unavailable};
use super::read::{RawLines, Spot};

/// Lines are handed on in chunks of about this size.
const CHUNK: usize = 512 * 1024;

/// Chunks that wait, at most.
const CHUNKS_MAX: usize = 4;

/// What a verification found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Log files.
    pub files: u64,
    /// Lines, the torn ones too.
    pub lines: u64,
    /// Their size.
    pub bytes: u64,
    /// The first line's `seq` and `prev`.
    pub first: Option<(u64, Digest)>,
    /// The last line's `seq` and digest.
    #[serde(rename = "head", serialize_with = "as_anchor")]
    pub last: Option<(u64, Digest)>,
    /// Torn ends that a `recovered` record accounts for.
    pub tears: u64,
    /// The length of a last line without its newline, which the next record will close.
    pub unfinished_bytes: Option<u64>,
    /// Intents without an outcome, oldest first.
    pub open: Vec<OpenIntent>,
    /// Whether the log holds the anchor, if one was given.
    pub anchored: Option<bool>,
    /// What is wrong: the first 20 findings, and what the log as a whole lacks.
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problems_total: u64,
}

impl Report {
    /// Whether nothing is wrong. Without an anchor nobody can see a change to the very last line
    /// or a cut at the end.
    pub fn is_sound(&self) -> bool {
        self.problems_total == 0
    }

    /// The last line as an anchor: `seq:sha256`.
    pub fn head(&self) -> Option<String> {
        self.last.map(|(seq, digest)| format!("{seq}:{}", hex(digest)))
    }
}

fn as_anchor<S: Serializer>(
    last: &Option<(u64, Digest)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    last.map(|(seq, digest)| format!("{seq}:{}", hex(digest))).serialize(serializer)
}

/// An intent that has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenIntent {
    /// Its line's number.
    pub seq: u64,
    /// When it was written.
    pub ts: String,
    /// The operation.
    pub op: String,
    /// The process that wrote it.
    pub session: String,
    /// The request.
    pub req: String,
    /// Its target as the log names it.
    pub target: Value,
    /// Whether that process still lives; if not, the next one that writes closes it.
    pub in_flight: bool,
}

impl OpenIntent {
    pub(super) fn of(seq: u64, session: String, req: String, in_flight: bool, raw: &[u8]) -> Self {
        let line: Value = serde_json::from_slice(raw).unwrap_or_default();
        let text = |key| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let target = line.get("target").cloned().unwrap_or_default();
        Self { seq, ts: text("ts"), op: text("op"), session, req, target, in_flight }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line's number in the file, from 1; 0 for an empty log.
    pub line: u64,
    /// What is wrong with the line.
    pub what: String,
}

/// Reads an anchor: `seq:sha256`, the digest as 64 hex digits.
pub fn parse_anchor(text: &str) -> Option<(u64, Digest)> {
    let (seq, digest) = text.split_once(':')?;
    Some((seq.parse().ok()?, Digest::parse(digest)?))
}

/// Checks the whole log in `dir`. `from_start` demands that it begins with seq 1, `anchor` that it
/// holds that line. An empty or missing log is sound, unless one of these is asked.
///
/// # Errors
/// `audit_unavailable` if the log cannot be read; what is wrong with its content is reported.
pub fn verify(
    dir: &Path,
    from_start: bool,
    anchor: Option<(u64, Digest)>,
) -> Result<Report, Fault> {
    let checker = Checker::new(Demand { from_start, anchor });
    let Some(place) = Place::existing(dir)? else { return Ok(checker.finish(|_| false)) };
    let files = place.days()?.len() as u64;
    let checker = check(&place, checker)?;
    let mut report = checker.finish(|session| live::is_live(&place, session));
    report.files = files;
    Ok(report)
}

/// Lines one after the other, and for each where it stands, where it ends and its digest.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    lines: Vec<(Spot, usize, Digest)>,
}

fn check(place: &Place, mut checker: Checker) -> Result<Checker, Fault> {
    let (send, chunks) = sync_channel::<Chunk>(CHUNKS_MAX);
    thread::scope(|scope| {
        let hashing = thread::Builder::new()
            .name("hash".into())
            .spawn_scoped(scope, move || hash(place, &send))
            .map_err(|e| super::place::failed("a thread cannot be started", &e))?;
        for chunk in chunks {
            let mut rest = chunk.bytes.as_slice();
            for (spot, len, digest) in chunk.lines {
                let Some((line, more)) = rest.split_at_checked(len) else { break };
                rest = more;
                checker.feed(spot, line, digest);
            }
        }
        let panicked = |_| Err(unavailable("reading it ended in a panic", "Report that."));
        hashing.join().unwrap_or_else(panicked)?;
        Ok(checker)
    })
}

fn hash(place: &Place, send: &SyncSender<Chunk>) -> Result<(), Fault> {
    let mut lines = RawLines::new(place, None)?;
    let mut chunk = Chunk::default();
    let mut raw = Vec::new();
    while let Some(spot) = lines.next(place, &mut raw)? {
        chunk.lines.push((spot, raw.len(), Digest::of(&[&raw])));
        chunk.bytes.extend_from_slice(&raw);
        if chunk.bytes.len() >= CHUNK {
            let full = std::mem::take(&mut chunk);
            chunk.bytes.reserve(CHUNK + CHUNK / 4);
            if send.send(full).is_err() {
                return Ok(());
            }
        }
    }
    // The receiver ends only with this thread's result.
    let _sent = send.send(chunk);
    Ok(())
}
