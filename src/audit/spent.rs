//! What became of an ask, as the log has it: what others can write in the state that processes share is
//! not enough to spend one twice, nor one that was taken back, nor to tell how it ended.

use std::path::Path;

use regex::bytes::Regex;
use serde_json::Value;
use time::OffsetDateTime;

use super::place::{Day, Place, unavailable};
use super::read::RawLines;
use crate::core::ask::{AskId, Recorded};
use crate::core::reason::Fault;
use crate::core::record::Event;

/// What the log in `dir` holds of this ask, which was made at that moment.
pub(super) fn recorded(dir: &Path, ask: AskId, made: OffsetDateTime) -> Result<Recorded, Fault> {
    let Some(place) = Place::existing(dir)? else { return Ok(Recorded::default()) };
    let ask = ask.to_string();
    let names = Regex::new(&regex::escape(&ask)).map_err(|error| {
        unavailable(format_args!("{ask} cannot be looked for: {error}"), "Report that.")
    })?;
    let mut lines = RawLines::new(&place, Some((Day::of(made), 0)))?;
    let mut raw = Vec::new();
    let mut approved = None;
    let mut found: Option<(Event, Value)> = None;
    while lines.next(&place, &mut raw)?.is_some() {
        // Most lines are of something else, and are not read.
        if !names.is_match(&raw) {
            continue;
        }
        let Some(Told { event, request, by }) = told(&raw, &ask)? else { continue };
        // Requests that presented it in vain have lines of their own.
        let is_outcome = found.as_ref().is_some_and(|(_, of)| *of == request);
        match event {
            Event::AskApproved => approved = by,
            Event::Allowed => found = Some((event, request)),
            _ if is_outcome || (event.closes_ask() && found.is_none()) => {
                found = Some((event, request));
            }
            _ => {}
        }
    }
    Ok(Recorded { approved, spent: found.map(|(event, _)| event) })
}

/// What a line tells of an ask.
struct Told {
    event: Event,
    /// The request that it belongs to.
    request: Value,
    /// The account of who decided.
    by: Option<u32>,
}

/// What a line that names an ask tells of it, if it is one of this ask that may tell how it ended.
fn told(line: &[u8], ask: &str) -> Result<Option<Told>, Fault> {
    let record: Value = serde_json::from_slice(line).map_err(|error| {
        unavailable(
            format_args!("A line about ask {ask} cannot be read: {error}"),
            "`countersign audit verify` says where the log is broken; ask anew.",
        )
    })?;
    if record.get("ask").is_none_or(|of| of != ask) {
        return Ok(None);
    }
    let tells = |event: &Event| {
        matches!(event, Event::AskApproved | Event::Allowed)
            || event.is_outcome()
            || event.closes_ask()
    };
    let said = record.get("event");
    let is_said = |event: &Event| said.is_some_and(|said| said == event.as_str());
    let Some(event) = Event::ALL.into_iter().filter(tells).find(is_said) else { return Ok(None) };
    let of = |key| record.get(key).cloned().unwrap_or_default();
    let by = record.pointer("/approver/uid").and_then(Value::as_u64);
    let by = by.and_then(|uid| u32::try_from(uid).ok());
    Ok(Some(Told { event, request: Value::Array(vec![of("session"), of("req")]), by }))
}
