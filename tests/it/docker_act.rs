//! Changing things in a real engine, and in engines that misbehave.

use std::path::Path;
use std::time::Duration;

use countersign::core::ids::FullId;
use countersign::core::plan::Target;
use countersign::core::reason::{Fault, Reason};
use countersign::docker::DockerEngine;
use countersign::docker::deadline::Deadlines;
use countersign::ports::engine::{ActContainers as _, Acted, Limits, LookSystem as _};

use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, adapter_at, docker};
use crate::support::permit::{permit, target};

const VERBS: [&str; 3] = ["start", "stop", "restart"];

/// Changes that take no time to speak of.
const QUICK: [&str; 6] = ["kill", "pause", "unpause", "rename", "update", "remove"];

async fn change(adapter: &DockerEngine, verb: &str, target: Target) -> Result<Acted, Fault> {
    let permit = permit(target);
    let granted = permit.targets().next().unwrap();
    match verb {
        "start" => adapter.start(&granted).await,
        "stop" => adapter.stop(&granted, 0).await,
        "kill" => adapter.kill(&granted, "SIGTERM&signal=9").await,
        "pause" => adapter.pause(&granted).await,
        "unpause" => adapter.unpause(&granted).await,
        "rename" => adapter.rename(&granted, "new&name=newer").await,
        "update" => adapter.update(&granted, &Limits::default()).await,
        "remove" => adapter.remove_container(&granted, true, false).await,
        _ => adapter.restart(&granted, 0).await,
    }
}

async fn on(adapter: &DockerEngine, id: &FullId) -> Target {
    let engine = adapter.engine_id().await.unwrap();
    target("container", id.as_str(), &engine)
}

#[tokio::test]
async fn starts_stops_and_restarts_and_tells_what_was_so_already() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").create();
    let adapter = engine.adapter();
    let it = on(&adapter, &made.id).await;
    for (verb, expected, running) in [
        ("stop", Acted::AlreadySo, "false"),
        ("start", Acted::Changed, "true"),
        ("start", Acted::AlreadySo, "true"),
        ("stop", Acted::Changed, "false"),
        ("stop", Acted::AlreadySo, "false"),
        ("restart", Acted::Changed, "true"),
        ("restart", Acted::Changed, "true"),
    ] {
        assert_eq!(change(&adapter, verb, it.clone()).await, Ok(expected), "{verb}");
        assert_eq!(made.inspect("{{.State.Running}}"), running, "{verb}");
    }
}

#[tokio::test]
async fn stopping_an_auto_removed_container_removes_it() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").auto_remove().start();
    let adapter = engine.adapter();
    let it = on(&adapter, &made.id).await;
    assert_eq!(change(&adapter, "stop", it.clone()).await, Ok(Acted::Changed));
    for _ in 0..50 {
        if !made.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!made.exists());
    for verb in VERBS {
        let fault = change(&adapter, verb, it.clone()).await.unwrap_err();
        assert_eq!(fault.reason, Reason::NotFound, "{verb}");
    }
}

#[tokio::test]
async fn a_start_that_the_engine_refuses_did_not_happen() {
    let engine = Engine::connect();
    let adapter = engine.adapter();
    let made = engine.container("/no/such/program").create();
    let it = on(&adapter, &made.id).await;
    let fault = change(&adapter, "start", it.clone()).await.unwrap_err();
    assert_eq!(fault.reason, Reason::EngineError, "{fault:?}");
    assert!(fault.message.contains("/no/such/program"), "{}", fault.message);
    assert_eq!(made.inspect("{{.State.Running}}"), "false");
    // A restart may have stopped it first, so of that less is known.
    let fault = change(&adapter, "restart", it).await.unwrap_err();
    assert_eq!(fault.reason, Reason::OutcomeUnknown, "{fault:?}");
}

