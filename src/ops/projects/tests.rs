//! Previews are golden; limits hold; what cannot be found out is said to be so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

mod down;

use super::lifecycle::{grace, holds};
use crate::core::plan::TARGETS_MAX;
use crate::core::reason::Reason;
use crate::gate::Answer;
use crate::ops::fake::{self, Fake, World, composed, container, port, stopped};
use crate::ports::engine::{Acted, Container, Stream, Volume};

async fn asked(operation: &str, engine: Fake, arguments: Value) -> Answer {
    let engine = Arc::new(engine);
    let gate = fake::gate(&engine, &Arc::new(World::confirming()));
    fake::call(&gate, operation, arguments).await
}

async fn of_shop(operation: &str, engine: Fake) -> Answer {
    asked(operation, engine, json!({"project": "shop"})).await
}

/// `web` needs `api`, which does not run and needs `db`; a sidecar, a debugger, a job and a
/// stranger beside them.
fn shop() -> Vec<Container> {
    let db = composed(container("d1", "shop-db-1"), "db", "");
    let api = composed(container("a1", "shop-api-1"), "api", "db:service_healthy:true");
    let web = Container {
        ports: vec![port(80, 32768, true), port(443, 8443, false)],
        tmpfs: vec!["/run".into()],
        restart_policy: "always".into(),
        execs: 1,
        ..composed(container("b1", "shop-web-1"), "web", "api:service_started:true")
    };
    let mut sidecar = composed(container("c1", "shop-aside-1"), "aside", "");
    sidecar.network_mode = format!("container:{}", web.id);
    sidecar.networks = BTreeMap::new();
    let mut job = composed(container("e1", "shop-job-run"), "web", "");
    job.labels.insert("com.docker.compose.oneoff".into(), "True".into());
    let mut debug = container("f1", "debug");
    debug.pid_mode = format!("container:{}", db.id);
    debug.networks = BTreeMap::from([("shop_default".into(), "172.18.0.9".into())]);
    vec![web, sidecar, stopped(api), db, job, debug, container("ab", "stranger")]
}

#[tokio::test]
async fn previews_show_the_order_and_what_is_lost() {
    for operation in ["start_project", "stop_project", "restart_project"] {
        let answer = of_shop(operation, Fake::of(shop())).await;
        insta::assert_snapshot!(operation, answer.text);
    }
    let one = json!({"project": "shop", "service": "db"});
    let answer = asked("restart_project", Fake::of(shop()), one).await;
    insta::assert_snapshot!("restart_one_service", answer.text);
}

#[tokio::test]
async fn what_cannot_be_checked_is_said_and_what_is_slow_is_not_waited_for() {
    tokio::time::pause();
    let mut shop = shop();
    shop.truncate(2);
    shop[0].labels.insert("com.docker.compose.depends_on".into(), "aside,gone".into());
    shop[1].labels.insert("com.docker.compose.depends_on".into(), "web".into());
    let mut engine = Fake::of(shop);
    engine.slow.insert("containers", Duration::from_secs(2));
    let answer = of_shop("start_project", engine).await;
    assert!(answer.text.contains("without gone, which has no container here"), "{}", answer.text);
    let circle = "aside, web by name, since they need each other in a circle";
    assert!(answer.text.contains(circle), "{}", answer.text);
}

#[tokio::test]
async fn what_is_left_of_a_project_is_shown() {
    let rest = || {
        let labels = BTreeMap::from([("com.docker.compose.project".into(), "shop".into())]);
        let engine = Fake::of(vec![container("ab", "other")]);
        let mut net = fake::network("a1", "shop_net");
        net.labels = labels.clone();
        let mut data = fake::volume("shop_data");
        data.labels = labels;
        *engine.networks.lock().unwrap() = vec![net, fake::network("a2", "else")];
        *engine.volumes.lock().unwrap() = vec![data, fake::volume("else")];
        engine
    };
    let listed = asked("list_projects", rest(), json!({})).await;
    assert!(listed.text.contains("\nshop     no containers"), "{}", listed.text);
    assert_eq!(listed.data["projects"][0]["status"], "no containers");
    let shown = of_shop("get_project", rest()).await;
    assert_eq!(
        shown.text,
        "Project shop: no containers; left of it: networks shop_net; volumes shop_data. \
         down_project removes its networks, and with volumes=true its volumes too."
    );
    assert_eq!(shown.data["rest"], json!({"networks": ["shop_net"], "volumes": ["shop_data"]}));
    let started = of_shop("start_project", rest()).await;
    assert_eq!(started.reason, Some(Reason::NotFound), "{}", started.text);
    let nothing = of_shop("get_project", Fake::of(vec![container("ab", "other")])).await;
    assert_eq!(nothing.reason, Some(Reason::NotFound), "{}", nothing.text);
}

