//! Signals, pauses, names, limits and removal: previews, refusals, effects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::core::plan::{Digest, Face, Parts, Plan, Principal};
use crate::core::reason::{Fault, Reason};
use crate::core::text::is_hidden;
use crate::gate::{Answer, Change, Render as _, Status};
use crate::ops::containers::lifecycle::Done;
use crate::ops::containers::verb::Verb as _;
use crate::ops::containers::{KillContainer, RemoveContainer};
use crate::ops::fake::{self, Fake, World, composed, container, port, stopped};
use crate::ports::engine::{Acted, ChangeKind, Container, FileChange, Mount, Stats};

mod told;

type Effect = fn(&mut Vec<Container>) -> Result<Acted, Fault>;

fn mount(name: &str, destination: &str, writable: bool) -> Mount {
    let source = format!("/var/lib/docker/volumes/{name}/_data");
    let name = Some(name.to_owned());
    Mount { kind: "volume".into(), name, source, destination: destination.into(), writable }
}

fn paused(mut container: Container) -> Container {
    container.state.status = "paused".into();
    container.state.paused = true;
    container
}

/// A database with what can hang on it.
fn database() -> Container {
    let mut db = composed(container("ab", "db"), "db", "");
    db.image = "registry/postgres:16".into();
    db.state.health = Some("healthy".into());
    db.ports = vec![port(5432, 5432, false)];
    db.mounts = vec![
        mount("data", "/data", true),
        mount("conf", "/conf", false),
        mount(&"d".repeat(64), "/scratch", true),
    ];
    db.restart_policy = "always".into();
    db
}

fn busy(db: Container) -> Fake {
    let id = db.id.as_str().to_owned();
    let sidecar =
        Container { network_mode: format!("container:{id}"), ..container("c1", "sidecar") };
    let backup = Container { volumes_from: vec!["db".into()], ..container("c2", "backup") };
    let old = Container { links: vec!["/db:/old/db".into()], ..container("c3", "old") };
    let api = composed(container("c4", "shop-api-1"), "api", "db:service_healthy:true");
    let path = |path: &str| FileChange { path: path.into(), kind: ChangeKind::Added };
    Fake {
        changes: vec![path("/a"), path("/b")],
        writable_bytes: Some(5 << 20),
        ..Fake::of(vec![db, sidecar, backup, old, api])
    }
}

