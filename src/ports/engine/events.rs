//! What happened in an engine.

use time::OffsetDateTime;

/// Which events to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Not before.
    pub since: OffsetDateTime,
    /// Not after; a moment that has passed, so that the answer ends.
    pub until: OffsetDateTime,
    /// The type of thing that they are of, as the engine words it: `container`; none for all.
    pub kind: Option<&'static str>,
}

/// Something that happened. All of it is text from outside, since labels stand among the engine's
/// own attributes; the labels themselves are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happening {
    /// When, in nanoseconds since 1970.
    pub at_nanos: i64,
    /// The type of thing that it happened to.
    pub kind: String,
    /// What happened. Of an exec it holds the command line, which can hold secrets.
    pub action: String,
    /// The thing's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image of a container.
    pub image: String,
    /// The exit code of what ended.
    pub exit_code: String,
    /// The signal that was sent.
    pub signal: String,
    /// The container that a network or a volume was joined to.
    pub container: String,
}
