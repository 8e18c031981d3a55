//! Who else is affected when a container goes away for a while.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;

use super::target::{PROJECT, SERVICE};
use crate::core::ids::{FullId, PREFIX_DIGITS_MIN};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::AT_ONCE;
use crate::ports::engine::{Container, ContainerFilter, ContainerRow};

/// Other containers that are looked at one by one, at most.
const INSPECTED_MAX: usize = 50;

/// The label in which Compose keeps what a service depends on.
pub(in crate::ops) const DEPENDS_ON: &str = "com.docker.compose.depends_on";

/// The label of containers that Compose made for one command.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// Networks that join containers which have nothing to do with each other.
const COMMON_NETWORKS: [&str; 3] = ["bridge", "host", "none"];

/// Names of other containers, by how they hang on this one. Sanitised.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::ops) struct Peers {
    /// They live in its network namespace.
    pub(in crate::ops) network: Vec<String>,
    /// They live in its process id namespace.
    pub(in crate::ops) pid: Vec<String>,
    /// They live in its IPC namespace.
    pub(in crate::ops) ipc: Vec<String>,
    /// They took over its mounts.
    pub(in crate::ops) mounts: Vec<String>,
    /// They are linked to it.
    pub(in crate::ops) links: Vec<String>,
    /// Compose services that depend on it, and want no restart with it.
    pub(in crate::ops) dependents: Vec<String>,
    /// Compose services that depend on it, and want a restart with it.
    pub(in crate::ops) dependents_to_restart: Vec<String>,
    /// They are on one of its own networks.
    pub(in crate::ops) neighbours: Vec<String>,
    /// Containers that were not looked at one by one.
    pub(in crate::ops) unchecked: usize,
}

/// All other containers.
#[derive(Debug, Default)]
pub(in crate::ops) struct Others {
    /// As listed.
    rows: Vec<ContainerRow>,
    /// Those of them that were looked at one by one.
    inspected: Vec<Container>,
    /// How many of them were not.
    unchecked: usize,
}

impl Others {
    /// Finds them: by one list, and a bounded number of looks for what a list does not tell.
    pub(in crate::ops) async fn look(cx: Context<'_>, id: &FullId) -> Result<Self, Fault> {
        Self::beside(cx, &BTreeSet::from([id])).await
    }

    /// As [`Self::look`], for all but several.
    pub(in crate::ops) async fn beside(
        cx: Context<'_>,
        ids: &BTreeSet<&FullId>,
    ) -> Result<Self, Fault> {
        let everything = ContainerFilter { all: true, ..ContainerFilter::default() };
        let mut rows = cx.look.containers(&everything).await?;
        rows.retain(|row| !ids.contains(&row.id));
        rows.sort_by_key(|row| row.state != "running");
        let mut looks = Vec::new();
        for row in rows.iter().take(INSPECTED_MAX) {
            looks.push(cx.look.container(&row.id));
        }
        let seen: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut unchecked = rows.len().saturating_sub(INSPECTED_MAX);
        let mut inspected = Vec::new();
        for other in seen {
            match other {
                Ok(other) => inspected.push(other),
                Err(fault) if fault.reason == Reason::NotFound => {}
                Err(_) => unchecked += 1,
            }
        }
        Ok(Self { rows, inspected, unchecked })
    }

    /// Those of them whose ids begin like this, which is as short as the beginning of an id may be.
    pub(in crate::ops) fn begun_by(&self, name: &str) -> Vec<String> {
        let begun = |row: &&ContainerRow| {
            name.len() >= PREFIX_DIGITS_MIN && row.id.as_str().starts_with(name)
        };
        self.rows.iter().filter(begun).map(|row| text::name(&row.name)).collect()
    }

    /// Those of them that hang on this container.
    pub(in crate::ops) fn peers(&self, container: &Container) -> Peers {
        let mut peers = Peers { unchecked: self.unchecked, ..Peers::default() };
        for row in &self.rows {
            peers.add_listed(container, row);
        }
        for other in &self.inspected {
            peers.add_inspected(container, other);
        }
        peers.tidy();
        peers
    }
}

impl Peers {
    /// Who hangs on any of several containers.
    pub(in crate::ops) fn union(all: impl Iterator<Item = Self>) -> Self {
        let mut union = Self::default();
        for mut peers in all {
            for (whole, part) in union.lists().into_iter().zip(peers.lists()) {
                whole.append(part);
            }
            union.unchecked = union.unchecked.max(peers.unchecked);
        }
        union.tidy();
        union
    }

    fn lists(&mut self) -> [&mut Vec<String>; 8] {
        [
            &mut self.network,
            &mut self.pid,
            &mut self.ipc,
            &mut self.mounts,
            &mut self.links,
            &mut self.dependents,
            &mut self.dependents_to_restart,
            &mut self.neighbours,
        ]
    }

    fn add_listed(&mut self, container: &Container, row: &ContainerRow) {
        let name = text::name(&row.name);
        if joins(&row.network_mode, container) {
            self.network.push(name.clone());
        }
        if let Some((service, restart)) = depends(row, container) {
            let list = if restart { &mut self.dependents_to_restart } else { &mut self.dependents };
            list.push(text::name(service));
        }
        let own = |network: &&String| !COMMON_NETWORKS.contains(&network.as_str());
        if row.networks.iter().filter(own).any(|n| container.networks.contains_key(n)) {
            self.neighbours.push(name);
        }
    }

    fn add_inspected(&mut self, container: &Container, other: &Container) {
        let name = || text::name(&other.name);
        if joins(&other.pid_mode, container) {
            self.pid.push(name());
        }
        if joins(&other.ipc_mode, container) {
            self.ipc.push(name());
        }
        let first = |entry: &String| is(entry.split(':').next().unwrap_or_default(), container);
        if other.volumes_from.iter().any(first) {
            self.mounts.push(name());
        }
        if other.links.iter().any(first) {
            self.links.push(name());
        }
    }

    fn tidy(&mut self) {
        for names in self.lists() {
            names.sort();
            names.dedup();
        }
    }
}

/// Whether a namespace's mode says that it is this container's.
fn joins(mode: &str, container: &Container) -> bool {
    mode.strip_prefix("container:").is_some_and(|reference| is(reference, container))
}

/// Whether an engine means this container by a reference in another one's configuration.
fn is(reference: &str, container: &Container) -> bool {
    let reference = reference.strip_prefix('/').unwrap_or(reference);
    reference == container.name
        || (reference.len() >= 12 && container.id.as_str().starts_with(reference))
}

/// Whether a container with these labels was made for one command, beside its service.
pub(in crate::ops) fn is_one_off(labels: &BTreeMap<String, String>) -> bool {
    labels.get(ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The service of a container whose service depends on this one's, and whether it wants a restart
/// with it: `db:service_started:true,cache:service_healthy:false`. Without a flag it does.
fn depends<'a>(row: &'a ContainerRow, container: &Container) -> Option<(&'a str, bool)> {
    let label = |key| row.labels.get(key).map(String::as_str);
    let same = container.labels.get(PROJECT)?.as_str() == label(PROJECT)?;
    let service = container.labels.get(SERVICE)?;
    if !same || is_one_off(&row.labels) {
        return None;
    }
    let entry = label(DEPENDS_ON)?.split(',').map(|entry| entry.trim().split(':'));
    let mut parts = entry.filter_map(|mut p| (p.next()? == service).then_some(p)).next()?;
    Some((label(SERVICE)?, parts.nth(1).is_none_or(|flag| flag != "false")))
}
