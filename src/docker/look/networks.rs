//! Asking about networks.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{labelled, path};
use crate::core::ids::FullId;
use crate::core::reason::{Fault, Reason};
use crate::docker::DockerEngine;
use crate::docker::model::answers;
use crate::ports::engine::{Asked, Attached, LookNetworks, NETWORK, Network, NetworkFilter};

answers! {
    /// A network, in `GET /networks` and alone.
    NetworkAnswer {
        id: String = "Id",
        name: String = "Name",
        driver: String = "Driver",
        scope: String = "Scope",
        created: String = "Created",
        internal: bool = "Internal",
        ipam: Ipam = "IPAM",
        options: BTreeMap<String, String> = "Options",
        labels: BTreeMap<String, String> = "Labels",
        containers: BTreeMap<String, AttachedAnswer> = "Containers",
    }

    Ipam {
        config: Vec<IpamConfig> = "Config",
    }

    IpamConfig {
        subnet: String = "Subnet",
    }

    AttachedAnswer {
        name: String = "Name",
        ipv4: String = "IPv4Address",
        ipv6: String = "IPv6Address",
    }
}

impl LookNetworks for DockerEngine {
    fn networks<'a>(&'a self, filter: &'a NetworkFilter) -> Asked<'a, Vec<Network>> {
        Box::pin(async move {
            let path = path("/networks", &labelled(filter.label.as_deref()));
            let found: Vec<NetworkAnswer> = self.ask("list", &path).await?;
            let listed = |answer| Network { attached: None, ..network(answer) };
            Ok(found.into_iter().map(listed).collect())
        })
    }

    fn network<'a>(&'a self, id: &'a FullId) -> Asked<'a, Network> {
        Box::pin(async move {
            let found: NetworkAnswer = self.ask(NETWORK.name, &format!("/networks/{id}")).await?;
            if found.id != id.as_str() {
                // A name can have the form of an id, and engines look for names as well.
                return Err(Fault::new(
                    Reason::NotFound,
                    format!(
                        "The network {id} is gone, and another one bears its id as a name. Ask for \
                         the list to see what there is."
                    ),
                ));
            }
            Ok(network(found))
        })
    }
}

fn network(it: NetworkAnswer) -> Network {
    let address = |at: &AttachedAnswer| {
        let both = if at.ipv4.is_empty() { &at.ipv6 } else { &at.ipv4 };
        both.split('/').next().unwrap_or_default().to_owned()
    };
    let mut attached: Vec<Attached> = it
        .containers
        .into_iter()
        .map(|(id, at)| Attached { address: address(&at), name: at.name, id })
        .collect();
    attached.sort();
    Network {
        id: it.id,
        name: it.name,
        driver: it.driver,
        scope: it.scope,
        created: OffsetDateTime::parse(&it.created, &Rfc3339).ok(),
        internal: it.internal,
        subnets: it.ipam.config.into_iter().map(|one| one.subnet).collect(),
        options: it.options,
        labels: it.labels,
        attached: Some(attached),
    }
}
