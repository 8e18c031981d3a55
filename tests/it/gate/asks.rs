//! Asks through the gate, with fakes: what a person must approve waits for a signature over exactly what
//! will run, works once, and leaves a line at each turn.

use std::time::Duration;

use countersign::core::approval::{NAMESPACE, Signer};
use countersign::core::ask::{Approver, AskId, State, Turn};
use countersign::core::grant::Assurance;
use countersign::core::reason::Reason;
use countersign::core::record::Event::{
    self, Allowed, AskApproved, AskCancelled, AskDenied, AskExpired, AskRefused, AskRevoked,
    AskSuperseded, Denied, Done, Failed, Preview,
};
use countersign::core::record::Record;
use countersign::gate::Status;
use countersign::ports::{Audit as _, Clock as _, Durability};
use serde_json::json;
use ssh_key::HashAlg;

use super::asking::{Asking, web};
use super::{request, with_token};
use crate::support::people::{key, signature, signer};

#[tokio::test]
async fn what_a_person_approved_runs_once() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    assert_eq!(asking.effects(), 0);
    asking.sign(id, &asking.alice).await.unwrap();
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    assert_eq!(asking.effects(), 1);
    assert_eq!(asking.state(id).await, State::Done);
    let again = asking.spend(&handle).await;
    assert_eq!(again.reason, Some(Reason::TokenUsed), "{}", again.text);
    assert_eq!(asking.effects(), 1);
    assert_eq!(asking.events(), [Preview, AskApproved, Allowed, Done, Denied]);
    let fingerprint = asking.alice.fingerprint(HashAlg::Sha256).to_string();
    for (record, _) in asking.bench.audit.records() {
        assert_eq!(record.ask, Some(id), "{:?}", record.event);
        if [AskApproved, Allowed, Done].contains(&record.event) {
            let by = record.approver.unwrap();
            assert_eq!((by.name.as_deref(), by.key), (Some("alice"), Some(fingerprint.clone())));
            assert_eq!(record.assurance, Some(Assurance::Secret));
        }
    }
}

#[tokio::test]
async fn presenting_a_handle_before_it_is_approved_costs_nothing() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    for _ in 0..3 {
        let answer = asking.spend(&handle).await;
        assert_eq!((answer.status, answer.ask), (Status::ApprovalRequired, Some(id)));
        assert_eq!(answer.confirm_token.as_deref(), Some(&*handle));
        assert!(!answer.is_error());
    }
    asking.sign(id, &asking.alice).await.unwrap();
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
}

#[tokio::test]
async fn the_same_plan_is_one_ask_and_another_is_another() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    assert_eq!(asking.ask().await, (id, handle.clone()));
    assert_eq!(asking.spend(&handle).await.ask, Some(id));
    assert_eq!(asking.told(), [(id, "poke web".to_owned())], "nobody is told twice");
    let other = asking.poke(json!({"container": "db"})).await.ask.unwrap();
    assert_ne!(other, id);
    assert_eq!(asking.told()[1..], [(other, "poke db".to_owned())]);
}

#[tokio::test]
async fn nobody_is_told_of_what_nobody_can_decide_on() {
    let asking = Asking::new();
    asking.bench.audit.fail(&[Preview]);
    assert_eq!(asking.poke(web()).await.reason, Some(Reason::AuditUnavailable));
    assert_eq!(asking.told(), []);
    let nobody = Asking::with(|_| Vec::new());
    assert_eq!(nobody.poke(web()).await.reason, Some(Reason::ApprovalUnavailable));
    assert_eq!(nobody.told(), []);
}

#[tokio::test]
async fn a_handle_with_another_request_cancels_its_ask() {
    for approved in [false, true] {
        let asking = Asking::new();
        let (id, handle) = if approved { asking.approved().await } else { asking.ask().await };
        let answer = asking.poke(with_token(json!({"container": "db"}), &handle)).await;
        assert_eq!(answer.reason, Some(Reason::TokenMismatch), "{}", answer.text);
        assert_eq!(asking.state(id).await, State::Cancelled);
        let told = asking.bench.call("check_ask", json!({"ask": id.to_string()})).await;
        let why = "cancelled: its confirm token was presented with another request.";
        assert!(told.text.ends_with(why), "{}", told.text);
        assert_eq!(asking.spend(&handle).await.reason, Some(Reason::TokenUsed));
        assert_eq!(asking.effects(), 0);
        assert!(asking.events().contains(&AskCancelled));
    }
}

