//! The state that a client comes back with: sealed, single-use, bound to its request, and never more
//! than one refusal tells apart.

use countersign::config::Via;
use countersign::core::policy::Policy;
use countersign::core::record::Event::{Allowed, Denied, Done, Preview};
use serde_json::{Value, json};

use super::{CALL, Client, Era, reason, web, yes};
use crate::support::program::{data, text};

async fn client() -> Client {
    Client::new(Era::Rounds).await
}

impl Client {
    /// Comes back with a state; the result.
    async fn come_back(&mut self, mut call: Value, state: &Value, said: Value) -> Value {
        call["requestState"] = state.clone();
        call["inputResponses"] = said;
        self.talk.ask(CALL, call).await;
        self.result().await
    }
}

/// The one refusal of every state that is not the request's own.
fn is_foreign(result: &Value) {
    assert_eq!(reason(result), "token_unknown", "{result}");
    assert!(text(result).contains("belongs to no question"), "{}", text(result));
    assert_eq!(data(result)["operation"], "poke");
}

/// The same state, wrong in each of these ways.
fn tampered(state: &str) -> Vec<String> {
    let (nonce, seal) = state.split_once('.').unwrap();
    let flip = |at: usize, text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(bytes).unwrap()
    };
    vec![
        flip(0, state),
        flip(state.len() - 1, state),
        format!("{}.{seal}", "0".repeat(nonce.len())),
        format!("{nonce}."),
        format!("{nonce}.hmac-sha256:{}", "0".repeat(64)),
        format!("{nonce}.{}", seal.to_uppercase()),
        format!("{nonce}.{}", seal.strip_suffix(|_: char| true).unwrap()),
        format!("{nonce}.{seal}0"),
        format!(".{seal}"),
        nonce.to_owned(),
        seal.to_owned(),
        state.strip_prefix(|_: char| true).unwrap().to_owned(),
        format!(" {state}"),
        String::new(),
        ".".into(),
        "rs1.AAAA.AAAA".into(),
        "\u{0}\u{1b}[31m\u{202e}".into(),
        "x".repeat(1_000_000),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_tampered_with_is_refused() {
    let state = client().await.ask("poke", &web()).await.handle;
    for n in 0..tampered(state.as_str().unwrap()).len() {
        let mut client = client().await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.clock.advance(1);
        let wrong = json!(tampered(asked.handle.as_str().unwrap())[n]);
        let said = json!({"confirm": yes()});
        is_foreign(&client.come_back(asked.call.clone(), &wrong, said).await);
        assert_eq!(client.talk.events(), [Preview, Denied]);
        assert_eq!(client.talk.bench.audit.last().op.as_deref(), Some("poke"));
        assert!(client.effects().is_empty());
        client.saw_no_token();
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_works_once() {
    for first in [yes(), json!({"action": "decline"}), json!({"action": "cancel"}), json!(7)] {
        let mut client = client().await;
        let asked = client.ask("poke", &web()).await;
        client.answer(&asked, first, 1000).await;
        let effects = client.effects().len();
        for _ in 0..2 {
            is_foreign(&client.answer(&asked, yes(), 1000).await);
        }
        assert_eq!(client.effects().len(), effects);
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_is_its_requests_own_and_gone_when_it_was_presented_wrongly() {
    for (tool, arguments) in [
        ("poke", json!({"container": "db"})),
        ("poke", json!({"container": "web", "timeout": 5})),
        ("poke", json!({"container": "web", "confirmToken": "00"})),
        ("poke", json!({})),
        ("poke_each", web()),
        ("greet", web()),
    ] {
        let mut client = client().await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.clock.advance(1);
        let said = json!({"confirm": yes()});
        let other = client.params(tool, &arguments);
        let refused = client.come_back(other, &asked.handle, said).await;
        assert_eq!(reason(&refused), "token_unknown", "{tool} {arguments}");
        is_foreign(&client.answer(&asked, yes(), 1000).await);
        assert!(client.effects().is_empty());
        client.saw_no_token();
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_of_another_process_is_refused() {
    let mut other = client().await;
    let theirs = other.ask("poke", &web()).await;
    let mut client = client().await;
    is_foreign(&client.answer(&theirs, yes(), 1000).await);
    // The fakes of both count the same, so that their nonces are alike: the key is not.
    let _ours = client.ask("poke", &web()).await;
    assert!(client.effects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_state_expires_with_its_grant() {
    for (after, ok) in [(119_999, true), (120_000, false)] {
        let mut client = client().await;
        let asked = client.ask("poke", &web()).await;
        let result = client.answer(&asked, yes(), after).await;
        if ok {
            assert_eq!(data(&result)["status"], "ok", "{result}");
        } else {
            is_foreign(&result);
            assert!(client.effects().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_our_answer_it_is_asked_anew() {
    for said in [Value::Null, json!({}), json!({"other": yes()})] {
        let mut client = client().await;
        let asked = client.ask("poke", &web()).await;
        client.talk.bench.clock.advance(1);
        let mut call = asked.call.clone();
        call["requestState"] = asked.handle.clone();
        if !said.is_null() {
            call["inputResponses"] = said;
        }
        client.talk.ask(CALL, call).await;
        let again = client.asked(asked.call.clone()).await;
        assert_ne!(again.handle, asked.handle);
        assert_eq!(client.talk.events(), [Preview, Denied, Preview]);
        is_foreign(&client.answer(&asked, yes(), 1000).await);
        let done = client.answer(&again, yes(), 1000).await;
        assert_eq!(data(&done)["status"], "ok", "{done}");
        assert_eq!(client.effects(), ["restart web"]);
        client.saw_no_token();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_its_state_is_no_answer() {
    let mut client = client().await;
    let mut call = client.params("poke", &web());
    call["inputResponses"] = json!({"confirm": yes()});
    client.talk.ask(CALL, call.clone()).await;
    client.asked(call).await;
    assert_eq!(client.talk.events(), [Preview]);
}

#[tokio::test(start_paused = true)]
async fn each_of_many_questions_has_its_own_answer() {
    let mut client = client().await;
    let mut asked = Vec::new();
    for name in ["web", "db", "cache"] {
        asked.push(client.ask("poke", &json!({"container": name})).await);
    }
    client.answer(&asked[1], json!({"action": "decline"}), 1000).await;
    let done = client.answer(&asked[2], yes(), 0).await;
    assert_eq!(data(&done)["status"], "ok", "{done}");
    let done = client.answer(&asked[0], yes(), 0).await;
    assert_eq!(data(&done)["status"], "ok", "{done}");
    assert_eq!(client.effects(), ["restart cache", "restart web"]);
    assert_eq!(
        client.talk.events(),
        [Preview, Preview, Preview, Denied, Allowed, Done, Allowed, Done]
    );
}

#[tokio::test(start_paused = true)]
async fn of_too_many_questions_the_oldest_lapses() {
    let mut client = client().await;
    let first = client.ask("poke", &web()).await;
    for _ in 0..63 {
        client.ask("poke", &web()).await;
    }
    let last = client.ask("poke", &web()).await;
    is_foreign(&client.answer(&first, yes(), 1000).await);
    let done = client.answer(&last, yes(), 0).await;
    assert_eq!(data(&done)["status"], "ok", "{done}");
}

#[tokio::test(start_paused = true)]
async fn a_state_is_refused_where_nobody_is_ever_asked() {
    let mut client = Client::with(Era::Rounds, Via::Token, Policy::builtin()).await;
    let call = client.params("poke", &web());
    let state = json!(format!("{}.hmac-sha256:{}", "0".repeat(16), "0".repeat(64)));
    is_foreign(&client.come_back(call, &state, json!({"confirm": yes()})).await);
    assert_eq!(client.talk.events(), [Denied]);
}
