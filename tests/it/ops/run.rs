//! New containers on a real engine.

mod image;
mod rules;
mod volumes;

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, Made, adapter_at, docker};
use crate::support::real::{Real, Trial};

/// The test image under a name of this test's own. Whatever is made of it is removed with it, since
/// it bears the image's label.
pub(super) fn image(engine: &Engine, name: &str) -> String {
    let name = format!("cs-{}/{name}:1", engine.run());
    let made = engine.container("sleep 3600").create();
    docker(&["commit", made.id.as_str(), &name]);
    docker(&["rm", made.id.as_str()]);
    name
}

fn inspect(name: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, name]).trim().to_owned()
}

fn logged(real: &Real) -> String {
    real.log.records().iter().map(|(record, _)| format!("{record:?}")).collect()
}

#[tokio::test]
async fn a_new_container_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (one, other) = (image(&engine, "one"), image(&engine, "other"));
    let (name, volume) = (engine.named("web"), engine.named("data"));
    let real = Real::new(engine.adapter());
    let arguments = |image: &str, token: &str| {
        json!({
            "image": image, "name": name, "command": ["sleep", "3600"],
            "env": {"API_TOKEN": token, "MODE": "test"}, "ports": ["0:80"],
            "volumes": [format!("{volume}:/data")], "labels": {"app": "x"}, "memory": "64m",
            "restartPolicy": "on-failure:3",
        })
    };
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "run_container",
            arguments: arguments(&one, "s3cr3t-s3cr3t"),
            elsewhere: arguments(&other, "s3cr3t-s3cr3t"),
            otherwise: Some(arguments(&one, "an0ther-one")),
            drift: &|| drop(engine.volume(Some(&volume))),
        })
        .await;
    for words in [
        "API_TOKEN, MODE (values are not shown)",
        r#"["sleep","3600"]"#,
        "80/tcp at 127.0.0.1, port a port that the engine picks: reached from this host only",
        &format!("volume {volume} -> /data (rw): there is one"),
        "PERSISTS",
        "on-failure:3",
        "64.0 MiB",
        "ROOT",
        "can be moved to another image",
    ] {
        assert!(preview.contains(words), "{words}: {preview}");
    }
    assert!(!preview.contains("REACHES"), "{preview}");
    let start = format!("Made {name} (id ");
    assert!(done.text.starts_with(&start) && done.text.contains("Now: running"), "{}", done.text);
    assert_eq!(done.data["id"], inspect(&name, "{{.Id}}"));
    assert_eq!(inspect(&name, "{{.Image}}"), inspect(&one, "{{.Id}}"));
    assert_eq!(inspect(&name, "{{.Config.Image}}"), one);
    let label = |key: &str| inspect(&name, &format!("{{{{index .Config.Labels {key:?}}}}}"));
    assert_eq!(label("app"), "x");
    assert_eq!(label("countersign.created-by"), "run_container");
    assert_eq!(label("countersign.image"), one);
    let intent = real.log.records().into_iter().find(|(r, _)| r.event == Event::Allowed).unwrap();
    assert_eq!(label("countersign.plan"), intent.0.plan.unwrap().to_string());
    let host = inspect(
        &name,
        "{{.HostConfig.Privileged}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}} \
         {{(index (index .HostConfig.PortBindings \"80/tcp\") 0).HostIp}}",
    );
    assert_eq!(host, "false on-failure 67108864 127.0.0.1");
    assert!(inspect(&name, "{{.Config.Env}}").contains("API_TOKEN=s3cr3t-s3cr3t"));
    for text in [preview, done.text, done.data.to_string(), logged(&real)] {
        assert!(!text.contains("s3cr3t") && !text.contains("an0ther"), "{text}");
    }
}

