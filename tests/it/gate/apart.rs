//! Approvals that another account gave, through the gate with fakes: taken when somebody looks, looked
//! for again when the ask is spent, and refused once.

use std::sync::Arc;
use std::time::Duration;

use countersign::core::approval::{Given, NAMESPACE};
use countersign::core::ask::{Approver, AskId, State, Turn};
use countersign::core::grant::Assurance::{self, Hardware, Secret, Uid};
use countersign::core::reason::Reason;
use countersign::core::record::Event::{
    Allowed, AskApproved, AskRefused, AskRevoked, Denied, Done, Preview,
};
use countersign::gate::Status;
use countersign::ports::Clock as _;
use serde_json::json;

use super::asking::Asking;
use crate::support::people::{Apart, key, signature};

/// The account that gives.
const ROOT: u32 = 0;

async fn signed(asking: &Asking, id: AskId) -> String {
    signature(&asking.alice, NAMESPACE, &asking.stored(id).await.document)
}

/// An ask that another account has approved, though nobody has looked.
async fn given(accept: &[Assurance]) -> (Asking, Arc<Apart>, AskId, String) {
    let (asking, apart) = Asking::apart(accept);
    let (id, handle) = asking.ask().await;
    apart.give(&signed(&asking, id).await, ROOT);
    (asking, apart, id, handle)
}

#[tokio::test]
async fn what_another_account_gave_is_taken_spent_and_on_record_with_that_account() {
    for accept in [&[Uid][..], &[Secret], &[Secret, Uid, Hardware]] {
        let (asking, _apart, id, handle) = given(accept).await;
        let answer = asking.spend(&handle).await;
        assert_eq!(answer.status, Status::Ok, "{}", answer.text);
        assert_eq!((asking.effects(), asking.state(id).await), (1, State::Done));
        assert_eq!(asking.events(), [Preview, AskApproved, Allowed, Done]);
        for (record, _) in &asking.bench.audit.records()[1..] {
            let by = record.approver.as_ref().unwrap();
            assert_eq!((by.name.as_deref(), by.uid), (Some("alice"), ROOT));
            assert_eq!((record.assurance, record.ask), (Some(Uid), Some(id)));
        }
        assert_eq!(asking.spend(&handle).await.reason, Some(Reason::TokenUsed));
        assert_eq!(asking.effects(), 1);
    }
}

#[tokio::test]
async fn a_signature_of_the_requesters_own_account_is_no_other_accounts() {
    let (asking, _apart) = Asking::apart(&[Uid]);
    let (id, handle) = asking.ask().await;
    assert_eq!(asking.sign(id, &asking.alice).await, Err(Reason::AssuranceTooLow));
    assert_eq!(asking.spend(&handle).await.status, Status::ApprovalRequired);
    // Nor where the row says so: whoever owns the account can write that.
    let now = asking.bench.clock.now();
    let mut turn = Turn::new(State::Pending, State::Approved, now).unwrap();
    turn.signature = Some(signed(&asking, id).await);
    turn.assurance = Some(Uid);
    turn.approver = Some(Approver { name: Some("alice".into()), key: None, uid: ROOT });
    asking.bench.people.asks.turn(id, turn).await.unwrap();
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.reason, Some(Reason::AssuranceTooLow), "{}", answer.text);
    assert_eq!(asking.effects(), 0);
}

#[tokio::test]
async fn what_is_taken_away_before_it_is_spent_is_taken_back() {
    for accept in [&[Uid][..], &[Secret]] {
        let (asking, apart, id, handle) = given(accept).await;
        let check = json!({"ask": id.to_string(), "wait": 0});
        assert_eq!(asking.bench.call("check_ask", check).await.data["state"], "approved");
        let given = apart.given.lock().unwrap().take();
        let answer = asking.spend(&handle).await;
        assert_eq!(answer.reason, Some(Reason::ApprovalRevoked), "{}", answer.text);
        assert_eq!((asking.state(id).await, asking.effects()), (State::Revoked, 0));
        assert!(asking.events().contains(&AskRevoked));
        // Nor does it come back.
        *apart.given.lock().unwrap() = given;
        assert_eq!(asking.spend(&handle).await.reason, Some(Reason::ApprovalRevoked));
        assert_eq!(asking.effects(), 0);
    }
}

