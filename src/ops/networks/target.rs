//! From what is called a network to the network, and what a grant on one is bound to.

use futures_util::future::try_join;
use serde::Serialize;

use crate::core::ids::{self, FullId, Named};
use crate::core::plan::{Digest, Target, canonical};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::labels;
use crate::ports::engine::{NETWORK, Network, NetworkFilter};

struct Known<'a>(FullId, &'a Network);

impl Named for Known<'_> {
    const KIND: &'static str = NETWORK.name;
    const LIST: &'static str = "list_networks";

    fn id(&self) -> &FullId {
        &self.0
    }

    fn name(&self) -> &str {
        &self.1.name
    }
}

/// Finds the one network that is meant. Names of networks may hold anything, so they are compared
/// here, and only the id is used from then on.
pub(in crate::ops) async fn resolve(cx: Context<'_>, given: &str) -> Result<Vec<Target>, Fault> {
    let everything = NetworkFilter::default();
    let (all, engine) = try_join(cx.look.networks(&everything), cx.look.engine_id()).await?;
    Ok(vec![of(pick(given, &all)?, engine)])
}

/// A network that an engine has by itself, such as the host's. Where it is a mode and nothing else, as
/// with Podman, its name is its id.
pub(in crate::ops) async fn engines_own(cx: Context<'_>, name: &str) -> Result<Vec<Target>, Fault> {
    let everything = NetworkFilter::default();
    let (all, engine) = try_join(cx.look.networks(&everything), cx.look.engine_id()).await?;
    let mode = || Network { id: name.to_owned(), name: name.to_owned(), ..Network::default() };
    Ok(vec![of(&all.into_iter().find(|network| network.name == name).unwrap_or_else(mode), engine)])
}

fn pick<'a>(given: &str, all: &'a [Network]) -> Result<&'a Network, Fault> {
    let known = |network: &'a Network| Some(Known(FullId::parse(&network.id)?, network));
    let candidates: Vec<Known<'a>> = all.iter().filter_map(known).collect();
    let fault = match ids::pick(given, &candidates) {
        Ok(Known(_, network)) => return Ok(network),
        Err(fault) => fault,
    };
    if fault.reason == Reason::NotFound
        && let Some(other) = all.iter().find(|n| n.name == given || n.id == given)
    {
        return Err(Fault::invalid(format!(
            "The network {} has the scope {}, and only networks of this engine alone can be asked \
             for here. Use the engine's own client.",
            text::name(&other.name),
            text::name(&other.scope)
        )));
    }
    Err(fault)
}

/// A network as a target.
pub(in crate::ops) fn of(network: &Network, engine: String) -> Target {
    Target {
        kind: NETWORK.name,
        id: network.id.clone(),
        name: network.name.clone(),
        engine,
        attributes: labels::attributes(&network.labels),
    }
}

/// The full id of a target.
///
/// # Errors
/// `not_found` for what has none, which `resolve` never returns.
pub(in crate::ops) fn full_id(target: Option<&Target>) -> Result<FullId, Fault> {
    target
        .and_then(|target| FullId::parse(&target.id))
        .ok_or_else(|| Fault::new(Reason::NotFound, "There is no network to act on."))
}

/// What a grant on a network is bound to, beside its id. Who is on it is not among it: that it
/// is one of these is asked for where it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub(in crate::ops) name: String,
    pub(in crate::ops) driver: String,
    pub(in crate::ops) internal: bool,
    pub(in crate::ops) subnets: Vec<String>,
    pub(in crate::ops) labels: Digest,
}

impl Facts {
    /// Those of a network.
    ///
    /// # Errors
    /// None in fact: text always has an exact form.
    pub(in crate::ops) fn of(network: &Network) -> Result<Self, Fault> {
        Ok(Self {
            name: network.name.clone(),
            driver: network.driver.clone(),
            internal: network.internal,
            subnets: network.subnets.clone(),
            labels: Digest::of(&[&canonical(&network.labels)?]),
        })
    }
}

/// Where a network leads.
pub(in crate::ops) fn reach(network: &Network) -> &'static str {
    match (network.driver.as_str(), network.internal) {
        ("host", _) => "the host's own interfaces",
        ("null", _) => "nowhere",
        (_, true) => "to the containers on it only (internal)",
        (_, false) => "to the containers on it and through the host to the outside",
    }
}

/// The facts of a network as a preview shows them.
pub(in crate::ops) fn shown(network: &Network, engine: String) -> Vec<(&'static str, String)> {
    vec![
        ("network", format!("{} (id {})", text::name(&network.name), text::name(&network.id))),
        ("engine", engine),
        ("driver", text::name(&network.driver)),
        ("subnet", text::name(&network.subnets.join(", "))),
        ("leads", reach(network).to_owned()),
    ]
}
