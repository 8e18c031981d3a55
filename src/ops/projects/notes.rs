//! What previews of changes to a project show: each container with what becomes of it, and beside
//! that what is lost, who else is affected and what is not done.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::find::{self, Part};
use super::lifecycle::{Deed, GRACE_SECONDS, grace};
use super::place::{order, places};
use super::status;
use crate::core::ids::FullId;
use crate::core::plan::Plan;
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::{UNCHECKED, in_time};
use crate::ops::containers::lifecycle::RESTARTING;
use crate::ops::containers::notes::ports;
use crate::ops::containers::peers::{Others, Peers};
use crate::ops::units::{counted, listed};
use crate::ports::engine::{Container, Port};

/// Names in one line, at most.
const LISTED_MAX: usize = 12;

/// Labels and values.
pub(super) type Rows = Vec<(&'static str, String)>;

/// What was seen beside the containers of a plan. What is none could not be found out.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Containers of the project that were made for one command, by name.
    one_off: Option<Vec<String>>,
    /// Who hangs on the plan's containers.
    peers: Option<Peers>,
}

/// Looks beside the containers of a plan.
pub(super) async fn beside(cx: Context<'_>, part: &Part, containers: &[Container]) -> Beside {
    let one_off = in_time(find::services(cx, &part.project, part.service.as_deref()));
    let (one_off, peers) = join(one_off, peers(cx, containers)).await;
    let names = |rows: Vec<_>| {
        rows.into_iter()
            .map(|row: crate::ports::engine::ContainerRow| text::name(&row.name))
            .collect()
    };
    Beside { one_off: one_off.map(|(_, rows)| names(rows)), peers }
}

/// Who hangs on any of these containers and is none of them.
pub(super) async fn peers(cx: Context<'_>, containers: &[Container]) -> Option<Peers> {
    let ids: BTreeSet<&FullId> = containers.iter().map(|container| &container.id).collect();
    let others = in_time(Others::beside(cx, &ids)).await?;
    Some(Peers::union(containers.iter().map(|container| others.peers(container))))
}

/// One sentence: what would be done.
pub(super) fn headline(part: &Part, deed: Deed, containers: &[Container]) -> String {
    let (verb, how) = match deed {
        Deed::Start => ("Start", "dependencies first".to_owned()),
        Deed::Stop => ("Stop", format!("dependents first, {}", signals(containers))),
        Deed::Restart => ("Restart", format!("dependencies first, {}", signals(containers))),
    };
    let what = match &part.service {
        Some(service) => format!("service {} of project {}", text::name(service), part.project),
        None => format!("project {}", part.project),
    };
    let count = counted(containers.len(), "container");
    let down = containers.iter().filter(|container| !runs(container)).count();
    let down = if down == 1 { "1 of them does".into() } else { format!("{down} of them do") };
    let tail = match (deed, containers.iter().all(runs)) {
        (_, true) | (Deed::Start, _) => String::new(),
        (Deed::Stop, _) => format!(" {down} not run."),
        (Deed::Restart, _) => format!(" {down} not run and will be STARTED."),
    };
    let turns = if containers.len() > 1 { ", one after the other" } else { "" };
    format!("{verb} {what}: {count}{turns}, {how}.{tail}")
}

fn signals(containers: &[Container]) -> String {
    let longer = containers.iter().any(|container| grace(container) > GRACE_SECONDS);
    let longer = if longer { ", or later where a container asks for that" } else { "" };
    format!("each by its stop signal, then SIGKILL after {GRACE_SECONDS} s{longer}")
}

/// The project and its engine.
pub(super) fn of_project(plan: &Plan, project: &str) -> Rows {
    let mut rows = vec![("project", text::name(project))];
    rows.extend(plan.targets().first().map(|target| ("engine", text::name(&target.engine))));
    rows
}

