//! Whether an ask was spent, as the log has it: what others can write in the state that processes share
//! is not enough to spend one twice.

use std::path::Path;

use serde_json::Value;
use time::OffsetDateTime;

use super::place::{Day, Place};
use super::read::RawLines;
use crate::core::ask::AskId;
use crate::core::reason::Fault;
use crate::core::record::Event;

/// Whether the log in `dir` holds an intent of this ask, which was made at that moment.
pub(super) fn has_spent(dir: &Path, ask: AskId, made: OffsetDateTime) -> Result<bool, Fault> {
    let Some(place) = Place::existing(dir)? else { return Ok(false) };
    let ask = ask.to_string();
    let mut lines = RawLines::new(&place, Some((Day::of(made), 0)))?;
    let mut raw = Vec::new();
    while lines.next(&place, &mut raw)?.is_some() {
        // Most lines are of something else, and are not read.
        let named = raw.windows(ask.len()).any(|bytes| bytes == ask.as_bytes());
        if named && is_intent(&raw, &ask) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_intent(line: &[u8], ask: &str) -> bool {
    let record: Value = serde_json::from_slice(line).unwrap_or_default();
    record.get("event").is_some_and(|event| event == Event::Allowed.as_str())
        && record.get("ask").is_some_and(|of| of == ask)
}