#[tokio::test]
async fn every_way_to_the_host_is_flagged() {
    let engine = Engine::connect();
    let image = image(&engine, "ways");
    let web = engine.container("sleep 3600").start();
    let bind = ["-o", "type=none", "-o", "o=bind", "-o", "device=/etc"];
    let disguised = engine.volume_with("disguised", &bind);
    let kernel = engine.volume_with("kernel", &["-o", "type=proc", "-o", "device=proc"]);
    let proxy = engine.container("sleep 3600").option(&["--network", "host"]).start();
    let through = ["--network", &format!("container:{}", proxy.name)];
    let via = engine.container("sleep 3600").option(&through).start();
    let of = |made: &Made| json!(format!("container:{}", made.name));
    let real = Real::new(engine.adapter());
    for (key, value, flagged) in [
        ("volumes", json!(["/:/h:ro"]), "the host's path /, read-only, at /h: THE WHOLE HOST"),
        (
            "volumes",
            json!(["/var/run/docker.sock:/s"]),
            "WRITABLE, at /s: it holds THE ENGINE'S SOCKET",
        ),
        ("volumes", json!(["/run:/r"]), "THE ENGINE'S SOCKET"),
        ("volumes", json!(["/etc:/e"]), "the host's configuration and passwords"),
        ("volumes", json!(["/srv:/e"]), "the host's path /srv, WRITABLE"),
        ("volumes", json!([format!("{disguised}:/d")]), "of the host in disguise, /etc"),
        ("volumes", json!([format!("{kernel}:/d")]), "a file system of the type proc"),
        ("network", json!("host"), "the host's network"),
        ("network", of(&proxy), "which has the host's network"),
        ("network", of(&via), "which has the host's network"),
        ("ports", json!(["0.0.0.0:0:80"]), "on ALL ADDRESSES"),
        ("ports", json!(["[::]:0:80"]), "on ALL ADDRESSES"),
        ("restartPolicy", json!("always"), "when the engine itself starts"),
    ] {
        let mut arguments = json!({"image": image});
        arguments[key] = value;
        let (preview, _) = real.preview("run_container", arguments.clone()).await;
        assert!(preview.contains(flagged), "{arguments}: {preview}");
        let reaches = ["volumes", "network"].contains(&key);
        assert_eq!(preview.contains("It REACHES THE HOST"), reaches, "{preview}");
    }
    // The host's network stays the host's network by its id.
    let id = docker(&["network", "inspect", "--format", "{{.Id}}", "host"]).trim().to_owned();
    let (preview, _) = real.preview("run_container", json!({"image": image, "network": id})).await;
    assert!(preview.contains("REACHES THE HOST  the host's network"), "{preview}");
    let (preview, _) = real.preview("run_container", json!({"image": image})).await;
    assert!(!preview.contains("REACHES") && !preview.contains("PERSISTS"), "{preview}");
    // The folder of the very socket that is used is one with a socket, wherever that is.
    let door = Door::watching();
    let folder = door.path().parent().unwrap().to_str().unwrap();
    let mounted = json!({"image": image, "volumes": [format!("{folder}:/s")]});
    let (preview, _) =
        Real::new(adapter_at(door.path())).preview("run_container", mounted.clone()).await;
    assert!(preview.contains("THE ENGINE'S SOCKET"), "{preview}");
    let (preview, _) = real.preview("run_container", mounted).await;
    assert!(!preview.contains("THE ENGINE'S SOCKET"), "{preview}");
    let plain = json!({"image": image, "network": of(&web)});
    let (preview, _) = real.preview("run_container", plain).await;
    let shared = format!("shares          the network of {}\n", web.name);
    assert!(preview.contains(&shared) && !preview.contains("REACH"), "{preview}");
    assert!(preview.contains("shares          its addresses"), "{preview}");
}

#[tokio::test]
async fn networks_are_joined_by_their_ids() {
    let engine = Engine::connect();
    let image = image(&engine, "nets");
    let real = Real::new(engine.adapter());
    let network = engine.named("net");
    let id = engine.network(&network);
    let web = engine.container("sleep 3600").start();
    for (given, expected) in [
        (network.as_str(), id.clone()),
        ("bridge", "bridge".to_owned()),
        ("none", "none".to_owned()),
        (&format!("container:{}", web.name), format!("container:{}", web.id)),
    ] {
        let (_, done) =
            real.confirm("run_container", json!({"image": image, "network": given})).await;
        assert_eq!(done.status, Status::Ok, "{}", done.text);
        let made = done.data["id"].as_str().unwrap();
        assert_eq!(inspect(made, "{{.HostConfig.NetworkMode}}"), expected);
    }
}