#[tokio::test]
async fn what_changed_meanwhile_is_asked_for_anew() {
    for approved in [false, true] {
        let asking = Asking::new();
        let (id, handle) = if approved { asking.approved().await } else { asking.ask().await };
        asking.bench.engine.change(1, |c| c.state.started_at = "later".into());
        let answer = asking.spend(&handle).await;
        assert_eq!(answer.reason, Some(Reason::PlanChanged), "{}", answer.text);
        assert_eq!(asking.state(id).await, State::Superseded);
        let anew = answer.ask.unwrap();
        assert_ne!(anew, id);
        assert_eq!(asking.state(anew).await, State::Pending);
        assert_eq!(asking.effects(), 0);
        assert_eq!(asking.events()[asking.events().len() - 3..], [AskSuperseded, Denied, Preview]);
        asking.sign(anew, &asking.alice).await.unwrap();
        let handle = answer.confirm_token.unwrap();
        assert_eq!(asking.spend(&handle).await.status, Status::Ok);
    }
}

#[tokio::test]
async fn a_denial_is_told_with_its_words_and_cools_down() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    asking.approvals.deny(id, "not before the backup\u{1b}[31m").await.unwrap();
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.reason, Some(Reason::ApprovalDenied));
    assert!(answer.text.contains("not before the backup"), "{}", answer.text);
    assert!(!answer.text.contains('\u{1b}'));
    let anew = asking.poke(web()).await;
    assert_eq!(anew.reason, Some(Reason::CoolingDown), "{}", anew.text);
    assert!(asking.poke(json!({"container": "db"})).await.ask.is_some(), "another target");
    asking.bench.clock.advance(10 * 60);
    assert!(asking.poke(web()).await.ask.is_some());
    assert!(asking.events().contains(&AskDenied));
}

#[tokio::test]
async fn an_approval_is_taken_back_until_it_is_spent() {
    let asking = Asking::new();
    let (id, handle) = asking.approved().await;
    asking.approvals.revoke(id, "wrong one").await.unwrap();
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.reason, Some(Reason::ApprovalRevoked));
    assert!(answer.text.contains("wrong one"));
    assert_eq!(asking.effects(), 0);
    assert!(asking.events().contains(&AskRevoked));
    let (spent, handle) = asking.approved().await;
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
    let late = asking.approvals.revoke(spent, "too late").await.unwrap_err();
    assert_eq!(late.reason, Reason::AskClosed);
    assert_eq!(asking.state(spent).await, State::Done);
    assert_eq!(asking.events().last(), Some(&AskRefused));
}

#[tokio::test]
async fn nothing_works_after_its_time() {
    for approved in [false, true] {
        let asking = Asking::new();
        let (id, handle) = if approved { asking.approved().await } else { asking.ask().await };
        asking.bench.clock.advance(10 * 60);
        assert_eq!(asking.spend(&handle).await.reason, Some(Reason::TokenExpired));
        assert_eq!(asking.state(id).await, State::Expired);
        assert_eq!(asking.sign(id, &asking.alice).await, Err(Reason::AskClosed));
        assert_eq!(asking.effects(), 0);
        assert!(asking.events().contains(&AskExpired));
    }
    let asking = Asking::new();
    let (_, handle) = asking.approved().await;
    asking.bench.clock.advance(10 * 60 - 1);
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
}

#[tokio::test]
async fn each_refused_signature_says_which_property_failed_and_leaves_the_ask() {
    let asking = Asking::new();
    let (id, _) = asking.ask().await;
    let opened = asking.approvals.open(id).await.unwrap();
    let document = &opened.ask.document;
    let other = document.replace("\"web\"", "\"db\"");
    for (signature, reason) in [
        (signature(&key(2), NAMESPACE, document), Reason::SignerUnknown),
        (signature(&asking.alice, "file", document), Reason::SignatureInvalid),
        (signature(&asking.alice, NAMESPACE, &other), Reason::SignatureInvalid),
        (signature(&asking.alice, NAMESPACE, document.trim_end()), Reason::SignatureInvalid),
        (String::new(), Reason::SignatureInvalid),
        ("yes".to_owned(), Reason::SignatureInvalid),
    ] {
        let fault = asking.approvals.approve(&opened, &signature, None).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{}", fault.message);
        assert_eq!(asking.state(id).await, State::Pending);
        let line = asking.bench.audit.last();
        assert_eq!((line.event, line.reason), (AskRefused, Some(reason)));
    }
    asking.sign(id, &asking.alice).await.unwrap();
}

