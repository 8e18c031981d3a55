//! What an engine is sure to refuse: it is refused before anybody is asked to confirm it, and policy
//! can still be asked about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::fake::{self, Fake, World, composed, container, network, stopped, volume};
use crate::core::reason::Reason;
use crate::core::record::Event;
use crate::gate::Status;
use crate::ports::engine::{Container, Mount, Network};

fn paused(mut container: Container) -> Container {
    container.state.status = "paused".into();
    container.state.paused = true;
    container
}

fn on(network: &str, container: Container) -> Container {
    Container { networks: BTreeMap::from([(network.into(), "10.0.0.2".into())]), ..container }
}

fn mounts(name: &str, container: Container) -> Container {
    let (source, destination) = (String::new(), "/data".to_owned());
    let name = Some(name.to_owned());
    let mount = Mount { kind: "volume".into(), name, source, destination, writable: true };
    Container { mounts: vec![mount], ..container }
}

/// Podman's word for what it was told to stop, and that has not ended yet.
fn stopping() -> Container {
    let mut container = web();
    container.state.status = "stopping".into();
    container.state.running = false;
    container
}

fn web() -> Container {
    container("ab", "web")
}

/// A project of one container, a network and a volume, with another container beside it.
fn shop(other: Container) -> Fake {
    let labels = || BTreeMap::from([("com.docker.compose.project".into(), "shop".into())]);
    let front = composed(on("shop_net", container("c1", "front")), "front", "");
    let mut data = volume("shop_data");
    data.labels = labels();
    let engine = Fake::of(vec![front, other]);
    *engine.volumes.lock().unwrap() = vec![data];
    *engine.networks.lock().unwrap() =
        vec![Network { labels: labels(), ..network("a1", "shop_net") }];
    engine
}

/// An engine with a volume and a network of the name `data`.
fn with_data(containers: Vec<Container>) -> Fake {
    let engine = Fake::of(containers);
    *engine.volumes.lock().unwrap() = vec![volume("data")];
    *engine.networks.lock().unwrap() = vec![network("a1", "data")];
    engine
}

/// The operation and its arguments, the engine, and what the refusal says; none where the engine
/// would do it.
type Case = (&'static str, Value, Fake, Option<&'static str>);

fn of_containers() -> Vec<Case> {
    let alone = |container| Fake::of(vec![container]);
    let two = || Fake::of(vec![web(), stopped(container("cd", "old"))]);
    let it = json!({"container": "web"});
    let forced = json!({"container": "web", "force": true});
    let named = |name| json!({"container": "web", "newName": name});
    let exec = json!({"container": "web", "command": ["id"]});
    let cpus = json!({"container": "web", "cpus": "2"});
    let always = json!({"container": "web", "restartPolicy": "always"});
    let rm = || Container { auto_remove: true, ..web() };
    let quota = || Container { cpu_quota: 50_000, ..web() };
    let first = "start_container";
    vec![
        ("remove_container", it.clone(), alone(web()), Some("or use force=true, which kills it")),
        ("remove_container", it.clone(), alone(paused(web())), Some("web is paused")),
        ("remove_container", it.clone(), alone(stopped(web())), None),
        ("remove_container", forced, alone(web()), None),
        ("rename_container", named("web"), two(), Some("web is called so already")),
        ("rename_container", named("old"), two(), Some("of the name old already (id cd0000000000")),
        ("rename_container", named("older"), two(), None),
        ("kill_container", it.clone(), alone(stopped(web())), Some("web does not run")),
        ("kill_container", it.clone(), alone(paused(web())), None),
        ("pause_container", it.clone(), alone(stopped(web())), Some("web does not run")),
        ("pause_container", it.clone(), alone(paused(web())), Some("web is paused already")),
        ("pause_container", it.clone(), alone(web()), None),
        ("unpause_container", it.clone(), alone(stopped(web())), Some(first)),
        ("unpause_container", it.clone(), alone(web()), Some("web is not paused")),
        ("unpause_container", it.clone(), alone(paused(web())), None),
        ("start_container", it.clone(), alone(paused(web())), Some("unpause_container")),
        ("start_container", it, alone(stopped(web())), None),
        ("exec_in_container", exec.clone(), alone(stopped(web())), Some(first)),
        ("exec_in_container", exec.clone(), alone(paused(web())), Some("unpause_container")),
        ("exec_in_container", exec, alone(web()), None),
        (
            "update_container",
            cpus.clone(),
            alone(quota()),
            Some("a quota of 50000 us in the usual"),
        ),
        ("update_container", cpus, alone(rm()), None),
        ("update_container", always.clone(), alone(rm()), Some("Leave out `restartPolicy`")),
        ("update_container", always, alone(quota()), None),
        (
            "update_container",
            json!({"container": "web", "restartPolicy": "no", "memory": "64m"}),
            alone(rm()),
            None,
        ),
        ("kill_container", json!({"container": "web"}), alone(stopping()), None),
    ]
}