/// The containers in their order, each with its state, and with what becomes of those that are
/// removed when they stop.
pub(super) fn listed_containers(containers: &[Container], fate: &str) -> Rows {
    let several = status::folders(containers.iter().map(|one| &one.labels)).len() > 1;
    let line = |(index, container): (usize, &Container)| {
        let folder = status::folder(&container.labels).filter(|_| several);
        let folder = folder.map(|folder| format!(", from {}", text::name(folder)));
        let state = &container.state;
        let since =
            format!("{} since {}", text::name(&state.status), text::line(&state.started_at, 64));
        let now = match (runs(container), state.exit_code) {
            (true, _) => since,
            (false, Some(code)) if !state.finished_at.is_empty() => {
                format!("{}, exit code {code}", text::name(&state.status))
            }
            (false, _) => text::name(&state.status),
        };
        let lost = if container.auto_remove { fate } else { "" };
        let name = text::name(&container.name);
        let folder = folder.unwrap_or_default();
        let id = container.id.short();
        ("container", format!("{}. {name} (id {id}{folder}): {now}{lost}", index + 1))
    };
    containers.iter().enumerate().map(line).collect()
}

/// What a preview shows beside the facts.
pub(super) fn rows(deed: Deed, containers: &[Container], beside: &Beside) -> Rows {
    let mut rows = Rows::new();
    folders(&mut rows, containers);
    sequence(&mut rows, containers);
    match deed {
        Deed::Start => starting(&mut rows, containers),
        Deed::Stop => ending(&mut rows, containers, "they stop answering"),
        Deed::Restart => ending(&mut rows, containers, "down for a moment"),
    }
    let removed = names(containers.iter().filter(|container| container.auto_remove));
    let removed = removed.map(|names| format!("{names}: with logs and unnamed volumes (--rm)"));
    match deed {
        Deed::Start => {}
        Deed::Stop => {
            some(&mut rows, "removed", removed);
            some(&mut rows, "come back", come_back(containers));
        }
        Deed::Restart => {
            some(&mut rows, "removed if not up", removed);
            let dynamic = |port: &Port| port.dynamic && port.public.is_some();
            some(&mut rows, "host port may change", all_ports(containers, dynamic));
            let health = containers.iter().filter(|c| c.state.health.is_some() && runs(c));
            some(&mut rows, "health", names(health).map(|n| format!("goes back to starting: {n}")));
        }
    }
    if deed != Deed::Start {
        match &beside.peers {
            Some(peers) => affected(&mut rows, peers, deed == Deed::Stop),
            None => rows.push(("others affected", UNCHECKED.into())),
        }
    }
    match &beside.one_off {
        Some(one_off) => {
            let left = listed(one_off, LISTED_MAX);
            some(
                &mut rows,
                "left alone",
                Some(left)
                    .filter(|left| !left.is_empty())
                    .map(|left| format!("{left} (made for one command)")),
            );
        }
        None => rows.push(("one-off containers", UNCHECKED.into())),
    }
    hooks(&mut rows);
    rows
}

/// That these may be several projects.
pub(super) fn folders(rows: &mut Rows, containers: &[Container]) {
    let folders = status::folders(containers.iter().map(|container| &container.labels));
    some(rows, "SEVERAL FOLDERS", status::several(&folders));
}

/// Where the order is not wholly that of the labels.
pub(super) fn sequence(rows: &mut Rows, containers: &[Container]) {
    let (_, notes) = order(&places(containers));
    some(rows, "order", Some(notes.join("; ")));
}

/// What Compose would run and we do not.
pub(super) fn hooks(rows: &mut Rows) {
    rows.push((
        "not run",
        "pre_stop and post_start hooks: only the project's files, which are not read here, tell \
         them"
            .into(),
    ));
}

fn starting(rows: &mut Rows, containers: &[Container]) {
    some(rows, "running already", names(containers.iter().filter(|container| runs(container))));
    some(rows, "ports", all_ports(containers.iter().filter(|c| !runs(c)), |p| p.public.is_some()));
    rows.push(("not waited for", "health, and that one-time services have ended".into()));
}

