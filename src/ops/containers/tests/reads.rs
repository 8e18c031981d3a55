//! Reads through the gate: what is shown, what is hidden, what is refused.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::reason::Reason;
use crate::core::text::is_hidden;
use crate::gate::{Answer, Status};
use crate::ops::fake::{self, Fake, World, composed, container, port, stopped};
use crate::ports::engine::{Container, Mount, Port};

async fn ask(engine: Fake, operation: &str, arguments: Value) -> (Answer, Arc<Fake>, Arc<World>) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::default()));
    let gate = fake::gate(&engine, &world);
    (fake::call(&gate, operation, arguments).await, engine, world)
}

/// As engines list them: the newest first.
fn several() -> Fake {
    let loopback = Port {
        public: Some(("127.0.0.1".into(), 5432)),
        protocol: "udp".into(),
        ..port(5432, 5432, false)
    };
    let web = Container {
        ports: vec![
            port(80, 8080, false),
            Port { public: Some(("::".into(), 8080)), ..port(80, 8080, false) },
            Port { public: None, ..port(9000, 1, false) },
        ],
        ..container("cc", "web")
    };
    let db =
        Container { ports: vec![loopback], ..composed(container("bb", "shop-db-1"), "db", "") };
    Fake::of(vec![web, db, stopped(container("aa", "old\u{1b}[2J"))])
}

#[tokio::test]
async fn a_list_is_short_and_its_newest_is_last() {
    let (answer, engine, world) = ask(several(), "list_containers", json!({"all": true})).await;
    insta::assert_snapshot!(answer.text);
    assert_eq!(engine.called(), ["containers"]);
    assert_eq!(answer.data["containers"][2]["id"], fake::id("cc").as_str());
    assert_eq!(answer.data["containers"][1]["project"], "shop");
    let records = world.records.lock().unwrap();
    assert_eq!(records.last().unwrap().result, Some(json!({"rows": 3, "leftOut": 0})));
}

#[tokio::test]
async fn a_list_says_what_it_leaves_out() {
    for (arguments, lines, last) in [
        (json!({}), 4, "… 1 not running; add all=true"),
        (json!({"limit": 1}), 4, "… 1 not running; add all=true"),
        (json!({"limit": 2}), 4, "… 1 not running; add all=true"),
        (json!({"limit": 2, "all": true}), 4, "… 1 more; add name= or label="),
        (json!({"name": "web"}), 2, "web"),
        (json!({"name": "db"}), 2, "shop-db-1"),
        (json!({"status": "exited"}), 2, "old"),
        (json!({"name": "x"}), 1, "No containers fit. Add all=true to see those that do not run."),
        (json!({"name": "x", "all": true}), 1, "No containers fit."),
    ] {
        let (answer, ..) = ask(several(), "list_containers", arguments.clone()).await;
        assert_eq!(answer.text.lines().count(), lines, "{arguments}: {}", answer.text);
        assert!(answer.text.lines().last().unwrap().contains(last), "{}", answer.text);
    }
    for (arguments, text) in [
        (json!({}), "No containers are running. Add all=true to see those that do not run."),
        (json!({"all": true}), "No containers."),
    ] {
        assert_eq!(ask(Fake::default(), "list_containers", arguments).await.0.text, text);
    }
}

#[tokio::test]
async fn a_lists_bounds_hold() {
    for (arguments, good) in [
        (json!({"limit": 1}), true),
        (json!({"limit": 1000}), true),
        (json!({"limit": 0}), false),
        (json!({"limit": 1001}), false),
        (json!({"status": "paused"}), true),
        (json!({"status": "stopped"}), false),
        (json!({"names": "x"}), false),
        (json!({"all": "yes"}), false),
    ] {
        let (answer, engine, _) = ask(several(), "list_containers", arguments.clone()).await;
        assert_eq!(answer.status == Status::Ok, good, "{arguments}: {}", answer.text);
        assert_eq!(engine.called().is_empty(), !good);
    }
}

#[tokio::test]
async fn an_inspection_shows_everything_but_secrets() {
    let mut web = composed(container("ab", "web"), "web", "db:service_started:true");
    web.env = ["PATH=/usr/bin", "DB_PASSWORD=hunter2!", "MODE=blue-green"].map(Into::into).into();
    web.command = ["app", "--token=s3cr3t", "hunter2!", "--listen=:80"].map(Into::into).into();
    web.labels.insert("app.token".into(), "l4b3l".into());
    web.labels.insert("app.note\u{202e}".into(), "a\nb".into());
    web.state.error = "exec hunter2! failed".into();
    web.state.health = Some("healthy".into());
    web.mounts = vec![Mount {
        kind: "bind".into(),
        name: None,
        source: "/srv".into(),
        destination: "/www".into(),
        writable: false,
    }];
    web.ports = vec![port(80, 8080, false)];
    web.memory_bytes = 512 * 1024 * 1024;
    web.restart_policy = "on-failure:5".into();
    let (answer, engine, world) =
        ask(Fake::of(vec![web]), "inspect_container", json!({"container": "web"})).await;
    insta::assert_snapshot!(answer.text);
    let everything = format!("{}{}{:?}", answer.text, answer.data, world.records.lock().unwrap());
    for secret in ["hunter2", "s3cr3t", "l4b3l", "blue-green"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert!(!answer.text.chars().any(|c| c != '\n' && is_hidden(c)));
    assert_eq!(engine.called(), ["candidates web", "engine_id", "container web", "networks"]);
}

#[tokio::test]
async fn references_resolve_or_are_refused() {
    let engine =
        || Fake::of(vec![container("64009a58b66f", "web"), container("aa", "64009a58b66f")]);
    for (reference, reason) in [
        ("web", None),
        ("aa0000", None),
        ("64009a58b66f", Some(Reason::Ambiguous)),
        ("aa000", Some(Reason::NotFound)),
        ("cache", Some(Reason::NotFound)),
        ("../info?", Some(Reason::InvalidArgument)),
        ("", Some(Reason::InvalidArgument)),
    ] {
        for operation in ["inspect_container", "get_container_logs"] {
            let (answer, ..) = ask(engine(), operation, json!({"container": reference})).await;
            assert_eq!(answer.reason, reason, "{operation} {reference}: {}", answer.text);
        }
    }
}

#[test]
fn schemas_are_plain_and_described() {
    use crate::gate::Registry;
    let registry = Registry::new(crate::ops::ALL, |_| true);
    for operation in registry.iter().filter(|o| o.spec.toolset == "containers") {
        let name = &operation.spec.name;
        let properties = operation.schema["properties"].as_object().unwrap();
        for (argument, schema) in properties {
            assert!(schema["type"].is_string(), "{name} {argument}: {schema}");
            assert!(schema["description"].is_string(), "{name} {argument}: {schema}");
            let bounded = match schema["type"].as_str().unwrap() {
                "string" => schema.get("maxLength").or(schema.get("enum")).is_some(),
                "integer" => schema.get("minimum").and(schema.get("maximum")).is_some(),
                _ => true,
            };
            assert!(bounded, "{name} {argument}: {schema}");
        }
    }
}
