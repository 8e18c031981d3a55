//! Limits of containers.

use countersign::gate::Status;
use serde_json::json;

use super::containers_admin::two;
use crate::support::engine::{Engine, Made, docker, try_docker};
use crate::support::real::{Real, Trial};

fn limits(made: &Made) -> String {
    let host = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}";
    made.inspect(&format!("{host} {{{{.HostConfig.RestartPolicy.Name}}}}"))
}

#[tokio::test]
async fn an_update_holds_to_its_plan() {
    let engine = Engine::connect();
    let (made, other) = two(&engine);
    let real = Real::new(engine.adapter());
    let of = |name: &str, memory: &str| {
        let more = json!("on-failure:3");
        json!({"container": name, "memory": memory, "cpus": "0.5", "restartPolicy": more})
    };
    let (preview, done) = real
        .holds_to_its_plan(Trial {
            operation: "update_container",
            arguments: of(&made.name, "64m"),
            elsewhere: of(&other.name, "64m"),
            otherwise: Some(of(&made.name, "65m")),
            drift: &|| {
                docker(&["update", "--cpus", "1", made.id.as_str()]);
            },
        })
        .await;
    for shown in ["none -> 64.0 MiB", "1 -> 0.5", "no -> on-failure:3"] {
        assert!(preview.contains(shown), "{shown}: {preview}");
    }
    assert_eq!(limits(&made), "67108864 134217728 500000000 on-failure");
    assert!(done.text.contains("memory limit 64.0 MiB, swap beside it 64.0 MiB, processors 0.5"));
    assert_eq!(limits(&other), "0 0 0 no");

    // A raised limit of memory takes its swap with it, which engines would else refuse.
    let raise = json!({"container": made.name, "memory": "1g"});
    let (_, done) = real.confirm("update_container", raise).await;
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(limits(&made), "1073741824 2147483648 500000000 on-failure");
}

#[tokio::test]
async fn an_update_says_what_the_engine_will_not_do() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let quota = engine.container("sleep 3600").option(&["--cpu-quota", "50000"]).start();
    let more = json!({"container": quota.name, "cpus": "1", "memory": "64m"});
    let refused = real.impossible("update_container", more).await;
    assert!(refused.contains("a quota of 50000 us in the usual period"), "{refused}");
    assert_eq!(try_docker(&["update", "--cpus", "1", &quota.name]), None, "the engine says so too");
    assert_eq!(limits(&quota), "0 0 0 no");
    let rm = engine.container("sleep 3600").auto_remove().start();
    let policy = json!({"container": rm.name, "restartPolicy": "always"});
    let refused = real.impossible("update_container", policy).await;
    assert!(refused.contains("was run with --rm"), "{refused}");
    let by_hand = ["update", "--restart", "always", &rm.name];
    assert_eq!(try_docker(&by_hand), None, "the engine says so too");

    let swap = engine.container("sleep 3600");
    let swap = swap.option(&["--memory", "64m", "--memory-swap", "-1"]).start();
    let (preview, done) =
        real.confirm("update_container", json!({"container": swap.name, "memory": "128m"})).await;
    assert!(preview.contains("any amount -> any amount"), "{preview}");
    assert_eq!(done.status, Status::Ok, "{}", done.text);
    assert_eq!(limits(&swap), "134217728 -1 0 no");

    let full = engine.script("x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 3600; :").start();
    let stats =
        || async { real.call("get_container_stats", json!({"container": full.name})).await };
    for _ in 0..20 {
        let used = stats().await.data["containers"][0]["memoryBytes"].as_u64();
        if used.is_some_and(|used| used > 25_000_000) {
            break;
        }
    }
    let (preview, token) =
        real.preview("update_container", json!({"container": full.name, "memory": "8m"})).await;
    assert!(preview.contains("MORE than the new limit"), "{preview}");
    assert!(!token.is_empty());
}
