//! Prunes, each narrowed down to what its own test made.

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::{Answer, Status};
use serde_json::{Value, json};

use crate::support::engine::{Engine, IMAGE, LABEL, docker, try_docker};
use crate::support::real::{Real, Trial};

/// The arguments that select what this run made.
fn own(engine: &Engine) -> Value {
    json!({"label": format!("{LABEL}={}", engine.run())})
}

/// The lines of a preview that each show one of these things.
fn listed<'a>(preview: &'a str, kind: &str) -> Vec<&'a str> {
    preview.lines().filter(|line| line.trim_start().starts_with(kind)).collect()
}

fn removed(answer: &Answer) -> Vec<String> {
    let removed = answer.data["removed"].as_array().unwrap();
    let mut ids: Vec<_> = removed.iter().map(|one| one["id"].as_str().unwrap().into()).collect();
    ids.sort();
    ids
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn containers_that_do_not_run_are_removed_and_their_volumes_stay() {
    let engine = Engine::connect();
    let done = engine.script("head -c 100000 /dev/zero > /big").option(&["-v", "/data"]).start();
    let failed = engine.script("exit 3").start();
    let (never, up) = (engine.container("true").create(), engine.container("sleep 3600").start());
    let paused = engine.container("sleep 3600").start();
    docker(&["pause", paused.id.as_str()]);
    done.wait();
    failed.wait();
    let volume = done.inspect("{{(index .Mounts 0).Name}}");
    let real = Real::new(engine.adapter());
    let (preview, answer) = real.confirm("prune_containers", own(&engine)).await;
    let lines = listed(&preview, "container ");
    assert_eq!(lines.len(), 3, "{preview}");
    for (made, says) in [
        (&done, "exited with code 0 at "),
        (&failed, "exited with code 3 at "),
        (&never, "created at "),
    ] {
        let is_its = |line: &&&str| line.contains(&made.name) && line.contains(made.id.short());
        let line = lines.iter().find(is_its).unwrap_or_else(|| panic!("{preview}"));
        assert!(line.contains(says) && line.contains(IMAGE), "{line}");
    }
    let size = preview.lines().find(|line| line.contains("to be freed")).unwrap();
    assert!(size.contains(&format!("{} 97.", done.name)), "{size}");
    assert!(preview.contains("left behind  ") && preview.contains("1 volume without a name"));
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    let ids = [&done, &failed, &never].map(|made| made.id.as_str());
    assert_eq!(removed(&answer), sorted(&ids));
    assert!(answer.data["freedBytes"].as_u64().unwrap() >= 100_000);
    assert!([&done, &failed, &never].iter().all(|made| !made.exists()));
    assert!(up.exists() && paused.exists());
    assert_eq!(docker(&["volume", "inspect", "--format", "{{.Name}}", &volume]).trim(), volume);
    docker(&["volume", "rm", &volume]);
    let count = |event| real.log.events().iter().filter(|one| **one == event).count();
    assert_eq!((count(Event::Step), count(Event::StepDone)), (3, 3));
    let again = real.call("prune_containers", own(&engine)).await;
    assert_eq!(again.reason, Some(Reason::NotFound), "{}", again.text);
    // What policy says of one can be asked all the same.
    let asked = json!({"operation": "prune_containers", "arguments": own(&engine)});
    let said = real.call("check_policy", asked).await;
    assert_eq!(said.data["verdict"], "confirm", "{}", said.text);
    assert_eq!((&said.data["rule"], &said.data["targets"]), (&json!("changes"), &json!([])));
    assert!(
        said.text.contains("There is nothing to prune") && said.text.contains("nothing is known")
    );
    let asked = json!({"operation": "prune_containers", "arguments": {"olderThan": "soon"}});
    let said = real.call("check_policy", asked).await;
    assert_eq!(said.reason, Some(Reason::InvalidArgument), "{}", said.text);
}

#[tokio::test]
async fn a_container_that_came_into_use_is_left_alone() {
    let engine = Engine::connect();
    let made = [(); 3].map(|()| engine.container("sleep 3600").create());
    let real = Real::new(engine.adapter());
    let (_, token) = real.preview("prune_containers", own(&engine)).await;
    docker(&["start", made[1].id.as_str()]);
    let later = engine.container("true").create();
    let answer = real.spend("prune_containers", &own(&engine), &token).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    assert_eq!(removed(&answer), sorted(&[made[0].id.as_str(), made[2].id.as_str()]));
    let left = format!("Left alone, since they changed after the preview: {}", made[1].name);
    assert!(answer.text.ends_with(&left), "{}", answer.text);
    assert_eq!(made[1].inspect("{{.State.Status}}"), "running");
    assert!(later.exists(), "what was not shown is not taken");
}

#[tokio::test]
async fn a_prune_of_containers_holds_to_its_plan() {
    let (engine, other) = (Engine::connect(), Engine::connect());
    let (made, _other) = (engine.container("true").start(), other.container("true").create());
    made.wait();
    let mut older = own(&engine);
    older["olderThan"] = json!("0s");
    let trial = Trial {
        operation: "prune_containers",
        arguments: own(&engine),
        elsewhere: own(&other),
        otherwise: Some(older),
        drift: &|| {
            docker(&["start", made.id.as_str()]);
            made.wait();
        },
    };
    let (_, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert_eq!(removed(&done), [made.id.as_str()]);
}

#[tokio::test]
async fn networks_that_any_container_names_stay() {
    let engine = Engine::connect();
    let name = |what: &str| format!("{}-{what}", engine.run());
    let [free, used, stopped, created] =
        ["free", "used", "stopped", "created"].map(|what| engine.network(&name(what)));
    let _up = engine.container("sleep 3600").option(&["--network", &used]).start();
    engine.container("true").option(&["--network", &stopped]).start().wait();
    let _new = engine.container("true").option(&["--network", &created]).create();
    let real = Real::new(engine.adapter());
    let (preview, answer) = real.confirm("prune_networks", own(&engine)).await;
    let lines = listed(&preview, "network ");
    assert_eq!(lines.len(), 1, "{preview}");
    let subnet = "{{(index .IPAM.Config 0).Subnet}}";
    assert!(lines[0].contains(&name("free")) && lines[0].contains("driver bridge, "));
    assert_eq!(removed(&answer), [free.as_str()], "{}", answer.text);
    assert_eq!(answer.data["freedBytes"], Value::Null);
    assert!(try_docker(&["network", "inspect", &free]).is_none());
    for kept in [&used, &stopped, &created] {
        assert!(!docker(&["network", "inspect", "--format", subnet, kept]).trim().is_empty());
    }
}

#[tokio::test]
async fn what_is_gone_before_a_prune_is_confirmed_is_left_alone() {
    let engine = Engine::connect();
    let name = |what: &str| format!("{}-{what}", engine.run());
    let volumes = ["a", "b"].map(|what| engine.volume(Some(&name(what))));
    let nets = ["a", "b"].map(|what| engine.network(&name(what)));
    let made = [(); 2].map(|()| engine.container("true").create());
    for (prune, gone, stays, command) in [
        ("prune_containers", made[0].id.as_str(), made[1].id.as_str(), "rm"),
        ("prune_networks", nets[0].as_str(), nets[1].as_str(), "network rm"),
        ("prune_volumes", volumes[0].as_str(), volumes[1].as_str(), "volume rm"),
    ] {
        let real = Real::new(engine.adapter());
        let (_, token) = real.preview(prune, own(&engine)).await;
        let words: Vec<&str> = command.split(' ').chain([gone]).collect();
        docker(&words);
        let answer = real.spend(prune, &own(&engine), &token).await;
        assert_eq!(answer.status, Status::Ok, "{prune}: {}", answer.text);
        assert_eq!(removed(&answer), [stays], "{prune}");
        assert!(answer.text.contains("\nGone already: "), "{}", answer.text);
    }
}

#[tokio::test]
async fn containers_of_a_swarm_stay() {
    let engine = Engine::connect();
    let task = ["--label", "com.docker.swarm.task.id=t1"];
    let (made, of_swarm) =
        (engine.container("true").create(), engine.container("true").option(&task).create());
    let (preview, answer) =
        Real::new(engine.adapter()).confirm("prune_containers", own(&engine)).await;
    assert!(preview.contains(" of a swarm, which looks after its own"), "{preview}");
    assert!(!preview.contains(&of_swarm.name), "{preview}");
    assert_eq!(removed(&answer), [made.id.as_str()]);
    assert!(of_swarm.exists());
}

#[tokio::test]
async fn a_network_that_came_into_use_is_left_alone() {
    let engine = Engine::connect();
    let nets = ["a", "b"].map(|what| engine.network(&format!("{}-{what}", engine.run())));
    let real = Real::new(engine.adapter());
    let (_, token) = real.preview("prune_networks", own(&engine)).await;
    let _new = engine.container("true").option(&["--network", &nets[0]]).create();
    let answer = real.spend("prune_networks", &own(&engine), &token).await;
    assert_eq!(removed(&answer), [nets[1].as_str()], "{}", answer.text);
    assert!(answer.text.contains("\nLeft alone, since they changed after the preview: "));
    assert!(try_docker(&["network", "inspect", &nets[0]]).is_some());
}

#[tokio::test]
async fn a_prune_of_networks_holds_to_its_plan() {
    let (engine, other) = (Engine::connect(), Engine::connect());
    let name = format!("{}-n", engine.run());
    engine.network(&name);
    other.network(&format!("{}-n", other.run()));
    let trial = Trial {
        operation: "prune_networks",
        arguments: own(&engine),
        elsewhere: own(&other),
        otherwise: None,
        drift: &|| {
            docker(&["network", "rm", &name]);
            engine.network(&name);
        },
    };
    let (preview, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert!(preview.contains(&name) && removed(&done).len() == 1, "{}", done.text);
}

#[tokio::test]
async fn a_named_volume_is_only_taken_by_a_label_and_a_used_one_never() {
    let engine = Engine::connect();
    let name = |what: &str| format!("{}-{what}", engine.run());
    let [free, used, stopped] =
        ["free", "used", "stopped"].map(|what| engine.volume(Some(&name(what))));
    let unnamed = engine.volume(None);
    let mount = |volume: &str| format!("{volume}:/data");
    let _up = engine.container("sleep 3600").option(&["-v", &mount(&used)]).start();
    engine.container("true").option(&["-v", &mount(&stopped)]).start().wait();
    engine
        .script("head -c 50000 /dev/zero > /data/big")
        .option(&["--rm", "-v", &mount(&free)])
        .start();
    while docker(&["ps", "-aq", "--filter", &format!("volume={free}")]).trim() != "" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let real = Real::new(engine.adapter());
    // Without a label, what has no name is shown, of whomever it is, and nothing that has one.
    let all = real.call("prune_volumes", json!({})).await;
    assert!(!all.text.contains(&free), "{}", all.text);
    if all.status == Status::ConfirmationRequired {
        assert!(all.text.contains(unnamed.get(..12).unwrap()), "{}", all.text);
    }
    let (preview, answer) = real.confirm("prune_volumes", own(&engine)).await;
    let lines = listed(&preview, "volume ");
    assert_eq!(lines.len(), 2, "{preview}");
    assert!(lines.iter().any(|l| l.contains(&free) && l.contains("NAMED")), "{preview}");
    assert!(
        lines
            .iter()
            .any(|l| l.contains(unnamed.get(..12).unwrap()) && l.contains("taken for unnamed"))
    );
    assert!(preview.contains("ALL THAT IS IN THEM"), "{preview}");
    assert!(preview.contains("last use     NOT KNOWN: "), "{preview}");
    let size = preview.lines().find(|line| line.contains("to be freed")).unwrap();
    assert!(size.contains(&format!("{free} 48.8 KiB")), "{size}");
    assert_eq!(removed(&answer), sorted(&[&free, &unnamed]), "{}", answer.text);
    for kept in [&used, &stopped] {
        assert!(try_docker(&["volume", "inspect", kept]).is_some(), "{kept}");
    }
    assert!(try_docker(&["volume", "inspect", &free]).is_none());
}

#[tokio::test]
async fn a_volume_that_came_into_use_is_left_alone() {
    let engine = Engine::connect();
    let volumes = ["a", "b"].map(|what| engine.volume(Some(&format!("{}-{what}", engine.run()))));
    let real = Real::new(engine.adapter());
    let (_, token) = real.preview("prune_volumes", own(&engine)).await;
    let mount = format!("{}:/data", volumes[0]);
    let _new = engine.container("true").option(&["-v", &mount]).create();
    let answer = real.spend("prune_volumes", &own(&engine), &token).await;
    assert_eq!(removed(&answer), [volumes[1].as_str()], "{}", answer.text);
    assert!(answer.text.ends_with(&format!("after the preview: {}", volumes[0])));
}

#[tokio::test]
async fn a_prune_of_volumes_holds_to_its_plan() {
    let (engine, other) = (Engine::connect(), Engine::connect());
    let name = format!("{}-v", engine.run());
    engine.volume(Some(&name));
    other.volume(Some(&format!("{}-v", other.run())));
    let trial = Trial {
        operation: "prune_volumes",
        arguments: own(&engine),
        elsewhere: own(&other),
        otherwise: None,
        drift: &|| {
            // The engine tells the time in seconds.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            docker(&["volume", "rm", &name]);
            engine.volume(Some(&name));
        },
    };
    let (_, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert_eq!(removed(&done), [name.as_str()]);
}

/// An image of this content that no name points to any more. Gives its id.
fn dangling(engine: &Engine, content: &str) -> String {
    let name = format!("countersign-test/{}:{content}", engine.run());
    let id = engine.image(&name, content);
    engine.image(&name, &format!("not {content}"));
    id
}

fn has_image(id: &str) -> bool {
    try_docker(&["image", "inspect", id]).is_some()
}

#[tokio::test]
async fn images_that_have_a_name_or_a_user_stay() {
    let engine = Engine::connect();
    let (free, used) = (dangling(&engine, "free"), dangling(&engine, "used"));
    let label = format!("{LABEL}={}", engine.run());
    docker(&["create", "--label", &label, &used, "/content"]);
    let real = Real::new(engine.adapter());
    let (preview, answer) = real.confirm("prune_images", own(&engine)).await;
    let lines = listed(&preview, "image ");
    assert_eq!(lines.len(), 1, "{preview}");
    assert!(
        lines[0].contains(free.get(7..19).unwrap()) && lines[0].contains("NO REGISTRY KNOWS IT")
    );
    assert!(lines[0].contains(", 4 B with what it shares, "), "{preview}");
    assert_eq!(removed(&answer), [free.as_str()], "{}", answer.text);
    assert!(!has_image(&free) && has_image(&used));
    let name = format!("countersign-test/{}:free", engine.run());
    assert!(has_image(&name), "what has the name now is another image");
}

#[tokio::test]
async fn what_a_dangling_image_was_made_from_is_not_taken_with_it() {
    let engine = Engine::connect();
    let name = format!("countersign-test/{}:1", engine.run());
    let parent = engine.image(&name, "parent");
    let made = docker(&["create", &name, "/content"]);
    let child = docker(&["commit", made.trim(), &name]).trim().to_owned();
    docker(&["rm", made.trim()]);
    engine.image(&name, "other");
    let real = Real::new(engine.adapter());
    for (expected, stays) in [(&child, Some(&parent)), (&parent, None)] {
        let (preview, answer) = real.confirm("prune_images", own(&engine)).await;
        assert_eq!(listed(&preview, "image ").len(), 1, "{preview}");
        assert_eq!(removed(&answer), [expected.as_str()], "{}", answer.text);
        assert!(!has_image(expected) && stays.is_none_or(|id| has_image(id)));
    }
}

#[tokio::test]
async fn an_image_that_came_into_use_is_left_alone() {
    let engine = Engine::connect();
    let images = ["a", "b", "c"].map(|content| dangling(&engine, content));
    let real = Real::new(engine.adapter());
    let (_, token) = real.preview("prune_images", own(&engine)).await;
    let label = format!("{LABEL}={}", engine.run());
    docker(&["create", "--label", &label, &images[0], "/content"]);
    docker(&["tag", &images[1], &format!("countersign-test/{}:kept", engine.run())]);
    let answer = real.spend("prune_images", &own(&engine), &token).await;
    assert_eq!(removed(&answer), [images[2].as_str()], "{}", answer.text);
    assert!(has_image(&images[0]) && has_image(&images[1]));
}

#[tokio::test]
async fn a_prune_of_images_holds_to_its_plan() {
    let (engine, other) = (Engine::connect(), Engine::connect());
    let first = dangling(&engine, "first");
    dangling(&other, "first");
    let trial = Trial {
        operation: "prune_images",
        arguments: own(&engine),
        elsewhere: own(&other),
        otherwise: None,
        drift: &|| {
            docker(&["rmi", &first]);
            dangling(&engine, "second");
        },
    };
    let (_, done) = Real::new(engine.adapter()).holds_to_its_plan(trial).await;
    assert_eq!(removed(&done).len(), 1);
}

#[tokio::test]
async fn odd_arguments_select_nothing() {
    let real = Real::new(Engine::connect().adapter());
    for prune in ["prune_containers", "prune_images", "prune_networks", "prune_volumes"] {
        for odd in ["../info?", "%2e%2e/info", "a&all=1", "../images/prune?filters=...&", "a\\b"] {
            let answer = real.call(prune, json!({"label": odd})).await;
            assert_eq!(answer.reason, Some(Reason::NotFound), "{prune} {odd}: {}", answer.text);
            let answer = real.call(prune, json!({"olderThan": odd})).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
        }
        for bad in [json!({"label": ""}), json!({"force": true}), json!({"all": true})] {
            let answer = real.call(prune, bad).await;
            assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
        }
    }
}
