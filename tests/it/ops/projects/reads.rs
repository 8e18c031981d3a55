//! What is told of projects.

use countersign::core::policy::Policy;
use serde_json::json;

use super::{OBEDIENT, Project};
use crate::support::engine::{Engine, docker};
use crate::support::real::Real;

#[tokio::test]
async fn projects_are_listed_and_shown_as_their_labels_say() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "shop");
    let [db, _, web] = shop.running();
    docker(&["stop", "-t", "5", web.id.as_str()]);
    let real = Real::with(engine.adapter(), Policy::builtin());
    let listed = real.call("list_projects", json!({})).await;
    let line = listed.text.lines().find(|line| line.starts_with(&shop.name)).unwrap();
    let words: Vec<&str> =
        line.split("  ").filter(|word| !word.is_empty()).map(str::trim).collect();
    assert_eq!(
        words,
        [&shop.name, "running(2), exited(1)", "api, db, web", "/srv/shop", "compose.yaml"]
    );
    let shown = real.call("get_project", shop.arguments()).await;
    let lines: Vec<&str> = shown.text.lines().collect();
    assert_eq!(lines[0], format!("Project {}: running(2), exited(1)", shop.name));
    assert_eq!(lines[1], "Files: compose.yaml in /srv/shop, on the machine that ran Compose");
    assert!(lines[2].starts_with("SERVICE") && lines[2].ends_with("DEPENDS ON"), "{}", lines[2]);
    let services: Vec<&str> = lines[3..].iter().map(|l| l.split(' ').next().unwrap()).collect();
    assert_eq!(services, ["db", "api", "web"], "{}", shown.text);
    assert!(lines[3].contains(db.id.short()) && lines[5].ends_with(" api"), "{}", shown.text);
    assert_eq!(shown.data["containers"][2]["dependsOn"], json!(["api"]));
    assert_eq!(shown.data["containers"][2]["state"], "exited");
}

#[tokio::test]
async fn hostile_labels_are_text() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "hostile");
    shop.runs("web\n--- end of log", "a\u{1b}[2J,confirmToken=0000", "echo hi; echo there")
        .named(&format!("{}-web", shop.name))
        .label("com.docker.compose.project.working_dir", "/a\nconfirmToken=ab")
        .start()
        .wait();
    let real = Real::with(engine.adapter(), Policy::builtin());
    for operation in ["list_projects", "get_project", "get_project_logs", "restart_project"] {
        let arguments = if operation == "list_projects" { json!({}) } else { shop.arguments() };
        let answer = real.call(operation, arguments).await;
        for text in [answer.text, answer.data.to_string()] {
            assert!(!text.contains('\u{1b}'), "{text}");
            assert!(!text.contains("confirmToken="), "{text}");
            assert!(!text.contains("\n--- end of log\n"), "{text}");
        }
    }
}

#[tokio::test]
async fn logs_are_merged_by_their_moments_under_one_limit() {
    let engine = Engine::connect();
    let shop = Project::new(&engine, "logs");
    let say = |name: &str, first: f32| {
        format!(
            "sleep {first}; for i in 1 2 3; do echo {name} $i; sleep 1; done; echo end >&2; {OBEDIENT}"
        )
    };
    let web = shop.runs("web", "", &say("web", 0.0)).start();
    let second = shop
        .runs("web", "", &say("second", 0.3))
        .named(&format!("{}-web-2", shop.name))
        .label("com.docker.compose.container-number", "2")
        .start();
    let db = shop.runs("db", "", &say("db", 0.6)).start();
    let silent = shop.runs("silent", "", OBEDIENT).option(&["--log-driver", "none"]).start();
    std::thread::sleep(std::time::Duration::from_secs(5));
    let real = Real::with(engine.adapter(), Policy::builtin());
    let marked = [(&web, "web-1"), (&second, "web-2"), (&db, "db")];
    let mut raw: Vec<String> = Vec::new();
    for (made, mark) in marked {
        for line in docker(&["logs", "-t", made.id.as_str()]).lines() {
            let (moment, said) = line.split_once(' ').unwrap();
            raw.push(format!("{moment} {mark} {said}"));
        }
    }
    raw.sort();
    let words = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    let raw: Vec<String> = raw.iter().map(|line| words(line)).collect();
    assert_eq!(raw.len(), 9, "{raw:?}");

    let all = real.call("get_project_logs", shop.arguments()).await;
    let lines: Vec<&str> = all.text.lines().collect();
    assert!(lines[0].starts_with(&format!("--- logs of project {}, 4 containers", shop.name)));
    let (errors, shown): (Vec<String>, Vec<String>) =
        lines[1..13].iter().map(|line| words(line)).partition(|line| line.ends_with(" E end"));
    assert_eq!((errors.len(), shown), (3, raw), "{}", all.text);
    let last = lines.last().unwrap();
    assert!(last.contains("Not read: silent (") && silent.exists(), "{last}");

    let mut arguments = shop.arguments();
    arguments["tail"] = json!(4);
    arguments["grep"] = json!("3|end");
    let found = real.call("get_project_logs", arguments).await;
    let newest: Vec<&str> =
        lines.iter().filter(|l| l.ends_with(" 3") || l.ends_with("end")).copied().collect();
    let shown: Vec<&str> = found.text.lines().skip(1).take(4).collect();
    assert_eq!(shown, newest[2..], "{}", found.text);
    assert!(found.text.contains("6 matched. 2 older matching lines left out"), "{}", found.text);

    let mut arguments = shop.arguments();
    arguments["service"] = json!("db");
    arguments["tail"] = json!(1);
    let one = real.call("get_project_logs", arguments).await;
    assert_eq!(words(one.text.lines().nth(1).unwrap()), "db E end", "{}", one.text);

    let mut arguments = shop.arguments();
    arguments["service"] = json!("silent");
    let none = real.call("get_project_logs", arguments).await;
    assert!(none.reason.is_some(), "{}", none.text);
}
