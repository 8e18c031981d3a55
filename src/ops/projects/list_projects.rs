//! `list_projects`: which Compose projects there are.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::find;
use super::place::Place;
use super::status::{Files, States};
use super::things;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::beside::in_time;
use crate::ops::containers::target::PROJECT;
use crate::ops::labels::is_of_swarm;
use crate::ops::table::table;
use crate::ops::units::listed;

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest text in a cell, in characters.
const CELL_CHARS_MAX: usize = 64;

/// Services in a cell, at most.
const SERVICES_MAX: usize = 6;

/// The operation.
#[derive(Debug)]
pub struct ListProjects;

/// No arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// A project, as the labels of its containers tell. One without any has networks or volumes left.
#[derive(Debug, Default)]
struct Project {
    states: States,
    services: BTreeSet<String>,
    files: Files,
}

impl Project {
    fn status(&self) -> String {
        match self.states == States::default() {
            true => "no containers".to_owned(),
            false => self.states.to_string(),
        }
    }
}

/// The projects found, by name.
#[derive(Debug)]
pub struct Listing {
    projects: BTreeMap<String, Project>,
    /// Whether it was found out what is left of projects without containers.
    checked: bool,
}

impl Render for Listing {
    fn text(&self) -> String {
        let unchecked = match self.checked {
            true => "",
            false => "What is left of projects without containers could not be checked.",
        };
        if self.projects.is_empty() {
            return format!("No Compose projects. {unchecked}").trim_end().to_owned();
        }
        let cells = |(name, project): (&String, &Project)| {
            let services: Vec<String> = project.services.iter().map(|s| text::name(s)).collect();
            [
                text::line(name, CELL_CHARS_MAX),
                project.status(),
                listed(&services, SERVICES_MAX),
                text::line(&project.files.folder, CELL_CHARS_MAX),
                text::line(&project.files.names(), CELL_CHARS_MAX),
            ]
        };
        let rows: Vec<[String; 5]> = self.projects.iter().take(ROWS_MAX).map(cells).collect();
        let mut out = table(["PROJECT", "STATUS", "SERVICES", "FOLDER", "FILES"], &rows);
        if self.projects.len() > ROWS_MAX {
            let more = self.projects.len() - ROWS_MAX;
            out.push_str(&format!("… {more} more; get_project shows one by its name"));
        }
        out.truncate(out.trim_end().len());
        if !self.checked {
            out.push_str(&format!("\n{unchecked}"));
        }
        out
    }

    fn data(&self) -> Value {
        let project = |(name, project): (&String, &Project)| {
            let services: Vec<String> = project.services.iter().map(|s| text::name(s)).collect();
            json!({
                "name": text::name(name),
                "status": project.status(),
                "services": services,
                "workingDir": text::name(&project.files.folder),
                "configFiles": text::line(&project.files.given, 1000),
            })
        };
        let shown: Vec<Value> = self.projects.iter().take(ROWS_MAX).map(project).collect();
        let left_out = self.projects.len().saturating_sub(ROWS_MAX);
        json!({"projects": shown, "leftOut": left_out, "restsChecked": self.checked})
    }

    fn record(&self) -> Value {
        json!({"rows": self.projects.len().min(ROWS_MAX)})
    }
}

impl Read for ListProjects {
    type Params = Params;
    type Output = Listing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_projects",
            "List Compose projects",
            "Lists Compose projects with their containers' states, services, folder and files. \
             Stacks of a swarm are none.",
            "projects",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, _: &Params, _: &[Target]) -> Result<Listing, Fault> {
        let mut projects: BTreeMap<String, Project> = BTreeMap::new();
        let (rows, owners) = join(find::labelled(cx, PROJECT), in_time(things::owners(cx))).await;
        for row in rows? {
            let Some(name) = row.labels.get(PROJECT).filter(|_| !is_of_swarm(&row.labels)) else {
                continue;
            };
            let place = Place::of(&row.labels, &row.name);
            let project = projects.entry(name.clone()).or_default();
            project.files.learn(&row.labels);
            project.states.count(&row.state, place.one_off);
            if !place.one_off {
                project.services.insert(place.service);
            }
        }
        let checked = owners.is_some();
        for name in owners.into_iter().flatten() {
            projects.entry(name).or_default();
        }
        Ok(Listing { projects, checked })
    }
}
