//! The image of a new container: it is called as it was asked for, and is the one that was shown.

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use futures_util::future::join;
use serde_json::json;

use super::{image, inspect};
use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, adapter_at, docker};
use crate::support::real::Real;

const CREATE: &str = "POST /containers/create";

/// A door before the engine at which, just before a container is made of the name, it is given to
/// another image, and at which a removal comes to this.
fn moving(name: &str, other: &str, removal: Deed) -> Door {
    let (name, other) = (name.to_owned(), other.to_owned());
    Door::with(move |line| {
        if line.starts_with(CREATE) {
            docker(&["tag", &other, &name]);
        }
        if line.starts_with("DELETE") { removal.clone() } else { Deed::Forward }
    })
}

#[tokio::test]
async fn what_is_made_of_a_name_that_moved_meanwhile_is_taken_back_and_never_started() {
    let engine = Engine::connect();
    let (one, other) = (image(&engine, "one"), image(&engine, "other"));
    let name = engine.named("moved");
    let door = moving(&one, &other, Deed::Forward);
    let real = Real::new(adapter_at(door.path()));
    let stays = engine.named("data");
    let arguments = json!({"image": one, "name": name, "volumes": [format!("{stays}:/data")]});
    let (_, failed) = real.confirm("run_container", arguments).await;
    assert_eq!(failed.reason, Some(Reason::EngineError), "{}", failed.text);
    let kept = format!("The volumes {stays} stay");
    for words in
        ["not started and removed again", "means another image by now", "confirmToken", &kept]
    {
        assert!(failed.text.contains(words), "{words}: {}", failed.text);
    }
    let lines = door.lines();
    assert!(lines.iter().any(|line| line.starts_with(CREATE)), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("/start")), "{lines:?}");
    let there = docker(&["ps", "-aq", "--filter", &format!("name={name}")]);
    assert_eq!(there, "");
    assert_eq!(docker(&["volume", "rm", &stays]).trim(), stays);
    assert_eq!(real.log.last().event, Event::Failed);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_said_to_stay_and_was_never_started() {
    let engine = Engine::connect();
    for (at, (removal, reason)) in [
        (Deed::Say(409, r#"{"message":"a lock is held"}"#.into()), Reason::EngineError),
        (Deed::HangUp, Reason::OutcomeUnknown),
    ]
    .into_iter()
    .enumerate()
    {
        let one = image(&engine, &format!("one-{at}"));
        let other = image(&engine, &format!("other-{at}"));
        let name = engine.named(&format!("stays-{at}"));
        let door = moving(&one, &other, removal);
        let real = Real::new(adapter_at(door.path()));
        let (_, failed) = real.confirm("run_container", json!({"image": one, "name": name})).await;
        assert_eq!(failed.reason, Some(reason), "{}", failed.text);
        let id = inspect(&name, "{{.Id}}");
        let made = format!("(id {id}) was MADE and NOT STARTED");
        for words in [&*made, "another image by now", "state is now: created", "Do not start it"] {
            assert!(failed.text.contains(words), "{words}: {}", failed.text);
        }
        assert_eq!((&failed.data["id"], &failed.data["started"]), (&json!(id), &json!(false)));
        assert!(real.log.last().error.unwrap().contains(&format!("made {id}")));
    }
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_taken_back_too() {
    let engine = Engine::connect();
    let (one, name) = (image(&engine, "unseen"), engine.named("unseen"));
    let door = Door::with(|line| {
        let look = line.starts_with("GET /containers/") && line.contains("/json ");
        if look { Deed::Say(500, "{}".into()) } else { Deed::Forward }
    });
    let real = Real::new(adapter_at(door.path()));
    let (_, failed) = real.confirm("run_container", json!({"image": one, "name": name})).await;
    assert_eq!(failed.reason, Some(Reason::EngineError), "{}", failed.text);
    assert!(failed.text.contains("of which image it is could not be seen"), "{}", failed.text);
    assert!(!failed.text.contains("The volumes"), "{}", failed.text);
    assert_eq!(docker(&["ps", "-aq", "--filter", &format!("name={name}")]), "");
}

#[tokio::test]
async fn an_image_asked_for_by_its_id_stays_one_by_its_id() {
    let engine = Engine::connect();
    let one = image(&engine, "by-id");
    let id = inspect(&one, "{{.Id}}");
    let real = Real::new(engine.adapter());
    for given in [id.as_str(), id.trim_start_matches("sha256:")] {
        let (preview, done) = real.confirm("run_container", json!({"image": given})).await;
        assert!(preview.contains(&format!("Make a container of {one}")), "{preview}");
        let made = done.data["id"].as_str().unwrap();
        assert_eq!(inspect(made, "{{.Config.Image}}"), id, "{}", done.text);
    }
}

#[tokio::test]
async fn a_token_for_a_name_is_none_for_the_id_behind_it() {
    let engine = Engine::connect();
    let (one, real) = (image(&engine, "one"), Real::new(engine.adapter()));
    let id = inspect(&one, "{{.Id}}");
    let command = json!(["sleep", "3600"]);
    let by = |image: &str| json!({"image": image, "command": command});
    for (shown, spent) in [(one.as_str(), id.as_str()), (&id, &one)] {
        let (_, token) = real.preview("run_container", by(shown)).await;
        let refused = real.spend("run_container", &by(spent), &token).await;
        assert_eq!(refused.reason, Some(Reason::TokenMismatch), "{}", refused.text);
    }
    // The same name in another spelling is the same request.
    let (_, token) = real.preview("run_container", by(&one)).await;
    let whole = format!("docker.io/{one}");
    let done = real.spend("run_container", &by(&whole), &token).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
}

#[tokio::test]
async fn two_are_made_at_once_unless_they_use_the_same_thing_of_somebodys() {
    let engine = Engine::connect();
    let (one, other) = (image(&engine, "one"), image(&engine, "other"));
    let (real, volume) = (Real::new(engine.adapter()), engine.volume(None));
    for (volumes, second) in
        [(json!([]), None), (json!([format!("{volume}:/v")]), Some(Reason::Busy))]
    {
        let of = |image: &str| json!({"image": image, "volumes": volumes, "command": ["true"]});
        let (_, a) = real.preview("run_container", of(&one)).await;
        let (_, b) = real.preview("run_container", of(&other)).await;
        let (one, other) = (of(&one), of(&other));
        let first = real.spend("run_container", &one, &a);
        let (first, then) = join(first, real.spend("run_container", &other, &b)).await;
        // Either may have the volume first.
        let mut reasons = [first.reason, then.reason];
        reasons.sort_by_key(Option::is_some);
        assert_eq!(reasons, [None, second], "{} {}", first.text, then.text);
    }
}
