//! Changes: the two phases, and every way in which one can be cut short.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::door::Deed;
use crate::support::play::{Played, SECRET, WEB};
use crate::support::program::{LEGACY, Sandbox, Session, data, text};

fn session(sandbox: &Sandbox, engine: &Played) -> Session {
    let mut session = sandbox.serve(&["--host", &engine.address()]);
    session.initialize(LEGACY);
    session
}

/// Asks for a restart of `web`; the arguments that go ahead with it.
fn preview(session: &mut Session) -> Value {
    let result = session.call("restart_container", &json!({"container": "web"}));
    assert_eq!(result["isError"], false, "{result}");
    assert_eq!(data(&result)["status"], "confirmation_required");
    json!({"container": "web", "confirmToken": data(&result)["confirmToken"]})
}

/// Confirms it and does not wait for the answer.
fn confirm(session: &mut Session, arguments: &Value) -> u64 {
    session.ask("tools/call", &json!({"name": "restart_container", "arguments": arguments}))
}

fn signal(session: &Session, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(session.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// An engine whose changes take so long.
fn slow(seconds: f32) -> Played {
    Played::with(move || {
        sleep(Duration::from_secs_f32(seconds));
        Deed::Say(204, String::new())
    })
}

#[test]
fn a_change_takes_two_calls() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let mut session = session(&sandbox, &engine);
    let first = session.call("restart_container", &json!({"container": "web"}));
    let token = data(&first)["confirmToken"].as_str().unwrap();
    assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    let lines: Vec<&str> = text(&first).lines().rev().take(2).collect();
    assert_eq!(
        lines,
        [
            format!("confirmToken={token} (single use, valid 120 s).").as_str(),
            "Nothing has changed. To go ahead, call restart_container again with the same \
             arguments and",
        ]
    );
    assert!(data(&first)["expiresAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(data(&first)["target"]["id"], WEB);
    assert_eq!(engine.changes(), Vec::<String>::new());

    let arguments = json!({"container": "web", "confirmToken": token});
    let second = session.call("restart_container", &arguments);
    assert_eq!((&second["isError"], &data(&second)["status"]), (&json!(false), &json!("ok")));
    assert_eq!(data(&second)["plan"], data(&first)["plan"]);
    assert_eq!(engine.changes().len(), 1);
    assert!(engine.changes()[0].contains(&format!("/containers/{WEB}/restart?t=10 ")));

    let third = session.call("restart_container", &arguments);
    assert_eq!(data(&third)["reason"], "token_used");
    assert_eq!(third["isError"], true);
    assert_eq!(engine.changes().len(), 1);
    assert_eq!(sandbox.events(), ["preview", "allowed", "done", "denied"]);
    let lines = sandbox.requests();
    assert_eq!(lines[1]["assurance"], "echo");
    assert_eq!(lines[1]["target"]["name"], "web");
    assert!(lines.iter().all(|line| !line.to_string().contains(token)), "the token is logged");
    let (code, _, stderr) = session.end();
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(!format!("{lines:?}{first}{second}").contains(SECRET));
}

#[test]
fn a_target_that_changed_in_between_gets_a_new_preview() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    engine.start_by_itself();
    let result = session.call("restart_container", &arguments);
    assert_eq!(result["isError"], true);
    assert_eq!(data(&result)["reason"], "plan_changed");
    assert_eq!(engine.changes(), Vec::<String>::new());
    let token = &data(&result)["confirmToken"];
    assert_ne!(*token, arguments["confirmToken"]);
    let again = json!({"container": "web", "confirmToken": token});
    assert_eq!(data(&session.call("restart_container", &again))["status"], "ok");
    assert_eq!(engine.changes().len(), 1);
}

#[test]
fn read_only_lets_nobody_confirm() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let mut session = sandbox.serve(&["--host", &engine.address(), "--read-only"]);
    session.initialize(LEGACY);
    let result = session.call("restart_container", &json!({"container": "web"}));
    assert_eq!(data(&result)["reason"], "read_only");
    assert_eq!(data(&result).get("confirmToken"), None);
}

#[test]
fn a_client_that_leaves_during_a_change_still_gets_its_answer() {
    let (sandbox, engine) = (Sandbox::new(), slow(1.0));
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    let id = confirm(&mut session, &arguments);
    engine.await_changes(1);
    let (code, rest, _) = session.end();
    assert_eq!(code, 0);
    let [answer] = rest.as_slice() else { panic!("{rest:?}") };
    assert_eq!(answer["id"], id);
    assert_eq!(data(&answer["result"])["status"], "ok");
    assert_eq!(sandbox.events(), ["preview", "allowed", "done"]);
}

#[test]
fn a_change_that_outlasts_its_client_is_finished_and_recorded() {
    // Longer than the five seconds for which the connection is kept.
    let (sandbox, engine) = (Sandbox::new(), slow(6.5));
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    confirm(&mut session, &arguments);
    engine.await_changes(1);
    let (code, _, _) = session.end();
    assert_eq!(code, 0);
    assert_eq!(sandbox.events(), ["preview", "allowed", "done"]);
}

#[test]
fn a_server_that_is_told_to_end_finishes_the_change() {
    for told in [Signal::TERM, Signal::INT] {
        let (sandbox, engine) = (Sandbox::new(), slow(1.0));
        let mut session = session(&sandbox, &engine);
        let arguments = preview(&mut session);
        confirm(&mut session, &arguments);
        engine.await_changes(1);
        signal(&session, told);
        // Standard input stays open until the server has gone by itself.
        sandbox.await_events(3);
        assert_eq!(session.end().0, 0);
        assert_eq!(sandbox.events(), ["preview", "allowed", "done"]);
    }
}

#[test]
fn a_cancelled_change_is_finished_and_recorded() {
    let (sandbox, engine) = (Sandbox::new(), slow(0.5));
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    let id = confirm(&mut session, &arguments);
    engine.await_changes(1);
    session.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id},
    }));
    assert_eq!(session.end().0, 0);
    assert_eq!(sandbox.events(), ["preview", "allowed", "done"]);
}