#[tokio::test]
async fn who_took_a_container_away_is_not_passed_over() {
    let shop = vec![
        composed(container("a1", "web"), "web", ""),
        stopped(composed(container("a2", "job"), "job", "")),
    ];
    let (engine, world) = (Arc::new(Fake::of(shop)), Arc::new(World::default()));
    let gate = fake::gate(&engine, &world);
    let mut arguments = json!({"project": "shop"});
    let first = fake::call(&gate, "stop_project", arguments.clone()).await;
    arguments["confirmToken"] = json!(first.confirm_token);
    *engine.effect.lock().unwrap() = Some(Box::new(|containers| {
        containers.retain(|one| one.name != "web");
        Ok(Acted::AlreadySo)
    }));
    let done = fake::call(&gate, "stop_project", arguments).await;
    let said =
        "Stopped 1 container of project shop. 1 was removed meanwhile by somebody else. Now:";
    assert!(done.text.starts_with(said), "{}", done.text);
    assert!(done.text.contains("web        removed meanwhile"), "{}", done.text);
    let last = world.records.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last.result.unwrap()["gone"], 1);
}

#[tokio::test]
async fn a_plan_of_too_many_is_refused() {
    let many = |count: usize| {
        let one = |n: usize| composed(container(&format!("{n:08x}"), &format!("c{n}")), "web", "");
        Fake::of((0..count).map(one).collect())
    };
    for operation in ["start_project", "stop_project", "restart_project"] {
        let answer = of_shop(operation, many(TARGETS_MAX + 1)).await;
        assert_eq!(answer.reason, Some(Reason::Limit), "{operation}: {}", answer.text);
        assert!(answer.text.contains("Name one service"), "{}", answer.text);
        let answer = of_shop(operation, many(TARGETS_MAX)).await;
        assert_eq!(answer.reason, None, "{operation}: {}", answer.text);
    }
    let answer = of_shop("down_project", many(TARGETS_MAX + 1)).await;
    assert_eq!(answer.reason, Some(Reason::Limit), "{}", answer.text);
    assert!(!answer.text.contains("Name one service"), "{}", answer.text);
    assert!(answer.text.contains("stop_project and then remove_container"), "{}", answer.text);
    let shown = of_shop("get_project", many(150)).await;
    let last = shown.text.lines().last().unwrap();
    assert_eq!(
        last,
        "… 50 more; list_containers with label=com.docker.compose.project=shop shows them"
    );
}

#[test]
fn a_moved_state_is_no_drift_of_a_step_and_another_configuration_is() {
    let facts = |status: &str, config: &str, removed: bool| json!({"status": status, "image": "i", "config": config, "autoRemove": removed, "graceSeconds": 10});
    let shown = facts("running", "c", false);
    assert!(!holds(&json!({}), &json!({})), "what is no fact holds nothing");
    let mut patient = facts("running", "c", false);
    patient["graceSeconds"] = json!(120);
    assert!(!holds(&shown, &patient));
    assert!(holds(&shown, &facts("exited", "c", false)));
    assert!(!holds(&shown, &facts("running", "d", false)));
    assert!(!holds(&shown, &facts("running", "c", true)));
}

#[tokio::test]
async fn all_logs_together_keep_to_one_limit() {
    let line = |n: usize| {
        let at = format!("2026-01-31T11:{:02}:{:02}.000000001Z", n / 60, n % 60);
        (Stream::Out, at, format!("{n} {}", "é".repeat(300)).into_bytes())
    };
    let log: Vec<_> = (0..400).map(line).collect();
    let many = || {
        let one = |n: usize| composed(container(&format!("{n:08x}"), &format!("c{n}")), "web", "");
        Fake { log: log.clone(), ..Fake::of((0..20).map(one).collect()) }
    };
    for (bytes, tail) in [(1024, 10_000), (4096, 10_000), (32_768, 10_000), (1_048_576, 7)] {
        let arguments = json!({"project": "shop", "maxBytes": bytes, "tail": tail});
        let answer = asked("get_project_logs", many(), arguments).await;
        assert_eq!(answer.reason, None, "{}", answer.text);
        assert!(answer.text.len() <= bytes, "{} of {bytes}", answer.text.len());
        let shown: Vec<&str> =
            answer.text.lines().filter(|line| line.contains(" web-0  ")).collect();
        assert!(!shown.is_empty() && shown.len() <= tail, "{}", answer.text);
        assert!(shown.is_sorted_by_key(|line| line.get(..8)), "{}", answer.text);
        assert!(shown.iter().all(|line| line.starts_with("11:06:3")) || bytes > 4096);
    }
}

#[tokio::test]
async fn logs_of_which_none_can_be_read_are_a_failure() {
    let mut engine = Fake::of(shop());
    engine.broken = vec!["logs"];
    let answer = of_shop("get_project_logs", engine).await;
    assert_eq!(answer.reason, Some(Reason::EngineError), "{}", answer.text);
}

