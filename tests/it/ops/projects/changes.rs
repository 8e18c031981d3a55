//! Starting, stopping and restarting projects.

use std::time::Duration;

use countersign::core::policy::Policy;
use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::Status;
use serde_json::json;

use super::{OBEDIENT, Project, in_order};
use crate::support::engine::{Engine, docker};
use crate::support::real::{Real, Trial};

#[tokio::test]
async fn a_restart_goes_by_dependency_and_holds_to_its_plan() {
    let engine = Engine::connect();
    let (shop, other) = (Project::new(&engine, "shop"), Project::new(&engine, "other"));
    let ([db, api, web], _) = (shop.running(), other.running());
    let real = Real::new(engine.adapter());
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "restart_project",
            arguments: shop.arguments(),
            elsewhere: other.arguments(),
            otherwise: Some(json!({"project": shop.name, "service": "db"})),
            drift: &|| drop(docker(&["restart", "-t", "5", db.id.as_str()])),
        })
        .await;
    in_order(&[&db, &api, &web], "StartedAt");
    let headline = format!(
        "Preview: Restart project {}: 3 containers, one after the other, dependencies first, each \
         by its stop signal, then SIGKILL after 10 s.",
        shop.name
    );
    assert!(preview.contains(&headline), "{preview}");
    for (place, made) in [&db, &api, &web].iter().enumerate() {
        let line = format!("{}. {} (id {}): running since", place + 1, made.name, made.id.short());
        assert!(preview.contains(&line), "{preview}");
    }
    assert!(preview.contains("pre_stop and post_start hooks"), "{preview}");
    assert!(preview.contains("up to 30 s"), "{preview}");
    assert!(done.text.starts_with("Restarted 3 containers of project"), "{}", done.text);
    let steps: Vec<String> = real
        .log
        .records()
        .iter()
        .filter(|(record, _)| record.event == Event::Step)
        .map(|(record, _)| record.target.as_ref().unwrap().first_name().unwrap().to_owned())
        .collect();
    assert_eq!(steps, [db.name, api.name, web.name]);
}

#[tokio::test]
async fn a_stop_goes_backwards_and_a_start_forwards() {
    let engine = Engine::connect();
    let (shop, other) = (Project::new(&engine, "shop"), Project::new(&engine, "other"));
    let ([db, api, web], _) = (shop.running(), other.running());
    let real = Real::new(engine.adapter());
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "stop_project",
            arguments: shop.arguments(),
            elsewhere: other.arguments(),
            otherwise: Some(json!({"project": shop.name, "service": "web"})),
            drift: &|| drop(docker(&["restart", "-t", "5", api.id.as_str()])),
        })
        .await;
    in_order(&[&web, &api, &db], "FinishedAt");
    assert!(preview.contains("dependents first"), "{preview}");
    assert!(done.text.contains("exited(0)"), "{}", done.text);

    let real = Real::new(engine.adapter());
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "start_project",
            arguments: shop.arguments(),
            elsewhere: other.arguments(),
            otherwise: Some(json!({"project": shop.name, "service": "web"})),
            drift: &|| drop(docker(&["start", web.id.as_str()])),
        })
        .await;
    in_order(&[&db, &api], "StartedAt");
    assert!(preview.contains("not waited for") && preview.contains("running already"), "{preview}");
    assert!(done.text.starts_with("Started 2 containers"), "{}", done.text);
    assert!(done.text.contains("1 ran already."), "{}", done.text);
    assert_eq!(done.data["containers"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_first_failure_ends_a_plan_and_says_where() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "shop");
    let holder = engine.script(OBEDIENT).publish("127.0.0.1::80").start();
    let taken = holder.inspect("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}");
    let [api, web, db] = shop.shop();
    let (db, web) = (db.create(), web.create());
    let api = api.publish(&format!("127.0.0.1:{taken}:80")).create();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let (preview, failed) = real.confirm("start_project", shop.arguments()).await;
    assert!(preview.contains(&format!("127.0.0.1:{taken}->80 ({})", api.name)), "{preview}");
    assert_eq!((failed.status, failed.reason), (Status::Failed, Some(Reason::EngineError)));
    for line in [
        format!("\nDone before that: {}", db.name),
        format!("\nFailed: {}", api.name),
        format!("\nNot touched: {}", web.name),
    ] {
        assert!(failed.text.contains(&line), "{line}: {}", failed.text);
    }
    assert_eq!(db.inspect("{{.State.Running}}"), "true");
    assert_eq!(web.inspect("{{.State.Status}}"), "created");
    use Event::{Allowed, Failed, Preview, Step, StepDone};
    assert_eq!(real.log.events(), [Preview, Allowed, Step, StepDone, Step, StepDone, Failed]);
}

