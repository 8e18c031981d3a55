//! Changes from the first call to the observed result.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::reason::{Fault, Reason};
use crate::core::record::Event;
use crate::gate::{Answer, Change as _, Render as _, Status};
use crate::ops::containers::lifecycle::Done;
use crate::ops::containers::{StartContainer, StopContainer};
use crate::ops::fake::{self, Fake, World, container, port, stopped};
use crate::ports::engine::{Acted, Container};

type Effect = fn(&mut Vec<Container>) -> Result<Acted, Fault>;

/// Asks, confirms, and returns the answer with the engine and the records.
async fn confirmed(
    operation: &str,
    before: Container,
    effect: Effect,
) -> (Answer, Arc<Fake>, Arc<World>) {
    let engine = Fake::of(vec![before]);
    *engine.effect.lock().unwrap() = Some(Box::new(effect));
    let (engine, world) = (Arc::new(engine), Arc::new(World::default()));
    let gate = fake::gate(&engine, &world);
    let first = fake::call(&gate, operation, json!({"container": "web"})).await;
    assert_eq!(first.status, Status::ConfirmationRequired, "{}", first.text);
    let arguments = json!({"container": "web", "confirmToken": first.confirm_token});
    let second = fake::call(&gate, operation, arguments).await;
    (second, engine, world)
}

fn changes(engine: &Fake) -> Vec<String> {
    let acts = ["start ", "stop ", "restart "];
    let called = engine.called().into_iter();
    called.filter(|call| acts.iter().any(|act| call.starts_with(act))).collect()
}

/// The result as the log keeps it.
fn recorded(world: &World) -> Value {
    let records = world.records.lock().unwrap();
    let last = records.last().unwrap();
    assert_eq!(last.event, Event::Done);
    last.result.clone().unwrap()
}

#[tokio::test]
async fn a_restart_tells_what_is_now() {
    let (answer, engine, world) = confirmed("restart_container", container("ab", "web"), |all| {
        all[0].state.started_at = "2026-01-31T12:00:01.5Z".into();
        all[0].state.health = Some("starting".into());
        all[0].ports = vec![port(80, 32769, true)];
        Ok(Acted::Changed)
    })
    .await;
    assert_eq!(
        answer.text,
        "Restarted web. Now: running since 2026-01-31T12:00:01Z, health starting, ports 32769->80."
    );
    assert_eq!(answer.data["ports"], "32769->80");
    assert_eq!(answer.data["id"], fake::id("ab").as_str());
    assert_eq!(changes(&engine), ["restart web 10"]);
    assert_eq!(
        recorded(&world),
        json!({
            "changed": true, "status": "running", "startedAt": "2026-01-31T12:00:01.5Z",
            "exitCode": null, "health": "starting",
        })
    );
}

#[tokio::test]
async fn nothing_is_restarted_that_changed_meanwhile() {
    let (engine, world) =
        (Arc::new(Fake::of(vec![container("ab", "web")])), Arc::new(World::default()));
    let gate = fake::gate(&engine, &world);
    let first = fake::call(&gate, "restart_container", json!({"container": "web"})).await;
    engine.containers.lock().unwrap()[0].state.started_at = "2026-01-31T11:00:00Z".into();
    let arguments = json!({"container": "web", "confirmToken": first.confirm_token});
    let second = fake::call(&gate, "restart_container", arguments).await;
    assert_eq!(second.reason, Some(Reason::PlanChanged));
    assert!(changes(&engine).is_empty());
}

#[tokio::test]
async fn a_stop_tells_how_it_ended() {
    let (answer, engine, _) = confirmed("stop_container", container("ab", "web"), |all| {
        all[0] = stopped(all[0].clone());
        Ok(Acted::Changed)
    })
    .await;
    assert_eq!(answer.text, "Stopped web. Now: exited, exit code 137, killed.");
    assert_eq!(changes(&engine), ["stop web 10"]);
}

