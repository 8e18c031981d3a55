//! What is looked at.

use std::ops::ControlFlow;

use countersign::core::ids::{Reference, resolve};
use countersign::core::reason::Reason;
use countersign::ports::engine::{
    ContainerFilter, LogQuery, LookContainers as _, LookImages as _, LookLogs as _, LookSystem as _,
};
use serde_json::json;

use crate::support::engine::IMAGE;
use crate::support::podman::Podman;
use crate::support::real::Real;

#[tokio::test]
async fn its_id_stays_though_it_tells_another_one_each_time() {
    let podman = Podman::start();
    let adapter = podman.adapter();
    let told = || podman.docker(&["info", "--format", "{{.ID}}"]);
    assert_ne!(told(), told());
    let id = adapter.engine_id().await.unwrap();
    assert!(id.starts_with("podman-") && id.len() == "podman-".len() + 64, "{id}");
    assert_eq!(adapter.engine().await.unwrap().id, id);
    assert_eq!(podman.adapter().engine_id().await.unwrap(), id);
    assert_ne!(Podman::start().adapter().engine_id().await.unwrap(), id);
}

#[tokio::test]
async fn lists_what_fits_the_filter() {
    let podman = Podman::start();
    let adapter = podman.adapter();
    podman.run("multi", &["--label", "a=b"], "sleep 3600");
    podman.create("multiple", &["--label", "a=c"], "sleep 3600");
    let found = async |filter: ContainerFilter| {
        adapter.containers(&filter).await.map(|rows| {
            let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
            names.sort();
            names.join(" ")
        })
    };
    let some = |text: &str| Some(text.to_owned());
    let any = || ContainerFilter { all: true, ..ContainerFilter::default() };
    for (filter, names) in [
        (ContainerFilter::default(), "multi"),
        (any(), "multi multiple"),
        (ContainerFilter { name: some("tiple"), ..any() }, "multiple"),
        (ContainerFilter { name: some("mul.i"), ..any() }, ""),
        (ContainerFilter { label: some("a=b"), ..any() }, "multi"),
        (ContainerFilter { status: some("running"), ..any() }, "multi"),
        (ContainerFilter { status: some("created"), ..any() }, "multiple"),
        (ContainerFilter { status: some("exited"), ..any() }, ""),
        (ContainerFilter { status: some("paused"), ..any() }, ""),
    ] {
        assert_eq!(found(filter.clone()).await, Ok(names.to_owned()), "{filter:?}");
    }
    let unknown = found(ContainerFilter { status: some("restarting"), ..any() }).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::EngineError);
    assert!(unknown.message.contains("unknown container state: restarting"), "{unknown:?}");
}

#[tokio::test]
async fn a_name_that_is_anothers_id_prefix_is_ambiguous() {
    let podman = Podman::start();
    let adapter = podman.adapter();
    let multi = podman.create("multi", &[], "true");
    let multiple = podman.create("multiple", &[], "true");
    let resolved = async |reference: &str| {
        let reference = Reference::parse(reference).unwrap();
        let candidates = adapter.candidates(&reference).await.unwrap();
        resolve(&reference, &candidates).map(|row| row.id.clone())
    };
    for (reference, id) in [
        ("multi", &multi),
        ("/multi", &multi),
        ("multiple", &multiple),
        (multi.as_str(), &multi),
        (multi.short(), &multi),
    ] {
        assert_eq!(&resolved(reference).await.unwrap(), id, "{reference}");
    }
    assert_eq!(resolved("mult").await.unwrap_err().reason, Reason::NotFound);
    let impostor = podman.create(multi.short(), &[], "true");
    assert_eq!(resolved(multi.short()).await.unwrap_err().reason, Reason::Ambiguous);
    assert_eq!(resolved(impostor.as_str()).await.unwrap(), impostor);
    let dead = "d0".repeat(32);
    podman.create(&dead, &[], "true");
    assert_eq!(resolved(&dead).await.unwrap_err().reason, Reason::Ambiguous);
}

