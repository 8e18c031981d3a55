//! Networks.

use countersign::core::policy::Policy;
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use super::volumes::INJECTIONS;
use crate::support::engine::{Engine, Made, docker, try_docker};
use crate::support::real::{Real, Trial};

fn value(id: &str, format: &str) -> String {
    docker(&["network", "inspect", "--format", format, id]).trim().to_owned()
}

fn is_there(id: &str) -> bool {
    docker(&["network", "ls", "-q", "--no-trunc"]).lines().any(|line| line == id)
}

fn is_on(made: &Made, id: &str) -> bool {
    made.inspect("{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}").contains(id)
}

fn on<'a>(engine: &'a Engine, network: &str) -> crate::support::engine::Sentence<'a> {
    engine.container("sleep 3600").option(&["--network", network, "--stop-signal", "KILL"])
}

#[tokio::test]
async fn a_container_is_connected_as_shown() {
    let engine = Engine::connect();
    let inner = engine.network_with("inner", &["--internal"]);
    let front = engine.network_with("front", &[]);
    let web = on(&engine, &inner).start();
    let peer = on(&engine, &front).start();
    let neighbour = on(&engine, &inner).create();
    let real = Real::new(engine.adapter());
    let other = engine.network_with("other", &[]);
    let drift = || drop(docker(&["network", "connect", &other, web.id.as_str()]));
    let trial = Trial {
        operation: "connect_network",
        arguments: json!({"network": engine.named("front"), "container": web.name}),
        elsewhere: json!({"network": engine.named("front"), "container": neighbour.name}),
        otherwise: Some(json!({"network": other, "container": web.name})),
        drift: &drift,
    };
    let (preview, done) = real.holds_to_its_plan(trial).await;
    assert!(preview.contains(&format!("Connect {} to {}", web.name, engine.named("front"))));
    assert!(preview.contains(&format!("reach each other then  {}", peer.name)), "{preview}");
    let between = format!("{} (internal, 1 container more)", engine.named("inner"));
    assert!(preview.contains(&between), "{preview}");
    assert!(done.text.starts_with(&format!("Connected {} to", web.name)), "{}", done.text);
    assert!(is_on(&web, &front));

    let arguments = json!({"network": front.get(..12), "container": web.id});
    let (preview, again) = real.confirm("connect_network", arguments).await;
    assert!(preview.contains("already: nothing will change"), "{preview}");
    assert_eq!((again.status, &again.data["changed"]), (Status::Ok, &json!(false)));
}

#[tokio::test]
async fn a_way_out_is_called_one() {
    let engine = Engine::connect();
    let inner = engine.network_with("inner", &["--internal"]);
    engine.network_with("front", &[]);
    let web = on(&engine, &inner).create();
    let real = Real::new(engine.adapter());
    let arguments = json!({"network": engine.named("front"), "container": web.name});
    let (preview, done) = real.confirm("connect_network", arguments).await;
    assert!(preview.contains("so far it has no way out"), "{preview}");
    assert!(preview.contains("once it is started; now it is created"), "{preview}");
    assert_eq!(done.data["connected"], true, "{}", done.text);
    docker(&["start", &web.name]);
    assert!(web.inspect("{{json .NetworkSettings.Networks}}").contains(&engine.named("front")));
}

