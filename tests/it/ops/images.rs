//! Images.

mod pull;
mod removal;
mod tag;

use countersign::core::reason::Reason;
use serde_json::{Value, json};

use crate::support::door::Door;
use crate::support::engine::{Engine, LABEL, adapter_at, docker};
use crate::support::real::Real;

/// What an engine says of an image, as `docker image inspect --format` takes it.
fn inspect(name: &str, format: &str) -> String {
    docker(&["image", "inspect", "--format", format, name]).trim().to_owned()
}

/// The first digits of an image's id.
fn digits(id: &str, count: usize) -> &str {
    id.strip_prefix("sha256:").and_then(|digits| digits.get(..count)).unwrap()
}

/// Whether the engine has an image with this id.
fn has(id: &str) -> bool {
    docker(&["images", "-aq", "--no-trunc"]).lines().any(|known| known == id)
}

/// A name on this host that no two tests share.
fn local(engine: &Engine, rest: &str) -> String {
    format!("countersign-test/{}-{rest}", engine.run())
}

#[tokio::test]
async fn what_is_listed_is_there_and_who_uses_it() {
    let engine = Engine::connect();
    let (first, second) = (local(&engine, "a:1"), local(&engine, "b:1"));
    let id = engine.image(&first, "one");
    docker(&["tag", &first, &second]);
    let untagged = engine.image(&local(&engine, "c:1"), "two");
    engine.image(&local(&engine, "c:1"), "three");
    let label = format!("{LABEL}={}", engine.run());
    docker(&["create", "--name", &format!("cs-{}-user", engine.run()), "--label", &label, &id]);
    let real = Real::new(engine.adapter());
    let listed = real.call("list_images", json!({"name": format!("{}-a", engine.run())})).await;
    let row = listed.text.lines().nth(1).unwrap();
    assert!(row.starts_with(digits(&id, 12)), "{}", listed.text);
    assert!(row.contains(&format!("{first}, {second}")), "{}", listed.text);
    assert!(row.contains(&format!("cs-{}-user (created)", engine.run())), "{}", listed.text);
    let data = &listed.data["images"][0];
    assert_eq!((&data["id"], &data["tags"]), (&json!(id), &json!([first, second])));
    assert_eq!(data["size"].to_string(), inspect(&id, "{{.Size}}"));
    let dangling = |listed: &Value| {
        listed["images"].as_array().unwrap().iter().any(|row| row["id"] == untagged.as_str())
    };
    for (asked, expected) in
        [(json!({"dangling": true}), true), (json!({"dangling": false}), false)]
    {
        assert_eq!(dangling(&real.call("list_images", asked).await.data), expected);
    }
    let none = real.call("list_images", json!({"name": format!("{}-z", engine.run())})).await;
    assert_eq!(none.text, "No images fit.");
}

#[tokio::test]
async fn what_is_inspected_holds_no_secret() {
    let engine = Engine::connect();
    let base = engine.container("true").option(&["--env", "API_TOKEN=s3cr3t-s3cr3t"]).create();
    let name = local(&engine, "made:1");
    let label = format!("LABEL {LABEL}={}", engine.run());
    docker(&[
        "commit",
        "--change",
        &label,
        "--change",
        "LABEL app.password=s3cr3t-s3cr3t",
        "--change",
        "CMD [\"serve\", \"--token=s3cr3t-s3cr3t\"]",
        "--change",
        "EXPOSE 80",
        "--change",
        "VOLUME /data",
        "--message",
        "token=s3cr3t-s3cr3t",
        &base.name,
        &name,
    ]);
    let real = Real::new(engine.adapter());
    let id = inspect(&name, "{{.Id}}");
    let short = format!("sha256:{}", digits(&id, 17));
    for image in [name.as_str(), &id, digits(&id, 64), &short, digits(&id, 6)] {
        let seen = real.call("inspect_image", json!({"image": image})).await;
        for shown in [
            "API_TOKEN=(set)",
            "app.password=(hidden)",
            "80/tcp",
            "/data",
            "root (none is named)",
            &id,
            &name,
            "History",
            "nobody",
        ] {
            assert!(seen.text.contains(shown), "{shown}: {}", seen.text);
        }
        for text in [&seen.text, &seen.data.to_string()] {
            assert!(!text.contains("s3cr3t"), "{text}");
        }
        assert_eq!(seen.data["layers"].to_string(), inspect(&id, "{{len .RootFS.Layers}}"));
    }
    for (image, reason) in [
        (local(&engine, "made:2"), Reason::NotFound),
        (digits(&id, 5).to_owned(), Reason::NotFound),
        (format!("sha256:{}", digits(&id, 5)), Reason::InvalidArgument),
        ("sha256:".to_owned() + &"0".repeat(64), Reason::NotFound),
    ] {
        let refused = real.call("inspect_image", json!({"image": image})).await;
        assert_eq!(refused.reason, Some(reason), "{image}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_name_that_is_the_beginning_of_anothers_id_is_ambiguous() {
    let engine = Engine::connect();
    let id = engine.image(&local(&engine, "a:1"), "one");
    let digits = digits(&id, 12);
    let other = engine.image(&format!("{digits}:latest"), "two");
    let real = Real::new(engine.adapter());
    for operation in ["inspect_image", "remove_image"] {
        let refused = real.call(operation, json!({"image": digits})).await;
        assert_eq!(refused.reason, Some(Reason::Ambiguous), "{}", refused.text);
        assert!(refused.text.contains(&id) && refused.text.contains(&other), "{}", refused.text);
    }
    let seen = real.call("inspect_image", json!({"image": format!("{digits}:latest")})).await;
    assert_eq!(seen.data["id"], other);
    let seen = real.call("inspect_image", json!({"image": format!("sha256:{digits}")})).await;
    assert_eq!(seen.data["id"], id);
}

#[tokio::test]
async fn what_is_no_reference_is_refused_before_anything_is_sent() {
    let engine = Engine::connect();
    let name = local(&engine, "a:1");
    engine.image(&name, "one");
    let door = Door::watching();
    let real = Real::new(adapter_at(door.path()));
    drop(real.call("engine_info", json!({})).await);
    let asked = door.lines().len();
    let long = "a".repeat(385);
    for bad in [
        "../info?",
        "../images/prune?filters=...&",
        "../volumes/vol",
        "%2e%2e/info",
        "a/../../info",
        "a?b",
        "a#b",
        "a%b",
        "a\\b",
        "a b",
        "a\r\nGET /",
        "a\u{0}",
        "A/b",
        "a/B:1",
        "/a",
        "a:1?x=y",
        "a@sha256:1",
        "*",
        "http://x/y",
        &long,
    ] {
        for (operation, arguments) in [
            ("inspect_image", json!({"image": bad})),
            ("pull_image", json!({"image": bad})),
            ("remove_image", json!({"image": bad})),
            ("tag_image", json!({"image": bad, "tag": "a:1"})),
            ("tag_image", json!({"image": name, "tag": bad})),
        ] {
            let refused = real.call(operation, arguments).await;
            assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{operation} {bad}");
        }
    }
    assert_eq!(door.lines().len(), asked, "{:?}", door.lines());
    let fine = real.call("inspect_image", json!({"image": name})).await;
    assert_eq!(fine.reason, None, "{}", fine.text);
}
