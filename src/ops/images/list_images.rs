//! `list_images`: which images there are, and who uses them.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ops::users;
use crate::ops::{units, when};
use crate::ports::engine::{ContainerRow, ImageFilter, ImageRow};

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest cell, in characters.
const CELL_CHARS_MAX: usize = 80;

/// Names of one image in the data, at most.
const NAMES_MAX: usize = 20;

/// The operation.
#[derive(Debug)]
pub struct ListImages;

/// Which images.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Also those that are only layers of others.
    #[serde(default)]
    all: bool,
    /// Only those with a name that holds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// Only those without a tag (true), or only those with one (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dangling: Option<bool>,
}

/// The images found.
#[derive(Debug)]
pub struct Listing {
    /// Oldest first.
    images: Vec<ImageRow>,
    containers: Vec<ContainerRow>,
    left_out: usize,
    filtered: bool,
    now: OffsetDateTime,
}

/// The names of an image: its tags, else the names under which registries know it.
fn names(row: &ImageRow) -> &[String] {
    if row.tags.is_empty() { &row.digests } else { &row.tags }
}

impl Listing {
    fn cells(&self, row: &ImageRow) -> [String; 5] {
        let names: Vec<String> =
            names(row).iter().map(|name| text::line(name, CELL_CHARS_MAX)).collect();
        let users = users::of_image(&row.id, &self.containers);
        [
            row.id.short().to_owned(),
            if names.is_empty() { "(no name)".to_owned() } else { units::listed(&names, 3) },
            units::bytes(row.size),
            when::ago(row.created, self.now),
            users::named_or_nobody(&users),
        ]
    }
}

impl Render for Listing {
    fn text(&self) -> String {
        if self.images.is_empty() {
            return if self.filtered { "No images fit." } else { "No images." }.to_owned();
        }
        let cells: Vec<[String; 5]> = self.images.iter().map(|row| self.cells(row)).collect();
        let mut out = table(["ID", "NAMES", "SIZE", "CREATED", "USED BY"], &cells);
        if self.left_out > 0 {
            out.push_str(&format!("… {} more; add name= or dangling=", self.left_out));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let clean = |names: &[String]| -> Vec<String> {
            names.iter().take(NAMES_MAX).map(|name| text::name(name)).collect()
        };
        let one = |row: &ImageRow| {
            json!({
                "id": row.id,
                "tags": clean(&row.tags),
                "digests": clean(&row.digests),
                "size": row.size,
                "created": row.created.unix_timestamp(),
                "users": users::data(&users::of_image(&row.id, &self.containers)),
                "userCount": users::of_image(&row.id, &self.containers).len(),
            })
        };
        let rows: Vec<Value> = self.images.iter().map(one).collect();
        json!({"images": rows, "leftOut": self.left_out})
    }

    fn record(&self) -> Value {
        json!({"rows": self.images.len(), "leftOut": self.left_out})
    }
}

impl Read for ListImages {
    type Params = Params;
    type Output = Listing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_images",
            "List images",
            "Lists images with id, names, size, age and the containers that use them, the newest \
             last. Images share layers, so sizes do not add up.",
            "images",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Listing, Fault> {
        let Params { all, name, dangling } = params;
        let filter = ImageFilter { all: *all, dangling: *dangling, label: None };
        let (mut images, containers) = try_join(cx.look.images(&filter), users::all(cx)).await?;
        if let Some(part) = name {
            images.retain(|row| names(row).iter().any(|name| name.contains(part.as_str())));
        }
        images.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        let left_out = images.len().saturating_sub(ROWS_MAX);
        images.drain(..left_out);
        let filtered = name.is_some() || dangling.is_some();
        Ok(Listing { images, containers, left_out, filtered, now: cx.clock.now() })
    }
}
