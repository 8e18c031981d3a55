//! From what is called a volume to the volume, and what a grant on one is bound to.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use serde::Serialize;

use crate::core::ids::Reference;
use crate::core::plan::{Digest, Target, canonical};
use crate::core::reason::{Fault, Reason};
use crate::gate::Context;
use crate::ops::containers::target::PROJECT;
use crate::ports::engine::{VOLUME, Volume};

/// Finds the one volume that is meant.
pub(in crate::ops) async fn resolve(cx: Context<'_>, given: &str) -> Result<Vec<Target>, Fault> {
    let name = Reference::parse(given)?;
    let found = try_join(cx.look.volume(&name), cx.look.engine_id()).await;
    let (volume, engine) = found.map_err(|fault| match fault.reason {
        Reason::NotFound => Fault::new(
            Reason::NotFound,
            format!("There is no volume of the name {name} here. Ask list_volumes for all."),
        ),
        _ => fault,
    })?;
    Ok(vec![of(&volume, engine)])
}

/// A volume as a target.
pub(in crate::ops) fn of(volume: &Volume, engine: String) -> Target {
    Target {
        kind: VOLUME.name,
        id: volume.name.clone(),
        name: volume.name.clone(),
        engine,
        attributes: attributes(&volume.labels),
    }
}

/// What policy may ask about a thing with these labels.
pub(in crate::ops) fn attributes(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let all = labels.iter().map(|(key, value)| (format!("label.{key}"), value.clone()));
    let project = labels.get(PROJECT).map(|project| ("project".to_owned(), project.clone()));
    all.chain(project).collect()
}

/// The name of the one target, as an engine may be asked by it.
///
/// # Errors
/// `not_found` without a target, which `resolve` never returns.
pub(in crate::ops) fn name(targets: &[Target]) -> Result<Reference, Fault> {
    let target = targets.first();
    let target =
        target.ok_or_else(|| Fault::new(Reason::NotFound, "There is no volume to act on."))?;
    Reference::parse(&target.id)
}

/// What a grant on a volume is bound to, beside its name: that it is not another one which was made
/// under the name since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// It also changes when something is added to the top folder, so it is left out of a plan that
    /// stops those who write there first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::ops) created_at: Option<String>,
    pub(in crate::ops) driver: String,
    pub(in crate::ops) mountpoint: String,
    pub(in crate::ops) options: Digest,
    pub(in crate::ops) labels: Digest,
}

impl Facts {
    /// Those of a volume.
    ///
    /// # Errors
    /// None in fact: text always has an exact form.
    pub(in crate::ops) fn of(volume: &Volume) -> Result<Self, Fault> {
        Ok(Self {
            created_at: Some(volume.created_at.clone()),
            driver: volume.driver.clone(),
            mountpoint: volume.mountpoint.clone(),
            options: Digest::of(&[&canonical(&volume.options)?]),
            labels: Digest::of(&[&canonical(&volume.labels)?]),
        })
    }
}
