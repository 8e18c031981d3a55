//! Starting, stopping and restarting one container.

use serde_json::json;

use crate::support::engine::{Engine, Sentence, docker};
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
