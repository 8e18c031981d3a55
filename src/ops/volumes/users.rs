//! Who uses a volume: an engine removes none that a container mounts, even a stopped one.

use serde_json::{Value, json};

use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::units::listed;
use crate::ports::engine::{ContainerFilter, ContainerRow};

/// Names in one line, at most.
const LISTED_MAX: usize = 5;

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

/// Containers as data.
pub(in crate::ops) fn data(rows: &[&ContainerRow]) -> Value {
    let one = |row: &&ContainerRow| json!({"id": row.id, "name": text::name(&row.name), "state": text::name(&row.state)});
    rows.iter().map(one).collect()
}
