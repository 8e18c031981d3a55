//! Disk usage and events.

use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::engine::{Engine, IMAGE, docker};
use crate::support::real::Real;

#[tokio::test]
async fn disk_usage_is_what_docker_says() {
    let engine = Engine::connect();
    let made = engine.script("head -c 3000000 /dev/zero > /big").start();
    made.wait();
    let real = Real::new(engine.adapter());
    let answer = real.call("get_disk_usage", json!({})).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    assert!(answer.text.starts_with("WHAT "), "{}", answer.text);
    let containers = &answer.data["containers"];
    let mine = |item: &&Value| item["id"] == made.id.as_str();
    let largest = containers["largest"].as_array().unwrap();
    let mine = largest.iter().find(mine).unwrap_or_else(|| panic!("{}", answer.text));
    assert_eq!((&mine["name"], &mine["inUse"]), (&json!(made.name), &json!(false)));
    let size = docker(&["inspect", "--size", "--format", "{{.SizeRw}}", made.id.as_str()]);
    assert_eq!(mine["bytes"].to_string(), size.trim());
    assert!(containers["reclaimableBytes"].as_u64().unwrap() >= 3_000_000);
    let images = answer.data["images"]["largest"].as_array().unwrap();
    let image = images.iter().find(|image| image["name"] == IMAGE).unwrap();
    let size = docker(&["image", "inspect", "--format", "{{.Size}}", IMAGE]);
    assert_eq!(image["bytes"].to_string(), size.trim());
    assert_eq!(image["inUse"], true);
}

#[tokio::test]
async fn disk_usage_is_counted_for_several_at_once() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let ask = || real.call("get_disk_usage", json!({}));
    let answers = futures_util::future::join_all([ask(), ask(), ask(), ask()]).await;
    for answer in answers {
        assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    }
}

#[tokio::test]
async fn events_tell_what_happened_and_no_secret() {
    let engine = Engine::connect();
    let made =
        engine.script("exit 3").label("app.password", "hunter2").label("exitCode", "99").start();
    made.wait();
    let lasting = engine.container("sleep 3600").start();
    docker(&["exec", lasting.id.as_str(), "true", "--password=hunter2"]);
    docker(&["kill", lasting.id.as_str()]);
    let real = Real::new(engine.adapter());
    let arguments = json!({"since": "2m", "type": "container", "limit": 1000});
    let answer = real.call("list_events", arguments).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    let events = answer.data["events"].as_array().unwrap();
    let of = |id: &str, action: &str| {
        let fits = |event: &&Value| {
            event["id"] == id && event["action"].as_str().unwrap().starts_with(action)
        };
        events.iter().find(fits).unwrap_or_else(|| panic!("{action}: {}", answer.text)).clone()
    };
    let created = of(made.id.as_str(), "create");
    assert_eq!((&created["name"], &created["image"]), (&json!(made.name), &json!(IMAGE)));
    assert_eq!(created["exitCode"], Value::Null);
    assert_eq!(of(lasting.id.as_str(), "kill")["signal"], 9);
    assert_eq!(of(lasting.id.as_str(), "die")["exitCode"], 137);
    assert!(of(lasting.id.as_str(), "exec_create")["action"].to_string().contains("(hidden)"));
    let times: Vec<&str> = events.iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    for text in [&answer.text, &answer.data.to_string()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn events_end_and_are_bounded() {
    let engine = Engine::connect();
    let made = engine.container("true").start();
    made.wait();
    let real = Real::new(engine.adapter());
    let answer = real.call("list_events", json!({"since": "5m", "limit": 2})).await;
    assert_eq!(answer.data["events"].as_array().unwrap().len(), 2, "{}", answer.text);
    assert!(answer.data["leftOut"].as_u64().unwrap() > 0);
    // A moment to come is not waited for.
    let arguments = json!({"since": "5m", "until": "2090-01-01T00:00:00Z"});
    assert_eq!(real.call("list_events", arguments).await.status, Status::Ok);
    let other = real.call("list_events", json!({"since": "5m", "type": "plugin"})).await;
    assert!(other.text.starts_with("No events."), "{}", other.text);
    for since in ["../info?", "%2e%2e/info", "10m&until=0", "1h\r\nHost: x"] {
        let answer = real.call("list_events", json!({"since": since})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
    }
}
