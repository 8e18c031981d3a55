//! Who is asked at all: by what the client can do, by `[confirm] via` and by what policy takes.

use countersign::config::Via;
use countersign::core::grant::Assurance::{self, Echo, Elicit, Tty};
use countersign::core::policy::{Effect, Policy};
use countersign::core::record::Event::{Allowed, Denied, Done, Preview};
use serde_json::{Value, json};

use super::{CALL, Client, ERAS, Era, dialogs, reason, takes, token, web, yes};
use crate::gate::with_token;
use crate::support::policies::{all, policy};
use crate::support::program::{MODERN, data, meta, text};
use crate::support::talk::Talk;

/// What comes of a first call: `asked`, `token`, or the reason of a refusal.
async fn outcome(talk: &mut Talk, params: Value) -> String {
    talk.ask(CALL, params).await;
    let message = talk.receive().await.unwrap();
    if message["method"] == "elicitation/create"
        || message["result"]["resultType"] == "input_required"
    {
        return "asked".into();
    }
    let data = data(&message["result"]);
    match data["confirmToken"].as_str() {
        Some(_) => "token".into(),
        None => data["reason"].as_str().unwrap_or_else(|| panic!("{message}")).into(),
    }
}

fn poke() -> Value {
    json!({"name": "poke", "arguments": web()})
}

