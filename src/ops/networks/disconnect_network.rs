//! `disconnect_network`: takes a container off a network.

use super::connection::{self, Around, Ends, Facts, Sight};
use crate::core::grant::Permit;
use crate::core::operation::Spec;
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::beside::UNCHECKED;
use crate::ops::containers::notes::ports;
use crate::ops::containers::target::PROJECT;
use crate::ops::report::Report;
use crate::ops::units::listed;
use crate::ops::users::named_or_nobody;
use crate::ports::engine::{Act, Acted, Network};

/// The operation.
#[derive(Debug)]
pub struct DisconnectNetwork;

impl Change for DisconnectNetwork {
    type Params = Ends;
    type Facts = Facts;
    type Sight = Sight;
    type Done = Acted;
    type Output = Report;

    fn spec() -> Spec {
        connection::spec(
            "disconnect_network",
            "Disconnect a container from a network",
            "Takes a container off a network. The preview shows who loses it, which names and \
             published ports go, and whether it was its last network.",
        )
    }

    async fn resolve(cx: Context<'_>, ends: &Ends) -> Result<Vec<Target>, Fault> {
        connection::resolve(cx, ends).await
    }

    fn only_uses(target: &Target) -> bool {
        connection::only_uses(target)
    }

    async fn observe(
        cx: Context<'_>,
        _: &Ends,
        targets: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        connection::observe(cx, targets).await
    }

    async fn possible(_: Context<'_>, _: &Ends, _: &[Target], sight: &Sight) -> Result<(), Fault> {
        connection::possible(sight)
    }

    async fn preview(cx: Context<'_>, plan: &Plan, _: &Ends, _: &[Facts], sight: Sight) -> Preview {
        let (container, network) = sight.names();
        if !sight.is_connected() {
            let headline = format!("{container} is not on {network}: nothing will change.");
            return connection::preview(plan, &sight, headline, Vec::new());
        }
        let last = sight.container.networks.len() == 1;
        let headline = match last {
            true => format!("Disconnect {container} from {network}, its LAST network."),
            false => format!("Disconnect {container} from {network}."),
        };
        let notes = match Around::look(cx, &sight).await {
            Some(around) => notes(&sight, &around),
            None => vec![("who loses it", UNCHECKED.to_owned())],
        };
        connection::preview(plan, &sight, headline, notes)
    }

    async fn execute(
        act: &dyn Act,
        _: &Ends,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        if !connection::was_connected(permit)? {
            return Ok(Acted::AlreadySo);
        }
        let (network, container) = connection::ends(permit)?;
        act.disconnect(&network, &container).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Ends,
        targets: &[Target],
        done: &Acted,
    ) -> Result<Report, Fault> {
        connection::look_again(cx, targets, *done, false).await
    }
}

fn notes(sight: &Sight, around: &Around) -> Vec<(&'static str, String)> {
    let Sight { network, container } = sight;
    let there = around.others_on(network, container);
    let left = around.networks_beside(network, container);
    let named = |one: &&Network| {
        format!("{}{}", text::name(&one.name), if one.internal { " (internal)" } else { "" })
    };
    let left_names: Vec<String> = left.iter().map(named).collect();
    let mut rows = vec![
        ("lose each other", named_or_nobody(&there)),
        (
            "networks left",
            match left_names.as_slice() {
                [] => "none: it reaches nobody, and nobody reaches it".to_owned(),
                some => listed(some, 8),
            },
        ),
    ];
    let aliases = around.inspected.aliases.get(&network.name).into_iter().flatten();
    let names: Vec<String> =
        aliases.filter(|alias| **alias != container.name).map(|alias| text::name(alias)).collect();
    if !names.is_empty() {
        rows.push(("aliases lost", format!("{}, beside its own name", listed(&names, 8))));
    }
    let published = ports(container.ports.iter().filter(|port| port.public.is_some()));
    if !published.is_empty() {
        let fate = match left.iter().any(|one| !one.internal) {
            true => "the engine serves them through another network, if it can",
            false => "they stop answering",
        };
        rows.push(("published ports", format!("{published}: {fate}")));
    }
    if let Some(project) = network.labels.get(PROJECT) {
        rows.push(("compose project", format!("{} made the network", text::name(project))));
    }
    if container.state == "running" {
        rows.push(("open connections", "through this network they break".to_owned()));
    }
    rows.push(("undone by", "connect_network, but for its aliases and its address".to_owned()));
    rows
}
