//! From what is called an image to the image: its full id and what policy may ask about it.

use std::collections::BTreeMap;

use futures_util::future::try_join;

use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::gate::Context;
use crate::ops::labels;
use crate::ports::engine::{IMAGE, Image, ImageId, ImageName, ImageReference, image_called};

/// Finds the one image that is meant, and looks at it. Its name is the one that it was asked for
/// by; asked for by its id, its first tag, or the id if it has none.
///
/// # Errors
/// `invalid_argument` for what can be no reference, `not_found`, `ambiguous`.
pub(in crate::ops) async fn resolve(cx: Context<'_>, given: &str) -> Result<Vec<Target>, Fault> {
    let Found { image, reference, engine } = find(cx, given).await?;
    let name = match called(&reference, &image) {
        Some(name) => name,
        None => image.tags.first().cloned().unwrap_or_else(|| image.id.to_string()),
    };
    Ok(vec![of(&image, &name, &engine)])
}

/// An image, how it was asked for, and its engine's id.
pub(in crate::ops) struct Found {
    pub(in crate::ops) image: Image,
    pub(in crate::ops) reference: ImageReference,
    pub(in crate::ops) engine: String,
}

/// Finds the one image that is meant, and looks at it.
pub(in crate::ops) async fn find(cx: Context<'_>, given: &str) -> Result<Found, Fault> {
    let reference = ImageReference::parse(given)?;
    let (rows, engine) =
        try_join(cx.look.image_candidates(&reference), cx.look.engine_id()).await?;
    let image = cx.look.image(&image_called(&reference, &rows)?.id).await?;
    Ok(Found { image, reference, engine })
}

/// The name under which an image was asked for, if it was not asked for by its id.
pub(in crate::ops) fn called(reference: &ImageReference, image: &Image) -> Option<String> {
    let name = reference.name()?.to_string();
    let known = image.tags.iter().chain(&image.digests);
    let known = known.filter_map(|known| ImageName::parse(known).ok());
    known.map(|known| known.to_string()).find(|known| *known == name)
}

/// The name of an image as a target: the image that it points to now, or the name itself where the
/// engine has none.
pub(in crate::ops) async fn named(
    cx: Context<'_>,
    name: &ImageName,
) -> Result<(Target, Option<Image>), Fault> {
    let shown = name.to_string();
    let reference = ImageReference::of(name.clone());
    let (rows, engine) =
        try_join(cx.look.image_candidates(&reference), cx.look.engine_id()).await?;
    match image_called(&reference, &rows) {
        Ok(row) => {
            let image = cx.look.image(&row.id).await?;
            Ok((of(&image, &shown, &engine), Some(image)))
        }
        Err(fault) if fault.reason == Reason::NotFound => {
            let attributes = attributes(&BTreeMap::new(), &shown);
            let id = shown.clone();
            Ok((Target { kind: IMAGE.name, id, name: shown, engine, attributes }, None))
        }
        Err(fault) => Err(fault),
    }
}

/// An image under one of its names as a target.
pub(in crate::ops) fn of(image: &Image, name: &str, engine: &str) -> Target {
    Target {
        kind: IMAGE.name,
        id: image.id.to_string(),
        name: name.to_owned(),
        engine: engine.to_owned(),
        attributes: attributes(&image.labels, name),
    }
}

/// What policy may ask about an image with these labels under this name.
pub(in crate::ops) fn attributes(
    labels: &BTreeMap<String, String>,
    name: &str,
) -> BTreeMap<String, String> {
    let mut out = labels::attributes(labels);
    out.insert("image".into(), name.to_owned());
    out
}

/// The full id of the one target.
///
/// # Errors
/// `not_found` without a target that exists.
pub(in crate::ops) fn full_id(targets: &[Target]) -> Result<ImageId, Fault> {
    targets
        .first()
        .and_then(|target| ImageId::parse(&target.id))
        .ok_or_else(|| Fault::new(Reason::NotFound, "There is no image to act on."))
}
