//! Golden lines, and that no record can break the shape of a line.

use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;

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
