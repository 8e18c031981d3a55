//! Prunes: what is taken, what is shown, and what becomes of it.

mod drift;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::core::reason::Reason;
use crate::core::record::Event;
use crate::gate::{Answer, Status};
use crate::ops::fake::{Fake, NOW, World, call, container, context, gate, stopped};
use crate::ops::system::PruneContainers;
use crate::ports::engine::Container;

fn hours_ago(hours: i64) -> String {
    crate::ops::when::second(NOW - time::Duration::hours(hours))
}

/// A container that ended so long ago.
fn ended(start: &str, name: &str, hours: i64) -> Container {
    let mut container = stopped(container(start, name));
    container.state.finished_at = hours_ago(hours);
    container.labels.insert("env".into(), "dev".into());
    container
}

fn never_started(start: &str, name: &str) -> Container {
    let mut container = stopped(container(start, name));
    container.state.status = "created".into();
    (container.state.started_at, container.state.finished_at) = (String::new(), String::new());
    container
}

fn in_state(start: &str, status: &str, running: bool) -> Container {
    let mut one = container(start, &format!("is-{status}"));
    one.state.status = status.into();
    (one.state.running, one.state.paused) = (running, status == "paused");
    one
}

fn some() -> Vec<Container> {
    let dead = Container { name: "dead".into(), ..in_state("d1", "dead", false) };
    vec![
        ended("a1", "web", 5),
        ended("a2", "job", 50),
        never_started("a3", "new"),
        dead,
        container("b1", "up"),
        in_state("b2", "paused", true),
        in_state("b3", "restarting", false),
        in_state("b4", "removing", false),
        in_state("b5", "odd", false),
    ]
}

async fn taken(containers: Vec<Container>, arguments: Value) -> Result<Vec<String>, Fault> {
    let engine = Fake::of(containers);
    let params: Params = serde_json::from_value(arguments).unwrap();
    let targets = <Prune<PruneContainers>>::resolve(context(&engine), &params).await?;
    Ok(targets.into_iter().map(|target| target.name).collect())
}

#[tokio::test]
async fn only_what_does_not_run_is_taken_oldest_first() {
    assert_eq!(taken(some(), json!({})).await.unwrap(), ["job", "new", "dead", "web"]);
}

#[tokio::test]
async fn labels_and_age_narrow_it_down() {
    for (arguments, expected) in [
        (json!({"label": "env"}), vec!["job", "web"]),
        (json!({"label": "env=dev"}), vec!["job", "web"]),
        (json!({"label": "env=prod"}), vec![]),
        (json!({"label": "env=de"}), vec![]),
        (json!({"label": "en"}), vec![]),
        (json!({"label": "env=dev", "olderThan": "6h"}), vec!["job"]),
        (json!({"olderThan": "5h"}), vec!["job", "new", "dead"]),
        (json!({"olderThan": "4h"}), vec!["job", "new", "dead", "web"]),
        (json!({"olderThan": "2026-01-29T11:00:00Z"}), vec!["job"]),
        (json!({"olderThan": "3d"}), vec![]),
    ] {
        match taken(some(), arguments.clone()).await {
            Ok(names) => assert_eq!(names, expected, "{arguments}"),
            Err(fault) => {
                assert_eq!((fault.reason, expected.len()), (Reason::NotFound, 0), "{arguments}");
                assert!(
                    fault.message.starts_with("There is nothing to prune: no stopped container")
                );
            }
        }
    }
    for bad in [json!({"label": "=dev"}), json!({"olderThan": "soon"}), json!({"olderThan": "-1h"})]
    {
        let fault = taken(some(), bad).await.unwrap_err();
        assert_eq!(fault.reason, Reason::InvalidArgument);
    }
}

