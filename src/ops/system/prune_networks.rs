//! `prune_networks`: removes networks that no container is on, nor would be if it were started.

use super::prune::{self, Among, Prunable, Unused, Words};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::operation::{Kind, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::networks::target::{self, Facts};
use crate::ops::units::listed;
use crate::ops::users;
use crate::ops::when;
use crate::ports::engine::{
    Act, Asked, ContainerRow, DiskUsage, NETWORK, Network, NetworkFilter, Share,
};

/// Subnets in one line, at most.
const LISTED_MAX: usize = 4;

/// The operation.
#[derive(Debug)]
pub struct PruneNetworks;

impl Prunable for PruneNetworks {
    type Facts = Facts;

    const KIND: &'static Kind = &NETWORK;
    const WORDS: Words = Words {
        one: "unused network",
        none: "list_networks shows what there is; networks of the engine and of a swarm stay.",
        lost: "their configuration: subnets, options and labels",
        kept: "networks that any container names, also a stopped one; all containers",
        undo: "create_network makes one of the same name, with another id and perhaps other subnets",
    };
    const SHARE: Option<fn(&DiskUsage) -> &Share> = None;

    fn spec() -> Spec {
        prune::spec(
            "prune_networks",
            "Prune networks",
            "Removes networks that no container names, running or stopped, as the preview lists \
             them. Networks of the engine itself and of a swarm stay.",
            &[&NETWORK],
        )
    }

    async fn unused(
        cx: Context<'_>,
        engine: &str,
        among: Among<'_>,
    ) -> Result<Vec<Unused<Facts>>, Fault> {
        let filter = NetworkFilter { label: among.label() };
        let ids: Vec<String> = match among {
            Among::All(_) => {
                let networks = cx.look.networks(&filter).await?.into_iter();
                networks.filter(is_somebodys).map(|network| network.id).collect()
            }
            Among::These(targets) => targets.iter().map(|target| target.id.clone()).collect(),
        };
        let ids: Vec<FullId> = ids.iter().filter_map(|id| FullId::parse(id)).collect();
        // What is on a network and is no container of this engine, only the network tells.
        let networks = prune::there(ids.iter().map(|id| cx.look.network(id)).collect()).await?;
        if networks.is_empty() {
            return Ok(Vec::new());
        }
        let containers = users::all(cx).await?;
        let nobody = |network: &Network| network.attached.as_ref().is_some_and(Vec::is_empty);
        let fits = |network: &&Network| nobody(network) && is_free(network, &containers);
        networks.iter().filter(fits).map(|network| unused(cx, network, engine)).collect()
    }

    fn look<'a>(cx: Context<'a>, target: &'a Target) -> Asked<'a, ()> {
        Box::pin(async move { cx.look.network(&target::full_id(Some(target))?).await.map(drop) })
    }

    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move { act.remove_network(target).await.map(drop) })
    }
}

/// Whether somebody made it for this engine alone.
fn is_somebodys(network: &Network) -> bool {
    !network.is_predefined() && network.scope == "local"
}

/// Whether somebody made it, and no container names it.
fn is_free(network: &Network, containers: &[ContainerRow]) -> bool {
    // A network can be named by the beginning of its id as well.
    let names = |row: &ContainerRow| {
        let mode = row.network_mode.as_str();
        row.is_on(network) || (!mode.is_empty() && network.id.starts_with(mode))
    };
    is_somebodys(network) && !containers.iter().any(names)
}

fn unused(cx: Context<'_>, network: &Network, engine: &str) -> Result<Unused<Facts>, Fault> {
    let now = cx.clock.now();
    let made = match network.created {
        Some(at) => format!("{} ({})", when::second(at), when::ago(at, now)),
        None => "an unknown time".to_owned(),
    };
    let subnets: Vec<String> = network.subnets.iter().map(|subnet| text::name(subnet)).collect();
    let subnets = match subnets.as_slice() {
        [] => "no subnet".to_owned(),
        _ => listed(&subnets, LISTED_MAX),
    };
    Ok(Unused {
        since: network.created,
        about: format!("driver {}, {subnets}, made at {made}", text::name(&network.driver)),
        facts: Facts::of(network)?,
        target: target::of(network, engine.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::ops::fake::{Fake, World, call, container, context, gate, id, network, stopped};
    use crate::ports::engine::Container;

    fn on(network: &str) -> Container {
        let networks = [(network.to_owned(), String::new())].into();
        Container { networks, ..stopped(container("c1", "web")) }
    }

    #[tokio::test]
    async fn only_what_no_container_names_and_no_engine_needs_is_unused() {
        let plain = || network("a1", "shop");
        let named = |name: &str| Network { name: name.into(), ..plain() };
        let by_id = || Container {
            network_mode: id("a1").short().to_owned(),
            ..stopped(container("c1", "web"))
        };
        for (case, shown, containers, free) in [
            ("nobody is on it", plain(), vec![], true),
            ("somebody is on another", plain(), vec![on("other")], true),
            ("a stopped one is on it", plain(), vec![on("shop")], false),
            ("a stopped one names its id", plain(), vec![by_id()], false),
            ("predefined", named("bridge"), vec![], false),
            ("of the engine", named("docker_gwbridge"), vec![], false),
            ("of a swarm", Network { scope: "swarm".into(), ..plain() }, vec![], false),
        ] {
            let engine = Fake::of(containers);
            engine.networks.lock().unwrap().push(shown);
            let found = PruneNetworks::unused(context(&engine), "E", Among::All(None)).await;
            assert_eq!(found.unwrap().len(), usize::from(free), "{case}");
            let alone = [target::of(&network("a1", "shop"), "E".into())];
            engine.calls.lock().unwrap().clear();
            let found = PruneNetworks::unused(context(&engine), "E", Among::These(&alone)).await;
            assert_eq!(found.unwrap().len(), usize::from(free), "{case}");
            assert!(!engine.called().contains(&"networks".to_owned()), "{case}");
        }
    }

    #[tokio::test]
    async fn each_look_lists_the_containers_once_and_only_for_what_is_there() {
        let engine = Arc::new(Fake::default());
        *engine.networks.lock().unwrap() = vec![network("a1", "one"), network("a2", "two")];
        let gate = gate(&engine, &Arc::new(World::confirming()));
        let seen = || std::mem::take(&mut *engine.calls.lock().unwrap()).join(", ");
        let first = call(&gate, "prune_networks", json!({})).await;
        let look = "network one, network two, containers";
        assert_eq!(seen(), format!("engine_id, networks, {look}, {look}"));
        let token = json!({"confirmToken": first.confirm_token});
        assert_eq!(call(&gate, "prune_networks", token).await.reason, None);
        let step = |name| format!("network {name}, containers, remove_network {name}");
        let steps = format!("{}, {}", step("one"), step("two"));
        assert_eq!(seen(), format!("engine_id, {look}, {look}, {steps}, network -, network -"));
    }
}
