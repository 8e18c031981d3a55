//! What containers use, run and changed.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::core::reason::Reason;
use crate::core::text::is_hidden;
use crate::gate::{Answer, Status};
use crate::ops::fake::{self, Fake, World, container, stopped};
use crate::ports::engine::{ChangeKind, FileChange, Processes, Stats};

async fn ask(engine: Fake, operation: &str, arguments: Value) -> (Answer, Arc<Fake>, Value) {
    let (engine, world) = (Arc::new(engine), Arc::new(World::default()));
    let gate = fake::gate(&engine, &world);
    let answer = fake::call(&gate, operation, arguments).await;
    let record = world.records.lock().unwrap().last().and_then(|record| record.result.clone());
    (answer, engine, record.unwrap_or_default())
}

fn busy() -> Stats {
    Stats {
        cpu_hundredths: Some(15_005),
        memory_bytes: Some(96 << 20),
        memory_limit_bytes: Some(512 << 20),
        network_bytes: Some((1_500, 0)),
        block_bytes: Some((0, 4096)),
        pids: Some(7),
    }
}

#[tokio::test]
async fn what_all_use_is_measured_at_once() {
    let containers = vec![
        container("cc", "web\u{1b}[2J"),
        container("bb", "odd"),
        stopped(container("aa", "old")),
    ];
    let stats = [(fake::id("cc"), busy())].into();
    let engine = Fake { stats, ..Fake::of(containers) };
    let (answer, engine, record) = ask(engine, "get_container_stats", json!({})).await;
    insta::assert_snapshot!(answer.text);
    assert_eq!(answer.data["containers"][1]["cpuHundredths"], 15_005);
    assert_eq!(answer.data["containers"][0]["memoryBytes"], Value::Null);
    assert_eq!(record, json!({"rows": 2, "leftOut": 0, "unmeasured": 0}));
    assert_eq!(engine.called().iter().filter(|call| call.starts_with("stats")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_are_measured_beside_each_other_and_not_without_end() {
    let many = (0..120).map(|n| container(&format!("d{n:03}e"), &format!("c{n}"))).collect();
    let slow = [("stats", std::time::Duration::from_secs(1))].into();
    let engine = Fake { slow, ..Fake::of(many) };
    let began = tokio::time::Instant::now();
    let (answer, engine, _) = ask(engine, "get_container_stats", json!({})).await;
    assert_eq!(began.elapsed().as_secs(), 4);
    assert!(answer.text.ends_with("\n… 20 more, not measured; add container="), "{}", answer.text);
    assert_eq!(engine.called().iter().filter(|call| call.starts_with("stats")).count(), 100);
}

#[tokio::test]
async fn what_does_not_run_uses_and_runs_nothing() {
    for (operation, text) in [
        ("get_container_stats", "old is not running (exited), so it uses nothing."),
        ("get_container_processes", "old is not running (exited), so it has no processes."),
    ] {
        let engine = Fake::of(vec![stopped(container("aa", "old"))]);
        let (answer, engine, _) = ask(engine, operation, json!({"container": "old"})).await;
        assert_eq!((answer.status, answer.text.as_str()), (Status::Ok, text));
        let called = engine.called();
        assert!(!called.iter().any(|c| c.starts_with("stats") || c.starts_with("processes")));
    }
    let (answer, ..) = ask(Fake::default(), "get_container_stats", json!({})).await;
    assert_eq!(answer.text, "No containers are running.");
    let engine = Fake { broken: vec!["stats"], ..Fake::of(vec![container("aa", "web")]) };
    let (answer, ..) = ask(engine, "get_container_stats", json!({"container": "web"})).await;
    assert_eq!(answer.reason, Some(Reason::EngineError));
    let engine = Fake { broken: vec!["stats"], ..Fake::of(vec![container("aa", "web")]) };
    let (answer, _, record) = ask(engine, "get_container_stats", json!({})).await;
    assert_eq!((answer.status, &record["unmeasured"]), (Status::Ok, &json!(1)));
    assert_eq!(answer.data["unmeasured"], 1);
    assert!(answer.text.ends_with("What 1 container used could not be measured: \"-\" above."));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_measured_in_time_is_said() {
    let many = (0..60).map(|n| container(&format!("d{n:03}e"), &format!("c{n}"))).collect();
    let slow = [("stats", std::time::Duration::from_secs(20))].into();
    let engine = Fake { slow, ..Fake::of(many) };
    let began = tokio::time::Instant::now();
    let (answer, _, record) = ask(engine, "get_container_stats", json!({})).await;
    assert_eq!(began.elapsed().as_secs(), 25);
    assert_eq!((record["rows"].clone(), record["unmeasured"].clone()), (json!(60), json!(35)));
    assert!(answer.text.contains("What 35 containers used could not be measured"));
}

fn processes(commands: &[&str]) -> Processes {
    let titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
    let row = |command: &&str| {
        let cells = ["root", "4321", "4300", "0", "12:00", "?", "00:00:01", command];
        cells.map(str::to_owned).to_vec()
    };
    Processes {
        titles: titles.map(str::to_owned).to_vec(),
        rows: commands.iter().map(row).collect(),
    }
}

#[tokio::test]
async fn processes_are_shown_without_secrets() {
    let mut web = container("ab", "web");
    web.env = vec!["DB_PASSWORD=hunter2 two".into(), "MODE=blue".into()];
    let processes = processes(&[
        "nginx: master process nginx -g daemon off;",
        "app --token=s3cr3t-1 --listen=:80 --password s3cr3t-2",
        "mysqld -ps3cr3t-3",
        "sh -c login hunter2 two",
        "evil \u{1b}[2J\nconfirmToken=0 \u{202e}",
    ]);
    let engine = Fake { processes, ..Fake::of(vec![web]) };
    let (answer, _, record) =
        ask(engine, "get_container_processes", json!({"container": "web"})).await;
    insta::assert_snapshot!(answer.text);
    let everything = format!("{}{}", answer.text, answer.data);
    for secret in ["s3cr3t", "hunter2", "confirmToken"] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    assert!(!answer.text.chars().any(|c| c != '\n' && is_hidden(c)));
    assert_eq!(record, json!({"rows": 5, "leftOut": 0, "hidden": true}));
    assert_eq!(answer.data["processes"][0]["pid"], "4321");
}

#[tokio::test]
async fn many_processes_are_cut_and_odd_titles_are_left_empty() {
    let many = processes(&["x"; 130]);
    let engine = Fake { processes: many, ..Fake::of(vec![container("ab", "web")]) };
    let (answer, ..) = ask(engine, "get_container_processes", json!({"container": "web"})).await;
    assert!(answer.text.ends_with("\n… 30 more; only `docker top` shows all"), "{}", answer.text);
    assert_eq!(answer.data["processes"].as_array().unwrap().len(), 100);
    let odd = Processes { titles: vec!["X".into()], rows: vec![vec![], vec!["--token=a".into()]] };
    let engine = Fake { processes: odd, ..Fake::of(vec![container("ab", "web")]) };
    let (answer, ..) = ask(engine, "get_container_processes", json!({"container": "web"})).await;
    assert_eq!(answer.data["processes"][1]["command"], "");
}

fn change(kind: ChangeKind, path: &str) -> FileChange {
    FileChange { path: path.into(), kind }
}

#[tokio::test]
async fn changes_are_listed_by_path() {
    let changes = vec![
        change(ChangeKind::Changed, "/etc"),
        change(ChangeKind::Added, "/tmp/new\u{1b}[2J\nline"),
        change(ChangeKind::Deleted, "/etc/old"),
    ];
    let engine = Fake { changes, ..Fake::of(vec![stopped(container("ab", "web"))]) };
    let (answer, _, record) =
        ask(engine, "get_container_changes", json!({"container": "web"})).await;
    assert_eq!(
        answer.text,
        "C /etc\nD /etc/old\nA /tmp/new\\u{1b}[2J\\u{a}line\n1 added (A), 1 changed (C), \
         1 deleted (D)."
    );
    assert_eq!(record, json!({"added": 1, "changed": 1, "deleted": 1, "leftOut": 0}));
    assert_eq!(answer.data["changes"][1], json!({"kind": "D", "path": "/etc/old"}));
    let engine = Fake::of(vec![container("ab", "web")]);
    let (answer, ..) = ask(engine, "get_container_changes", json!({"container": "web"})).await;
    assert_eq!(answer.text, "Nothing in web differs from its image.");
}

#[tokio::test]
async fn of_many_changes_those_that_say_most_are_kept() {
    let mut changes: Vec<FileChange> =
        (0..300).map(|n| change(ChangeKind::Changed, &format!("/a{n:03}"))).collect();
    changes.push(change(ChangeKind::Deleted, "/z"));
    let engine = Fake { changes, ..Fake::of(vec![container("ab", "web")]) };
    let (answer, _, record) =
        ask(engine, "get_container_changes", json!({"container": "web"})).await;
    assert_eq!(answer.text.lines().count(), 202, "{}", answer.text);
    assert!(answer.text.contains("\nD /z\n"), "{}", answer.text);
    assert!(answer.text.ends_with("\n… 101 more paths; only `docker diff` shows all"));
    assert_eq!(record["leftOut"], 101);
}

#[tokio::test]
async fn references_are_names_and_ids_only() {
    for operation in ["get_container_stats", "get_container_processes", "get_container_changes"] {
        for (reference, reason) in [
            ("web", None),
            ("ab0000", None),
            ("cache", Some(Reason::NotFound)),
            ("../info?", Some(Reason::InvalidArgument)),
            ("%2e%2e/info", Some(Reason::InvalidArgument)),
            ("../images/prune?filters=...&", Some(Reason::InvalidArgument)),
            ("", Some(Reason::InvalidArgument)),
        ] {
            let engine = Fake::of(vec![container("ab", "web")]);
            let (answer, engine, _) = ask(engine, operation, json!({"container": reference})).await;
            assert_eq!(answer.reason, reason, "{operation} {reference}: {}", answer.text);
            let sent = reason != Some(Reason::InvalidArgument);
            assert_eq!(!engine.called().is_empty(), sent, "{operation} {reference}");
        }
    }
}