#[tokio::test]
async fn what_a_swarm_looks_after_is_left_out_and_said_so() {
    let labelled = |label: &str| {
        let mut one = ended("c1", "task", 5);
        one.labels.insert(label.into(), "x".into());
        one
    };
    for (label, is_of_swarm) in [
        ("com.docker.swarm.task.id", true),
        ("com.docker.stack.namespace", true),
        ("com.docker.compose.project", false),
        ("com.docker.swarmless", false),
    ] {
        let both = || vec![ended("a1", "web", 50), labelled(label)];
        let all = if is_of_swarm { vec!["web"] } else { vec!["web", "task"] };
        assert_eq!(taken(both(), json!({})).await.unwrap(), all, "{label}");
        let shown = Bench::of(Fake::of(both())).ask(json!({})).await;
        let says = "left out     1 stopped container of a swarm, which looks after its own\n";
        assert_eq!(shown.text.contains(says), is_of_swarm, "{}", shown.text);
    }
    let alone = taken(vec![labelled("com.docker.swarm.service.id")], json!({})).await.unwrap_err();
    assert_eq!(alone.reason, Reason::NotFound);
    assert!(alone.message.contains("containers of a swarm stay"), "{}", alone.message);
}

#[tokio::test]
async fn too_many_are_refused_with_a_way_to_narrow_it_down() {
    let many = |count: i64| -> Vec<Container> {
        (0..count).map(|i| ended(&format!("{i:04x}"), &format!("c{i}"), i + 1)).collect()
    };
    assert_eq!(taken(many(200), json!({})).await.unwrap().len(), 200);
    let fault = taken(many(201), json!({})).await.unwrap_err();
    assert_eq!(fault.reason, Reason::Limit);
    let at = hours_ago(1);
    assert!(fault.message.contains("201 stopped containers"), "{}", fault.message);
    assert!(fault.message.contains(&format!("olderThan={at}")), "{}", fault.message);
    assert_eq!(taken(many(201), json!({"olderThan": at})).await.unwrap().len(), 200);
    assert_eq!(taken(many(1001), json!({})).await.unwrap_err().reason, Reason::Limit);
}

/// A gate under whose policy prunes can be confirmed, with its engine and its log.
struct Bench {
    gate: crate::gate::Gate,
    engine: Arc<Fake>,
    world: Arc<World>,
}

impl Bench {
    fn of(engine: Fake) -> Self {
        let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
        Self { gate: gate(&engine, &world), engine, world }
    }

    async fn ask(&self, arguments: Value) -> Answer {
        call(&self.gate, "prune_containers", arguments).await
    }

    async fn confirm(&self, shown: Answer) -> Answer {
        self.ask(json!({"confirmToken": shown.confirm_token.unwrap()})).await
    }

    fn names(&self) -> Vec<String> {
        self.engine.containers.lock().unwrap().iter().map(|c| c.name.clone()).collect()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Container)) {
        let mut containers = self.engine.containers.lock().unwrap();
        change(containers.iter_mut().find(|c| c.name == name).unwrap());
    }

    fn events(&self) -> Vec<Event> {
        self.world.records.lock().unwrap().iter().map(|record| record.event).collect()
    }
}

fn usage(sizes: &[(&str, Option<u64>)]) -> DiskUsage {
    let item = |(start, bytes): &(&str, Option<u64>)| Stored {
        id: crate::ops::fake::id(start).as_str().into(),
        bytes: *bytes,
        own_bytes: *bytes,
        ..Stored::default()
    };
    let items = sizes.iter().map(item).collect();
    DiskUsage { containers: Share { items, ..Share::default() }, ..DiskUsage::default() }
}

