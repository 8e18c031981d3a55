//! Logs of containers.

use std::fmt;
use std::ops::ControlFlow;

use time::OffsetDateTime;

use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::ports::BoxFuture;

/// Reading logs.
pub trait LookLogs: Send + Sync + fmt::Debug {
    /// Streams a container's log, oldest first, until its end or until `each` breaks. Lines come
    /// whole: fragments joined, time stamps taken off, without the line feed.
    fn logs<'a>(
        &'a self,
        id: &'a FullId,
        query: &'a LogQuery,
        each: &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send),
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// A stream of a container's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output; all there is with a terminal.
    Out,
    /// Standard error.
    Err,
}

/// Which part of a log to stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// With standard output.
    pub out: bool,
    /// With standard error.
    pub err: bool,
    /// The last so many lines of each stream; none for all. The engine may count long lines more
    /// than once, so ask for more and count yourself.
    pub tail: Option<u32>,
    /// Not before, in whole seconds: lines of the second in which it lies may come from before it.
    pub since: Option<OffsetDateTime>,
    /// Not after, in whole seconds: lines of the second in which it lies may come from after it.
    pub until: Option<OffsetDateTime>,
    /// A longer line is cut after so many bytes.
    pub line_bytes_max: usize,
}

/// One line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Where it was written.
    pub stream: Stream,
    /// When, as the engine writes it.
    pub timestamp: &'a str,
    /// What, at most `line_bytes_max` bytes of it.
    pub bytes: &'a [u8],
    /// How long it was before it was cut.
    pub full_len: usize,
}
