//! `connect_network`: connects a container to a network.

use super::connection::{self, Around, Ends, Facts, Sight};
use crate::core::grant::Permit;
use crate::core::operation::Spec;
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::beside::UNCHECKED;
use crate::ops::report::Report;
use crate::ops::units::{counted, listed};
use crate::ops::users::named_or_nobody;
use crate::ports::engine::{Act, Acted, Network};

/// The operation.
#[derive(Debug)]
pub struct ConnectNetwork;

impl Change for ConnectNetwork {
    type Params = Ends;
    type Facts = Facts;
    type Sight = Sight;
    type Done = Acted;
    type Output = Report;

    fn spec() -> Spec {
        connection::spec(
            "connect_network",
            "Connect a container to a network",
            "Connects a container to a further network. The preview shows who becomes reachable, and \
             which networks the container then joins.",
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
        let seen = connection::observe(cx, targets).await?;
        let (container, _) = seen.sight.names();
        if seen.sight.network.driver == "null" {
            return Err(Fault::invalid(format!(
                "Nothing can be connected to the network none. Disconnect {container} from its \
                 networks instead."
            )));
        }
        if seen.sight.container.networks.iter().any(|name| name == "none") {
            return Err(Fault::invalid(format!(
                "{container} is on the network none, and engines connect it to no other. Use \
                 disconnect_network with network=none first."
            )));
        }
        Ok(seen)
    }

    async fn possible(_: Context<'_>, _: &Ends, _: &[Target], sight: &Sight) -> Result<(), Fault> {
        connection::possible(sight)
    }

    async fn preview(cx: Context<'_>, plan: &Plan, _: &Ends, _: &[Facts], sight: Sight) -> Preview {
        let (container, network) = sight.names();
        if sight.is_connected() {
            let headline = format!("{container} is on {network} already: nothing will change.");
            return connection::preview(plan, &sight, headline, Vec::new());
        }
        let headline = format!("Connect {container} to {network}.");
        let notes = match Around::look(cx, &sight).await {
            Some(around) => notes(&sight, &around),
            None => vec![("who can reach it then", UNCHECKED.to_owned())],
        };
        connection::preview(plan, &sight, headline, notes)
    }

    async fn execute(
        act: &dyn Act,
        _: &Ends,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        if connection::was_connected(permit)? {
            return Ok(Acted::AlreadySo);
        }
        let (network, container) = connection::ends(permit)?;
        act.connect(&network, &container).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Ends,
        targets: &[Target],
        done: &Acted,
    ) -> Result<Report, Fault> {
        connection::look_again(cx, targets, *done, true).await
    }
}

fn notes(sight: &Sight, around: &Around) -> Vec<(&'static str, String)> {
    let Sight { network, container } = sight;
    let there = around.others_on(network, container);
    let beside = around.networks_beside(network, container);
    let mut rows = vec![("reach each other then", named_or_nobody(&there))];
    if !beside.is_empty() {
        let joined = |one: &&Network| {
            let internal = if one.internal { "internal, " } else { "" };
            let others = around.others_on(one, container).len();
            format!("{} ({internal}{} more)", text::name(&one.name), counted(others, "container"))
        };
        let joined: Vec<String> = beside.iter().map(joined).collect();
        let both = format!("this network and {}", listed(&joined, 8));
        rows.push(("is then on", format!("{both}: it can pass traffic on between them")));
    }
    if !network.internal && beside.iter().all(|one| one.internal) {
        rows.push(("to the outside", "through this network, and so far it has no way out".into()));
    }
    if container.state != "running" {
        let state = text::name(&container.state);
        rows.push(("takes effect", format!("once it is started; now it is {state}")));
    }
    rows.push(("undone by", "disconnect_network".to_owned()));
    rows
}