#[tokio::test]
async fn a_stop_that_does_not_hold_is_not_passed_off_as_one() {
    let (answer, ..) =
        confirmed("stop_container", container("ab", "web"), |_| Ok(Acted::Changed)).await;
    assert!(
        answer.text.ends_with("this is not what was asked for, look again."),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn what_was_so_already_is_said() {
    let (answer, _, world) =
        confirmed("start_container", container("ab", "web"), |_| Ok(Acted::AlreadySo)).await;
    assert!(answer.text.starts_with("web was running already; nothing was done. Now: running"));
    assert_eq!(recorded(&world)["changed"], false);
    let down = stopped(container("ab", "web"));
    let (answer, ..) = confirmed("stop_container", down, |_| Ok(Acted::AlreadySo)).await;
    assert!(answer.text.starts_with("web was not running; nothing was done. Now: exited"));
}

#[tokio::test]
async fn a_start_that_ends_at_once_is_said() {
    let down = stopped(container("ab", "web"));
    let (answer, _, world) = confirmed("start_container", down, |all| {
        all[0].state.exit_code = Some(1);
        Ok(Acted::Changed)
    })
    .await;
    assert_eq!(
        answer.text,
        "Started web. Now: exited, exit code 1: it ended right after its start. \
         get_container_logs may say why."
    );
    assert_eq!(recorded(&world)["exitCode"], 1);
}

#[tokio::test]
async fn a_removed_container_is_a_result() {
    let params = serde_json::from_value(json!({"container": "web"})).unwrap();
    let engine = Fake::of(vec![container("ab", "web")]);
    let cx = fake::context(&engine);
    let targets = StopContainer::resolve(cx, &params).await.unwrap();
    engine.containers.lock().unwrap().clear();
    for (auto_remove, text) in [
        (true, "Stopped web. It ended and was removed with that (--rm)."),
        (false, "Stopped web. Now it is gone: somebody else may have removed it."),
    ] {
        let done = Done { acted: Acted::Changed, auto_remove, unnamed: Vec::new(), expect: None };
        let gone = StopContainer::look_again(cx, &params, &targets, &done).await.unwrap();
        assert_eq!(gone.text(), text);
        assert_eq!(gone.record(), json!({"changed": true, "status": "removed"}));
    }
    let named = serde_json::from_value(json!({"container": "web"})).unwrap();
    let done = Done { acted: Acted::Changed, auto_remove: true, unnamed: Vec::new(), expect: None };
    let gone = StartContainer::look_again(cx, &named, &targets, &done).await.unwrap();
    assert_eq!(gone.text(), "Started web. It ended and was removed with that (--rm).");
}

#[tokio::test]
async fn a_container_that_stays_and_is_gone_was_not_removed_by_its_stop() {
    let (answer, ..) = confirmed("stop_container", container("ab", "web"), |all| {
        all.clear();
        Ok(Acted::Changed)
    })
    .await;
    assert!(answer.text.ends_with("somebody else may have removed it."), "{}", answer.text);
}

#[tokio::test]
async fn losses_want_a_person_and_the_rest_does_not() {
    let mut web = container("ab", "web");
    web.auto_remove = true;
    let engine = Arc::new(Fake::of(vec![web]));
    let gate = fake::gate(&engine, &Arc::new(World::default()));
    let stop = fake::call(&gate, "stop_container", json!({"container": "web"})).await;
    assert_eq!(stop.reason, Some(Reason::ApprovalUnavailable));
    let restart = fake::call(&gate, "restart_container", json!({"container": "web"})).await;
    assert_eq!(
        restart.reason,
        Some(Reason::ApprovalUnavailable),
        "it is lost if it does not stay up"
    );
    let start = fake::call(&gate, "start_container", json!({"container": "web"})).await;
    assert_eq!(start.status, Status::ConfirmationRequired);
    assert!(changes(&engine).is_empty());
}

#[tokio::test]
async fn policy_is_told_what_it_may_ask_about() {
    let mut web = fake::composed(container("ab", "web"), "front", "");
    web.privileged = true;
    let engine = Fake::of(vec![web]);
    let params = serde_json::from_value(json!({"container": "ab0000000000"})).unwrap();
    let targets = StopContainer::resolve(fake::context(&engine), &params).await.unwrap();
    let target = &targets[0];
    assert_eq!((target.kind, target.engine.as_str()), ("container", "ENGINE"));
    assert_eq!(target.id, fake::id("ab").as_str());
    for (name, value) in [
        ("image", "nginx:1.25"),
        ("project", "shop"),
        ("service", "front"),
        ("privileged", "true"),
        ("label.com.docker.compose.project", "shop"),
    ] {
        assert_eq!(target.attributes.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[tokio::test]
async fn bounds_and_unknown_arguments_are_refused() {
    let engine = Arc::new(Fake::of(vec![container("ab", "web")]));
    let gate = fake::gate(&engine, &Arc::new(World::default()));
    for (operation, arguments, good) in [
        ("stop_container", json!({"container": "web", "timeout": 0}), true),
        ("stop_container", json!({"container": "web", "timeout": 600}), true),
        ("stop_container", json!({"container": "web", "timeout": 601}), false),
        ("stop_container", json!({"container": "web", "timeout": -1}), false),
        ("start_container", json!({"container": "web", "timeout": 1}), false),
        ("restart_container", json!({"container": "../info?"}), false),
        ("restart_container", json!({}), false),
    ] {
        let answer = fake::call(&gate, operation, arguments.clone()).await;
        let refused = answer.reason == Some(Reason::InvalidArgument);
        assert_eq!(refused, !good, "{operation} {arguments}: {}", answer.text);
    }
}
