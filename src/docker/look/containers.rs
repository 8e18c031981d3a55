//! Asking about containers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use regex::escape;
use serde_json::json;

use super::path;
use crate::core::ids::{FullId, Reference};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::model::{Inspected, Row, answers};
use crate::docker::{DockerEngine, logs, map, odd};
use crate::ports::BoxFuture;
use crate::ports::engine::{
    Asked, CONTAINER, ChangeKind, Container, ContainerFilter, ContainerRow, FileChange, LogLine,
    LogQuery, LookContainers, LookLogs, Processes, Stats,
};

/// The states that engines filter by.
const STATES: [&str; 7] =
    ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

impl LookContainers for DockerEngine {
    fn containers<'a>(
        &'a self,
        filter: &'a ContainerFilter,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        Box::pin(async move {
            let mut filters = BTreeMap::new();
            if let Some(status) = &filter.status {
                if !STATES.contains(&status.as_str()) {
                    return Err(Fault::invalid(format!(
                        "`{}` is no state of a container. Use one of {}.",
                        text::name(status),
                        STATES.join(", ")
                    )));
                }
                filters.insert("status", status.clone());
            }
            if let Some(label) = &filter.label {
                filters.insert("label", label.clone());
            }
            if let Some(volume) = &filter.volume {
                filters.insert("volume", volume.clone());
            }
            if let Some(name) = &filter.name {
                filters.insert("name", escape(name));
            }
            let all = filter.all || filter.status.is_some();
            let mut rows = self.list(all, &filters).await?;
            if let Some(name) = &filter.name {
                // The engine also looks at the names that legacy links give.
                rows.retain(|row| row.name.contains(name.as_str()));
            }
            Ok(rows)
        })
    }

    fn candidates<'a>(
        &'a self,
        reference: &'a Reference,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        Box::pin(async move {
            let name = format!("^/?{}$", escape(reference.as_str()));
            let by_name = BTreeMap::from([("name", name)]);
            if !reference.may_be_id() {
                return self.list(true, &by_name).await;
            }
            let by_id = BTreeMap::from([("id", reference.as_str().to_owned())]);
            let (named, identified) =
                tokio::try_join!(self.list(true, &by_name), self.list(true, &by_id))?;
            let mut rows = named;
            for row in identified {
                if rows.iter().all(|known| known.id != row.id) {
                    rows.push(row);
                }
            }
            Ok(rows)
        })
    }

    fn container<'a>(&'a self, id: &'a FullId) -> BoxFuture<'a, Result<Container, Fault>> {
        Box::pin(async move {
            let found: Inspected =
                self.ask(CONTAINER.name, &format!("/containers/{id}/json")).await?;
            if found.id != id.as_str() {
                // A name can have the form of an id, and engines look for names as well.
                return Err(Fault::new(
                    Reason::NotFound,
                    format!(
                        "The container {id} is gone, and another one bears its id as a name. Ask \
                         for the list (with all=true) to see what there is."
                    ),
                ));
            }
            map::container(found)
        })
    }

    fn stats<'a>(&'a self, id: &'a FullId) -> Asked<'a, Stats> {
        Box::pin(self.measure(id))
    }

    fn processes<'a>(&'a self, id: &'a FullId) -> Asked<'a, Processes> {
        Box::pin(async move {
            let Top { titles, rows } =
                self.ask("process", &format!("/containers/{id}/top")).await?;
            // Podman runs the columns together, and tells ids of the container's own for the host's.
            if let [one] = titles.as_slice() {
                return Err(odd("process", format!("its only column is {one:?}")));
            }
            Ok(Processes { titles, rows })
        })
    }

    fn changes<'a>(&'a self, id: &'a FullId) -> Asked<'a, Vec<FileChange>> {
        Box::pin(async move {
            let found: Option<Vec<Changed>> =
                self.ask("change", &format!("/containers/{id}/changes")).await?;
            let kind = |number| match number {
                1 => ChangeKind::Added,
                2 => ChangeKind::Deleted,
                _ => ChangeKind::Changed,
            };
            let changes = found.unwrap_or_default().into_iter();
            Ok(changes.map(|c| FileChange { path: c.path, kind: kind(c.kind) }).collect())
        })
    }

    fn writable_bytes<'a>(&'a self, id: &'a FullId) -> Asked<'a, Option<u64>> {
        Box::pin(async move {
            let path = format!("/containers/{id}/json?size=true");
            let Sized { writable } = self.ask(CONTAINER.name, &path).await?;
            Ok(writable)
        })
    }
}

answers! {
    /// `GET /containers/{id}/top`.
    Top {
        titles: Vec<String> = "Titles",
        rows: Vec<Vec<String>> = "Processes",
    }

    /// A path in `GET /containers/{id}/changes`.
    Changed {
        path: String = "Path",
        kind: i64 = "Kind",
    }

    /// What an inspection adds when it is asked for sizes.
    Sized {
        writable: Option<u64> = "SizeRw",
    }
}

impl LookLogs for DockerEngine {
    fn logs<'a>(
        &'a self,
        id: &'a FullId,
        query: &'a LogQuery,
        each: &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send),
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(logs::stream(self, id, query, each))
    }
}

impl DockerEngine {
    /// Containers in the engine's order. Its `limit` is never sent: it would imply `all`.
    async fn list(
        &self,
        all: bool,
        filters: &BTreeMap<&str, String>,
    ) -> Result<Vec<ContainerRow>, Fault> {
        let mut parameters = Vec::new();
        if all {
            parameters.push(("all", "1".to_owned()));
        }
        if !filters.is_empty() {
            let lists: BTreeMap<&str, [&String; 1]> =
                filters.iter().map(|(key, value)| (*key, [value])).collect();
            parameters.push(("filters", json!(lists).to_string()));
        }
        let rows: Vec<Row> = self.ask("list", &path("/containers/json", &parameters)).await?;
        rows.into_iter().map(map::row).collect()
    }
}
