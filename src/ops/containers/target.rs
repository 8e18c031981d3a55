//! From what is called a container to the container: its full id and what policy may ask about it.

use std::collections::BTreeMap;

use futures_util::future::try_join;

use super::limits::NewName;
use crate::core::ids::{self, FullId, Reference};
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{CONTAINER, Container, ContainerRow};

/// The label that holds a container's Compose project.
pub(in crate::ops) const PROJECT: &str = "com.docker.compose.project";

/// The label that holds a container's Compose service.
pub(in crate::ops) const SERVICE: &str = "com.docker.compose.service";

/// Finds the one container that is meant, by one filtered list. For reads: policy is told what the
/// list tells, and what only the container tells if it asks.
pub(in crate::ops) async fn resolve(cx: Context<'_>, given: &str) -> Result<Vec<Target>, Fault> {
    if needs_a_look(cx) {
        return resolve_for_change(cx, given).await;
    }
    let (row, engine) = find(cx, given).await?;
    Ok(vec![of_row(row, engine)])
}

/// As [`resolve`], and looks at the container itself. For changes: policy is also told what only
/// the container tells, and the image as configured, which a list forgets once its tag has moved.
pub(in crate::ops) async fn resolve_for_change(
    cx: Context<'_>,
    given: &str,
) -> Result<Vec<Target>, Fault> {
    let (row, engine) = find(cx, given).await?;
    Ok(vec![of_container(&cx.look.container(&row.id).await?, engine)])
}

/// A container as a target of changes.
pub(in crate::ops) fn of_container(container: &Container, engine: String) -> Target {
    let Container { id, name, image, labels, privileged, .. } = container;
    let mut attributes = attributes(labels, image);
    attributes.insert("privileged".into(), privileged.to_string());
    let (id, name) = (id.as_str().to_owned(), name.clone());
    Target { kind: CONTAINER.name, id, name, engine, attributes }
}

/// A container of a list as a target of reads.
pub(in crate::ops) fn of_row(row: ContainerRow, engine: String) -> Target {
    let attributes = attributes(&row.labels, &row.image);
    let (id, name) = (row.id.as_str().to_owned(), row.name);
    Target { kind: CONTAINER.name, id, name, engine, attributes }
}

/// Whether policy asks for what a list of containers does not tell.
pub(in crate::ops) fn needs_a_look(cx: Context<'_>) -> bool {
    ["image", "privileged"].iter().any(|attribute| cx.policy.asks_for(attribute))
}

/// Refuses a name that a container has already: no engine gives it to another.
///
/// # Errors
/// `invalid_argument` for a taken name; those of the look.
pub(in crate::ops) async fn is_free(cx: Context<'_>, name: &NewName) -> Result<(), Fault> {
    let rows = cx.look.candidates(&Reference::parse(name.as_str())?).await?;
    let Some(row) = rows.iter().find(|row| row.name == name.as_str()) else { return Ok(()) };
    Err(Fault::invalid(format!(
        "There is a container of the name {} already (id {}, {}), and no engine gives it to another. \
         Use another name, or rename or remove that one first.",
        text::name(&row.name),
        row.id.short(),
        text::name(&row.state)
    )))
}

async fn find(cx: Context<'_>, given: &str) -> Result<(ContainerRow, String), Fault> {
    let reference = Reference::parse(given)?;
    let (rows, engine) = try_join(cx.look.candidates(&reference), cx.look.engine_id()).await?;
    Ok((ids::resolve(&reference, &rows)?.clone(), engine))
}

fn attributes(labels: &BTreeMap<String, String>, image: &str) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> =
        labels.iter().map(|(key, value)| (format!("label.{key}"), value.clone())).collect();
    out.insert("image".into(), image.to_owned());
    for (name, key) in [("project", PROJECT), ("service", SERVICE)] {
        if let Some(value) = labels.get(key) {
            out.insert(name.into(), value.clone());
        }
    }
    out
}

/// The full id of the one target.
///
/// # Errors
/// `not_found` without a target, which `resolve` never returns.
pub(in crate::ops) fn full_id(targets: &[Target]) -> Result<FullId, Fault> {
    targets
        .first()
        .and_then(|target| FullId::parse(&target.id))
        .ok_or_else(|| Fault::new(Reason::NotFound, "There is no container to act on."))
}
