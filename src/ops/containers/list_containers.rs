//! `list_containers`: which containers there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::notes::ports;
use super::target::{PROJECT, SERVICE};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ports::engine::{ContainerFilter, ContainerRow};

/// The longest name or image in the table, in characters.
const CELL_CHARS_MAX: usize = 64;

/// The operation.
#[derive(Debug)]
pub struct ListContainers;

/// Which containers.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Also those that do not run.
    #[serde(default)]
    all: bool,
    /// Only those whose name holds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// Only those with this label: `key` or `key=value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    label: Option<String>,
    /// Only those in this state; no need for `all` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Status")]
    status: Option<Status>,
    /// Rows, at most; the newest are kept.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
}

const fn limit() -> u32 {
    100
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Created,
    Restarting,
    Running,
    Removing,
    Paused,
    Exited,
    Dead,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Restarting => "restarting",
            Self::Running => "running",
            Self::Removing => "removing",
            Self::Paused => "paused",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

/// The containers found.
#[derive(Debug)]
pub struct Listing {
    /// Oldest first.
    rows: Vec<ContainerRow>,
    left_out: usize,
    /// Whether only some were asked for.
    filtered: bool,
    /// Those that fit and do not run, where only running ones were asked for.
    hidden: usize,
    /// Whether stopped ones were asked for too.
    all: bool,
}

impl Listing {
    fn empty(&self) -> String {
        let hint = if self.all { "" } else { " Add all=true to see those that do not run." };
        match (self.filtered, self.all) {
            (true, _) => format!("No containers fit.{hint}"),
            (false, true) => "No containers.".to_owned(),
            (false, false) => format!("No containers are running.{hint}"),
        }
    }
}

impl Render for Listing {
    fn text(&self) -> String {
        if self.rows.is_empty() {
            return self.empty();
        }
        let cells = |row: &ContainerRow| {
            let status = if row.status.is_empty() { &row.state } else { &row.status };
            [
                row.id.short().to_owned(),
                text::line(&row.name, CELL_CHARS_MAX),
                text::line(&row.image, CELL_CHARS_MAX),
                text::line(status, CELL_CHARS_MAX),
                ports(row.ports.iter()),
            ]
        };
        let cells: Vec<[String; 5]> = self.rows.iter().map(cells).collect();
        let mut out = table(["ID", "NAME", "IMAGE", "STATUS", "PORTS"], &cells);
        if self.left_out > 0 {
            out.push_str(&format!("… {} more; add name= or label=\n", self.left_out));
        }
        if self.hidden > 0 {
            out.push_str(&format!("… {} not running; add all=true", self.hidden));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let label = |row: &ContainerRow, key| row.labels.get(key).map(|value| text::name(value));
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "id": row.id,
                    "name": text::name(&row.name),
                    "image": text::name(&row.image),
                    "state": text::name(&row.state),
                    "status": text::name(&row.status),
                    "created": row.created.unix_timestamp(),
                    "ports": ports(row.ports.iter()),
                    "project": label(row, PROJECT),
                    "service": label(row, SERVICE),
                })
            })
            .collect();
        json!({"containers": rows, "leftOut": self.left_out, "hidden": self.hidden})
    }

    fn record(&self) -> Value {
        json!({"rows": self.rows.len(), "leftOut": self.left_out})
    }
}

impl Read for ListContainers {
    type Params = Params;
    type Output = Listing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_containers",
            "List containers",
            "Lists containers with id, name, image, state and ports, the newest last. \
             Only running ones unless all=true.",
            "containers",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Listing, Fault> {
        let Params { all, name, label, status, limit } = params;
        let all = *all || status.is_some();
        // All are asked for, so that those that are not shown can be counted.
        let filter = ContainerFilter {
            all: true,
            name: name.clone(),
            label: label.clone(),
            status: status.map(|status| status.as_str().to_owned()),
            volume: None,
        };
        let mut rows = cx.look.containers(&filter).await?;
        let found = rows.len();
        rows.retain(|row| all || ["running", "paused", "restarting"].contains(&&*row.state));
        let hidden = found - rows.len();
        let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
        let left_out = rows.len().saturating_sub(limit);
        rows.truncate(limit);
        rows.reverse();
        let filtered = name.is_some() || label.is_some() || status.is_some();
        Ok(Listing { rows, left_out, filtered, hidden, all })
    }
}
