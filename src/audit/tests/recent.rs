//! What was let through lately: over processes and restarts, over days, over a log that is not what
//! it was, and against a reader that begins anew each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::support::*;
use crate::audit::recent::Recent;
use crate::core::operation::Class;
use crate::core::plan::Digest;
use crate::core::policy::{ClassSet, History, Recall};
use crate::core::record::{Record, TargetKey, TargetRefs, timestamp};
use crate::ports::{Audit, Clock as _};

const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
const TOMORROW: &str = "audit-20261122.jsonl";

fn recall(span: Duration) -> Recall {
    Recall { operations: ["restart_container".to_owned()].into(), span }
}

fn hour() -> Recall {
    recall(Duration::HOUR)
}

/// How many restarts a history knows of since a moment, on a target if one is named.
fn restarts(history: &History, since: OffsetDateTime, name: Option<&str>) -> u32 {
    let counted =
        BTreeMap::from([("restart_container".to_owned(), ClassSet::of(&[Class::Mutate]))]);
    let key = name.map(|name| TargetKey::from(&target(name)));
    (0..).take_while(|n| history.reaches(n + 1, &counted, since, key)).last().map_or(0, |n| n + 1)
}

/// How many restarts there were within the hour before `now`, as this index says.
fn of_last_hour(recent: &mut Recent, now: OffsetDateTime) -> u32 {
    let history = recent.catch_up(&hour(), now).unwrap();
    restarts(&history, now - Duration::HOUR, None)
}

fn line(event: Event, at: OffsetDateTime, name: &str) -> Vec<u8> {
    let record = Record { target: TargetRefs::of(&[target(name)]), ..record(event, "r") };
    record.line(1, at, Digest::ZERO)
}

fn allowed(at: OffsetDateTime) -> Vec<u8> {
    line(Event::Allowed, at, "web")
}

fn add(file: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    fs::OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(bytes).unwrap();
}

#[test]
fn every_process_counts_what_all_let_through() {
    let (_top, dir) = fresh();
    let clock = FakeClock::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = |log: &crate::audit::AuditLog| {
        let history = runtime.block_on(log.recall(&hour())).unwrap();
        let since = clock.now() - Duration::HOUR;
        (restarts(&history, since, None), restarts(&history, since, Some("db")))
    };
    let (one, two) = (log_at(&dir, "one", clock.clone()), log_at(&dir, "two", clock.clone()));
    assert_eq!(seen(&one), (0, 0));
    assert!(!dir.exists(), "looking makes nothing");
    for (log, outcome, name) in
        [(&one, Event::Done, "web"), (&two, Event::Failed, "db"), (&two, Event::Unknown, "db")]
    {
        let of = |event| Record { target: TargetRefs::of(&[target(name)]), ..record(event, name) };
        put(log, of(Event::Preview)).unwrap();
        put_synced(log, of(Event::Allowed)).unwrap();
        put(log, of(outcome)).unwrap();
        put(log, of(Event::Denied)).unwrap();
        put(log, brief()).unwrap();
    }
    assert_eq!([seen(&one), seen(&two)], [(3, 2); 2], "whatever became of them");
    drop((one, two));
    assert_eq!(seen(&log_at(&dir, "three", clock.clone())), (3, 2));
    clock.shift(Duration::HOUR);
    assert_eq!(seen(&log_at(&dir, "four", clock.clone())), (0, 0));
}

#[test]
fn reads_are_counted_by_their_own_lines() {
    let (_top, dir) = folder_with(&[line(Event::Read, NOON, "web"), allowed(NOON)].concat());
    assert_eq!(of_last_hour(&mut Recent::new(&dir), NOON), 2);
}

#[test]
fn reading_begins_with_the_day_that_is_asked_about() {
    let (_top, dir) = folder_with(&allowed(NOON));
    // Whatever opens this fails.
    fs::create_dir(dir.join("audit-20261120.jsonl")).unwrap();
    assert_eq!(of_last_hour(&mut Recent::new(&dir), NOON), 1);
    let fault = Recent::new(&dir).catch_up(&recall(Duration::DAY), NOON).unwrap_err();
    assert_eq!(fault.reason, Reason::AuditUnavailable);
}

