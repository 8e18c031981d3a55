//! Changing volumes. Below 500 the engine refused before it did anything: the name, the driver, a
//! volume that is used. What fails later may have happened in part.

use std::collections::BTreeMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;
use hyper::Method;

use super::Order;
use crate::core::grant::Granted;
use crate::core::ids::Reference;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::docker::DockerEngine;
use crate::ports::engine::{ActVolumes, Acted, Asked, VOLUME};

impl ActVolumes for DockerEngine {
    fn create_volume<'a>(
        &'a self,
        target: &'a Granted<'a>,
        labels: &'a BTreeMap<String, String>,
    ) -> Asked<'a, Acted> {
        Box::pin(async move {
            let target = target.target();
            let volume = VolumeCreateRequest {
                name: Some(name_of(target)?.as_str().to_owned()),
                labels: Some(labels.clone().into_iter().collect()),
                ..VolumeCreateRequest::default()
            };
            let path = "/volumes/create".to_owned();
            let order = self.volume_order(target, "create", Method::POST, path);
            let request =
                |docker: bollard::Docker| async move { docker.create_volume(volume).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn remove_volume<'a>(&'a self, target: &'a Granted<'a>) -> Asked<'a, Acted> {
        Box::pin(async move {
            let target = target.target();
            let name = name_of(target)?;
            let path = format!("/volumes/{name}");
            let order = self.volume_order(target, "remove", Method::DELETE, path);
            let request = |docker: bollard::Docker| async move {
                docker.remove_volume(name.as_str(), None::<RemoveVolumeOptions>).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }
}

impl DockerEngine {
    fn volume_order<'a>(
        &self,
        target: &'a Target,
        verb: &'static str,
        method: Method,
        path: String,
    ) -> Order<'a> {
        Order { target, verb, method, path, limit: self.deadlines.volume, certain_below: 500 }
    }
}

/// The target's name, as it may stand in a path: the form of the kind does not tell a name from the
/// way up.
fn name_of(target: &Target) -> Result<Reference, Fault> {
    let name = Reference::parse(&target.id).ok().filter(|name| name.as_str() == target.id);
    name.filter(|_| target.kind == VOLUME.name).ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is not the name of a volume, so nothing was sent.",
            text::name(&target.id)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_a_volume_is_a_target() {
        let target = |kind, id: &str| Target {
            kind,
            id: id.to_owned(),
            name: id.to_owned(),
            engine: "E".into(),
            attributes: BTreeMap::new(),
        };
        assert_eq!(
            name_of(&target("volume", "shop_db-data.1")).unwrap().as_str(),
            "shop_db-data.1"
        );
        for id in ["", ".", "..", "/data", "a/b", "../info", "prune?", "%2e%2e", "a b"] {
            assert!(name_of(&target("volume", id)).is_err(), "{id}");
        }
        assert!(name_of(&target("container", "data")).is_err());
    }
}
