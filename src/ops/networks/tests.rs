//! Networks over an engine of memory: what is listed, what previews say, what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::reason::Reason;
use crate::core::text::is_hidden;
use crate::gate::{Answer, Status};
use crate::ops::fake::{self, Fake, World, composed, container, network, port, stopped};
use crate::ports::engine::{Container, Network};

fn on(networks: &[&str], container: Container) -> Container {
    let networks = networks.iter().map(|name| ((*name).to_owned(), "172.18.0.2".to_owned()));
    Container { networks: networks.collect(), ..container }
}

fn engine(networks: Vec<Network>, containers: Vec<Container>) -> Fake {
    let engine = Fake::of(containers);
    *engine.networks.lock().unwrap() = networks;
    engine
}

async fn ask(engine: Fake, operation: &str, arguments: Value) -> (Answer, Arc<Fake>) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    (fake::call(&gate, operation, arguments).await, engine)
}

fn preview(answer: &Answer) -> String {
    assert_eq!(answer.status, Status::ConfirmationRequired, "{}", answer.text);
    let lines = answer.text.lines().take_while(|line| !line.starts_with("Nothing has"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// A shop with a network of its own, one for all, and one that leads nowhere.
fn shop() -> Fake {
    let project = BTreeMap::from([("com.docker.compose.project".into(), "shop".into())]);
    let mut web = composed(container("ab", "web"), "web", "");
    web.ports = vec![port(80, 8080, false)];
    web.aliases = BTreeMap::from([("shop_default".into(), vec!["web".into(), "www".into()])]);
    let db = on(&["shop_default", "vault"], container("bb", "db"));
    engine(
        vec![
            Network { labels: project, ..network("a1", "shop_default") },
            Network { internal: true, ..network("a2", "vault") },
            network("a3", "edge"),
        ],
        vec![web, stopped(db), on(&["edge"], container("cc", "proxy"))],
    )
}

#[tokio::test]
async fn a_list_says_who_is_on_what() {
    let engine = shop();
    let mut swarm = network("a4", "ingress\u{1b}[2J");
    (swarm.id, swarm.scope, swarm.driver) = ("t5jx".into(), "swarm".into(), "overlay".into());
    engine.networks.lock().unwrap().push(swarm);
    let (answer, _) = ask(engine, "list_networks", json!({})).await;
    insta::assert_snapshot!(answer.text);
    assert!(!answer.text.chars().any(|c| is_hidden(c) && c != '\n'));
}

#[tokio::test]
async fn previews_of_connections() {
    let mut shown = String::new();
    for (operation, network, container) in [
        ("connect_network", "edge", "web"),
        ("connect_network", "edge", "db"),
        ("connect_network", "shop_default", "web"),
        ("disconnect_network", "shop_default", "web"),
        ("disconnect_network", "shop_default", "db"),
        ("disconnect_network", "edge", "web"),
    ] {
        let arguments = json!({"network": network, "container": container});
        shown.push_str(&preview(&ask(shop(), operation, arguments).await.0));
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn previews_of_making_and_removing() {
    let mut shown = String::new();
    for (operation, arguments) in [
        ("create_network", json!({"name": "new", "internal": true, "labels": {"env": "dev"}})),
        ("remove_network", json!({"network": "vault"})),
    ] {
        shown.push_str(&preview(&ask(shop(), operation, arguments).await.0));
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_way_out_is_called_one_only_where_there_was_none() {
    for (networks, expected) in
        [(&["vault"][..], true), (&["vault", "shop_default"], false), (&[], true)]
    {
        let engine = shop();
        engine.containers.lock().unwrap()[0] = on(networks, container("ab", "web"));
        let arguments = json!({"network": "edge", "container": "web"});
        let text = preview(&ask(engine, "connect_network", arguments).await.0);
        assert_eq!(text.contains("no way out"), expected, "{networks:?}: {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_checked_is_said() {
    for (operation, network, broken, words) in [
        ("connect_network", "edge", "containers", "who can reach it then  could not be checked"),
        ("disconnect_network", "shop_default", "containers", "who loses it  could not be checked"),
        ("remove_network", "vault", "containers", "do not start then  could not be checked"),
    ] {
        let engine = Fake { broken: vec![broken], ..shop() };
        let mut arguments = json!({"network": network});
        if operation != "remove_network" {
            arguments["container"] = json!("web");
        }
        let text = preview(&ask(engine, operation, arguments).await.0);
        assert!(text.contains(words), "{operation}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_it_is_so_already() {
    for (operation, network, said) in [
        ("connect_network", "shop_default", "web was on shop_default already; nothing was done."),
        ("disconnect_network", "edge", "web was not on edge; nothing was done."),
    ] {
        let (engine, world) = (Arc::new(shop()), Arc::new(World::confirming()));
        let gate = fake::gate(&engine, &world);
        let mut arguments = json!({"network": network, "container": "web"});
        let first = fake::call(&gate, operation, arguments.clone()).await;
        arguments["confirmToken"] = json!(first.confirm_token);
        let done = fake::call(&gate, operation, arguments).await;
        assert!(done.text.starts_with(said), "{}", done.text);
        assert!(!engine.called().iter().any(|call| call.contains("connect ")));
    }
}

#[tokio::test]
async fn what_engines_make_by_themselves_is_not_removed() {
    for name in ["bridge", "host", "none", "docker_gwbridge", "ingress", "podman"] {
        let it = engine(vec![network("a1", name)], vec![]);
        let (answer, _) = ask(it, "remove_network", json!({"network": name})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{name}: {}", answer.text);
        let name = format!("{name}2");
        let it = engine(vec![network("a1", &name)], vec![]);
        preview(&ask(it, "remove_network", json!({"network": name})).await.0);
    }
}

#[tokio::test]
async fn what_did_not_hold_is_not_passed_off_as_done() {
    let (engine, world) = (Arc::new(shop()), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    let mut arguments = json!({"network": "edge", "container": "web"});
    let first = fake::call(&gate, "connect_network", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    let done = fake::call(&gate, "connect_network", arguments).await;
    assert_eq!(done.text, "Connected web to edge. Now: web is on edge, shop_default.");
    assert!(engine.called().contains(&"connect edge web".to_owned()));

    use crate::gate::{Change as _, Render as _};
    use crate::ops::networks::DisconnectNetwork;
    let params = json!({"network": "edge", "container": "web"});
    let params = serde_json::from_value(params).unwrap();
    let cx = fake::context(&engine);
    let targets = DisconnectNetwork::resolve(cx, &params).await.unwrap();
    let acted = crate::ports::engine::Acted::Changed;
    let report = DisconnectNetwork::look_again(cx, &params, &targets, &acted).await.unwrap();
    assert!(report.text().ends_with("this is not what was asked for, look again."));
}

#[tokio::test]
async fn names_ids_and_their_beginnings_are_told_apart() {
    let twin = |start| Network { subnets: vec![], ..network(start, "twin") };
    let mut swarm = network("a4", "mesh");
    (swarm.id, swarm.scope) = ("t5jx".into(), "swarm".into());
    let networks = || {
        vec![
            network("a1b2c3", "front end"),
            twin("b1"),
            twin("b2"),
            network("c1", "a1b2c3d"),
            network("d1", "a1b2c300"),
            swarm.clone(),
        ]
    };
    let full = fake::id("b1");
    for (given, expected) in [
        ("front end", Ok("a1b2c3")),
        ("a1b2c3", Ok("a1b2c3")),
        ("a1b2c3d", Ok("c1")),
        ("a1b2c300", Err(Reason::Ambiguous)),
        ("a1b2c", Err(Reason::NotFound)),
        ("twin", Err(Reason::Ambiguous)),
        (full.as_str(), Ok("b1")),
        ("mesh", Err(Reason::InvalidArgument)),
        ("../info?", Err(Reason::NotFound)),
    ] {
        let (answer, _) =
            ask(engine(networks(), vec![]), "inspect_network", json!({"network": given})).await;
        let found = answer.reason.map_or_else(|| Ok(answer.data["id"].as_str().unwrap()), Err);
        let expected = expected.map(fake::id);
        assert_eq!(found, expected.as_ref().map(|id| id.as_str()).map_err(|r| *r), "{given}");
    }
}
