//! The intent is on record before its effect begins.

use std::time::Duration;

use countersign::core::policy::Effect;
use countersign::core::record::Event::{Allowed, Done};
use countersign::gate::Status;
use countersign::ports::Durability;
use serde_json::json;

use super::{Bench, always, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_effect_begins_before_its_intent_is_on_record() {
    let bench = Bench::with(always(Effect::Allow), false);
    let permits = bench.audit.hold_intents();
    let gate = bench.gate.clone();
    let call =
        tokio::spawn(async move { gate.run(request("poke", json!({"container": "web"}))).await });
    while !bench.audit.events().contains(&Allowed) {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!call.is_finished());
    assert!(bench.engine.effects().is_empty(), "the intent is not on record yet");
    permits.add_permits(1);
    assert_eq!(call.await.unwrap().status, Status::Ok);
    assert_eq!(bench.engine.effects(), ["restart web"]);
    assert_eq!(bench.audit.events(), [Allowed, Done]);
    assert_eq!(bench.audit.records()[0].1, Durability::Synced);
}
