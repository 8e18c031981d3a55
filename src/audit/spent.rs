//! What became of an ask that was spent, as the log has it: what others can write in the state that
//! processes share is not enough to spend one twice, nor to tell how it ended.

use std::path::Path;

use regex::bytes::Regex;
use serde_json::Value;
use time::OffsetDateTime;

use super::place::{Day, Place, unavailable};
use super::read::RawLines;
use crate::core::ask::AskId;
use crate::core::reason::Fault;
use crate::core::record::Event;

/// What is looked for.
const EVENTS: [Event; 4] = [Event::Allowed, Event::Done, Event::Failed, Event::Unknown];

/// What the log in `dir` holds of the spending of this ask, which was made at that moment: nothing, its
/// intent, or the outcome of that.
pub(super) fn spent(dir: &Path, ask: AskId, made: OffsetDateTime) -> Result<Option<Event>, Fault> {
    let Some(place) = Place::existing(dir)? else { return Ok(None) };
    let ask = ask.to_string();
    let names = Regex::new(&regex::escape(&ask)).map_err(|error| {
        unavailable(format_args!("{ask} cannot be looked for: {error}"), "Report that.")
    })?;
    let mut lines = RawLines::new(&place, Some((Day::of(made), 0)))?;
    let mut raw = Vec::new();
    let mut found: Option<(Event, Value)> = None;
    while lines.next(&place, &mut raw)?.is_some() {
        // Most lines are of something else, and are not read.
        if !names.is_match(&raw) {
            continue;
        }
        let Some((event, request)) = event(&raw, &ask) else { continue };
        // Requests that presented it in vain have lines of their own.
        let is_outcome = found.as_ref().is_some_and(|(_, of)| *of == request);
        if event == Event::Allowed || is_outcome {
            found = Some((event, request));
        }
    }
    Ok(found.map(|(event, _)| event))
}

/// The event of an intent or an outcome of this ask, and the request that it belongs to.
fn event(line: &[u8], ask: &str) -> Option<(Event, Value)> {
    let record: Value = serde_json::from_slice(line).ok()?;
    record.get("ask").filter(|of| *of == ask)?;
    let said = record.get("event")?;
    let event = EVENTS.into_iter().find(|event| said == event.as_str())?;
    let of = |key| record.get(key).cloned().unwrap_or_default();
    Some((event, Value::Array(vec![of("session"), of("req")])))
}
