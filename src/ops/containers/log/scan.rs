//! How far to search a log. An engine counts pieces of long lines, and counts before it looks at
//! streams and at `until`; so we ask for more than is wanted, count ourselves, and ask for more
//! still where that was too little.

use std::ops::ControlFlow;
use std::time::Duration;

use regex::bytes::Regex;
use tokio::time::timeout;

use super::Streams;
use super::keep::{Keeper, Kept, Rule};
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::ops::when::Window;
use crate::ports::engine::{LogQuery, Look};

/// Lines that are searched, at most.
pub(super) const LINES_MAX: u32 = 100_000;

/// Bytes that are searched, at most.
pub(super) const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long a search may take, however often the log is read for it.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Lines that are asked for beyond those that are wanted: one shows that there are older ones. Where
/// the engine counted a long line more than once, it is asked again.
const SPARE: u32 = 1;

/// How much more is asked for where it was too little.
const GROWTH: u32 = 16;

/// An engine's pieces of a line, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// The part of a line in which a pattern is looked for, in bytes.
pub(super) const SEARCHED_BYTES_MAX: usize = 256 * 1024;

/// What to look for in one log.
#[derive(Debug)]
pub(in crate::ops) struct Scan {
    pub(in crate::ops) streams: Streams,
    pub(in crate::ops) window: Window,
    pub(in crate::ops) pattern: Option<Regex>,
    pub(in crate::ops) context: usize,
    /// Lines wanted, or matching lines.
    pub(in crate::ops) tail: u32,
    /// Bytes of all lines together, at most.
    pub(in crate::ops) bytes_max: usize,
    /// Bytes of one line, at most.
    pub(in crate::ops) line_bytes_max: usize,
}

/// Which part of what was asked for has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it.
    All,
    /// The newest lines; there are older ones.
    Newest,
    /// The oldest lines of the window; there are newer ones.
    Oldest,
}

/// What was found.
#[derive(Debug)]
pub(in crate::ops) struct Found {
    pub(super) lines: Vec<Kept>,
    /// Lines of the wanted streams and window that were looked at.
    pub(super) searched: u64,
    /// Bytes that were read for that.
    pub(super) bytes: u64,
    /// Lines that match.
    pub(super) hits: u64,
    pub(super) reach: Reach,
    /// Whether the limit of lines or bytes ended the search.
    pub(super) limited: bool,
    /// Lines that are longer than what is searched of one.
    pub(super) overlong: u64,
}

/// One reading of the log.
struct Pass<'a> {
    keeper: Keeper<'a>,
    /// Pieces as the engine counts them; never fewer than it does.
    pieces: u64,
    bytes: u64,
    overlong: u64,
    stopped: bool,
}

impl Scan {
    /// Reads the log as often as it takes, mostly once.
    ///
    /// # Errors
    /// `timeout` if all readings together take longer than [`TIME_MAX`], and what a reading fails
    /// with.
    pub(in crate::ops) async fn run(&self, look: &dyn Look, id: &FullId) -> Result<Found, Fault> {
        timeout(TIME_MAX, self.read(look, id)).await.unwrap_or_else(|_| {
            Err(Fault::new(
                Reason::Timeout,
                format!(
                    "The log was not searched to its end within {} s. Set since= and until= around \
                     what you look for, or a smaller tail=.",
                    TIME_MAX.as_secs()
                ),
            ))
        })
    }

    async fn read(&self, look: &dyn Look, id: &FullId) -> Result<Found, Fault> {
        let all = self.pattern.is_some();
        let mut ask = if all { LINES_MAX } else { LINES_MAX.min(self.tail + SPARE) };
        let mut limited = false;
        let pass = loop {
            // At a single line there is nothing left to halve, so that one is read whatever it is.
            let bytes_max = if all && ask > 1 { BYTES_MAX } else { u64::MAX };
            let pass = self.pass(look, id, Some(ask), (u64::MAX, bytes_max)).await?;
            if pass.stopped {
                // What was not reached is the newest, so read again from nearer to the end.
                limited = true;
                ask = (ask / 2).min(u32::try_from(pass.pieces / 2).unwrap_or(ask)).max(1);
                continue;
            }
            if pass.pieces < u64::from(ask) && !limited {
                return Ok(pass.found(Reach::All, false));
            }
            let enough = pass.keeper.lines > u64::from(self.tail) || pass.keeper.full;
            if !all && enough {
                return Ok(pass.found(Reach::Newest, false));
            }
            if limited || ask >= LINES_MAX {
                break pass;
            }
            ask = ask.saturating_mul(GROWTH).min(LINES_MAX);
        };
        if self.window.since.is_none() || self.window.until.is_none() {
            return Ok(pass.found(Reach::Newest, true));
        }
        // The window begins before what was read. Read it from its beginning instead.
        let limits = (u64::from(LINES_MAX), BYTES_MAX);
        let whole = self.pass(look, id, None, limits).await?;
        Ok(match whole.stopped {
            false => whole.found(Reach::All, false),
            true if pass.keeper.lines > 0 => pass.found(Reach::Newest, true),
            true => whole.found(Reach::Oldest, true),
        })
    }

    async fn pass(
        &self,
        look: &dyn Look,
        id: &FullId,
        tail: Option<u32>,
        (lines_max, bytes_max): (u64, u64),
    ) -> Result<Pass<'_>, Fault> {
        let Self { streams, window, context, line_bytes_max, .. } = *self;
        let rule = Rule {
            streams,
            window,
            pattern: self.pattern.as_ref(),
            context,
            tail: usize::try_from(self.tail).unwrap_or(usize::MAX),
            bytes_max: self.bytes_max,
            line_bytes_max,
        };
        let keeper = Keeper::new(rule);
        let mut pass = Pass { keeper, pieces: 0, bytes: 0, overlong: 0, stopped: false };
        let query = LogQuery {
            out: true,
            err: true,
            tail,
            since: window.since,
            // With a tail the engine would count before it looks at this.
            until: if tail.is_some() { None } else { window.until },
            line_bytes_max: match self.pattern {
                Some(_) => SEARCHED_BYTES_MAX,
                None => line_bytes_max + 4,
            },
        };
        let mut read = 0_u64;
        look.logs(id, &query, &mut |line| {
            let len = u64::try_from(line.full_len).unwrap_or(u64::MAX);
            if read >= lines_max || pass.bytes.saturating_add(len) > bytes_max {
                pass.stopped = true;
                return ControlFlow::Break(());
            }
            read += 1;
            pass.bytes += len;
            pass.pieces += u64::try_from(line.full_len / PIECE_BYTES).unwrap_or(u64::MAX) + 1;
            pass.overlong += u64::from(line.full_len > SEARCHED_BYTES_MAX);
            pass.keeper.push(&line);
            ControlFlow::Continue(())
        })
        .await?;
        Ok(pass)
    }
}

impl Pass<'_> {
    fn found(self, reach: Reach, limited: bool) -> Found {
        let Keeper { lines: searched, hits, .. } = self.keeper;
        Found {
            searched,
            hits,
            lines: self.keeper.into_lines(),
            bytes: self.bytes,
            reach,
            limited,
            overlong: self.overlong,
        }
    }
}
