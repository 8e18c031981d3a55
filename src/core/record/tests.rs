//! Golden lines, and that no record can break the shape of a line.

use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::core::plan::Target;

fn full() -> Record {
    let target = Target {
        kind: "container",
        id: "c".repeat(64),
        name: "web".into(),
        engine: "ENGINE".into(),
        attributes: [("label.env".to_owned(), "dev".to_owned())].into(),
    };
    Record {
        op: Some("restart_container".into()),
        class: Some(Class::Mutate),
        caller: Some(Caller {
            principal: Principal { face: Face::Mcp, uid: 1000 },
            client: Some("claude-code".into()),
            version: Some("2.1.329".into()),
            pid: 42,
        }),
        session: Some("s1".into()),
        req: Some("r1".into()),
        args: Some(json!({"container": "c".repeat(64), "timeout": 10})),
        target: TargetRefs::of(&[target]),
        plan: Some(Digest::of(&[b"plan"])),
        rule: Some("builtin-mutate".into()),
        policy: Some(Digest::of(&[b"policy"])),
        assurance: Some(Assurance::Echo),
        ..Record::new(Event::Allowed)
    }
}

fn line(record: &Record) -> String {
    let at = datetime!(2026-11-21 23:59:59.000_012_345 +02:00);
    String::from_utf8(record.line(7, at, Digest::ZERO)).unwrap()
}

#[test]
fn lines_are_golden() {
    insta::assert_snapshot!(line(&full()).trim_end());
    let denied = Record {
        op: Some("restart_container".into()),
        reason: Some(Reason::EngineError),
        error: Some("no such \u{1b}[31mthing\n".into()),
        ms: Some(3),
        ..Record::new(Event::Denied)
    };
    insta::assert_snapshot!(line(&denied).trim_end());
    let mut opened = Record::new(Event::Opened);
    opened.log.insert("torn_bytes".into(), json!(12));
    insta::assert_snapshot!(line(&opened).trim_end());
}

#[test]
fn long_fields_are_cut_with_their_size_and_digest() {
    let text = "x".repeat(10_000_000);
    let record = Record { args: Some(json!({"grep": text})), ..full() };
    let line = line(&record);
    assert!(line.len() < 2000, "{}", line.len());
    assert!(line.contains("10000000 bytes, sha256:"), "{line}");
}

#[test]
fn a_line_that_is_still_too_long_loses_its_arguments() {
    let many: Vec<String> = (0..200).map(|n| format!("{n}{}", "y".repeat(2000))).collect();
    let record = Record { args: Some(json!({"command": many})), ..full() };
    let line = line(&record);
    assert!(line.len() <= LINE_BYTES_MAX);
    assert!(line.contains("\"cut\""));
    assert!(line.contains("\"plan\""), "what decides stays");
}

#[test]
fn two_hundred_targets_fit() {
    let target = Target {
        kind: "container",
        id: "c".repeat(64),
        name: "n".repeat(128),
        engine: "E".repeat(64),
        attributes: Default::default(),
    };
    let record = Record { target: TargetRefs::of(&vec![target; 200]), ..full() };
    assert!(line(&record).len() <= LINE_BYTES_MAX);
}

