//! The container operations on a real engine, through the gate.

use std::sync::Arc;
use std::time::Duration;

use countersign::core::operation::Class;
use countersign::core::plan::{Face, Principal, Target};
use countersign::core::policy::{Condition, Effect, History, Level, Policy, Recall, Rule};
use countersign::core::reason::{Fault, Reason};
use countersign::core::record::{Caller, Record};
use countersign::gate::{Answer, Confirm, Gate, Parts, Registry, Request, Settings, Status};
use countersign::host::{HostClock, HostEntropy};
use countersign::ops::ALL;
use countersign::ports::{Audit, BoxFuture, Durability, Fixed, Held};
use countersign::store::MemoryGrants;
use serde_json::{Value, json};

use crate::support::engine::{Engine, docker};

/// A log that forgets.
#[derive(Debug)]
struct NoLog;

impl Audit for NoLog {
    fn append(&self, _: Record, _: Durability) -> BoxFuture<'static, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn hold(&self, _: &[Target]) -> Result<Held, Fault> {
        Ok(Box::new(()))
    }

    fn recall<'a>(&'a self, _: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>> {
        Box::pin(std::future::ready(Ok(Arc::default())))
    }

    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>> {
        Box::pin(std::future::ready(Ok(Box::new(()) as Held)))
    }
}

fn gate(engine: &Engine, policy: Policy) -> Gate {
    let adapter = Arc::new(engine.adapter());
    Gate::new(Parts {
        registry: Registry::new(ALL, |_| true),
        policies: Arc::new(Fixed::new(policy)),
        look: adapter.clone(),
        act: adapter,
        audit: Arc::new(NoLog),
        grants: Arc::new(MemoryGrants::default()),
        clock: Arc::new(HostClock),
        entropy: Arc::new(HostEntropy),
        settings: Settings {
            read_only: false,
            token_ttl: Duration::from_secs(120),
            concurrent_calls: 4,
            session: "test".into(),
        },
    })
}

async fn call(gate: &Gate, operation: &str, arguments: Value) -> Answer {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let principal = Principal { face: Face::Cli, uid: 0 };
    let caller = Caller { principal, client: None, version: None, pid: 1 };
    let operation = operation.to_owned();
    gate.run(Request { operation, arguments, caller, confirm: Confirm::Echo, progress: None }).await
}

/// The preview and the answer to its confirmation.
async fn confirm(gate: &Gate, operation: &str, container: &str) -> (String, Answer) {
    let first = call(gate, operation, json!({"container": container})).await;
    assert_eq!(first.status, Status::ConfirmationRequired, "{}", first.text);
    let arguments = json!({"container": container, "confirmToken": first.confirm_token});
    (first.text, call(gate, operation, arguments).await)
}

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
    let gate = gate(&engine, Policy::builtin());
    let (preview, done) = confirm(&gate, "restart_container", &web.name).await;
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
    let gate = gate(&engine, Policy::builtin());
    let paused = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).start();
    docker(&["pause", paused.id.as_str()]);
    let (preview, done) = confirm(&gate, "restart_container", &paused.name).await;
    assert!(preview.contains("which also un-pauses it"), "{preview}");
    assert!(done.text.contains("Now: running"), "{}", done.text);

    let dying = engine.script("exit 3").create();
    let (_, done) = confirm(&gate, "start_container", &dying.name).await;
    assert!(done.text.contains("exit code 3: it ended right after its start"), "{}", done.text);
    assert_eq!(done.status, Status::Ok);
}

#[tokio::test]
async fn a_stop_removes_what_was_run_with_rm() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).auto_remove();
    let made = made.start();
    let asking = gate(&engine, Policy::builtin());
    let asked = call(&asking, "stop_container", json!({"container": made.name})).await;
    assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable));
    let all = vec![Condition::class(&Class::ALL)];
    let allow = Rule::new("all", Effect::Allow, Level::User, all);
    let gate = gate(&engine, Policy::new(vec![allow]));
    let done = call(&gate, "stop_container", json!({"container": made.name})).await;
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
    let gate = gate(&engine, Policy::builtin());
    let of = async |arguments: Value| {
        let mut arguments = arguments;
        arguments["container"] = json!(made.name);
        call(&gate, "get_container_logs", arguments).await
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
    let gate = gate(&engine, Policy::builtin());
    let listed = call(&gate, "list_containers", json!({"name": made.name})).await;
    assert_eq!(listed.data["containers"][0]["id"], made.id.as_str());
    let seen = call(&gate, "inspect_container", json!({"container": made.name})).await;
    assert!(seen.text.contains("API_TOKEN=(set)") && seen.text.contains("app.password=(hidden)"));
    for text in [listed.data.to_string(), listed.text, seen.data.to_string(), seen.text] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
