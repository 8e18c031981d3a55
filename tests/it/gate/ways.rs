//! In which ways a plan may be confirmed: no token where none can be spent, each way worth what it
//! is, and an end for a grant that was not confirmed.

use std::sync::Arc;

use countersign::core::approval::Signers;
use countersign::core::grant::Assurance::{self, Echo, Elicit, Secret, Tty};
use countersign::core::policy::{Effect, Policy, Requirement, Rule};
use countersign::core::reason::{Fault, Reason};
use countersign::core::record::Event::{Allowed, Denied, Done, Preview};
use countersign::gate::{Answer, Confirm, Status};
use countersign::ports::Fixed;
use serde_json::json;

use super::paths::web;
use super::{Bench, request, with_token};
use crate::support::people::{key, signer, somebody};
use crate::support::policies::{Switch, all, policy, rule};

/// A policy that takes these for a confirmation.
fn takes(accept: &[Assurance]) -> Policy {
    let accept = accept.iter().copied().collect();
    let takes = Requirement { accept, by: None, expires: None };
    let rule = all("confirm-so", Effect::Confirm);
    policy(&[Rule { takes: Some(takes), ..rule }])
}

async fn ask(bench: &Bench, confirm: Confirm) -> Answer {
    let mut request = request("poke", web());
    request.confirm = confirm;
    bench.gate.run(request).await
}

#[tokio::test]
async fn a_token_is_given_only_where_it_can_be_spent() {
    for (accept, confirm, given) in [
        (&[Echo][..], Confirm::Echo, true),
        (&[Elicit, Tty], Confirm::Echo, false),
        (&[Elicit, Tty], Confirm::Elicit, true),
        (&[Elicit, Tty], Confirm::Tty, true),
        (&[Echo], Confirm::Elicit, true),
        (&[Echo], Confirm::Tty, false),
        (&[Tty], Confirm::Elicit, false),
        (&[Elicit], Confirm::Tty, false),
        (&[Secret], Confirm::Echo, false),
        (&[Secret], Confirm::Elicit, false),
    ] {
        let bench = Bench::with(takes(accept), false);
        let answer = ask(&bench, confirm).await;
        assert_eq!(answer.confirm_token.is_some(), given, "{accept:?} {confirm:?}");
        if given {
            assert_eq!(answer.status, Status::ConfirmationRequired);
            assert!(accept.iter().all(|way| answer.accepts.contains(way)), "{answer:?}");
            assert_eq!(answer.accepts.contains(&Echo), accept.contains(&Echo), "{answer:?}");
            assert_eq!(bench.audit.events(), [Preview]);
            continue;
        }
        assert_eq!(answer.reason, Some(Reason::AssuranceTooLow));
        assert_eq!(answer.exit_code(), 3);
        assert!(answer.text.contains("`confirm-so`"), "{}", answer.text);
        let on_a_terminal = answer.text.contains("countersign call poke");
        assert_eq!(on_a_terminal, accept.contains(&Tty), "{}", answer.text);
        assert_eq!(bench.audit.events(), [Denied]);
        assert!(bench.audit.last().expires.is_none());
    }
}

#[tokio::test]
async fn a_confirmation_is_worth_what_its_way_is() {
    for (confirm, worth) in [(Confirm::Echo, Echo), (Confirm::Elicit, Elicit), (Confirm::Tty, Tty)]
    {
        let bench = Bench::with(takes(&[worth]), false);
        let token = ask(&bench, confirm).await.confirm_token.unwrap();
        let mut spend = request("poke", with_token(web(), &token));
        spend.confirm = confirm;
        assert_eq!(bench.gate.run(spend).await.status, Status::Ok);
        assert_eq!(bench.audit.events(), [Preview, Allowed, Done]);
        assert_eq!(bench.audit.records()[1].0.assurance, Some(worth));
    }
}

#[tokio::test]
async fn a_token_that_was_never_shown_is_worth_too_little_from_the_caller() {
    let bench = Bench::with(takes(&[Elicit]), false);
    let token = ask(&bench, Confirm::Elicit).await.confirm_token.unwrap();
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.reason, Some(Reason::AssuranceTooLow), "{}", answer.text);
    assert_eq!(answer.confirm_token, None);
    assert_eq!(bench.audit.events(), [Preview, Denied]);
    assert!(bench.engine.effects().is_empty());
    let again = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(again.reason, Some(Reason::TokenUsed), "presented wrongly it is gone");
}

