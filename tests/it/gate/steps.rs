//! Plans over many targets.

use countersign::core::reason::{Fault, Reason};
use countersign::core::record::Event::{
    Allowed, Denied, Done, Failed, Preview, Step, StepDone, Unknown,
};
use countersign::gate::{Answer, Status};
use countersign::ports::Durability;
use serde_json::json;

use super::{Bench, with_token};
use crate::support::fakes::{FakeEngine, container, id};

#[tokio::test]
async fn each_step_is_recorded_before_and_after() {
    let bench = Bench::new();
    let token = bench.token("poke_whole", json!({})).await;
    let answer = bench.call("poke_whole", with_token(json!({}), &token)).await;
    assert_eq!((answer.status, answer.text.as_str()), (Status::Ok, "poked web, db, cache"));
    assert_eq!(
        bench.audit.events(),
        [Preview, Allowed, Step, StepDone, Step, StepDone, Step, StepDone, Done]
    );
    let records = bench.audit.records();
    let steps = records.iter().filter(|(record, _)| record.event == Step);
    for (record, durability) in steps {
        assert_eq!(*durability, Durability::Synced);
        assert_eq!(record.req, records[1].0.req);
        assert!(
            record.target.as_ref().unwrap().first_name().is_some(),
            "a step names its one target"
        );
    }
}

