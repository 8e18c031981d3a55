//! Where the chain ends: the last whole line of the log, and what was torn after it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::core::plan::Digest;
use crate::core::reason::Fault;

use super::line::Head;
use super::place::{Day, Place, failed, unavailable};

/// How much of a file's end is read at first, in bytes; four times as much with each next try.
const WINDOW: u64 = 16 * 1024;

/// How much is read at most to find a whole line.
const WINDOW_MAX: u64 = 32 * 1024 * 1024;

/// Torn lines in a row, at most.
const TORN_MAX: usize = 64;

/// The end of the log.
#[derive(Debug)]
pub(super) struct Tail {
    /// The number of the last whole line; 0 before the first.
    pub(super) seq: u64,
    /// The digest of the last line, torn or whole.
    pub(super) prev: Digest,
    /// What has to be closed before the log goes on.
    pub(super) torn: Option<Torn>,
}

/// One or more torn lines at the end of the log.
#[derive(Debug)]
pub(super) struct Torn {
    /// Their length in bytes, with the newlines between them.
    pub(super) bytes: u64,
    /// The digests of the last whole line and of each torn one but the last, which `prev` covers.
    pub(super) after: Vec<Digest>,
    /// Whether the last byte of the log is no newline.
    pub(super) open: bool,
}

/// Torn lines, last one first.
#[derive(Debug, Default)]
struct Pieces {
    digests: Vec<Digest>,
    bytes: u64,
}

impl Pieces {
    fn push(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.digests.push(Digest::of(&[piece]));
    }

    fn append(&mut self, older: &mut Self) {
        self.bytes += older.bytes;
        self.digests.append(&mut older.digests);
    }

    /// The end of a log whose last whole line is `seq` with `digest`.
    fn end(self, seq: u64, digest: Digest, open: bool) -> Tail {
        let mut after: Vec<Digest> =
            std::iter::once(digest).chain(self.digests.into_iter().rev()).collect();
        let prev = after.pop().unwrap_or(digest);
        // One newline stands between two of them.
        let bytes = self.bytes + (after.len() as u64).saturating_sub(1);
        let torn = (!after.is_empty()).then_some(Torn { bytes, after, open });
        Tail { seq, prev, torn }
    }
}

/// Finds the end of the log in the files of `days`, oldest first.
pub(super) fn find(place: &Place, days: &[Day]) -> Result<Tail, Fault> {
    let mut torn = Pieces::default();
    let mut open = None;
    for day in days.iter().rev() {
        let Some(file) = place.reader(*day)? else { continue };
        let Some(mut end) = read_end(&file, *day)? else { continue };
        // Only the newest file is still written to.
        let open = *open.get_or_insert(end.open);
        torn.append(&mut end.torn);
        if torn.digests.len() > TORN_MAX {
            return Err(damaged(*day));
        }
        match end.whole {
            // Only its newline is missing: it counts, and the tear is still told.
            Some((seq, prev, bytes)) if open && torn.digests.is_empty() => {
                let torn = Some(Torn { bytes, after: Vec::new(), open });
                return Ok(Tail { seq, prev, torn });
            }
            Some((seq, digest, _)) => return Ok(torn.end(seq, digest, open)),
            None => {}
        }
    }
    Ok(torn.end(0, Digest::ZERO, open.unwrap_or(false)))
}

/// The end of one file: its last whole line (number, digest, length) and what is torn after it.
#[derive(Debug)]
struct End {
    whole: Option<(u64, Digest, u64)>,
    torn: Pieces,
    open: bool,
}

/// Reads backwards to the last whole line; none if the file is empty.
fn read_end(file: &File, day: Day) -> Result<Option<End>, Fault> {
    let size = file.metadata().map_err(|e| failed(day, &e))?.len();
    if size == 0 {
        return Ok(None);
    }
    let mut window = WINDOW;
    loop {
        let start = size.saturating_sub(window);
        let mut bytes = vec![0; usize::try_from(size - start).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, start).map_err(|e| failed(day, &e))?;
        let end = walk_back(&bytes, start == 0);
        if end.whole.is_some() || start == 0 {
            return Ok(Some(end));
        }
        if window >= WINDOW_MAX || end.torn.digests.len() > TORN_MAX {
            return Err(damaged(day));
        }
        window *= 4;
    }
}

/// Walks from the end to the first whole line. Without `complete` the first piece is cut.
fn walk_back(bytes: &[u8], complete: bool) -> End {
    let (open, body) = match bytes.split_last() {
        Some((b'\n', body)) => (false, body),
        _ => (true, bytes),
    };
    let mut end = End { whole: None, torn: Pieces::default(), open };
    let skip = usize::from(!complete);
    let lines: Vec<&[u8]> = body.split(|b| *b == b'\n').skip(skip).collect();
    for line in lines.iter().rev() {
        if let Some(head) = Head::parse(line) {
            end.whole = Some((head.seq, Digest::of(&[line]), line.len() as u64));
            break;
        }
        end.torn.push(line);
    }
    end
}

fn damaged(day: Day) -> Fault {
    unavailable(
        format_args!("{day} ends in bytes that are no records"),
        "Run `countersign audit verify`, move the log away, then try again.",
    )
}
