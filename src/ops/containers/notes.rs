//! What previews of changes to a container show beside the facts: one line each, and none for what
//! does not apply.

use super::lifecycle::{Notes, RESTARTING, short_digest};
use super::peers::Peers;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::ops::beside::UNCHECKED;
use crate::ops::labels::is_of_swarm;
use crate::ops::units::{counted, listed};
use crate::ops::when;
use crate::ports::engine::{Container, Mount, Port};

/// Names, ports and mounts in one line, at most.
pub(super) const LISTED_MAX: usize = 8;

/// Labels and values.
pub(super) type Rows = Vec<(&'static str, String)>;

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Its processes run, or are about to be started again.
    Up,
    /// Its processes are frozen.
    Paused,
    /// It has no processes.
    Down,
}

/// Whether this container runs.
pub(super) fn run(container: &Container) -> Run {
    let state = &container.state;
    match (state.paused, state.running || state.status == RESTARTING) {
        (true, _) => Run::Paused,
        (false, true) => Run::Up,
        (false, false) => Run::Down,
    }
}

pub(super) fn some(rows: &mut Rows, label: &'static str, value: impl Into<Option<String>>) {
    if let Some(value) = value.into().filter(|value| !value.is_empty()) {
        rows.push((label, value));
    }
}

pub(super) fn signals(notes: &Notes, grace: u32) -> String {
    let signal = notes.container.stop_signal.as_deref().filter(|signal| !signal.is_empty());
    format!("{}, then SIGKILL after {grace} s", text::name(signal.unwrap_or("SIGTERM")))
}

/// That a container asks for more time than it is to get.
pub(super) fn asks_for_more(rows: &mut Rows, container: &Container, timeout: u32) {
    let asked = match container.stop_timeout.map(u32::try_from) {
        Some(Ok(seconds)) if seconds > timeout => format!("{seconds} s"),
        // What asks for less than nothing asks to be waited for without an end.
        Some(Err(_)) => "as long as it takes".to_owned(),
        _ => return,
    };
    let gets = format!("{asked} by its own configuration; timeout gives it more than {timeout} s");
    rows.push(("asks for more time", gets));
}

pub(super) fn uptime(rows: &mut Rows, notes: &Notes) {
    let since = when::read(&notes.container.state.started_at);
    some(rows, "uptime", since.map(|since| when::span(since, notes.now)));
}

/// What a start gives to a container that does not run.
pub(super) fn starting(rows: &mut Rows, notes: &Notes) {
    let container = &notes.container;
    some(rows, "ports", ports(container.ports.iter().filter(|p| p.public.is_some())));
    some(rows, "mounts", mounts(container));
    rows.extend(notes.ways.iter().cloned());
}

pub(super) fn last_end(rows: &mut Rows, notes: &Notes) {
    let state = &notes.container.state;
    if state.finished_at.is_empty() {
        return;
    }
    let code = state.exit_code.map_or_else(|| "unknown".into(), |code| code.to_string());
    let memory = if state.oom_killed { ", out of memory" } else { "" };
    let mut out =
        format!("exit code {code}{memory}, {}", when::aged(&state.finished_at, notes.now));
    if !state.error.is_empty() {
        // What the engine says of a failure can quote arguments and variables.
        let error = Redactor::new(&notes.container.env).text(&state.error);
        out.push_str(": ");
        out.push_str(&text::line(&error, 160));
    }
    rows.push(("last end", out));
}

pub(super) fn image(rows: &mut Rows, notes: &Notes, what: &str) {
    let Container { image, image_id, .. } = &notes.container;
    let name = text::name(image);
    let note = match &notes.image_now {
        None => UNCHECKED.to_owned(),
        Some(Some(now)) if now == image_id => return,
        Some(None) if image_id.ends_with(image.as_str()) => return,
        Some(Some(now)) => format!(
            "{name} now points to {}; {what} keeps the old image",
            text::name(&short_digest(now))
        ),
        Some(None) => format!("{name} points to nothing any more; {what} keeps the old image"),
    };
    rows.push(("image tag", note));
}