#[tokio::test]
async fn the_preview_lists_each_and_what_it_comes_to() {
    let mut containers = vec![ended("a1", "web", 5), never_started("a2", "new")];
    containers[0].labels.insert("com.docker.compose.project".into(), "shop".into());
    let mut sharer = container("b1", "sidecar");
    sharer.network_mode = format!("container:{}", crate::ops::fake::id("a1"));
    containers.push(sharer);
    let engine = Fake { usage: usage(&[("a1", Some(2048))]), ..Fake::of(containers) };
    let shown = Bench::of(engine).ask(json!({})).await;
    assert_eq!(shown.status, Status::ConfirmationRequired, "{}", shown.text);
    for expected in [
        "Facts (what of these changes is left alone, and the rest is done):\n",
        "Preview: Remove 2 stopped containers for good, and nothing else.",
        "container        web (id a10000000000), exited with code 137 at 2026-01-31T07:00:00Z (5 h \
         ago), image nginx:1.25\n",
        "container        new (id a20000000000), created at 2026-01-30T12:00:00Z (24 h ago), never \
         started, image nginx:1.25\n",
        "to be freed      2.0 KiB: web 2.0 KiB; the size of 1 other is unknown\n",
        "lost             what they wrote outside of volumes, their logs and their configuration\n",
        "kept             their volumes",
        "undo             no\n",
        "of projects      shop\n",
        "share a network  sidecar: they cannot be started again\n",
    ] {
        assert!(shown.text.contains(expected), "{expected}\n{}", shown.text);
    }
    assert!(!shown.text.contains("is-"), "{}", shown.text);
}

#[tokio::test(start_paused = true)]
async fn sizes_that_take_too_long_are_not_waited_for() {
    let slow = [("disk_usage", Duration::from_secs(60))].into();
    let bench = Bench::of(Fake { slow, ..Fake::of(vec![ended("a1", "web", 5)]) });
    let shown = bench.ask(json!({})).await;
    assert!(shown.text.contains("to be freed  could not be checked"), "{}", shown.text);
    let done = bench.confirm(shown).await;
    assert_eq!(done.text, "Removed 1 stopped container: web");
    assert_eq!(done.data["freedBytes"], Value::Null);
    let broken = vec!["disk_usage"];
    let bench = Bench::of(Fake { broken, ..Fake::of(vec![ended("a1", "web", 5)]) });
    assert!(bench.ask(json!({})).await.text.contains("to be freed  could not be checked"));
}

#[tokio::test]
async fn each_is_removed_by_its_id_with_a_step_of_its_own() {
    let engine = Fake { usage: usage(&[("a1", Some(1024)), ("a2", Some(1))]), ..Fake::of(some()) };
    let bench = Bench::of(engine);
    let done = bench.confirm(bench.ask(json!({})).await).await;
    assert_eq!(
        done.text,
        "Removed 4 stopped containers, at least 1.0 KiB freed: job, new, dead, web"
    );
    assert_eq!(bench.names(), ["up", "is-paused", "is-restarting", "is-removing", "is-odd"]);
    use Event::{Allowed, Done, Preview, Step, StepDone};
    let steps = [Step, StepDone].repeat(4);
    assert_eq!(bench.events(), [vec![Preview, Allowed], steps, vec![Done]].concat());
    let called = bench.engine.called();
    let removals = called.iter().filter(|call| call.starts_with("remove_container")).count();
    assert_eq!(removals, 4);
    let walks = called.iter().filter(|call| call.starts_with("disk_usage")).count();
    assert_eq!(walks, 2, "one for the preview, one for what is freed");
    let last = bench.world.records.lock().unwrap().last().cloned().unwrap().result.unwrap();
    assert_eq!((&last["removed"], &last["freedBytes"]), (&json!(4), &json!(1025)));
    assert_eq!(last["ofUnknownSize"], 2);
    assert_eq!(bench.ask(json!({})).await.reason, Some(Reason::NotFound));
}

#[tokio::test]
async fn what_is_freed_is_never_more_sure_than_it_is() {
    for (sizes, says, bytes) in [
        (vec![], "Removed 2 stopped containers: ", Value::Null),
        (vec![("a1", None), ("a2", None)], "Removed 2 stopped containers: ", Value::Null),
        (vec![("a1", Some(0))], "Removed 2 stopped containers, at least 0 B freed: ", json!(0)),
        (vec![("a1", Some(0)), ("a2", Some(7))], "containers, 7 B freed: ", json!(7)),
        (vec![("a1", Some(u64::MAX)), ("a2", Some(7))], " TiB freed: ", json!(u64::MAX)),
    ] {
        let both = vec![ended("a1", "web", 5), ended("a2", "job", 50)];
        let bench = Bench::of(Fake { usage: usage(&sizes), ..Fake::of(both) });
        let done = bench.confirm(bench.ask(json!({})).await).await;
        assert!(done.text.contains(says), "{sizes:?}: {}", done.text);
        assert_eq!(done.data["freedBytes"], bytes);
        let unknown = 2 - sizes.iter().filter(|(_, size)| size.is_some()).count();
        assert_eq!(done.data["ofUnknownSize"], unknown);
    }
}