#[tokio::test(start_paused = true)]
async fn only_a_client_that_can_show_forms_is_asked() {
    let cases = [
        (json!({}), false),
        (json!({"elicitation": {}}), true),
        (json!({"elicitation": {"form": {}}}), true),
        (dialogs(), true),
        (json!({"elicitation": {"url": {}}}), false),
        (json!({"sampling": {}, "roots": {}}), false),
    ];
    for (can, forms) in cases {
        for (revision, dialogs) in [
            ("2024-11-05", false),
            ("2025-03-26", false),
            ("2025-06-18", true),
            ("2025-11-25", true),
        ] {
            let mut talk = Talk::new(Policy::builtin());
            talk.initialize_as(revision, can.clone()).await;
            talk.is_ready().await;
            let expected = if forms && dialogs { "asked" } else { "token" };
            assert_eq!(outcome(&mut talk, poke()).await, expected, "{revision} {can}");
        }
        let mut talk = Talk::new(Policy::builtin());
        let mut params = poke();
        params["_meta"] = meta(MODERN);
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = can.clone();
        let expected = if forms { "asked" } else { "token" };
        assert_eq!(outcome(&mut talk, params).await, expected, "modern {can}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_settings_and_the_policy_say_who_is_asked() {
    let everything: &[Assurance] = &[Echo, Elicit, Tty];
    let too_low = "assurance_too_low";
    for (via, accept, with_dialogs, without) in [
        (Via::Auto, everything, "asked", "token"),
        (Via::Auto, &[Elicit, Tty], "asked", too_low),
        (Via::Auto, &[Echo], "token", "token"),
        (Via::Auto, &[Tty], too_low, too_low),
        (Via::Token, everything, "token", "token"),
        (Via::Token, &[Elicit, Tty], too_low, too_low),
        (Via::Elicit, everything, "asked", too_low),
        (Via::Elicit, &[Elicit, Tty], "asked", too_low),
        (Via::Elicit, &[Echo], too_low, too_low),
        (Via::Elicit, &[Tty], too_low, too_low),
    ] {
        for era in ERAS {
            let mut client = Client::with(era, via, takes(accept)).await;
            let params = client.params("poke", &web());
            let came = outcome(&mut client.talk, params.clone()).await;
            assert_eq!(came, with_dialogs, "{via:?} {accept:?} {era:?}");
            let mut plain = Talk::via(via, takes(accept));
            let mut params = params;
            if era == Era::Push {
                plain.initialize().await;
                plain.is_ready().await;
            } else {
                params["_meta"] = meta(MODERN);
            }
            let came = outcome(&mut plain, params).await;
            assert_eq!(came, without, "{via:?} {accept:?} {era:?}");
            if came == too_low {
                assert_eq!(plain.events().last(), Some(&Denied));
                assert!(!plain.wire.contains("confirmToken="), "{}", plain.wire);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_how_else_it_is_confirmed() {
    let mut talk = Talk::legacy(takes(&[Elicit, Tty])).await;
    let answer = talk.request(CALL, poke()).await;
    let said = text(&answer["result"]);
    assert!(said.starts_with("Error: ") && said.contains("`countersign call poke`"), "{said}");
    assert!(said.contains("a client that has such dialogs"), "{said}");
    assert_eq!(talk.events(), [Denied]);
    let mut talk = Talk::via(Via::Elicit, Policy::builtin());
    talk.initialize().await;
    talk.is_ready().await;
    let answer = talk.request(CALL, poke()).await;
    let said = text(&answer["result"]);
    assert!(said.contains("this client has none") && said.contains("`[confirm] via`"), "{said}");
    assert_eq!(talk.events(), [Preview, Denied]);
}

#[tokio::test(start_paused = true)]
async fn where_policy_takes_no_token_a_fast_answer_gets_none() {
    for era in ERAS {
        for (via, policy) in
            [(Via::Auto, takes(&[Elicit, Tty])), (Via::Elicit, takes(&[Echo, Elicit]))]
        {
            for answer in [yes(), json!({"action": "cancel"})] {
                let mut client = Client::with(era, via, takes_again(&policy)).await;
                let asked = client.ask("poke", &web()).await;
                let refused = client.answer(&asked, answer, 20).await;
                assert_eq!(reason(&refused), "assurance_too_low", "{refused}");
                let said = text(&refused);
                assert!(said.contains("sooner than anybody could read"), "{said}");
                assert_eq!(client.talk.events(), [Preview, Denied]);
                assert!(client.effects().is_empty());
                client.saw_no_token();
            }
        }
    }
}

/// The same policy once more.
fn takes_again(policy: &Policy) -> Policy {
    Policy::new(policy.rules().to_vec())
}

#[tokio::test(start_paused = true)]
async fn whoever_presents_a_token_confirms_by_it_and_by_nothing_better() {
    for era in ERAS {
        let mut client = Client::new(era).await;
        let asked = client.ask("poke", &web()).await;
        let preview = client.answer(&asked, json!({"action": "cancel"}), 20).await;
        let first = token(&preview);
        // What it was given for has changed: it is asked about as ever, and answered as fast.
        client.talk.bench.engine.change(1, |web| web.state.started_at = "later".into());
        let asked = client.ask("poke", &with_token(web(), &first)).await;
        let changed = client.answer(&asked, json!({"action": "cancel"}), 20).await;
        assert_eq!(reason(&changed), "plan_changed");
        let done = client.call("poke", &with_token(web(), &token(&changed))).await;
        assert_eq!(data(&done)["status"], "ok", "{done}");
        let last = client.talk.bench.audit.last();
        assert_eq!((last.event, last.assurance), (Done, Some(Echo)));
        for wrong in ["", "00", "no", &"0".repeat(32), &first] {
            let refused = client.call("poke", &with_token(web(), wrong)).await;
            assert!(["token_unknown", "token_used"].contains(&reason(&refused)), "{refused}");
        }
        // Where there are dialogs only, no token is known.
        let mut client = Client::with(era, Via::Elicit, Policy::builtin()).await;
        let refused = client.call("poke", &with_token(web(), &first)).await;
        assert_eq!(reason(&refused), "token_unknown");
    }
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_confirmation_asks_nobody() {
    for era in ERAS {
        for via in [Via::Auto, Via::Token, Via::Elicit] {
            let mut client = Client::with(era, via, policy(&[all("go", Effect::Allow)])).await;
            let done = client.call("poke", &web()).await;
            assert_eq!(data(&done)["status"], "ok", "{done}");
            let read = client.call("greet", &json!({})).await;
            assert_eq!(text(&read), "hello");
            assert_eq!(client.talk.events()[..2], [Allowed, Done]);
            assert_eq!(client.talk.bench.audit.records()[0].0.assurance, Some(Assurance::Policy));
            let mut client = Client::with(era, via, policy(&[all("no", Effect::Deny)])).await;
            assert_eq!(reason(&client.call("poke", &web()).await), "policy_denied");
        }
    }
}