/// What a swarm does about it.
pub(super) fn swarm(rows: &mut Rows, container: &Container) {
    if is_of_swarm(&container.labels) {
        rows.push(("swarm", "it is a task: once it ends, the swarm makes another one".into()));
    }
}

/// What ending its processes removes, if it is removed with them.
pub(super) fn removed(rows: &mut Rows, container: &Container) {
    if container.auto_remove {
        rows.push(("removed", "the container, its writable layer and its log (--rm)".into()));
        some(rows, "volumes lost", anonymous(container));
    }
}

pub(super) fn published(rows: &mut Rows, container: &Container, what: &str) {
    let ports = ports(container.ports.iter().filter(|port| port.public.is_some()));
    if !ports.is_empty() {
        rows.push(("published ports", format!("{ports}: {what}")));
    }
}

/// Ports as `127.0.0.1:8080->80`, without what is usual: every address, and TCP.
pub(in crate::ops) fn ports<'a>(ports: impl Iterator<Item = &'a Port>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for Port { private, protocol, public, .. } in ports {
        let tail =
            if protocol == "tcp" { String::new() } else { format!("/{}", text::name(protocol)) };
        let one = match public {
            None => format!("{private}{tail}"),
            Some((host, port)) if ["", "0.0.0.0", "::"].contains(&host.as_str()) => {
                format!("{port}->{private}{tail}")
            }
            Some((host, port)) => format!("{}:{port}->{private}{tail}", text::name(host)),
        };
        if !shown.contains(&one) {
            shown.push(one);
        }
    }
    listed(&shown, LISTED_MAX)
}

pub(super) fn mounts(container: &Container) -> String {
    let shown: Vec<String> = container.mounts.iter().map(mount).collect();
    listed(&shown, LISTED_MAX)
}

/// A mount as `volume data -> /data (rw)`.
pub(in crate::ops) fn mount(mount: &Mount) -> String {
    let source = mount.name.as_deref().unwrap_or(&mount.source);
    let source = if mount.is_anonymous_volume() { "(anonymous)" } else { source };
    let mode = if mount.writable { "rw" } else { "ro" };
    let (kind, to) = (text::name(&mount.kind), text::name(&mount.destination));
    format!("{kind} {} -> {to} ({mode})", text::name(source))
}

pub(super) fn anonymous(container: &Container) -> String {
    let lost = container.mounts.iter().filter(|mount| mount.is_anonymous_volume());
    let lost: Vec<String> = lost.map(|mount| text::name(&mount.destination)).collect();
    if lost.is_empty() {
        return String::new();
    }
    format!("{} without a name: {}", counted(lost.len(), "volume"), listed(&lost, LISTED_MAX))
}

/// Volumes and folders that it can write to.
pub(super) fn writable(container: &Container) -> String {
    let writable = container.mounts.iter().filter(|one| one.writable && one.kind != "tmpfs");
    let shown: Vec<String> = writable.map(mount).collect();
    listed(&shown, LISTED_MAX)
}

/// Names of images that are databases, or keep data as one does.
const DATABASES: [&str; 18] = [
    "postgres",
    "postgis",
    "timescale",
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "redis",
    "valkey",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "clickhouse",
    "couchdb",
    "influxdb",
    "neo4j",
    "cockroach",
    "etcd",
];

/// What is said of one whose image bears a database's name.
pub(super) fn database(container: &Container) -> String {
    let path = container.image.split('@').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    match DATABASES.iter().find(|database| name.contains(**database)) {
        Some(database) => format!("it looks like one ({database}), and will have to recover"),
        None => String::new(),
    }
}

pub(super) fn policy(container: &Container) -> String {
    match container.restart_policy.as_str() {
        "" | "no" => String::new(),
        other => text::name(other),
    }
}

