//! `list_networks`: which networks there are, and who is on them.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::containers::target::PROJECT;
use crate::ops::table::table;
use crate::ops::units::counted;
use crate::ops::users;
use crate::ports::engine::{ContainerRow, Network, NetworkFilter};

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest cell, in characters.
const CELL_CHARS_MAX: usize = 64;

/// The operation.
#[derive(Debug)]
pub struct ListNetworks;

/// It takes no arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The networks found.
#[derive(Debug)]
pub struct Listing {
    /// Oldest first.
    networks: Vec<Network>,
    containers: Vec<ContainerRow>,
    left_out: usize,
}

impl Listing {
    fn of(mut networks: Vec<Network>, containers: Vec<ContainerRow>) -> Self {
        networks.sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
        let left_out = networks.len().saturating_sub(ROWS_MAX);
        networks.drain(..left_out);
        Self { networks, containers, left_out }
    }

    fn users(&self, network: &Network) -> Vec<&ContainerRow> {
        self.containers.iter().filter(|row| row.is_on(network)).collect()
    }

    fn cells(&self, network: &Network) -> [String; 6] {
        let users = self.users(network);
        let project = network.labels.get(PROJECT).map(String::as_str).unwrap_or_default();
        let internal = if network.internal { ", internal" } else { "" };
        [
            network.id.get(..12).map_or_else(|| text::name(&network.id), str::to_owned),
            text::line(&network.name, CELL_CHARS_MAX),
            format!("{}{internal}", text::name(&network.driver)),
            text::line(&network.subnets.join(" "), CELL_CHARS_MAX),
            text::line(project, CELL_CHARS_MAX),
            users::named_or_nobody(&users),
        ]
    }
}

impl Render for Listing {
    fn text(&self) -> String {
        if self.networks.is_empty() {
            return "No networks.".to_owned();
        }
        let cells: Vec<[String; 6]> = self.networks.iter().map(|n| self.cells(n)).collect();
        let mut out = table(["ID", "NAME", "DRIVER", "SUBNET", "PROJECT", "CONTAINERS"], &cells);
        if self.left_out > 0 {
            out.push_str(&format!(
                "… {} more; inspect_network shows any by its name",
                counted(self.left_out, "older network")
            ));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let one = |network: &Network| {
            json!({
                "id": text::name(&network.id),
                "name": text::name(&network.name),
                "driver": text::name(&network.driver),
                "scope": text::name(&network.scope),
                "internal": network.internal,
                "subnets": network.subnets.iter().map(|s| text::name(s)).collect::<Vec<_>>(),
                "created": network.created.map(time::OffsetDateTime::unix_timestamp),
                "project": network.labels.get(PROJECT).map(|project| text::name(project)),
                "containers": users::data(&self.users(network)),
                "containerCount": self.users(network).len(),
            })
        };
        let rows: Vec<Value> = self.networks.iter().map(one).collect();
        json!({"networks": rows, "leftOut": self.left_out})
    }

    fn record(&self) -> Value {
        json!({"rows": self.networks.len(), "leftOut": self.left_out})
    }
}

impl Read for ListNetworks {
    type Params = Params;
    type Output = Listing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_networks",
            "List networks",
            "Lists networks with driver, subnet, Compose project and the containers on them, also \
             stopped ones, the newest last.",
            "networks",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, _: &Params, _: &[Target]) -> Result<Listing, Fault> {
        let everything = NetworkFilter::default();
        let (networks, containers) =
            try_join(cx.look.networks(&everything), users::all(cx)).await?;
        Ok(Listing::of(networks, containers))
    }
}
