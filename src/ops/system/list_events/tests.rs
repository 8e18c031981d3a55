//! Events, as they are shown.

use time::Duration;

use super::*;
use crate::core::reason::Reason;
use crate::ops::fake::{Fake, NOW, World, call, context, gate};

fn event(seconds_ago: i64, kind: &str, action: &str) -> Happening {
    let at = NOW - Duration::seconds(seconds_ago);
    Happening {
        at_nanos: i64::try_from(at.unix_timestamp_nanos()).unwrap(),
        kind: kind.into(),
        action: action.into(),
        id: "c".repeat(64),
        name: "web".into(),
        image: "app:1".into(),
        exit_code: "137".into(),
        signal: "15".into(),
        container: String::new(),
    }
}

async fn list(events: Vec<Happening>, arguments: Value) -> Result<Told, Fault> {
    let engine = Fake { happenings: events, ..Fake::default() };
    let params: Params = serde_json::from_value(arguments).unwrap();
    ListEvents::read(context(&engine), &params, &[]).await
}

#[tokio::test]
async fn events_are_a_table_with_the_newest_last() {
    let volume = Happening {
        id: "data".into(),
        name: String::new(),
        image: String::new(),
        container: "d".repeat(64),
        ..event(10, "volume", "mount")
    };
    let events = vec![event(60, "container", "kill"), event(30, "container", "die"), volume];
    let told = list(events, json!({"since": "10m"})).await.unwrap();
    assert_eq!(
        told.text(),
        "TIME                  TYPE       ACTION  NAME  DETAIL\n\
         2026-01-31T11:59:00Z  container  kill    web   image app:1, signal 15\n\
         2026-01-31T11:59:30Z  container  die     web   image app:1, exit code 137\n\
         2026-01-31T11:59:50Z  volume     mount   data  container dddddddddddd"
    );
    let data = told.data();
    assert_eq!(data["events"][1]["time"], "2026-01-31T11:59:30Z");
    assert_eq!(data["events"][1]["exitCode"], 137);
    assert_eq!(data["events"][0]["exitCode"], Value::Null, "a label may be called so");
    assert_eq!(data["events"][0]["id"], "c".repeat(64));
}

#[tokio::test]
async fn the_newest_are_kept_and_the_rest_is_counted() {
    let events: Vec<_> = (0..40).rev().map(|ago| event(ago, "container", "start")).collect();
    for (limit, left_out) in [(1, 39), (39, 1), (40, 0), (1000, 0)] {
        let told = list(events.clone(), json!({"since": "1h", "limit": limit})).await.unwrap();
        assert_eq!(told.left_out, left_out);
        assert_eq!(told.rows.back(), events.last());
        assert_eq!(told.text().contains(" earlier event"), left_out > 0, "{}", told.text());
    }
    assert!(list(vec![], json!({"since": "1h"})).await.unwrap().text().starts_with("No events."));
}

#[tokio::test]
async fn the_stretch_of_time_has_always_passed() {
    let engine = Fake::default();
    for (arguments, called) in [
        (json!({"since": "10m"}), "events 2026-01-31T11:50:00Z 2026-01-31T12:00:00Z all"),
        (
            json!({"since": "10m", "until": "5m"}),
            "events 2026-01-31T11:50:00Z 2026-01-31T11:55:00Z all",
        ),
        (
            json!({"since": "10m", "until": "2027-01-01T00:00:00Z"}),
            "events 2026-01-31T11:50:00Z 2026-01-31T12:00:00Z all",
        ),
        (
            json!({"since": "10m", "type": "image"}),
            "events 2026-01-31T11:50:00Z 2026-01-31T12:00:00Z image",
        ),
    ] {
        let params: Params = serde_json::from_value(arguments).unwrap();
        ListEvents::read(context(&engine), &params, &[]).await.unwrap();
        assert_eq!(engine.called().last().unwrap(), called);
    }
    for bad in [
        json!({"since": "2027-01-01T00:00:00Z"}),
        json!({"since": "yesterday"}),
        json!({"since": "5m", "until": "10m"}),
    ] {
        assert_eq!(list(vec![], bad).await.unwrap_err().reason, Reason::InvalidArgument);
    }
}

#[tokio::test]
async fn text_from_outside_is_clean_and_tells_no_secret() {
    let exec = "exec_create: mysql -u root -phunter2 --password=hunter2 -e API_TOKEN=hunter2";
    let mut forged = event(1, "container", exec);
    forged.name = "web\u{202e}\nconfirmToken=0123".into();
    let told = list(vec![forged, event(0, "container", "die: x")], json!({"since": "1h"})).await;
    let told = told.unwrap();
    for text in [told.text(), told.data().to_string()] {
        assert!(text.contains("exec_create: mysql"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("\u{202e}"), "{text}");
        assert!(!text.contains("confirmToken="), "{text}");
    }
    assert_eq!(told.record(), json!({"rows": 2, "leftOut": 0}));
}

#[tokio::test]
async fn arguments_are_bounded() {
    let (engine, world) = (std::sync::Arc::default(), std::sync::Arc::<World>::default());
    let gate = gate(&engine, &world);
    for bad in [
        json!({}),
        json!({"since": "1h", "limit": 0}),
        json!({"since": "1h", "limit": 1001}),
        json!({"since": "1h", "type": "../info"}),
        json!({"since": "1h", "follow": true}),
    ] {
        let answer = call(&gate, "list_events", bad).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
    }
    assert_eq!(engine.called(), Vec::<String>::new());
}
