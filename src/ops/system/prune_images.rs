//! `prune_images`: removes images that no name points to and no container uses, not even one that
//! has ended. What an image was made from, and is left without a name by its removal, stays for the
//! next preview.

use serde::Serialize;

use super::prune::{self, Among, Prunable, Unused, Words};
use crate::core::grant::Granted;
use crate::core::operation::{Kind, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::images::target;
use crate::ops::units::{bytes, listed};
use crate::ops::users;
use crate::ops::when;
use crate::ports::engine::{
    Act, Asked, ContainerRow, DiskUsage, IMAGE, ImageFilter, ImageRemoval, ImageRow, Share,
};

/// Digests in one line, at most.
const LISTED_MAX: usize = 3;

/// The operation.
#[derive(Debug)]
pub struct PruneImages;

/// What a grant on an image without a name is bound to.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// The names with digest under which registries know it.
    digests: Vec<String>,
}

impl Prunable for PruneImages {
    type Facts = Facts;

    const KIND: &'static Kind = &IMAGE;
    const WORDS: Words = Words {
        one: "dangling image",
        none: "Only images without a tag that no container uses are dangling; remove_image takes \
               others.",
        lost: "the images and their layers, as far as no other image has these",
        kept: "every image with a tag, and those that any container uses, also a stopped one",
        undo: "only where a registry knows it, or by building it again",
    };
    const SHARE: Option<fn(&DiskUsage) -> &Share> = Some(|usage| &usage.images);

    fn spec() -> Spec {
        prune::spec(
            "prune_images",
            "Prune images",
            "Removes dangling images, as the preview lists them: without a tag, used by no container \
             and by no other image.",
            &[&IMAGE],
        )
    }

    async fn unused(
        cx: Context<'_>,
        engine: &str,
        among: Among<'_>,
    ) -> Result<Vec<Unused<Facts>>, Fault> {
        let filter = ImageFilter { all: false, dangling: Some(true), label: among.label() };
        // What other images are made from does not stand in the engine's list of these.
        let images = cx.look.images(&filter).await?;
        let containers = users::all(cx).await?;
        let fits = |image: &ImageRow| is_dangling(image, &containers, among);
        let fitting = images.into_iter().filter(fits);
        Ok(fitting.map(|image| unused(cx, image, engine)).collect())
    }

    fn look<'a>(cx: Context<'a>, target: &'a Target) -> Asked<'a, ()> {
        Box::pin(async move {
            let id = target::full_id(std::slice::from_ref(target))?;
            cx.look.image(&id).await.map(drop)
        })
    }

    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move { act.remove_image(target, ImageRemoval::Alone).await.map(drop) })
    }
}

fn is_dangling(image: &ImageRow, containers: &[ContainerRow], among: Among<'_>) -> bool {
    among.holds(image.id.as_str())
        && image.tags.is_empty()
        && users::of_image(&image.id, containers).is_empty()
}

fn unused(cx: Context<'_>, image: ImageRow, engine: &str) -> Unused<Facts> {
    let ImageRow { id, digests, created, size, labels, .. } = image;
    let id = id.to_string();
    let known: Vec<String> = digests.iter().map(|digest| text::name(digest)).collect();
    let known = match known.as_slice() {
        [] => "NO REGISTRY KNOWS IT".to_owned(),
        _ => format!("known as {}", listed(&known, LISTED_MAX)),
    };
    let made = format!("{} ({})", when::second(created), when::ago(created, cx.clock.now()));
    Unused {
        since: Some(created),
        about: format!("{} with what it shares, made at {made}, {known}", bytes(size)),
        facts: Facts { digests },
        target: Target {
            kind: IMAGE.name,
            attributes: target::attributes(&labels, &id),
            name: id.clone(),
            id,
            engine: engine.to_owned(),
        },
    }
}
