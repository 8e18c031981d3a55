//! Many callers at once: one grant, one effect.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::core::ids::FullId;
use countersign::core::policy::Effect;
use countersign::core::reason::Reason;
use countersign::core::record::Event::{Allowed, Done};
use countersign::gate::Status;
use serde_json::json;

use super::{Bench, always, request, with_token};
use crate::support::fakes::container;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_callers_with_one_token_exactly_one_has_an_effect() {
    for _ in 0..50 {
        let bench = Bench::new();
        let web = json!({"container": "web"});
        let token = bench.token("poke", web.clone()).await;
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let (gate, arguments) = (bench.gate.clone(), with_token(web.clone(), &token));
                std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(gate.run(request("poke", arguments)))
                })
            })
            .collect();
        let answers: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let done = answers.iter().filter(|answer| answer.status == Status::Ok).count();
        let used = answers.iter().filter(|a| a.reason == Some(Reason::TokenUsed)).count();
        assert_eq!((done, used), (1, 63));
        assert_eq!(bench.engine.effects(), ["restart web"]);
        let events = bench.audit.events();
        assert_eq!(events.iter().filter(|e| [Allowed, Done].contains(e)).count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_change_of_a_target_runs_at_a_time() {
    let bench = Bench::with(always(Effect::Allow), false);
    *bench.engine.takes.lock().unwrap() = std::time::Duration::from_millis(300);
    let first = {
        let gate = bench.gate.clone();
        tokio::spawn(async move { gate.run(request("poke", json!({"container": "web"}))).await })
    };
    while !bench.audit.events().contains(&Allowed) {
        tokio::task::yield_now().await;
    }
    let second = bench.call("poke", json!({"container": "web"})).await;
    assert_eq!(second.reason, Some(Reason::Busy));
    let other = bench.call("poke", json!({"container": "db"})).await;
    assert_eq!(other.status, Status::Ok, "another target is free");
    assert_eq!(first.await.unwrap().status, Status::Ok);
    assert_eq!(bench.call("poke", json!({"container": "web"})).await.status, Status::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_for_a_place_does_not_begin_once_it_ends() {
    let bench = Bench::with(always(Effect::Allow), false);
    *bench.engine.takes.lock().unwrap() = std::time::Duration::from_millis(300);
    for n in 0..100 {
        bench
            .engine
            .put(crate::support::fakes::container(crate::support::fakes::id(n), &format!("c{n}")));
    }
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let (gate, name) = (bench.gate.clone(), format!("c{n}"));
            tokio::spawn(async move { gate.run(request("poke", json!({"container": name}))).await })
        })
        .collect();
    while bench.audit.events().len() < 32 {
        tokio::task::yield_now().await;
    }
    bench.gate.close().await;
    let mut done = 0;
    for call in calls {
        let answer = call.await.unwrap();
        done += usize::from(answer.status == Status::Ok);
        assert!(answer.status == Status::Ok || answer.reason == Some(Reason::Limit));
    }
    assert_eq!(done, 32, "those that ran, and no other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beyond_the_limit_calls_are_refused() {
    const CALLS: usize = 600;
    const REFUSED: usize = CALLS - 32 - 256;
    let bench = Bench::with(always(Effect::Allow), false);
    for n in 0..CALLS {
        let id = FullId::parse(&format!("{n:064x}")).unwrap();
        bench.engine.put(container(id, &format!("c{n}")));
    }
    // Until the test lets them, those that have a place keep it.
    let permits = bench.audit.hold_intents();
    let calls: Vec<_> = (0..CALLS)
        .map(|n| {
            let gate = bench.gate.clone();
            let arguments = json!({"container": format!("c{n}")});
            tokio::spawn(async move { gate.run(request("poke", arguments)).await })
        })
        .collect();
    while calls.iter().filter(|call| call.is_finished()).count() < REFUSED {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    permits.add_permits(CALLS);
    let mut reasons = BTreeMap::new();
    for call in calls {
        *reasons.entry(call.await.unwrap().reason.map(Reason::as_str)).or_insert(0) += 1;
    }
    assert_eq!(reasons, [(None, CALLS - REFUSED), (Some("limit"), REFUSED)].into());
    assert_eq!(bench.call("greet", json!({})).await.status, Status::Ok);
}
