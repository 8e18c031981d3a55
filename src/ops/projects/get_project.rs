//! `get_project`: the containers of one Compose project, in the order in which they need each other.

use serde_json::{Value, json};

use super::find::{self, OneProject};
use super::place::{Place, order};
use super::status::{self, Files, States};
use super::things::Rest;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::containers::notes::ports;
use crate::ops::table::table;
use crate::ops::units::listed;
use crate::ports::engine::ContainerRow;

/// Rows, at most.
const ROWS_MAX: usize = 100;

/// The longest text in a cell, in characters.
const CELL_CHARS_MAX: usize = 48;

/// Services in a cell, at most.
const NEEDS_MAX: usize = 6;

/// The operation.
#[derive(Debug)]
pub struct GetProject;

/// A project.
#[derive(Debug)]
pub struct Project {
    name: String,
    states: States,
    files: Files,
    /// In the order in which they need each other.
    containers: Vec<(Place, ContainerRow)>,
    /// Where it was made from, if not from one folder alone.
    several: Option<String>,
    /// Where that order is not wholly that of the labels.
    order: Vec<String>,
    /// What there is of one without containers.
    rest: Rest,
}

impl Project {
    fn files(&self) -> String {
        let Files { folder, given } = &self.files;
        match (folder.is_empty() && given.is_empty(), folder.is_empty()) {
            (true, _) => String::new(),
            (_, true) => format!("Files: {}\n", text::line(given, 200)),
            _ => format!(
                "Files: {} in {}, on the machine that ran Compose\n",
                text::line(&self.files.names(), 200),
                text::name(folder)
            ),
        }
    }

    /// A container's name, with its folder if that is not the same for all.
    fn container(&self, row: &ContainerRow) -> String {
        let name = text::line(&row.name, CELL_CHARS_MAX);
        let folder = status::folder(&row.labels).filter(|_| self.several.is_some());
        match folder {
            Some(folder) => format!("{name} (from {})", text::line(folder, CELL_CHARS_MAX)),
            None => name,
        }
    }

    fn left_out(&self) -> usize {
        self.containers.len().saturating_sub(ROWS_MAX)
    }
}

fn service(place: &Place) -> String {
    let service = text::line(&place.service, CELL_CHARS_MAX);
    if place.one_off { format!("{service} (one-off)") } else { service }
}

fn needs(place: &Place) -> Vec<String> {
    place.needs.iter().map(|need| text::line(need, CELL_CHARS_MAX)).collect()
}

/// `healthy` and so on, out of `Up 2 hours (healthy)`.
fn health(row: &ContainerRow) -> Option<&str> {
    let (_, tail) = row.status.rsplit_once('(')?;
    let word = tail.strip_suffix(')')?;
    let word = word.strip_prefix("health: ").unwrap_or(word);
    ["healthy", "unhealthy", "starting"].contains(&word).then_some(word)
}

impl Render for Project {
    fn text(&self) -> String {
        if self.containers.is_empty() {
            return format!("Project {}: {}", self.name, self.rest.text());
        }
        let cells = |(place, row): &(Place, ContainerRow)| {
            let status = if row.status.is_empty() { &row.state } else { &row.status };
            [
                service(place),
                self.container(row),
                row.id.short().to_owned(),
                text::line(status, CELL_CHARS_MAX),
                ports(row.ports.iter()),
                text::line(&row.image, CELL_CHARS_MAX),
                listed(&needs(place), NEEDS_MAX),
            ]
        };
        let rows: Vec<[String; 7]> = self.containers.iter().take(ROWS_MAX).map(cells).collect();
        let heading = ["SERVICE", "CONTAINER", "ID", "STATE", "PORTS", "IMAGE", "DEPENDS ON"];
        let mut out = format!("Project {}: {}\n{}", self.name, self.states, self.files());
        if let Some(several) = &self.several {
            out.push_str(&format!("Several folders: {several}\n"));
        }
        out.push_str(&table(heading, &rows));
        if !self.order.is_empty() {
            out.push_str(&format!("Order: {}.\n", self.order.join("; ")));
        }
        if self.left_out() > 0 {
            out.push_str(&format!(
                "… {} more; list_containers with label={} shows them",
                self.left_out(),
                find::label(&self.name)
            ));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let container = |(place, row): &(Place, ContainerRow)| {
            json!({
                "service": text::name(&place.service),
                "number": place.number,
                "oneOff": place.one_off,
                "id": row.id,
                "name": text::name(&row.name),
                "image": text::name(&row.image),
                "state": text::name(&row.state),
                "status": text::name(&row.status),
                "health": health(row),
                "workingDir": status::folder(&row.labels).map(text::name),
                "ports": ports(row.ports.iter()),
                "dependsOn": needs(place),
            })
        };
        let shown: Vec<Value> = self.containers.iter().take(ROWS_MAX).map(container).collect();
        // It was looked for only where there is no container.
        let rest = self.containers.is_empty();
        let rest =
            rest.then(|| json!({"networks": self.rest.networks, "volumes": self.rest.volumes}));
        json!({
            "project": self.name,
            "status": self.states.to_string(),
            "workingDir": text::name(&self.files.folder),
            "configFiles": text::line(&self.files.given, 1000),
            "containers": shown,
            "leftOut": self.left_out(),
            "rest": rest,
        })
    }

    fn record(&self) -> Value {
        json!({"rows": self.containers.len().min(ROWS_MAX), "leftOut": self.left_out()})
    }
}

impl Read for GetProject {
    type Params = OneProject;
    type Output = Project;

    fn spec() -> Spec {
        let spec = Spec::read(
            "get_project",
            "Show a Compose project",
            "Shows a Compose project's containers by service: state, health, ports, image and what \
             they depend on, dependencies first.",
            "projects",
        );
        Spec { since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, params: &OneProject, _: &[Target]) -> Result<Project, Fault> {
        let rows = find::containers(cx, &params.project).await?;
        let mut rest = Rest::default();
        if rows.is_empty() {
            rest = Rest::look(cx, &params.project).await?;
            if rest.is_empty() {
                return Err(find::unknown(cx, &params.project).await);
            }
        }
        let (mut states, mut files) = (States::default(), Files::default());
        let places: Vec<Place> = rows.iter().map(|row| Place::of(&row.labels, &row.name)).collect();
        for (place, row) in places.iter().zip(&rows) {
            states.count(&row.state, place.one_off);
            files.learn(&row.labels);
        }
        let several = status::several(&status::folders(rows.iter().map(|row| &row.labels)));
        let (indices, order) = order(&places);
        let at = |index: usize| Some((places.get(index)?.clone(), rows.get(index)?.clone()));
        let containers = indices.into_iter().filter_map(at).collect();
        let name = params.project.clone();
        Ok(Project { name, states, files, containers, several, order, rest })
    }
}
