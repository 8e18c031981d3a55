//! Every answer that a client can give, in both eras, and what becomes of the change.

use std::time::Duration;

use countersign::core::grant::Assurance::{Echo, Elicit};
use countersign::core::record::Event::{Allowed, Denied, Done, Preview};
use serde_json::{Value, json};

use super::{CALL, Client, ERAS, Era, reason, token, web, yes};
use crate::gate::with_token;
use crate::support::program::{data, text};

/// As fast as nobody reads, and as fast as somebody may.
const FAST: u64 = 299;
const SLOW: u64 = 300;

#[tokio::test(start_paused = true)]
async fn a_yes_runs_it_and_is_on_record_as_what_it_is() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let asked = client.ask("poke", &web()).await;
        assert!(client.effects().is_empty());
        let done = client.answer(&asked, yes(), SLOW).await;
        assert_eq!(data(&done)["status"], "ok", "{era:?}: {done}");
        assert_eq!(client.effects(), ["restart web"]);
        assert_eq!(client.talk.events(), [Preview, Allowed, Done]);
        for (record, _) in &client.talk.bench.audit.records()[1..] {
            assert_eq!(record.assurance, Some(Elicit));
            assert_eq!(record.rule.as_deref(), Some("builtin-mutate"));
        }
        client.saw_no_token();
        assert_eq!(client.talk.end().await, Vec::<Value>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_no_is_final_however_fast_it_comes() {
    for era in ERAS {
        for answer in [
            json!({"action": "decline"}),
            json!({"action": "decline", "content": {"confirm": true}}),
            json!({"action": "accept", "content": {"confirm": false}}),
        ] {
            for after in [0, SLOW] {
                let mut client = Client::new(era).await;
                let asked = client.ask("poke", &web()).await;
                let refused = client.answer(&asked, answer.clone(), after).await;
                assert_eq!(reason(&refused), "approval_denied", "{era:?} {answer}");
                assert_eq!(
                    (&data(&refused)["status"], &refused["isError"]),
                    (&json!("denied"), &json!(true))
                );
                assert!(text(&refused).contains("said no to poke"), "{}", text(&refused));
                assert_eq!(client.talk.events(), [Preview, Denied]);
                let record = client.talk.bench.audit.last();
                assert_eq!(record.assurance, Some(Elicit));
                assert!(record.target.is_some() && record.plan.is_some(), "{record:?}");
                assert!(client.effects().is_empty());
                client.saw_no_token();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_declined_is_not_asked_about_again_for_a_while() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let asked = client.ask("poke", &web()).await;
        client.answer(&asked, json!({"action": "decline"}), SLOW).await;
        for arguments in [web(), json!({"container": "web", "timeout": 7})] {
            let refused = client.call("poke", &arguments).await;
            assert_eq!(reason(&refused), "cooling_down", "{era:?} {refused}");
            assert_eq!(client.talk.events().last(), Some(&Denied));
        }
        let asked = client.ask("poke", &json!({"container": "db"})).await;
        // What was not answered by anybody is asked about again.
        client.answer(&asked, json!({"action": "cancel"}), SLOW).await;
        client.ask("poke", &json!({"container": "db"})).await;
        client.talk.bench.clock.advance(10 * 60);
        client.ask("poke", &web()).await;
    }
}

/// What is neither a yes nor a no.
fn neither() -> [Value; 9] {
    [
        json!({"action": "cancel"}),
        json!({"action": "cancel", "content": {"confirm": true}}),
        json!({"action": "accept"}),
        json!({"action": "accept", "content": {}}),
        json!({"action": "accept", "content": {"confirm": "true"}}),
        json!({"action": "accept", "content": {"confirm": 1, "Confirm": true}}),
        json!({"action": "ACCEPT", "content": {"confirm": true}}),
        json!({"confirm": true}),
        json!({}),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_changes_nothing_and_gives_no_token() {
    for era in ERAS {
        for answer in neither() {
            let mut client = Client::new(era).await;
            let asked = client.ask("poke", &web()).await;
            let refused = client.answer(&asked, answer.clone(), SLOW).await;
            assert_eq!(reason(&refused), "assurance_too_low", "{era:?} {answer}: {refused}");
            let said = text(&refused);
            assert!(said.contains("Nothing has changed. Call poke again"), "{said}");
            assert_eq!(client.talk.events(), [Preview, Denied]);
            assert_eq!(client.talk.bench.audit.last().assurance, None);
            assert!(client.effects().is_empty());
            client.saw_no_token();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_faster_than_anybody_reads_gets_the_token() {
    for era in ERAS {
        for answer in neither().into_iter().chain([yes()]) {
            let mut client = Client::new(era).await;
            let asked = client.ask("poke", &web()).await;
            let preview = client.answer(&asked, answer.clone(), FAST).await;
            assert_eq!(data(&preview)["status"], "confirmation_required", "{era:?} {answer}");
            assert_eq!(preview["isError"], false);
            assert!(text(&preview).contains("\nconfirmToken="), "{preview}");
            assert!(client.effects().is_empty());
            // It is worth no more than any token.
            let done = client.call("poke", &with_token(web(), &token(&preview))).await;
            assert_eq!(data(&done)["status"], "ok", "{done}");
            assert_eq!(client.talk.events(), [Preview, Allowed, Done]);
            assert_eq!(client.talk.bench.audit.last().assurance, Some(Echo));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_with_an_error_did_not_confirm() {
    for (after, given) in [(FAST, true), (SLOW, false)] {
        let mut client = Client::new(Era::Push).await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.clock.advance_ms(after);
        let error = json!({"code": -32601, "message": "no such method"});
        client.talk.send(&json!({"jsonrpc": "2.0", "id": asked.handle, "error": error})).await;
        let result = client.result().await;
        assert_eq!(data(&result)["confirmToken"].is_string(), given, "{result}");
        if !given {
            assert_eq!(reason(&result), "assurance_too_low");
            client.saw_no_token();
        }
        assert!(client.effects().is_empty());
    }
}

/// Results that are no objects of any sort that a dialog's answer could be.
#[tokio::test(start_paused = true)]
async fn a_pushed_question_survives_what_is_no_answer_at_all() {
    for result in [json!(5), json!(null), json!([]), json!("yes"), json!(true), json!([yes()])] {
        let mut client = Client::new(Era::Push).await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.clock.advance_ms(SLOW);
        client.tell(&asked, result.clone()).await;
        let refused = client.result().await;
        assert_eq!(reason(&refused), "assurance_too_low", "{result}: {refused}");
        assert!(client.effects().is_empty());
        client.saw_no_token();
        assert_eq!(text(&client.call("greet", &json!({})).await), "hello");
    }
}

/// Whoever answers to another id, or twice, answers nothing.
#[tokio::test(start_paused = true)]
async fn only_the_first_answer_to_the_very_question_counts() {
    let mut client = Client::new(Era::Push).await;
    let asked = client.ask("poke", &web()).await;
    client.talk.bench.clock.advance_ms(SLOW);
    for id in [json!(999), json!("no"), json!(-1)] {
        client.talk.send(&json!({"jsonrpc": "2.0", "id": id, "result": yes()})).await;
    }
    assert_eq!(client.talk.receive().await, None);
    client.tell(&asked, json!({"action": "decline"})).await;
    client.tell(&asked, yes()).await;
    assert_eq!(reason(&client.result().await), "approval_denied");
    assert_eq!(client.talk.receive().await, None);
    assert!(client.effects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dialog_that_nobody_answers_lapses() {
    let mut client = Client::new(Era::Push).await;
    let asked = client.ask("poke", &web()).await;
    let started = tokio::time::Instant::now();
    let lapsed = loop {
        if let Some(message) = client.talk.receive().await {
            break message;
        }
        assert!(started.elapsed() < Duration::from_secs(140));
    };
    assert_eq!(lapsed["method"], "notifications/cancelled");
    assert_eq!(lapsed["params"]["requestId"], asked.handle, "the client can take it away");
    assert!(started.elapsed() >= Duration::from_secs(120), "{:?}", started.elapsed());
    let refused = client.result().await;
    assert_eq!(reason(&refused), "assurance_too_low");
    assert!(text(&refused).contains("in time"), "{}", text(&refused));
    // What is said after that is nothing.
    client.tell(&asked, yes()).await;
    assert_eq!(client.talk.receive().await, None);
    assert_eq!(client.talk.events(), [Preview, Denied]);
    assert!(client.effects().is_empty());
    client.saw_no_token();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_taken_back_takes_its_dialog_with_it() {
    let mut client = Client::new(Era::Push).await;
    let call = client.params("poke", &web());
    let id = client.talk.ask(CALL, call.clone()).await;
    let asked = client.asked(call).await;
    let cancel = json!({"requestId": id, "reason": "enough"});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel});
    client.talk.send(&cancel).await;
    let lapsed = client.talk.receive().await.unwrap();
    assert_eq!(lapsed["params"]["requestId"], asked.handle, "{lapsed}");
    client.tell(&asked, yes()).await;
    assert_eq!(client.talk.receive().await, None, "nobody waits for an answer");
    assert_eq!(client.talk.events(), [Preview, Denied]);
    assert!(client.effects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_dialog_shows_what_would_happen_and_asks_for_one_thing() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let asked = client.ask("poke", &web()).await;
        let question = &asked.question;
        let message = question["message"].as_str().unwrap();
        for words in [
            "Preview: would poke web",
            "started  start 0",
            "Target: container web (010101010101)",
            "Countersign asks you, not the agent. Nothing has changed so far.",
        ] {
            assert!(message.contains(words), "{words}: {message}");
        }
        let schema = json!({
            "type": "object",
            "properties": {"confirm": {
                "type": "boolean",
                "title": "Go ahead with poke",
                "description": "Yes: it is done now. No: nothing changes.",
            }},
            "required": ["confirm"],
        });
        assert_eq!(question["requestedSchema"], schema);
        assert_eq!(question["mode"], "form");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dialog_shows_all_of_a_preview_and_names_how_many_there_are() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let engine = client.talk.bench.engine.clone();
        let put = |numbers: std::ops::Range<u8>, letters: usize| {
            for n in numbers {
                let name = format!("{}{n}", "x".repeat(letters));
                let id = crate::support::fakes::id(n);
                engine.put(crate::support::fakes::container(id, &name));
            }
        };
        put(10..16, 60);
        let asked = client.ask("poke_each", &json!({})).await;
        let message = asked.question["message"].as_str().unwrap();
        assert!(message.starts_with("Preview: would poke "), "{message}");
        assert!(message.contains("the rest is done"), "{message}");
        assert_eq!(message.matches("Target: ").count(), 5, "{message}");
        assert!(message.contains("… and 4 more"), "{message}");
        assert!(message.ends_with("Nothing has changed so far."), "{message}");
        client.answer(&asked, json!({"action": "decline"}), 1_000).await;
        // What is cut could hide what is confirmed: the caller gets it whole, and no dialog comes.
        put(16..50, 120);
        let result = client.call("poke_each", &json!({})).await;
        assert!(data(&result)["confirmToken"].is_string(), "{result}");
    }
}