/// What shares something with a container that does not run, and with one that does.
fn of_the_joined() -> Vec<Case> {
    let it = json!({"container": "web"});
    let db = || container("cd", "db");
    let joins = |open: fn(&mut Container, String)| {
        let mut web = web();
        open(&mut web, format!("container:{}", fake::id("cd")));
        web
    };
    let network = || joins(|web, mode| web.network_mode = mode);
    let pid = || joins(|web, mode| web.pid_mode = mode);
    let ipc = || joins(|web, mode| web.ipc_mode = mode);
    let first = Some("Start db first, with start_container");
    let gone = Some("which is gone");
    let start = "start_container";
    let restart = "restart_container";
    let of = |containers: Vec<Container>| Fake::of(containers);
    let podman = |it: Container| Fake { podman: true, ..Fake::of(vec![it]) };
    vec![
        (start, it.clone(), of(vec![stopped(network()), stopped(db())]), first),
        (start, it.clone(), of(vec![stopped(pid()), stopped(db())]), first),
        (start, it.clone(), of(vec![stopped(ipc()), stopped(db())]), first),
        (start, it.clone(), of(vec![stopped(network())]), gone),
        (start, it.clone(), of(vec![stopped(network()), db()]), None),
        (start, it.clone(), of(vec![stopped(network()), paused(db())]), None),
        (start, it.clone(), of(vec![network(), stopped(db())]), None),
        (restart, it.clone(), of(vec![network(), stopped(db())]), first),
        (restart, it.clone(), of(vec![network()]), gone),
        (restart, it.clone(), of(vec![network(), db()]), None),
        (restart, it.clone(), of(vec![stopped(network()), stopped(db())]), first),
        (restart, it.clone(), of(vec![paused(web())]), None),
        (restart, it.clone(), podman(paused(web())), Some("Un-pause it first")),
        (restart, it.clone(), podman(web()), None),
        (start, it, podman(paused(web())), Some("with unpause_container.")),
    ]
}

