//! Pulls from a registry on this host.

use std::net::TcpListener;
use std::time::Duration;

use countersign::core::reason::Reason;
use countersign::docker::deadline::Deadlines;
use countersign::gate::Status;
use countersign::ports::engine::{ActImages as _, LookSystem as _};
use serde_json::json;

use super::{digits, has, inspect, local};
use crate::support::engine::{Engine, docker};
use crate::support::permit::{permit, target};
use crate::support::real::{Real, Trial};
use crate::support::registry::Registry;

#[tokio::test]
async fn a_tag_moves_and_the_old_image_stays() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let real = Real::new(engine.adapter());
    let name = registry.name("shop/web:1");
    let first = registry.push(&engine, "shop/web:1", "first");
    let (preview, done) = real.confirm("pull_image", json!({"image": name})).await;
    assert!(preview.contains("nothing: there is no image of that name here"), "{preview}");
    assert!(
        preview.contains(&format!("the registry {}", registry.name("").trim_end_matches('/'))),
        "{preview}"
    );
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!((inspect(&name, "{{.Id}}"), &done.data["oldId"]), (first.id.clone(), &json!(null)));
    assert_eq!((&done.data["id"], &done.data["digest"]), (&json!(first.id), &json!(first.digest)));

    let (_, done) = real.confirm("pull_image", json!({"image": name})).await;
    assert!(done.text.contains("was up to date"), "{}", done.text);
    assert_eq!(done.data["changed"], false);

    let user = format!("cs-{}-user", engine.run());
    let label = format!("countersign.test={}", engine.run());
    docker(&["create", "--name", &user, "--label", &label, &name]);
    let second = registry.push(&engine, "shop/web:1", "second");
    let (preview, done) = real.confirm("pull_image", json!({"image": name})).await;
    for shown in [
        &format!("{}, there known as {}", first.id, first.digest),
        &format!("they keep the image that they have: {user} (created)"),
        "no tag points to it",
        &format!("tag_image of {} as {name} undoes it", first.id),
        "which may be other code than today",
    ] {
        assert!(preview.contains(shown), "{shown}: {preview}");
    }
    assert_eq!(inspect(&name, "{{.Id}}"), second.id);
    assert_eq!(inspect(&name, "{{index .RepoDigests 0}}").split('@').nth(1), Some(&*second.digest));
    assert!(has(&first.id), "the old image stays");
    for told in [&first.id, &second.id, &second.digest] {
        assert!(done.text.contains(told.as_str()), "{}", done.text);
    }
    assert_eq!((&done.data["oldId"], &done.data["id"]), (&json!(first.id), &json!(second.id)));
}

#[tokio::test]
async fn a_pull_is_held_to_its_plan() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let other = engine.image(&local(&engine, "other:1"), "other");
    let pushed = registry.push(&engine, "shop/web:latest", "first");
    let (web, api) = (registry.name("shop/web"), registry.name("shop/api"));
    let trial = Trial {
        operation: "pull_image",
        arguments: json!({"image": web}),
        elsewhere: json!({"image": api}),
        otherwise: None,
        drift: &|| drop(docker(&["tag", &other, &web])),
    };
    let (preview, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert!(preview.contains("No tag was given, so this is `latest`."), "{preview}");
    assert!(
        preview.contains(&format!("{other}, which no registry of that name knows")),
        "{preview}"
    );
    assert!(preview.contains(&format!("{other} stays under ")), "{preview}");
    assert_eq!(inspect(&web, "{{.Id}}"), pushed.id, "{}", done.text);
}

#[tokio::test]
async fn exactly_the_image_with_a_digest_is_pulled() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let real = Real::new(engine.adapter());
    let first = registry.push(&engine, "shop/web:1", "first");
    registry.push(&engine, "shop/web:1", "second");
    let name = registry.name(&format!("shop/web@{}", first.digest));
    let (preview, done) = real.confirm("pull_image", json!({"image": name})).await;
    assert!(preview.contains("exactly the image with that digest"), "{preview}");
    assert_eq!(done.data["id"], first.id, "{}", done.text);
    assert_eq!(inspect(&name, "{{.Id}}"), first.id);
    let refused = real.call("pull_image", json!({"image": first.id})).await;
    assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{}", refused.text);
    let short = real
        .call("pull_image", json!({"image": format!("sha256:{}", digits(&first.id, 12))}))
        .await;
    assert_eq!(short.reason, Some(Reason::InvalidArgument), "{}", short.text);
}

#[tokio::test]
async fn a_pull_that_fails_moves_no_name() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let real = Real::new(engine.adapter());
    let name = registry.name("shop/web:1");
    let other = engine.image(&name, "made here");
    registry.push(&engine, "shop/web:1", "first");
    registry.spoil();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (image, why) in [
        (registry.name("shop/web:2"), "manifest"),
        (registry.name("shop/none:1"), "manifest"),
        (format!("{nobody}/shop/web:1"), "refused"),
        // It begins well, so this comes when the engine has long said that all is well.
        (name.clone(), "so no name has moved"),
    ] {
        let (_, failed) = real.confirm("pull_image", json!({"image": image})).await;
        assert_eq!(failed.status, Status::Failed, "{}", failed.text);
        assert_eq!(failed.reason, Some(Reason::EngineError), "{}", failed.text);
        assert!(failed.text.contains(why), "{}", failed.text);
    }
    assert_eq!(inspect(&name, "{{.Id}}"), other);
}

#[tokio::test]
async fn a_pull_that_falls_silent_is_unknown() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    registry.push(&engine, "shop/web:1", "first");
    registry.stall();
    let name = registry.name("shop/web:1");
    let soon = Duration::from_secs(1);
    for (deadlines, why) in [
        (Deadlines { pull_idle: soon, ..Deadlines::default() }, "nothing was heard of it for 1 s"),
        (Deadlines { pull: soon, ..Deadlines::default() }, "within 1 s"),
    ] {
        let real = Real::new(engine.adapter().with_deadlines(deadlines));
        let (_, unknown) = real.confirm("pull_image", json!({"image": name})).await;
        assert_eq!(unknown.reason, Some(Reason::OutcomeUnknown), "{}", unknown.text);
        assert!(unknown.text.contains(why), "{}", unknown.text);
        let look = format!("docker image inspect {name}");
        assert!(unknown.text.contains(&look), "{}", unknown.text);
    }
}

#[tokio::test]
async fn whoever_waits_is_told_how_many_bytes_have_come() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let adapter = engine.adapter();
    let content = "x".repeat(3_000_000);
    registry.push(&engine, "shop/web:1", &content);
    let mut it = target("image", "new", &adapter.engine_id().await.unwrap());
    it.name = registry.name("shop/web:1");
    let (permit, mut heard) = (permit(it), Vec::new());
    let mut report = |done, total, doing: &str| heard.push((done, total, doing.to_owned()));
    adapter.pull(&permit.targets().next().unwrap(), &mut report).await.unwrap();
    assert!(heard.is_sorted_by_key(|(done, ..)| *done), "{heard:?}");
    let last = heard.iter().rev().find(|(done, ..)| *done > 0).unwrap();
    assert!(last.1.is_some_and(|total| total >= last.0 && total > 3_000_000), "{heard:?}");
    assert!(heard.iter().any(|(.., doing)| doing.starts_with("Downloading ")), "{heard:?}");
}