#[tokio::test]
async fn a_stored_approval_is_not_believed_without_its_signature() {
    let asking = Asking::new();
    for forge in ["none", "garbage", "another's", "another ask's"] {
        let (id, handle) = asking.ask().await;
        let now = asking.bench.clock.now();
        let mut turn = Turn::new(State::Pending, State::Approved, now).unwrap();
        let document = asking.stored(id).await.document;
        turn.signature = match forge {
            "none" => None,
            "garbage" => Some("-----BEGIN SSH SIGNATURE-----".to_owned()),
            "another's" => Some(signature(&key(9), NAMESPACE, &document)),
            _ => Some(signature(&asking.alice, NAMESPACE, "{}\n")),
        };
        turn.approver = Some(Approver { name: Some("alice".into()), key: None, uid: 0 });
        turn.assurance = Some(Assurance::Hardware);
        asking.bench.people.asks.turn(id, turn).await.unwrap();
        is_told_as_broken(&asking, id).await;
        let answer = asking.spend(&handle).await;
        let expected = match forge {
            "another's" => Reason::SignerUnknown,
            _ => Reason::SignatureInvalid,
        };
        assert_eq!(answer.reason, Some(expected), "{forge}: {}", answer.text);
        assert_eq!(asking.effects(), 0, "{forge}");
        asking.approvals.revoke(id, "").await.unwrap();
    }
}

/// Whoever tells of this ask names nobody, says what to do, and hands nothing out.
async fn is_told_as_broken(asking: &Asking, id: AskId) {
    let check = asking.bench.call("check_ask", json!({"ask": id.to_string(), "wait": 5})).await;
    let again = asking.poke(web()).await;
    let opened = asking.approvals.open(id).await.unwrap();
    let late = asking.approvals.may_approve(&opened).await.unwrap_err();
    for told in [&check.text, &again.text, &late.message] {
        assert!(told.contains("approved, and its signature does not hold. "), "{told}");
        assert!(told.contains(&format!("`countersign revoke {id}`; then ask anew.")), "{told}");
        assert!(!told.contains("by alice") && !told.contains("same arguments"), "{told}");
    }
    assert_eq!((again.ask, again.confirm_token), (Some(id), None));
    assert_eq!((check.data["by"].is_null(), check.data["broken"].is_null()), (true, false));
    let told = asking.approvals.told(&opened).await;
    assert_eq!((told.ask.assurance, told.ask.approver.unwrap().name), (None, None));
    let (listed, broken) = asking.approvals.list(true, 10).await.unwrap();
    assert_eq!((listed.len(), broken), (1, [id].into()));
}

#[tokio::test]
async fn who_approved_is_told_while_the_signature_holds() {
    let asking = Asking::new();
    let (id, handle) = asking.approved().await;
    let check = asking.bench.call("check_ask", json!({"ask": id.to_string()})).await;
    assert!(check.text.contains("approved by alice. Call poke again"), "{}", check.text);
    assert_eq!((check.data["by"].as_str(), check.data["broken"].is_null()), (Some("alice"), true));
    let again = asking.poke(web()).await;
    assert!(
        again.text.contains(&format!("Ask {id} is approved by alice, until ")),
        "{}",
        again.text
    );
    assert_eq!(again.confirm_token.as_deref(), Some(&*handle));
    assert!(asking.approvals.list(true, 10).await.unwrap().1.is_empty());
    assert_eq!(asking.spend(&handle).await.status, Status::Ok);
    let check = asking.bench.call("check_ask", json!({"ask": id.to_string()})).await;
    assert_eq!((check.data["by"].as_str(), &check.data["state"]), (Some("alice"), &json!("done")));
}

