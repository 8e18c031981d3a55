//! Any change to a log is found: every bit, every line deleted, swapped or doubled.

use std::fs;
use std::path::Path;

use super::super::checker::{Checker, Demand};
use super::super::line::Head;
use super::super::place::Day;
use super::super::read::Spot;
use super::support::*;
use crate::audit::{Problem, Report, verify};
use crate::core::plan::Digest;

const LINES: usize = 100;

/// A log of exactly [`LINES`] lines, with its newlines.
fn hundred() -> Vec<Vec<u8>> {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    for n in 1..LINES {
        let sample = match n % 4 {
            0 => record(Event::Allowed, &format!("r{n}")),
            1 => record(Event::Done, &format!("r{}", n - 1)),
            _ => brief(),
        };
        put(&log, sample).unwrap();
    }
    let bytes = fs::read(dir.join(TODAY)).unwrap();
    let lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    assert_eq!(lines.len(), LINES);
    lines
}

fn anchor(lines: &[Vec<u8>]) -> (u64, Digest) {
    let last = lines.last().unwrap().strip_suffix(b"\n").unwrap();
    (Head::parse(last).unwrap().seq, Digest::of(&[last]))
}

/// Feeds bytes as they would be read from the file, from line `first` on.
fn feed(checker: &mut Checker, bytes: &[u8], first: usize) {
    let day = Day::parse(TODAY).unwrap();
    for (n, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let raw = line.strip_suffix(b"\n").unwrap_or(line);
        let ended = raw.len() < line.len();
        let spot = Spot { day, line: (first + n) as u64, start: 0, ended };
        checker.feed(spot, raw, Digest::of(&[raw]));
    }
}

/// A change within a line cannot be seen before that line, so the lines before it are fed once.
#[test]
fn every_flipped_bit_is_found() {
    let lines = hundred();
    let demand = Demand { from_start: false, anchor: Some(anchor(&lines)) };
    let mut before = Checker::new(Demand::default());
    let mut before_anchored = Checker::new(demand);
    let mut unseen = 0;
    for (k, line) in lines.iter().enumerate() {
        let end = LINES.min(k + 3);
        let rest = lines[k..end].concat();
        for bit in 0..line.len() * 8 {
            let mut changed = rest.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let mut checker = before.clone();
            feed(&mut checker, &changed, k + 1);
            let found = if end == LINES {
                checker.finish(|_| false).problems_total > 0
            } else {
                checker.problems() > 0
            };
            if k + 1 < LINES {
                assert!(found, "line {} bit {bit}", k + 1);
                continue;
            }
            // Only what the chain rests on shows in the very last line.
            let same = match changed.strip_suffix(b"\n").map(Head::parse) {
                Some(head) => head.is_some_and(|head| {
                    let old = Head::parse(&line[..line.len() - 1]).unwrap();
                    head.seq == old.seq && head.prev() == old.prev()
                }),
                None => true,
            };
            assert_eq!(found, !same, "last line, bit {bit}");
            unseen += u32::from(!found);
            let mut checker = before_anchored.clone();
            feed(&mut checker, &changed, k + 1);
            assert!(checker.finish(|_| false).problems_total > 0, "anchored, bit {bit}");
        }
        feed(&mut before, line, k + 1);
        feed(&mut before_anchored, line, k + 1);
    }
    assert!(unseen > 100, "{unseen}");
    assert!(before.finish(|_| false).is_sound());
    assert!(before_anchored.finish(|_| false).is_sound());
}

fn check(lines: &[Vec<u8>], from_start: bool, anchor: Option<(u64, Digest)>) -> Report {
    let (_top, dir) = folder_with(&lines.concat());
    verify(&dir, from_start, anchor).unwrap()
}

fn first_line(report: &Report) -> u64 {
    let Problem { file, line, .. } = report.problems.first().expect("a problem");
    assert_eq!(file, TODAY);
    *line
}

#[test]
fn an_untouched_log_is_sound() {
    let lines = hundred();
    let report = check(&lines, true, Some(anchor(&lines)));
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.files, report.lines), (1, LINES as u64));
    assert_eq!(report.first, Some((1, Digest::ZERO)));
    assert_eq!(report.last, Some(anchor(&lines)));
    assert_eq!(report.anchored, Some(true));
    assert_eq!(report.bytes, lines.concat().len() as u64);
    assert!(report.open.is_empty());
    let head = report.head().unwrap();
    assert_eq!(crate::audit::parse_anchor(&head), report.last);
}

