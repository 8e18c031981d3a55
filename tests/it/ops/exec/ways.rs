//! What the preview of a command says of the ways from its container to the host.

use serde_json::json;

use super::{shell, sleeper};
use crate::support::door::{Deed, Door};
use crate::support::engine::{Engine, Made, adapter_at, docker};
use crate::support::real::Real;

const HOST: &str = "REACHES THE HOST";

/// The preview of a command inside what this engine may not be able to start.
async fn preview_as_if_it_ran(made: &Made) -> String {
    let seen = made.inspect("{{json .}}").replacen("\"Running\":false", "\"Running\":true", 1);
    let path = format!("/containers/{}/json", made.id);
    let door = Door::with(move |line| match line.contains(&path) {
        true => Deed::Say(200, seen.clone()),
        false => Deed::Forward,
    });
    let real = Real::new(adapter_at(door.path()));
    real.preview("exec_in_container", shell(made, "true")).await.0
}

#[tokio::test]
async fn what_the_container_reaches_is_flagged() {
    let engine = Engine::connect();
    let bind = ["-o", "type=none", "-o", "o=bind", "-o", "device=/tmp"];
    let volume = engine.volume_with("disguised", &bind);
    let web = engine
        .container("sleep 3600")
        .option(&["-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", "/etc:/host:ro"])
        .option(&["--cap-add", "SYS_ADMIN", "--pid", "host", "--privileged"])
        .option(&["--device", "/dev/null:/dev/x", "-v", &format!("{volume}:/data")])
        .create();
    let real = Real::new(engine.adapter());
    let preview = preview_as_if_it_ran(&web).await;
    for words in [
        "PRIVILEGED",
        "capabilities CAP_SYS_ADMIN",
        "the host's process ids",
        "devices /dev/null",
        "/var/run/docker.sock, WRITABLE, at /var/run/docker.sock: it holds THE ENGINE'S SOCKET",
        "/etc, read-only, at /host: the host's configuration and passwords",
        &format!("volume {volume} is of the host in disguise, /tmp"),
        "runs as",
    ] {
        assert!(preview.contains(words), "{words}: {preview}");
    }
    let plain = sleeper(&engine);
    let (preview, _) = real.preview("exec_in_container", shell(&plain, "true")).await;
    assert!(preview.contains("nothing of the host") && !preview.contains("REACHES"), "{preview}");
    docker(&["rm", "-f", web.id.as_str()]);
    docker(&["volume", "rm", &volume]);
}

#[tokio::test]
async fn each_way_is_flagged_by_itself() {
    let engine = Engine::connect();
    let proxy = engine.container("sleep 3600").option(&["--network", "host"]).start();
    let joined = format!("container:{}", proxy.name);
    let via = engine.container("sleep 3600").option(&["--network", &joined]).create();
    let chain = format!("container:{}", via.name);
    let through = format!("the network of {}, which has the host's network", proxy.name);
    for (option, flagged) in [
        (["--security-opt", "systempaths=unconfined"], "/proc/sysrq-trigger"),
        (["--security-opt", "systempaths=unconfined"], "NOT HIDDEN, as it usually is: /proc/kcore"),
        (["--security-opt", "seccomp=unconfined"], "seccomp=unconfined"),
        (["--security-opt", "apparmor=unconfined"], "apparmor=unconfined"),
        (["--network", "host"], "the host's network"),
        (["--network", &joined], &through),
        (["--network", &chain], &through),
        (["--ipc", "host"], "the host's IPC"),
        (["--uts", "host"], "the host's host name"),
        (["--pid", "host"], "the host's process ids"),
        (["--userns", "host"], "the host's users"),
        (["--cgroup-parent", "/x"], "in the control group /x"),
        (["--sysctl", "net.ipv4.ip_forward=1"], "kernel settings net.ipv4.ip_forward"),
    ] {
        let made = engine.container("sleep 3600").option(&option).create();
        let preview = preview_as_if_it_ran(&made).await;
        assert!(preview.contains(flagged), "{option:?}: {preview}");
        assert!(preview.contains("REACHES THE HOST"), "{option:?}: {preview}");
        assert!(!preview.contains("nothing of the host"), "{option:?}: {preview}");
    }
}