/// A list of targets keeps its beginning and says how many it lost, and of what.
#[test]
fn a_list_of_targets_that_is_too_long_is_cut_and_says_so() {
    let targets: Vec<Target> = (0..1000)
        .map(|n| Target {
            kind: "container",
            id: format!("{n:064}"),
            name: "\u{1f4a3}".repeat(160),
            engine: "E".into(),
            attributes: Default::default(),
        })
        .collect();
    for count in [100, 1000] {
        let record = Record { target: TargetRefs::of(&targets[..count]), ..full() };
        let line = line(&record);
        assert!(line.len() <= LINE_BYTES_MAX && line.len() > LINE_BYTES_MAX / 3, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        let list = read["target"].as_array().unwrap();
        let (cut, kept) = list.split_last().unwrap();
        assert_eq!(cut["cut"]["count"], count - kept.len());
        assert!(cut["cut"]["sha256"].as_str().unwrap().starts_with("sha256:"));
        assert_eq!(kept.last().unwrap()["id"], format!("{:064}", kept.len() - 1));
        assert_eq!(read["args"]["timeout"], 10, "what is short stays");
    }
    let whole = line(&Record { target: TargetRefs::of(&targets[..50]), ..full() });
    assert!(!whole.contains("\"cut\""));
}

/// Text of at most so many characters, the worst there is for a line.
fn hostile(max: usize) -> impl Strategy<Value = String> {
    let one =
        prop_oneof![Just('\u{1f4a3}'), Just('"'), Just('\\'), Just('\u{1b}'), Just('\u{e0041}')];
    (one, 0..=max).prop_map(|(c, count)| c.to_string().repeat(count))
}

/// The largest values that a record may be given.
fn hostile_json() -> impl Strategy<Value = Value> {
    let list = proptest::collection::vec(hostile(2100).prop_map(Value::from), 0..4);
    (list, 0..300_usize, hostile(200), any::<bool>()).prop_map(|(list, times, key, as_cut)| {
        let all: Vec<Value> = list.iter().cycle().take(times).cloned().collect();
        let key = if as_cut { "cut".to_owned() } else { key };
        json!({key: all})
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        "[\u{0}-\u{20}\u{202a}-\u{202e}\\PC]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(".{0,12}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_record_is_one_clean_line(
        args in any_json(),
        result in any_json(),
        error in ".{0,4000}",
        client in ".{0,400}",
    ) {
        let mut record =
            Record { args: Some(args), result: Some(result), error: Some(error), ..full() };
        record.caller.as_mut().unwrap().client = Some(client);
        let line = line(&record);
        prop_assert!(line.len() <= LINE_BYTES_MAX);
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(!line.trim_end().chars().any(text::is_hidden));
        let read: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["seq"].as_u64(), Some(7));
        prop_assert!(!line.contains("\\u00"), "nothing is left for JSON to escape: {}", line);
    }

}

proptest! {
    // Each case is megabytes.
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn the_largest_record_still_is_one_line(
        (args, result) in (hostile_json(), hostile_json()),
        log in proptest::collection::vec((hostile(200), hostile_json()), 0..4),
        texts in proptest::collection::vec(hostile(5000), 8),
        (id, count) in (hostile(400), 0_usize..400),
    ) {
        let target = Target {
            kind: "container",
            id,
            name: texts[0].clone(),
            engine: texts[1].clone(),
            attributes: Default::default(),
        };
        let text = |n: usize| Some(texts[n].clone());
        let caller = Caller { client: text(2), version: text(3), ..full().caller.unwrap() };
        let record = Record {
            op: text(4),
            caller: Some(caller),
            session: text(5),
            req: text(6),
            args: Some(args.clone()),
            target: TargetRefs::of(&vec![target; count]),
            rule: text(7),
            expires: text(0),
            error: text(1),
            result: Some(result.clone()),
            log: log.into_iter().enumerate().map(|(n, (k, v))| (format!("{n}{k}"), v)).collect(),
            ..full()
        };
        let line = line(&record);
        prop_assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(!line.trim_end().chars().any(text::is_hidden));
        let read: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["plan"].clone(), json!(full().plan));
        let says = |value: &Value| value["cut"]["sha256"].is_string();
        prop_assert!(read["args"] == tidy(&args) || says(&read["args"]));
        prop_assert!(read["result"] == tidy(&result) || says(&read["result"]));
        if count > 1 {
            let list = read["target"].as_array().unwrap();
            let cut = list.last().unwrap()["cut"]["count"].as_u64();
            let shown = list.len() - usize::from(cut.is_some());
            prop_assert_eq!(shown + cut.map_or(0, |cut| usize::try_from(cut).unwrap()), count);
        }
        for (key, value) in &record.log {
            let kept = &read[text::name(key)];
            prop_assert!(says(&read["log"]) || says(kept) || *kept == tidy(value), "{}", key);
        }
    }
}
