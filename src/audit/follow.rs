//! Following the log: what was appended since one last looked, across the roll of a day.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::reason::Fault;

use super::place::{Day, Place, failed};
use super::read::{Entry, Spot};

/// How much one look reads, in bytes; the rest comes with the next.
const LOOK_BYTES: u64 = 4 * 1024 * 1024;

/// What is shown of a line that is longer than a look.
const LOOK_KEPT: usize = 1024;

/// A reader that comes back for more. It holds no file open between two looks.
#[derive(Debug)]
pub struct Follow {
    dir: PathBuf,
    at: Option<At>,
}

/// How far was read.
#[derive(Clone, Copy, Debug)]
struct At {
    day: Day,
    offset: u64,
    line: u64,
}

impl Follow {
    /// Starts before the oldest line.
    pub fn from_start(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), at: None }
    }

    /// The whole lines that are new, oldest first; none if there are none yet. A line without its
    /// newline is still being written, and waits.
    ///
    /// # Errors
    /// `audit_unavailable` if the folder is a link or cannot be read.
    pub fn look(&mut self) -> Result<Vec<Entry>, Fault> {
        let Some(place) = Place::existing(&self.dir)? else { return Ok(Vec::new()) };
        let start = self.at.map(|at| at.day);
        for day in place.days()?.into_iter().filter(|day| start.is_none_or(|s| *day >= s)) {
            let mut at = match self.at {
                Some(at) if at.day == day => at,
                _ => At { day, offset: 0, line: 0 },
            };
            let found = look_in(&place, &mut at)?;
            if !found.is_empty() {
                self.at = Some(at);
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

fn look_in(place: &Place, at: &mut At) -> Result<Vec<Entry>, Fault> {
    let Some(file) = place.reader(at.day)? else { return Ok(Vec::new()) };
    let error = |e| failed(format_args!("{} cannot be read", at.day), &e);
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(at.offset)).map_err(error)?;
    let mut bytes = Vec::new();
    file.take(LOOK_BYTES).read_to_end(&mut bytes).map_err(error)?;
    let mut found = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let Some(bare) = line.strip_suffix(b"\n") else { break };
        at.line += 1;
        let spot = Spot { day: at.day, line: at.line, start: at.offset, ended: true };
        at.offset += line.len() as u64;
        found.push(Entry::new(spot, bare.to_vec()));
    }
    if found.is_empty() && bytes.len() as u64 == LOOK_BYTES {
        // No record is as long as one look: told as a torn line in pieces.
        at.line += 1;
        let spot = Spot { day: at.day, line: at.line, start: at.offset, ended: false };
        at.offset += LOOK_BYTES;
        bytes.truncate(LOOK_KEPT);
        found.push(Entry::new(spot, bytes));
    }
    Ok(found)
}
