//! Answers as engines give them, odd ones too, and what is made of them.

use serde_json::json;

use super::*;
use crate::core::reason::Reason;

fn id() -> String {
    "7b".repeat(32)
}

fn inspected(more: Value) -> Container {
    let mut answer = json!({
        "Id": id(), "Name": "/web", "Image": "sha256:c9", "Created": "2026-11-21T07:47:34.6Z",
        "Path": "sh", "Args": ["-c", "x"], "ExecIDs": null, "RestartCount": 2,
        "State": {"Status": "running", "Running": true, "StartedAt": "2026-11-21T07:47:35.1Z",
                  "FinishedAt": "0001-01-01T00:00:00Z", "ExitCode": 0, "Health": null},
        "Config": {"Image": "busybox:1", "Env": null, "Labels": {"k": "v"}, "Tty": true},
        "HostConfig": {"NetworkMode": "bridge", "RestartPolicy": {"Name": ""}, "CapAdd": null},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.3"}, "none": {}}}
    });
    merge(&mut answer, more);
    container(serde_json::from_value(answer).unwrap()).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[test]
fn a_container_is_mapped() {
    let it = inspected(json!({}));
    assert_eq!((it.id.as_str(), it.name.as_str()), (id().as_str(), "web"));
    assert_eq!(it.command, ["sh", "-c", "x"]);
    assert_eq!(it.restart_policy, "no");
    assert_eq!(it.networks["bridge"], "172.17.0.3");
    assert_eq!(it.networks["none"], "");
    assert_eq!((it.tty, it.restart_count, it.execs), (true, 2, 0));
    assert_eq!(it.state.finished_at, "");
    assert_eq!(it.state.exit_code, None);
    assert_eq!(it.labels["k"], "v");
}

#[test]
fn what_is_missing_null_or_new_spoils_nothing() {
    let bare = container(serde_json::from_value(json!({"Id": id()})).unwrap()).unwrap();
    assert_eq!(bare.state.status, "");
    assert_eq!(bare.created, None);
    let new = inspected(json!({"State": {"Status": "hibernating", "Novel": [1]}, "Created": "?"}));
    assert_eq!(new.state.status, "hibernating");
    for odd in [json!({}), json!({"Id": "web"}), json!({"Id": id().to_uppercase()})] {
        let fault = container(serde_json::from_value(odd).unwrap()).unwrap_err();
        assert_eq!(fault.reason, Reason::EngineError);
    }
    let no_map = json!({"Id": id(), "HostConfig": {"Links": 7}});
    assert!(container(serde_json::from_value(no_map).unwrap()).is_err());
}

#[test]
fn states_are_told_apart() {
    let end = "2026-11-21T08:00:00Z";
    for (state, running, exit_code) in [
        (json!({"Running": true}), true, None),
        (json!({"Running": true, "Paused": true}), true, None),
        (json!({"Running": true, "FinishedAt": end}), true, None),
        (
            json!({"Running": true, "Restarting": true, "FinishedAt": end, "ExitCode": 3}),
            false,
            Some(3),
        ),
        (json!({"Running": false, "FinishedAt": end, "ExitCode": 137}), false, Some(137)),
        (json!({"Running": false, "Status": "created"}), false, None),
    ] {
        let it = inspected(json!({ "State": state })).state;
        assert_eq!((it.running, it.exit_code), (running, exit_code), "{it:?}");
    }
    for (health, expected) in [("healthy", Some("healthy")), ("none", None), ("", None)] {
        let it = inspected(json!({"State": {"Health": {"Status": health}}}));
        assert_eq!(it.state.health.as_deref(), expected);
    }
}

#[test]
fn restart_policies_say_their_limit() {
    for (policy, expected) in [
        (json!({"Name": "no", "MaximumRetryCount": 0}), "no"),
        (json!({"Name": "on-failure", "MaximumRetryCount": 3}), "on-failure:3"),
        (json!({"Name": "on-failure"}), "on-failure"),
        (json!({"Name": "unless-stopped"}), "unless-stopped"),
    ] {
        let it = inspected(json!({"HostConfig": {"RestartPolicy": policy}}));
        assert_eq!(it.restart_policy, expected);
    }
}

/// Ports as `private/protocol` with what follows from the host's side.
fn shown(it: &Container) -> Vec<String> {
    it.ports
        .iter()
        .map(|port| {
            let public = port.public.as_ref().map(|(ip, n)| format!("{ip}:{n}"));
            let mark = if port.dynamic { " dynamic" } else { "" };
            format!("{}/{} {}{mark}", port.private, port.protocol, public.unwrap_or_default())
        })
        .collect()
}

#[test]
fn ports_that_the_engine_picks_are_dynamic() {
    let all = json!({
        "Config": {"ExposedPorts": {"83/udp": {}, "odd": {}, "99999/tcp": {}}},
        "HostConfig": {"PortBindings": {
            "80/tcp": [{"HostIp": "", "HostPort": "8088"}],
            "81/tcp": [{"HostIp": "", "HostPort": ""}],
            "82/tcp": [{"HostIp": "", "HostPort": "9000-9010"}, {"HostPort": "7000"}]
        }},
        "NetworkSettings": {"Ports": {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8088"}, {"HostIp": "::", "HostPort": "8088"}],
            "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}],
            "82/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9000"}, {"HostIp": "", "HostPort": "7000"}],
            "83/udp": null
        }}
    });
    assert_eq!(
        shown(&inspected(all.clone())),
        [
            "80/tcp 0.0.0.0:8088",
            "80/tcp :::8088",
            "81/tcp 0.0.0.0:32768 dynamic",
            "82/tcp :7000",
            "82/tcp 0.0.0.0:9000 dynamic",
            "83/udp ",
        ]
    );
    let mut stopped = all;
    stopped["NetworkSettings"]["Ports"] = json!({});
    stopped["HostConfig"]["PublishAllPorts"] = json!(true);
    assert_eq!(
        shown(&inspected(stopped)),
        ["80/tcp :8088", "81/tcp  dynamic", "82/tcp  dynamic", "82/tcp :7000", "83/udp  dynamic"]
    );
    let zero = json!({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "0"}], "9": null}}});
    assert_eq!(shown(&inspected(zero)), ["9/tcp ", "80/tcp  dynamic"]);
}

