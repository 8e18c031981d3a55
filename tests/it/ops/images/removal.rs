//! Removals.

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use serde_json::json;

use super::{has, inspect, local};
use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, LABEL, adapter_at, docker, try_docker};
use crate::support::real::{Real, Trial};
use crate::support::registry::Registry;

#[tokio::test]
async fn a_removal_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (one, two) = (local(&engine, "a:1"), local(&engine, "b:1"));
    let id = engine.image(&one, "one");
    let other = engine.image(&two, "two");
    let label = format!("{LABEL}={}", engine.run());
    let trial = Trial {
        operation: "remove_image",
        arguments: json!({"image": one, "force": true}),
        elsewhere: json!({"image": two, "force": true}),
        otherwise: Some(json!({"image": one})),
        drift: &|| drop(docker(&["create", "--label", &label, &one])),
    };
    let (preview, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    for shown in
        [&id, &one, "(created)", "NO: no registry can bring it back", "can still be started"]
    {
        assert!(preview.contains(shown), "{shown}: {preview}");
    }
    assert!(!has(&id) && has(&other), "{}", done.text);
    assert!(
        done.text.starts_with(&format!("Removed the image {id}, its names {one}")),
        "{}",
        done.text
    );
    assert_eq!(done.data["imageGone"], true);
}

#[tokio::test]
async fn one_tag_of_several_goes_alone() {
    let engine = Engine::connect();
    let (one, two) = (local(&engine, "a:1"), local(&engine, "b:1"));
    let id = engine.image(&one, "one");
    docker(&["tag", &one, &two]);
    let trial = Trial {
        operation: "remove_image",
        arguments: json!({"image": one}),
        elsewhere: json!({"image": local(&engine, "c:1")}),
        otherwise: Some(json!({"image": one, "force": true})),
        drift: &|| drop(docker(&["tag", &id, &local(&engine, "d:1")])),
    };
    engine.image(&local(&engine, "c:1"), "three");
    let (preview, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    let stays = format!("{two}, {}", local(&engine, "d:1"));
    let headline = format!("Take the name {one} off the image {id}; the image stays as {stays}.");
    assert!(preview.contains(&headline), "{preview}");
    assert_eq!(done.text, format!("Took off {one}. The image {id} stays as {stays}."));
    assert!(has(&id) && docker(&["images", "-q", &one]).is_empty());
}

#[tokio::test]
async fn what_the_engine_will_refuse_is_said_and_refused() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let label = format!("{LABEL}={}", engine.run());
    let several = engine.image(&local(&engine, "several:1"), "several");
    docker(&["tag", &several, &local(&engine, "more:1")]);
    let ended = engine.image(&local(&engine, "ended:1"), "ended");
    docker(&["create", "--label", &label, &ended]);
    let parent = engine.image(&local(&engine, "parent:1"), "parent");
    let child = docker(&["create", "--label", &label, &parent]);
    let change = format!("LABEL {label}");
    docker(&["commit", "--change", &change, child.trim(), &local(&engine, "child:1")]);
    docker(&["rm", child.trim()]);
    for (image, why) in [
        (&several, "several names point to it: ask for one tag, or use force=true"),
        (&ended, "(created) must be removed first, or it takes force=true"),
    ] {
        let asked = json!({"image": image});
        let refused = real.impossible("remove_image", asked).await;
        assert!(refused.contains(why), "{refused}");
        assert_eq!(try_docker(&["rmi", image]), None, "the engine says so too: {refused}");
        assert!(has(image));
        assert_ne!(inspect(image, "{{len .RepoTags}}"), "0");
    }
    // Whether what was made from it stands in the way is the engine's to say, so it is asked.
    let (preview, done) =
        real.confirm("remove_image", json!({"image": parent, "force": true})).await;
    assert!(preview.contains("1 made from it here; the engine may"), "{preview}");
    assert!(done.reason == Some(Reason::EngineError) && has(&parent), "{}", done.text);
    let (preview, done) =
        real.confirm("remove_image", json!({"image": several, "force": true})).await;
    assert!(preview.contains("with 2 tags"), "{preview}");
    assert!(done.status == Status::Ok && !has(&several), "{}", done.text);
}

#[tokio::test]
async fn what_runs_keeps_its_image_even_by_force() {
    let engine = Engine::connect();
    let base = engine.container("sleep 3600").create();
    let name = local(&engine, "run:1");
    let label = format!("{LABEL}={}", engine.run());
    docker(&["commit", "--change", &format!("LABEL {label}"), &base.name, &name]);
    let running = docker(&["run", "-d", "--label", &label, &name, "sleep", "3600"]);
    let real = Real::new(engine.adapter());
    for force in [false, true] {
        let asked = json!({"image": name, "force": force});
        let refused = real.impossible("remove_image", asked).await;
        assert!(refused.contains("must be removed first, and force does not help"), "{refused}");
        assert_eq!(inspect(&name, "{{len .RepoTags}}"), "1");
    }
    docker(&["kill", running.trim()]);
    let asked = json!({"image": name, "force": true});
    let (_, done) = real.confirm("remove_image", asked).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    // What the preview says: it can still be started.
    docker(&["start", running.trim()]);
    docker(&["kill", running.trim()]);
}

#[tokio::test]
async fn what_a_registry_has_can_come_back() {
    let (engine, registry) = (Engine::connect(), Registry::open());
    let real = Real::new(engine.adapter());
    let name = registry.name("shop/web:1");
    let pushed = registry.push(&engine, "shop/web:1", "first");
    docker(&["pull", "-q", &name]);
    let (preview, done) = real.confirm("remove_image", json!({"image": name})).await;
    let back = registry.name(&format!("shop/web@{}", pushed.digest));
    assert!(
        preview.contains(&format!("by pull_image of {back}, if the registry still")),
        "{preview}"
    );
    assert!(done.status == Status::Ok && !has(&pushed.id), "{}", done.text);
    let (_, done) = real.confirm("pull_image", json!({"image": back})).await;
    assert_eq!(done.data["id"], pushed.id);
    // By its digest it has no tag, and goes as a whole.
    let (_, done) = real.confirm("remove_image", json!({"image": back})).await;
    assert!(done.status == Status::Ok && !has(&pushed.id), "{}", done.text);
}

#[tokio::test]
async fn an_image_that_goes_with_a_name_that_moved_is_told() {
    let engine = Engine::connect();
    let (one, kept) = (local(&engine, "a:1"), local(&engine, "b:1"));
    let id = engine.image(&one, "one");
    docker(&["tag", &one, &kept]);
    let other = engine.image(&local(&engine, "c:1"), "two");
    // Between the look and the order, the name becomes the only one of another image.
    let (moved, to, was) = (one.clone(), other.clone(), local(&engine, "c:1"));
    let door = Door::with(move |line| {
        if line.starts_with("DELETE ") {
            docker(&["tag", &to, &moved]);
            docker(&["rmi", &was]);
        }
        Deed::Forward
    });
    let real = Real::new(adapter_at(door.path()));
    let (_, done) = real.confirm("remove_image", json!({"image": one})).await;
    assert!(has(&id) && !has(&other));
    assert_eq!(done.reason, Some(Reason::OutcomeUnknown), "{}", done.text);
    assert_eq!(done.data["astray"], true);
    for said in [&other, "is gone for good", &format!("The image {id} stays as {kept}")] {
        assert!(done.text.contains(said), "{said}: {}", done.text);
    }
    assert!(real.log.events().contains(&Event::Unknown));
}
