//! Changing networks. Below 500 the engine refused before it did anything: the name, the address
//! pools, a network that is used. What fails later may have happened in part.

use bollard::models::{NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest};
use hyper::Method;

use super::{Order, id_of};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::DockerEngine;
use crate::ports::engine::{ActNetworks, Acted, Asked, CONTAINER, NETWORK, NewNetwork};

impl ActNetworks for DockerEngine {
    fn create_network<'a>(
        &'a self,
        target: &'a Granted<'a>,
        network: &'a NewNetwork,
    ) -> Asked<'a, FullId> {
        Box::pin(async move {
            let target = target.target();
            if target.kind != NETWORK.name {
                return Err(Fault::invalid("This is no network, so nothing was sent."));
            }
            let wanted = NetworkCreateRequest {
                name: target.name.clone(),
                driver: Some("bridge".to_owned()),
                internal: Some(network.internal),
                labels: Some(network.labels.clone().into_iter().collect()),
                ..NetworkCreateRequest::default()
            };
            let path = "/networks/create".to_owned();
            let order = self.network_order(target, "create", Method::POST, path);
            let request =
                |docker: bollard::Docker| async move { docker.create_network(wanted).await };
            let id = self.order(order, request).await?.answer.id;
            FullId::parse(&id).ok_or_else(|| {
                Fault::new(
                    Reason::OutcomeUnknown,
                    format!(
                        "The engine says that it made the network {}, but gives it no id. Look with \
                         list_networks.",
                        text::name(&target.name)
                    ),
                )
                .with_detail(id)
            })
        })
    }

    fn connect<'a>(
        &'a self,
        network: &'a Granted<'a>,
        container: &'a Granted<'a>,
    ) -> Asked<'a, Acted> {
        Box::pin(async move {
            let (network, container) = ends(network, container)?;
            let path = format!("/networks/{network}/connect");
            let order = self.network_order(container, "connect", Method::POST, path);
            let request = |docker: bollard::Docker| async move {
                let container = container.id.clone();
                let wanted = NetworkConnectRequest { container, endpoint_config: None };
                docker.connect_network(network, wanted).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn disconnect<'a>(
        &'a self,
        network: &'a Granted<'a>,
        container: &'a Granted<'a>,
    ) -> Asked<'a, Acted> {
        Box::pin(async move {
            let (network, container) = ends(network, container)?;
            let path = format!("/networks/{network}/disconnect");
            let order = self.network_order(container, "disconnect", Method::POST, path);
            let request = |docker: bollard::Docker| async move {
                let container = container.id.clone();
                let wanted = NetworkDisconnectRequest { container, force: Some(false) };
                docker.disconnect_network(network, wanted).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn remove_network<'a>(&'a self, target: &'a Granted<'a>) -> Asked<'a, Acted> {
        Box::pin(async move {
            let target = target.target();
            let id = id_of(target, &NETWORK)?;
            let path = format!("/networks/{id}");
            let order = self.network_order(target, "remove", Method::DELETE, path);
            let request = |docker: bollard::Docker| async move { docker.remove_network(id).await };
            Ok(self.order(order, request).await?.acted())
        })
    }
}

/// The ends of a connection: the network's id as it may stand in a path, and the container, whose id
/// is one as well.
fn ends<'a>(
    network: &'a Granted<'_>,
    container: &'a Granted<'_>,
) -> Result<(&'a str, &'a Target), Fault> {
    let (network, container) = (network.target(), container.target());
    id_of(container, &CONTAINER)?;
    if network.engine != container.engine {
        return Err(Fault::invalid("Network and container are not of one engine."));
    }
    Ok((id_of(network, &NETWORK)?, container))
}

impl DockerEngine {
    fn network_order<'a>(
        &self,
        target: &'a Target,
        verb: &'static str,
        method: Method,
        path: String,
    ) -> Order<'a> {
        Order { target, verb, method, path, limit: self.deadlines.network, certain_below: 500 }
    }
}
