//! The way to the engine: down, forbidden, slow, replaced, restarted.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use countersign::core::ids::{FullId, Reference};
use countersign::core::reason::Reason;
use countersign::docker::DockerEngine;
use countersign::docker::deadline::Deadlines;
use countersign::docker::endpoint::{Sources, resolve};
use countersign::ports::engine::{
    ContainerFilter, LookContainers as _, LookImages as _, LookSystem as _,
};
use tempfile::TempDir;

use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, adapter_at, endpoint};

#[tokio::test]
async fn an_engine_that_cannot_be_resolved_gives_the_reason_at_every_call() {
    let flag_host = Some("tcp://far:2375".to_owned());
    let adapter = DockerEngine::new(resolve(&Sources { flag_host, ..Sources::default() }));
    let id = FullId::parse(&"a".repeat(64)).unwrap();
    for fault in [
        adapter.engine_id().await.unwrap_err(),
        adapter.engine().await.unwrap_err(),
        adapter.container(&id).await.unwrap_err(),
        adapter.containers(&ContainerFilter::default()).await.unwrap_err(),
        adapter.candidates(&Reference::parse("web").unwrap()).await.unwrap_err(),
        adapter.image_id("busybox").await.unwrap_err(),
        adapter.endpoint().unwrap_err(),
    ] {
        assert_eq!(fault.reason, Reason::EngineUnavailable);
        assert!(fault.message.contains("tcp://far:2375"), "{}", fault.message);
    }
}

#[tokio::test]
async fn a_socket_that_is_missing_or_refuses_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing.sock");
    let refused = folder.path().join("refused.sock");
    drop(UnixListener::bind(&refused).unwrap());
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    for (socket, why) in
        [(&missing, "no such socket"), (&refused, "nothing listens"), (&plain, "nothing listens")]
    {
        let fault = adapter_at(socket).engine_id().await.unwrap_err();
        assert_eq!(fault.reason, Reason::EngineUnavailable);
        for words in [why, "--host", "Start Docker", socket.to_str().unwrap()] {
            assert!(fault.message.contains(words), "{words}: {}", fault.message);
        }
        // The real engine's socket exists: it is suggested, and not used.
        assert!(fault.message.contains("unix:///var/run/docker.sock"), "{}", fault.message);
    }
}

/// Run as another user by the test below: root may use every socket.
#[tokio::test]
async fn a_forbidden_socket_says_what_to_do() {
    const CHILD: &str = "COUNTERSIGN_TEST_FORBIDDEN_SOCKET";
    #[expect(clippy::disallowed_methods, reason = "how the child is told that it is one")]
    let given = std::env::var(CHILD);
    if let Ok(socket) = given {
        let fault = adapter_at(Path::new(&socket)).engine_id().await.unwrap_err();
        assert_eq!(fault.reason, Reason::EngineUnavailable);
        for words in ["may not use it", "group", "without Countersign"] {
            assert!(fault.message.contains(words), "{words}: {}", fault.message);
        }
        return;
    }
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    let test = folder.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    #[expect(clippy::disallowed_methods, reason = "another user takes another process")]
    let mut child = if rustix::process::geteuid().is_root() {
        let mut child = std::process::Command::new("setpriv");
        child.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&test);
        child
    } else {
        std::process::Command::new(&test)
    };
    let name = "docker_wire::a_forbidden_socket_says_what_to_do";
    let output = child.args(["--exact", name]).env(CHILD, &socket).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn works_again_as_soon_as_the_engine_does() {
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    let filter = ContainerFilter::default();
    for _ in 0..3 {
        adapter.containers(&filter).await.unwrap();
        door.shut();
        let fault = adapter.containers(&filter).await.unwrap_err();
        assert_eq!(fault.reason, Reason::EngineUnavailable);
        door.open();
    }
    adapter.containers(&filter).await.unwrap();
}