#[tokio::test]
async fn a_failed_step_ends_the_plan_and_says_where() {
    let bench = Bench::new();
    let token = bench.token("poke_whole", json!({})).await;
    *bench.engine.fails.lock().unwrap() = Some(Fault::new(Reason::EngineError, "No."));
    let answer = bench.call("poke_whole", with_token(json!({}), &token)).await;
    assert_eq!(answer.status, Status::Failed);
    assert_eq!(bench.audit.events(), [Preview, Allowed, Step, StepDone, Failed]);
    let what = answer.text.lines().find(|line| line.starts_with("Failed")).unwrap();
    assert_eq!(what, "Failed: web");
    assert!(answer.text.contains("\nNot touched: db, cache"), "{}", answer.text);
    let result = bench.audit.last().result.unwrap();
    assert_eq!(result["steps"], json!({"done": 0, "failed": 1, "unknown": 0, "untouched": 2}));
    for told in ["steps", "left_alone", "gone_already"] {
        assert_eq!(answer.data[told], result[told], "a program is told what the log keeps");
    }
    let next = "\nSee what is left, see to what the engine names, then call again without \
                confirmToken for a new preview.";
    assert!(answer.text.ends_with(next), "{}", answer.text);
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn a_step_whose_outcome_is_unknown_has_not_failed() {
    let bench = Bench::new();
    let token = bench.token("poke_whole", json!({})).await;
    *bench.engine.fails.lock().unwrap() = Some(Fault::new(Reason::OutcomeUnknown, "No answer."));
    let answer = bench.call("poke_whole", with_token(json!({}), &token)).await;
    assert_eq!(answer.status, Status::Unknown);
    assert_eq!(bench.audit.events(), [Preview, Allowed, Step, StepDone, Unknown]);
    let what = "\nNot known, look first: web\nNot touched: db, cache";
    assert!(answer.text.contains(what) && !answer.text.contains("\nFailed"), "{}", answer.text);
    let result = bench.audit.last().result.unwrap();
    assert_eq!(result["steps"], json!({"done": 0, "failed": 0, "unknown": 1, "untouched": 2}));
}

/// What becomes of both plans if this happens while the first target is acted on.
async fn meanwhile(operation: &str, happens: fn(&FakeEngine)) -> (Bench, Answer) {
    let bench = Bench::new();
    let token = bench.token(operation, json!({})).await;
    *bench.engine.at_next_effect.lock().unwrap() = Some(Box::new(happens));
    let answer = bench.call(operation, with_token(json!({}), &token)).await;
    (bench, answer)
}

#[tokio::test]
async fn a_look_that_fails_is_no_drift_and_ends_the_plan_with_its_own_reason() {
    for operation in ["poke_whole", "poke_each"] {
        let (bench, answer) = meanwhile(operation, |engine| {
            let fault = Fault::new(Reason::EngineUnavailable, "The engine went away.");
            *engine.unseen.lock().unwrap() = Some(fault);
        })
        .await;
        let ended = (answer.status, answer.reason);
        assert_eq!(ended, (Status::Failed, Some(Reason::EngineUnavailable)), "{operation}");
        assert!(answer.text.contains("The engine went away."), "{}", answer.text);
        let what = "\nDone before that: web\nNot touched: db, cache";
        assert!(answer.text.contains(what) && !answer.text.contains("Left alone"), "{operation}");
        assert_eq!(bench.audit.events(), [Preview, Allowed, Step, StepDone, Failed]);
        let result = bench.audit.last().result.unwrap();
        assert_eq!(result["steps"], json!({"done": 1, "failed": 0, "unknown": 0, "untouched": 2}));
        assert_eq!(bench.engine.effects(), ["restart web"]);
    }
}

#[tokio::test]
async fn a_target_that_is_gone_is_drift() {
    let gone = |engine: &FakeEngine| {
        engine.containers.lock().unwrap().remove(&id(2));
    };
    let (bench, answer) = meanwhile("poke_whole", gone).await;
    assert_eq!((answer.status, answer.reason), (Status::Failed, Some(Reason::PlanChanged)));
    let what = "\nDone before that: web\nNot touched: cache\nGone already: db";
    assert!(answer.text.ends_with(what), "{}", answer.text);
    assert_eq!(bench.audit.last().result.unwrap()["gone_already"], json!(["db"]));
    assert_eq!(bench.engine.effects(), ["restart web"]);
    let (bench, answer) = meanwhile("poke_each", gone).await;
    assert_eq!(answer.status, Status::Ok);
    assert!(answer.text.ends_with("\nGone already: db"), "{}", answer.text);
    assert_eq!(bench.audit.last().result.unwrap()["gone_already"], json!(["db"]));
    assert_eq!(bench.engine.effects(), ["restart web", "restart cache"]);
}

#[tokio::test]
async fn a_step_that_panics_leaves_what_was_done_and_what_is_not_known() {
    let (bench, answer) = meanwhile("poke_each", |engine| {
        *engine.at_next_effect.lock().unwrap() = Some(Box::new(|_| panic!("boom in a step")));
    })
    .await;
    let ended = (answer.status, answer.reason);
    assert_eq!(ended, (Status::Unknown, Some(Reason::OutcomeUnknown)), "{}", answer.text);
    let what = "\nDone before that: web\nNot known, look first: db\nNot touched: cache";
    assert!(answer.text.contains(what), "{}", answer.text);
    assert_eq!(bench.audit.events(), [Preview, Allowed, Step, StepDone, Step, Unknown]);
    let result = bench.audit.last().result.unwrap();
    assert_eq!(result["steps"], json!({"done": 1, "failed": 0, "unknown": 1, "untouched": 1}));
    assert_eq!(result["observed"], true, "what can be seen is seen after a panic as well");
    // The locks are free, and a new request runs.
    let token = bench.token("poke_each", json!({})).await;
    let again = bench.call("poke_each", with_token(json!({}), &token)).await;
    assert_eq!((again.status, again.text.as_str()), (Status::Ok, "poked web, db, cache"));
}

#[tokio::test]
async fn no_step_without_its_record() {
    let bench = Bench::new();
    let token = bench.token("poke_whole", json!({})).await;
    bench.audit.fail(&[Step]);
    let answer = bench.call("poke_whole", with_token(json!({}), &token)).await;
    assert_eq!(answer.reason, Some(Reason::AuditUnavailable));
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn drift_before_it_runs_refuses_a_plan_that_is_one() {
    let bench = Bench::new();
    let token = bench.token("poke_whole", json!({})).await;
    bench.engine.change(2, |c| c.state.started_at = "later".into());
    let answer = bench.call("poke_whole", with_token(json!({}), &token)).await;
    assert_eq!(answer.reason, Some(Reason::PlanChanged));
    assert_eq!(bench.audit.events(), [Preview, Denied, Preview]);
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn what_is_left_out_is_looked_at_when_the_rest_is_done() {
    for back in [false, true] {
        let bench = Bench::new();
        let token = bench.token("poke_each", json!({})).await;
        bench.engine.containers.lock().unwrap().remove(&id(2));
        *bench.engine.at_next_effect.lock().unwrap() = Some(Box::new(move |engine| {
            if back {
                engine.put(container(id(2), "db"));
            }
        }));
        let answer = bench.call("poke_each", with_token(json!({}), &token)).await;
        assert_eq!(bench.engine.effects(), ["restart web", "restart cache"]);
        let told = if back { "since they changed after the preview: db" } else { "already: db" };
        assert!(answer.text.ends_with(told), "{}", answer.text);
    }
}

#[tokio::test]
async fn drift_before_it_runs_leaves_one_target_of_many_alone() {
    let bench = Bench::new();
    let token = bench.token("poke_each", json!({})).await;
    bench.engine.change(2, |c| c.state.started_at = "later".into());
    bench.engine.put(container(id(9), "new"));
    let answer = bench.call("poke_each", with_token(json!({}), &token)).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    assert_eq!(bench.engine.effects(), ["restart web", "restart cache"]);
    assert!(answer.text.ends_with("Left alone, since they changed after the preview: db"));
    let records = bench.audit.records();
    assert_eq!(records[0].0.plan, records[1].0.plan, "what was granted is what is recorded");
}

/// The second target changes while the first is acted on.
async fn drifting(operation: &str) -> (Bench, Answer) {
    let bench = Bench::new();
    let token = bench.token(operation, json!({})).await;
    *bench.engine.takes.lock().unwrap() = std::time::Duration::from_millis(100);
    let gate = bench.gate.clone();
    let request = super::request(operation, with_token(json!({}), &token));
    let run = tokio::spawn(async move { gate.run(request).await });
    while !bench.audit.events().contains(&Step) {
        tokio::task::yield_now().await;
    }
    bench.engine.change(2, |c| c.state.started_at = "later".into());
    let answer = run.await.unwrap();
    (bench, answer)
}

#[tokio::test]
async fn drift_under_way_stops_a_plan_that_is_one() {
    let (bench, answer) = drifting("poke_whole").await;
    assert_eq!((answer.status, answer.reason), (Status::Failed, Some(Reason::PlanChanged)));
    let what = "\nNot touched: cache\nLeft alone, since they changed after the preview: db";
    assert!(answer.text.ends_with(what), "{}", answer.text);
    assert_eq!(bench.engine.effects(), ["restart web"]);
    assert_eq!(bench.audit.events(), [Preview, Allowed, Step, StepDone, Failed]);
}

#[tokio::test]
async fn drift_under_way_leaves_one_target_of_many_alone() {
    let (bench, answer) = drifting("poke_each").await;
    assert_eq!(answer.status, Status::Ok);
    assert_eq!(
        answer.text,
        "poked web, cache\nLeft alone, since they changed after the preview: db"
    );
    let result = bench.audit.last().result.unwrap();
    assert_eq!(result["steps"], json!({"done": 2, "failed": 0, "unknown": 0, "untouched": 0}));
    assert_eq!(result["left_alone"], json!(["db"]));
    assert_eq!(bench.engine.effects(), ["restart web", "restart cache"]);
}
