//! Containers, through the gate.

use countersign::core::ids::FullId;
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use crate::support::engine::IMAGE;
use crate::support::podman::Podman;
use crate::support::real::{Real, Trial};

#[tokio::test]
async fn a_restart_is_held_to_its_plan() {
    let podman = Podman::start();
    let real = Real::new(podman.adapter());
    let killed = ["--stop-signal", "KILL"];
    let web = podman.run("web", &killed, "sleep 3600");
    podman.run("other", &killed, "sleep 3600");
    let drift = || {
        podman.docker(&["restart", "--time", "1", "web"]);
    };
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "restart_container",
            arguments: json!({"container": "web", "timeout": 1}),
            elsewhere: json!({"container": "other", "timeout": 1}),
            otherwise: Some(json!({"container": "web", "timeout": 2})),
            drift: &drift,
        })
        .await;
    assert!(preview.contains("stop it (SIGKILL, then"), "{preview}");
    assert!(preview.contains("engine         podman-"), "{preview}");
    assert_eq!(done.data["startedAt"], podman.inspect(&web, "{{.State.StartedAt}}"));
}

#[tokio::test]
async fn starts_and_stops_and_says_what_was_so_already() {
    let podman = Podman::start();
    let real = Real::new(podman.adapter());
    podman.create("web", &["--stop-signal", "KILL"], "sleep 3600");
    for (operation, changed, said) in [
        ("start_container", true, "Started web. Now: running"),
        ("start_container", false, "web was running already; nothing was done."),
        ("stop_container", true, "Stopped web. Now: exited, exit code 137"),
        ("stop_container", false, "web was not running; nothing was done."),
        ("restart_container", true, "Restarted web. Now: running"),
    ] {
        let (_, done) = real.confirm(operation, json!({"container": "web"})).await;
        assert_eq!(done.status, Status::Ok, "{operation}: {}", done.text);
        assert!(done.text.starts_with(said), "{operation}: {}", done.text);
        assert_eq!(done.data["changed"], changed, "{operation}");
    }
}

#[tokio::test]
async fn a_paused_container_is_not_restarted_and_nothing_is_called_unknown() {
    let podman = Podman::start();
    let real = Real::new(podman.adapter());
    let web = podman.run("web", &[], "sleep 3600");
    podman.docker(&["pause", "web"]);
    let started = podman.inspect(&web, "{{.State.StartedAt}}");
    for operation in ["restart_container", "start_container"] {
        let refused = real.call(operation, json!({"container": "web"})).await;
        assert_eq!(refused.confirm_token, None, "{}", refused.text);
        assert!(refused.text.contains("unpause_container."), "{}", refused.text);
    }
    let restart = podman.try_docker(&["restart", "--time", "0", "web"]);
    assert!(restart.unwrap_err().contains("unable to restart a container in a paused"));
    assert_eq!(
        podman.inspect(&web, "{{.State.Status}} {{.State.StartedAt}}"),
        format!("paused {started}")
    );
}

#[tokio::test]
async fn no_container_is_started_along_with_another() {
    let podman = Podman::start();
    let real = Real::new(podman.adapter());
    let db = podman.run("db", &["--stop-signal", "KILL"], "sleep 3600");
    let joined = "container:db";
    let made =
        podman.docker(&["create", "--name", "web", "--network", joined, IMAGE, "sleep", "9"]);
    let web = FullId::parse(made.trim()).unwrap();
    let run = json!({"image": format!("localhost/{IMAGE}"), "network": joined, "name": "late", "command": ["true"]});
    let it = json!({"container": "web"});
    let start = ("start_container", it.clone());
    let requests = [start, ("restart_container", it), ("run_container", run)];
    for (operation, arguments) in requests.clone() {
        let offered = real.call(operation, arguments).await;
        assert!(offered.confirm_token.is_some(), "{operation}: {}", offered.text);
    }
    podman.docker(&["stop", "--time", "0", "db"]);
    for (operation, arguments) in requests {
        let refused = real.call(operation, arguments).await;
        assert_eq!(refused.confirm_token, None, "{operation}: {}", refused.text);
        assert!(refused.text.contains("Start db first"), "{operation}: {}", refused.text);
    }
    assert!(podman.try_docker(&["restart", "--time", "0", "web"]).is_err());
    podman.docker(&["start", "web"]);
    let states = [&web, &db].map(|id| podman.inspect(id, "{{.State.Status}}"));
    assert_eq!(states, ["running", "running"], "the engine's own start starts both");
}

#[tokio::test]
async fn the_network_that_none_is_said_for_is_the_one_called_bridge() {
    let podman = Podman::start();
    let real = Real::new(podman.adapter());
    let mut targets = Vec::new();
    for network in [None, Some("bridge"), Some("podman")] {
        let mut arguments = json!({"image": format!("localhost/{IMAGE}"), "command": ["true"]});
        if let Some(network) = network {
            arguments["network"] = json!(network);
        }
        let answer = real.call("run_container", arguments).await;
        if network == Some("podman") {
            assert_eq!(answer.reason, Some(Reason::NotFound), "{}", answer.text);
            continue;
        }
        assert!(answer.confirm_token.is_some(), "{}", answer.text);
        let record = serde_json::to_value(real.log.last()).unwrap();
        assert!(record["target"].to_string().contains(DEFAULT), "{record}");
        targets.push(record["target"].clone());
    }
    assert_eq!(targets.first(), targets.last());
}

/// The id of the network that Podman gives by itself: a digest of the name that it has for it.
const DEFAULT: &str = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9";