fn of_the_rest() -> Vec<Case> {
    let data = json!({"volume": "data"});
    let net = json!({"network": "data"});
    let new = |name| json!({ "name": name });
    let down = |volumes| json!({"project": "shop", "volumes": volumes});
    let start = json!({"project": "shop"});
    vec![
        (
            "remove_volume",
            data.clone(),
            with_data(vec![stopped(mounts("data", web()))]),
            Some("data is used by web (exited)"),
        ),
        ("remove_volume", data, with_data(vec![mounts("other", web())]), None),
        (
            "remove_network",
            net.clone(),
            with_data(vec![on("data", web())]),
            Some("web is on the network data"),
        ),
        ("remove_network", net, with_data(vec![stopped(on("data", web()))]), None),
        ("create_network", new("data"), with_data(vec![]), Some("a network of the name data")),
        ("create_network", new("data2"), with_data(vec![]), None),
        (
            "down_project",
            down(false),
            shop(on("shop_net", web())),
            Some("web, on the network shop_net (disconnect_network"),
        ),
        ("down_project", down(false), shop(stopped(on("shop_net", web()))), None),
        ("down_project", down(false), shop(mounts("shop_data", web())), None),
        (
            "down_project",
            down(true),
            shop(stopped(mounts("shop_data", web()))),
            Some("web, using the volume shop_data (leave out `volumes`"),
        ),
        ("down_project", down(true), shop(web()), None),
        (
            "start_project",
            start.clone(),
            Fake::of(vec![paused(composed(web(), "web", ""))]),
            Some("paused: web. Un-pause first"),
        ),
        ("start_project", start, Fake::of(vec![stopped(composed(web(), "web", ""))]), None),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    of_containers().into_iter().chain(of_the_joined()).chain(of_the_rest())
}

#[tokio::test]
async fn what_an_engine_is_sure_to_refuse_gets_no_token() {
    for (operation, arguments, engine, refusal) in cases() {
        let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
        let gate = fake::gate(&engine, &world);
        let asked = json!({"operation": operation, "arguments": arguments});
        let answer = fake::call(&gate, operation, arguments.clone()).await;
        let case = format!("{operation} {arguments}: {}", answer.text);
        match refusal {
            None => assert_eq!(answer.status, Status::ConfirmationRequired, "{case}"),
            Some(words) => {
                assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{case}");
                assert_eq!(answer.confirm_token, None, "{case}");
                assert!(answer.text.contains(words), "{words}: {case}");
                let last = world.records.lock().unwrap().last().cloned().unwrap();
                assert_eq!(last.event, Event::Denied, "{case}");
                assert!(last.target.is_some() && last.rule.is_some(), "{case}");
            }
        }
        let verdict = fake::call(&gate, "check_policy", asked).await;
        assert_eq!(verdict.data["verdict"], "confirm", "{case}: {}", verdict.text);
    }
}

#[tokio::test]
async fn what_became_impossible_is_refused_and_its_grant_is_gone() {
    let (engine, world) = (Arc::new(Fake::of(vec![web()])), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let mut arguments = json!({"container": "web", "newName": "store"});
    let first = fake::call(&gate, "rename_container", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    engine.containers.lock().unwrap().push(container("cd", "store"));
    let late = fake::call(&gate, "rename_container", arguments.clone()).await;
    assert_eq!(late.reason, Some(Reason::InvalidArgument), "{}", late.text);
    let changed = |call: &String| call.starts_with("rename");
    assert!(!engine.called().iter().any(changed), "{:?}", engine.called());
    let again = fake::call(&gate, "rename_container", arguments).await;
    assert_ne!(again.status, Status::Ok, "{}", again.text);
}

#[tokio::test]
async fn what_changed_into_something_impossible_is_a_changed_plan() {
    let (engine, world) = (Arc::new(Fake::of(vec![web()])), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let mut arguments = json!({"container": "web"});
    let first = fake::call(&gate, "pause_container", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    *engine.containers.lock().unwrap() = vec![paused(web())];
    let late = fake::call(&gate, "pause_container", arguments.clone()).await;
    let refused = (late.status, late.reason, late.confirm_token);
    assert_eq!(refused, (Status::Denied, Some(Reason::PlanChanged), None), "{}", late.text);
    assert!(late.text.contains("is no longer what the preview showed"), "{}", late.text);
    assert!(late.text.contains("web is paused already"), "{}", late.text);
    let last = world.records.lock().unwrap().last().cloned().unwrap();
    assert_eq!((last.event, last.reason), (Event::Denied, Some(Reason::PlanChanged)));
    // The nearest with a new token: what it changed into can be done.
    let mut arguments = json!({"container": "web"});
    *engine.containers.lock().unwrap() = vec![web()];
    let first = fake::call(&gate, "pause_container", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    engine.containers.lock().unwrap()[0].state.started_at = "2026-01-31T11:30:00Z".into();
    let late = fake::call(&gate, "pause_container", arguments).await;
    assert_eq!(late.reason, Some(Reason::PlanChanged), "{}", late.text);
    assert!(late.confirm_token.is_some(), "{}", late.text);
}

#[tokio::test]
async fn what_a_rule_allows_is_refused_before_its_intent() {
    for (engine, allowed) in [(paused(web()), false), (web(), true)] {
        let (engine, world) = (Arc::new(Fake::of(vec![engine])), Arc::new(World::allowing()));
        let gate = fake::gate(&engine, &world);
        let answer = fake::call(&gate, "pause_container", json!({"container": "web"})).await;
        let refused = answer.reason == Some(Reason::InvalidArgument);
        assert_eq!(refused, !allowed, "{}", answer.text);
        assert_eq!(engine.called().contains(&"pause web".to_owned()), allowed);
        let events: Vec<Event> = world.records.lock().unwrap().iter().map(|r| r.event).collect();
        let intent = events.contains(&Event::Allowed);
        assert_eq!(intent, allowed, "{events:?}");
        assert!(allowed || events == [Event::Denied], "{events:?}");
    }
}
