//! `remove_network`: removes a network.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::inspect_network::OneNetwork;
use super::target::{self, Facts, full_id};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::containers::target::PROJECT;
use crate::ops::plan::{UNCHECKED, engine, one};
use crate::ops::report::Report;
use crate::ops::units::listed;
use crate::ops::volumes::users;
use crate::ops::when;
use crate::ports::engine::{Act, Acted, ContainerRow, NETWORK, Network};

/// How long a preview waits for the list of containers.
const LOOK: Duration = Duration::from_secs(5);

/// Names in one line, at most.
const LISTED_MAX: usize = 8;

/// The operation.
#[derive(Debug)]
pub struct RemoveNetwork;

impl Change for RemoveNetwork {
    type Params = OneNetwork;
    type Facts = Facts;
    type Sight = Network;
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
    ) -> Result<Seen<Facts, Network>, Fault> {
        let network = cx.look.network(&full_id(targets.first())?).await?;
        if network.is_predefined() {
            return Err(Fault::invalid(format!(
                "The network {} is the engine's own and cannot be removed.",
                text::name(&network.name)
            )));
        }
        let facts = vec![Facts::of(&network)?];
        Ok(Seen { class: Class::Destroy, facts, sight: network })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &OneNetwork,
        _: &[Facts],
        network: Network,
    ) -> Preview {
        let rows = timeout(LOOK, users::all(cx)).await.ok().and_then(Result::ok);
        let made = network.created.map_or_else(
            || "at an unknown time".to_owned(),
            |at| format!("{} ({})", when::second(at), when::ago(at, cx.clock.now())),
        );
        let mut notes = vec![
            ("on it now", named(&running(&network), "nobody that runs")),
            (
                "do not start then",
                rows.map_or(UNCHECKED.to_owned(), |rows| stranded(&network, &rows)),
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
        Preview { headline: headline(&network), facts, notes }
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

fn named(names: &[String], nobody: &str) -> String {
    if names.is_empty() { nobody.to_owned() } else { listed(names, LISTED_MAX) }
}

fn stranded(network: &Network, rows: &[ContainerRow]) -> String {
    let attached =
        |row: &&ContainerRow| network.attached.iter().flatten().any(|at| at.id == row.id.as_str());
    let left = rows.iter().filter(|row| row.is_on(network) && !attached(row));
    let names: Vec<String> = left.map(|row| text::name(&row.name)).collect();
    named(&names, "nobody that is stopped")
}

fn headline(network: &Network) -> String {
    let name = text::name(&network.name);
    match running(network).as_slice() {
        [] => format!("Remove the network {name}."),
        on_it => format!(
            "The engine will refuse to remove the network {name} while {} on it. Disconnect them \
             first, if that is meant.",
            match on_it {
                [one] => format!("{one} is"),
                many => format!("{} containers are", many.len()),
            }
        ),
    }
}
