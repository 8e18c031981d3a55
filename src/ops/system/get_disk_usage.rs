//! `get_disk_usage`: what is on the engine's disk, and what of it nothing uses.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::ids::short;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ops::units::{bytes, grouped};
use crate::ports::engine::{DiskUsage, Share, Stored};

/// The largest of each sort that are shown.
const LARGEST_MAX: usize = 5;

/// The longest name in the table, in characters.
const CELL_CHARS_MAX: usize = 64;

/// The operation.
#[derive(Debug)]
pub struct GetDiskUsage;

/// It takes no arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// What was found.
#[derive(Debug)]
pub struct Found(DiskUsage);

impl Found {
    fn shares(&self) -> [(&'static str, &Share); 4] {
        let DiskUsage { images, containers, volumes, build_cache } = &self.0;
        [
            ("images", images),
            ("containers", containers),
            ("volumes", volumes),
            ("build cache", build_cache),
        ]
    }

    /// The sum over all sorts.
    fn sum(&self, of: impl Fn(&Share) -> u64) -> u64 {
        self.shares().into_iter().fold(0, |sum, (_, share)| sum.saturating_add(of(share)))
    }
}

/// The largest, the largest first.
fn largest(share: &Share) -> Vec<&Stored> {
    let mut items: Vec<&Stored> =
        share.items.iter().filter(|item| item.bytes.is_some_and(|bytes| bytes > 0)).collect();
    items.sort_by_key(|item| (Reverse(item.bytes), &item.id));
    items.truncate(LARGEST_MAX);
    items
}

impl Render for Found {
    fn text(&self) -> String {
        let row = |name: &str, share: &Share| {
            [
                name.to_owned(),
                grouped(share.count),
                grouped(share.active),
                bytes(share.bytes),
                bytes(share.reclaimable_bytes),
            ]
        };
        let mut rows: Vec<[String; 5]> =
            self.shares().iter().map(|(name, share)| row(name, share)).collect();
        rows.push([
            "together".into(),
            String::new(),
            String::new(),
            bytes(self.sum(|share| share.bytes)),
            bytes(self.sum(|share| share.reclaimable_bytes)),
        ]);
        let mut out = table(["WHAT", "COUNT", "IN USE", "SIZE", "RECLAIMABLE"], &rows);
        let mut items = Vec::new();
        let mut left_out = 0;
        for (what, share) in self.shares() {
            let shown = largest(share);
            left_out += share.items.len() - shown.len();
            items.extend(shown.into_iter().map(|item| {
                [
                    what.to_owned(),
                    text::line(short(&item.id), CELL_CHARS_MAX),
                    if item.name == item.id {
                        String::new()
                    } else {
                        text::line(&item.name, CELL_CHARS_MAX)
                    },
                    item.bytes.map(bytes).unwrap_or_default(),
                    if item.active { "yes" } else { "no" }.to_owned(),
                ]
            }));
        }
        if !items.is_empty() {
            out.push('\n');
            out.push_str(&table(["LARGEST", "ID", "NAME", "SIZE", "IN USE"], &items));
        }
        if left_out > 0 {
            out.push_str(&format!(
                "… {left_out} more are smaller, empty or of unknown size; the lists of their kinds \
                 name them"
            ));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let item = |item: &Stored| {
            json!({
                "id": text::name(&item.id), "name": text::name(&item.name), "bytes": item.bytes,
                "ownBytes": item.own_bytes, "inUse": item.active, "users": item.users,
            })
        };
        let share = |share: &Share| {
            let largest: Vec<Value> = largest(share).into_iter().map(item).collect();
            json!({
                "count": share.count, "inUse": share.active, "bytes": share.bytes,
                "reclaimableBytes": share.reclaimable_bytes, "largest": largest,
            })
        };
        let DiskUsage { images, containers, volumes, build_cache } = &self.0;
        json!({
            "images": share(images), "containers": share(containers),
            "volumes": share(volumes), "buildCache": share(build_cache),
        })
    }

    fn record(&self) -> Value {
        json!({
            "bytes": self.sum(|share| share.bytes),
            "reclaimableBytes": self.sum(|share| share.reclaimable_bytes),
        })
    }
}

impl Read for GetDiskUsage {
    type Params = Params;
    type Output = Found;

    fn spec() -> Spec {
        let spec = Spec::read(
            "get_disk_usage",
            "Get disk usage",
            "Says what images, containers, volumes and the build cache take on the engine's disk, \
             how much of it nothing uses, and which are the largest. Slow on a big host.",
            "system",
        );
        Spec { since_api: Some("1.25"), ..spec }
    }

    async fn read(cx: Context<'_>, _: &Params, _: &[Target]) -> Result<Found, Fault> {
        cx.look.disk_usage().await.map(Found)
    }
}
