//! Who uses a thing: an engine removes no volume that a container mounts, even an ended one, and no
//! image that a running one was made from.

use serde_json::{Value, json};

use super::beside::{self, UNCHECKED};
use super::units::listed;
use crate::core::ids::FullId;
use crate::core::plan::{Digest, canonical};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{ContainerFilter, ContainerRow, ImageId, Volume};

/// Names in one line, at most.
const LISTED_MAX: usize = 5;

/// Containers in the data of one thing, at most.
const DATA_MAX: usize = 20;

/// All containers, also those that do not run.
pub(super) async fn all(cx: Context<'_>) -> Result<Vec<ContainerRow>, Fault> {
    let everything = ContainerFilter { all: true, ..ContainerFilter::default() };
    cx.look.containers(&everything).await
}

/// Those containers that mount a volume.
pub(super) fn of_volume<'a>(volume: &str, rows: &'a [ContainerRow]) -> Vec<&'a ContainerRow> {
    rows.iter().filter(|row| row.mounts_volume(volume)).collect()
}

/// Those containers that were made from an image.
pub(super) fn of_image<'a>(image: &ImageId, rows: &'a [ContainerRow]) -> Vec<&'a ContainerRow> {
    rows.iter().filter(|row| row.image_id == image.as_str()).collect()
}

/// Containers in words: their names, with the state of those that do not run.
pub(super) fn named(rows: &[&ContainerRow]) -> String {
    let name = |row: &&ContainerRow| match row.state.as_str() {
        "running" => text::name(&row.name),
        state => format!("{} ({})", text::name(&row.name), text::name(state)),
    };
    listed(&rows.iter().map(name).collect::<Vec<_>>(), LISTED_MAX)
}

/// As [`named`], also for none.
pub(super) fn named_or_nobody(rows: &[&ContainerRow]) -> String {
    if rows.is_empty() { "nobody".to_owned() } else { named(rows) }
}

/// All containers, if they can be told in time. What a grant is bound to must be known soon.
pub(super) async fn in_time(cx: Context<'_>) -> Option<Vec<ContainerRow>> {
    beside::in_time(all(cx)).await
}

/// Which containers these are, for a grant to be bound to: nothing but their ids, as the state of a
/// container changes by itself.
///
/// # Errors
/// None in fact: text always has an exact form.
pub(super) fn bound<'a>(rows: impl IntoIterator<Item = &'a ContainerRow>) -> Result<Digest, Fault> {
    let mut ids: Vec<&FullId> = rows.into_iter().map(|row| &row.id).collect();
    ids.sort_unstable();
    Ok(Digest::of(&[&canonical(&ids)?]))
}

/// Who uses a volume, for a preview.
pub(super) async fn told(cx: Context<'_>, volume: &Volume) -> String {
    let rows = in_time(cx).await;
    rows.map_or(UNCHECKED.to_owned(), |rows| named_or_nobody(&of_volume(&volume.name, &rows)))
}

/// Containers as data: the first of them, as a list of things has many such lists. How many there
/// are stands beside it.
pub(super) fn data(rows: &[&ContainerRow]) -> Value {
    let one = |row: &&ContainerRow| json!({"id": row.id, "name": text::name(&row.name), "state": text::name(&row.state)});
    rows.iter().take(DATA_MAX).map(one).collect()
}
