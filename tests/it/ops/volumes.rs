//! Volumes.

use std::time::Duration;

use countersign::core::policy::Policy;
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use crate::support::engine::{Engine, docker, try_docker};
use crate::support::real::{Real, Trial};

/// What no argument that names something may hold.
pub(super) const INJECTIONS: [&str; 8] = [
    "../info?",
    "%2e%2e/info",
    "../images/prune?filters=...&",
    "../volumes/vol",
    "..",
    "a?b",
    "a#b",
    "a\\b",
];

fn value(name: &str, format: &str) -> String {
    docker(&["volume", "inspect", "--format", format, name]).trim().to_owned()
}

fn exists(name: &str) -> bool {
    docker(&["volume", "ls", "-q"]).lines().any(|line| line == name)
}

#[tokio::test]
async fn a_volume_is_removed_as_shown() {
    let engine = Engine::connect();
    let data = engine.volume_with("data", &["--label", "com.docker.compose.project=shop"]);
    let other = engine.volume_with("other", &[]);
    let fill = engine.container("dd if=/dev/zero of=/d/x bs=1024 count=300");
    fill.option(&["-v", &format!("{data}:/d"), "--network", "none"]).start().wait();
    let real = Real::new(engine.adapter());
    let arguments = json!({"volume": data});

    let used = real.impossible("remove_volume", arguments.clone()).await;
    assert!(used.contains("is used by") && used.contains("(exited)"), "{used}");
    assert_eq!(try_docker(&["volume", "rm", &data]), None, "the engine says so too");
    docker(&["ps", "-aq", "--filter", &format!("volume={data}")])
        .split_whitespace()
        .for_each(|id| drop(docker(&["rm", id])));
    let (_, token) = real.preview("remove_volume", arguments.clone()).await;
    let late = engine.container("true").option(&["-v", &format!("{data}:/d")]).create();
    let refused = real.spend("remove_volume", &arguments, &token).await;
    assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{}", refused.text);
    assert!(refused.text.contains(&late.name) && exists(&data), "{}", refused.text);
    docker(&["rm", &late.name]);

    let real = Real::new(engine.adapter());
    // The same in everything but the moment, which this engine writes in seconds.
    let remake = || {
        docker(&["volume", "rm", &data]);
        std::thread::sleep(Duration::from_millis(1100));
        engine.volume_with("data", &["--label", "com.docker.compose.project=shop"]);
    };
    let trial = Trial {
        operation: "remove_volume",
        arguments,
        elsewhere: json!({"volume": other}),
        otherwise: None,
        drift: &remake,
    };
    let (preview, done) = real.holds_to_its_plan(trial).await;
    assert!(preview.contains("CANNOT BE UNDONE") && preview.contains("other labels"), "{preview}");
    assert!(preview.contains("used by") && preview.contains("nobody"), "{preview}");
    assert_eq!(done.text, format!("Removed the volume {data}."));
    assert!(!exists(&data) && exists(&other));
}

#[tokio::test]
async fn what_would_be_lost_is_shown() {
    let engine = Engine::connect();
    let label = ["--label", "com.docker.compose.project=shop", "--label", "app.password=s3cr3t-x"];
    let data = engine.volume_with("data", &label);
    let fill = engine.container("dd if=/dev/zero of=/d/x bs=1024 count=300");
    let fill = fill.option(&["-v", &format!("{data}:/d"), "--network", "none"]).start();
    fill.wait();
    docker(&["rm", fill.id.as_str()]);
    let real = Real::new(engine.adapter());
    let (preview, _) = real.preview("remove_volume", json!({"volume": data})).await;
    for part in ["300.0 KiB", "compose project", "shop", "all that is in it", "app.password"] {
        assert!(preview.contains(part), "{part}: {preview}");
    }
    let created = value(&data, "{{.CreatedAt}}");
    assert!(preview.contains(&created), "{created}: {preview}");
    assert!(preview.contains(&value(&data, "{{.Mountpoint}}")), "{preview}");
    assert!(!preview.contains("s3cr3t"), "{preview}");
}