#[tokio::test]
async fn the_grace_is_always_said_and_a_stop_outlasts_it() {
    let engine = Engine::connect();
    let made = engine.script("trap '' TERM; while :; do sleep 0.1; done");
    let made = made.option(&["--stop-timeout", "300"]).start();
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    let it = on(&adapter, &made.id).await;
    let permit_once = permit(it.clone());
    let granted = permit_once.targets().next().unwrap();
    assert_eq!(adapter.stop(&granted, 1).await, Ok(Acted::Changed));
    assert_eq!(adapter.restart(&granted, 7).await, Ok(Acted::Changed));
    let posts: Vec<String> =
        door.lines().into_iter().filter(|line| line.starts_with("POST")).collect();
    let path = format!("/containers/{}", made.id);
    assert_eq!(
        posts,
        [format!("POST {path}/stop?t=1 HTTP/1.1"), format!("POST {path}/restart?t=7 HTTP/1.1")]
    );
    let fault = adapter.stop(&granted, 3601).await.unwrap_err();
    assert_eq!(fault.reason, Reason::InvalidArgument);
}

#[tokio::test]
async fn what_is_no_containers_full_id_leaves_no_request() {
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    let engine = adapter.engine_id().await.unwrap();
    let asked = door.lines().len();
    let id = "a".repeat(64);
    for (kind, id) in [
        ("container", "../info?"),
        ("container", "../images/prune?filters=...&"),
        ("container", "../volumes/vol"),
        ("container", "%2e%2e/info"),
        ("container", "web"),
        ("container", ""),
        ("container", id.get(..12).unwrap()),
        ("image", &id),
    ] {
        for verb in VERBS.into_iter().chain(QUICK) {
            let fault = change(&adapter, verb, target(kind, id, &engine)).await.unwrap_err();
            assert_eq!(fault.reason, Reason::InvalidArgument, "{verb} {kind} {id}");
        }
    }
    assert_eq!(door.lines().len(), asked, "{:?}", door.lines());
    let fault = change(&adapter, "start", target("container", &id, &engine)).await.unwrap_err();
    assert_eq!(fault.reason, Reason::NotFound);
    assert_eq!(door.lines().last().unwrap(), &format!("POST /containers/{id}/start HTTP/1.1"));
}

#[tokio::test]
async fn another_engine_than_the_plans_gets_no_change() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").create();
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    for (planned, expected) in [("AAAA:BBBB", Reason::PlanChanged), ("", Reason::PlanChanged)] {
        for verb in VERBS {
            let it = target("container", made.id.as_str(), planned);
            assert_eq!(change(&adapter, verb, it).await.unwrap_err().reason, expected, "{verb}");
        }
    }
    assert!(door.lines().iter().all(|line| line.starts_with("GET /info")), "{:?}", door.lines());
    assert_eq!(made.inspect("{{.State.Status}}"), "created");
}

#[tokio::test]
async fn the_engine_is_asked_anew_before_each_change() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let door = Door::with(move |_| {
        let id = if first.swap(false, std::sync::atomic::Ordering::SeqCst) { "ONE" } else { "TWO" };
        Deed::Say(200, format!("{{\"ID\":\"{id}\"}}"))
    });
    let adapter = adapter_at(door.path());
    let it = on(&adapter, &FullId::parse(&"a".repeat(64)).unwrap()).await;
    assert_eq!(it.engine, "ONE");
    assert_eq!(change(&adapter, "stop", it).await.unwrap_err().reason, Reason::PlanChanged);
    assert_eq!(adapter.engine_id().await.unwrap(), "TWO");
}

