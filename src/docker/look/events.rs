//! What happened in the engine: a stream of one JSON object a line, which ends by itself since the
//! stretch of time that is asked for has passed. Podman tells nothing of a stretch that has an end
//! and has passed: it is asked for all that came since, without waiting for more, which Docker does
//! not know how to do.

use hyper::StatusCode;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::path;
use crate::core::reason::{Fault, Reason};
use crate::docker::model::answers;
use crate::docker::{DockerEngine, fault, odd};
use crate::ports::engine::{EventQuery, Happening, LookSystem as _, is_podman};

/// The bytes of one event, at most: its labels stand in it.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// The characters of a word of an event, at most: of thousands of events all are kept.
const WORD_CHARS_MAX: usize = 512;

/// The characters of what happened, at most. Of an exec it holds the command line, in which a secret
/// is known for one only by its whole length.
const ACTION_CHARS_MAX: usize = 4096;

/// What is done with each.
type Each<'a> = &'a mut (dyn FnMut(Happening) + Send);

answers! {
    /// A line of `GET /events`.
    Event {
        kind: String = "Type",
        action: String = "Action",
        actor: Actor = "Actor",
        seconds: i64 = "time",
        nanos: i64 = "timeNano",
    }

    Actor {
        id: String = "ID",
        attributes: Attributes = "Attributes",
    }

    Attributes {
        name: String = "name",
        image: String = "image",
        exit_code: String = "exitCode",
        signal: String = "signal",
        container: String = "container",
    }
}

impl DockerEngine {
    /// Tells what happened. Past its deadline it is a `timeout`.
    pub(super) async fn happenings(&self, query: &EventQuery, each: Each<'_>) -> Result<(), Fault> {
        let limit = self.deadlines.log;
        timeout(limit, self.stream_events(query, each)).await.unwrap_or_else(|_| {
            Err(Fault::new(
                Reason::Timeout,
                format!(
                    "The events were not told to their end within {} s. Ask for less: a later \
                     `since`, or one `type`.",
                    limit.as_secs()
                ),
            ))
        })
    }

    async fn stream_events(&self, query: &EventQuery, each: Each<'_>) -> Result<(), Fault> {
        let wire = self.wire()?;
        let path = events_path(query, is_podman(&self.engine_id().await?));
        let until = query.until.unix_timestamp_nanos();
        let each: Each<'_> = &mut |one: Happening| {
            if i128::from(one.at_nanos) <= until {
                each(one);
            }
        };
        let (mut connection, response) = self.in_time(wire.open(&path)).await?;
        if response.status() != StatusCode::OK {
            let answer = self.in_time(connection.read(response)).await?;
            return Err(fault::refused("events", &answer));
        }
        let mut lines = Lines::default();
        let mut body = response.into_body();
        let idle = self.deadlines.log_idle;
        loop {
            match timeout(idle, connection.next(&mut body)).await {
                Err(_) => return Err(fault::late(&wire.endpoint, idle.as_secs())),
                Ok(Err(broken)) => return Err(fault::unread(&wire.endpoint, broken)),
                Ok(Ok(Some(data))) => lines.feed(&data, each)?,
                Ok(Ok(None)) => break,
            }
        }
        lines.finish(each)?;
        wire.keep(connection);
        Ok(())
    }
}

/// Events as they come in, whatever the pieces that they come in.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn feed(&mut self, mut data: &[u8], each: Each<'_>) -> Result<(), Fault> {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(end);
            self.0.extend_from_slice(line);
            self.finish(each)?;
            data = rest.get(1..).unwrap_or_default();
        }
        self.0.extend_from_slice(data);
        if self.0.len() > EVENT_BYTES_MAX {
            return Err(odd("events", "an event is too long"));
        }
        Ok(())
    }

    /// Takes what came in since the last line feed for an event.
    fn finish(&mut self, each: Each<'_>) -> Result<(), Fault> {
        if !self.0.trim_ascii().is_empty() {
            let event = serde_json::from_slice(&self.0);
            each(happening(event.map_err(|error| odd("events", error.to_string()))?));
        }
        self.0.clear();
        Ok(())
    }
}

fn happening(event: Event) -> Happening {
    let Event { kind, action, actor, seconds, nanos } = event;
    let Actor { id, attributes } = actor;
    let Attributes { name, image, exit_code, signal, container } = attributes;
    let [kind, id, name, image, exit_code, signal, container] =
        [kind, id, name, image, exit_code, signal, container].map(|word| cut(word, WORD_CHARS_MAX));
    let action = cut(action, ACTION_CHARS_MAX);
    let at_nanos = if nanos == 0 { seconds.saturating_mul(1_000_000_000) } else { nanos };
    Happening { at_nanos, kind, action, id, name, image, exit_code, signal, container }
}