#[tokio::test]
async fn its_images_stand_under_localhost() {
    let podman = Podman::start();
    let adapter = podman.adapter();
    let id = podman.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]).trim().to_owned();
    for (reference, expected) in [
        (format!("localhost/{IMAGE}"), Some(&id)),
        (IMAGE.to_owned(), None),
        (id.clone(), Some(&id)),
        ("countersign-test/*:1".to_owned(), None),
    ] {
        let found = adapter.image_id(&reference).await.unwrap();
        assert_eq!(found.as_ref(), expected, "{reference}");
    }
    let container = adapter.container(&podman.create("a", &[], "true")).await.unwrap();
    assert_eq!((container.image, container.image_id), (format!("localhost/{IMAGE}"), id));
}

#[tokio::test]
async fn an_inspection_tells_what_a_change_would_touch_and_its_digest_is_stable() {
    let podman = Podman::start();
    let flags = ["--rm", "--tmpfs=/t", "--env=A=b", "--cap-add=NET_ADMIN", "--memory=64m"];
    let volumes =
        ["--volume=/anon", "--volume=/other", "--volume=kept:/v", "--volume=/tmp:/host:ro"];
    let made = podman.run("a", &[&flags[..], &volumes].concat(), "sleep 3600");
    let adapter = podman.adapter();
    let it = adapter.container(&made).await.unwrap();
    assert!(it.state.running && it.auto_remove && !it.tty && !it.privileged);
    assert_eq!((it.name.as_str(), it.restart_policy.as_str()), ("a", "no"));
    assert_eq!(it.command, ["sh", "-c", "sleep 3600"]);
    assert!(it.env.contains(&"A=b".to_owned()) && it.cap_add == ["NET_ADMIN"]);
    assert_eq!((it.memory_bytes, it.tmpfs.as_slice()), (64 << 20, &["/t".to_owned()][..]));
    assert_eq!(it.mounts.iter().filter(|m| m.is_anonymous_volume()).count(), 2);
    assert!(it.mounts.iter().any(|m| m.source == "/tmp" && !m.writable));
    assert_eq!(it.stop_signal.as_deref(), Some("SIGTERM"));
    assert_eq!((it.state.health, it.state.exit_code), (None, None));
    for _ in 0..20 {
        assert_eq!(adapter.container(&made).await.unwrap().config_digest, it.config_digest);
    }
}

#[tokio::test]
async fn a_log_is_whole_though_its_times_are_whole_seconds() {
    let podman = Podman::start();
    let adapter = podman.adapter();
    let script = "echo early >&2; i=0; while [ $i -lt 200 ]; do echo out $i; i=$((i+1)); done; \
                  head -c 100000 /dev/zero | tr '\\0' x; echo; echo late";
    let made = podman.run("a", &[], script);
    podman.docker(&["wait", "a"]);
    let mut lengths = Vec::new();
    let (since, until) = (None, None);
    let all = LogQuery { out: true, err: true, tail: None, since, until, line_bytes_max: 100 };
    let each = &mut |line: countersign::ports::engine::LogLine<'_>| {
        assert_eq!((line.timestamp.len(), line.timestamp.as_bytes()[19]), (20, b'Z'));
        lengths.push(line.full_len);
        ControlFlow::Continue(())
    };
    adapter.logs(&made, &all, each).await.unwrap();
    assert_eq!((lengths.len(), lengths.contains(&100_000)), (203, true));

    let real = Real::new(podman.adapter());
    let last = real.call("get_container_logs", json!({"container": "a", "tail": 1})).await;
    assert!(last.text.contains("  late\n--- end") && last.data["lines"] == 1, "{}", last.text);
    let found =
        real.call("get_container_logs", json!({"container": "a", "grep": "out 1\\d$"})).await;
    assert_eq!(found.data["lines"], 10, "{}", found.text);
}
