//! What became of an ask, as the log has it: what others can write in the state that processes share is
//! not enough to spend one twice, nor one that was taken back, nor to tell how it ended.

use std::os::unix::fs::FileExt;
use std::path::Path;

use regex::bytes::Regex;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::place::{Day, Place, failed, unavailable};
use super::read::RawLines;
use crate::core::ask::{AskId, Recorded};
use crate::core::reason::Fault;
use crate::core::record::{Event, LINE_BYTES_MAX};

/// How much of a day's file is read at first, in bytes, from its end; four times as much with each next
/// try.
const BACK: u64 = 256 * 1024;

/// How far a clock may be set back without anything being missed.
const SLACK: Duration = Duration::minutes(10);

/// What the log in `dir` holds of this ask, which was made at that moment.
pub(super) fn recorded(dir: &Path, ask: AskId, made: OffsetDateTime) -> Result<Recorded, Fault> {
    let Some(place) = Place::existing(dir)? else { return Ok(Recorded::default()) };
    let ask = ask.to_string();
    let names = Regex::new(&regex::escape(&ask)).map_err(|error| {
        unavailable(format_args!("{ask} cannot be looked for: {error}"), "Report that.")
    })?;
    let day = Day::of(made);
    let mut lines = RawLines::new(&place, Some((day, begins(&place, day, made)?)))?;
    let mut raw = Vec::new();
    let mut approved = false;
    let mut found: Option<(Event, Value)> = None;
    while lines.next(&place, &mut raw)?.is_some() {
        // Most lines are of something else, and are not read.
        if !names.is_match(&raw) {
            continue;
        }
        let Some((event, request)) = event(&raw, &ask) else { continue };
        // Requests that presented it in vain have lines of their own.
        let is_outcome = found.as_ref().is_some_and(|(_, of)| *of == request);
        match event {
            Event::AskApproved => approved = true,
            // A read has no intent: what it spent is spent by its line.
            Event::Read => found = Some((Event::Done, request)),
            Event::Allowed => found = Some((event, request)),
            _ if is_outcome || (event.closes_ask() && found.is_none()) => {
                found = Some((event, request));
            }
            _ => {}
        }
    }
    Ok(Recorded { approved, spent: found.map(|(event, _)| event) })
}

/// Where to begin in the file of a day: at a line from before that moment, near the file's end as far
/// as there is one. A log of many lines is not read whole for one ask.
fn begins(place: &Place, day: Day, made: OffsetDateTime) -> Result<u64, Fault> {
    let Some(file) = place.reader(day)? else { return Ok(0) };
    let error = |e| failed(format_args!("{day} cannot be read"), &e);
    let size = file.metadata().map_err(error)?.len();
    let mut back = BACK;
    while back < size {
        let start = size - back;
        let mut line = vec![0; 2 * LINE_BYTES_MAX];
        let read = file.read_at(&mut line, start).map_err(error)?;
        // The first line is one that began earlier.
        let mut parts = line.get(..read).unwrap_or_default().splitn(3, |byte| *byte == b'\n');
        let skipped = parts.next().map_or(0, <[u8]>::len) as u64 + 1;
        if parts.next().and_then(at).is_some_and(|at| at < made.saturating_sub(SLACK)) {
            return Ok(start + skipped);
        }
        back = back.saturating_mul(4);
    }
    Ok(0)
}

/// When a line was written.
fn at(line: &[u8]) -> Option<OffsetDateTime> {
    let record: Value = serde_json::from_slice(line).ok()?;
    OffsetDateTime::parse(record.get("ts")?.as_str()?, &Rfc3339).ok()
}

/// The event of a line of this ask that may tell how it ended, and the request that it belongs to.
fn event(line: &[u8], ask: &str) -> Option<(Event, Value)> {
    let record: Value = serde_json::from_slice(line).ok()?;
    record.get("ask").filter(|of| *of == ask)?;
    let said = record.get("event")?;
    let tells = |event: &Event| {
        matches!(event, Event::AskApproved | Event::Read | Event::Allowed)
            || event.is_outcome()
            || event.closes_ask()
    };
    let event = Event::ALL.into_iter().filter(tells).find(|event| said == event.as_str())?;
    let of = |key| record.get(key).cloned().unwrap_or_default();
    Some((event, Value::Array(vec![of("session"), of("req")])))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::core::record::timestamp;

    const MADE: OffsetDateTime = datetime!(2026-01-02 12:00 UTC);

    /// A log of these lines, each so many minutes after the ask was made, between lines of others.
    fn log(lines: &[(i64, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for minute in -120..5 {
            let ts = timestamp(MADE + Duration::minutes(minute));
            for (_, event) in lines.iter().filter(|(at, _)| *at == minute) {
                let ask = r#""ask":"K7Q2-M4XD","session":"s","req":"r""#;
                text += &format!("{{\"ts\":\"{ts}\",\"event\":\"{event}\",{ask}}}\n");
            }
            for _ in 0..20 {
                text += &format!("{{\"ts\":\"{ts}\",\"more\":\"{}\"}}\n", "x".repeat(1000));
            }
        }
        let day = Day::of(MADE).to_string();
        std::fs::write(folder.path().join(day), text).unwrap();
        folder
    }

    fn found(lines: &[(i64, &str)]) -> (bool, Option<Event>) {
        let folder = log(lines);
        let ask = AskId::parse("K7Q2-M4XD").unwrap();
        let Recorded { approved, spent } = recorded(folder.path(), ask, MADE).unwrap();
        (approved, spent)
    }

    #[test]
    fn what_stands_since_the_ask_was_made_is_found_and_no_older_line_is_read() {
        let (approved, allowed) = ("ask_approved", "allowed");
        assert_eq!(found(&[]), (false, None));
        assert_eq!(found(&[(0, "preview"), (1, approved)]), (true, None));
        assert_eq!(found(&[(0, approved), (0, allowed)]), (true, Some(Event::Allowed)));
        assert_eq!(found(&[(1, approved), (2, allowed), (4, "done")]), (true, Some(Event::Done)));
        assert_eq!(found(&[(1, "ask_denied")]), (false, Some(Event::AskDenied)));
        // A clock that is set back a little hides nothing.
        assert_eq!(found(&[(-9, approved), (-9, allowed)]), (true, Some(Event::Allowed)));
        assert_eq!(found(&[(-100, approved), (-100, allowed)]), (false, None));
    }
}