/// What is lost when the processes of these containers end.
pub(super) fn ending(rows: &mut Rows, containers: &[Container], unreachable: &str) {
    let running: Vec<&Container> = containers.iter().filter(|container| runs(container)).collect();
    if running.is_empty() {
        return;
    }
    let published = all_ports(running.iter().copied(), |port| port.public.is_some());
    let what = |ports| format!("{ports}: {unreachable}; who is connected is unknown");
    some(rows, "published ports", published.map(what));
    let mut lost = "what is in memory, /dev/shm".to_owned();
    let tmpfs = |c: &&Container| {
        c.tmpfs
            .iter()
            .map(|path| format!("{} of {}", text::name(path), text::name(&c.name)))
            .collect::<Vec<_>>()
    };
    let tmpfs: Vec<String> = running.iter().flat_map(tmpfs).collect();
    if !tmpfs.is_empty() {
        lost.push_str(", tmpfs ");
        lost.push_str(&listed(&tmpfs, LISTED_MAX));
    }
    let execs: usize = running.iter().map(|container| container.execs).sum();
    if execs > 0 {
        lost.push_str(", ");
        lost.push_str(&counted(execs, "exec session"));
    }
    rows.push(("lost", lost));
    let longer = running.iter().filter(|container| grace(container) > GRACE_SECONDS);
    let longer: Vec<String> = longer
        .map(|container| format!("{} {} s", text::name(&container.name), grace(container)))
        .collect();
    some(rows, "asks for more time", Some(listed(&longer, LISTED_MAX)));
    let seconds: u64 = running.iter().map(|container| u64::from(grace(container))).sum();
    rows.push(("may take", format!("up to {seconds} s until all have stopped")));
}

fn come_back(containers: &[Container]) -> Option<String> {
    let always = containers.iter().filter(|container| container.restart_policy == "always");
    names(always).map(|names| format!("{names}: when the engine itself restarts (always)"))
}

/// Who else is affected, and how.
pub(super) fn affected(rows: &mut Rows, peers: &Peers, for_good: bool) {
    let until =
        if for_good { "until all of them are started again" } else { "until they restart too" };
    for (label, names, what) in [
        ("share a network", &peers.network, format!(": they lose their network {until}")),
        ("share process ids", &peers.pid, ": they are KILLED with them".to_owned()),
        ("share IPC", &peers.ipc, format!(": they lose their shared memory {until}")),
        ("use their mounts", &peers.mounts, String::new()),
        ("linked to them", &peers.links, String::new()),
        ("depend on them", &peers.dependents, String::new()),
        ("want restart after", &peers.dependents_to_restart, String::new()),
        ("on their networks", &peers.neighbours, String::new()),
    ] {
        let named = Some(listed(names, LISTED_MAX)).filter(|names| !names.is_empty());
        some(rows, label, named.map(|names| format!("{names}{what}")));
    }
    if peers.unchecked > 0 {
        let count = counted(peers.unchecked, "other container");
        rows.push(("not checked", format!("namespaces, links and mounts of {count}")));
    }
}

/// Whether a container has processes, or is about to have them again.
pub(super) fn runs(container: &Container) -> bool {
    container.state.running || container.state.status == RESTARTING
}

pub(super) fn some(rows: &mut Rows, label: &'static str, value: Option<String>) {
    rows.extend(value.filter(|value| !value.is_empty()).map(|value| (label, value)));
}

/// The names of these containers; none without any.
pub(super) fn names<'a>(containers: impl Iterator<Item = &'a Container>) -> Option<String> {
    let names: Vec<String> = containers.map(|container| text::name(&container.name)).collect();
    (!names.is_empty()).then(|| listed(&names, LISTED_MAX))
}

fn all_ports<'a>(
    containers: impl IntoIterator<Item = &'a Container>,
    wanted: impl Fn(&Port) -> bool,
) -> Option<String> {
    let of_one = |container: &'a Container| {
        let ports = ports(container.ports.iter().filter(|port| wanted(port)));
        (!ports.is_empty()).then(|| format!("{ports} ({})", text::name(&container.name)))
    };
    let shown: Vec<String> = containers.into_iter().filter_map(of_one).collect();
    (!shown.is_empty()).then(|| listed(&shown, LISTED_MAX))
}
