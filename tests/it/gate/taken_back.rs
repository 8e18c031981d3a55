//! Denials and revocations: they stand, whoever is in the way, and are on record once.

use std::collections::BTreeMap;

use countersign::core::ask::State;
use countersign::core::grant::Assurance::Secret;
use countersign::core::plan::Target;
use countersign::core::reason::Reason;
use countersign::core::record::Event::{Allowed, AskDenied, AskRevoked, Failed};
use countersign::core::record::Record;
use countersign::ports::Audit as _;

use super::asking::Asking;

#[tokio::test]
async fn what_takes_permission_away_stands_and_is_on_record_once_however_often_it_is_said() {
    let asking = Asking::new();
    for (to, event) in [(State::Denied, AskDenied), (State::Revoked, AskRevoked)] {
        let (id, handle) = match to {
            State::Denied => asking.ask().await,
            _ => asking.approved().await,
        };
        let say = async || match to {
            State::Denied => asking.approvals.deny(id, "no").await.map(drop),
            _ => asking.approvals.revoke(id, "no").await.map(drop),
        };
        let lines = || {
            let mut records = asking.bench.audit.records();
            records.retain(|(record, _)| record.event == event && record.ask == Some(id));
            records.len()
        };
        // The log cannot be written: nobody can spend it all the same, and who said it is told.
        asking.bench.audit.fail(&[event]);
        assert_eq!(say().await.unwrap_err().reason, Reason::AuditUnavailable);
        assert_eq!((asking.state(id).await, lines()), (to, 0));
        asking.bench.audit.fail(&[]);
        say().await.unwrap();
        assert_eq!(lines(), 1, "it is made up for");
        assert_eq!(say().await.unwrap_err().reason, Reason::AskClosed);
        assert_eq!(lines(), 1);
        let refused = asking.spend(&handle).await;
        assert!(matches!(refused.reason, Some(Reason::ApprovalDenied | Reason::ApprovalRevoked)));
        asking.bench.clock.advance(3600);
    }
    assert_eq!(asking.effects(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_keeps_the_lock_of_an_ask_keeps_nobody_from_taking_it_back() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    let itself = Target {
        kind: "ask",
        id: id.to_string(),
        name: id.to_string(),
        engine: String::new(),
        attributes: BTreeMap::new(),
    };
    let held = asking.bench.audit.hold(std::slice::from_ref(&itself)).unwrap();
    assert_eq!(asking.sign(id, &asking.alice).await, Err(Reason::Busy));
    drop(held);
    asking.sign(id, &asking.alice).await.unwrap();
    let held = asking.bench.audit.hold(&[itself]).unwrap();
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::Busy));
    asking.approvals.revoke(id, "no").await.unwrap();
    drop(held);
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::ApprovalRevoked));
    assert_eq!(asking.effects(), 0);
}

#[tokio::test]
async fn what_came_to_stand_in_the_log_first_decides_however_the_state_is() {
    for (event, other, reason) in [
        (AskRevoked, None, Reason::ApprovalRevoked),
        (AskDenied, None, Reason::ApprovalDenied),
        (Allowed, Some("another request"), Reason::TokenUsed),
    ] {
        let (asking, apart) = Asking::apart(&[Secret]);
        let (id, handle) = asking.approved().await;
        let mut record = Record::new(event);
        (record.ask, record.req) = (Some(id), other.map(str::to_owned));
        apart.meanwhile.lock().unwrap().push((asking.bench.audit.clone(), record));
        let answer = asking.spend(&handle).await;
        assert_eq!(answer.reason, Some(reason), "{}", answer.text);
        assert_eq!((asking.state(id).await, asking.effects()), (State::Failed, 0));
        // The intent came to nothing, and is closed as that.
        assert_eq!(asking.events()[2..], [event, Allowed, Failed]);
    }
}
