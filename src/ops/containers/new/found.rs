//! What a new container would be made of: its image, its volumes, and what it would be on.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

use super::wanted::Mode;
use crate::core::ids::Reference;
use crate::core::plan::{Digest, Target, canonical};
use crate::core::reason::{Fault, Reason};
use crate::gate::Context;
use crate::ops::containers::target;
use crate::ops::{networks, volumes as stored};
use crate::ports::engine::{
    CONTAINER, Container, Image, MountSource, NETWORK, Network, NewContainer, Volume,
};

/// What a grant on a new container is bound to, beside the ids of its targets. All of it stands with
/// the first of them, the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The network mode, with ids for names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::ops) network: Option<String>,
    /// The digests of its volumes' driver, options and place; none for one that is still to be made.
    volumes: BTreeMap<String, Option<String>>,
}

impl Facts {
    /// Those of what was seen.
    pub(in crate::ops) fn of(sight: &Sight) -> Result<Self, Fault> {
        let digests = sight
            .volumes
            .iter()
            .map(|(name, volume)| Ok((name.clone(), volume.as_ref().map(digest).transpose()?)));
        let volumes = digests.collect::<Result<_, Fault>>()?;
        Ok(Self { network: sight.network.mode(), volumes })
    }
}

/// What is seen of what a container would be made of.
#[derive(Debug)]
pub struct Sight {
    pub(in crate::ops) image: Image,
    /// None for a volume that is still to be made.
    pub(in crate::ops) volumes: BTreeMap<String, Option<Volume>>,
    pub(in crate::ops) network: Joined,
}

/// What a container would be on.
#[derive(Debug)]
pub(in crate::ops) enum Joined {
    /// What the engine gives by itself.
    Usual,
    /// None at all.
    Nothing,
    /// The host's own.
    Host,
    /// That of this container.
    Container(Box<Container>),
    /// This one.
    Network(Box<Network>),
}

impl Joined {
    /// Looks at what a container would be on: at the target that [`resolve`] found for it.
    pub(in crate::ops) async fn look(
        cx: Context<'_>,
        mode: Option<Mode>,
        targets: &[Target],
    ) -> Result<Self, Fault> {
        let found = |kind: &str| targets.iter().find(|target| target.kind == kind);
        Ok(match mode {
            None => Self::Usual,
            Some(Mode::None) => Self::Nothing,
            Some(Mode::Host) => Self::Host,
            Some(Mode::Container(_)) => {
                let id = target::full_id(found(CONTAINER.name).map_or(&[], std::slice::from_ref))?;
                Self::Container(Box::new(cx.look.container(&id).await?))
            }
            Some(Mode::Network(_)) => {
                let id = networks::target::full_id(found(NETWORK.name))?;
                let network = cx.look.network(&id).await?;
                // The engine's own networks are modes, also if they are asked for by their ids.
                match network.name.as_str() {
                    "host" => Self::Host,
                    "none" => Self::Nothing,
                    _ => Self::Network(Box::new(network)),
                }
            }
        })
    }

    /// The mode that the engine is asked for.
    pub(in crate::ops) fn mode(&self) -> Option<String> {
        match self {
            Self::Usual => None,
            Self::Nothing => Some("none".to_owned()),
            Self::Host => Some("host".to_owned()),
            Self::Container(other) => Some(format!("container:{}", other.id)),
            Self::Network(network) if network.name == "bridge" => Some("bridge".to_owned()),
            Self::Network(network) => Some(network.id.clone()),
        }
    }
}

/// What a new container would share and use of what is there: the container or the network that it
/// joins, the engine's own such as the host's among them, and the one that it joins where none is
/// said; and its volumes, unless they are still to be made.
pub(in crate::ops) async fn resolve(
    cx: Context<'_>,
    mode: Option<Mode>,
    new: &NewContainer,
    engine: &str,
) -> Result<Vec<Target>, Fault> {
    let joined = async {
        match mode {
            Some(Mode::Container(name)) => target::resolve_for_change(cx, &name).await,
            Some(Mode::Network(name)) => networks::target::resolve(cx, &name).await,
            Some(Mode::None) => networks::target::engines_own(cx, "none").await,
            Some(Mode::Host) => networks::target::engines_own(cx, "host").await,
            None => networks::target::engines_own(cx, "bridge").await,
        }
    };
    let (mut out, found) = try_join(joined, volumes(cx, new)).await?;
    let there = found.values().flatten();
    out.extend(there.map(|volume| stored::target::of(volume, engine.to_owned())));
    Ok(out)
}

/// The volumes that a container would use, by name.
pub(in crate::ops) async fn volumes(
    cx: Context<'_>,
    new: &NewContainer,
) -> Result<BTreeMap<String, Option<Volume>>, Fault> {
    let named = new.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(name) => Some(name.clone()),
        MountSource::HostPath(_) => None,
    });
    let looks: Vec<_> = named
        .map(|name| async move {
            match cx.look.volume(&Reference::parse(&name)?).await {
                Ok(volume) => Ok((name, Some(volume))),
                Err(fault) if fault.reason == Reason::NotFound => Ok((name, None)),
                Err(fault) => Err(fault),
            }
        })
        .collect();
    Ok(try_join_all(looks).await?.into_iter().collect())
}

fn digest(volume: &Volume) -> Result<String, Fault> {
    let parts = canonical(&(&volume.driver, &volume.options, &volume.mountpoint))?;
    Ok(Digest::of(&[&parts]).to_string())
}
