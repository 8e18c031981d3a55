//! A log that was cut at any byte goes on, with every whole line in it and the tear on record.

use std::fs;

use super::support::*;
use crate::audit::{read, verify};

/// The bytes of a log of a few records.
fn sample(lines: usize) -> Vec<u8> {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    for n in 0..lines {
        let event = if n % 2 == 0 { Event::Preview } else { Event::Denied };
        put(&log, record(event, &format!("r{n}"))).unwrap();
    }
    fs::read(dir.join(TODAY)).unwrap()
}

#[test]
fn a_cut_at_every_offset_loses_no_whole_line() {
    let bytes = sample(4);
    for cut in 1..=bytes.len() {
        let (_top, dir) = folder_with(&bytes[..cut]);
        let log = log_as(&dir, "s2");
        put(&log, brief()).unwrap();
        let after = fs::read(dir.join(TODAY)).unwrap();
        assert_eq!(after[..cut], bytes[..cut], "nothing is rewritten, cut {cut}");
        let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
        let torn = bytes[cut - 1] != b'\n';
        let report = sound(&dir);
        assert_eq!(report.tears, u64::from(torn), "cut {cut}");
        let kept: Vec<_> = read(&dir).unwrap().map(Result::unwrap).take(whole).collect();
        assert!(kept.iter().all(|entry| entry.record.is_some()), "cut {cut}");
        let events = column(&dir, "event");
        assert_eq!(events.last().unwrap(), "read");
        if torn {
            assert_eq!(events[events.len() - 2], "recovered");
            let bytes_torn = column(&dir, "torn_bytes")[events.len() - 2].as_u64().unwrap();
            let start = bytes[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            assert_eq!(bytes_torn, (cut - start) as u64);
        }
    }
}

#[test]
fn an_empty_file_is_begun_as_if_it_were_not_there() {
    let (_top, dir) = folder_with(b"");
    put(&log_as(&dir, "s2"), brief()).unwrap();
    assert_eq!(column(&dir, "event"), ["opened", "read"]);
    assert!(verify(&dir, true, None).unwrap().is_sound());
}

/// A recovery that is cut itself, at every offset, is recovered.
#[test]
fn a_tear_within_the_closing_of_a_tear_is_closed() {
    let bytes = sample(2);
    let first_cut = bytes.len() - 40;
    let (_top, dir) = folder_with(&bytes[..first_cut]);
    put(&log_as(&dir, "s2"), brief()).unwrap();
    let recovered = fs::read(dir.join(TODAY)).unwrap();
    for cut in first_cut..=recovered.len() {
        let (_top, dir) = folder_with(&recovered[..cut]);
        put(&log_as(&dir, "s3"), brief()).unwrap();
        let report = sound(&dir);
        assert!(report.tears >= 1, "cut {cut}");
        assert_eq!(column(&dir, "event").last().unwrap(), "read");
    }
}

/// What a `recovered` record covers can no more be changed than anything else.
#[test]
fn nothing_around_a_tear_can_be_changed() {
    let bytes = sample(2);
    let (_top, dir) = folder_with(&bytes[..bytes.len() - 300]);
    put(&log_as(&dir, "s2"), brief()).unwrap();
    // A second tear right behind the first.
    let once = fs::read(dir.join(TODAY)).unwrap();
    let tear = bytes.len() - 300 + 1 + 50;
    let (_top, dir) = folder_with(&once[..tear]);
    put(&log_as(&dir, "s3"), brief()).unwrap();
    let good = fs::read(dir.join(TODAY)).unwrap();
    let last = good[..good.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for at in 0..last {
        let mut changed = good.clone();
        changed[at] ^= 0x01;
        let (_top, dir) = folder_with(&changed);
        assert!(!verify(&dir, false, None).unwrap().is_sound(), "byte {at}");
    }
}

#[test]
fn a_long_foreign_tail_is_closed_too() {
    let mut bytes = sample(2);
    bytes.extend_from_slice(&vec![0; 300_000]);
    let (_top, dir) = folder_with(&bytes);
    put(&log_as(&dir, "s2"), brief()).unwrap();
    assert_eq!(sound(&dir).tears, 1);
    assert_eq!(column(&dir, "seq"), [1, 2, 3, 4, 5]);
}

#[test]
fn an_open_tear_is_told_and_is_no_damage() {
    let bytes = sample(2);
    let (_top, dir) = folder_with(&bytes[..bytes.len() - 7]);
    let report = sound(&dir);
    assert_eq!(report.tears, 0);
    assert!(report.unfinished_bytes.is_some_and(|bytes| bytes > 100));
    assert_eq!(report.last.unwrap().0, 2);
}