#[test]
fn an_hour_may_begin_on_the_day_before() {
    let midnight = datetime!(2026-11-22 00:00 UTC);
    let (_top, dir) = folder_with(&allowed(midnight - Duration::minutes(50)));
    add(&dir.join(TODAY), &allowed(midnight - Duration::minutes(70)));
    let mut recent = Recent::new(&dir);
    assert_eq!(of_last_hour(&mut recent, midnight), 1);
    fs::write(dir.join(TOMORROW), "").unwrap();
    assert_eq!(of_last_hour(&mut recent, midnight), 1);
    // The file of the new day is there and nobody has begun it: a clock may still go back.
    add(&dir.join(TODAY), &allowed(midnight - Duration::SECOND));
    assert_eq!(of_last_hour(&mut recent, midnight), 2);
    add(&dir.join(TOMORROW), &allowed(midnight));
    assert_eq!(of_last_hour(&mut recent, midnight), 3);
    add(&dir.join(TOMORROW), &allowed(midnight));
    assert_eq!(of_last_hour(&mut recent, midnight + Duration::minutes(30)), 3);
}

#[test]
fn what_is_being_written_waits_and_what_is_torn_does_not_count() {
    let (_top, dir) = folder_with(&allowed(NOON));
    let file = dir.join(TODAY);
    let mut recent = Recent::new(&dir);
    let whole = allowed(NOON);
    for cut in [1, 40, 90, whole.len() - 2, whole.len() - 1] {
        let before = of_last_hour(&mut recent, NOON);
        add(&file, &whole[..cut]);
        assert_eq!(of_last_hour(&mut recent, NOON), before, "cut at {cut}");
        add(&file, &whole[cut..]);
        assert_eq!(of_last_hour(&mut recent, NOON), before + 1, "cut at {cut}");
    }
    let before = of_last_hour(&mut recent, NOON);
    add(&file, &whole[..whole.len() / 2]);
    assert_eq!(of_last_hour(&mut recent, NOON), before);
    add(&file, b"\n");
    add(&file, &whole);
    assert_eq!(of_last_hour(&mut recent, NOON), before + 1);
    assert_eq!(of_last_hour(&mut Recent::new(&dir), NOON), before + 1);
}

#[test]
fn a_line_that_is_far_too_long_is_none_and_hides_none() {
    let (_top, dir) = folder_with(&allowed(NOON));
    let mut recent = Recent::new(&dir);
    let long = vec![b'x'; 3 * 1024 * 1024];
    add(&dir.join(TODAY), &long);
    assert_eq!(of_last_hour(&mut recent, NOON), 1);
    add(&dir.join(TODAY), &[b"\n".as_slice(), &allowed(NOON)].concat());
    assert_eq!(of_last_hour(&mut recent, NOON), 2);
    add(&dir.join(TODAY), &allowed(NOON));
    assert_eq!(of_last_hour(&mut recent, NOON), 3);
}

#[test]
fn a_log_that_is_not_what_it_was_is_read_again() {
    let three = [allowed(NOON), line(Event::Allowed, NOON, "db"), allowed(NOON)].concat();
    let read = || {
        let (top, dir) = folder_with(&three);
        let mut recent = Recent::new(&dir);
        assert_eq!(of_last_hour(&mut recent, NOON), 3);
        (top, dir, recent)
    };
    let replace = |file: &Path, bytes: &[u8]| {
        fs::write(file.with_extension("new"), bytes).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    };
    let (_top, dir, mut recent) = read();
    replace(&dir.join(TODAY), &three);
    add(&dir.join(TODAY), &allowed(NOON));
    assert_eq!(of_last_hour(&mut recent, NOON), 4, "a copy that goes on is the same log");
    let (_top, dir, mut recent) = read();
    replace(&dir.join(TODAY), &allowed(NOON));
    assert_eq!(of_last_hour(&mut recent, NOON), 1, "replaced by less");
    let (_top, dir, mut recent) = read();
    let other = Record { req: Some("other".into()), ..record(Event::Allowed, "r") };
    let other = other.line(9, NOON, Digest::of(&[b"x"]));
    replace(&dir.join(TODAY), &other.repeat(5));
    assert_eq!(of_last_hour(&mut recent, NOON), 5, "replaced by more");
    let (_top, dir, mut recent) = read();
    fs::write(dir.join(TODAY), &three[..three.len() - 1]).unwrap();
    assert_eq!(of_last_hour(&mut recent, NOON), 2, "cut in place");
    let (_top, dir, mut recent) = read();
    fs::remove_file(dir.join(TODAY)).unwrap();
    assert_eq!(of_last_hour(&mut recent, NOON), 0, "gone");
    add(&dir.join(TODAY), &allowed(NOON));
    assert_eq!(of_last_hour(&mut recent, NOON), 1, "begun again");
    let (_top, dir, mut recent) = read();
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(of_last_hour(&mut recent, NOON), 0, "all of it is gone");
}

