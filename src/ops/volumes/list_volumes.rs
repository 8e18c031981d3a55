//! `list_volumes`: which volumes there are, and who uses them.

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
use crate::ports::engine::{ContainerRow, Volume, VolumeFilter};

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest cell, in characters; a name of a volume nobody named has 64.
const CELL_CHARS_MAX: usize = 80;

/// The operation.
#[derive(Debug)]
pub struct ListVolumes;

/// It takes no arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The volumes found.
#[derive(Debug)]
pub struct Listing {
    /// Those that nobody named first, and so the first to be left out.
    volumes: Vec<Volume>,
    containers: Vec<ContainerRow>,
    left_out: usize,
}

impl Listing {
    fn of(mut volumes: Vec<Volume>, containers: Vec<ContainerRow>) -> Self {
        volumes.sort_by(|one, other| {
            let key = |volume: &Volume| (!volume.is_anonymous(), volume.created_at.clone());
            key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
        });
        let left_out = volumes.len().saturating_sub(ROWS_MAX);
        volumes.drain(..left_out);
        Self { volumes, containers, left_out }
    }

    fn cells(&self, volume: &Volume) -> [String; 4] {
        let driver = text::name(&volume.driver);
        let users = users::of_volume(&volume.name, &self.containers);
        let project = volume.labels.get(PROJECT).map(String::as_str).unwrap_or_default();
        let kind = match volume.host_path() {
            Some(path) => format!("{driver}: HOST {}", text::line(&path, CELL_CHARS_MAX)),
            None if volume.is_anonymous() => format!("{driver}, anonymous"),
            None => driver,
        };
        [
            text::line(&volume.name, CELL_CHARS_MAX),
            kind,
            text::line(project, CELL_CHARS_MAX),
            users::named_or_nobody(&users),
        ]
    }
}

impl Render for Listing {
    fn text(&self) -> String {
        if self.volumes.is_empty() {
            return "No volumes.".to_owned();
        }
        let cells: Vec<[String; 4]> = self.volumes.iter().map(|v| self.cells(v)).collect();
        let mut out = table(["NAME", "DRIVER", "PROJECT", "USED BY"], &cells);
        if self.left_out > 0 {
            out.push_str(&format!(
                "… {} more; inspect_volume shows any by its name",
                counted(self.left_out, "volume")
            ));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let one = |volume: &Volume| {
            json!({
                "name": text::name(&volume.name),
                "driver": text::name(&volume.driver),
                "createdAt": text::line(&volume.created_at, 64),
                "anonymous": volume.is_anonymous(),
                "hostPath": volume.host_path().map(|path| text::name(&path)),
                "project": volume.labels.get(PROJECT).map(|project| text::name(project)),
                "users": users::data(&users::of_volume(&volume.name, &self.containers)),
                "userCount": users::of_volume(&volume.name, &self.containers).len(),
            })
        };
        let rows: Vec<Value> = self.volumes.iter().map(one).collect();
        json!({"volumes": rows, "leftOut": self.left_out})
    }

    fn record(&self) -> Value {
        json!({"rows": self.volumes.len(), "leftOut": self.left_out})
    }
}

impl Read for ListVolumes {
    type Params = Params;
    type Output = Listing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_volumes",
            "List volumes",
            "Lists volumes with driver, Compose project and the containers that use them, also \
             stopped ones. HOST marks a volume that is a path of the host in disguise.",
            "volumes",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, _: &Params, _: &[Target]) -> Result<Listing, Fault> {
        let everything = VolumeFilter::default();
        let (volumes, containers) = try_join(cx.look.volumes(&everything), users::all(cx)).await?;
        Ok(Listing::of(volumes, containers))
    }
}