#[test]
fn an_engine_that_goes_away_after_the_request_leaves_the_outcome_unknown() {
    let (sandbox, engine) = (Sandbox::new(), Played::with(|| Deed::HangUp));
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    let result = session.call("restart_container", &arguments);
    assert_eq!(result["isError"], true);
    assert_eq!(data(&result)["status"], "unknown");
    assert_eq!(data(&result)["reason"], "outcome_unknown");
    assert!(text(&result).starts_with("Error: "));
    assert_eq!(engine.changes().len(), 1, "it was not tried again");
    assert_eq!(sandbox.events(), ["preview", "allowed", "unknown"]);
    session.lives();
}

#[test]
fn an_engine_that_refuses_leaves_the_change_failed() {
    let (sandbox, engine) = (Sandbox::new(), Played::with(|| Deed::Say(404, "{}".into())));
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    let result = session.call("restart_container", &arguments);
    assert_eq!(result["isError"], true);
    assert_ne!(data(&result)["status"], "ok");
    let events = sandbox.events();
    assert!(["failed", "unknown"].contains(&events[2].as_str()), "{events:?}");
}

#[test]
fn an_engine_that_is_gone_before_the_request_leaves_nothing_changed() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let mut session = session(&sandbox, &engine);
    let arguments = preview(&mut session);
    engine.shut();
    let result = session.call("restart_container", &arguments);
    assert_eq!(data(&result)["reason"], "engine_unavailable", "{}", text(&result));
    assert_eq!(engine.changes(), Vec::<String>::new());
    assert_eq!(sandbox.events(), ["preview", "denied"]);
    session.lives();
}

#[test]
fn the_intent_of_a_killed_server_is_closed_as_unknown_exactly_once() {
    let (sandbox, engine) = (Sandbox::new(), slow(30.0));
    let mut killed = session(&sandbox, &engine);
    let arguments = preview(&mut killed);
    confirm(&mut killed, &arguments);
    engine.await_changes(1);
    signal(&killed, Signal::KILL);
    assert_eq!(killed.end().0, -9);
    assert_eq!(sandbox.events(), ["preview", "allowed"]);
    let open = sandbox.run(&["audit", "verify", "--json"]).json();
    assert_eq!(open["report"]["open"][0]["in_flight"], false, "{open}");

    let mut next = session(&sandbox, &engine);
    assert_eq!(sandbox.events().len(), 2, "starting writes nothing");
    next.lives();
    next.lives();
    assert_eq!(next.end().0, 0);
    let mut third = session(&sandbox, &engine);
    third.lives();
    assert_eq!(third.end().0, 0);
    assert_eq!(sandbox.events(), ["preview", "allowed", "unknown", "read", "read", "read"]);
    let lines = sandbox.requests();
    assert_eq!(lines[2]["req"], lines[1]["req"]);
    assert_eq!(lines[2]["target"], lines[1]["target"]);
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
}

#[test]
fn a_change_in_flight_is_not_closed_by_another_server() {
    let (sandbox, engine) = (Sandbox::new(), slow(1.5));
    let mut first = session(&sandbox, &engine);
    let mut second = session(&sandbox, &engine);
    let arguments = preview(&mut first);
    let other = preview(&mut second);
    let id = confirm(&mut first, &arguments);
    engine.await_changes(1);
    let busy = second.call("restart_container", &other);
    assert_eq!(data(&busy)["reason"], "busy", "{}", text(&busy));
    second.lives();
    assert_eq!(data(&first.answer(&json!(id))["result"])["status"], "ok");
    assert!(!sandbox.events().contains(&"unknown".to_owned()), "{:?}", sandbox.events());
    assert_eq!(engine.changes().len(), 1);
}
