//! Asking about volumes.

use std::collections::BTreeMap;

use super::{labelled, path};
use crate::core::ids::Reference;
use crate::core::reason::{Fault, Reason};
use crate::docker::DockerEngine;
use crate::docker::model::answers;
use crate::ports::engine::{Asked, LookVolumes, VOLUME, Volume, VolumeFilter};

answers! {
    /// `GET /volumes`.
    Volumes {
        volumes: Vec<VolumeAnswer> = "Volumes",
    }

    /// A volume, in a list and alone.
    VolumeAnswer {
        name: String = "Name",
        driver: String = "Driver",
        created_at: String = "CreatedAt",
        mountpoint: String = "Mountpoint",
        options: BTreeMap<String, String> = "Options",
        labels: BTreeMap<String, String> = "Labels",
    }
}

impl LookVolumes for DockerEngine {
    fn volumes<'a>(&'a self, filter: &'a VolumeFilter) -> Asked<'a, Vec<Volume>> {
        Box::pin(async move {
            let path = path("/volumes", &labelled(filter.label.as_deref()));
            let found: Volumes = self.ask("list", &path).await?;
            let mut volumes: Vec<Volume> = found.volumes.into_iter().map(volume).collect();
            volumes.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(volumes)
        })
    }

    fn volume<'a>(&'a self, name: &'a Reference) -> Asked<'a, Volume> {
        Box::pin(async move {
            let found: VolumeAnswer = self.ask(VOLUME.name, &format!("/volumes/{name}")).await?;
            if found.name != name.as_str() {
                return Err(Fault::new(
                    Reason::NotFound,
                    format!("There is no volume of the name {name}. Ask for the list."),
                ));
            }
            Ok(volume(found))
        })
    }
}

fn volume(it: VolumeAnswer) -> Volume {
    let VolumeAnswer { name, driver, created_at, mountpoint, options, labels } = it;
    Volume { name, driver, created_at, mountpoint, options, labels }
}
