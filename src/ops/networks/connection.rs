//! What connecting and disconnecting share: both ends, what a grant on them is bound to, and who
//! else is concerned.

use std::collections::BTreeSet;

use futures_util::future::{try_join, try_join3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::target;
use crate::core::grant::{Granted, Permit};
use crate::core::ids::Reference;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Preview, Seen};
use crate::ops::beside::in_time;
use crate::ops::containers;
use crate::ops::plan::{self, engine};
use crate::ops::report::Report;
use crate::ops::users;
use crate::ports::engine::{
    Acted, CONTAINER, Container, ContainerRow, NETWORK, Network, NetworkFilter,
};

/// Which container, and on which network.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// The network's name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 256))]
    network: String,
    /// The container's name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
}

/// What a grant on a connection is bound to: of the network that it is this one, of the container
/// where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Facts {
    /// Those of the network.
    Network(target::Facts),
    /// Those of the container.
    Container(OfContainer),
}

/// What a grant is bound to of the container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct OfContainer {
    /// Whether it is on the network.
    pub(super) connected: bool,
    /// The names of all networks that it is on.
    networks: BTreeSet<String>,
}

/// Both ends, as seen with the facts.
#[derive(Debug)]
pub struct Sight {
    pub(super) network: Network,
    pub(super) container: ContainerRow,
}

impl Sight {
    pub(super) fn is_connected(&self) -> bool {
        self.container.is_on(&self.network)
    }

    /// The names of both, fit to be shown: the container's, and the network's.
    pub(super) fn names(&self) -> (String, String) {
        (text::name(&self.container.name), text::name(&self.network.name))
    }
}

/// What else there is, for a preview.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) inspected: Container,
    networks: Vec<Network>,
    containers: Vec<ContainerRow>,
}

impl Around {
    /// Looks, no longer than a preview waits. What could not be found out is none.
    pub(super) async fn look(cx: Context<'_>, sight: &Sight) -> Option<Self> {
        let everything = NetworkFilter::default();
        let looks = try_join3(
            cx.look.container(&sight.container.id),
            cx.look.networks(&everything),
            users::all(cx),
        );
        let (inspected, networks, containers) = in_time(looks).await?;
        Some(Self { inspected, networks, containers })
    }

    /// Who else is on a network, or will be once started.
    pub(super) fn others_on(&self, network: &Network, than: &ContainerRow) -> Vec<&ContainerRow> {
        self.containers.iter().filter(|row| row.id != than.id && row.is_on(network)).collect()
    }

    /// The networks that a container is on beside this one.
    pub(super) fn networks_beside(&self, network: &Network, of: &ContainerRow) -> Vec<&Network> {
        self.networks.iter().filter(|one| one.id != network.id && of.is_on(one)).collect()
    }
}

/// The declaration that both have in common.
pub(super) fn spec(name: &'static str, title: &'static str, summary: &'static str) -> Spec {
    Spec {
        name: name.into(),
        title: title.into(),
        summary: summary.into(),
        toolset: "networks",
        class: Class::Mutate,
        ceiling: Class::Mutate,
        kinds: &[&NETWORK, &CONTAINER],
        references: &["network", "container"],
        beside: &[],
        drift: Drift::All,
        idempotent: true,
        since_api: Some("1.24"),
    }
}

/// Finds both ends: the network first.
pub(super) async fn resolve(cx: Context<'_>, ends: &Ends) -> Result<Vec<Target>, Fault> {
    let (mut targets, container) = try_join(
        target::resolve(cx, &ends.network),
        containers::target::resolve_for_change(cx, &ends.container),
    )
    .await?;
    targets.extend(container);
    Ok(targets)
}

/// A connection is the container's: others may get theirs to the same network at the same time.
pub(super) fn only_uses(target: &Target) -> bool {
    target.kind == NETWORK.name
}

