//! Asks for the same: what a denial of one does to the others, and what only says that it is the same.

use countersign::core::ask::{Ask, AskId, State, Terms, Turn};
use countersign::core::grant::Token;
use countersign::core::reason::Reason;
use countersign::core::record::Event::AskDenied;
use countersign::gate::Status;
use countersign::ports::Clock as _;
use serde_json::json;

use super::asking::{Asking, web};

#[tokio::test]
async fn a_denial_ends_what_else_waits_for_the_same() {
    let asking = Asking::new();
    let slow = |seconds: u8| json!({"container": "web", "timeout": seconds});
    let (id, _) = asking.ask().await;
    let (approved, later, other) = (slow(1), slow(2), json!({"container": "db"}));
    let mut ids = Vec::new();
    for arguments in [&approved, &later, &other] {
        ids.push(asking.poke(arguments.clone()).await.ask.unwrap());
    }
    asking.sign(ids[0], &asking.alice).await.unwrap();
    assert_eq!(asking.approvals.deny(id, "not today").await.unwrap(), [ids[1]]);
    for (ask, state) in [
        (id, State::Denied),
        (ids[0], State::Approved),
        (ids[1], State::Denied),
        (ids[2], State::Pending),
    ] {
        assert_eq!(asking.state(ask).await, state);
    }
    let words = asking.stored(ids[1]).await.words.unwrap();
    assert_eq!(words, format!("together with ask {id}: not today"));
    let denied = asking.bench.audit.records().into_iter().map(|(record, _)| record);
    let denied = denied.filter(|record| record.event == AskDenied).map(|record| record.ask);
    assert_eq!(denied.collect::<Vec<_>>(), [Some(id), Some(ids[1])]);
    for arguments in [&later, &slow(3)] {
        let anew = asking.poke(arguments.clone()).await;
        assert_eq!(anew.reason, Some(Reason::CoolingDown), "{}", anew.text);
    }
    // One that cannot be put on record is denied all the same; whoever denies is told.
    let (id, beside) = (ids[2], asking.poke(json!({"container": "db", "timeout": 1})).await);
    asking.bench.audit.fail(&[AskDenied]);
    assert!(asking.approvals.deny(id, "no").await.is_err());
    assert_eq!(asking.state(id).await, State::Denied);
    assert_eq!(asking.state(beside.ask.unwrap()).await, State::Pending);
}

#[tokio::test]
async fn what_is_stored_as_the_same_ask_and_is_not_gives_way_to_a_new_one() {
    let asking = Asking::new();
    let asks = &asking.bench.people.asks;
    let (id, _) = asking.ask().await;
    let other = asking.poke(json!({"container": "db"})).await.ask.unwrap();
    let (first, db) = (asking.stored(id).await, asking.stored(other).await);
    let now = asking.bench.clock.now();
    asks.turn(id, Turn::new(State::Pending, State::Cancelled, now).unwrap()).await.unwrap();
    for (n, document) in [(1, db.document.clone()), (2, "{}\n".into())] {
        let (made, handle) = (AskId::from_random([n; 5]), Token::from_random([n; 16]));
        let forged = Ask { id: made, handle: handle.into(), document, ..first.clone() };
        asks.put(forged, Terms::USUAL).await.unwrap();
        let answer = asking.poke(web()).await;
        assert_eq!(answer.status, Status::ApprovalRequired, "{}", answer.text);
        assert!(![made, id, other].contains(&answer.ask.unwrap()));
        assert_eq!(asking.state(made).await, State::Superseded);
        let anew = answer.ask.unwrap();
        asks.turn(anew, Turn::new(State::Pending, State::Cancelled, now).unwrap()).await.unwrap();
    }
}
