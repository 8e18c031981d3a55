//! The user's policy file under a running server: what it says now holds, is on record, and changes
//! the list of tools; what it cannot say is refused and changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};

use crate::support::play::Played;
use crate::support::program::{LEGACY, MODERN, Ran, Sandbox, Session, data, meta, text};

/// The user's file in this sandbox.
fn file(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.path().join("home/.config/countersign");
    fs::create_dir_all(&folder).unwrap();
    folder.join("policy.toml")
}

/// Has the user's file say this, in place or as an editor does it.
fn write(sandbox: &Sandbox, text: &str, in_place: bool) {
    let file = file(sandbox);
    if in_place {
        fs::write(file, text).unwrap();
    } else {
        let new = file.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
    }
}

fn denies(operation: &str) -> String {
    format!(
        "version = 1\n[[rule]]\nid = \"no-{operation}\"\neffect = \"deny\"\n\
         match = {{ op = \"{operation}\" }}\nreason = \"not today\"\n"
    )
}

fn names(listed: &Value) -> BTreeSet<String> {
    let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn tools(session: &mut Session) -> BTreeSet<String> {
    names(&session.request("tools/list", &json!({})))
}

const CHANGED: &str = "notifications/tools/list_changed";

#[test]
fn an_edited_file_changes_the_list_and_a_broken_one_does_not() {
    for in_place in [true, false] {
        let sandbox = Sandbox::new();
        let mut session = sandbox.serve(&[]);
        session.initialize(LEGACY);
        let everything = tools(&mut session);
        assert!(everything.contains("restart_container"));
        // Nobody asks for anything: it is seen all the same.
        write(&sandbox, &denies("restart_container"), in_place);
        assert_eq!(session.receive()["method"], CHANGED);
        let mut fewer = everything.clone();
        fewer.remove("restart_container");
        assert_eq!(tools(&mut session), fewer);
        let refused = session.call("restart_container", &json!({"container": "web"}));
        assert_eq!(data(&refused)["reason"], "policy_denied");
        assert!(text(&refused).contains("`no-restart_container` (not today)"), "{refused}");
        // A file that says nothing that can be a policy.
        write(&sandbox, "version = 1\n[[rule]]\nid = \"x\"\neffect = \"forbid\"\n", in_place);
        sandbox.await_events(3);
        assert_eq!(tools(&mut session), fewer, "the one before stays");
        session.lives();
        // What it said at first: nothing.
        fs::remove_file(file(&sandbox)).unwrap();
        assert_eq!(session.receive()["method"], CHANGED);
        assert_eq!(tools(&mut session), everything);
        let (code, rest, stderr) = session.end();
        assert_eq!((code, rest), (0, Vec::new()));
        assert!(stderr.contains("policy.toml:4:10"), "{stderr}");

        let lines = sandbox.requests();
        let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let expected = ["policy_loaded", "denied", "policy_rejected", "read", "policy_loaded"];
        assert_eq!(events, expected, "{lines:?}");
        let [loaded, denied, rejected, read, unloaded] = lines.as_slice() else { panic!() };
        assert_eq!(loaded["policy"], denied["policy"]);
        assert_ne!(loaded["policy"], loaded["before"]);
        assert_eq!(rejected["policy"], loaded["policy"]);
        let error = rejected["error"].as_str().unwrap();
        assert!(error.contains("policy.toml:4:10") && !error.contains("forbid"), "{error}");
        assert_eq!(read["policy"], loaded["policy"]);
        assert_eq!(unloaded["policy"], loaded["before"], "back to what it was");
        assert_eq!(unloaded["widened"], true, "a denial is gone");
    }
}

#[test]
fn a_modern_client_that_subscribed_is_told() {
    let sandbox = Sandbox::new();
    let mut session = sandbox.serve(&[]);
    let modern = json!({"_meta": meta(MODERN)});
    let everything = names(&session.request("tools/list", &modern));
    let mut listen = modern.clone();
    listen["notifications"] = json!({"toolsListChanged": true});
    let id = session.ask("subscriptions/listen", &listen);
    assert_eq!(session.receive()["method"], "notifications/subscriptions/acknowledged");
    write(&sandbox, &denies("stop_container"), false);
    let told = session.receive();
    assert_eq!(told["method"], CHANGED);
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
    let fewer = names(&session.request("tools/list", &modern));
    assert_eq!(everything.difference(&fewer).collect::<Vec<_>>(), ["stop_container"]);
    let (code, rest, _) = session.end();
    assert_eq!((code, rest.len()), (0, 1), "{rest:?}");
    assert_eq!(rest[0]["id"], id, "its subscription ends with it");
}

/// At most two restarts of a container an hour.
const SELDOM: &str = r#"
version = 1
base = "replace"
[[rule]]
id = "free"
effect = "allow"
match = { op = ["restart_container", "ping"] }
[[rule]]
id = "not-so-often"
effect = "deny"
match = { op = "restart_container" }
when = { at_least = "2 per 1h", scope = "target" }
"#;

#[test]
fn a_rate_holds_over_all_that_run_at_the_same_time() {
    let sandbox = Sandbox::new();
    write(&sandbox, SELDOM, true);
    let engine = Played::willing();
    let restart = || {
        let args = ["call", "restart_container", "container=web", "--host", &engine.address()];
        Ran::of(sandbox.program(&args).output().unwrap())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..6).map(|_| scope.spawn(restart)).collect();
        for ran in running {
            let ran = ran.join().unwrap();
            // One that met another one running on its target is told so.
            assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
        }
    });
    for _ in 0..3 {
        restart();
    }
    assert_eq!(engine.changes().len(), 2, "{:?}", engine.changes());
    let last = restart();
    assert_eq!(last.code, 3, "{last:?}");
    let said = last.stdout + &last.stderr;
    assert!(said.contains("`not-so-often`") && said.contains("2 per 1h"), "{said}");
    // A server that is started now knows of all that.
    let mut session = sandbox.serve(&["--host", &engine.address()]);
    session.initialize(LEGACY);
    assert!(tools(&mut session).contains("restart_container"), "it may be permitted later");
    let refused = session.call("restart_container", &json!({"container": "web"}));
    assert_eq!(data(&refused)["reason"], "policy_denied", "{refused}");
    assert_eq!(engine.changes().len(), 2);
}