#[tokio::test]
async fn a_path_of_the_host_in_disguise_is_called_one() {
    let engine = Engine::connect();
    let host = tempfile::TempDir::new().unwrap();
    std::fs::write(host.path().join("kept"), "x").unwrap();
    let device = format!("device={}", host.path().display());
    let options = ["--opt", "type=none", "--opt", "o=bind", "--opt", &device];
    let bound = engine.volume_with("bound", &options);
    let real = Real::new(engine.adapter());
    let path = format!("HOST {}", host.path().display());
    let seen = real.call("inspect_volume", json!({"volume": bound})).await;
    assert!(seen.text.contains(&path), "{}", seen.text);
    assert_eq!(seen.data["hostPath"], json!(host.path()));
    let listed = real.call("list_volumes", json!({})).await;
    assert!(listed.text.contains(&path), "{}", listed.text);
    let (preview, done) = real.confirm("remove_volume", json!({"volume": bound})).await;
    assert!(preview.contains("path of the host in disguise: what is there stays"), "{preview}");
    assert!(preview.contains(&path), "{preview}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(!exists(&bound) && host.path().join("kept").exists());
}

#[tokio::test]
async fn a_volume_is_made_as_shown() {
    let engine = Engine::connect();
    let name = engine.named("new");
    let real = Real::new(engine.adapter());
    let arguments = json!({"name": name, "labels": {"env": "dev", "token": "s3cr3t-s3cr3t"}});
    let (preview, done) = real.confirm("create_volume", arguments.clone()).await;
    assert!(preview.contains(&format!("Create the volume {name}, empty")), "{preview}");
    assert!(preview.contains("env=dev") && preview.contains("token=(hidden)"), "{preview}");
    assert!(!preview.contains("s3cr3t"), "{preview}");
    assert!(done.text.starts_with(&format!("Created {name}.")), "{}", done.text);
    assert_eq!(value(&name, "{{.Labels.env}} {{.Driver}}"), "dev local");
    assert_eq!(value(&name, r#"{{index .Labels "countersign.created-by"}}"#), "create_volume");
    let recorded = format!("{:?}", real.log.records());
    assert!(recorded.contains("token") && !recorded.contains("s3cr3t"), "{recorded}");

    let (preview, again) = real.confirm("create_volume", arguments).await;
    assert!(preview.contains("exists already: nothing will change"), "{preview}");
    assert!(again.text.starts_with(&format!("{name} existed already; nothing was done.")));
    assert_eq!(again.data["changed"], false);
}

#[tokio::test]
async fn a_new_volume_is_held_to_its_plan() {
    let engine = Engine::connect();
    let name = engine.named("new");
    let real = Real::new(engine.adapter());
    let trial = Trial {
        operation: "create_volume",
        arguments: json!({"name": name}),
        elsewhere: json!({"name": engine.named("other")}),
        otherwise: Some(json!({"name": name, "labels": {"a": "b"}})),
        drift: &|| drop(docker(&["volume", "create", &name])),
    };
    let (preview, done) = real.holds_to_its_plan(trial).await;
    assert!(preview.contains("exists already"), "{preview}");
    assert_eq!(done.data["changed"], false);
}

#[tokio::test]
async fn volumes_are_listed_with_who_uses_them() {
    let engine = Engine::connect();
    let data = engine.volume_with("data", &["--label", "com.docker.compose.project=shop"]);
    let anonymous = engine.container("sleep 3600");
    let mounts = ["-v", &format!("{data}:/d"), "-v", "/anonymous", "--network", "none"];
    let made = anonymous.option(&mounts).create();
    let format = r#"{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}"#;
    let anonymous = made.inspect(format);
    let real = Real::with(engine.adapter(), Policy::builtin());
    let listed = real.call("list_volumes", json!({})).await;
    let row = |name: &str| {
        let rows = listed.data["volumes"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let user = json!([{"id": made.id, "name": made.name, "state": "created"}]);
    assert_eq!((&row(&data)["users"], &row(&data)["project"]), (&user, &json!("shop")));
    assert_eq!((&row(&anonymous)["users"], &row(&anonymous)["anonymous"]), (&user, &json!(true)));
    assert!(listed.text.contains(&format!("{} (created)", made.name)), "{}", listed.text);
    assert!(listed.text.contains(&format!("{anonymous}  local, anonymous")), "{}", listed.text);

    let short = real.call("inspect_volume", json!({"volume": anonymous.get(..12)})).await;
    assert_eq!(short.data["name"], anonymous, "{}", short.text);
    let shorter = real.call("inspect_volume", json!({"volume": anonymous.get(..5)})).await;
    assert_eq!(shorter.reason, Some(Reason::NotFound));
}

#[tokio::test]
async fn nothing_is_sent_for_what_is_no_name() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    for bad in INJECTIONS {
        for (operation, argument) in
            [("inspect_volume", "volume"), ("remove_volume", "volume"), ("create_volume", "name")]
        {
            let answer = real.call(operation, json!({argument: bad})).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation} {bad}");
        }
    }
    for bad in ["x", "/data", "abcdef012345", &"a".repeat(64)] {
        let answer = real.call("create_volume", json!({"name": bad})).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{bad}: {}", answer.text);
    }
    for key in ["com.docker.compose.project", "countersign.created-by"] {
        let arguments = json!({"name": engine.named("x"), "labels": {key: "shop"}});
        let answer = real.call("create_volume", arguments).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{key}: {}", answer.text);
    }
    let odd = json!({"name": engine.named("x"), "labels": {"a": 5}});
    assert_eq!(real.call("create_volume", odd).await.reason, Some(Reason::InvalidArgument));
    let absent = real.call("remove_volume", json!({"volume": engine.named("absent")})).await;
    assert_eq!(absent.reason, Some(Reason::NotFound), "{}", absent.text);
}