#[tokio::test]
async fn reads_share_a_connection_and_survive_its_end() {
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    let filter = ContainerFilter::default();
    for _ in 0..5 {
        adapter.containers(&filter).await.unwrap();
    }
    assert_eq!(door.accepted(), 1);
    door.cut();
    adapter.containers(&filter).await.unwrap();
    assert_eq!(door.accepted(), 2);
    tokio::time::sleep(Duration::from_millis(50)).await;
    door.cut();
    tokio::time::sleep(Duration::from_millis(50)).await;
    adapter.containers(&filter).await.unwrap();
    assert_eq!(door.accepted(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_ends_at_the_question_is_asked_again_once() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    // The second question on the first connection is hung up on, and so is everything from the
    // fourth on.
    let door = Door::with(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 2 => Deed::Say(200, "[]".to_owned()),
        _ => Deed::HangUp,
    });
    let adapter = adapter_at(door.path());
    let filter = ContainerFilter::default();
    assert_eq!(adapter.containers(&filter).await.unwrap(), []);
    assert_eq!(adapter.containers(&filter).await.unwrap(), []);
    assert_eq!(door.lines().len(), 3);
    let fault = adapter.containers(&filter).await.unwrap_err();
    assert_eq!(fault.reason, Reason::EngineUnavailable);
    assert_eq!(door.lines().len(), 5);
}

#[tokio::test]
async fn the_engines_id_is_kept_as_long_as_its_socket_stays() {
    let one = Door::with(|_| Deed::Say(200, r#"{"ID":"ONE"}"#.to_owned()));
    let two = Door::with(|_| Deed::Say(200, r#"{"ID":"TWO"}"#.to_owned()));
    let folder = TempDir::new().unwrap();
    let link = folder.path().join("docker.sock");
    std::os::unix::fs::symlink(one.path(), &link).unwrap();
    let adapter = adapter_at(&link);
    for _ in 0..5 {
        assert_eq!(adapter.engine_id().await.unwrap(), "ONE");
    }
    assert_eq!(one.lines().len(), 1);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(two.path(), &link).unwrap();
    assert_eq!(adapter.engine_id().await.unwrap(), "TWO");
    assert_eq!(one.lines().len(), 1, "no kept connection to the old engine is used");
    two.shut();
    assert!(adapter.containers(&ContainerFilter::default()).await.is_err());
    let fault = adapter.engine_id().await.unwrap_err();
    assert_eq!(fault.reason, Reason::EngineUnavailable, "the id of a dead engine is not told");
}

#[tokio::test]
async fn a_slow_engine_is_given_up() {
    let door = Door::with(|_| Deed::Silence);
    let deadlines = Deadlines { read: Duration::from_millis(200), ..Deadlines::default() };
    let adapter = DockerEngine::new(Ok(endpoint(door.path()))).with_deadlines(deadlines);
    let id = FullId::parse(&"a".repeat(64)).unwrap();
    for fault in [
        adapter.engine_id().await.unwrap_err(),
        adapter.container(&id).await.unwrap_err(),
        adapter.containers(&ContainerFilter::default()).await.unwrap_err(),
    ] {
        assert_eq!(fault.reason, Reason::Timeout);
    }
}

#[tokio::test]
async fn odd_answers_are_refused_and_survived() {
    for (deed, reason) in [
        (Deed::Say(200, "not json".to_owned()), Reason::EngineError),
        (Deed::Say(200, r#"[{"Id":"x"}]"#.to_owned()), Reason::EngineError),
        (Deed::Say(200, r#"{"ID":""}"#.to_owned()), Reason::EngineError),
        (Deed::Say(500, "\u{1b}[2Jboom".to_owned()), Reason::EngineError),
        (Deed::Say(404, String::new()), Reason::EngineError),
        (Deed::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), Reason::EngineUnavailable),
        (Deed::HangUp, Reason::EngineUnavailable),
    ] {
        let door = Door::with(move |_| deed.clone());
        let adapter = adapter_at(door.path());
        let fault = adapter.containers(&ContainerFilter::default()).await.unwrap_err();
        assert_eq!(fault.reason, reason, "{fault:?}");
        assert!(!fault.message.contains('\u{1b}'), "{}", fault.message);
        assert_eq!(adapter.engine_id().await.unwrap_err().reason, reason);
    }
}

#[tokio::test]
async fn only_encoded_text_and_full_ids_reach_the_engine() {
    let engine = Engine::connect();
    let made = engine.container("sleep 3600").start();
    let door = Door::watching();
    let adapter = adapter_at(door.path());
    for hostile in ["../info?", "../images/prune?filters=...&", "%2e%2e/info", "a b", "x\r\nGET /"]
    {
        assert!(Reference::parse(hostile).is_err(), "{hostile}");
        adapter.image_id(hostile).await.unwrap();
        let filter = ContainerFilter {
            all: true,
            name: Some(hostile.to_owned()),
            label: Some(hostile.to_owned()),
            status: None,
            volume: Some(hostile.to_owned()),
        };
        assert_eq!(adapter.containers(&filter).await.unwrap(), []);
    }
    for good in [made.name.as_str(), made.id.short()] {
        let reference = Reference::parse(good).unwrap();
        assert_eq!(adapter.candidates(&reference).await.unwrap().len(), 1);
    }
    adapter.container(&made.id).await.unwrap();
    let inspect = format!("GET /containers/{}/json HTTP/1.1", made.id);
    for line in door.lines().into_iter().filter(|line| *line != inspect) {
        let query = line
            .strip_prefix("GET /containers/json?all=1&filters=")
            .and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
        let encoded = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
        assert!(query.is_some_and(|query| query.bytes().all(encoded)), "{line}");
    }
}
