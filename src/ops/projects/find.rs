//! From a project's name to its containers: by label alone, as Compose itself finds them again.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::core::ids::FullId;
use crate::core::plan::TARGETS_MAX;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::AT_ONCE;
use crate::ops::containers::target::PROJECT;
use crate::ops::labels::{STACK, is_of_swarm};
use crate::ops::units::listed;
use crate::ports::engine::{Container, ContainerFilter, ContainerRow};

/// Names in a refusal, at most.
const LISTED_MAX: usize = 20;

/// Which project.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneProject {
    /// The project's name.
    #[schemars(length(min = 1, max = 128))]
    pub(super) project: String,
}

/// Which project, or which service of it.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The project's name.
    #[schemars(length(min = 1, max = 128))]
    pub(super) project: String,
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub(super) service: Option<String>,
}

/// A label of Compose with this value, as a filter takes it.
pub(super) fn label(project: &str) -> String {
    format!("{PROJECT}={project}")
}

/// Checks a project's name: what Compose accepts for one.
///
/// # Errors
/// `invalid_argument` for anything else.
pub(super) fn check_project(name: &str) -> Result<(), Fault> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = name.bytes().next().is_some_and(inner);
    if first && name.bytes().all(|b| inner(b) || b"_-".contains(&b)) {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "`{}` is no name of a project: these hold lower-case letters, digits, `_` and `-`, and \
         begin with a letter or digit. list_projects shows them.",
        text::name(name)
    )))
}

/// Checks a service's name: what Compose accepts for one.
///
/// # Errors
/// `invalid_argument` for anything else.
pub(super) fn check_service(name: &str) -> Result<(), Fault> {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "`{}` is no name of a service: these hold letters, digits, `.`, `_` and `-`, and begin with \
         a letter or digit. get_project shows them.",
        text::name(name)
    )))
}

/// Every container with this label, running or not.
pub(super) async fn labelled(cx: Context<'_>, label: &str) -> Result<Vec<ContainerRow>, Fault> {
    let filter =
        ContainerFilter { all: true, label: Some(label.to_owned()), ..ContainerFilter::default() };
    cx.look.containers(&filter).await
}

/// The containers of a project, those included that were made for one command; maybe none.
///
/// # Errors
/// `invalid_argument` for what is no project's name, and for what a swarm manages.
pub(super) async fn containers(cx: Context<'_>, project: &str) -> Result<Vec<ContainerRow>, Fault> {
    check_project(project)?;
    let mut rows = labelled(cx, &label(project)).await?;
    rows.retain(|row| row.labels.get(PROJECT).is_some_and(|name| name == project));
    match rows.iter().find(|row| is_of_swarm(&row.labels)) {
        None => Ok(rows),
        Some(row) => Err(of_swarm(project, &row.name)),
    }
}

/// The containers of a project, or of one service of it. Those that were made for one command stand
/// apart.
///
/// # Errors
/// As [`containers`]; `not_found`, with what there is, for a project or service that is not there.
pub(super) async fn services(
    cx: Context<'_>,
    project: &str,
    service: Option<&str>,
) -> Result<(Vec<ContainerRow>, Vec<ContainerRow>), Fault> {
    service.map_or(Ok(()), check_service)?;
    let rows = containers(cx, project).await?;
    if rows.is_empty() {
        return Err(unknown(cx, project).await);
    }
    let place = |row: &ContainerRow| Place::of(&row.labels, &row.name);
    let (one_off, mut rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| place(r).one_off);
    let there: BTreeSet<String> = rows.iter().map(|row| place(row).service).collect();
    rows.retain(|row| service.is_none_or(|service| place(row).service == service));
    if !rows.is_empty() {
        return Ok((rows, one_off));
    }
    let there: Vec<String> = there.iter().map(|service| text::name(service)).collect();
    Err(Fault::new(
        Reason::NotFound,
        match service {
            Some(service) => format!(
                "The project {project} has no container of a service {}. Services there: {}.",
                text::name(service),
                if there.is_empty() { "none".into() } else { listed(&there, LISTED_MAX) }
            ),
            None => format!(
                "The project {project} has only containers that were made for one command, and \
                 these are left alone. down_project removes them."
            ),
        },
    ))
}

/// The refusal of a project of which there is no container.
pub(super) async fn unknown(cx: Context<'_>, project: &str) -> Fault {
    let stack = labelled(cx, &format!("{STACK}={project}")).await.unwrap_or_default();
    if let Some(row) = stack.iter().find(|row| row.labels.get(STACK).is_some_and(|s| s == project))
    {
        return of_swarm(project, &row.name);
    }
    let there: BTreeSet<String> = match labelled(cx, PROJECT).await {
        Err(fault) => return fault,
        Ok(rows) => rows.iter().filter_map(|row| row.labels.get(PROJECT)).cloned().collect(),
    };
    let there: Vec<String> = there.iter().map(|name| text::name(name)).collect();
    let there = if there.is_empty() {
        "There is no project at all.".to_owned()
    } else {
        format!("Projects there: {}.", listed(&there, LISTED_MAX))
    };
    Fault::new(Reason::NotFound, format!("No container belongs to a project {project}. {there}"))
}

fn of_swarm(project: &str, container: &str) -> Fault {
    Fault::invalid(format!(
        "{project} is a stack of a swarm (its container {} says so) and no Compose project. A swarm \
         makes its containers anew by itself, so nothing is done to them here; use the swarm's own \
         commands.",
        text::name(container)
    ))
}

/// The ids of these containers.
///
/// # Errors
/// `limit` for more than a plan may hold, with the way out.
pub(super) fn few(rows: Vec<ContainerRow>, way_out: &str) -> Result<Vec<FullId>, Fault> {
    if rows.len() <= TARGETS_MAX {
        return Ok(rows.into_iter().map(|row| row.id).collect());
    }
    Err(Fault::new(
        Reason::Limit,
        format!(
            "These are {} containers; at most {TARGETS_MAX} are handled at once. {way_out}",
            rows.len()
        ),
    ))
}

/// Everything about these containers, in their order.
pub(super) async fn look(cx: Context<'_>, ids: Vec<FullId>) -> Result<Vec<Container>, Fault> {
    let mut looks = Vec::new();
    for id in &ids {
        looks.push(cx.look.container(id));
    }
    stream::iter(looks).buffered(AT_ONCE).try_collect().await
}
