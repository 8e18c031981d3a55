//! What containers use, run and changed.

use countersign::core::reason::Reason;
use countersign::ports::engine::LookContainers as _;
use serde_json::json;

use super::containers_admin::in_the_end;
use crate::support::engine::{Engine, docker};
use crate::support::real::Real;

#[tokio::test]
async fn what_a_container_uses_runs_and_changed_is_as_the_engine_says() {
    let engine = Engine::connect();
    let script = "echo x > /added; rm /bin/zcat; while :; do :; done";
    let made = engine.script(script).option(&["--cpus", "0.5", "--memory", "64m"]).start();
    let down = engine.container("true").create();
    let real = Real::new(engine.adapter());
    let of = |name: &str| json!({"container": name});

    assert!(in_the_end(|| docker(&["diff", made.id.as_str()]).contains("D /bin/zcat")));
    let stats = real.call("get_container_stats", of(&made.name)).await;
    let row = &stats.data["containers"][0];
    let cpu = row["cpuHundredths"].as_u64().unwrap();
    assert!((100..9_000).contains(&cpu), "{}", stats.text);
    assert_eq!(row["memoryLimitBytes"], 64 << 20);
    assert!(row["pids"].as_u64().unwrap() >= 1, "{}", stats.text);
    let all = real.call("get_container_stats", json!({})).await;
    assert!(all.text.contains(&made.name) && !all.text.contains(&down.name), "{}", all.text);

    let processes = real.call("get_container_processes", of(&made.name)).await;
    let pid = made.inspect("{{.State.Pid}}");
    assert!(processes.text.contains(&format!("\n{pid} ")), "{}", processes.text);
    assert!(processes.text.contains("sh -c"), "{}", processes.text);
    let changes = real.call("get_container_changes", of(&made.name)).await;
    assert!(changes.text.contains("A /added\nC /bin\nD /bin/zcat\n"), "{}", changes.text);
    let none = real.call("get_container_changes", of(&down.name)).await;
    assert!(none.text.ends_with("differs from its image."), "{}", none.text);
    for operation in ["get_container_stats", "get_container_processes"] {
        let answer = real.call(operation, of(&down.name)).await;
        assert!(answer.text.contains("is not running (created)"), "{}", answer.text);
    }
}

#[tokio::test]
async fn of_what_is_gone_meanwhile_nothing_is_told() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").start();
    docker(&["rm", "-fv", made.id.as_str()]);
    let look = engine.adapter();
    let reasons = [
        look.stats(&made.id).await.unwrap_err().reason,
        look.processes(&made.id).await.unwrap_err().reason,
        look.changes(&made.id).await.unwrap_err().reason,
    ];
    assert_eq!(reasons, [Reason::NotFound; 3]);
}

#[tokio::test]
async fn command_lines_are_shown_without_secrets() {
    let engine = Engine::connect();
    let made = engine.script("sleep 3600; : --token=s3cr3t-s3cr3t pa55word-value");
    let made = made.option(&["--env", "DB_PASSWORD=pa55word-value"]).start();
    let real = Real::new(engine.adapter());
    let answer = real.call("get_container_processes", json!({"container": made.name})).await;
    assert!(answer.text.contains("--token=(hidden) (hidden)"), "{}", answer.text);
    let everything = format!("{}{}", answer.text, answer.data);
    assert!(!everything.contains("s3cr3t") && !everything.contains("pa55word"), "{everything}");
}