#[tokio::test]
async fn a_container_is_disconnected_as_shown() {
    let engine = Engine::connect();
    let front = engine.network_with("front", &["--label", "com.docker.compose.project=shop"]);
    let other = engine.network_with("other", &[]);
    let web = on(&engine, &front).option(&["--network-alias", "www"]).publish("80").start();
    let peer = on(&engine, &front).create();
    let real = Real::new(engine.adapter());
    let arguments = json!({"network": front, "container": web.name});
    let (last, _) = real.preview("disconnect_network", arguments.clone()).await;
    assert!(
        last.contains("its LAST network") && last.contains("none: it reaches nobody"),
        "{last}"
    );
    assert!(last.contains("www, beside its own name"), "{last}");
    assert!(last.contains("->80: they stop answering"), "{last}");
    assert!(last.contains(&format!("{} (created)", peer.name)) && last.contains("shop"), "{last}");

    let drift = || drop(docker(&["network", "connect", &other, web.id.as_str()]));
    let trial = Trial {
        operation: "disconnect_network",
        arguments: arguments.clone(),
        elsewhere: json!({"network": front, "container": peer.name}),
        otherwise: Some(json!({"network": other, "container": web.name})),
        drift: &drift,
    };
    let (preview, done) = real.holds_to_its_plan(trial).await;
    assert!(!preview.contains("LAST") && preview.contains(&engine.named("other")), "{preview}");
    assert!(preview.contains("through another network"), "{preview}");
    assert_eq!(done.data["connected"], false, "{}", done.text);
    assert!(!is_on(&web, &front) && is_on(&web, &other));
    let (preview, again) = real.confirm("disconnect_network", arguments).await;
    assert!(preview.contains("is not on") && preview.contains("nothing will change"), "{preview}");
    assert_eq!(again.data["changed"], false);
}

#[tokio::test]
async fn what_no_engine_connects_is_refused_with_words() {
    let engine = Engine::connect();
    let front = engine.network_with("front", &[]);
    let alone = on(&engine, "none").start();
    let host = on(&engine, "host").create();
    let web = on(&engine, &front).start();
    let sharer = on(&engine, &format!("container:{}", web.name)).create();
    let real = Real::new(engine.adapter());
    for (operation, network, container, words) in [
        ("connect_network", "host", &web, "settled when it is made"),
        ("connect_network", "none", &web, "Nothing can be connected to the network none"),
        ("connect_network", front.as_str(), &host, "the host's network namespace"),
        ("connect_network", front.as_str(), &sharer, "another container's network namespace"),
        ("connect_network", front.as_str(), &alone, "disconnect_network with network=none first"),
        ("disconnect_network", "host", &host, "settled when it is made"),
    ] {
        let arguments = json!({"network": network, "container": container.name});
        let answer = real.call(operation, arguments).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{words}: {}", answer.text);
        assert!(answer.text.contains(words), "{words}: {}", answer.text);
    }
    for operation in ["disconnect_network", "connect_network"] {
        let network = if operation == "connect_network" { front.as_str() } else { "none" };
        let arguments = json!({"network": network, "container": alone.name});
        let (_, done) = real.confirm(operation, arguments).await;
        assert_eq!(done.data["changed"], true, "{}", done.text);
    }
    assert!(is_on(&alone, &front));
}

#[tokio::test]
async fn a_network_is_removed_as_shown() {
    let engine = Engine::connect();
    let front = engine.network_with("front", &["--label", "com.docker.compose.project=shop"]);
    engine.network_with("other", &[]);
    let web = on(&engine, &front).start();
    let down = on(&engine, &front).start();
    docker(&["stop", "-t", "0", &down.name]);
    let arguments = json!({"network": engine.named("front")});
    let real = Real::new(engine.adapter());
    let used = real.impossible("remove_network", arguments.clone()).await;
    assert!(used.contains(&format!("{} is on the network", web.name)), "{used}");
    assert_eq!(try_docker(&["network", "rm", &front]), None, "the engine says so too");

    // Nobody is stranded who was not shown.
    docker(&["stop", "-t", "0", &web.name]);
    let (stranded, token) = real.preview("remove_network", arguments.clone()).await;
    assert!(stranded.contains(&web.name), "{stranded}");
    docker(&["rm", "-f", "-v", &web.name]);
    let changed = real.spend("remove_network", &arguments, &token).await;
    assert_eq!(changed.reason, Some(Reason::PlanChanged), "{}", changed.text);
    assert!(!changed.text.contains(&web.name) && is_there(&front), "{}", changed.text);
    let real = Real::new(engine.adapter());
    let (preview, _) = real.preview("remove_network", arguments.clone()).await;
    for part in [&down.name, &value(&front, "{{(index .IPAM.Config 0).Subnet}}"), "shop", &front] {
        assert!(preview.contains(part), "{part}: {preview}");
    }
    let (_, done) = real.confirm("remove_network", arguments).await;
    assert!(done.text.starts_with("Removed the network"), "{}", done.text);
    assert!(!is_there(&front));
    assert_eq!(down.inspect("{{.State.Status}}"), "exited");

    // It does not start, and does once it is connected to another of that name.
    let name = engine.named("front");
    let start = real.confirm("start_container", json!({"container": down.name})).await.1;
    assert_ne!(start.status, Status::Ok, "{}", start.text);
    let made = real.confirm("create_network", json!({"name": name})).await.1;
    assert_eq!(made.status, Status::Ok, "{}", made.text);
    let arguments = json!({"network": name, "container": down.name});
    let connected = real.confirm("connect_network", arguments).await.1;
    assert_eq!(connected.data["changed"], true, "{}", connected.text);
    let start = real.confirm("start_container", json!({"container": down.name})).await.1;
    assert!(start.text.contains("running"), "{}", start.text);
}

