//! `rename_container`: gives a container another name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lifecycle::{self, Beside, Facts, Notes};
use super::limits::NewName;
use super::notes::{self, LISTED_MAX, Rows};
use super::outcome::{Expect, Told};
use super::target::{self, PROJECT, SERVICE};
use super::verb::{Names, Verb};
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::UNCHECKED;
use crate::ops::units::listed;
use crate::ports::engine::{Act, Acted, Asked, Container};

/// The operation.
#[derive(Debug)]
pub struct RenameContainer;

/// Which container, and its new name.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
    /// The new name: letters, digits, `_`, `.` and `-`; not one that looks like an id.
    #[schemars(with = "String", length(min = 2, max = 128))]
    new_name: NewName,
}

impl Names for Params {
    fn container(&self) -> &str {
        &self.container
    }
}

impl Verb for RenameContainer {
    type Params = Params;

    const BESIDE: Beside = Beside { others: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::admin_spec(
            "rename_container",
            "Rename a container",
            "Gives a container another name. Whoever uses the old one, such as scripts or other \
             containers by DNS, no longer finds it.",
        );
        Spec { idempotent: false, ..spec }
    }

    async fn possible(
        cx: Context<'_>,
        Params { new_name, .. }: &Params,
        now: &Container,
        _: &str,
    ) -> Result<(), Fault> {
        if now.name == new_name.as_str() {
            return Err(Fault::invalid(format!(
                "{} is called so already, so there is nothing to rename.",
                text::name(&now.name)
            )));
        }
        target::is_free(cx, new_name).await
    }

    fn headline(Params { new_name, .. }: &Params, notes: &Notes) -> String {
        let (name, new) = (text::name(&notes.container.name), text::name(new_name.as_str()));
        format!("Rename {name} to {new}.")
    }

    fn notes(Params { new_name, .. }: &Params, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        let hidden = notes.others.as_ref().map(|others| others.begun_by(new_name.as_str()));
        if let Some(hidden) = hidden.filter(|hidden| !hidden.is_empty()) {
            let names = listed(&hidden, LISTED_MAX);
            let then = "who means it by that gets this container, or is told that it is ambiguous";
            rows.push(("begins the id of", format!("{names}: {then}")));
        }
        rows.push(("old name", "free for others; scripts, alerts and monitoring lose it".into()));
        let label = |key| container.labels.get(key).map(|value| text::name(value));
        if let (Some(project), Some(service)) = (label(PROJECT), label(SERVICE)) {
            let finds = "Compose finds it by its labels, and others by the service's name";
            rows.push(("compose", format!("service {service} of project {project}: {finds}")));
        }
        rows.push(("kept", "everything; it is not stopped".into()));
        rows.push(("undo", "rename it back, while the old name is free".into()));
        let Some(peers) = notes.peers() else {
            rows.push(("others affected", UNCHECKED.into()));
            return rows;
        };
        for (label, names, what) in [
            ("linked to it", &peers.links, "they keep their alias"),
            ("on its networks", &peers.neighbours, "they no longer resolve the old name"),
        ] {
            if !names.is_empty() {
                rows.push((label, format!("{}: {what}", listed(names, LISTED_MAX))));
            }
        }
        let dependents = [peers.dependents.clone(), peers.dependents_to_restart.clone()].concat();
        notes::some(&mut rows, "depend on it", listed(&dependents, LISTED_MAX));
        notes::some(&mut rows, "use its mounts", listed(&peers.mounts, LISTED_MAX));
        notes::unchecked(&mut rows, &peers);
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Params,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.rename(target, params.new_name.as_str())
    }

    fn told(Params { new_name, .. }: &Params, name: &str) -> Told {
        Told {
            changed: format!("Renamed {name} to {}.", text::name(new_name.as_str())),
            already: format!("Nothing was done to {name}."),
            expect: Expect::Called(new_name.as_str().to_owned()),
            shown: |container| {
                let name = text::name(&container.name);
                vec![("name", json!(name), format!("called {name}"))]
            },
        }
    }
}
