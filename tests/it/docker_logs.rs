//! Logs of a real engine's containers.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use countersign::core::ids::FullId;
use countersign::core::reason::{Fault, Reason};
use countersign::docker::DockerEngine;
use countersign::docker::deadline::Deadlines;
use countersign::ports::engine::{LogQuery, LookLogs as _, Stream};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, adapter_at};

fn query() -> LogQuery {
    LogQuery { out: true, err: true, tail: None, since: None, until: None, line_bytes_max: 1000 }
}

/// A line: its stream, time stamp, text and full length.
type Line = (Stream, String, String, usize);

async fn read(adapter: &DockerEngine, id: &FullId, query: &LogQuery) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    let mut each = |line: countersign::ports::engine::LogLine<'_>| {
        let text = String::from_utf8_lossy(line.bytes).into_owned();
        lines.push((line.stream, line.timestamp.to_owned(), text, line.full_len));
        ControlFlow::Continue(())
    };
    adapter.logs(id, query, &mut each).await?;
    Ok(lines)
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.2.as_str()).collect()
}

#[tokio::test]
async fn both_streams_are_told_apart_and_each_can_be_left_out() {
    let engine = Engine::connect();
    let made = engine.script("echo a; echo b >&2; printf 'c\\r\\nd'").start();
    made.wait();
    let adapter = engine.adapter();
    let both = read(&adapter, &made.id, &query()).await.unwrap();
    let mut sorted = texts(&both);
    sorted.sort_unstable();
    assert_eq!(sorted, ["a", "b", "c\r", "d"]);
    assert!(both.iter().all(|line| OffsetDateTime::parse(&line.1, &Rfc3339).is_ok()), "{both:?}");
    let out = read(&adapter, &made.id, &LogQuery { err: false, ..query() }).await.unwrap();
    assert_eq!(texts(&out), ["a", "c\r", "d"]);
    let err = read(&adapter, &made.id, &LogQuery { out: false, ..query() }).await.unwrap();
    assert_eq!((texts(&err), err[0].0), (vec!["b"], Stream::Err));
    let none = LogQuery { out: false, err: false, ..query() };
    assert_eq!(read(&adapter, &made.id, &none).await.unwrap_err().reason, Reason::InvalidArgument);
}

#[tokio::test]
async fn a_terminals_control_bytes_hide_nothing() {
    let engine = Engine::connect();
    let script =
        "printf 'first\\n\\001\\000\\000\\000\\177\\177\\177\\177hidden?\\n\\002x\\nlast\\n'";
    let made = engine.script(script).tty().start();
    made.wait();
    let adapter = engine.adapter();
    let lines = read(&adapter, &made.id, &query()).await.unwrap();
    let hidden = "\u{1}\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}hidden?";
    assert_eq!(texts(&lines), ["first", hidden, "\u{2}x", "last"]);
}

#[tokio::test]
async fn a_long_line_comes_whole_or_cut_with_its_length() {
    let engine = Engine::connect();
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end";
    for terminal in [false, true] {
        let sentence = engine.script(script);
        let made = if terminal { sentence.tty() } else { sentence }.start();
        made.wait();
        let adapter = engine.adapter();
        let cut = read(&adapter, &made.id, &query()).await.unwrap();
        assert_eq!(texts(&cut), ["x".repeat(1000).as_str(), "end"], "{terminal}");
        assert_eq!(cut[0].3, 100_000, "{terminal}");
        let whole = LogQuery { line_bytes_max: 200_000, ..query() };
        let whole = read(&adapter, &made.id, &whole).await.unwrap();
        assert_eq!(texts(&whole), ["x".repeat(100_000).as_str(), "end"], "{terminal}");
    }
}

#[tokio::test]
async fn tail_narrows_to_the_line_and_since_and_until_to_the_second() {
    let engine = Engine::connect();
    let made = engine.script("for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done").start();
    made.wait();
    let adapter = engine.adapter();
    let all = read(&adapter, &made.id, &query()).await.unwrap();
    assert_eq!(texts(&all), ["1", "2", "3", "4", "5", "6"]);
    let at = |index: usize| OffsetDateTime::parse(&all[index].1, &Rfc3339).ok();
    let within = |since: usize, until: usize| -> Vec<String> {
        let first = at(since).unwrap().unix_timestamp();
        let last = at(until).unwrap().unix_timestamp();
        let wanted = (0..6).filter(|i| (first..=last).contains(&at(*i).unwrap().unix_timestamp()));
        wanted.map(|index| all[index].2.clone()).collect()
    };
    for (narrower, expected) in [
        (LogQuery { tail: Some(2), ..query() }, vec!["5".into(), "6".into()]),
        (LogQuery { tail: Some(0), ..query() }, vec![]),
        (LogQuery { since: at(3), ..query() }, within(3, 5)),
        (LogQuery { until: at(1), ..query() }, within(0, 1)),
        (LogQuery { since: at(1), until: at(2), ..query() }, within(1, 2)),
        (LogQuery { until: Some(OffsetDateTime::UNIX_EPOCH), ..query() }, vec![]),
    ] {
        let lines = read(&adapter, &made.id, &narrower).await.unwrap();
        assert_eq!(texts(&lines), expected, "{narrower:?}");
    }
}

#[tokio::test]
async fn breaking_off_ends_an_endless_log_at_once() {
    let engine = Engine::connect();
    let made = engine.script("yes").start();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut seen = 0;
    let mut each = |_: countersign::ports::engine::LogLine<'_>| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    #[expect(clippy::disallowed_methods, reason = "the time that passes is what is tested")]
    let start = Instant::now();
    engine.adapter().logs(&made.id, &query(), &mut each).await.unwrap();
    assert_eq!(seen, 10);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_log_that_cannot_be_read_says_why() {
    let engine = Engine::connect();
    let adapter = engine.adapter();
    let silent = engine.container("true").option(&["--log-driver", "none"]).start();
    silent.wait();
    let fault = read(&adapter, &silent.id, &query()).await.unwrap_err();
    assert_eq!(fault.reason, Reason::EngineError);
    assert!(fault.message.contains("logging driver"), "{}", fault.message);
    let gone = FullId::parse(&"0".repeat(64)).unwrap();
    let fault = read(&adapter, &gone, &query()).await.unwrap_err();
    assert_eq!(fault.reason, Reason::NotFound);
}

#[tokio::test]
async fn a_log_that_falls_silent_or_never_ends_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
    let some = [head, b"2026-01-01T00:00:00Z a\r\n".to_vec()].concat();
    let door = Door::with(move |_| Deed::Raw(some.clone()));
    let id = FullId::parse(&"a".repeat(64)).unwrap();
    let short = Duration::from_millis(200);
    for deadlines in [
        Deadlines { log_idle: short, ..Deadlines::default() },
        Deadlines { log: short, ..Deadlines::default() },
    ] {
        let adapter = adapter_at(door.path()).with_deadlines(deadlines);
        let fault = read(&adapter, &id, &query()).await.unwrap_err();
        assert_eq!(fault.reason, Reason::Timeout);
    }
}
