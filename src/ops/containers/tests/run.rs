//! New containers, over an engine of memory.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::core::reason::{Fault, Reason};
use crate::core::record::Event;
use crate::gate::{Answer, Gate, Status};
use crate::ops::fake::{self, Fake, World, container};
use crate::ports::engine::Start;

struct Bench {
    engine: Arc<Fake>,
    world: Arc<World>,
    gate: Gate,
}

fn bench(engine: Fake) -> Bench {
    let (engine, world) = (Arc::new(engine), Arc::new(World::confirming()));
    let gate = fake::gate(&engine, &world);
    Bench { engine, world, gate }
}

/// An engine with an image, a volume, networks and a container.
fn stocked() -> Fake {
    let image = fake::image('1', "app:1");
    Fake {
        whole_images: Mutex::new(vec![image]),
        volumes: Mutex::new(vec![fake::volume("data")]),
        networks: Mutex::new(vec![fake::network("e1", "host"), fake::network("e2", "lan")]),
        ..Fake::of(vec![container("ab", "db")])
    }
}

fn web() -> Value {
    json!({"image": "app:1", "name": "web", "volumes": ["data:/d", "new:/n"], "network": "lan"})
}

impl Bench {
    async fn call(&self, arguments: Value) -> Answer {
        fake::call(&self.gate, "run_container", arguments).await
    }

    async fn spend(&self, mut arguments: Value, token: Option<String>) -> Answer {
        arguments["confirmToken"] = json!(token.unwrap());
        self.call(arguments).await
    }

    fn ran(&self) -> Vec<String> {
        self.engine.called().into_iter().filter(|call| call.starts_with("run ")).collect()
    }

    /// The kinds and names of the last request's targets.
    fn targets(&self) -> String {
        let records = self.world.records.lock().unwrap();
        let last = serde_json::to_value(&records.last().unwrap().target).unwrap();
        let one =
            |t: &Value| format!("{} {}", t["kind"].as_str().unwrap(), t["name"].as_str().unwrap());
        match &last {
            Value::Array(all) => all.iter().map(one).collect::<Vec<_>>().join(", "),
            single => one(single),
        }
    }
}

#[tokio::test]
async fn policy_is_asked_of_all_that_it_would_use_and_join() {
    for (network, expected) in [
        (Some("lan"), "image app:1, network lan, volume data"),
        (Some("host"), "image app:1, network host, volume data"),
        (Some(fake::id("e1").as_str()), "image app:1, network host, volume data"),
        // This engine has no network of that name: it is a mode alone.
        (Some("none"), "image app:1, network none, volume data"),
        (Some("container:db"), "image app:1, container db, volume data"),
        (None, "image app:1, network bridge, volume data"),
    ] {
        let bench = bench(stocked());
        let mut arguments = web();
        match network {
            Some(network) => arguments["network"] = json!(network),
            None => drop(arguments.as_object_mut().unwrap().remove("network")),
        }
        let answer = bench.call(arguments).await;
        assert_eq!(answer.status, Status::ConfirmationRequired, "{}", answer.text);
        assert_eq!(bench.targets(), expected);
    }
}

#[tokio::test]
async fn it_is_made_by_the_images_name_and_on_the_networks_id() {
    for (given, called) in
        [("app:1", "app:1"), (&*"1".repeat(64), &*format!("sha256:{}", "1".repeat(64)))]
    {
        let bench = bench(stocked());
        let mut arguments = web();
        arguments["image"] = json!(given);
        let token = bench.call(arguments.clone()).await.confirm_token;
        let done = bench.spend(arguments, token).await;
        assert_eq!(done.status, Status::Ok, "{}", done.text);
        assert_eq!(bench.ran(), [format!("run {called} {}", fake::id("e2"))]);
        assert!(done.text.starts_with("Made web (id feed00000000) from app:1."), "{}", done.text);
    }
}

#[tokio::test]
async fn a_name_that_is_taken_gets_no_token_and_makes_nothing() {
    let bench = bench(stocked());
    let token = bench.call(web()).await.confirm_token;
    bench.engine.containers.lock().unwrap().push(container("cd", "web"));
    for answer in [bench.spend(web(), token).await, bench.call(web()).await] {
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{}", answer.text);
        assert_eq!(answer.confirm_token, None);
        assert!(
            answer.text.contains("of the name web already (id cd0000000000"),
            "{}",
            answer.text
        );
    }
    assert_eq!(bench.ran(), Vec::<String>::new());
}