/// An engine that says who it is, and does `deed` when it is asked for a change.
fn unruly(deed: Deed) -> Door {
    Door::with(move |line| {
        if line.starts_with("GET /info") {
            Deed::Say(200, r#"{"ID":"E"}"#.to_owned())
        } else {
            deed.clone()
        }
    })
}

fn impatient(socket: &Path) -> DockerEngine {
    let soon = Duration::from_millis(300);
    adapter_at(socket).with_deadlines(Deadlines {
        read: soon,
        start: soon,
        change: soon,
        removal: soon,
        stop_margin: soon,
        ..Deadlines::default()
    })
}

#[tokio::test]
async fn what_may_have_happened_is_called_unknown() {
    let said = |status| Deed::Say(status, r#"{"message":"it says so"}"#.to_owned());
    let unknown = [Some(Reason::OutcomeUnknown); 3];
    let error = Some(Reason::EngineError);
    for (deed, expected) in [
        (Deed::Silence, unknown),
        (Deed::HangUp, unknown),
        (Deed::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), unknown),
        (said(504), unknown),
        (said(500), [error, unknown[1], unknown[2]]),
        (said(409), [error, error, unknown[2]]),
        (said(204), [None; 3]),
        (said(304), [None; 3]),
    ] {
        let door = unruly(deed.clone());
        for (verb, expected) in VERBS.iter().zip(expected) {
            let adapter = impatient(door.path());
            let it = target("container", &"a".repeat(64), "E");
            let reason = change(&adapter, verb, it).await.err().map(|fault| fault.reason);
            assert_eq!(reason, expected, "{verb}: {deed:?}");
        }
        let posts = door.lines().iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(posts, VERBS.len(), "nothing is sent twice: {deed:?}");
    }
}

#[tokio::test]
async fn what_a_quick_change_may_have_done_is_called_unknown_too() {
    let said = |status| Deed::Say(status, r#"{"message":"it says so"}"#.to_owned());
    for (deed, pauses, others) in [
        (Deed::Silence, Some(Reason::OutcomeUnknown), Some(Reason::OutcomeUnknown)),
        (Deed::HangUp, Some(Reason::OutcomeUnknown), Some(Reason::OutcomeUnknown)),
        (said(504), Some(Reason::OutcomeUnknown), Some(Reason::OutcomeUnknown)),
        (said(500), Some(Reason::EngineError), Some(Reason::OutcomeUnknown)),
        (said(409), Some(Reason::EngineError), Some(Reason::EngineError)),
        (said(404), Some(Reason::EngineError), Some(Reason::EngineError)),
        (said(204), None, None),
    ] {
        let door = unruly(deed.clone());
        for verb in QUICK {
            let expected = if verb.ends_with("pause") { pauses } else { others };
            let it = target("container", &"a".repeat(64), "E");
            let reason = change(&impatient(door.path()), verb, it).await.err();
            assert_eq!(reason.map(|fault| fault.reason), expected, "{verb}: {deed:?}");
        }
        let lines = door.lines();
        let sent: Vec<&String> = lines.iter().filter(|line| !line.starts_with("GET")).collect();
        let path = format!("/containers/{}", "a".repeat(64));
        let expected = [
            format!("POST {path}/kill?signal=SIGTERM%26signal%3D9 HTTP/1.1"),
            format!("POST {path}/pause HTTP/1.1"),
            format!("POST {path}/unpause HTTP/1.1"),
            format!("POST {path}/rename?name=new%26name%3Dnewer HTTP/1.1"),
            format!("POST {path}/update HTTP/1.1"),
            format!("DELETE {path}?v=false&force=true&link=false HTTP/1.1"),
        ];
        assert_eq!(sent, expected.iter().collect::<Vec<_>>(), "{deed:?}");
    }
}

#[tokio::test]
async fn a_change_that_happened_without_an_answer_is_unknown_and_not_repeated() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").start();
    let before = made.inspect("{{.State.StartedAt}}");
    let door =
        Door::with(
            |line| {
                if line.starts_with("POST") { Deed::ForwardAndHangUp } else { Deed::Forward }
            },
        );
    let adapter = adapter_at(door.path());
    let it = on(&adapter, &made.id).await;
    let fault = change(&adapter, "restart", it).await.unwrap_err();
    assert_eq!(fault.reason, Reason::OutcomeUnknown);
    assert!(fault.message.contains("look"), "{}", fault.message);
    assert_ne!(made.inspect("{{.State.StartedAt}}"), before);
    assert_eq!(door.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn an_engine_that_is_down_or_mute_did_nothing() {
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").create();
    let it = on(&adapter, &made.id).await;
    door.shut();
    for verb in VERBS {
        let fault = change(&adapter, verb, it.clone()).await.unwrap_err();
        assert_eq!(fault.reason, Reason::EngineUnavailable, "{verb}");
    }
    door.open();
    assert_eq!(change(&adapter, "start", it.clone()).await, Ok(Acted::Changed));
    docker(&["stop", "-t", "0", made.id.as_str()]);
    let mute = Door::with(|_| Deed::Silence);
    let fault = change(&impatient(mute.path()), "start", it).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Timeout);
    assert!(mute.lines().iter().all(|line| line.starts_with("GET")), "{:?}", mute.lines());
}