/// Looks at both ends.
pub(super) async fn observe(
    cx: Context<'_>,
    targets: &[Target],
) -> Result<Seen<Facts, Sight>, Fault> {
    let network = target::full_id(targets.first())?;
    let container = containers::target::full_id(targets.get(1..).unwrap_or_default())?;
    let reference = Reference::parse(container.as_str())?;
    let (network, rows) =
        try_join(cx.look.network(&network), cx.look.candidates(&reference)).await?;
    let container = rows.into_iter().find(|row| row.id == container).ok_or_else(|| {
        Fault::new(Reason::NotFound, "The container is gone. Ask for the list with all=true.")
    })?;
    let sight = Sight { network, container };
    let facts = vec![
        Facts::Network(target::Facts::of(&sight.network)?),
        Facts::Container(OfContainer {
            connected: sight.is_connected(),
            networks: sight.container.networks.iter().cloned().collect(),
        }),
    ];
    Ok(Seen { class: Class::Mutate, facts, sight })
}

/// Refuses what no engine does.
pub(super) fn possible(sight: &Sight) -> Result<(), Fault> {
    let (container, _) = sight.names();
    if sight.network.driver == "host" {
        return Err(Fault::invalid(
            "No container can be connected to the host's own network, or disconnected from it. That \
             is settled when it is made.",
        ));
    }
    let shared = match sight.container.network_mode.as_str() {
        "host" => "the host's",
        mode if mode.starts_with("container:") => "another container's",
        _ => return Ok(()),
    };
    Err(Fault::invalid(format!(
        "{container} lives in {shared} network namespace, so it has no connections of its own. That is \
         settled when it is made."
    )))
}

/// The preview of these ends.
pub(super) fn preview(
    plan: &Plan,
    sight: &Sight,
    headline: String,
    notes: Vec<(&'static str, String)>,
) -> Preview {
    let mut facts = target::shown(&sight.network, engine(plan));
    let container = &sight.container;
    facts.push(("container", format!("{} (id {})", text::name(&container.name), container.id)));
    facts.push(("its networks", on(&container.networks)));
    Preview { headline, facts, notes }
}

fn on(networks: &[String]) -> String {
    match networks {
        [] => "none".to_owned(),
        some => text::line(&some.join(", "), 400),
    }
}

/// Whether the container is on the network, by the facts of the plan.
pub(super) fn was_connected(permit: &Permit) -> Result<bool, Fault> {
    Ok(plan::at::<OfContainer>(permit, 1)?.connected)
}

/// Both ends that a permit permits to connect or disconnect: the network, and the container.
pub(super) fn ends(permit: &Permit) -> Result<(Granted<'_>, Granted<'_>), Fault> {
    let mut targets = permit.targets();
    let both = targets.next().zip(targets.next());
    both.ok_or_else(|| Fault::new(Reason::NotFound, "There is nothing to act on."))
}

/// Looks again: whether the container is on the network now.
pub(super) async fn look_again(
    cx: Context<'_>,
    targets: &[Target],
    acted: Acted,
    wanted: bool,
) -> Result<Report, Fault> {
    let Seen { sight, .. } = observe(cx, targets).await?;
    let (container, network) = sight.names();
    let now = sight.is_connected();
    let done = match (acted, wanted) {
        (Acted::AlreadySo, true) => {
            format!("{container} was on {network} already; nothing was done.")
        }
        (Acted::AlreadySo, false) => format!("{container} was not on {network}; nothing was done."),
        (Acted::Changed, true) => format!("Connected {container} to {network}."),
        (Acted::Changed, false) => format!("Disconnected {container} from {network}."),
    };
    let odd = if now == wanted { "" } else { ": this is not what was asked for, look again" };
    let networks = on(&sight.container.networks);
    let text = format!("{done} Now: {container} is on {networks}{odd}.");
    let record = json!({"changed": acted == Acted::Changed, "connected": now});
    let data = json!({
        "changed": acted == Acted::Changed,
        "connected": now,
        "network": sight.network.id,
        "container": sight.container.id,
        "networks": sight.container.networks.iter().map(|n| text::name(n)).collect::<Vec<_>>(),
    });
    Ok(Report { text, data, record })
}
