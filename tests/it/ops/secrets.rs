//! Secrets among arguments: they reach the engine, and nothing else.

use countersign::core::policy::{Effect, Policy};
use countersign::core::reason::Reason;
use countersign::core::record::Event;
use serde_json::{Value, json};

use super::run::image;
use crate::support::engine::{Engine, docker};
use crate::support::policies::rule;
use crate::support::real::{Real, confirming};

const SEAL: &str = "hmac-sha256:";

fn with_secret(image: &str, secret: &str) -> Value {
    json!({"image": image, "command": ["sleep", "60"], "env": {"MODE": secret, "TOKEN": secret}})
}

#[tokio::test]
async fn variables_are_known_by_seals_that_no_other_process_makes() {
    let engine = Engine::connect();
    let image = image(&engine, "sealed");
    let (real, again) = (Real::new(engine.adapter()), Real::new(engine.adapter()));
    let (_, done) = real.confirm("run_container", with_secret(&image, "s3cr3t")).await;
    let id = done.data["id"].as_str().unwrap();
    let env = docker(&["inspect", "--format", "{{json .Config.Env}}", id]);
    assert!(env.contains("MODE=s3cr3t") && env.contains("TOKEN=s3cr3t"), "{env}");
    let args = |real: &Real| {
        let args = real.log.records().pop().unwrap().0.args.unwrap();
        (args["env"]["MODE"].clone(), args["env"]["TOKEN"].clone())
    };
    let (mode, token) = args(&real);
    assert!(mode.as_str().unwrap().starts_with(SEAL) && mode == token, "{mode} {token}");
    assert_eq!(real.log.last().event, Event::Done);
    let all = format!("{:?}", real.log.records());
    assert!(!all.contains("s3cr3t"), "{all}");

    let (asked, _) = again.preview("run_container", with_secret(&image, "s3cr3t")).await;
    assert!(!asked.contains("s3cr3t") && asked.contains("MODE, TOKEN"), "{asked}");
    assert_ne!(args(&again).0, mode, "each process has a key of its own");
    assert_ne!(again.log.last().plan, done.plan, "a digest tells nothing to who tries values");
}

#[tokio::test]
async fn what_a_rule_asks_of_a_variable_it_is_told() {
    let engine = Engine::connect();
    let image = image(&engine, "ruled");
    let denied = rule("prod", Effect::Deny, &[("arg.env", &["MODE=prod"])]);
    let rules = confirming().rules().iter().cloned().chain([denied]).collect();
    let real = Real::with(engine.adapter(), Policy::new(rules));
    let refused = real.call("run_container", with_secret(&image, "prod")).await;
    assert_eq!(refused.reason, Some(Reason::PolicyDenied), "{}", refused.text);
    real.preview("run_container", with_secret(&image, "dev")).await;
}

#[tokio::test]
async fn a_sealed_form_is_nothing_that_a_caller_can_give() {
    let engine = Engine::connect();
    let image = image(&engine, "forged");
    let real = Real::new(engine.adapter());
    let forged = json!({"image": image, "env": {"A": {"seal": "x", "value": "hunter2"}}});
    let refused = real.call("run_container", forged).await;
    assert_eq!(refused.reason, Some(Reason::InvalidArgument), "{}", refused.text);
    assert!(!refused.text.contains("hunter2"), "{}", refused.text);
}