#[tokio::test]
async fn a_removal_is_held_to_its_plan() {
    let engine = Engine::connect();
    let front = engine.network_with("front", &[]);
    engine.network_with("other", &[]);
    let name = engine.named("front");
    let real = Real::new(engine.adapter());
    let remake = || {
        docker(&["network", "rm", &name]);
        engine.network_with("front", &["--internal"]);
    };
    // A network that was made again under the name is another one, so this is another request.
    let arguments = json!({"network": name});
    let (_, token) = real.preview("remove_network", arguments.clone()).await;
    remake();
    let changed = real.spend("remove_network", &arguments, &token).await;
    assert_eq!(changed.reason, Some(Reason::PlanChanged), "{}", changed.text);
    assert!(changed.text.contains("to the containers on it only (internal)"), "{}", changed.text);
    assert!(!is_there(&front));
    let token = changed.confirm_token.unwrap();
    let (_, spare) = real.preview("remove_network", arguments.clone()).await;
    let elsewhere = json!({"network": engine.named("other")});
    let wrong = real.spend("remove_network", &elsewhere, &spare).await;
    assert_eq!(wrong.reason, Some(Reason::TokenMismatch), "{}", wrong.text);
    let done = real.spend("remove_network", &arguments, &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    let replayed = real.spend("remove_network", &arguments, &token).await;
    assert_eq!(replayed.reason, Some(Reason::TokenUsed));
}

#[tokio::test]
async fn a_network_is_made_as_shown() {
    let engine = Engine::connect();
    let name = engine.named("new");
    let real = Real::new(engine.adapter());
    let arguments = json!({"name": name, "internal": true, "labels": {"env": "dev"}});
    let (_, token) = real.preview("create_network", arguments.clone()).await;
    for other in [
        json!({"name": engine.named("other"), "internal": true, "labels": {"env": "dev"}}),
        json!({"name": name, "labels": {"env": "dev"}}),
        json!({"name": name, "internal": true}),
    ] {
        let (_, token) = real.preview("create_network", arguments.clone()).await;
        let wrong = real.spend("create_network", &other, &token).await;
        assert_eq!(wrong.reason, Some(Reason::TokenMismatch), "{}", wrong.text);
    }
    let done = real.spend("create_network", &arguments, &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    let id = done.data["id"].as_str().unwrap();
    assert_eq!(value(id, "{{.Name}} {{.Internal}} {{.Driver}}"), format!("{name} true bridge"));
    assert_eq!(value(id, "{{.Labels.env}}"), "dev");
    assert_eq!(value(id, r#"{{index .Labels "countersign.created-by"}}"#), "create_network");
    let subnet = value(id, "{{(index .IPAM.Config 0).Subnet}}");
    assert!(done.text.contains(&subnet), "{subnet}: {}", done.text);
    let replayed = real.spend("create_network", &arguments, &token).await;
    assert!(replayed.reason.is_some(), "{}", replayed.text);

    let twice = real.call("create_network", json!({"name": name})).await;
    assert_eq!(twice.reason, Some(Reason::InvalidArgument), "{}", twice.text);
    assert!(twice.text.contains(id.get(..12).unwrap()), "{}", twice.text);
}

#[tokio::test]
async fn one_of_two_networks_of_a_name_is_asked_for_by_its_id() {
    let engine = Engine::connect();
    let first = engine.network_with("twin", &[]);
    let body = json!({"Name": engine.named("twin")}).to_string();
    let second = post("/networks/create", &body);
    let second = second["Id"].as_str().unwrap().to_owned();
    let real = Real::new(engine.adapter());
    let name = engine.named("twin");
    for operation in ["inspect_network", "remove_network"] {
        let both = real.call(operation, json!({"network": name})).await;
        assert_eq!(both.reason, Some(Reason::Ambiguous), "{}", both.text);
        assert!(both.text.contains(&first) && both.text.contains(&second), "{}", both.text);
    }
    let (_, done) = real.confirm("remove_network", json!({"network": second.get(..12)})).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(is_there(&first) && !is_there(&second));
}

#[expect(clippy::disallowed_methods, reason = "only a raw request makes two networks of one name")]
fn post(path: &str, body: &str) -> serde_json::Value {
    let output = std::process::Command::new("curl")
        .args(["-s", "--unix-socket", crate::support::engine::SOCKET, "-X", "POST"])
        .args(["-H", "Content-Type: application/json", "-d", body, &format!("http://d{path}")])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn networks_are_listed_with_who_is_on_them() {
    let engine = Engine::connect();
    let front = engine.network_with("front", &["--label", "com.docker.compose.project=shop"]);
    let web = on(&engine, &front).start();
    let down = on(&engine, &front).create();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let listed = real.call("list_networks", json!({})).await;
    let rows = listed.data["networks"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == front.as_str()).unwrap();
    let mut users: Vec<&str> =
        row["containers"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    users.sort_unstable();
    let mut expected = [web.name.as_str(), down.name.as_str()];
    expected.sort_unstable();
    assert_eq!((users.as_slice(), &row["project"]), (&expected[..], &json!("shop")));
    assert!(listed.text.contains(&format!("{} (created)", down.name)), "{}", listed.text);
    let seen = real.call("inspect_network", json!({"network": front.get(..12)})).await;
    let address = web.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    assert!(seen.text.contains(&format!("{} ({address})", web.name)), "{}", seen.text);
    assert!(seen.text.contains(&format!("{} (created)", down.name)), "{}", seen.text);
    assert!(seen.text.contains("through the host to the outside"), "{}", seen.text);
}

#[tokio::test]
async fn nothing_is_sent_for_what_is_no_network() {
    let engine = Engine::connect();
    let web = engine.container("sleep 3600").create();
    let real = Real::new(engine.adapter());
    for bad in INJECTIONS {
        let made = real.call("create_network", json!({"name": bad})).await;
        assert_eq!(made.reason, Some(Reason::InvalidArgument), "{bad}: {}", made.text);
        // Networks may be called anything, so what is asked for is looked for among their names.
        for operation in ["inspect_network", "remove_network"] {
            let answer = real.call(operation, json!({"network": bad})).await;
            assert_eq!(answer.reason, Some(Reason::NotFound), "{operation} {bad}");
        }
        for operation in ["connect_network", "disconnect_network"] {
            let answer = real.call(operation, json!({"network": bad, "container": web.name})).await;
            assert_eq!(answer.reason, Some(Reason::NotFound), "{operation} {bad}");
            let answer = real.call(operation, json!({"network": "bridge", "container": bad})).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation} {bad}");
        }
    }
    for own in ["bridge", "host", "none"] {
        let answer = real.call("remove_network", json!({"network": own})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{own}: {}", answer.text);
        assert!(answer.text.contains("one of the engine's own"), "{}", answer.text);
        let answer = real.call("create_network", json!({"name": own})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{own}: {}", answer.text);
    }
}
