//! Whether a command began: one that could not be started did not end with a code.

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use serde_json::json;

use super::{shell, sleeper};
use crate::support::engine::Engine;
use crate::support::real::Real;

#[tokio::test]
async fn a_command_that_could_not_be_started_has_failed() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let real = Real::new(engine.adapter());
    for (key, value, why) in [
        ("command", json!(["/no/such/program"]), "no such file"),
        ("command", json!(["nonexist"]), "not found in $PATH"),
        ("command", json!(["/etc"]), "permission denied"),
        ("user", json!("nobodyx"), "unable to find user nobodyx"),
        ("workdir", json!("/nonexistent"), "no such file"),
    ] {
        let mut arguments = json!({"container": web.name, "command": ["true"]});
        arguments[key] = value;
        let (_, failed) = real.confirm("exec_in_container", arguments).await;
        assert_eq!((failed.status, failed.reason), (Status::Failed, Some(Reason::EngineError)));
        for words in ["could not start the command", "nothing of it ran", why, "new preview"] {
            assert!(failed.text.contains(words), "{words}: {}", failed.text);
        }
        assert!(!failed.text.contains("exit code"), "{}", failed.text);
        let last = real.log.last();
        assert_eq!((last.event, last.reason), (Event::Failed, Some(Reason::EngineError)));
        assert!(last.error.unwrap().contains(why));
    }
}

#[tokio::test]
async fn a_command_that_ran_has_its_code_whatever_it_writes() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let real = Real::new(engine.adapter());
    for (script, code) in [
        ("exit 126", 126),
        ("nonexist", 127),
        ("echo 'OCI runtime exec failed: exec failed: unable to start'; exit 126", 126),
    ] {
        let (_, done) = real.confirm("exec_in_container", shell(&web, script)).await;
        assert_eq!(done.status, Status::Ok, "{script}: {}", done.text);
        assert_eq!(done.data["exitCode"], code, "{}", done.text);
        assert_eq!(real.log.last().event, Event::Done);
    }
}