#[test]
fn a_clock_that_is_set_back_asks_for_what_was_forgotten() {
    let at = |minute: i64| NOON + Duration::minutes(minute);
    let (_top, dir) = folder_with(&[allowed(at(-90)), allowed(at(-30)), allowed(at(90))].concat());
    let mut recent = Recent::new(&dir);
    assert_eq!(of_last_hour(&mut recent, at(90)), 1);
    add(&dir.join(TODAY), &allowed(at(91)));
    assert_eq!(of_last_hour(&mut recent, at(91)), 2);
    assert_eq!(of_last_hour(&mut recent, at(85)), 2, "set back a little");
    assert_eq!(of_last_hour(&mut recent, at(0)), 3, "what is dated in the future counts");
    assert_eq!(of_last_hour(&mut recent, at(-60)), 4);
    assert_eq!(of_last_hour(&mut recent, at(92)), 2);
}

#[test]
fn another_question_is_answered_from_the_log_again() {
    let (_top, dir) = folder_with(&[allowed(NOON - Duration::hours(3)), allowed(NOON)].concat());
    let mut recent = Recent::new(&dir);
    let since = NOON - Duration::DAY;
    for (recall, count) in [
        (hour(), 1),
        (recall(Duration::hours(4)), 2),
        (Recall { operations: ["stop_container".to_owned()].into(), span: Duration::DAY }, 0),
        (hour(), 1),
    ] {
        let history = recent.catch_up(&recall, NOON).unwrap();
        assert_eq!(restarts(&history, since, None), count, "{recall:?}");
    }
}

#[test]
fn a_log_that_cannot_be_read_is_said() {
    let (top, dir) = fresh();
    let mut recent = Recent::new(&dir);
    assert_eq!(of_last_hour(&mut recent, NOON), 0);
    fs::write(&dir, "no folder").unwrap();
    assert_eq!(recent.catch_up(&hour(), NOON).unwrap_err().reason, Reason::AuditUnavailable);
    fs::remove_file(&dir).unwrap();
    let elsewhere = top.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &dir).unwrap();
    assert_eq!(recent.catch_up(&hour(), NOON).unwrap_err().reason, Reason::AuditUnavailable);
    fs::remove_file(&dir).unwrap();
    fs::rename(&elsewhere, &dir).unwrap();
    add(&dir.join(TODAY), &allowed(NOON));
    assert_eq!(of_last_hour(&mut recent, NOON), 1);
    let moved = top.path().join("day");
    fs::rename(dir.join(TODAY), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, dir.join(TODAY)).unwrap();
    assert_eq!(recent.catch_up(&hour(), NOON).unwrap_err().reason, Reason::AuditUnavailable);
}

/// A line in the words of another version, or of another hand.
fn foreign(line: &serde_json::Value) -> Vec<u8> {
    format!("{line:#}").replace('\n', " ").into_bytes().into_iter().chain(*b"\n").collect()
}

