//! Ways from a container to its host, in words: what of its configuration opens them, which paths
//! of the host are special, and which volumes are paths of the host in disguise.

use std::net::IpAddr;

use crate::core::text;
use crate::ops::units::listed;
use crate::ports::engine::{Container, Volume};

/// Names in one line, at most.
const LISTED_MAX: usize = 8;

/// Where engines have their sockets. Whoever may write there is root on the host.
const SOCKETS: [&str; 6] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
];

/// Folders of a host that a container has no business with, and what is in them.
const SPECIAL: [(&str, &str); 17] = [
    ("/etc", "the host's configuration and passwords"),
    ("/proc", "the host's processes and kernel settings"),
    ("/sys", "the host's kernel and devices"),
    ("/dev", "the host's devices"),
    ("/boot", "what the host starts from"),
    ("/root", "root's home"),
    ("/home", "people's homes"),
    ("/usr", "the host's programs"),
    ("/bin", "the host's programs"),
    ("/sbin", "the host's programs"),
    ("/lib", "the host's programs"),
    ("/lib64", "the host's programs"),
    ("/opt", "the host's programs"),
    ("/run", "sockets and state of the host's services"),
    ("/var/run", "sockets and state of the host's services"),
    ("/var/lib", "data of the host's services, and of every container and volume"),
    ("/var/spool", "jobs that the host runs by itself"),
];

/// How far a container can reach beyond itself, as configured, its mounts apart.
fn configured(container: &Container) -> Vec<String> {
    let mut out = Vec::new();
    if container.privileged {
        out.push("PRIVILEGED".to_owned());
    }
    let names = |all: &[String]| {
        let shown: Vec<String> = all.iter().map(|one| text::name(one)).collect();
        listed(&shown, LISTED_MAX)
    };
    if !container.cap_add.is_empty() {
        out.push(format!("capabilities {}", names(&container.cap_add)));
    }
    let beyond = &container.beyond;
    for (what, mode) in [
        ("network", &container.network_mode),
        ("process ids", &container.pid_mode),
        ("IPC", &container.ipc_mode),
        ("host name", &beyond.uts_mode),
        ("users", &beyond.userns_mode),
    ] {
        if mode == "host" {
            out.push(format!("the host's {what}"));
        } else if let Some(other) = mode.strip_prefix("container:") {
            out.push(format!("the {what} of {}", text::name(other.get(..12).unwrap_or(other))));
        }
    }
    for (what, all) in [("devices", &beyond.devices), ("rules for devices", &beyond.device_rules)] {
        if !all.is_empty() {
            out.push(format!("{what} {}", names(all)));
        }
    }
    let open = |option: &&String| option.contains("unconfined") || option.contains("disable");
    out.extend(beyond.security.iter().filter(open).map(|option| text::name(option)));
    out
}

/// How far a container can reach beyond itself, in one line.
pub(in crate::ops) fn reach(container: &Container) -> String {
    let mut out = configured(container);
    if container.mounts.iter().any(|mount| holds_socket(&mount.source)) {
        out.push("the engine's socket".to_owned());
    }
    out.join("; ")
}

/// Ways from a container to its host, one each: what is configured, and every path of the host.
pub(in crate::ops) fn ways(container: &Container) -> Vec<String> {
    let mut out = configured(container);
    let binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
    out.extend(binds.map(|mount| host_path(&mount.source, &mount.destination, mount.writable)));
    out
}

/// A path of the host that is seen inside, with what is special about it.
pub(in crate::ops) fn host_path(path: &str, inside: &str, writable: bool) -> String {
    let mode = if writable { "WRITABLE" } else { "read-only" };
    let special = special(path).map(|special| format!(": {special}")).unwrap_or_default();
    let (path, inside) = (text::line(path, PATH_CHARS_MAX), text::line(inside, PATH_CHARS_MAX));
    format!("the host's path {path}, {mode}, at {inside}{special}")
}

/// Characters of a path that are shown, at most: as many as one can have.
const PATH_CHARS_MAX: usize = 4096;