#[tokio::test]
async fn whatever_it_would_be_made_of_is_bound() {
    type Meanwhile = fn(&Fake);
    let drifts: [Meanwhile; 4] = [
        |engine| engine.volumes.lock().unwrap().push(fake::volume("new")),
        |engine| {
            let mut volumes = engine.volumes.lock().unwrap();
            volumes[0].options.insert("device".into(), "/".into());
        },
        |engine| engine.networks.lock().unwrap()[1] = fake::network("e3", "lan"),
        |engine| *engine.whole_images.lock().unwrap() = vec![fake::image('2', "app:1")],
    ];
    for (at, drift) in drifts.into_iter().enumerate() {
        let bench = bench(stocked());
        let token = bench.call(web()).await.confirm_token;
        drift(&bench.engine);
        let changed = bench.spend(web(), token).await;
        assert_eq!(changed.reason, Some(Reason::PlanChanged), "{at}: {}", changed.text);
        assert_eq!(bench.ran(), Vec::<String>::new(), "{at}");
        let done = bench.spend(web(), changed.confirm_token).await;
        assert_eq!(done.status, Status::Ok, "{at}: {}", done.text);
    }
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_is_refused_and_nothing_is_made() {
    let bench = bench(stocked());
    let token = bench.call(web()).await.confirm_token;
    bench.engine.containers.lock().unwrap().push(container("cd", "web"));
    let refused = bench.spend(web(), token).await;
    assert!(refused.reason.is_some() && refused.confirm_token.is_none(), "{}", refused.text);
    assert!(refused.text.contains("a container of the name web already"), "{}", refused.text);
    assert_eq!(bench.ran(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_made_and_not_started_is_told_as_that() {
    let fault = |reason| Fault::new(reason, "the reason");
    for (start, event, reason, started, words) in [
        (
            Start::Failed(fault(Reason::EngineError)),
            Event::Failed,
            Reason::EngineError,
            json!(false),
            "was MADE from app:1 and stays; only its start went wrong: the reason",
        ),
        (
            Start::Failed(fault(Reason::OutcomeUnknown)),
            Event::Unknown,
            Reason::OutcomeUnknown,
            Value::Null,
            "was MADE from app:1 and stays; whether it was started is not known: the reason",
        ),
        (
            Start::Withheld(fault(Reason::EngineError)),
            Event::Failed,
            Reason::EngineError,
            Value::Null,
            "was MADE and NOT STARTED by this",
        ),
        (
            Start::Withheld(fault(Reason::OutcomeUnknown)),
            Event::Unknown,
            Reason::OutcomeUnknown,
            Value::Null,
            "Somebody else has started it: remove_container takes it away.",
        ),
    ] {
        let bench = bench(stocked());
        let token = bench.call(web()).await.confirm_token;
        *bench.engine.start.lock().unwrap() = Some(Ok(start));
        let failed = bench.spend(web(), token).await;
        assert_eq!(failed.reason, Some(reason), "{}", failed.text);
        assert!(failed.text.contains(words), "{words}: {}", failed.text);
        assert_eq!(
            (&failed.data["id"], &failed.data["started"]),
            (&json!(fake::id("feed")), &started)
        );
        assert_eq!(bench.world.records.lock().unwrap().last().unwrap().event, event);
    }
}

#[tokio::test]
async fn what_was_taken_back_is_a_failure_without_a_container() {
    let bench = bench(stocked());
    let token = bench.call(web()).await.confirm_token;
    let taken = Fault::new(Reason::EngineError, "It was removed again.");
    *bench.engine.start.lock().unwrap() = Some(Err(taken));
    let failed = bench.spend(web(), token).await;
    assert_eq!((failed.status, failed.reason), (Status::Failed, Some(Reason::EngineError)));
    assert!(failed.text.contains("It was removed again."), "{}", failed.text);
    assert_eq!(bench.world.records.lock().unwrap().last().unwrap().event, Event::Failed);
}

#[tokio::test]
async fn nothing_joins_or_enters_the_container_that_we_run_in() {
    let bench = bench(Fake { own: Some(fake::id("ab")), ..stocked() });
    let mut arguments = web();
    arguments["network"] = json!("container:db");
    let exec = json!({"container": "db", "command": ["true"]});
    let joined = bench.call(arguments).await;
    let entered = fake::call(&bench.gate, "exec_in_container", exec).await;
    for refused in [joined, entered] {
        assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{}", refused.text);
        assert!(refused.text.contains("Countersign itself runs in the container db"));
        assert_eq!(refused.confirm_token, None);
    }
    assert_eq!(bench.call(web()).await.status, Status::ConfirmationRequired);
}
