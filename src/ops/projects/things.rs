//! What belongs to a project beside its containers, and may be left of one: networks and volumes.

use futures_util::future::try_join;

use super::find;
use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::containers::target::PROJECT;
use crate::ops::units::listed;
use crate::ports::engine::{Network, NetworkFilter, Volume, VolumeFilter};

/// Names in one line, at most.
const LISTED_MAX: usize = 12;

/// The volumes of a project, by name.
pub(super) async fn volumes(cx: Context<'_>, project: &str) -> Result<Vec<Volume>, Fault> {
    let filter = VolumeFilter { label: Some(find::label(project)) };
    let mut volumes = cx.look.volumes(&filter).await?;
    volumes.retain(|volume| volume.labels.get(PROJECT).is_some_and(|name| name == project));
    Ok(volumes)
}

/// The networks of a project, by name.
pub(super) async fn networks(cx: Context<'_>, project: &str) -> Result<Vec<Network>, Fault> {
    let filter = NetworkFilter { label: Some(find::label(project)) };
    let mut networks = cx.look.networks(&filter).await?;
    // What has no full id is a swarm's.
    networks.retain(|network| {
        network.labels.get(PROJECT).is_some_and(|name| name == project)
            && FullId::parse(&network.id).is_some()
    });
    networks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(networks)
}

/// The projects that networks and volumes say they are of.
pub(super) async fn owners(cx: Context<'_>) -> Result<Vec<String>, Fault> {
    let label = || Some(PROJECT.to_owned());
    let (networks, volumes) = (NetworkFilter { label: label() }, VolumeFilter { label: label() });
    let (networks, volumes) =
        try_join(cx.look.networks(&networks), cx.look.volumes(&volumes)).await?;
    let networks = networks.into_iter().filter(|network| FullId::parse(&network.id).is_some());
    let labels = networks.map(|one| one.labels).chain(volumes.into_iter().map(|one| one.labels));
    Ok(labels.filter_map(|mut labels| labels.remove(PROJECT)).collect())
}

/// What is left of a project without containers.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Names. Sanitised.
    pub(super) networks: Vec<String>,
    pub(super) volumes: Vec<String>,
}

impl Rest {
    pub(super) async fn look(cx: Context<'_>, project: &str) -> Result<Self, Fault> {
        let (networks, volumes) = try_join(networks(cx, project), volumes(cx, project)).await?;
        Ok(Self {
            networks: networks.iter().map(|one| text::name(&one.name)).collect(),
            volumes: volumes.iter().map(|one| text::name(&one.name)).collect(),
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.volumes.is_empty()
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let kinds = [("networks", &self.networks), ("volumes", &self.volumes)];
        let kinds = kinds.iter().filter(|(_, names)| !names.is_empty());
        let kinds: Vec<String> =
            kinds.map(|(kind, names)| format!("{kind} {}", listed(names, LISTED_MAX))).collect();
        format!(
            "no containers; left of it: {}. down_project removes its networks, and with \
             volumes=true its volumes too.",
            kinds.join("; ")
        )
    }
}
