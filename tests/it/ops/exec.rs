//! Commands inside containers of a real engine.

mod begun;
mod ways;

use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, Made, adapter_at, docker, try_docker};
use crate::support::real::{Real, Trial};

/// What would be another request if it reached an engine's path.
const INJECTED: [&str; 8] = [
    "../info?",
    "%2e%2e/info",
    "../images/prune?filters=...&",
    "../volumes/vol",
    "web#x",
    "web\\x",
    "..",
    "a b",
];

fn sleeper(engine: &Engine) -> Made {
    engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).start()
}

fn shell(container: &Made, script: &str) -> Value {
    json!({"container": container.name, "command": ["sh", "-c", script]})
}

/// The end of the log as JSON.
fn logged(real: &Real) -> String {
    real.log.records().iter().map(|(record, _)| format!("{record:?}")).collect()
}

#[tokio::test]
async fn a_command_is_held_to_its_plan() {
    let engine = Engine::connect();
    let (web, db) = (sleeper(&engine), sleeper(&engine));
    let real = Real::new(engine.adapter());
    let script = "echo out; echo bad >&2; id -u; touch /here; exit 3";
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "exec_in_container",
            arguments: shell(&web, script),
            elsewhere: shell(&db, script),
            otherwise: Some(shell(&web, "true")),
            drift: &|| drop(docker(&["restart", web.id.as_str()])),
        })
        .await;
    assert!(preview.contains(&format!("[\"sh\",\"-c\",\"{script}\"]")), "{preview}");
    assert!(preview.contains("CANNOT BE UNDONE"), "{preview}");
    let first = format!("The command in {} ended with exit code 3.\n--- output", web.name);
    assert!(done.text.starts_with(&first), "{}", done.text);
    for line in ["\n  out\n", "\nE bad\n", "\n  0\n"] {
        assert!(done.text.contains(line), "{}", done.text);
    }
    assert_eq!((&done.data["exitCode"], &done.data["stderrBytes"]), (&json!(3), &json!(4)));
    docker(&["exec", web.id.as_str(), "test", "-e", "/here"]);
    let kept = real.log.records().into_iter().rev().find(|(r, _)| r.event == Event::Done).unwrap();
    let result = kept.0.result.unwrap();
    assert_eq!((&result["exitCode"], &result["status"]), (&json!(3), &json!("running")));
    assert!(!result.to_string().contains("out\\n"), "{result}");
}

#[tokio::test]
async fn user_folder_and_words_arrive_as_they_are() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let real = Real::new(engine.adapter());
    let words = ["printf", "%s|", "a b", "$(id)", "", "\"", "é\n"];
    let arguments = json!({"container": web.name, "command": words});
    let (_, done) = real.confirm("exec_in_container", arguments).await;
    assert!(done.text.contains("\n  a b|$(id)||\"|é\n  |\n---"), "{}", done.text);
    let arguments = json!({
        "container": web.name, "command": ["sh", "-c", "id -u; pwd"], "user": "1000:1000",
        "workdir": "/tmp",
    });
    let (preview, done) = real.confirm("exec_in_container", arguments).await;
    assert!(preview.contains("1000:1000") && preview.contains("/tmp"), "{preview}");
    assert!(done.text.contains("\n  1000\n  /tmp\n---"), "{}", done.text);
}

#[tokio::test]
async fn a_command_past_its_time_is_unknown_and_goes_on() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let real = Real::new(engine.adapter());
    let mut arguments = shell(&web, "echo begun; sleep 3; touch /ended");
    arguments["timeout"] = json!(1);
    let (_, late) = real.confirm("exec_in_container", arguments).await;
    assert_eq!((late.status, late.reason), (Status::Unknown, Some(Reason::OutcomeUnknown)));
    assert!(late.text.starts_with("Error: The command in "), "{}", late.text);
    for words in ["did not end within 1 s", "get_container_processes", "docker top", "\n  begun\n"]
    {
        assert!(late.text.contains(words), "{words}: {}", late.text);
    }
    let pid = late.text.split("(process ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(docker(&["top", web.id.as_str()]).contains(pid), "{}", late.text);
    let last = real.log.last();
    assert_eq!((last.event, last.reason), (Event::Unknown, Some(Reason::OutcomeUnknown)));
    assert_eq!(last.error.as_deref(), Some("it did not end within 1 s"));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    docker(&["exec", web.id.as_str(), "test", "-e", "/ended"]);
}

#[tokio::test]
async fn much_output_is_bounded_and_its_end_kept() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let real = Real::new(engine.adapter());
    let mut arguments = shell(&web, "head -c 5000000 /dev/zero | tr '\\0' x; echo; seq 1 2000");
    arguments["maxBytes"] = json!(2048);
    let (_, done) = real.confirm("exec_in_container", arguments).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(done.text.contains("\n  2000\n---") && done.text.len() < 3000, "{}", done.text);
    assert!(done.text.contains("the end of 5,008,894 bytes"), "{}", done.text);
    assert_eq!(done.data["truncated"], true);
}