#[tokio::test]
async fn a_bad_signature_is_on_record_once_and_leaves_the_ask() {
    let (asking, apart) = Asking::apart(&[Uid]);
    let (id, handle) = asking.ask().await;
    let document = asking.stored(id).await.document;
    let bad = [
        ("yes".to_owned(), Reason::SignatureInvalid),
        (signature(&asking.alice, NAMESPACE, "another"), Reason::SignatureInvalid),
        (signature(&asking.alice, "file", &document), Reason::SignatureInvalid),
        (signature(&key(2), NAMESPACE, &document), Reason::SignerUnknown),
    ];
    for (given, reason) in bad {
        apart.give(&given, ROOT);
        for _ in 0..3 {
            assert_eq!(asking.spend(&handle).await.status, Status::ApprovalRequired);
        }
        let mut records = asking.bench.audit.records();
        records.retain(|(record, _)| record.event == AskRefused);
        let (last, _) = records.last().unwrap();
        assert_eq!((last.reason, last.approver.as_ref().unwrap().uid), (Some(reason), ROOT));
    }
    let count = asking.events().iter().filter(|event| **event == AskRefused).count();
    assert_eq!(count, 4, "each once");
    apart.give(&signed(&asking, id).await, ROOT);
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
}

#[tokio::test]
async fn what_is_closed_or_late_stays_so_whatever_is_given() {
    let (asking, _apart, id, handle) = given(&[Uid]).await;
    assert_eq!(asking.approvals.deny(id, "no").await.unwrap_err().reason, Reason::AskClosed);
    asking.approvals.revoke(id, "no").await.unwrap();
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::ApprovalRevoked));
    let (asking, _apart, id, handle) = given(&[Uid]).await;
    asking.bench.clock.advance(10 * 60);
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::TokenExpired));
    assert_eq!((asking.state(id).await, asking.effects()), (State::Expired, 0));
    assert_eq!(asking.events().last(), Some(&Denied));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_at_once() {
    let (asking, apart) = Asking::apart(&[Uid]);
    let (id, _) = asking.ask().await;
    let given = Given { signature: signed(&asking, id).await, uid: ROOT };
    let give = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        *apart.given.lock().unwrap() = Some(given);
        tokio::time::Instant::now()
    };
    let check = async {
        let answer =
            asking.bench.call("check_ask", json!({"ask": id.to_string(), "wait": 55})).await;
        (answer, tokio::time::Instant::now())
    };
    let ((answer, told), given) = tokio::join!(check, give);
    assert_eq!(answer.data["state"], "approved", "{}", answer.text);
    assert!(told - given <= Duration::from_millis(50), "{:?}", told - given);
}

#[tokio::test]
async fn agents_are_asked_once_when_all_else_holds_and_what_one_signs_unasked_is_refused() {
    let (asking, apart, id, handle) = given(&[Secret]).await;
    let check = json!({"ask": id.to_string(), "wait": 0});
    assert_eq!(asking.bench.call("check_ask", check).await.data["state"], "approved");
    assert_eq!(apart.unasked.lock().unwrap().1, 0, "nobody is bothered before it is spent");
    apart.unasked.lock().unwrap().0 = Some("an agent signs without asking".to_owned());
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.reason, Some(Reason::AssuranceTooLow), "{}", answer.text);
    assert!(answer.text.contains("worth `tty`, since an agent signs"), "{}", answer.text);
    assert_eq!((asking.effects(), asking.state(id).await), (0, State::Approved));
    assert_eq!(apart.unasked.lock().unwrap().1, 1);
    apart.unasked.lock().unwrap().0 = None;
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
    assert_eq!((asking.effects(), apart.unasked.lock().unwrap().1), (1, 2));
}
