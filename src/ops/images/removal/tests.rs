//! Which removals an engine refuses, and what they come to.

use std::collections::BTreeMap;

use super::*;
use crate::core::reason::Reason;
use crate::ops::fake::{container, id, row};
use crate::ops::images::target;

fn image(tags: &[&str], digests: &[&str]) -> Image {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Image {
        id: ImageId::parse(&"1".repeat(64)).unwrap(),
        tags: own(tags),
        digests: own(digests),
        created: None,
        size: 1,
        platform: String::new(),
        layers: 1,
        author: String::new(),
        entrypoint: Vec::new(),
        command: Vec::new(),
        env: Vec::new(),
        labels: BTreeMap::new(),
        user: String::new(),
        workdir: String::new(),
        ports: Vec::new(),
        volumes: Vec::new(),
        stop_signal: None,
        healthcheck: Vec::new(),
    }
}

fn user(state: &str) -> ContainerRow {
    let mut user = container("a", state);
    user.image_id = format!("sha256:{}", "1".repeat(64));
    user.state.status = state.to_owned();
    row(&user)
}

fn going(name: &str) -> Target {
    target::of(&image(&[], &[]), name, "E")
}

#[test]
fn what_stands_in_the_way_is_named() {
    let digest = |name: &str| format!("{name}@sha256:{}", "9".repeat(64));
    let (own, foreign) = (digest("a"), digest("r.example/b"));
    for (tags, digests, states, force, expected) in [
        (&["a:1"][..], vec![], vec![], false, vec![]),
        (&["a:1"], vec![own.as_str()], vec![], false, vec![]),
        (&[], vec![own.as_str()], vec![], false, vec![]),
        (&[], vec![own.as_str(), foreign.as_str()], vec![], false, vec!["several names"]),
        (&["a:1"], vec!["docker.io/library/a:1"], vec![], false, vec![]),
        (&["a:1"], vec!["no name?"], vec![], false, vec![]),
        (&["a:1"], vec![foreign.as_str()], vec![], false, vec!["several names"]),
        (&["a:1", "a:2"], vec![], vec![], false, vec!["several names"]),
        (&["a:1", "a:2"], vec![], vec![], true, vec![]),
        (&["a:1"], vec![], vec!["exited"], false, vec!["exited (exited) must"]),
        (&["a:1"], vec![], vec!["created"], true, vec![]),
        (&["a:1"], vec![], vec!["running"], true, vec!["running must"]),
        (&["a:1"], vec![], vec!["paused", "exited"], true, vec!["paused (paused) must"]),
        (
            &["a:1"],
            vec![],
            vec!["running", "exited"],
            false,
            vec!["running must", "exited (exited) must"],
        ),
    ] {
        let users = states.iter().map(|state| user(state)).collect();
        let sight = Sight { image: image(tags, &digests), users, podman: false };
        let found = sight.obstacles(force);
        assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }
}

#[test]
fn podman_is_not_forced_while_a_container_uses_the_image() {
    for (podman, tags, force, states, words) in [
        (true, &["a:1"][..], true, &["exited"][..], "exited (exited) must be removed first"),
        (
            true,
            &["a:1"],
            true,
            &["running", "created"],
            "running, created (created) must be removed",
        ),
        (true, &["a:1"], false, &["running", "exited"], "would remove them as well"),
        (true, &["a:1"], true, &[], ""),
        (true, &["a:1", "a:2"], true, &[], ""),
        (true, &["a:1", "a:2"], false, &[], "several names"),
        (false, &["a:1"], true, &["running"], "running must be removed first, and force does not"),
    ] {
        let users = states.iter().map(|state| user(state)).collect();
        let sight = Sight { image: image(tags, &[]), users, podman };
        let obstacles = sight.obstacles(force).join("; ");
        assert_eq!(obstacles.is_empty(), words.is_empty(), "{obstacles}");
        assert!(obstacles.contains(words), "{obstacles}");
    }
}

#[test]
fn what_is_sure_to_be_refused_is_refused_with_what_to_do() {
    let sight = |tags: &[&str]| Sight {
        image: image(tags, &[]),
        users: vec![user("exited")],
        podman: false,
    };
    for (tags, force, expected) in [
        (&["a:1"][..], false, Some("The image a:1 cannot be removed as things are: exited")),
        (&["a:1"], true, None),
        // Only a name goes.
        (&["a:1", "b:1"], false, None),
    ] {
        let refused = sight(tags).removable(&[going("a:1")], force).err();
        assert_eq!(refused.is_some(), expected.is_some(), "{tags:?} {force}");
        if let Some((fault, expected)) = refused.zip(expected) {
            assert_eq!(fault.reason, Reason::InvalidArgument);
            assert!(fault.message.starts_with(expected), "{fault}");
        }
    }
}

#[test]
fn the_image_goes_with_its_last_tag() {
    for (tags, names, expected) in [
        (&["a:1", "b:1"][..], &["a:1"][..], false),
        (&["a:1", "b:1"], &["a:1", "b:1"], true),
        (&["a:1"], &["a:1"], true),
        (&[], &["sha256:1"], true),
    ] {
        let sight = Sight { image: image(tags, &[]), users: vec![user("exited")], podman: false };
        let names: Vec<Target> = names.iter().map(|name| going(name)).collect();
        let facts = sight.facts(&names);
        assert_eq!(facts.removes_image, expected, "{tags:?}");
        assert_eq!(facts.containers, [id("a").as_str()]);
    }
}

#[test]
fn what_no_registry_has_is_lost() {
    assert!(comes_back(&image(&["a:1"], &[]), false).starts_with("NO: "));
    let known = format!("a@sha256:{}", "9".repeat(64));
    assert!(comes_back(&image(&["a:1"], &[&known]), false).contains(&known));
    assert!(comes_back(&image(&["a:1"], &[&known]), true).starts_with("not known"));
    assert!(comes_back(&image(&["a:1"], &[]), true).starts_with("NO: "));
}
