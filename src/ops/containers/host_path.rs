//! Paths of the host that a container is given: which of them are special, and how.

use crate::core::text;

/// Characters of a path that are shown, at most: as many as one can have.
pub(super) const PATH_CHARS_MAX: usize = 4096;

/// Where engines have their sockets. Whoever may write there is root on the host.
const SOCKETS: [&str; 6] = [
    "/run/docker.sock",
    // Where /var/run is no link, whoever has /var has it too.
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
];

/// Where each user has sockets, and where engines of a user's own have theirs in there.
const OF_USERS: &str = "/run/user";
const SOCKETS_OF_USERS: [&str; 3] =
    ["/docker.sock", "/podman/podman.sock", "/containerd/containerd.sock"];

/// Folders of a host that a container has no business with, and what is in them.
const SPECIAL: [(&str, &str); 16] = [
    ("/etc", "the host's configuration and passwords"),
    ("/proc", "the host's processes, all files through them, and kernel settings"),
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
    ("/var/lib", "data of the host's services, and of every container and volume"),
    ("/var/spool", "jobs that the host runs by itself"),
];

/// A path of the host that is seen inside, with what is special about it. `own` is the engine's
/// socket that this program uses.
pub(super) fn shown(path: &str, inside: &str, writable: bool, own: Option<&str>) -> String {
    let mode = if writable { "WRITABLE" } else { "read-only" };
    let special = special(path, own).map(|special| format!(": {special}")).unwrap_or_default();
    let (path, inside) = (text::line(path, PATH_CHARS_MAX), text::line(inside, PATH_CHARS_MAX));
    format!("the host's path {path}, {mode}, at {inside}{special}")
}

/// What is special about a path of the host: the words say what whoever has it has.
pub(super) fn special(path: &str, own: Option<&str>) -> Option<String> {
    let path = plain(path);
    if path == "/" {
        return Some("THE WHOLE HOST, the engine's socket among it".to_owned());
    }
    if holds_socket(&path, own) {
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
pub(super) fn holds_socket(path: &str, own: Option<&str>) -> bool {
    let path = plain(path);
    let own = own.map(plain);
    let mut known = SOCKETS.into_iter().chain(own.as_deref());
    known.any(|socket| is_in(socket, &path)) || of_user(&path) || path.ends_with("/docker.sock")
}

/// Whether the socket of an engine of a user's own can be this path or in it.
fn of_user(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(OF_USERS) else { return is_in(OF_USERS, path) };
    let after = |rest: &'_ str| rest.find('/').and_then(|at| rest.get(at..)).map(str::to_owned);
    let inside = rest.strip_prefix('/').map(|rest| after(rest).unwrap_or_default());
    match inside {
        Some(inside) => SOCKETS_OF_USERS.iter().any(|socket| is_in(socket, &inside)),
        None => rest.is_empty(),
    }
}

/// Whether a path is a folder or in it.
fn is_in(path: &str, folder: &str) -> bool {
    folder == "/" || path.strip_prefix(folder).is_some_and(|r| r.is_empty() || r.starts_with('/'))
}

/// A path without empty parts, parts that lead nowhere, and the detours that every host has: the
/// root of a process is the host's, and so may be its working folder.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let mut parts: Vec<&str> = parts.collect();
    loop {
        let skipped = match *parts {
            ["proc", _, "task", _, "root" | "cwd", ..] => 5,
            ["proc", _, "root" | "cwd", ..] => 3,
            ["var", "run", ..] => 1,
            _ => return format!("/{}", parts.join("/")),
        };
        parts.drain(..skipped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_holds_the_socket_is_said_to() {
        for path in [
            "/var/run/docker.sock",
            "/run",
            "/var/run",
            "//var/./run/",
            "/",
            "/srv/x/docker.sock",
            "/run/user",
            "/run/user/1000",
            "/run/user/1000/podman",
            "/var/run/user/1000/docker.sock",
            "/run/crio",
            "/proc/1/root/run",
            "/proc/self/root/var/run/docker.sock",
            "/proc/1/task/1/cwd",
            "/srv/docker",
            "/srv/docker/d.sock",
        ] {
            assert!(holds_socket(path, Some("/srv/docker/d.sock")), "{path}");
            let shown = shown(path, "/x", true, Some("/srv/docker/d.sock"));
            assert!(shown.contains("SOCKET") || shown.contains("WHOLE HOST"), "{shown}");
        }
        for path in [
            "/srv/data",
            "/srv/docker",
            "/var/running",
            "/runs",
            "/var/run/docker.sock.d/x",
            "/run/user/1000/bus",
            "/run/users",
            "/proc/1/roots",
        ] {
            assert!(!holds_socket(path, None), "{path}");
        }
    }

    #[test]
    fn special_folders_are_named_and_the_rest_is_not() {
        for (path, expected) in [
            ("/etc", Some("configuration")),
            ("/etc/shadow", Some("passwords")),
            ("/proc/1", Some("processes")),
            ("/proc/1/root", Some("THE WHOLE HOST")),
            ("/proc/self/root/etc", Some("passwords")),
            ("/dev/sda", Some("devices")),
            ("/home/ann/.ssh", Some("homes")),
            ("/var", Some("SOCKET")),
            ("/var/lib/docker/volumes", Some("every container")),
            ("/tmp/x.sock", Some("a socket of the host")),
            ("/srv/data", None),
            ("/etcetera", None),
            ("/data", None),
        ] {
            let found = special(path, None);
            assert_eq!(found.is_some(), expected.is_some(), "{path}: {found:?}");
            let words = expected.unwrap_or_default();
            assert!(found.unwrap_or_default().contains(words), "{path}");
        }
    }
}
