//! Progress: whoever asks to be told is told, in rising order, and never after the answer.

use serde_json::{Value, json};

use crate::support::engine::{Engine, SOCKET};
use crate::support::program::{LEGACY, MODERN, Sandbox, Session, data, meta, text};

/// A project of three containers of which each takes a while to stop.
fn project(engine: &Engine) -> String {
    let project = format!("{}-p", engine.run());
    for service in ["a", "b", "c"] {
        engine
            .script("trap 'sleep 0.4; exit 0' TERM; sleep 3600 & wait")
            .named(&format!("{project}-{service}"))
            .label("com.docker.compose.project", &project)
            .label("com.docker.compose.service", service)
            .start();
    }
    project
}

/// Calls a tool with this `_meta`; the notifications that came before the answer, and its result.
fn call(session: &mut Session, params: &Value) -> (Vec<Value>, Value) {
    let id = session.ask("tools/call", params);
    let mut before = Vec::new();
    loop {
        let message = session.receive();
        if message["id"] == json!(id) {
            return (before, message["result"].clone());
        }
        before.push(message);
    }
}

/// Restarts the project: what came before the answer to the preview, and before the last answer.
fn restart(session: &mut Session, project: &str, meta: &Value) -> [Vec<Value>; 2] {
    let mut arguments = json!({"project": project});
    let params = |arguments: &Value| json!({"_meta": meta, "name": "restart_project", "arguments": arguments});
    let (first, preview) = call(session, &params(&arguments));
    assert_eq!(data(&preview)["status"], "confirmation_required", "{preview}");
    arguments["confirmToken"] = data(&preview)["confirmToken"].clone();
    let (second, done) = call(session, &params(&arguments));
    assert_eq!(data(&done)["status"], "ok", "{}", text(&done));
    [first, second]
}

fn session(sandbox: &Sandbox) -> Session {
    sandbox.serve(&["--host", &format!("unix://{SOCKET}"), "--toolsets", "projects"])
}

#[test]
fn who_asks_is_told_of_each_step_in_both_eras() {
    let engine = Engine::connect();
    let project = project(&engine);
    for (modern, token) in [(false, json!("watch")), (false, json!(7)), (true, json!("m"))] {
        let sandbox = Sandbox::new();
        let mut session = session(&sandbox);
        let mut meta = if modern { meta(MODERN) } else { json!({}) };
        meta["progressToken"] = token.clone();
        if !modern {
            session.initialize(LEGACY);
        }
        let [preview, told] = restart(&mut session, &project, &meta);
        assert!(preview.is_empty(), "a preview takes no steps: {preview:?}");
        assert_eq!(told.len(), 3, "{told:?}");
        for (done, (one, service)) in told.iter().zip(["a", "b", "c"]).enumerate() {
            assert_eq!(one["method"], "notifications/progress");
            let params = &one["params"];
            assert_eq!(params["progressToken"], token);
            assert_eq!(
                (params["progress"].as_f64(), params["total"].as_f64()),
                (Some(done as f64), Some(3.0))
            );
            assert_eq!(params["message"], format!("{project}-{service}"));
        }
        let (code, rest, stderr) = session.end();
        assert_eq!((code, rest, stderr.as_str()), (0, vec![], ""), "nothing after the answer");
    }
}

#[test]
fn who_does_not_ask_is_not_told() {
    let engine = Engine::connect();
    let project = project(&engine);
    for modern in [false, true] {
        let sandbox = Sandbox::new();
        let mut session = session(&sandbox);
        if !modern {
            session.initialize(LEGACY);
        }
        let meta = if modern { meta(MODERN) } else { json!({}) };
        assert!(restart(&mut session, &project, &meta).iter().all(Vec::is_empty));
        assert_eq!(session.end().1, Vec::<Value>::new());
    }
}

#[test]
fn a_read_and_a_fast_change_tell_little() {
    let engine = Engine::connect();
    let project = project(&engine);
    let sandbox = Sandbox::new();
    let mut session = session(&sandbox);
    session.initialize(LEGACY);
    let meta = json!({"progressToken": 1});
    let params = json!({"_meta": meta, "name": "get_project", "arguments": {"project": project}});
    assert_eq!(call(&mut session, &params).0, Vec::<Value>::new());
    // Nothing has to be done, so that the steps follow each other faster than they are told.
    let mut arguments = json!({"project": project});
    let start =
        |arguments: &Value| json!({"_meta": meta, "name": "start_project", "arguments": arguments});
    let (_, preview) = call(&mut session, &start(&arguments));
    arguments["confirmToken"] = data(&preview)["confirmToken"].clone();
    let (told, done) = call(&mut session, &start(&arguments));
    assert_eq!(data(&done)["status"], "ok", "{}", text(&done));
    assert!(told.len() <= 3, "{told:?}");
    let rising: Vec<f64> =
        told.iter().map(|one| one["params"]["progress"].as_f64().unwrap()).collect();
    assert!(rising.is_sorted_by(|one, next| one < next), "{rising:?}");
    assert_eq!(session.end().1, Vec::<Value>::new());
}
