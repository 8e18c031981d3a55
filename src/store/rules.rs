//! What every store of asks keeps to, and its refusals.

use time::{Duration, OffsetDateTime};

use crate::core::ask::{Ask, AskId, State};
use crate::core::reason::{Fault, Reason};
use crate::core::record::second;

/// How long a closed ask is kept, which is as long as a denial cools down at most. Its document holds in
/// the open what the audit log has by its seal.
pub(super) const KEPT: Duration = Duration::days(1);

/// Closed asks that are kept, at most.
pub(super) const CLOSED_MAX: usize = 1000;

/// Asks that the refusal of one more names, at most.
const NAMED_MAX: usize = 16;

/// Asks that one look finds overdue, at most.
pub(super) const OVERDUE_MAX: usize = 100;

/// The refusal of one ask too many, with those that count and until when each of them does.
pub(super) fn too_many(counted: &[(AskId, OffsetDateTime)]) -> Fault {
    let until = |(id, at): &(AskId, OffsetDateTime)| format!("{id} until {}", second(*at));
    let named: Vec<String> = counted.iter().take(NAMED_MAX).map(until).collect();
    let more = match counted.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Fault::new(
        Reason::Limit,
        format!(
            "{} asks of yours are open, or were taken back and would be, which is as many as may be: \
             {}{more}. To take one back frees no place before its time. Wait for a decision with \
             `check_ask`, spend what is approved, or do without.",
            counted.len(),
            named.join(", ")
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

/// Whether nothing becomes of an ask any more.
pub(super) fn is_closed(ask: &Ask) -> bool {
    !ask.state.is_open() && ask.state != State::Executing
}
