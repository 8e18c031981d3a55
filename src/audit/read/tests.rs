//! Filters, counts, and following a log that grows.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use time::Duration;
use time::macros::datetime;

use crate::audit::{Entry, Filter, Follow, Stats, read};
use crate::core::record::Event;

const DAY_1: &str = "audit-20261121.jsonl";
const DAY_2: &str = "audit-20261122.jsonl";

fn line(seq: u64, minute: u8, rest: &str) -> String {
    format!("{{\"v\":1,\"seq\":{seq},\"ts\":\"2026-11-21T12:{minute:02}:00.000000Z\",{rest}}}\n")
}

fn sample() -> (tempfile::TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("audit");
    fs::create_dir(&dir).unwrap();
    let web = r#""target":{"kind":"container","id":"abc123","name":"web","engine":"E"}"#;
    let many = r#""target":[{"kind":"container","id":"abc999","name":"db","engine":"E"},{"kind":"container","id":"def","name":"web","engine":"E"}]"#;
    let first = [
        line(1, 0, r#""event":"opened""#),
        line(2, 1, &format!(r#""event":"allowed","op":"restart_container",{web}"#)),
        "torn by a cra\n".to_owned(),
        line(3, 2, r#""event":"recovered""#),
    ];
    let second = [
        line(4, 3, &format!(r#""event":"denied","op":"down_project","reason":"busy",{many}"#)),
        line(5, 4, &format!(r#""event":"done","op":"restart_container",{web}"#)),
    ];
    fs::write(dir.join(DAY_1), first.concat()).unwrap();
    fs::write(dir.join(DAY_2), second.concat()).unwrap();
    (top, dir)
}

fn all(dir: &std::path::Path) -> Vec<Entry> {
    read(dir).unwrap().map(Result::unwrap).collect()
}

#[test]
fn every_line_of_every_day_is_read_in_order() {
    let (_top, dir) = sample();
    let entries = all(&dir);
    let places: Vec<_> = entries.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(places, [(DAY_1, 1), (DAY_1, 2), (DAY_1, 3), (DAY_1, 4), (DAY_2, 1), (DAY_2, 2)]);
    assert_eq!(entries[2].raw, b"torn by a cra");
    assert!(entries[2].record.is_none());
    assert!(read(&dir.join("missing")).unwrap().next().is_none());
}

#[test]
fn filters_let_through_what_was_asked() {
    let (_top, dir) = sample();
    let seqs = |filter: Filter| -> Vec<u64> {
        let wanted = all(&dir).into_iter().filter(|entry| filter.wants(entry));
        wanted.map(|e| e.record.map_or(0, |r| r["seq"].as_u64().unwrap())).collect()
    };
    let filter = Filter::default;
    assert_eq!(seqs(filter()), [1, 2, 0, 3, 4, 5], "an empty filter wants everything");
    let since = Some(datetime!(2026-11-21 12:02 UTC));
    assert_eq!(seqs(Filter { since, ..filter() }), [3, 4, 5]);
    let op = Some("restart_container".into());
    assert_eq!(seqs(Filter { op: op.clone(), ..filter() }), [2, 5]);
    assert_eq!(seqs(Filter { event: Some(Event::Denied), ..filter() }), [4]);
    assert_eq!(seqs(Filter { op, event: Some(Event::Done), ..filter() }), [5]);
    for (target, found) in [
        ("web", vec![2, 4, 5]),
        ("db", vec![4]),
        ("abc", vec![2, 4, 5]),
        ("abc1", vec![2, 5]),
        ("we", vec![]),
    ] {
        assert_eq!(seqs(Filter { target: Some(target.into()), ..filter() }), found, "{target}");
    }
}

#[test]
fn stats_count() {
    let (_top, dir) = sample();
    let mut stats = Stats::default();
    all(&dir).iter().for_each(|entry| stats.add(entry));
    assert_eq!((stats.lines, stats.torn), (5, 1));
    assert_eq!(stats.first.as_deref(), Some("2026-11-21T12:00:00.000000Z"));
    assert_eq!(stats.last.as_deref(), Some("2026-11-21T12:04:00.000000Z"));
    assert_eq!(stats.events["recovered"], 1);
    assert_eq!(stats.operations["restart_container"], 2);
    assert_eq!(stats.reasons["busy"], 1);
    assert_eq!((stats.targets["web"], stats.targets["db"]), (3, 1));
}

#[test]
fn following_sees_whole_lines_and_new_days() {
    let (_top, dir) = sample();
    let mut follow = Follow::from_start(&dir);
    while !follow.look().unwrap().is_empty() {}
    assert!(follow.look().unwrap().is_empty());
    let append = |name: &str, text: &str| {
        let mut file = File::options().create(true).append(true).open(dir.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let new = line(6, 5, r#""event":"read""#);
    let (begin, end) = new.split_at(20);
    append(DAY_2, begin);
    assert!(follow.look().unwrap().is_empty(), "it is still being written");
    append(DAY_2, end);
    let seen = follow.look().unwrap();
    assert_eq!((seen.len(), seen[0].line, seen[0].text("event")), (1, 3, Some("read")));
    append("audit-20261123.jsonl", &line(7, 6, r#""event":"opened""#));
    let seen = follow.look().unwrap();
    assert_eq!((seen.len(), seen[0].file.as_str()), (1, "audit-20261123.jsonl"));
    assert!(follow.look().unwrap().is_empty());
    let mut start = Follow::from_start(&dir);
    let mut count = 0;
    loop {
        let seen = start.look().unwrap();
        if seen.is_empty() {
            break;
        }
        count += seen.len();
    }
    assert_eq!(count, 8);
}

#[test]
fn a_line_without_end_is_cut_and_passed_over() {
    let (_top, dir) = sample();
    let mut file = File::options().append(true).open(dir.join(DAY_1)).unwrap();
    file.write_all(&vec![b'x'; 3_000_000]).unwrap();
    file.write_all(b"\n").unwrap();
    let entries = all(&dir);
    assert_eq!(entries.len(), 7);
    assert_eq!(entries[4].raw.len(), 1024 * 1024);
    assert!(entries[4].record.is_none());
    assert_eq!(entries[5].text("event"), Some("denied"));
    assert_eq!(entries[5].at().unwrap() - entries[0].at().unwrap(), Duration::minutes(3));
}
