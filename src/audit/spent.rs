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
    // From the first line of its day: what a line says of its time is not believed.
    let mut lines = RawLines::new(&place, Some((Day::of(made), 0)))?;
    let mut raw = Vec::new();
    let mut approved = None;
    let mut found: Option<(Event, Value)> = None;
    while let Some(spot) = lines.next(&place, &mut raw)? {
        // Most lines are of something else, and are not read; one without an end is being written.
        if !spot.ended || !names.is_match(&raw) {
            continue;
        }
        let Some(Told { event, request, by }) = told(&raw, &ask)? else { continue };
        // Requests that presented it in vain have lines of their own.
        let is_outcome = event.is_outcome()
            && found.as_ref().is_some_and(|(is, of)| *is == Event::Allowed && *of == request);
        match event {
            // An ask is approved once: whoever sets its state back approves nothing more.
            Event::AskApproved => approved = approved.or(by),
            // The first that spends or closes it counts, and how that ended.
            _ if is_outcome => found = Some((event, request)),
            Event::Allowed => found = found.or(Some((event, request))),
            _ if event.closes_ask() => found = found.or(Some((event, request))),
            _ => {}
        }
    }
    let request = found.as_ref().and_then(|(_, request)| request.get(1)?.as_str());
    let request = request.map(str::to_owned);
    Ok(Recorded { approved, spent: found.map(|(event, _)| event), request })
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

#[cfg(test)]
mod tests {
    use time::Duration;
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
                let ask = r#""ask":"K7Q2-M4XD","session":"s","req":"r","approver":{"uid":7}"#;
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

    fn found(lines: &[(i64, &str)]) -> (Option<u32>, Option<Event>) {
        let folder = log(lines);
        let ask = AskId::parse("K7Q2-M4XD").unwrap();
        let Recorded { approved, spent, .. } = recorded(folder.path(), ask, MADE).unwrap();
        (approved, spent)
    }

    #[test]
    fn what_stands_since_the_day_of_the_ask_is_found_whatever_time_it_says() {
        let (approved, allowed) = ("ask_approved", "allowed");
        assert_eq!(found(&[]), (None, None));
        assert_eq!(found(&[(0, "preview"), (1, approved)]), (Some(7), None));
        assert_eq!(found(&[(0, approved), (0, allowed)]), (Some(7), Some(Event::Allowed)));
        assert_eq!(
            found(&[(1, approved), (2, allowed), (4, "done")]),
            (Some(7), Some(Event::Done))
        );
        assert_eq!(found(&[(1, "ask_denied")]), (None, Some(Event::AskDenied)));
        assert_eq!(found(&[(-100, approved), (-100, allowed)]), (Some(7), Some(Event::Allowed)));
        // What comes first counts.
        let closed = (Some(7), Some(Event::AskRevoked));
        assert_eq!(found(&[(1, approved), (2, "ask_revoked"), (3, allowed), (4, "done")]), closed);
        let spent = (Some(7), Some(Event::Allowed));
        assert_eq!(found(&[(1, approved), (2, allowed), (3, "ask_revoked")]), spent);
    }

    #[test]
    fn a_line_about_it_that_cannot_be_read_is_not_passed_over() {
        let folder = log(&[(1, "ask_approved")]);
        let file = folder.path().join(Day::of(MADE).to_string());
        let ask = AskId::parse("K7Q2-M4XD").unwrap();
        for (line, is_read) in [
            ("{\"ask\":\"AAAA-AAAA\"\n", true),
            ("{\"ask\":\"K7Q2-M4XD\",\"event\":\"ask_rev", true),
            ("oked\"]\n", false),
        ] {
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text + line).unwrap();
            assert_eq!(recorded(folder.path(), ask, MADE).is_ok(), is_read, "{line}");
        }
    }
}
