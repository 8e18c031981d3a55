//! A container's log, line by line.

mod decode;

use std::ops::ControlFlow;

use hyper::body::Incoming;
use tokio::time::timeout;

use self::decode::{Decoder, Each, Stop};
use super::fault;
use super::look::path;
use super::wire::{Answer, Connection};
use super::{DockerEngine, odd};
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::ports::engine::{CONTAINER, LogQuery};

/// Streams a log. The connection ends with the stream, so breaking off costs the engine no more.
pub(super) async fn stream(
    engine: &DockerEngine,
    id: &FullId,
    query: &LogQuery,
    each: Each<'_>,
) -> Result<(), Fault> {
    if !query.out && !query.err {
        return Err(Fault::invalid("A log needs at least one of its two streams."));
    }
    let limit = engine.deadlines.log;
    timeout(limit, read(engine, id, query, each)).await.unwrap_or_else(|_| {
        Err(Fault::new(
            Reason::Timeout,
            format!(
                "The log was not read to its end within {} s. Ask for less: a smaller `tail`, or a \
                 later `since`.",
                limit.as_secs()
            ),
        ))
    })
}

async fn read(
    engine: &DockerEngine,
    id: &FullId,
    query: &LogQuery,
    each: Each<'_>,
) -> Result<(), Fault> {
    let wire = engine.wire()?;
    let path = log_path(id, query);
    let (mut connection, response) = engine.in_time(wire.open(&path)).await?;
    if response.status() != hyper::StatusCode::OK {
        let answer = engine.in_time(connection.read(response)).await?;
        return Err(refusal(&answer));
    }
    let mut decoder = Decoder::new(query.line_bytes_max);
    let mut body = response.into_body();
    match decode_all(engine, &mut connection, &mut body, &mut decoder, each).await? {
        ControlFlow::Continue(()) => {
            wire.keep(connection);
            Ok(())
        }
        ControlFlow::Break(Stop::Enough) => Ok(()),
        ControlFlow::Break(Stop::Odd(why)) => Err(odd("log", why)),
        ControlFlow::Break(Stop::Engine(heard)) => {
            let said = fault::said(&heard);
            let message = format!("The engine broke the log off: {}", fault::shown(&said));
            Err(Fault::new(Reason::EngineError, message).with_detail(said))
        }
    }
}

async fn decode_all(
    engine: &DockerEngine,
    connection: &mut Connection,
    body: &mut Incoming,
    decoder: &mut Decoder,
    each: Each<'_>,
) -> Result<ControlFlow<Stop>, Fault> {
    let endpoint = &engine.wire()?.endpoint;
    let idle = engine.deadlines.log_idle;
    loop {
        match timeout(idle, connection.next(body)).await {
            Err(_) => return Err(fault::late(endpoint, idle.as_secs())),
            Ok(Err(broken)) => return Err(fault::unread(endpoint, broken)),
            Ok(Ok(None)) => return Ok(decoder.finish(each)),
            Ok(Ok(Some(data))) => {
                let flow = decoder.feed(&data, each);
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
    }
}

/// Time stamps are always asked for: with them no line of a terminal begins with bytes of its own.
fn log_path(id: &FullId, query: &LogQuery) -> String {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    let mut parameters = vec![
        ("stdout", flag(query.out)),
        ("stderr", flag(query.err)),
        ("timestamps", flag(true)),
        ("tail", query.tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string())),
    ];
    // Engines are only promised to take whole seconds. Zero means none to them, and is no limit to
    // `since`, but the earliest one to `until`.
    if let Some(since) = query.since {
        parameters.push(("since", since.unix_timestamp().max(0).to_string()));
    }
    if let Some(until) = query.until {
        let ceiling = until.unix_timestamp().saturating_add(i64::from(until.nanosecond() > 0));
        parameters.push(("until", ceiling.max(1).to_string()));
    }
    path(&format!("/containers/{id}/logs"), &parameters)
}

fn refusal(answer: &Answer) -> Fault {
    let said = fault::engine_text(&answer.body);
    if answer.status == 501 || said.contains("does not support reading") {
        return Fault::new(
            Reason::EngineError,
            "The container's logging driver keeps no log that can be read here. Look where it \
             sends the log to, or run the container with the driver json-file, local or journald.",
        )
        .with_detail(said);
    }
    fault::refused(CONTAINER.name, answer)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;

    fn query() -> LogQuery {
        LogQuery {
            out: true,
            err: false,
            tail: Some(5),
            since: None,
            until: None,
            line_bytes_max: 10,
        }
    }

    #[test]
    fn the_engine_is_asked_for_whole_seconds_around_the_time_and_always_for_stamps() {
        let id = FullId::parse(&"a".repeat(64)).unwrap();
        let base = format!("/containers/{id}/logs?stdout=1&stderr=0&timestamps=1&tail=5");
        assert_eq!(log_path(&id, &query()), base);
        let early = OffsetDateTime::UNIX_EPOCH - time::Duration::HOUR;
        for (since, until, expected) in [
            (datetime!(1970-01-01 0:01:00.9 UTC), datetime!(1970-01-01 0:02:00.1 UTC), (60, 121)),
            (datetime!(1970-01-01 0:01:00 UTC), datetime!(1970-01-01 0:02:00 UTC), (60, 120)),
            (early, early, (0, 1)),
        ] {
            let timed = LogQuery { since: Some(since), until: Some(until), tail: None, ..query() };
            let all = base.replace("tail=5", "tail=all");
            let (since, until) = expected;
            assert_eq!(log_path(&id, &timed), format!("{all}&since={since}&until={until}"));
        }
    }
}