#[tokio::test]
async fn what_the_log_has_as_spent_is_not_spent_again_whatever_the_state_says() {
    let asking = Asking::new();
    let (id, handle) = asking.approved().await;
    // As it stands where somebody wrote the approved row back over the spent one.
    let line = Record { ask: Some(id), ..Record::new(Allowed) };
    asking.bench.audit.append(line, Durability::Synced).await.unwrap();
    let answer = asking.spend(&handle).await;
    assert_eq!(answer.reason, Some(Reason::TokenUsed), "{}", answer.text);
    assert!(answer.text.contains("as the audit log has it"));
    assert_eq!(asking.effects(), 0);
}

#[tokio::test]
async fn where_nobody_could_approve_nothing_is_asked() {
    for (weak, words) in [(None, "trust add"), (Some("uid 1000 can write it"), "can write it")] {
        let asking = Asking::with(|alice| match weak {
            None => Vec::new(),
            Some(why) => vec![Signer { weak: Some(why.to_owned()), ..signer("alice", alice) }],
        });
        let answer = asking.poke(web()).await;
        assert_eq!(answer.reason, Some(Reason::ApprovalUnavailable));
        assert!(answer.text.contains(words), "{}", answer.text);
        assert!(answer.ask.is_none() && answer.confirm_token.is_none());
        assert!(asking.approvals.list(false, 10).await.unwrap().0.is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_approved_nor_run() {
    let asking = Asking::new();
    let (id, handle) = asking.ask().await;
    asking.bench.audit.fail(&[AskApproved]);
    assert_eq!(asking.sign(id, &asking.alice).await, Err(Reason::AuditUnavailable));
    assert_eq!(asking.state(id).await, State::Revoked);
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::ApprovalRevoked));
    asking.bench.audit.fail(&[Allowed]);
    let (id, handle) = asking.approved().await;
    assert_eq!(asking.spend(&handle).await.reason, Some(Reason::AuditUnavailable));
    assert_eq!(asking.state(id).await, State::Failed);
    assert_eq!(asking.effects(), 0);
}

#[tokio::test]
async fn how_it_ended_is_how_the_ask_ends() {
    for (reason, state, event) in [
        (Reason::EngineError, State::Failed, Failed),
        (Reason::OutcomeUnknown, State::Unknown, Event::Unknown),
    ] {
        let asking = Asking::new();
        let (id, handle) = asking.approved().await;
        *asking.bench.engine.fails.lock().unwrap() =
            Some(countersign::core::reason::Fault::new(reason, "It went wrong."));
        assert!(asking.spend(&handle).await.is_error());
        assert_eq!(asking.state(id).await, state);
        assert_eq!(asking.bench.audit.last().event, event);
    }
}

#[tokio::test(start_paused = true)]
async fn a_requester_waits_for_its_own_asks_and_for_no_others() {
    let asking = Asking::new();
    let (id, _) = asking.ask().await;
    let check = |wait: u8| json!({"ask": id.to_string(), "wait": wait});
    let answer = asking.bench.call("check_ask", check(0)).await;
    assert_eq!(answer.data["state"], "pending", "{}", answer.text);
    let decide = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        asking.sign(id, &asking.alice).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asking.bench.call("check_ask", check(55)), decide);
    assert_eq!(answer.data["state"], "approved", "{}", answer.text);
    assert!(answer.text.contains("approved by alice"));
    let mut other = request("check_ask", check(0));
    other.caller.principal.uid = 1001;
    assert_eq!(asking.bench.gate.run(other).await.reason, Some(Reason::NotFound));
    let mut other = request("cancel_ask", json!({"ask": id.to_string()}));
    other.caller.principal.uid = 1001;
    assert_eq!(asking.bench.gate.run(other).await.reason, Some(Reason::NotFound));
    let cancelled = asking.bench.call("cancel_ask", json!({"ask": id.to_string()})).await;
    assert_eq!(cancelled.data["state"], "cancelled", "{}", cancelled.text);
    let twice = asking.bench.call("cancel_ask", json!({"ask": id.to_string()})).await;
    assert_eq!(twice.reason, Some(Reason::AskClosed));
}