#[tokio::test]
async fn what_engines_refuse_is_refused_beforehand() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let down = engine.container("sleep 3600").create();
    let paused = sleeper(&engine);
    docker(&["pause", paused.id.as_str()]);
    for (made, why) in [(&down, "does not run, and engines"), (&paused, "is paused, and")] {
        let refused = real.impossible("exec_in_container", shell(made, "true")).await;
        assert!(refused.contains(why), "{refused}");
        assert_eq!(try_docker(&["exec", &made.name, "true"]), None, "the engine says so too");
    }
}

#[tokio::test]
async fn no_identifier_becomes_another_request_and_no_secret_a_record() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let door = Door::watching();
    let real = Real::new(adapter_at(door.path()));
    let bad = |arguments: Value| real.call("exec_in_container", arguments);
    for name in INJECTED {
        let refused = bad(json!({"container": name, "command": ["true"]})).await;
        assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{name}: {}", refused.text);
    }
    for (key, value) in [
        ("command", json!("true")),
        ("command", json!([])),
        ("command", json!([""])),
        ("command", json!(["a\u{0}"])),
        ("command", json!(vec!["x"; 101])),
        ("user", json!("../x")),
        ("user", json!("a b")),
        ("workdir", json!("tmp")),
        ("timeout", json!(0)),
        ("timeout", json!(601)),
        ("maxBytes", json!(1023)),
        ("privileged", json!(true)),
        ("env", json!({"A": "b"})),
    ] {
        let mut arguments = json!({"container": web.name, "command": ["true"]});
        arguments[key] = value;
        let refused = bad(arguments.clone()).await;
        assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{arguments}");
    }
    assert!(door.lines().is_empty(), "{:?}", door.lines());
    let secret = json!({
        "container": web.name, "command": ["echo", "--password=hunter2-x"], "timeout": 1,
    });
    let (preview, done) = real.confirm("exec_in_container", secret).await;
    assert!(preview.contains("hunter2-x") && done.text.contains("hunter2-x"), "{}", done.text);
    assert!(!logged(&real).contains("hunter2"), "{}", logged(&real));
    let posts: Vec<String> =
        door.lines().into_iter().filter(|line| line.starts_with("POST")).collect();
    assert_eq!(posts.len(), 2, "{posts:?}");
}

#[tokio::test]
async fn a_lost_answer_is_told_as_what_it_is() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    for (lost, reason, happened) in [
        ("/containers/", Reason::EngineUnavailable, false),
        ("/exec/", Reason::OutcomeUnknown, true),
    ] {
        let door = Door::with(move |line| {
            let it = line.starts_with("POST") && line.contains(lost);
            if it { Deed::ForwardAndHangUp } else { Deed::Forward }
        });
        let real = Real::new(adapter_at(door.path()));
        let (_, answer) = real.confirm("exec_in_container", shell(&web, "touch /happened")).await;
        assert_eq!(answer.reason, Some(reason), "{}", answer.text);
        let posts = door.lines().iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(posts, if happened { 2 } else { 1 }, "{:?}", door.lines());
        let seen = docker(&["exec", web.id.as_str(), "ls", "/"]).contains("happened");
        assert_eq!(seen, happened);
    }
}

#[tokio::test]
async fn a_command_that_ended_without_a_code_is_not_told_to_go_on() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    let door = Door::with(|line| {
        let asked = line.starts_with("GET") && line.contains("/exec/");
        let said = r#"{"Running":false,"ExitCode":null,"Pid":0}"#;
        if asked { Deed::Say(200, said.to_owned()) } else { Deed::Forward }
    });
    let real = Real::new(adapter_at(door.path()));
    let mut arguments = shell(&web, "true");
    arguments["timeout"] = json!(1);
    let (_, answer) = real.confirm("exec_in_container", arguments).await;
    assert_eq!(answer.reason, Some(Reason::OutcomeUnknown), "{}", answer.text);
    assert!(answer.text.contains("tells no exit code"), "{}", answer.text);
    assert!(!answer.text.contains("goes on"), "{}", answer.text);
}

#[tokio::test]
async fn only_an_answer_that_refuses_says_that_nothing_ran() {
    let engine = Engine::connect();
    let web = sleeper(&engine);
    for (status, reason) in [
        (204, Reason::OutcomeUnknown),
        (304, Reason::OutcomeUnknown),
        (409, Reason::EngineError),
        (500, Reason::OutcomeUnknown),
    ] {
        let door = Door::with(move |line| {
            let start = line.starts_with("POST /exec/");
            if start { Deed::Say(status, String::new()) } else { Deed::Forward }
        });
        let real = Real::new(adapter_at(door.path()));
        let (_, answer) = real.confirm("exec_in_container", shell(&web, "true")).await;
        assert_eq!(answer.reason, Some(reason), "{status}: {}", answer.text);
        let says = answer.text.contains("did not happen");
        assert_eq!(says, status == 409, "{status}: {}", answer.text);
    }
}