#[test]
fn what_a_line_does_not_say_in_known_words_counts_all_the_same() {
    let at = timestamp(NOON);
    let web = json!({"kind": "container", "id": target("web").id, "name": "web", "engine": "E"});
    let op = "restart_container";
    for (said, web_counts, db_counts) in [
        (json!({"ts": at, "event": "allowed", "op": op, "class": "mutate", "target": web}), 1, 0),
        (json!({"ts": at, "event": "allowed", "op": op, "class": "shatter", "target": web}), 1, 0),
        (json!({"ts": at, "event": "allowed", "op": op, "target": web}), 1, 0),
        (json!({"event": "allowed", "op": op, "class": "mutate", "target": web}), 1, 0),
        (json!({"ts": "then", "event": "allowed", "op": op, "target": [web]}), 1, 0),
        (json!({"ts": at, "event": "allowed", "op": op, "target": {"id": 5}}), 1, 1),
        (
            json!({"ts": at, "event": "allowed", "op": op,
                "target": [web, {"cut": {"count": 9, "sha256": "x"}}]}),
            1,
            1,
        ),
        (json!({"ts": at, "event": "preview", "op": op, "target": web}), 0, 0),
        (json!({"ts": at, "event": "allowed", "op": "stop_container", "target": web}), 0, 0),
        (json!({"ts": at, "op": op, "args": {"event": "allowed"}, "target": web}), 0, 0),
        (json!({"args": {"x": 1, "event": "done", "op": op}, "event": "allowed", "op": op}), 0, 0),
        (json!([op]), 0, 0),
    ] {
        let (_top, dir) = folder_with(&foreign(&said));
        let history = Recent::new(&dir).catch_up(&hour(), NOON).unwrap();
        let of = |name| restarts(&history, NOON - Duration::HOUR, Some(name));
        assert_eq!((of("web"), of("db")), (web_counts, db_counts), "{said}");
    }
}

#[test]
fn a_plan_over_more_targets_than_a_line_holds_counts_for_each() {
    let many: Vec<_> = (0..200).map(|n| target(&format!("{}{n}", "n".repeat(200)))).collect();
    let record = Record { target: TargetRefs::of(&many), ..record(Event::Allowed, "r") };
    let line = record.line(1, NOON, Digest::ZERO);
    assert!(String::from_utf8_lossy(&line).contains(r#""cut""#), "it does not fit");
    let (_top, dir) = folder_with(&line);
    let history = Recent::new(&dir).catch_up(&hour(), NOON).unwrap();
    for one in [many.first(), many.last()] {
        assert_eq!(restarts(&history, NOON - Duration::HOUR, Some(&one.unwrap().name)), 1);
    }
}

/// What happens to a log between two looks.
#[derive(Clone, Debug)]
enum Step {
    Write { event: Event, name: &'static str },
    Tear(usize),
    Mend,
    Wait(i64),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let event = prop_oneof![Just(Event::Allowed), Just(Event::Read), Just(Event::Done)];
    let name = prop_oneof![Just("web"), Just("db")];
    prop_oneof![
        4 => (event, name).prop_map(|(event, name)| Step::Write { event, name }),
        1 => (1..300_usize).prop_map(Step::Tear),
        1 => Just(Step::Mend),
        2 => prop_oneof![1..600_i64, Just(40_000), Just(-5), Just(-4_000)].prop_map(Step::Wait),
        4 => Just(Step::Look),
    ]
}

fn newest(dir: &Path) -> PathBuf {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.pop().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_index_knows_what_a_fresh_look_finds(steps in prop::collection::vec(step(), 1..60)) {
        let (_top, dir) = folder_with(b"");
        let mut recent = Recent::new(&dir);
        let mut now = NOON;
        for step in steps.into_iter().chain([Step::Look]) {
            let day = format!("audit-{}{:02}{:02}.jsonl", now.year(), u8::from(now.month()), now.day());
            let file = newest(&dir).max(dir.join(day));
            match step {
                Step::Write { event, name } => add(&file, &line(event, now, name)),
                Step::Tear(cut) => {
                    let whole = allowed(now);
                    add(&file, &whole[..cut.min(whole.len() - 1)]);
                }
                Step::Mend => add(&file, b"\n"),
                Step::Wait(seconds) => now += Duration::seconds(seconds),
                Step::Look => {
                    let known = recent.catch_up(&hour(), now).unwrap();
                    let found = Recent::new(&dir).catch_up(&hour(), now).unwrap();
                    for name in [None, Some("web"), Some("db")] {
                        let since = now - Duration::HOUR;
                        prop_assert_eq!(
                            restarts(&known, since, name),
                            restarts(&found, since, name)
                        );
                    }
                }
            }
        }
    }
}
