//! `remove_network`: removes a network.

use futures_util::future::join;
use serde::Serialize;
use serde_json::json;

use super::inspect_network::OneNetwork;
use super::target::{self, Facts as OfNetwork, full_id};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Digest, Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::beside::UNCHECKED;
use crate::ops::containers::target::PROJECT;
use crate::ops::plan::{engine, one};
use crate::ops::report::Report;
use crate::ops::units::listed;
use crate::ops::users;
use crate::ops::when;
use crate::ports::engine::{Act, Acted, ContainerRow, NETWORK, Network, is_podman};

/// Names in one line, at most.
const LISTED_MAX: usize = 8;

/// The operation.
#[derive(Debug)]
pub struct RemoveNetwork;

/// What a grant is bound to: nobody is stranded who was not shown.
#[derive(Debug, Serialize)]
pub struct Facts {
    #[serde(flatten)]
    network: OfNetwork,
    /// The containers that name it; none if that could not be checked.
    users: Option<Digest>,
}

/// What was seen.
#[derive(Debug)]
pub struct Sight {
    network: Network,
    /// Every container there is.
    containers: Option<Vec<ContainerRow>>,
}

impl Change for RemoveNetwork {
    type Params = OneNetwork;
    type Facts = Facts;
    type Sight = Sight;
    type Done = Acted;
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: "remove_network".into(),
            title: "Remove a network".into(),
            summary: "Removes a network that no running container is on. Stopped containers that \
                      were on it do not start any more until they are connected to another."
                .into(),
            toolset: "networks",
            class: Class::Destroy,
            ceiling: Class::Destroy,
            kinds: &[&NETWORK],
            references: &["network"],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    async fn resolve(cx: Context<'_>, params: &OneNetwork) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.network).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &OneNetwork,
        targets: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        let id = full_id(targets.first())?;
        let (network, containers) = join(cx.look.network(&id), users::in_time(cx)).await;
        let network = network?;
        let on_it = |rows| users::bound(named_on(&network, rows));
        let facts = Facts {
            network: OfNetwork::of(&network)?,
            users: containers.as_deref().map(on_it).transpose()?,
        };
        let sight = Sight { network, containers };
        Ok(Seen { class: Class::Destroy, facts: vec![facts], sight })
    }

    async fn possible(
        _: Context<'_>,
        _: &OneNetwork,
        targets: &[Target],
        Sight { network, containers }: &Sight,
    ) -> Result<(), Fault> {
        let name = text::name(&network.name);
        if network.is_predefined() {
            return Err(Fault::invalid(format!(
                "The network {name} is one of the engine's own by its name, and these are not \
                 removed."
            )));
        }
        let mut on_it = running(network);
        if targets.iter().any(|target| is_podman(&target.engine)) {
            // To Podman, who is stopped is on it as well.
            let rows = containers.as_deref().unwrap_or_default();
            on_it.extend(named_on(network, rows).map(|row| text::name(&row.name)));
            on_it.sort();
            on_it.dedup();
        }
        match on_it.as_slice() {
            [] => Ok(()),
            some => Err(Fault::invalid(format!(
                "{} {} on the network {name}, and engines remove no network that is in use. \
                 disconnect_network takes one off it, if that is meant.",
                listed(some, LISTED_MAX),
                if some.len() == 1 { "is" } else { "are" }
            ))),
        }
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &OneNetwork,
        _: &[Facts],
        Sight { network, containers }: Sight,
    ) -> Preview {
        let made = network.created.map_or_else(
            || "at an unknown time".to_owned(),
            |at| format!("{} ({})", when::second(at), when::ago(at, cx.clock.now())),
        );
        let mut notes = vec![
            (
                "do not start then",
                containers.map_or(UNCHECKED.to_owned(), |rows| stranded(&network, &rows)),
            ),
            ("created", made),
        ];
        if let Some(project) = network.labels.get(PROJECT) {
            notes.push(("compose project", text::name(project)));
        }
        notes.push(("lost for good", "its id, and the addresses and aliases on it".to_owned()));
        notes.push((
            "made again by",
            "create_network, and connect_network for each container".to_owned(),
        ));
        let facts = target::shown(&network, engine(plan));
        Preview {
            headline: format!("Remove the network {}.", text::name(&network.name)),
            facts,
            notes,
        }
    }

    async fn execute(
        act: &dyn Act,
        _: &OneNetwork,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        act.remove_network(&one(permit)?).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &OneNetwork,
        targets: &[Target],
        _: &Acted,
    ) -> Result<Report, Fault> {
        let id = full_id(targets.first())?;
        let gone = match cx.look.network(&id).await {
            Ok(_) => false,
            Err(fault) if fault.reason == Reason::NotFound => true,
            Err(fault) => return Err(fault),
        };
        let name = targets.first().map(|target| text::name(&target.name)).unwrap_or_default();
        let text = match gone {
            true => format!("Removed the network {name} (id {}).", id.short()),
            false => format!("The engine says that it removed {name}, but it is still there."),
        };
        let data = json!({"id": id, "name": name, "gone": gone});
        Ok(Report { text, data, record: json!({"gone": gone}) })
    }
}

/// The names of those on it that run.
fn running(network: &Network) -> Vec<String> {
    network.attached.iter().flatten().map(|at| text::name(&at.name)).collect()
}

fn named_on<'a>(
    network: &'a Network,
    rows: &'a [ContainerRow],
) -> impl Iterator<Item = &'a ContainerRow> {
    rows.iter().filter(|row| row.is_on(network))
}

fn stranded(network: &Network, rows: &[ContainerRow]) -> String {
    let names: Vec<String> = named_on(network, rows).map(|row| text::name(&row.name)).collect();
    if names.is_empty() { "nobody".to_owned() } else { listed(&names, LISTED_MAX) }
}