#[tokio::test]
async fn a_container_gets_the_time_that_it_asks_for() {
    for (asked, given) in [
        (None, 10),
        (Some(0), 10),
        (Some(9), 10),
        (Some(11), 11),
        (Some(120), 120),
        (Some(3601), 3600),
        (Some(-1), 3600),
        (Some(i64::MAX), 3600),
    ] {
        let mut db = composed(container("d1", "shop-db-1"), "db", "");
        db.stop_timeout = asked;
        let web = composed(container("b1", "shop-web-1"), "web", "db");
        assert_eq!(grace(&db), given, "{asked:?}");
        for operation in ["stop_project", "restart_project", "down_project"] {
            let engine = Fake::of(vec![db.clone(), web.clone()]);
            let text = of_shop(operation, engine).await.text;
            let takes = format!("up to {} s until all have stopped", given + 10);
            assert!(text.contains(&takes), "{operation} {asked:?}: {text}");
            let more = format!("asks for more time shop-db-1 {given} s");
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let more = text.lines().any(|line| words(line) == more);
            assert_eq!(more, given > 10, "{operation} {asked:?}: {text}");
        }
    }
}

#[tokio::test]
async fn two_folders_of_one_name_are_told_apart() {
    let from = |mut one: Container, folder: &str| {
        let label = "com.docker.compose.project.working_dir";
        one.labels.insert(label.into(), folder.into());
        one
    };
    let db = composed(container("d1", "shop-db-1"), "db", "");
    let web = composed(container("b1", "shop-web-1"), "web", "db");
    for operation in
        ["get_project", "start_project", "stop_project", "restart_project", "down_project"]
    {
        let shop = |folder| Fake::of(vec![from(db.clone(), "/srv/a"), from(web.clone(), folder)]);
        let text = of_shop(operation, shop("/srv/b\u{202e}")).await.text;
        let said =
            "made from 2 folders, so perhaps 2 projects of one name: /srv/a, /srv/b\\u{202e}";
        assert!(text.contains(said), "{operation}: {text}");
        assert!(text.contains("from /srv/a)") && text.contains("from /srv/b\\u{202e})"), "{text}");
        assert!(!text.contains("anew, from"), "{operation}: {text}");
        let text = of_shop(operation, shop("/srv/a")).await.text;
        assert!(
            !text.contains("folders,") && !text.contains("from /srv/a)"),
            "{operation}: {text}"
        );
    }
}

#[tokio::test]
async fn each_container_is_stopped_with_its_own_time() {
    for (operation, verb) in
        [("stop_project", "stop"), ("restart_project", "restart"), ("down_project", "stop")]
    {
        let mut db = composed(container("d1", "shop-db-1"), "db", "");
        db.stop_timeout = Some(120);
        let web = composed(container("b1", "shop-web-1"), "web", "");
        let engine = Arc::new(Fake::of(vec![db, web]));
        let gate = fake::gate(&engine, &Arc::new(World::confirming()));
        let first = fake::call(&gate, operation, json!({"project": "shop"})).await;
        let token = first.confirm_token.unwrap_or_else(|| panic!("{}", first.text));
        let arguments = json!({"project": "shop", "confirmToken": token});
        let done = fake::call(&gate, operation, arguments).await;
        assert_ne!(done.reason, Some(Reason::PlanChanged), "{operation}: {}", done.text);
        let called = engine.called();
        for call in [format!("{verb} shop-db-1 120"), format!("{verb} shop-web-1 10")] {
            assert!(called.contains(&call), "{operation}: {call}: {called:?}");
        }
    }
}

#[tokio::test]
async fn only_what_is_lost_is_said_to_be() {
    let labels = BTreeMap::from([("com.docker.compose.project".to_owned(), "shop".to_owned())]);
    let with = |name: &str, driver: &str, options: &[(&str, &str)]| Volume {
        driver: driver.to_owned(),
        options: options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        labels: labels.clone(),
        ..fake::volume(name)
    };
    let nfs = || with("remote", "local", &[("type", "nfs"), ("device", ":/x")]);
    let bound = || with("bound", "local", &[("o", "bind"), ("device", "/srv")]);
    let arguments = json!({"project": "shop", "volumes": true});
    for (volumes, lost, names) in [
        (vec![nfs(), bound()], "", "bound, remote"),
        (vec![with("data", "local", &[]), nfs()], "data", "remote"),
        (vec![with("cloud", "rexray", &[])], "cloud", ""),
    ] {
        let engine = Fake::of(vec![composed(container("d1", "shop-db-1"), "db", "")]);
        *engine.volumes.lock().unwrap() = volumes;
        let text = asked("down_project", engine, arguments.clone()).await.text;
        let row = |label: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(label));
            line.unwrap_or_default().to_owned()
        };
        assert_eq!(text.contains("ALL DATA"), !lost.is_empty(), "{text}");
        assert!(row("data LOST").contains(lost), "{text}");
        assert_eq!(row("data LOST").is_empty(), lost.is_empty(), "{text}");
        for name in names.split(", ") {
            assert!(row("only the names go").contains(name), "{text}");
        }
        assert_eq!(row("only the names go").is_empty(), names.is_empty(), "{text}");
        assert_eq!(text.contains("unless the driver rexray keeps it"), lost == "cloud", "{text}");
    }
}
