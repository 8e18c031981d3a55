//! Starting, stopping and restarting one container.

use serde_json::json;

use crate::support::engine::{Engine, IMAGE, Sentence, docker, try_docker};
use crate::support::real::{Real, Trial};

/// Containers that end at once when they are stopped.
fn quick(engine: &Engine) -> Sentence<'_> {
    engine.container("sleep 3600").option(&["--stop-signal", "KILL"])
}

#[tokio::test]
async fn start_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (web, other) = (quick(&engine).create(), quick(&engine).create());
    let drift = || drop(docker(&["update", "--restart", "on-failure", web.id.as_str()]));
    let (preview, done) = Real::new(engine.adapter())
        .holds_to_its_plan(Trial {
            operation: "start_container",
            arguments: json!({"container": web.name}),
            elsewhere: json!({"container": other.name}),
            otherwise: None,
            drift: &drift,
        })
        .await;
    assert!(preview.contains(&format!("Start {}", web.name)), "{preview}");
    assert!(preview.contains(web.id.as_str()) && preview.contains("created"), "{preview}");
    assert_eq!(done.data["startedAt"], web.inspect("{{.State.StartedAt}}"));
    assert_eq!(other.inspect("{{.State.Status}}"), "created");
}

#[tokio::test]
async fn stop_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (web, other) = (quick(&engine).start(), quick(&engine).start());
    let drift = || drop(docker(&["restart", web.id.as_str()]));
    let (preview, done) = Real::new(engine.adapter())
        .holds_to_its_plan(Trial {
            operation: "stop_container",
            arguments: json!({"container": web.name}),
            elsewhere: json!({"container": other.name}),
            otherwise: Some(json!({"container": web.name, "timeout": 11})),
            drift: &drift,
        })
        .await;
    assert!(preview.contains(&web.inspect("{{.State.StartedAt}}")), "{preview}");
    assert_eq!(done.data["exitCode"], 137, "{}", done.text);
    assert_eq!(web.inspect("{{.State.Running}} {{.State.ExitCode}}"), "false 137");
    assert_eq!(other.inspect("{{.State.Running}}"), "true");
}

#[tokio::test]
async fn restart_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (web, other) = (quick(&engine).start(), quick(&engine).start());
    let before = other.inspect("{{.State.StartedAt}}");
    let drift = || drop(docker(&["restart", web.id.as_str()]));
    let (preview, done) = Real::new(engine.adapter())
        .holds_to_its_plan(Trial {
            operation: "restart_container",
            arguments: json!({"container": web.name}),
            elsewhere: json!({"container": other.name}),
            otherwise: Some(json!({"container": web.name, "timeout": 11})),
            drift: &drift,
        })
        .await;
    assert!(preview.contains(&format!("Restart {}", web.name)), "{preview}");
    assert_eq!(done.data["startedAt"], web.inspect("{{.State.StartedAt}}"));
    assert_eq!(other.inspect("{{.State.StartedAt}}"), before);
}

#[tokio::test]
async fn what_shares_something_with_one_that_is_down_is_not_started() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let db = quick(&engine).option(&["--ipc", "shareable"]).start();
    let joined = format!("container:{}", db.name);
    let sharing = |what: &str| engine.container("sleep 3600").option(&[what, &joined]);
    let shares = ["--network", "--ipc", "--pid"].map(|what| sharing(what).create());
    let up = quick(&engine).option(&["--network", &joined]).start();
    let mut requests: Vec<_> = shares.iter().map(|one| ("start_container", one)).collect();
    requests.push(("restart_container", &up));
    for (operation, one) in &requests {
        let offered = real.call(operation, json!({"container": one.name})).await;
        assert!(offered.confirm_token.is_some(), "{}", offered.text);
    }
    docker(&["stop", &db.name]);
    for (operation, one) in &requests {
        let refused = real.call(operation, json!({"container": one.name})).await;
        assert_eq!(refused.confirm_token, None, "{}", refused.text);
        let first = format!("Start {} first", db.name);
        assert!(refused.text.contains(&first), "{}", refused.text);
    }
    assert_eq!(up.inspect("{{.State.Running}}"), "true");
    let run = json!({"image": IMAGE, "network": joined, "command": ["true"]});
    let refused = real.call("run_container", run).await;
    assert!(refused.text.contains("The new container shares"), "{}", refused.text);
    // The engine says so too, and what it restarts it has stopped by then.
    for one in &shares {
        assert_eq!(try_docker(&["start", &one.name]), None, "{}", one.name);
    }
    assert_eq!(try_docker(&["restart", &up.name]), None);
    assert_eq!(up.inspect("{{.State.Running}}"), "false");
    docker(&["rm", &db.name]);
    let refused = real.call("start_container", json!({"container": up.name})).await;
    assert!(refused.text.contains("which is gone"), "{}", refused.text);
    assert_eq!(try_docker(&["start", &up.name]), None);
}