#[tokio::test]
async fn a_start_that_fails_leaves_what_was_made_and_says_so() {
    let engine = Engine::connect();
    let image = image(&engine, "bad");
    let real = Real::new(engine.adapter());
    let name = engine.named("bad");
    let arguments = json!({
        "image": image, "name": name, "command": ["/no/such/hunter2-program"],
        "env": {"X": "/no/such/hunter2-program"},
    });
    let (_, failed) = real.confirm("run_container", arguments.clone()).await;
    assert_eq!((failed.status, failed.reason), (Status::Failed, Some(Reason::EngineError)));
    let id = inspect(&name, "{{.Id}}");
    let made = format!("(id {id}) was MADE from {image} and stays; only its start went wrong");
    assert!(failed.text.contains(&made), "{}", failed.text);
    assert!(failed.text.contains("now: created"), "{}", failed.text);
    let data = &failed.data;
    assert_eq!(
        (&data["id"], &data["started"], &data["status"]),
        (&json!(id), &json!(false), &json!("created"))
    );
    for untrue in ["did not happen", "Nothing was changed", "confirmToken", "taken"] {
        assert!(!failed.text.contains(untrue), "{untrue}: {}", failed.text);
    }
    assert_eq!(inspect(&name, "{{.State.Status}}"), "created");
    let last = real.log.last();
    assert_eq!(last.event, Event::Failed);
    assert!(last.error.as_ref().unwrap().contains(&format!("made {id}")), "{last:?}");
    assert!(!failed.text.contains("hunter2") && !logged(&real).contains("hunter2"), "{last:?}");

    let refused = real.impossible("run_container", arguments).await;
    assert!(refused.contains(&format!("of the name {name} already")), "{refused}");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_nothing_is_sent() {
    let engine = Engine::connect();
    let door = Door::watching();
    let real = Real::new(adapter_at(door.path()));
    let refused = async |arguments: Value| -> String {
        let answer = real.call("run_container", arguments.clone()).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{arguments}: {}", answer.text);
        answer.text
    };
    for bad in
        ["../info?", "%2e%2e/info", "../images/prune?filters=...&", "a b", "x?y", "A/B", ".."]
    {
        refused(json!({"image": bad})).await;
        refused(json!({"image": "x:1", "name": bad})).await;
        refused(json!({"image": "x:1", "volumes": [format!("{bad}:/data")]})).await;
        refused(json!({"image": "x:1", "ports": [bad]})).await;
        refused(json!({"image": "x:1", "restartPolicy": bad})).await;
        refused(json!({"image": "x:1", "memory": bad})).await;
    }
    for (key, value) in [
        ("name", json!("abcdefabcdef")),
        ("name", json!("a".repeat(64))),
        ("privileged", json!(true)),
        ("capAdd", json!(["SYS_ADMIN"])),
        ("pidMode", json!("host")),
        ("devices", json!(["/dev/sda"])),
        ("securityOpt", json!(["seccomp=unconfined"])),
        ("entrypoint", json!(["sh"])),
        ("command", json!("sh -c x")),
        ("command", json!(["", "x"])),
        ("env", json!(["A=b"])),
        ("env", json!({"A=B": "hunter2-x"})),
        ("env", json!({"A": 7531})),
        ("env", json!({"A": "hunter2-x".repeat(500)})),
        ("labels", json!({"countersign.created-by": "me"})),
        ("labels", json!({"com.docker.compose.project": "shop"})),
        ("volumes", json!(["/srv/../etc:/e"])),
        ("volumes", json!(["//var/run/docker.sock:/s"])),
        ("volumes", json!(["/var/run//docker.sock:/s"])),
        ("volumes", json!(["/var/run/:/s"])),
        ("volumes", json!(["/srv:/e:rw"])),
        ("cpus", json!("0")),
    ] {
        let text = refused(json!({"image": "x:1", key: value})).await;
        assert!(!text.contains("hunter2") && !text.contains("7531"), "{text}");
    }
    refused(json!({"image": "x:1", "network": "host", "ports": ["80:80"]})).await;
    assert!(door.lines().is_empty(), "{:?}", door.lines());
    let image = image(&engine, "net");
    for bad in ["../info?", "%2e%2e/info", "a b"] {
        refused(json!({"image": image, "network": format!("container:{bad}")})).await;
        let answer = real.call("run_container", json!({"image": image, "network": bad})).await;
        let reason = answer.reason.unwrap();
        assert!([Reason::InvalidArgument, Reason::NotFound].contains(&reason), "{}", answer.text);
    }
    let absent = real.call("run_container", json!({"image": "no-such-image:1"})).await;
    assert_eq!(absent.reason, Some(Reason::NotFound), "{}", absent.text);
    assert!(absent.text.contains("pull_image"), "{}", absent.text);
    let posts = door.lines().into_iter().filter(|line| !line.starts_with("GET"));
    assert_eq!(posts.collect::<Vec<_>>(), Vec::<String>::new());
    assert!(!logged(&real).contains("hunter2"), "{}", logged(&real));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_says_how_to_look() {
    let engine = Engine::connect();
    let image = image(&engine, "lost");
    for (lost, made) in [("/containers/create", "created"), ("/start", "running")] {
        let door = Door::with(move |line| {
            let it = line.starts_with("POST") && line.contains(lost);
            if it { Deed::ForwardAndHangUp } else { Deed::Forward }
        });
        let real = Real::new(adapter_at(door.path()));
        let (_, unknown) = real.confirm("run_container", json!({"image": image})).await;
        assert_eq!(unknown.reason, Some(Reason::OutcomeUnknown), "{}", unknown.text);
        let plan = format!("label=countersign.plan={}", unknown.plan.unwrap());
        let id = docker(&["ps", "-aq", "--no-trunc", "--filter", &plan]).trim().to_owned();
        let told = if made == "created" { &plan } else { &id };
        assert!(unknown.text.contains(told.as_str()), "{told}: {}", unknown.text);
        assert_eq!(inspect(&id, "{{.State.Status}}"), made);
        if made == "running" {
            assert_eq!(unknown.data["id"], id);
            assert!(unknown.data["started"].is_null(), "{}", unknown.data);
            assert!(unknown.text.contains("now: running"), "{}", unknown.text);
        }
        docker(&["rm", "-f", &id]);
    }
}

#[tokio::test]
async fn an_image_that_makes_members_of_projects_is_refused() {
    let engine = Engine::connect();
    let (plain, name) = (image(&engine, "plain"), format!("cs-{}/member:1", engine.run()));
    let made = engine.container("sleep 3600").create();
    let label = "LABEL com.docker.compose.project=shop com.docker.compose.service=db";
    docker(&["commit", "--change", label, made.id.as_str(), &name]);
    docker(&["rm", made.id.as_str()]);
    let real = Real::new(engine.adapter());
    let refused = real.call("run_container", json!({"image": name})).await;
    assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{}", refused.text);
    assert!(refused.text.contains("com.docker.compose.project"), "{}", refused.text);
    let labels: Vec<String> = (0..32).map(|at| format!("a{at:02}")).collect();
    let given: Value = labels.iter().map(|key| (key.clone(), json!("x"))).collect();
    let (preview, _) =
        real.preview("run_container", json!({"image": plain, "labels": given})).await;
    assert!(labels.iter().all(|key| preview.contains(key.as_str())), "{preview}");
    assert!(preview.contains("it gets them too: countersign.test"), "{preview}");
}

#[tokio::test]
async fn words_of_the_image_are_shown_without_secrets() {
    let engine = Engine::connect();
    let name = format!("cs-{}/words:1", engine.run());
    let made = engine.container("sleep 3600").create();
    let program = r#"ENTRYPOINT ["app","--token=hunter2-x"]"#;
    docker(&["commit", "--change", program, made.id.as_str(), &name]);
    docker(&["rm", made.id.as_str()]);
    let real = Real::new(engine.adapter());
    let arguments = json!({"image": name, "command": ["--password=mine-1"]});
    let (preview, _) = real.preview("run_container", arguments).await;
    assert!(!preview.contains("hunter2"), "{preview}");
    assert!(preview.contains("--token=") && preview.contains("--password=mine-1"), "{preview}");
}