#[tokio::test]
async fn a_policy_that_takes_more_by_now_gives_no_new_token() {
    let switch = Switch::new(takes(&[Echo]));
    let bench = Bench::under(switch.clone(), false);
    let token = bench.token("poke", web()).await;
    switch.load(takes(&[Tty]), false);
    let answer = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(answer.reason, Some(Reason::PlanChanged), "{}", answer.text);
    assert_eq!(answer.confirm_token, None);
    assert!(answer.text.contains("on a terminal"), "{}", answer.text);
    assert!(bench.engine.effects().is_empty());
}

#[tokio::test]
async fn a_grant_that_was_declined_is_gone_and_on_record() {
    let bench = Bench::new();
    let preview = ask(&bench, Confirm::Elicit).await;
    let fault = Fault::new(Reason::ApprovalDenied, "No.");
    let answer = bench.gate.decline(&preview, fault, Some(Elicit)).await;
    assert_eq!((answer.status, answer.reason), (Status::Denied, Some(Reason::ApprovalDenied)));
    assert_eq!((answer.plan, &answer.target), (preview.plan, &preview.target));
    assert_eq!(answer.text, "Error: No.");
    assert_eq!(bench.audit.events(), [Preview, Denied]);
    let [(asked, _), (denied, _)] = &bench.audit.records()[..] else { panic!() };
    assert_eq!((denied.assurance, denied.reason), (Some(Elicit), Some(Reason::ApprovalDenied)));
    assert_eq!((&denied.req, &denied.op, denied.plan), (&asked.req, &asked.op, asked.plan));
    assert_eq!((&denied.rule, &denied.target), (&asked.rule, &asked.target));
    let token = preview.confirm_token.unwrap();
    let spent = bench.call("poke", with_token(web(), &token)).await;
    assert_eq!(spent.reason, Some(Reason::TokenUsed));
    assert!(bench.engine.effects().is_empty());
}

/// A bench with alice to approve, under this rule.
fn with_alice(rule: Rule) -> Bench {
    let signers = Signers(vec![signer("alice", &key(1))]);
    Bench::asking(Arc::new(Fixed::new(policy(&[rule]))), |log| somebody(log, signers))
}

#[tokio::test]
async fn where_a_person_could_approve_as_well_the_easier_way_is_told() {
    let takes = Requirement { accept: [Tty].into(), by: None, expires: None };
    let bench = with_alice(Rule { takes: Some(takes), ..all("confirm-so", Effect::Confirm) });
    let answer = ask(&bench, Confirm::Elicit).await;
    assert_eq!(answer.status, Status::ApprovalRequired, "{}", answer.text);
    for words in [
        "What policy takes for this (rule `confirm-so`) this client cannot give. It can be confirmed \
         on a terminal, with `countersign call poke`. Or a person approves it. Ask ",
        "\nA person approves it at a shell of this machine, as alice (uid 1000): countersign approve ",
    ] {
        assert!(answer.text.contains(words), "{}", answer.text);
    }
}

#[tokio::test]
async fn whoever_asks_first_is_told_the_ways() {
    for (accept, words) in [
        (&[Echo, Tty][..], "the second one, with that token, runs it"),
        (&[Elicit], "It can be confirmed in the dialog of a client"),
        (&[Elicit, Tty], ", or on a terminal, with `countersign call poke`."),
        (&[Secret], "It takes a signature worth `secret`"),
    ] {
        let reads = rule("reads", Effect::Allow, &[("class", &["read", "sensitive"])]);
        let takes =
            Requirement { accept: accept.iter().copied().collect(), by: None, expires: None };
        let ask = Rule { takes: Some(takes), ..rule("ask", Effect::Confirm, &[("op", &["poke"])]) };
        let bench = Bench::with(policy(&[reads, ask]), false);
        let asked = json!({"operation": "poke", "arguments": web()});
        let answer = bench.call("check_policy", asked).await;
        assert!(answer.text.contains(words), "{accept:?}: {}", answer.text);
    }
}
