//! Asking a real engine.

use countersign::core::ids::{FullId, Reference, resolve};
use countersign::core::reason::Reason;
use countersign::docker::DockerEngine;
use countersign::ports::engine::{
    ContainerFilter, ContainerRow, LookContainers as _, LookImages as _, LookSystem as _,
};

use crate::support::door::Door;
use crate::support::engine::{Engine, IMAGE, LABEL, adapter_at, docker};

async fn found(adapter: &DockerEngine, reference: &str) -> Vec<ContainerRow> {
    adapter.candidates(&Reference::parse(reference).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_engine_describes_itself() {
    let adapter = Engine::connect().adapter();
    let it = adapter.engine().await.unwrap();
    assert_eq!(it.id, docker(&["info", "--format", "{{.ID}}"]).trim());
    assert_eq!(adapter.engine_id().await.unwrap(), it.id);
    assert_eq!(it.version, docker(&["version", "--format", "{{.Server.Version}}"]).trim());
    assert!(it.api.starts_with("1."), "{}", it.api);
    assert_eq!(it.address, "unix:///var/run/docker.sock");
    assert_eq!(adapter.own_socket(), Some("/var/run/docker.sock"));
    let door = Door::watching();
    assert_eq!(adapter_at(door.path()).own_socket(), door.path().to_str());
}

#[tokio::test]
async fn lists_what_fits_the_filter_and_nothing_else() {
    let engine = Engine::connect();
    let run = engine.run();
    let plain = engine.container("sleep 3600").named(&format!("{run}a.b-plain")).label("k", "v");
    let plain = plain.publish("80").start();
    let other = engine.container("sleep 3600").named(&format!("{run}axb-other")).label("k", "w");
    let other = other.start();
    let ended = engine.container("true").named(&format!("{run}a.b-ended")).start();
    ended.wait();
    let adapter = engine.adapter();
    let own = Some(format!("{LABEL}={run}"));
    let filter = |all, name: Option<&str>, label: Option<String>, status: Option<&str>| {
        let (name, status) = (name.map(Into::into), status.map(Into::into));
        ContainerFilter { all, name, label, status, volume: None }
    };
    let dotted = format!("{run}a.b");
    for (filter, expected) in [
        (filter(false, None, own.clone(), None), vec![&other, &plain]),
        (filter(true, None, own.clone(), None), vec![&ended, &other, &plain]),
        (filter(false, None, own.clone(), Some("exited")), vec![&ended]),
        (filter(true, Some(&dotted), None, None), vec![&ended, &plain]),
        (filter(false, Some(&dotted), None, None), vec![&plain]),
        (filter(true, Some(&dotted), Some("k=v".into()), None), vec![&plain]),
        (filter(true, Some(&dotted), Some("k=".into()), None), vec![]),
        (filter(true, Some(&format!("^{dotted}")), None, None), vec![]),
        (filter(true, Some("\"],\"a\":[\""), own.clone(), None), vec![]),
    ] {
        let rows = adapter.containers(&filter).await.unwrap();
        let ids: Vec<&FullId> = rows.iter().map(|row| &row.id).collect();
        let expected: Vec<&FullId> = expected.into_iter().map(|made| &made.id).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
    let wrong = filter(true, None, None, Some("runing"));
    let fault = adapter.containers(&wrong).await.unwrap_err();
    assert_eq!(fault.reason, Reason::InvalidArgument);
    let row =
        adapter.containers(&filter(false, Some("-plain"), own, None)).await.unwrap().remove(0);
    assert_eq!((row.name.as_str(), row.image.as_str()), (plain.name.as_str(), IMAGE));
    assert_eq!((row.state.as_str(), row.labels["k"].as_str()), ("running", "v"));
    assert!(row.ports.iter().any(|p| p.private == 80 && p.public.is_some()), "{:?}", row.ports);
}

#[tokio::test]
async fn those_that_mount_a_volume_are_found_whatever_their_state() {
    let engine = Engine::connect();
    let volume = engine.volume(Some(&format!("{}-v", engine.run())));
    let longer = engine.volume(Some(&format!("{volume}-2")));
    let mount = |volume: &str| format!("{volume}:/data");
    let on = |volume: &str| engine.container("sleep 3600").option(&["-v", &mount(volume)]);
    let (up, never, _other) = (on(&volume).start(), on(&volume).create(), on(&longer).create());
    let (adapter, volume) = (engine.adapter(), Some(volume));
    for (all, expected) in [(false, vec![&up]), (true, vec![&never, &up])] {
        let filter = ContainerFilter { all, volume: volume.clone(), ..ContainerFilter::default() };
        let rows = adapter.containers(&filter).await.unwrap();
        let ids: Vec<&FullId> = rows.iter().map(|row| &row.id).collect();
        assert_eq!(ids, expected.iter().map(|made| &made.id).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_name_that_is_anothers_id_prefix_is_ambiguous() {
    let engine = Engine::connect();
    let first = engine.container("true").create();
    let hex = first.id.short();
    let named = engine.container("true").named(hex).create();
    let adapter = engine.adapter();
    let rows = found(&adapter, hex).await;
    let mut ids: Vec<&FullId> = rows.iter().map(|row| &row.id).collect();
    ids.sort();
    let mut both = vec![&first.id, &named.id];
    both.sort();
    assert_eq!(ids, both);
    let refusal = resolve(&Reference::parse(hex).unwrap(), &rows).unwrap_err();
    assert_eq!(refusal.reason, Reason::Ambiguous);
    for (reference, id) in [
        (first.id.as_str(), &first.id),
        (first.name.as_str(), &first.id),
        (named.id.as_str(), &named.id),
    ] {
        let rows = found(&adapter, reference).await;
        let one = resolve(&Reference::parse(reference).unwrap(), &rows).unwrap();
        assert_eq!(&one.id, id, "{reference}");
    }
    let part = first.name.get(..first.name.len() - 1).unwrap();
    assert_eq!(found(&adapter, part).await, []);
}

#[tokio::test]
async fn a_dead_full_id_reused_as_a_name_is_not_followed() {
    let engine = Engine::connect();
    let dead = FullId::parse(&"d0".repeat(32)).unwrap();
    let impostor = engine.container("true").named(dead.as_str()).create();
    let adapter = engine.adapter();
    let fault = adapter.container(&dead).await.unwrap_err();
    assert_eq!(fault.reason, Reason::NotFound);
    assert_eq!(adapter.container(&impostor.id).await.unwrap().id, impostor.id);
    docker(&["rm", impostor.id.as_str()]);
    assert_eq!(adapter.container(&impostor.id).await.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn an_inspection_tells_what_a_change_would_touch() {
    let engine = Engine::connect();
    let made = engine
        .container("sleep 3600")
        .label("secret", "value")
        .auto_remove()
        .tty()
        .publish("80")
        .publish("127.0.0.1:0:81")
        .option(&["--tmpfs", "/t", "--volume", "/anon", "--volume", "/tmp:/host:ro"])
        .option(&["--env", "A=b", "--cap-add", "NET_ADMIN", "--memory", "64m"])
        .start();
    let it = engine.adapter().container(&made.id).await.unwrap();
    assert_eq!((it.name.as_str(), it.image.as_str()), (made.name.as_str(), IMAGE));
    assert!(it.state.running && it.auto_remove && it.tty && !it.privileged);
    assert_eq!(it.command, ["sleep", "3600"]);
    assert_eq!(it.env, ["A=b"]);
    assert!(it.cap_add.len() == 1 && it.cap_add[0].ends_with("NET_ADMIN"), "{:?}", it.cap_add);
    assert_eq!((it.memory_bytes, it.restart_policy.as_str()), (64 << 20, "no"));
    assert_eq!(it.tmpfs, ["/t"]);
    assert_eq!(it.mounts.iter().filter(|m| m.is_anonymous_volume()).count(), 1);
    assert!(it.mounts.iter().any(|m| m.source == "/tmp" && !m.writable));
    assert!(!it.ports.is_empty() && it.ports.iter().all(|port| port.dynamic));
    assert_eq!(it.state.started_at, made.inspect("{{.State.StartedAt}}"));
    assert_eq!(it.image_id, docker(&["image", "inspect", "-f", "{{.Id}}", IMAGE]).trim());
}

#[tokio::test]
async fn the_configurations_digest_is_stable() {
    let engine = Engine::connect();
    let volumes = ["--volume", "/a", "--volume", "/b", "--volume", "/c", "--volume", "/d"];
    let made = engine.container("sleep 3600").option(&volumes).start();
    let adapter = engine.adapter();
    let first = adapter.container(&made.id).await.unwrap().config_digest;
    for _ in 0..20 {
        assert_eq!(adapter.container(&made.id).await.unwrap().config_digest, first);
    }
    docker(&["stop", "-t", "0", made.id.as_str()]);
    assert_eq!(adapter.container(&made.id).await.unwrap().config_digest, first);
    docker(&["update", "--restart", "always", made.id.as_str()]);
    assert_ne!(adapter.container(&made.id).await.unwrap().config_digest, first);
}

#[tokio::test]
async fn an_image_reference_points_to_an_id() {
    let engine = Engine::connect();
    let adapter = engine.adapter();
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]).trim().to_owned();
    let digits = id.strip_prefix("sha256:").unwrap();
    for (reference, expected) in [
        (IMAGE, Some(&id)),
        (&format!("docker.io/{IMAGE}"), Some(&id)),
        (id.as_str(), Some(&id)),
        (digits, Some(&id)),
        (digits.get(..12).unwrap(), Some(&id)),
        ("countersign-test/busybox", None),
        ("countersign-test/*:1", None),
        ("../info?", None),
    ] {
        assert_eq!(adapter.image_id(reference).await.unwrap().as_ref(), expected, "{reference}");
    }
}