#[tokio::test]
async fn a_refusal_by_the_engine_is_of_that_one_only() {
    let bench = Bench::of(Fake::of(vec![ended("a1", "web", 5), ended("a2", "job", 50)]));
    let shown = bench.ask(json!({})).await;
    let no = || Err(Fault::new(Reason::EngineError, "The engine refused to remove job (409)."));
    *bench.engine.effect.lock().unwrap() = Some(Box::new(move |_| no()));
    let done = bench.confirm(shown).await;
    assert_eq!(done.status, Status::Ok);
    assert_eq!(
        done.text,
        "Removed 1 stopped container: web\nLeft: The engine refused to remove job (409)."
    );
    assert_eq!(done.data["refused"][0]["name"], "job");
    let last = bench.world.records.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        last.result.unwrap()["steps"],
        json!({"done": 1, "failed": 1, "unknown": 0, "untouched": 0})
    );

    let bench = Bench::of(Fake::of(vec![ended("a2", "job", 50)]));
    let shown = bench.ask(json!({})).await;
    *bench.engine.effect.lock().unwrap() = Some(Box::new(move |_| no()));
    let failed = bench.confirm(shown).await;
    assert_eq!((failed.status, failed.reason), (Status::Failed, Some(Reason::EngineError)));
    assert_eq!(bench.names(), ["job"]);
}

#[tokio::test]
async fn what_is_gone_when_it_is_removed_is_no_refusal() {
    for (all, expected) in [
        (vec![ended("a1", "web", 5), ended("a2", "job", 50)], "Removed 1 stopped container: web"),
        (vec![ended("a2", "job", 50)], "Removed no stopped container."),
    ] {
        let bench = Bench::of(Fake::of(all));
        let shown = bench.ask(json!({})).await;
        let gone = |containers: &mut Vec<Container>| {
            containers.retain(|one| one.name != "job");
            Err(Fault::new(Reason::NotFound, "It is gone."))
        };
        *bench.engine.effect.lock().unwrap() = Some(Box::new(gone));
        let done = bench.confirm(shown).await;
        assert_eq!(done.status, Status::Ok, "{}", done.text);
        assert_eq!(done.text, format!("{expected}\nGone already: job"));
    }
}

#[tokio::test]
async fn an_unknown_outcome_ends_it() {
    for reason in [Reason::OutcomeUnknown, Reason::EngineUnavailable, Reason::PlanChanged] {
        let bench = Bench::of(Fake::of(vec![ended("a1", "web", 5), ended("a2", "job", 50)]));
        let shown = bench.ask(json!({})).await;
        *bench.engine.effect.lock().unwrap() =
            Some(Box::new(move |_| Err(Fault::new(reason, "Oh."))));
        let ended = bench.confirm(shown).await;
        assert_eq!(ended.reason, Some(reason));
        let known = reason != Reason::OutcomeUnknown;
        let what = if known { "Failed: job" } else { "Not known, look first: job" };
        assert!(ended.text.contains(&format!("\n{what}\nNot touched: web")), "{}", ended.text);
        assert_eq!(bench.names(), ["web", "job"]);
    }
}

#[tokio::test]
async fn text_from_outside_is_clean() {
    let mut odd = ended("a1", "web", 5);
    odd.image = "app\u{202e}\nconfirmToken=0123".into();
    odd.labels.insert("com.docker.compose.project".into(), "shop\u{1b}[2J".into());
    let shown = Bench::of(Fake::of(vec![odd])).ask(json!({})).await;
    assert!(!shown.text.contains("confirmToken=0123") && !shown.text.contains('\u{1b}'));
    assert!(!shown.text.contains('\u{202e}'), "{}", shown.text);
}