/// What leads to the host in a volume, if anything does.
pub(in crate::ops) fn disguised(volume: &Volume) -> Option<String> {
    let name = text::name(&volume.name);
    if let Some(path) = volume.host_path() {
        let special = special(&path).map(|special| format!(": {special}")).unwrap_or_default();
        let path = text::line(&path, PATH_CHARS_MAX);
        return Some(format!("volume {name} is a path of the host in disguise, {path}{special}"));
    }
    let driver = text::name(&volume.driver);
    let elsewhere = volume.driver != "local";
    elsewhere
        .then(|| format!("volume {name} is of the driver {driver}; where it leads is not known"))
}

/// What is special about a path of the host: the words say what whoever has it has.
fn special(path: &str) -> Option<String> {
    let path = plain(path);
    if path == "/" {
        return Some("THE WHOLE HOST, the engine's socket among it".to_owned());
    }
    if holds_socket(&path) {
        return Some(
            "it holds THE ENGINE'S SOCKET; whoever has that is root on the host".to_owned(),
        );
    }
    let found = SPECIAL.iter().find(|(folder, _)| is_in(&path, folder) || is_in(folder, &path));
    match found {
        Some((_, what)) => Some((*what).to_owned()),
        None if path.ends_with(".sock") => Some("a socket of the host".to_owned()),
        None => None,
    }
}

/// Whether an engine's socket is this path or in it.
fn holds_socket(path: &str) -> bool {
    let path = plain(path);
    SOCKETS.iter().any(|socket| is_in(socket, &path)) || path.ends_with("/docker.sock")
}

/// Whether a path is a folder or in it.
fn is_in(path: &str, folder: &str) -> bool {
    folder == "/" || path.strip_prefix(folder).is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// A path without empty parts and parts that lead nowhere.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let joined: Vec<&str> = parts.collect();
    format!("/{}", joined.join("/"))
}

/// Who can reach a published port, by the host's address that it is published on.
pub(in crate::ops) fn published_on(address: &IpAddr) -> &'static str {
    match address {
        address if address.is_loopback() => "reached from this host only",
        address if address.is_unspecified() => {
            "on ALL ADDRESSES of the host: reached by whoever reaches the host, past its firewall"
        }
        _ => "reached by whoever reaches that address of the host, past its firewall",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_holds_the_socket_is_said_to() {
        for path in
            ["/var/run/docker.sock", "/run", "/var", "//var/./run/", "/", "/srv/x/docker.sock"]
        {
            assert!(holds_socket(path), "{path}");
            let shown = host_path(path, "/x", true);
            assert!(shown.contains("SOCKET") || shown.contains("WHOLE HOST"), "{shown}");
        }
        for path in ["/srv/data", "/var/running", "/runs", "/var/run/docker.sock.d/x"] {
            assert!(!holds_socket(path), "{path}");
        }
    }

    #[test]
    fn special_folders_are_named_and_the_rest_is_not() {
        for (path, expected) in [
            ("/etc", Some("configuration")),
            ("/etc/shadow", Some("passwords")),
            ("/proc/1", Some("processes")),
            ("/dev/sda", Some("devices")),
            ("/home/ann/.ssh", Some("homes")),
            ("/var/lib/docker/volumes", Some("every container")),
            ("/tmp/x.sock", Some("a socket of the host")),
            ("/srv/data", None),
            ("/etcetera", None),
            ("/data", None),
        ] {
            let found = special(path);
            assert_eq!(found.is_some(), expected.is_some(), "{path}: {found:?}");
            let words = expected.unwrap_or_default();
            assert!(found.unwrap_or_default().contains(words), "{path}");
        }
    }

    #[test]
    fn a_volume_that_leads_to_the_host_is_seen_through() {
        let volume = |driver: &str, options: &[(&str, &str)]| Volume {
            name: "data".into(),
            driver: driver.into(),
            options: options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..Volume::default()
        };
        let root = volume("local", &[("type", "none"), ("o", "bind"), ("device", "/")]);
        assert!(disguised(&root).unwrap().contains("THE WHOLE HOST"));
        let data = volume("local", &[("type", "none"), ("o", "rw,rbind"), ("device", "/srv/x")]);
        assert!(disguised(&data).unwrap().ends_with("in disguise, /srv/x"));
        assert!(disguised(&volume("sshfs", &[])).unwrap().contains("driver sshfs"));
        assert_eq!(disguised(&volume("local", &[])), None);
        let memory = volume("local", &[("type", "tmpfs"), ("device", "tmpfs")]);
        assert_eq!(disguised(&memory), None);
    }
}
