//! Who uses a volume: an engine removes none that a container mounts, even a stopped one.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::core::ids::FullId;
use crate::core::plan::{Digest, canonical};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::plan::UNCHECKED;
use crate::ops::units::listed;
use crate::ports::engine::{ContainerFilter, ContainerRow, Volume};

/// Names in one line, at most.
const LISTED_MAX: usize = 5;

/// Containers in the data of one thing, at most.
const DATA_MAX: usize = 20;

/// How long a preview waits for the list of containers.
const LOOK: Duration = Duration::from_secs(5);

/// All containers, also those that do not run.
pub(in crate::ops) async fn all(cx: Context<'_>) -> Result<Vec<ContainerRow>, Fault> {
    let everything = ContainerFilter { all: true, ..ContainerFilter::default() };
    cx.look.containers(&everything).await
}

/// Those containers that mount a volume.
pub(in crate::ops) fn of<'a>(volume: &str, rows: &'a [ContainerRow]) -> Vec<&'a ContainerRow> {
    rows.iter().filter(|row| row.mounts_volume(volume)).collect()
}

/// Containers in words: their names, with the state of those that do not run.
pub(in crate::ops) fn named(rows: &[&ContainerRow]) -> String {
    let name = |row: &&ContainerRow| match row.state.as_str() {
        "running" => text::name(&row.name),
        state => format!("{} ({})", text::name(&row.name), text::name(state)),
    };
    listed(&rows.iter().map(name).collect::<Vec<_>>(), LISTED_MAX)
}

/// As [`named`], also for none.
pub(in crate::ops) fn named_or_nobody(rows: &[&ContainerRow]) -> String {
    if rows.is_empty() { "nobody".to_owned() } else { named(rows) }
}

/// All containers, if they can be told in time. What a grant is bound to must be known soon.
pub(in crate::ops) async fn in_time(cx: Context<'_>) -> Option<Vec<ContainerRow>> {
    timeout(LOOK, all(cx)).await.ok()?.ok()
}

/// Which containers these are, for a grant to be bound to: nothing but their ids, as the state of a
/// container changes by itself.
///
/// # Errors
/// None in fact: text always has an exact form.
pub(in crate::ops) fn bound<'a>(
    rows: impl IntoIterator<Item = &'a ContainerRow>,
) -> Result<Digest, Fault> {
    let mut ids: Vec<&FullId> = rows.into_iter().map(|row| &row.id).collect();
    ids.sort_unstable();
    Ok(Digest::of(&[&canonical(&ids)?]))
}

/// Who uses a volume, for a preview.
pub(in crate::ops) async fn told(cx: Context<'_>, volume: &Volume) -> String {
    let rows = in_time(cx).await;
    rows.map_or(UNCHECKED.to_owned(), |rows| named_or_nobody(&of(&volume.name, &rows)))
}

/// Containers as data: the first of them, as a list of things has many such lists. How many there
/// are stands beside it.
pub(in crate::ops) fn data(rows: &[&ContainerRow]) -> Value {
    let one = |row: &&ContainerRow| json!({"id": row.id, "name": text::name(&row.name), "state": text::name(&row.state)});
    rows.iter().take(DATA_MAX).map(one).collect()
}