#[tokio::test]
async fn what_changes_under_way_is_not_touched_but_a_mere_end_is_no_drift() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "shop");
    let slow = "trap 'sleep 2; exit 0' TERM; sleep 3600 & wait";
    let db = shop.runs("db", "", slow).start();
    let [api, web, _] = shop.shop();
    let (api, web) = (api.start(), web.start());
    let real = Real::with(engine.adapter(), Policy::builtin());
    let (_, token) = real.preview("restart_project", shop.arguments()).await;
    let arguments = shop.arguments();
    let ends = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        docker(&["kill", api.id.as_str()]);
    };
    let (done, ()) = tokio::join!(real.spend("restart_project", &arguments, &token), ends);
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(api.inspect("{{.State.Running}}"), "true");

    let (_, token) = real.preview("restart_project", shop.arguments()).await;
    let started = web.inspect("{{.State.StartedAt}}");
    let altered = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        docker(&["update", "--restart", "always", api.id.as_str()]);
    };
    let (failed, ()) = tokio::join!(real.spend("restart_project", &arguments, &token), altered);
    assert_eq!(failed.reason, Some(Reason::PlanChanged), "{}", failed.text);
    assert!(failed.text.contains(&format!("Done before that: {}", db.name)), "{}", failed.text);
    let what = format!(
        "\nNot touched: {}\nLeft alone, since they changed after the preview: {}",
        web.name, api.name
    );
    assert!(failed.text.contains(&what), "{}", failed.text);
    assert_eq!(web.inspect("{{.State.StartedAt}}"), started);
}

#[tokio::test]
async fn one_service_is_restarted_and_who_hangs_on_it_is_named() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "shop");
    let [db, api, web] = shop.running();
    let sharer = shop
        .service("sharer", "")
        .option(&["--network", &format!("container:{}", api.name)])
        .start();
    let real = Real::with(engine.adapter(), Policy::builtin());
    let arguments = json!({"project": shop.name, "service": "api"});
    let before = [&db, &web].map(|made| made.inspect("{{.State.StartedAt}}"));
    let (preview, done) = real.confirm("restart_project", arguments).await;
    assert!(preview.contains("want restart after  web"), "{preview}");
    assert!(preview.contains(&format!("{}: they lose their network", sharer.name)), "{preview}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(before, [&db, &web].map(|made| made.inspect("{{.State.StartedAt}}")));
    // Who shares a network comes after the one whose it is, though no label says so.
    let whole = real.confirm("restart_project", shop.arguments()).await.1;
    assert_eq!(whole.status, Status::Ok, "{}", whole.text);
    in_order(&[&api, &sharer], "StartedAt");
    let links = docker(&["exec", sharer.id.as_str(), "ip", "-o", "link"]);
    assert!(links.contains("eth0"), "{links}");
}

#[tokio::test]
async fn a_stop_that_removes_is_destroy() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "shop");
    let web = shop.service("web", "").auto_remove().start();
    let asking = Real::with(engine.adapter(), Policy::builtin());
    for operation in ["stop_project", "restart_project"] {
        let asked = asking.call(operation, shop.arguments()).await;
        assert_eq!(asked.reason, Some(Reason::ApprovalUnavailable), "{operation}");
    }
    let started = asking.call("start_project", shop.arguments()).await;
    assert_eq!(started.status, Status::ConfirmationRequired, "{}", started.text);
    let real = Real::new(engine.adapter());
    let (preview, done) = real.confirm("stop_project", shop.arguments()).await;
    assert!(preview.contains("REMOVED by this (--rm)"), "{preview}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    // The engine removes it by itself, a moment after it has stopped.
    for _ in 0..50 {
        if !web.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} is still there", web.name);
}
