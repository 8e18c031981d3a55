//! Who else uses what a project is made of: an engine removes no network that somebody else is on,
//! and no volume that somebody else mounts.

use std::collections::BTreeSet;

use super::down::Parts;
use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::units::listed;
use crate::ops::users;
use crate::ports::engine::{ContainerRow, Network, Volume, is_podman};

/// Names in one line, at most.
const LISTED_MAX: usize = 12;

/// Refuses to begin what would end half-way: with the containers gone for good, at a network or a
/// volume that others use.
pub(super) async fn are_none(cx: Context<'_>, parts: &Parts, engine: &str) -> Result<(), Fault> {
    let ours: BTreeSet<&FullId> = parts.containers.iter().map(|container| &container.id).collect();
    let podman = is_podman(engine);
    let mut rows = Vec::new();
    if podman || !parts.volumes.is_empty() {
        // What cannot be listed in time is not sure to be used.
        rows = users::in_time(cx).await.unwrap_or_default();
    }
    rows.retain(|row| !ours.contains(&row.id));
    let networks = parts.networks.iter().map(|network| {
        let others = on(network, &ours, if podman { &rows } else { &[] });
        in_use("on the network", &network.name, others, "disconnect_network takes one off")
    });
    let volumes = parts.volumes.iter().map(|Volume { name, .. }| {
        let others = users::of_volume(name, &rows).into_iter().map(|row| text::name(&row.name));
        in_use("using the volume", name, others.collect(), "leave out `volumes`, or remove them")
    });
    let used: Vec<String> = networks.chain(volumes).flatten().collect();
    if used.is_empty() {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "This would end half-way, since engines remove nothing that is in use, and these are not of \
         the project: {}. Do that first, then ask again.",
        listed(&used, LISTED_MAX)
    )))
}

/// The names of those on a network that are not of the project: of the running ones, and of these
/// that name it.
fn on(network: &Network, ours: &BTreeSet<&FullId>, rows: &[ContainerRow]) -> BTreeSet<String> {
    let attached = network.attached.iter().flatten();
    let running = attached.filter(|one| !ours.iter().any(|id| id.as_str() == one.id));
    let named = rows.iter().filter(|row| row.is_on(network)).map(|row| &row.name);
    running.map(|one| &one.name).chain(named).map(|name| text::name(name)).collect()
}

fn in_use(how: &str, what: &str, others: BTreeSet<String>, first: &str) -> Option<String> {
    let others: Vec<String> = others.into_iter().collect();
    let all = listed(&others, LISTED_MAX);
    (!others.is_empty()).then(|| format!("{all}, {how} {} ({first})", text::name(what)))
}
