//! Tags.

use countersign::core::operation::Class;
use countersign::core::policy::{Condition, Effect, Glob, Key, Level, Policy, Rule};
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::json;

use super::{inspect, local};
use crate::support::engine::{Engine, docker};
use crate::support::real::{Real, Trial};

#[tokio::test]
async fn a_tag_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (one, two, free) = (local(&engine, "a:1"), local(&engine, "b:1"), local(&engine, "c:1"));
    let first = engine.image(&one, "one");
    let second = engine.image(&two, "two");
    let trial = Trial {
        operation: "tag_image",
        arguments: json!({"image": one, "tag": free}),
        elsewhere: json!({"image": two, "tag": free}),
        otherwise: Some(json!({"image": one, "tag": local(&engine, "d:1")})),
        drift: &|| drop(docker(&["tag", &second, &free])),
    };
    let (preview, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert!(preview.contains(&format!("This takes it from {second}.")), "{preview}");
    assert!(preview.contains(&format!("{second} stays under {two}")), "{preview}");
    assert_eq!(inspect(&free, "{{.Id}}"), first);
    assert_eq!(done.text, format!("{free} now points to {first}."));
}

#[tokio::test]
async fn the_last_name_of_another_is_told_of_and_the_same_image_is_the_same_plan() {
    let engine = Engine::connect();
    let (one, two) = (local(&engine, "a:1"), local(&engine, "b"));
    let first = engine.image(&one, "one");
    let second = engine.image(&two, "two");
    let real = Real::new(engine.adapter());
    let (preview, token) = real.preview("tag_image", json!({"image": one, "tag": two})).await;
    assert!(preview.contains("No tag was given, so this is `latest`."), "{preview}");
    assert!(preview.contains(&format!("{second} stays until it is removed, but then no tag")));
    let by_id = json!({"image": first, "tag": two});
    let done = real.spend("tag_image", &by_id, &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(inspect(&two, "{{.Id}}"), first);
    assert_eq!(inspect(&second, "{{len .RepoTags}}"), "0");
    let (preview, done) = real.confirm("tag_image", by_id).await;
    assert!(preview.contains("It has that name already, so nothing would change."), "{preview}");
    assert!(done.text.contains("pointed to") && done.data["changed"] == false, "{}", done.text);
}

#[tokio::test]
async fn a_name_that_is_none_to_give_is_refused() {
    let engine = Engine::connect();
    let one = local(&engine, "a:1");
    let id = engine.image(&one, "one");
    let real = Real::new(engine.adapter());
    let digest = format!("x@{id}");
    for tag in ["deadbeef1234", "deadbeef1234:1", &digest, &id] {
        let refused = real.call("tag_image", json!({"image": one, "tag": tag})).await;
        assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{tag}: {}", refused.text);
    }
    for (image, tag) in [(local(&engine, "z:1"), one.clone())] {
        let refused = real.call("tag_image", json!({"image": image, "tag": tag})).await;
        assert_eq!(refused.reason, Some(Reason::NotFound), "{}", refused.text);
    }
    real.preview("tag_image", json!({"image": one, "tag": "deadbeef123:1"})).await;
}

/// Whoever may not touch a name may neither move it nor remove it by the image's id.
#[tokio::test]
async fn policy_is_asked_about_every_name_that_moves_or_goes() {
    let engine = Engine::connect();
    let (free, held) = (local(&engine, "a:1"), local(&engine, "held:1"));
    let id = engine.image(&free, "one");
    docker(&["tag", &free, &held]);
    let other = engine.image(&local(&engine, "b:1"), "two");
    let rule = |id: &str, effect, conditions| Rule::new(id, effect, Level::User, conditions);
    let names = vec![Glob::parse("*-held:*").unwrap()];
    let real = Real::with(
        engine.adapter(),
        Policy::new(vec![
            rule("all", Effect::Confirm, vec![Condition::class(&Class::ALL)]),
            rule("held", Effect::Deny, vec![Condition::new(Key::Name, names)]),
        ]),
    );
    for (operation, arguments) in [
        ("tag_image", json!({"image": other, "tag": held})),
        ("remove_image", json!({"image": held})),
        ("remove_image", json!({"image": id, "force": true})),
        ("pull_image", json!({"image": held})),
    ] {
        let refused = real.call(operation, arguments.clone()).await;
        assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{operation} {arguments}");
    }
    real.preview("remove_image", json!({"image": free})).await;
    real.preview("tag_image", json!({"image": other, "tag": free})).await;
}

#[tokio::test]
async fn one_name_in_two_spellings_is_one_request_and_two_names_are_two() {
    let engine = Engine::connect();
    let (one, two) = (local(&engine, "a:1"), local(&engine, "b:1"));
    let id = engine.image(&one, "one");
    docker(&["tag", &one, &two]);
    let bare = local(&engine, "c");
    let latest = format!("{bare}:latest");
    let real = Real::new(engine.adapter());

    let (_, token) = real.preview("tag_image", json!({"image": one, "tag": bare})).await;
    let done = real.spend("tag_image", &json!({"image": one, "tag": latest}), &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    let (_, token) = real.preview("tag_image", json!({"image": one, "tag": bare})).await;
    let other = json!({"image": one, "tag": format!("{bare}:2")});
    let refused = real.spend("tag_image", &other, &token).await;
    assert_eq!(refused.reason, Some(Reason::TokenMismatch), "{}", refused.text);

    let (_, token) = real.preview("pull_image", json!({"image": bare})).await;
    let spent = real.spend("pull_image", &json!({"image": latest}), &token).await;
    assert_eq!(spent.reason, Some(Reason::EngineError), "no registry has it: {}", spent.text);

    for other in [json!({"image": two}), json!({"image": id})] {
        let (_, token) = real.preview("remove_image", json!({"image": one})).await;
        let refused = real.spend("remove_image", &other, &token).await;
        assert_eq!(refused.reason, Some(Reason::TokenMismatch), "{other}: {}", refused.text);
    }
    let (_, token) = real.preview("remove_image", json!({"image": bare})).await;
    let done = real.spend("remove_image", &json!({"image": latest}), &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(inspect(&id, "{{len .RepoTags}}"), "2");
}