async fn first(operation: &str, engine: &Arc<Fake>, more: &Value) -> Answer {
    let gate = fake::gate(engine, &Arc::new(World::default()));
    let mut arguments = json!({"container": "ab0000"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fake::call(&gate, operation, arguments).await
}

async fn preview(operation: &str, engine: Fake, more: Value) -> String {
    let answer = first(operation, &Arc::new(engine), &more).await;
    assert_eq!(answer.status, Status::ConfirmationRequired, "{}", answer.text);
    answer.text
}

fn headline(text: &str) -> &str {
    text.lines().next().unwrap().strip_prefix("Preview: ").unwrap()
}

/// The preview of what wants a person, which the gate does not show.
async fn grave<C: Change>(engine: &Fake, arguments: Value) -> String {
    let cx = fake::context(engine);
    let params = serde_json::from_value(arguments).unwrap();
    let targets = C::resolve(cx, &params).await.unwrap();
    let seen = C::observe(cx, &params, &targets).await.unwrap();
    let parts = Parts {
        operation: C::spec().name.into_owned(),
        arguments: serde_json::Map::new(),
        targets,
        facts: Vec::new(),
        engine: None,
        policy: Digest::ZERO,
        principal: Principal { face: Face::Cli, uid: 0 },
    };
    let plan = Plan::new(parts).unwrap();
    let preview = C::preview(cx, &plan, &params, &seen.facts, seen.sight).await;
    preview.text(fake::NOW, C::spec().drift)
}

#[tokio::test]
async fn a_kill_is_told_from_another_signal() {
    insta::assert_snapshot!(preview("kill_container", busy(database()), json!({})).await);
    let hup = json!({"signal": "HUP"});
    insta::assert_snapshot!(preview("kill_container", busy(database()), hup.clone()).await);
    let mut db = paused(database());
    db.stop_signal = Some("SIGINT".into());
    let text = preview("kill_container", busy(db), hup.clone()).await;
    assert!(text.contains("the engine starts it again (restart policy always)"), "{text}");
    assert!(text.contains("a signal can end it too"), "{text}");
    let mut db = database();
    db.stop_signal = Some("SIGHUP".into());
    assert!(preview("kill_container", busy(db), hup).await.contains("it stays down"));
}

#[tokio::test]
async fn a_signal_that_freezes_is_no_end() {
    for signal in ["STOP", "19"] {
        let text = preview("kill_container", busy(database()), json!({"signal": signal})).await;
        assert!(headline(&text).starts_with("Freeze db ("), "{text}");
        assert!(
            headline(&text).ends_with("stops answering, and the engine still says that it runs.")
        );
        assert!(text.contains("SIGCONT lets it go on, and a stop waits out its time"), "{text}");
        for said_of_ends in ["KILLED", "lost", "comes back", "restart policy"] {
            assert!(!text.contains(said_of_ends), "{said_of_ends}: {text}");
        }
    }
    let text = preview("kill_container", busy(database()), json!({"signal": "TSTP"})).await;
    assert!(headline(&text).contains("Whether it ends by that is unknown"), "{text}");
    assert!(text.contains("it may stop answering instead"), "{text}");
    let text = preview("kill_container", busy(database()), json!({"signal": "URG"})).await;
    assert!(!text.contains("stop answering instead"), "{text}");
}

#[tokio::test]
async fn only_what_surely_ends_kills_who_shares_its_process_ids() {
    for (signal, expected) in
        [("KILL", "peer: they are KILLED with it"), ("HUP", "peer: they are KILLED if it ends")]
    {
        let engine = busy(database());
        let sharing = format!("container:{}", fake::id("ab"));
        let peer = Container { pid_mode: sharing, ..container("c9", "peer") };
        engine.containers.lock().unwrap().push(peer);
        let text = preview("kill_container", engine, json!({"signal": signal})).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_stop_signal_by_number_is_the_same_signal() {
    let mut web = database();
    web.stop_signal = Some("SIGWINCH".into());
    for (signal, expected) in [("28", "it stays down"), ("29", "the engine starts it again")] {
        let text = preview("kill_container", busy(web.clone()), json!({"signal": signal})).await;
        assert!(text.contains(expected), "{signal}: {text}");
    }
}

#[tokio::test]
async fn a_signal_to_what_is_removed_when_it_ends_wants_a_person() {
    let rm = || Container { auto_remove: true, ..database() };
    for signal in ["SIGKILL", "USR1"] {
        let engine = Arc::new(busy(rm()));
        let answer = first("kill_container", &engine, &json!({"signal": signal})).await;
        assert_eq!(answer.reason, Some(Reason::ApprovalUnavailable), "{signal}");
    }
    let text = grave::<KillContainer>(&busy(rm()), json!({"container": "db"})).await;
    assert_eq!(headline(&text), "Kill db (SIGKILL, at once) and so REMOVE it.");
    assert!(text.contains("volumes lost") && text.contains("/scratch"), "{text}");
    let soft = json!({"container": "db", "signal": "1"});
    let text = grave::<KillContainer>(&busy(rm()), soft).await;
    assert!(headline(&text).ends_with("unknown; if it does, it is REMOVED."), "{text}");
}

#[tokio::test]
async fn a_pause_and_its_end_say_who_waits() {
    insta::assert_snapshot!(preview("pause_container", busy(database()), json!({})).await);
    let engine = busy(paused(database()));
    insta::assert_snapshot!(preview("unpause_container", engine, json!({})).await);
    let mut flapping = database();
    flapping.state.status = "restarting".into();
    let text = preview("pause_container", busy(flapping), json!({})).await;
    assert!(headline(&text).contains("the engine may refuse to pause it"), "{text}");
}

#[tokio::test]
async fn a_new_name_says_who_used_the_old_one() {
    let to = |name: &str| json!({"newName": name});
    insta::assert_snapshot!(preview("rename_container", busy(database()), to("store")).await);
    let engine = Fake { broken: vec!["containers"], ..busy(database()) };
    let text = preview("rename_container", engine, to("store")).await;
    assert_eq!(text.matches("could not be checked").count(), 1, "{text}");
}

#[tokio::test]
async fn new_limits_stand_beside_the_old_ones() {
    let used = |bytes| {
        let stats = Stats { memory_bytes: Some(bytes), ..Stats::default() };
        BTreeMap::from([(fake::id("ab"), stats)])
    };
    let mut db = database();
    (db.memory_bytes, db.memory_swap_bytes, db.nano_cpus) = (1 << 30, 2 << 30, 500_000_000);
    let all = json!({"memory": "512m", "cpus": "1.50", "restartPolicy": "on-failure:3"});
    let engine = Fake { stats: used(600 << 20), ..busy(db.clone()) };
    insta::assert_snapshot!(preview("update_container", engine, all).await);

    for (used_bytes, expected) in
        [(500 << 20, "close to the new limit"), (100 << 20, "memory in use   100.0 MiB\n")]
    {
        let engine = Fake { stats: used(used_bytes), ..busy(db.clone()) };
        let text = preview("update_container", engine, json!({"memory": "512m"})).await;
        assert!(text.contains(expected), "{text}");
    }
    let text = preview("update_container", busy(database()), json!({"memory": "512m"})).await;
    assert!(text.contains("none -> 512.0 MiB") && text.contains("not be taken away"), "{text}");
    assert!(text.contains("memory in use   could not be checked"), "{text}");
    let engine = busy(stopped(database()));
    assert!(!preview("update_container", engine, json!({"cpus": "2"})).await.contains("in use"));
    let mut quota = database();
    (quota.cpu_quota, quota.cpu_period) = (50_000, 0);
    let text = preview("update_container", busy(quota), json!({"memory": "512m"})).await;
    assert!(text.contains("none -> 512.0 MiB"), "{text}");
    for (policy, by_hand) in [("unless-stopped", true), ("always", false)] {
        let text = preview("update_container", busy(database()), json!({"restartPolicy": policy}));
        assert_eq!(text.await.contains("if it was not stopped by hand"), by_hand);
    }
}

#[tokio::test]
async fn a_removal_says_what_is_lost_and_what_stays() {
    let down = || {
        let mut db = stopped(database());
        db.state.error = "--token=s3cr3t".into();
        db
    };
    for (name, volumes) in [("kept", false), ("lost", true)] {
        let arguments = json!({"container": "db", "volumes": volumes});
        let text = grave::<RemoveContainer>(&busy(down()), arguments).await;
        insta::assert_snapshot!(format!("removal_with_volumes_{name}"), text);
    }
    for (container, force, expected) in [
        (database(), true, "KILL and REMOVE db."),
        (paused(database()), true, "KILL and REMOVE db."),
        (down(), true, "REMOVE db."),
    ] {
        let arguments = json!({"container": "db", "force": force});
        let text = grave::<RemoveContainer>(&busy(container), arguments).await;
        assert!(headline(&text).contains(expected), "{text}");
    }
    let answer = first("remove_container", &Arc::new(busy(down())), &json!({})).await;
    assert_eq!(answer.reason, Some(Reason::ApprovalUnavailable));
}

#[tokio::test(start_paused = true)]
async fn what_a_removal_cannot_find_out_is_said() {
    let broken = vec!["changes", "writable_bytes", "containers"];
    let engine = Fake { broken, ..busy(stopped(database())) };
    let text = grave::<RemoveContainer>(&engine, json!({"container": "db"})).await;
    assert_eq!(text.matches("could not be checked").count(), 2, "{text}");
    let minute = |method| (method, Duration::from_secs(60));
    let slow = ["changes", "writable_bytes", "containers"].map(minute).into();
    let engine = Fake { slow, ..busy(stopped(database())) };
    let began = tokio::time::Instant::now();
    let text = grave::<RemoveContainer>(&engine, json!({"container": "db"})).await;
    assert_eq!(text.matches("could not be checked").count(), 2, "{text}");
    assert_eq!(began.elapsed().as_secs(), 5);
    let mut never = stopped(container("ab", "db"));
    (never.state.started_at, never.state.finished_at) = (String::new(), String::new());
    let text = grave::<RemoveContainer>(&Fake::of(vec![never]), json!({"container": "db"})).await;
    assert!(text.contains("never started"), "{text}");
}
