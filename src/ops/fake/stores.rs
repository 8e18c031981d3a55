//! Volumes and networks of the fake engine.

use std::collections::BTreeMap;

use super::{Answered, Fake, NOW, id, ready, row};
use crate::core::grant::Granted;
use crate::core::ids::{FullId, Reference};
use crate::core::reason::{Fault, Reason};
use crate::ports::engine::{
    ActNetworks, ActVolumes, Acted, Attached, LookNetworks, LookVolumes, Network, NetworkFilter,
    NewNetwork, Volume, VolumeFilter,
};

/// A volume of the engine's own with nothing special.
pub(in crate::ops) fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        driver: "local".into(),
        created_at: "2026-01-30T12:00:00Z".into(),
        mountpoint: format!("/var/lib/docker/volumes/{name}/_data"),
        ..Volume::default()
    }
}

/// A bridge network with nothing special.
pub(in crate::ops) fn network(start: &str, name: &str) -> Network {
    Network {
        id: id(start).as_str().into(),
        name: name.into(),
        driver: "bridge".into(),
        scope: "local".into(),
        created: Some(NOW),
        subnets: vec!["172.18.0.0/16".into()],
        ..Network::default()
    }
}

fn gone(what: &str) -> Fault {
    Fault::new(Reason::NotFound, format!("There is no such {what}."))
}

/// Whether labels fit what a list is narrowed to.
fn fits(labels: &BTreeMap<String, String>, wanted: Option<&String>) -> bool {
    wanted.is_none_or(|wanted| match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|given| given == value),
        None => labels.contains_key(wanted),
    })
}

impl LookVolumes for Fake {
    fn volumes<'a>(&'a self, filter: &'a VolumeFilter) -> Answered<'a, Vec<Volume>> {
        let all = self.volumes.lock().unwrap().clone();
        let fitting = all.into_iter().filter(|one| fits(&one.labels, filter.label.as_ref()));
        let answer = self.call("volumes", "").map(|()| fitting.collect());
        self.later("volumes", answer)
    }

    fn volume<'a>(&'a self, name: &'a Reference) -> Answered<'a, Volume> {
        let volumes = self.volumes.lock().unwrap();
        let found = volumes.iter().find(|one| one.name == name.as_str()).cloned();
        let answer = self.call("volume", name.as_str());
        self.later("volume", answer.and_then(|()| found.ok_or_else(|| gone("volume"))))
    }
}

impl ActVolumes for Fake {
    fn create_volume<'a>(
        &'a self,
        target: &'a Granted<'a>,
        labels: &'a BTreeMap<String, String>,
    ) -> Answered<'a, Acted> {
        let name = &target.target().name;
        ready(self.call("create_volume", name).map(|()| {
            let made = Volume { labels: labels.clone(), ..volume(name) };
            let mut volumes = self.volumes.lock().unwrap();
            if volumes.iter().all(|one| one.name != *name) {
                volumes.push(made);
            }
            Acted::Changed
        }))
    }

    fn remove_volume<'a>(&'a self, target: &'a Granted<'a>) -> Answered<'a, Acted> {
        let name = &target.target().name;
        ready(self.call("remove_volume", name).map(|()| {
            self.volumes.lock().unwrap().retain(|one| one.name != *name);
            Acted::Changed
        }))
    }
}

impl LookNetworks for Fake {
    fn networks<'a>(&'a self, filter: &'a NetworkFilter) -> Answered<'a, Vec<Network>> {
        let all = self.networks.lock().unwrap().clone();
        let fitting = all.into_iter().filter(|one| fits(&one.labels, filter.label.as_ref()));
        let answer = self.call("networks", "").map(|()| fitting.collect());
        self.later("networks", answer)
    }

    fn network<'a>(&'a self, id: &'a FullId) -> Answered<'a, Network> {
        let networks = self.networks.lock().unwrap();
        let found = networks.iter().find(|one| one.id == id.as_str()).cloned();
        let name = found.as_ref().map_or("-", |one| one.name.as_str());
        let answer = self.call("network", name).and_then(|()| {
            let mut network = found.ok_or_else(|| gone("network"))?;
            let containers = self.containers.lock().unwrap();
            let on_it = containers.iter().filter(|c| c.state.running && row(c).is_on(&network));
            let attached = on_it.map(|c| Attached {
                name: c.name.clone(),
                id: c.id.as_str().into(),
                address: c.networks.get(&network.name).cloned().unwrap_or_default(),
            });
            network.attached = Some(attached.collect());
            Ok(network)
        });
        self.later("network", answer)
    }
}

impl ActNetworks for Fake {
    fn create_network<'a>(
        &'a self,
        target: &'a Granted<'a>,
        wanted: &'a NewNetwork,
    ) -> Answered<'a, FullId> {
        let name = &target.target().name;
        ready(self.call("create_network", name).map(|()| {
            let NewNetwork { internal, labels } = wanted.clone();
            let made = Network { internal, labels, ..network("feed", name) };
            self.networks.lock().unwrap().push(made);
            id("feed")
        }))
    }

    fn connect<'a>(
        &'a self,
        network: &'a Granted<'a>,
        container: &'a Granted<'a>,
    ) -> Answered<'a, Acted> {
        let (network, container) = (network.target(), container.target());
        let about = format!("{} {}", network.name, container.name);
        ready(self.call("connect", &about).map(|()| {
            let mut containers = self.containers.lock().unwrap();
            for one in containers.iter_mut().filter(|one| one.id.as_str() == container.id) {
                one.networks.insert(network.name.clone(), "172.18.0.9".into());
            }
            Acted::Changed
        }))
    }

    fn disconnect<'a>(
        &'a self,
        network: &'a Granted<'a>,
        container: &'a Granted<'a>,
    ) -> Answered<'a, Acted> {
        let (network, container) = (network.target(), container.target());
        let about = format!("{} {}", network.name, container.name);
        ready(self.call("disconnect", &about).map(|()| {
            let mut containers = self.containers.lock().unwrap();
            for one in containers.iter_mut().filter(|one| one.id.as_str() == container.id) {
                one.networks.remove(&network.name);
            }
            Acted::Changed
        }))
    }

    fn remove_network<'a>(&'a self, target: &'a Granted<'a>) -> Answered<'a, Acted> {
        let target = target.target();
        ready(self.call("remove_network", &target.name).map(|()| {
            self.networks.lock().unwrap().retain(|one| one.id != target.id);
            Acted::Changed
        }))
    }
}
