//! What every store of asks keeps to, and its refusals.

use time::{Duration, OffsetDateTime};

use crate::core::ask::{Ask, AskId};
use crate::core::reason::{Fault, Reason};
use crate::core::record::timestamp;
use crate::core::text;

/// How long it is remembered what became of an ask.
pub(super) const KEPT: Duration = Duration::days(30);

/// Asks that are decided or spent and remembered, at most.
pub(super) const CLOSED_MAX: usize = 10_000;

/// Asks that one look finds overdue, at most.
pub(super) const OVERDUE_MAX: usize = 100;

/// The refusal of what was denied lately, with the words that it was denied with.
pub(super) fn cooling_down(words: Option<&str>, ends: OffsetDateTime) -> Fault {
    let words = words.map(|words| format!(", with the words `{}`", text::name(words)));
    Fault::new(
        Reason::CoolingDown,
        format!(
            "A person denied this lately{}. Nobody is asked for it again before {}, and asking in \
             other words does not help. Do without it.",
            words.unwrap_or_default(),
            timestamp(ends)
        ),
    )
}

/// The refusal of one ask too many.
pub(super) fn too_many(open_max: usize) -> Fault {
    Fault::new(
        Reason::Limit,
        format!(
            "{open_max} asks of yours are open or were taken back lately, which is as many as may be. \
             Wait until a person has decided, or some have expired."
        ),
    )
}

/// The refusal of an ask whose id is another's.
pub(super) fn taken(id: AskId) -> Fault {
    Fault::new(
        Reason::StateUnavailable,
        format!("There is an ask {id} already, so this one was not kept. Ask again."),
    )
}

/// The refusal of a turn of what there is not.
pub(super) fn not_found(id: AskId) -> Fault {
    Fault::new(Reason::NotFound, format!("There is no ask {id}, or none any more."))
}

/// The refusal of what this or another process is doing.
pub(super) fn held(id: AskId) -> Fault {
    Fault::new(Reason::Busy, format!("The ask {id} is being spent at this moment."))
}

/// Whether an ask waits, or its approval does, at that time.
pub(super) fn is_open(ask: &Ask, now: OffsetDateTime) -> bool {
    ask.state.is_open() && now < ask.expires
}
