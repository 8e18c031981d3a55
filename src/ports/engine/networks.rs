//! Networks: what is known of one, and what can be done to it.

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

use super::{Acted, Asked, not_offered};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::operation::{Attribute, Form, Kind};

/// Networks, as policy knows them.
pub const NETWORK: Kind = Kind {
    name: "network",
    names: Form::Text,
    ids: Form::Hex(64),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "project", form: Form::Text, always: false },
    ],
};

/// The networks that engines have or make by themselves.
const PREDEFINED: [&str; 6] = ["bridge", "host", "none", "docker_gwbridge", "ingress", "podman"];

/// Asking about networks.
pub trait LookNetworks: Send + Sync + fmt::Debug {
    /// Networks that fit the filter, without what is attached to them.
    fn networks<'a>(&'a self, _filter: &'a NetworkFilter) -> Asked<'a, Vec<Network>> {
        not_offered("networks")
    }

    /// Everything about one network. The answer is that of exactly this id.
    fn network<'a>(&'a self, _id: &'a FullId) -> Asked<'a, Network> {
        not_offered("networks")
    }
}

/// Changing networks.
pub trait ActNetworks: Send + Sync + fmt::Debug {
    /// Makes a bridge network of the target's name, and gives its id. The engine may well make a
    /// second one of the same name.
    fn create_network<'a>(
        &'a self,
        _target: &'a Granted<'a>,
        _network: &'a NewNetwork,
    ) -> Asked<'a, FullId> {
        not_offered("new networks")
    }

    /// Connects a container to a network.
    fn connect<'a>(
        &'a self,
        _network: &'a Granted<'a>,
        _container: &'a Granted<'a>,
    ) -> Asked<'a, Acted> {
        not_offered("connections")
    }

    /// Takes a container off a network.
    fn disconnect<'a>(
        &'a self,
        _network: &'a Granted<'a>,
        _container: &'a Granted<'a>,
    ) -> Asked<'a, Acted> {
        not_offered("connections")
    }

    /// Removes a network. The engine refuses while a running container is attached to it.
    fn remove_network<'a>(&'a self, _target: &'a Granted<'a>) -> Asked<'a, Acted> {
        not_offered("the end of networks")
    }
}

/// Which networks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkFilter {
    /// `key` or `key=value`.
    pub label: Option<String>,
}

/// A network to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNetwork {
    /// Whether it leads nowhere but to the containers on it.
    pub internal: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its id: a full id, but for networks of a swarm.
    pub id: String,
    /// Its name. Two networks may have the same, and it may hold anything.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// `local`, `swarm` or `global`.
    pub scope: String,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// Whether it leads nowhere but to the containers on it.
    pub internal: bool,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Options of the driver. Their values can hold secrets.
    pub options: BTreeMap<String, String>,
    /// Labels. Their values can hold secrets.
    pub labels: BTreeMap<String, String>,
    /// The running containers on it, by name; none in a list, which does not tell.
    pub attached: Option<Vec<Attached>>,
}

/// A running container on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its id; that of an endpoint that is no container's begins otherwise.
    pub id: String,
    /// Its address in the network; empty for none.
    pub address: String,
}

impl Network {
    /// Whether the engine has or makes it by itself, going by its name.
    pub fn is_predefined(&self) -> bool {
        is_predefined(&self.name)
    }
}

/// Whether an engine has or makes a network of this name by itself.
pub fn is_predefined(name: &str) -> bool {
    PREDEFINED.contains(&name)
}
