//! What else happens while a question waits: the target changes, others call, the client leaves.

use std::time::Duration;

use countersign::config::Via;
use countersign::core::policy::Effect;
use countersign::core::record::Event::{Allowed, Denied, Done, PolicyLoaded, Preview, Read};
use serde_json::{Value, json};

use super::{CALL, Client, ERAS, Era, reason, web, yes};
use crate::support::policies::{all, policy, rule};
use crate::support::program::{data, text};

#[tokio::test(start_paused = true)]
async fn what_changed_since_the_question_is_asked_about_anew() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.engine.change(1, |web| web.state.started_at = "later".into());
        client.talk.bench.clock.advance(1);
        client.tell(&asked, yes()).await;
        let again = client.asked(asked.call.clone()).await;
        let message = again.question["message"].as_str().unwrap();
        assert!(message.contains("no longer what the preview showed"), "{message}");
        assert!(message.contains("started  later"), "{message}");
        assert!(client.effects().is_empty(), "a yes to the old is none to the new");
        let done = client.answer(&again, yes(), 1000).await;
        assert_eq!(data(&done)["status"], "ok", "{done}");
        assert_eq!(client.talk.events(), [Preview, Denied, Preview, Allowed, Done]);
        client.saw_no_token();
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_changing_is_not_asked_about_for_ever() {
    let mut client = Client::new(Era::Push).await;
    let mut asked = client.ask("poke", &web()).await;
    for round in 0..3 {
        client.talk.bench.engine.change(1, |web| web.state.started_at = format!("{round}"));
        client.talk.bench.clock.advance(1);
        client.tell(&asked, yes()).await;
        if round < 2 {
            asked = client.asked(asked.call.clone()).await;
        }
    }
    let refused = client.result().await;
    assert_eq!(reason(&refused), "assurance_too_low", "{refused}");
    assert!(text(&refused).contains("keeps changing"), "{}", text(&refused));
    assert!(client.effects().is_empty());
    client.saw_no_token();
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_denies_by_now_denies() {
    for era in ERAS {
        let ask = all("ask", Effect::Confirm);
        let mut client = Client::with(era, Via::Auto, policy(std::slice::from_ref(&ask))).await;
        let asked = client.ask("poke", &web()).await;
        // What is offered stays the same, so that nobody is told of another list.
        let no = rule("not-web", Effect::Deny, &[("name", &["web"])]);
        client.talk.switch.load(policy(&[ask, no]), false);
        let refused = client.answer(&asked, yes(), 1000).await;
        assert_eq!(reason(&refused), "policy_denied", "{refused}");
        assert_eq!(client.talk.events(), [Preview, PolicyLoaded, Denied]);
        assert!(client.effects().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn open_dialogs_keep_nobody_from_anything() {
    let mut client = Client::new(Era::Push).await;
    let mut asked = Vec::new();
    for _ in 0..64 {
        asked.push(client.ask("poke", &web()).await);
    }
    let greeted = client.call("greet", &json!({})).await;
    assert_eq!(text(&greeted), "hello", "no place is taken");
    // One more is one too many: nobody answers so many.
    let refused = client.call("poke", &web()).await;
    assert_eq!(reason(&refused), "assurance_too_low");
    assert!(text(&refused).contains("too many dialogs"), "{}", text(&refused));
    let done = client.answer(&asked[40], yes(), 1000).await;
    assert_eq!(data(&done)["status"], "ok", "no target is locked: {done}");
    assert_eq!(client.effects(), ["restart web"]);
    let after = client.talk.events()[64..].to_vec();
    assert_eq!(after, [Read, Preview, Denied, Allowed, Done]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_its_dialogs_with_it() {
    let mut client = Client::new(Era::Push).await;
    for _ in 0..2 {
        client.ask("poke", &web()).await;
    }
    client.talk.bench.clock.advance(1);
    let (audit, engine) = (client.talk.bench.audit.clone(), client.talk.bench.engine.clone());
    let started = tokio::time::Instant::now();
    let rest = client.talk.end().await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(rest.len(), 2, "{rest:?}");
    for message in &rest {
        assert_eq!(reason(&message["result"]), "assurance_too_low", "{message}");
    }
    assert_eq!(audit.events(), [Preview, Preview, Denied, Denied]);
    assert!(engine.effects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_told_to_end_ends_its_dialogs_on_record() {
    let mut client = Client::new(Era::Push).await;
    client.ask("poke", &web()).await;
    client.talk.bench.clock.advance(1);
    client.talk.tell_to_end();
    let (audit, engine) = (client.talk.bench.audit.clone(), client.talk.bench.engine.clone());
    let started = tokio::time::Instant::now();
    client.talk.rest().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(audit.events(), [Preview, Denied]);
    assert!(engine.effects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_of_what_was_confirmed_and_not_before() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        *client.talk.bench.engine.takes.lock().unwrap() = Duration::from_millis(400);
        let mut call = client.params("poke_each", &json!({}));
        call["_meta"]["progressToken"] = json!("p");
        client.talk.ask(CALL, call.clone()).await;
        let asked = client.asked(call).await;
        client.talk.bench.clock.advance(1);
        client.tell(&asked, yes()).await;
        let mut told = 0;
        let done = loop {
            let message: Value = client.talk.receive().await.unwrap();
            if message["method"] != "notifications/progress" {
                break message["result"].clone();
            }
            told += 1;
        };
        assert!((1..=3).contains(&told), "{told}");
        assert_eq!(data(&done)["status"], "ok", "{done}");
        assert_eq!(client.effects().len(), 3);
    }
}