#[test]
fn the_digest_ignores_the_order_of_mounts_and_nothing_else() {
    let digest = |host: Value, mounts: Value| {
        inspected(json!({"HostConfig": host, "Mounts": mounts})).config_digest
    };
    let (a, b) = (json!({"Type": "bind", "Source": "/a"}), json!({"Type": "tmpfs"}));
    let base = digest(json!({"Memory": 9_007_199_254_740_993_u64}), json!([a, b]));
    assert!(base.starts_with("sha256:"), "{base}");
    assert_eq!(base, digest(json!({"Memory": 9_007_199_254_740_993_u64}), json!([b, a])));
    for other in [
        digest(json!({"Memory": 9_007_199_254_740_992_u64}), json!([a, b])),
        digest(json!({"Memory": 9_007_199_254_740_993_u64}), json!([a])),
        digest(json!({"Memory": 9_007_199_254_740_993_u64, "Novel": true}), json!([a, b])),
        digest(json!({"Memory": 9_007_199_254_740_993_u64, "Binds": ["x", "y"]}), json!([a, b])),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn memory_file_systems_are_found_in_both_places() {
    let it = inspected(json!({
        "HostConfig": {"Tmpfs": {"/t": ""}},
        "Mounts": [{"Type": "tmpfs", "Destination": "/t2"}, {"Type": "volume", "Name": "n", "RW": true}]
    }));
    assert_eq!(it.tmpfs, ["/t", "/t2"]);
    assert_eq!(it.mounts.iter().filter_map(|m| m.name.as_deref()).collect::<Vec<_>>(), ["n"]);
}

#[test]
fn rows_are_mapped() {
    let answer = json!({
        "Id": id(), "Names": ["/web/alias", "/db"], "Image": "busybox:1", "State": "stopped",
        "Status": "Up", "Created": i64::MAX, "Labels": null,
        "Ports": [{"PrivatePort": 81, "Type": "tcp"},
                  {"IP": "::", "PrivatePort": 80, "PublicPort": 8088, "Type": "tcp"}],
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"b": null, "a": {}}}
    });
    let it = row(serde_json::from_value(answer).unwrap()).unwrap();
    assert_eq!((it.name.as_str(), it.state.as_str()), ("db", "stopped"));
    assert_eq!(it.created, OffsetDateTime::UNIX_EPOCH);
    assert_eq!(it.networks, ["a", "b"]);
    assert_eq!(it.ports[0].public, Some(("::".to_owned(), 8088)));
    assert_eq!(it.ports[1].public, None);
    let nameless = json!({"Id": id(), "Names": null});
    assert_eq!(row(serde_json::from_value(nameless).unwrap()).unwrap().name, "");
    assert!(row(serde_json::from_value(json!({"Id": "x"})).unwrap()).is_err());
}

#[test]
fn an_engine_that_does_not_say_who_it_is_is_none() {
    let info = |more: Value| -> Info { serde_json::from_value(more).unwrap() };
    assert!(engine(info(json!({"ID": ""})), String::new(), "unix:///s").is_err());
    let it = engine(
        info(json!({"ID": "E", "OperatingSystem": "Debian 12", "OSVersion": "12",
                    "HttpProxy": "http://user:secret@proxy", "Warnings": null})),
        "1.41".into(),
        "unix:///s",
    )
    .unwrap();
    assert_eq!((it.os.as_str(), it.api.as_str()), ("Debian 12", "1.41"));
    assert!(!format!("{it:?}").contains("secret"));
    let other = info(json!({"ID": "E", "OperatingSystem": "Alpine", "OSVersion": "3"}));
    assert_eq!(engine(other, String::new(), "").unwrap().os, "Alpine 3");
}
