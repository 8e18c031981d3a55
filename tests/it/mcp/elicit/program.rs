//! The real program, its log and its clock: a golden log of each answer, in both eras.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{dialogs, yes};
use crate::support::play::Played;
use crate::support::program::{LEGACY, MODERN, Sandbox, Session, data, meta};

/// Longer than an answer that nobody has read.
const READING: Duration = Duration::from_millis(350);

/// Restarts `web`, answers the question, and gives the result.
fn restart(session: &mut Session, modern: bool, answer: &Value, after: Duration) -> Value {
    let mut call = json!({"name": "restart_container", "arguments": {"container": "web"}});
    if modern {
        call["_meta"] = meta(MODERN);
        call["_meta"]["io.modelcontextprotocol/clientCapabilities"] = dialogs();
        let asked = session.request("tools/call", &call);
        thread::sleep(after);
        call["inputResponses"] = json!({"confirm": answer});
        call["requestState"] = asked["result"]["requestState"].clone();
        return session.request("tools/call", &call)["result"].clone();
    }
    let id = json!(session.ask("tools/call", &call));
    let asked = session.receive();
    assert_eq!(asked["method"], "elicitation/create", "{asked}");
    thread::sleep(after);
    session.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": answer}));
    session.answer(&id)["result"].clone()
}

fn start(sandbox: &Sandbox, engine: &Played, modern: bool) -> Session {
    let mut session = sandbox.serve(&["--host", &engine.address()]);
    if !modern {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": dialogs(),
            "clientInfo": {"name": "modern", "version": "8"},
        });
        session.request("initialize", &params);
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }
    session
}

/// The lines without what is another at every run.
fn lines(sandbox: &Sandbox) -> Vec<Value> {
    let mut lines = sandbox.requests();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        for key in ["seq", "ts", "prev", "session", "req", "plan", "policy", "expires", "ms"] {
            line.remove(key);
        }
        line["caller"] = line["caller"]["client"].take();
    }
    lines
}

#[test]
fn the_log_of_each_answer_is_golden_and_the_same_in_both_eras() {
    let [push, rounds] = [false, true].map(|modern| {
        let (sandbox, engine) = (Sandbox::new(), Played::willing());
        let mut session = start(&sandbox, &engine, modern);
        let decline = json!({"action": "decline"});
        let cancel = json!({"action": "cancel"});
        let done = restart(&mut session, modern, &yes(), READING);
        assert_eq!(data(&done)["status"], "ok", "{done}");
        let closed = restart(&mut session, modern, &cancel, READING);
        assert_eq!(data(&closed)["reason"], "assurance_too_low", "{closed}");
        let denied = restart(&mut session, modern, &decline, Duration::ZERO);
        assert_eq!(data(&denied)["reason"], "approval_denied", "{denied}");
        assert_eq!(engine.changes().len(), 1);
        assert_eq!(session.end().0, 0);
        lines(&sandbox)
    });
    assert_eq!(push, rounds);
    let golden: Vec<String> = push.iter().map(Value::to_string).collect();
    insta::assert_snapshot!(golden.join("\n"));
}

#[test]
fn the_setting_is_read_from_the_file() {
    for (via, asked) in [("auto", true), ("token", false), ("elicit", true)] {
        let (sandbox, engine) = (Sandbox::new(), Played::willing());
        let folder = sandbox.path().join("home/.config/countersign");
        fs::create_dir_all(&folder).unwrap();
        let file = format!("version = 1\n[confirm]\nvia = \"{via}\"\n");
        fs::write(folder.join("policy.toml"), file).unwrap();
        let mut session = start(&sandbox, &engine, false);
        let call = json!({"name": "restart_container", "arguments": {"container": "web"}});
        session.ask("tools/call", &call);
        let first = session.receive();
        assert_eq!(first["method"] == "elicitation/create", asked, "{via}: {first}");
        let token = data(&first["result"])["confirmToken"].is_string();
        assert_eq!(token, !asked, "{via}: {first}");
        assert_eq!(session.end().0, 0, "an open dialog keeps nobody");
    }
}

#[test]
fn a_program_that_is_told_to_end_leaves_no_dialog_open() {
    let (sandbox, engine) = (Sandbox::new(), Played::willing());
    let mut session = start(&sandbox, &engine, false);
    let call = json!({"name": "restart_container", "arguments": {"container": "web"}});
    session.ask("tools/call", &call);
    session.receive();
    let pid = rustix::process::Pid::from_raw(i32::try_from(session.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    sandbox.await_events(2);
    assert_eq!(sandbox.events(), ["preview", "denied"]);
    assert_eq!(session.end().0, 0);
    assert!(engine.changes().is_empty());
}
