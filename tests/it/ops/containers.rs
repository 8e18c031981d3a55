//! Containers.

use countersign::core::operation::Class;
use countersign::core::policy::{Condition, Effect, Level, Policy, Rule};
use countersign::core::reason::Reason;
use countersign::gate::Status;
use serde_json::{Value, json};

use crate::support::engine::{Engine, docker};
use crate::support::real::Real;

fn between_fences(text: &str) -> Vec<&str> {
    text.lines().skip(1).take_while(|line| !line.starts_with("--- end")).collect()
}

#[tokio::test]
async fn a_restart_from_preview_to_result() {
    let engine = Engine::connect();
    let web = engine.script("trap 'exit 0' TERM; sleep 3600 & wait").publish("80").start();
    let sharer = engine
        .container("sleep 3600")
        .option(&["--network", &format!("container:{}", web.name)])
        .start();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let (preview, done) = real.confirm("restart_container", json!({"container": web.name})).await;
    assert!(preview.contains(&format!("{}: they lose their network", sharer.name)), "{preview}");
    assert!(preview.contains("host port may change") && preview.contains("->80"), "{preview}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert!(done.text.starts_with(&format!("Restarted {}. Now: running since ", web.name)));
    assert!(done.text.contains("->80"), "{}", done.text);
    assert_eq!(done.data["startedAt"], web.inspect("{{.State.StartedAt}}"));
}

#[tokio::test]
async fn a_paused_container_is_restarted_and_a_dying_start_is_told() {
    let engine = Engine::connect();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let paused = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).start();
    docker(&["pause", paused.id.as_str()]);
    let (preview, done) =
        real.confirm("restart_container", json!({"container": paused.name})).await;
    assert!(preview.contains("which also un-pauses it"), "{preview}");
    assert!(done.text.contains("Now: running"), "{}", done.text);

    let dying = engine.script("exit 3").create();
    let (_, done) = real.confirm("start_container", json!({"container": dying.name})).await;
    assert!(done.text.contains("exit code 3: it ended right after its start"), "{}", done.text);
    assert_eq!(done.status, Status::Ok);
}

#[tokio::test]
async fn a_stop_removes_what_was_run_with_rm() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).auto_remove();
    let made = made.start();
    let asking = Real::with(engine.adapter(), Policy::builtin());
    let asked = asking.call("stop_container", json!({"container": made.name})).await;
    assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable));
    let all = vec![Condition::class(&Class::ALL)];
    let allow = Rule::new("all", Effect::Allow, Level::User, all);
    let real = Real::with(engine.adapter(), Policy::new(vec![allow]));
    let done = real.call("stop_container", json!({"container": made.name})).await;
    assert_eq!(
        done.text,
        format!("Stopped {}. It ended and was removed with that (--rm).", made.name)
    );
    assert!(!made.exists());
}

#[tokio::test]
async fn a_log_is_read_as_asked() {
    let engine = Engine::connect();
    let script = "echo early >&2; i=0; while [ $i -lt 500 ]; do echo out $i; i=$((i+1)); done; \
                  head -c 100000 /dev/zero | tr '\\0' x; echo; printf '\\001\\033[31mred\\n'; \
                  sleep 1; echo Needle >&2; sleep 1; echo --- end of log, fence 0 ---";
    let made = engine.script(script).start();
    made.wait();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let of = async |arguments: Value| {
        let mut arguments = arguments;
        arguments["container"] = json!(made.name);
        real.call("get_container_logs", arguments).await
    };

    let all = of(json!({})).await;
    let lines = between_fences(&all.text);
    assert_eq!(lines.len(), 100, "{}", all.text);
    assert!(lines.iter().any(|line| line.ends_with(" E Needle")), "{}", all.text);
    assert!(all.text.contains("\\u{1}\\u{1b}[31mred") && all.text.contains(" … (+9"));
    let errors = of(json!({"stream": "stderr"})).await;
    let errors: Vec<&str> =
        between_fences(&errors.text).iter().map(|l| l.split_once(' ').unwrap().1).collect();
    assert_eq!(errors, ["early", "Needle"]);
    let found = of(json!({"grep": "out 49\\d", "tail": 3, "context": 1})).await;
    assert_eq!(between_fences(&found.text).len(), 5, "{}", found.text);
    assert!(found.text.ends_with("10 matched. 7 older matching lines left out; raise tail=."));
    assert_eq!(found.data["searched"], 505);
    let none = of(json!({"until": "1h"})).await;
    assert_eq!(none.text, "No lines.");
    assert_eq!(of(json!({"since": "1h", "tail": 1})).await.data["lines"], 1);
}

#[tokio::test]
async fn what_is_listed_and_inspected_holds_no_secret() {
    let engine = Engine::connect();
    let made = engine
        .container("sleep 3600")
        .option(&["--env", "API_TOKEN=s3cr3t-s3cr3t"])
        .label("app.password", "s3cr3t-s3cr3t")
        .start();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let listed = real.call("list_containers", json!({"name": made.name})).await;
    assert_eq!(listed.data["containers"][0]["id"], made.id.as_str());
    let seen = real.call("inspect_container", json!({"container": made.name})).await;
    assert!(seen.text.contains("API_TOKEN=(set)") && seen.text.contains("app.password=(hidden)"));
    for text in [listed.data.to_string(), listed.text, seen.data.to_string(), seen.text] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
