//! Containers, through the gate.

use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

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
    let (_, done) = real.confirm("restart_container", json!({"container": "web"})).await;
    assert_eq!((done.status, done.reason), (Status::Failed, Some(Reason::EngineError)));
    assert!(done.text.contains("did not happen: unable to restart a container in a paused"));
    assert_eq!(
        podman.inspect(&web, "{{.State.Status}} {{.State.StartedAt}}"),
        format!("paused {started}")
    );
}