#[test]
fn a_flip_in_a_real_file_is_told_with_its_line() {
    let lines = hundred();
    for k in (0..LINES - 1).step_by(7) {
        let mut changed = lines.clone();
        let middle = changed[k].len() / 3;
        changed[k][middle] ^= 0x02;
        let at = first_line(&check(&changed, false, None));
        assert_eq!(at, k as u64 + 1);
    }
}

#[test]
fn every_deleted_line_is_found() {
    let lines = hundred();
    for k in 0..LINES {
        let mut changed = lines.clone();
        changed.remove(k);
        let plain = check(&changed, false, None);
        let strict = check(&changed, true, Some(anchor(&lines)));
        assert!(!strict.is_sound(), "line {}", k + 1);
        // The ends can be cut where nobody holds them.
        assert_eq!(plain.is_sound(), k == 0 || k == LINES - 1, "line {}", k + 1);
        if !plain.is_sound() {
            assert_eq!(first_line(&plain), k as u64 + 1);
        }
    }
}

#[test]
fn every_doubled_line_is_found() {
    let lines = hundred();
    for k in 0..LINES {
        let mut changed = lines.clone();
        changed.insert(k, lines[k].clone());
        assert_eq!(first_line(&check(&changed, false, None)), k as u64 + 2);
    }
}

#[test]
fn every_swapped_pair_is_found() {
    let lines = hundred();
    for k in 0..LINES - 1 {
        let mut changed = lines.clone();
        changed.swap(k, k + 1);
        let at = first_line(&check(&changed, false, None));
        assert!(at == k as u64 + 1 || at == k as u64 + 2, "{at}, line {}", k + 1);
    }
}

#[test]
fn a_line_of_nobodys_is_found() {
    let lines = hundred();
    for foreign in [&b"\n"[..], b"{}\n", b"hello\n", b"[1]\n"] {
        let mut changed = lines.clone();
        changed.insert(50, foreign.to_vec());
        assert_eq!(first_line(&check(&changed, false, None)), 51);
    }
    let mut changed = lines.clone();
    changed.push(b"{}\n".to_vec());
    assert_eq!(first_line(&check(&changed, false, None)), LINES as u64 + 1);
}

#[test]
fn days_in_another_order_are_found() {
    let lines = hundred();
    let write = |dir: &Path, first: &str, second: &str| {
        fs::remove_file(dir.join(TODAY)).unwrap();
        fs::write(dir.join(first), lines[..50].concat()).unwrap();
        fs::write(dir.join(second), lines[50..].concat()).unwrap();
    };
    let (_top, dir) = folder_with(b"");
    write(&dir, "audit-20261120.jsonl", TODAY);
    assert_eq!(sound(&dir).files, 2);
    let (_top, dir) = folder_with(b"");
    write(&dir, TODAY, "audit-20261120.jsonl");
    assert!(!verify(&dir, false, None).unwrap().is_sound());
    // A day that lost its last newline.
    let (_top, dir) = folder_with(b"");
    write(&dir, "audit-20261120.jsonl", TODAY);
    let older = lines[..50].concat();
    fs::write(dir.join("audit-20261120.jsonl"), &older[..older.len() - 1]).unwrap();
    assert_eq!(verify(&dir, false, None).unwrap().problems[0].file, "audit-20261120.jsonl");
}

#[test]
fn many_problems_are_counted_and_the_first_told() {
    let lines = hundred();
    let reversed: Vec<Vec<u8>> = lines.iter().rev().cloned().collect();
    let report = check(&reversed, false, None);
    assert!(report.problems_total > 90);
    assert_eq!(report.problems.len(), 20);
}

#[test]
fn an_empty_log_is_sound_until_more_is_asked() {
    let (_top, dir) = fresh();
    assert!(sound(&dir).last.is_none());
    assert!(!dir.exists(), "verifying makes nothing");
    assert!(!verify(&dir, false, Some((1, Digest::ZERO))).unwrap().is_sound());
    assert!(!verify(&dir, true, None).unwrap().is_sound());
}