/// The beginning of a text, without the memory of its rest.
fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

fn events_path(query: &EventQuery, podman: bool) -> String {
    let end = if podman { ("stream", "false".to_owned()) } else { ("until", stamp(query.until)) };
    let mut parameters = vec![("since", stamp(query.since)), end];
    if let Some(kind) = query.kind {
        parameters.push(("filters", json!({ "type": [kind] }).to_string()));
    }
    path("/events", &parameters)
}

/// A moment as engines read it. Zero would mean none to them.
fn stamp(at: OffsetDateTime) -> String {
    if at.unix_timestamp() < 1 {
        return "1".to_owned();
    }
    format!("{}.{:09}", at.unix_timestamp(), at.nanosecond())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const DIED: &str = r#"{"status":"die","id":"c1","from":"app:1","Type":"container",
        "Action":"die","Actor":{"ID":"c1","Attributes":{"exitCode":"137","image":"app:1",
        "name":"web","secret.label":"hunter2"}},"scope":"local","time":1769860800,
        "timeNano":1769860800000000007}"#;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Happening>, Fault> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        let mut each = |one| seen.push(one);
        for piece in pieces {
            lines.feed(piece, &mut each)?;
        }
        lines.finish(&mut each)?;
        Ok(seen)
    }

    #[test]
    fn events_come_whole_whatever_the_pieces() {
        let one = DIED.replace('\n', " ");
        let both = format!("{one}\n{{\"Type\":\"network\",\"time\":7}}\r\n\n");
        let whole = read(&[both.as_bytes()]).unwrap();
        assert_eq!((whole.len(), whole[0].at_nanos), (2, 1_769_860_800_000_000_007));
        assert_eq!((whole[0].name.as_str(), whole[0].exit_code.as_str()), ("web", "137"));
        assert_eq!((whole[1].at_nanos, whole[1].kind.as_str()), (7_000_000_000, "network"));
        assert!(!format!("{whole:?}").contains("hunter2"), "labels stay where they are");
        for size in [1, 7, 64] {
            let pieces: Vec<&[u8]> = both.as_bytes().chunks(size).collect();
            assert_eq!(read(&pieces).unwrap(), whole);
        }
        assert_eq!(read(&[one.as_bytes()]).unwrap().len(), 1, "the last line may have no end");
    }

    #[test]
    fn what_is_no_event_is_not_taken_for_one() {
        for bad in ["{\"Type\":", "<html>\n", "[1]\n"] {
            assert_eq!(read(&[bad.as_bytes()]).unwrap_err().reason, Reason::EngineError, "{bad}");
        }
        let endless = vec![b' '; EVENT_BYTES_MAX + 1];
        assert_eq!(read(&[&endless]).unwrap_err().reason, Reason::EngineError);
    }

    #[test]
    fn nothing_of_an_event_is_kept_in_full_length() {
        let long = "é".repeat(50_000);
        let event = json!({
            "Type": long, "Action": long, "time": 7,
            "Actor": {"ID": long, "Attributes": {"name": long, "image": long, "exitCode": long,
                "signal": long, "container": long, "else": long}},
        });
        let seen = read(&[event.to_string().as_bytes()]).unwrap().remove(0);
        let Happening { kind, action, id, name, image, exit_code, signal, container, .. } = &seen;
        for word in [kind, id, name, image, exit_code, signal, container] {
            assert_eq!((word.chars().count(), word.capacity()), (512, 1024));
        }
        assert_eq!((action.chars().count(), action.capacity()), (4096, 8192));
        let short = event.to_string().replace(&long, "é");
        assert_eq!(read(&[short.as_bytes()]).unwrap()[0].action, "é");
    }

    #[test]
    fn the_stretch_of_time_is_always_given() {
        let (since, until) =
            (datetime!(1970-01-01 0:01:00.9 UTC), datetime!(1970-01-01 0:02:00 UTC));
        let query = EventQuery { since, until, kind: None };
        assert_eq!(events_path(&query, false), "/events?since=60.900000000&until=120.000000000");
        assert_eq!(events_path(&query, true), "/events?since=60.900000000&stream=false");
        let early = EventQuery {
            since: datetime!(1900-01-01 0:00 UTC),
            until: datetime!(1900-01-01 0:00 UTC),
            kind: Some("image"),
        };
        let filters = "%7B%22type%22%3A%5B%22image%22%5D%7D";
        assert_eq!(
            events_path(&early, false),
            format!("/events?since=1&until=1&filters={filters}")
        );
    }
}
