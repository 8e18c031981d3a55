//! Changing images in engines that misbehave.

use std::time::Duration;

use countersign::core::reason::{Fault, Reason};
use countersign::docker::DockerEngine;
use countersign::docker::deadline::Deadlines;
use countersign::ports::engine::{ActImages as _, ImageRemoval};

use crate::support::door::{Deed, Door};
use crate::support::engine::adapter_at;
use crate::support::permit::{permit, target};

const VERBS: [&str; 4] = ["pull", "tag", "untag", "remove"];

async fn change(adapter: &DockerEngine, verb: &str, id: &str, name: &str) -> Result<(), Fault> {
    let mut it = target("image", id, "E");
    it.name = name.to_owned();
    let (one, other) = (permit(it.clone()), permit(it));
    let (one, other) = (one.targets().next().unwrap(), other.targets().next().unwrap());
    let force = ImageRemoval::Image { force: true };
    match verb {
        "pull" => adapter.pull(&one, &mut |_, _, _| {}).await,
        "tag" => adapter.tag(&one, &other).await,
        "untag" => adapter.remove_image(&one, ImageRemoval::Tag).await.map(drop),
        _ => adapter.remove_image(&one, force).await.map(drop),
    }
}

#[tokio::test]
async fn what_may_have_happened_is_called_unknown_and_never_repeated() {
    let said = |status| Deed::Say(status, r#"{"message":"it says so"}"#.to_owned());
    let (error, unknown) = (Some(Reason::EngineError), Some(Reason::OutcomeUnknown));
    for (deed, expected) in [
        (Deed::Silence, [unknown; 4]),
        (Deed::HangUp, [unknown; 4]),
        (said(409), [error; 4]),
        (said(500), [error, unknown, unknown, unknown]),
        (Deed::Say(200, "[{]".to_owned()), [unknown, None, unknown, unknown]),
    ] {
        let done = deed.clone();
        let door = Door::with(move |line| match line.starts_with("GET /info") {
            true => Deed::Say(200, r#"{"ID":"E"}"#.to_owned()),
            false => done.clone(),
        });
        let soon = Duration::from_millis(300);
        let deadlines = Deadlines { image: soon, pull: soon, ..Deadlines::default() };
        let adapter = adapter_at(door.path()).with_deadlines(deadlines);
        let id = format!("sha256:{}", "a".repeat(64));
        for (verb, expected) in VERBS.iter().zip(expected) {
            let reason = change(&adapter, verb, &id, "a/b:1").await.err().map(|fault| fault.reason);
            assert_eq!(reason, expected, "{verb}: {deed:?}");
        }
        let sent = door.lines().iter().filter(|line| !line.starts_with("GET")).count();
        assert_eq!(sent, VERBS.len(), "{deed:?}");
    }
}

#[tokio::test]
async fn what_is_no_image_leaves_no_request() {
    let door = Door::with(|_| Deed::Say(200, r#"{"ID":"E"}"#.to_owned()));
    let adapter = adapter_at(door.path());
    let id = format!("sha256:{}", "a".repeat(64));
    for bad in ["../info?", "../images/prune?filters=...&", "a b", "A", "", "a/../b"] {
        for verb in VERBS {
            if verb != "remove" {
                let fault = change(&adapter, verb, &id, bad).await.unwrap_err();
                assert_eq!(fault.reason, Reason::InvalidArgument, "{verb} {bad}");
            }
            if verb != "pull" {
                let fault = change(&adapter, verb, bad, "a:1").await.unwrap_err();
                assert_eq!(fault.reason, Reason::InvalidArgument, "{verb} {bad}");
            }
        }
    }
    assert_eq!(door.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_is_sent_whole_so_that_no_engine_adds_to_it() {
    let door = Door::with(|line| match line.starts_with("GET") {
        true => Deed::Say(200, r#"{"ID":"E"}"#.to_owned()),
        false => Deed::Say(200, "[]".to_owned()),
    });
    let adapter = adapter_at(door.path());
    let id = format!("sha256:{}", "a".repeat(64));
    for (verb, sent) in [
        ("pull", "/images/create?fromImage=docker.io%2Flibrary%2Fa&"),
        ("tag", "repo=docker.io%2Flibrary%2Fa"),
        ("untag", "DELETE /images/docker.io/library/a:1?"),
    ] {
        drop(change(&adapter, verb, &id, "a:1").await);
        let lines = door.lines();
        assert!(lines.last().unwrap().contains(sent), "{verb}: {lines:?}");
    }
}
