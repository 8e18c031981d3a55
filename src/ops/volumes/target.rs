//! From what is called a volume to the volume, and what a grant on one is bound to.

use futures_util::future::try_join;
use serde::Serialize;

use crate::core::ids::Reference;
use crate::core::plan::{Digest, Target, canonical};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::labels;
use crate::ops::units::listed;
use crate::ports::engine::{VOLUME, Volume, VolumeFilter};

/// Finds the one volume that is meant: by its name, or a volume that nobody named by the beginning
/// of its name.
pub(in crate::ops) async fn resolve(cx: Context<'_>, given: &str) -> Result<Vec<Target>, Fault> {
    let reference = Reference::parse(given)?;
    let (volume, engine) = try_join(find(cx, &reference), cx.look.engine_id()).await?;
    Ok(vec![of(&volume, engine)])
}

async fn find(cx: Context<'_>, reference: &Reference) -> Result<Volume, Fault> {
    if reference.may_be_id() {
        return pick(reference.as_str(), cx.look.volumes(&VolumeFilter::default()).await?);
    }
    cx.look.volume(reference).await.map_err(|fault| match fault.reason {
        Reason::NotFound => unknown(reference.as_str()),
        _ => fault,
    })
}

fn pick(wanted: &str, mut volumes: Vec<Volume>) -> Result<Volume, Fault> {
    volumes.retain(|volume| {
        volume.name == wanted || (volume.is_anonymous() && volume.name.starts_with(wanted))
    });
    let names: Vec<String> = volumes.iter().map(|volume| text::name(&volume.name)).collect();
    let one = volumes.pop().ok_or_else(|| unknown(wanted))?;
    if volumes.is_empty() {
        return Ok(one);
    }
    Err(Fault::new(
        Reason::Ambiguous,
        format!(
            "`{wanted}` can mean more than one volume: {}. Use the whole name.",
            listed(&names, 10)
        ),
    ))
}

fn unknown(wanted: &str) -> Fault {
    Fault::new(
        Reason::NotFound,
        format!("There is no volume of the name {wanted} here. Ask list_volumes for all."),
    )
}

/// A volume as a target.
pub(in crate::ops) fn of(volume: &Volume, engine: String) -> Target {
    Target {
        kind: VOLUME.name,
        id: volume.name.clone(),
        name: volume.name.clone(),
        engine,
        attributes: labels::attributes(&volume.labels),
    }
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
    /// Of some engines it moves when something is added to the top folder.
    pub(in crate::ops) created_at: String,
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
            created_at: volume.created_at.clone(),
            driver: volume.driver.clone(),
            mountpoint: volume.mountpoint.clone(),
            options: Digest::of(&[&canonical(&volume.options)?]),
            labels: Digest::of(&[&canonical(&volume.labels)?]),
        })
    }
}