pub(super) fn comes_back(container: &Container) -> String {
    match container.restart_policy.as_str() {
        "" | "no" => String::new(),
        "always" => "when the engine itself restarts (restart policy always)".into(),
        "unless-stopped" => "not by itself (restart policy unless-stopped)".into(),
        other => format!("perhaps when the engine itself restarts ({})", text::name(other)),
    }
}

pub(super) fn addresses(container: &Container) -> String {
    let shown: Vec<String> = container
        .networks
        .iter()
        .filter(|(_, address)| !address.is_empty())
        .map(|(network, address)| format!("{} on {}", text::name(address), text::name(network)))
        .collect();
    listed(&shown, LISTED_MAX)
}

pub(super) fn lost(rows: &mut Rows, container: &Container) {
    rows.push(("lost", in_memory(container)));
}

/// What an end of its processes loses.
pub(super) fn in_memory(container: &Container) -> String {
    let mut out = "what is in memory, /dev/shm".to_owned();
    if !container.tmpfs.is_empty() {
        let paths: Vec<String> = container.tmpfs.iter().map(|path| text::name(path)).collect();
        out.push_str(", tmpfs ");
        out.push_str(&listed(&paths, LISTED_MAX));
    }
    if container.execs > 0 {
        out.push_str(", ");
        out.push_str(&counted(container.execs, "exec session"));
    }
    if container.state.paused {
        out.push_str(", the pause");
    }
    out
}

/// Who else is affected, and what becomes of those who share something with it, which ends or may
/// end.
pub(super) fn affected(rows: &mut Rows, notes: &Notes, how_long: &str, ends: bool) {
    let Some(peers) = notes.peers() else {
        rows.push(("others affected", UNCHECKED.into()));
        return;
    };
    let killed = if ends { "they are KILLED with it" } else { "they are KILLED if it ends" };
    for (label, names, what) in [
        ("share its network", &peers.network, format!("they lose their network {how_long}")),
        ("share its process ids", &peers.pid, killed.to_owned()),
        ("share its IPC", &peers.ipc, format!("they lose its shared memory {how_long}")),
    ] {
        if !names.is_empty() {
            rows.push((label, format!("{}: {what}", listed(names, LISTED_MAX))));
        }
    }
    for (label, names) in [
        ("use its mounts", &peers.mounts),
        ("linked to it", &peers.links),
        ("depend on it", &peers.dependents),
        ("want restart after", &peers.dependents_to_restart),
    ] {
        some(rows, label, listed(names, LISTED_MAX));
    }
    neighbours(rows, &peers, "");
    unchecked(rows, &peers);
}

/// Who waits for it while it does not answer, and what becomes of them.
pub(super) fn waiting(rows: &mut Rows, notes: &Notes, what: &str) {
    let Some(peers) = notes.peers() else {
        rows.push(("others affected", UNCHECKED.into()));
        return;
    };
    let dependents = [peers.dependents.clone(), peers.dependents_to_restart.clone()].concat();
    for (label, names) in [("linked to it", &peers.links), ("depend on it", &dependents)] {
        if !names.is_empty() {
            rows.push((label, format!("{}: {what}", listed(names, LISTED_MAX))));
        }
    }
    neighbours(rows, &peers, what);
    unchecked(rows, &peers);
}

fn neighbours(rows: &mut Rows, peers: &Peers, what: &str) {
    if !peers.neighbours.is_empty() {
        let count = counted(peers.neighbours.len(), "container");
        let names = listed(&peers.neighbours, LISTED_MAX);
        let tail = if what.is_empty() { String::new() } else { format!("; {what}") };
        rows.push(("on its networks", format!("{count}: {names}{tail}")));
    }
}

/// How many other containers were not looked at.
pub(super) fn unchecked(rows: &mut Rows, peers: &Peers) {
    if peers.unchecked > 0 {
        let count = counted(peers.unchecked, "other container");
        rows.push(("not checked", format!("namespaces, links and mounts of {count}")));
    }
}