#[tokio::test]
async fn a_volume_that_cannot_be_looked_at_is_not_said_to_be_harmless() {
    let engine = Engine::connect();
    let volume = format!("cs-{}-unread", engine.run());
    let label = format!("countersign.test={}", engine.run());
    docker(&["volume", "create", "--label", &label, &volume]);
    let mounted = format!("{volume}:/data");
    let web = engine.container("sleep 3600").option(&["-v", &mounted]).start();
    let door = Door::with(|line| {
        if line.contains("/volumes/") { Deed::Say(500, "{}".to_owned()) } else { Deed::Forward }
    });
    for (adapter, expected) in [(adapter_at(door.path()), true), (engine.adapter(), false)] {
        let (preview, _) =
            Real::new(adapter).preview("exec_in_container", shell(&web, "true")).await;
        assert_eq!(preview.contains("MAY REACH THE HOST"), expected, "{preview}");
        assert_eq!(preview.contains("nothing of the host"), !expected, "{preview}");
    }
    docker(&["rm", "-f", web.id.as_str()]);
    docker(&["volume", "rm", &volume]);
}

#[tokio::test]
async fn a_start_and_an_inspection_show_the_same_ways_as_a_command() {
    let engine = Engine::connect();
    let real = Real::new(engine.adapter());
    let bind = ["-o", "type=none", "-o", "o=bind", "-o", "device=/"];
    let volume = engine.volume_with("evil", &bind);
    let mounted = format!("{volume}:/e");
    let proxy = engine.container("sleep 3600").option(&["--network", "host"]).start();
    let joined = format!("container:{}", proxy.name);
    let web = sleeper(&engine);
    let shared = format!("container:{}", web.name);
    let host = format!("{HOST}  volume {volume} is of the host in disguise, /: THE WHOLE HOST");
    let through = format!("{HOST}  the network of {}, which has the host's network", proxy.name);
    let plain = format!("the network of {}\n", web.name);
    for (option, expected, reaches) in [
        (["-v", &mounted], &host, true),
        (["--network", &joined], &through, true),
        (["--network", &shared], &plain, false),
    ] {
        let made = engine.container("sleep 3600").option(&option).create();
        let container = json!({"container": made.name});
        let mut told = vec![real.call("inspect_container", container.clone()).await.text];
        for operation in ["start_container", "restart_container"] {
            told.push(real.preview(operation, container.clone()).await.0);
        }
        told.push(preview_as_if_it_ran(&made).await);
        for told in told {
            assert!(told.contains(expected.as_str()), "{option:?}: {told}");
            assert_eq!(told.contains("REACH"), reaches, "{option:?}: {told}");
        }
    }
}

#[tokio::test]
async fn a_start_does_not_pass_over_what_could_not_be_looked_at() {
    let engine = Engine::connect();
    let mounted = format!("{}:/data", engine.volume_with("unseen", &[]));
    let web = engine.container("sleep 3600").option(&["-v", &mounted]).create();
    let door = Door::with(|line| {
        if line.contains("/volumes/") { Deed::Say(500, "{}".to_owned()) } else { Deed::Forward }
    });
    let container = json!({"container": web.name});
    for (adapter, expected) in [(adapter_at(door.path()), true), (engine.adapter(), false)] {
        let real = Real::new(adapter);
        let (preview, _) = real.preview("start_container", container.clone()).await;
        assert_eq!(preview.contains("MAY REACH THE HOST"), expected, "{preview}");
        let inspected = real.call("inspect_container", container.clone()).await.text;
        assert_eq!(inspected.contains("MAY REACH THE HOST"), expected, "{inspected}");
    }
}
