//! Asking the engine. Answers are decoded here and not by bollard, whose models refuse a whole
//! list for one state that they do not know, and leave out of an inspection what they do not know.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex::escape;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::image::{self, Wanted};
use super::model::{Image, Info, Inspected, Row, Version};
use super::wire::{Answer, Broken};
use super::{DockerEngine, fault, logs, map, odd};
use crate::core::ids::{FullId, Reference};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::ports::BoxFuture;
use crate::ports::engine::{
    CONTAINER, Container, ContainerFilter, ContainerRow, Engine, LogLine, LogQuery, Look,
};

/// The states that engines filter by.
const STATES: [&str; 7] =
    ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

impl Look for DockerEngine {
    fn engine_id(&self) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(async {
            let wire = self.wire()?;
            match wire.engine(wire.identity()) {
                Some(id) => Ok(id),
                None => Ok(self.info().await?.id),
            }
        })
    }

    fn engine(&self) -> BoxFuture<'_, Result<Engine, Fault>> {
        Box::pin(async {
            let (info, version) =
                tokio::try_join!(self.info(), self.ask::<Version>("engine", "/version"))?;
            map::engine(info, version.api, &self.wire()?.endpoint.address)
        })
    }

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

    fn logs<'a>(
        &'a self,
        id: &'a FullId,
        query: &'a LogQuery,
        each: &'a mut (dyn FnMut(LogLine<'_>) -> std::ops::ControlFlow<()> + Send),
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(logs::stream(self, id, query, each))
    }

    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let (name, digits) = match image::parse(reference) {
                None => return Ok(None),
                Some(Wanted::Id(id)) => return Ok(Some(id)),
                Some(Wanted::Name { name, digits }) => (name, digits),
            };
            // The beginning of an id is nothing that the engine filters by.
            let parameters = match digits {
                Some(_) => vec![],
                None => vec![("filters", json!({ "reference": [name] }).to_string())],
            };
            let images: Vec<Image> = self.ask("image", &path("/images/json", &parameters)).await?;
            Ok(image::pick(&name, digits.as_deref(), &images))
        })
    }
}

impl DockerEngine {
    /// What the engine says of itself now, from which its id is kept.
    async fn info(&self) -> Result<Info, Fault> {
        let wire = self.wire()?;
        let identity = wire.identity();
        let info: Info = self.ask("engine", "/info").await?;
        if info.id.is_empty() {
            return Err(odd("engine", "its id is empty"));
        }
        wire.learn(identity, &info.id);
        Ok(info)
    }

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

    /// Asks and decodes. `what` is what the answer is about, for the reader of a fault.
    async fn ask<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<T, Fault> {
        let answer = self.in_time(self.wire()?.get(path)).await?;
        decode(what, &answer)
    }

    /// Waits for an answer, no longer than a read may take.
    pub(super) async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, Broken>>,
    ) -> Result<T, Fault> {
        let endpoint = &self.wire()?.endpoint;
        match tokio::time::timeout(self.deadlines.read, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => Err(fault::unread(endpoint, broken)),
            Err(_) => Err(fault::late(endpoint, self.deadlines.read.as_secs())),
        }
    }
}

/// Decodes an answer.
pub(super) fn decode<T: DeserializeOwned>(what: &str, answer: &Answer) -> Result<T, Fault> {
    if answer.status != 200 {
        return Err(fault::refused(what, answer));
    }
    serde_json::from_slice(&answer.body).map_err(|error| odd(what, error.to_string()))
}

/// A path with its query. Values may be anything: whatever could end them is encoded.
pub(super) fn path(base: &str, parameters: &[(&str, String)]) -> String {
    let mut path = base.to_owned();
    for (at, (name, value)) in parameters.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                write!(path, "%{byte:02X}").unwrap_or_default();
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_a_query_parameter() {
        let filters = json!({ "name": ["a&all=1#/../x?%é \n\""] }).to_string();
        assert_eq!(
            path("/containers/json", &[("all", "1".into()), ("filters", filters)]),
            "/containers/json?all=1&filters=%7B%22name%22%3A%5B%22a%26all%3D1%23%2F..%2Fx%3F%25\
             %C3%A9%20%5Cn%5C%22%22%5D%7D"
        );
        assert_eq!(path("/info", &[]), "/info");
    }
}
