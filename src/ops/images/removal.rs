//! What the removal of an image comes to: which names go, whether the image goes with them, who is
//! in the way, and whether anything can bring it back.

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Preview};
use crate::ops::beside::{UNCHECKED, in_time};
use crate::ops::users;
use crate::ops::{units, when};
use crate::ports::engine::{ContainerRow, Image, ImageFilter, ImageId, ImageName, is_podman};

/// Names in one line, at most.
const NAMES_MAX: usize = 8;

/// What a grant to remove an image is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    id: String,
    tags: Vec<String>,
    digests: Vec<String>,
    /// The ids of the containers that use it.
    containers: Vec<String>,
    /// Whether the image goes with the names that go.
    pub(in crate::ops) removes_image: bool,
}

/// What is seen of an image that is to be removed.
#[derive(Debug)]
pub struct Sight {
    image: Image,
    /// The containers that use it.
    users: Vec<ContainerRow>,
    /// Whether the engine is Podman.
    podman: bool,
}

impl Sight {
    /// Looks at an image and at who uses it.
    pub(in crate::ops) async fn look(
        cx: Context<'_>,
        id: &ImageId,
        engine: &str,
    ) -> Result<Self, Fault> {
        let (image, rows) = try_join(cx.look.image(id), users::all(cx)).await?;
        let users = users::of_image(id, &rows).into_iter().cloned().collect();
        Ok(Self { image, users, podman: is_podman(engine) })
    }

    /// Refuses what the engine is sure to refuse, and what would take containers with it.
    pub(in crate::ops) fn removable(&self, going: &[Target], force: bool) -> Result<(), Fault> {
        if !self.facts(going).removes_image {
            return Ok(());
        }
        match self.obstacles(force).as_slice() {
            [] => Ok(()),
            why => Err(Fault::invalid(format!(
                "The image {} cannot be removed as things are: {}.",
                named(&going.iter().map(|target| target.name.clone()).collect::<Vec<_>>()),
                why.join("; ")
            ))),
        }
    }

    /// The facts, if these names were to go.
    pub(in crate::ops) fn facts(&self, going: &[Target]) -> Facts {
        let Image { id, tags, digests, .. } = &self.image;
        let mut containers: Vec<String> =
            self.users.iter().map(|row| row.id.as_str().to_owned()).collect();
        containers.sort();
        let goes = |tag: &String| going.iter().any(|target| target.name == *tag);
        Facts {
            id: id.to_string(),
            tags: tags.clone(),
            digests: digests.clone(),
            containers,
            removes_image: tags.iter().all(goes),
        }
    }

    /// Why the engine would refuse to remove the image, as far as these tell, and what to do.
    fn obstacles(&self, force: bool) -> Vec<String> {
        let (up, ended): (Vec<&ContainerRow>, Vec<&ContainerRow>) =
            self.users.iter().partition(|row| runs(row));
        let mut out = Vec::new();
        if self.podman {
            if !self.users.is_empty() {
                out.push(format!(
                    "{} must be removed first, with remove_container, each with a preview of its own; \
                     forced, this engine, which is Podman, would remove them as well",
                    users::named(&self.users.iter().collect::<Vec<_>>())
                ));
            }
        } else {
            if !up.is_empty() {
                let names = users::named(&up);
                out.push(format!("{names} must be removed first, and force does not help"));
            }
            if !force && !ended.is_empty() {
                let names = users::named(&ended);
                out.push(format!("{names} must be removed first, or it takes force=true"));
            }
        }
        if !force && self.has_several_names() {
            out.push("several names point to it: ask for one tag, or use force=true".to_owned());
        }
        out
    }

    /// Whether an engine wants to be forced to take off all names of the image at once: they are
    /// more than one tag and, but for Podman, the digests of its own repository.
    fn has_several_names(&self) -> bool {
        let Image { tags, digests, .. } = &self.image;
        if self.podman {
            return tags.len() > 1;
        }
        let repositories = tags.iter().chain(digests).filter_map(|known| {
            let name = ImageName::parse(known).ok()?;
            Some(name.repository())
        });
        let mut repositories: Vec<String> = repositories.collect();
        repositories.sort();
        repositories.dedup();
        tags.len() > 1 || repositories.len() > 1
    }
}

fn runs(row: &ContainerRow) -> bool {
    ["running", "paused", "restarting"].contains(&row.state.as_str())
}

/// Names in one line, sanitised.
pub(in crate::ops) fn named(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| text::name(name)).collect();
    units::listed(&names, NAMES_MAX)
}

/// The preview of a removal.
pub(in crate::ops) async fn preview(
    cx: Context<'_>,
    targets: &[Target],
    facts: &Facts,
    sight: &Sight,
) -> Preview {
    let image = &sight.image;
    let users: Vec<&ContainerRow> = sight.users.iter().collect();
    let used_by = users::named_or_nobody(&users);
    let none = |names: &[String]| if names.is_empty() { "none".to_owned() } else { named(names) };
    let mut preview = Preview {
        headline: String::new(),
        facts: vec![
            ("image", facts.id.clone()),
            ("tags", none(&facts.tags)),
            ("digests", none(&facts.digests)),
            ("used by", used_by),
        ],
        notes: Vec::new(),
    };
    preview.facts.extend(targets.first().map(|target| ("engine", text::name(&target.engine))));
    let created = image.created.map(|at| when::ago(at, cx.clock.now()));
    let size = units::bytes(image.size);
    let going: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    if !facts.removes_image {
        let stays: Vec<String> =
            facts.tags.iter().filter(|tag| !going.contains(tag)).cloned().collect();
        let (name, stays) = (named(&going), named(&stays));
        preview.headline =
            format!("Take the name {name} off the image {}; the image stays as {stays}.", image.id);
        preview.notes = vec![
            (
                "lost",
                format!("the name {name} only: nobody can start a container from it any more"),
            ),
            (
                "kept",
                format!("the image with its layers, {size}, and every container made from it"),
            ),
            ("undo", format!("tag_image of {} as {name}", image.id)),
        ];
        return preview;
    }
    let children = in_time(children(cx, &image.id)).await;
    let names = match facts.tags.as_slice() {
        [] => String::new(),
        tags => format!(" with {} ({})", units::counted(tags.len(), "tag"), named(tags)),
    };
    preview.headline = format!("Remove the image {}{names} for good.", image.id);
    preview.notes = vec![
        ("size", format!("{size}; layers that other images share stay")),
        ("created", created.unwrap_or_else(|| "unknown".to_owned())),
        ("can come back", comes_back(image, sight.podman)),
        (
            "images on it",
            match children {
                None => UNCHECKED.to_owned(),
                Some(0) => "none".to_owned(),
                Some(count) => format!(
                    "{count} made from it here; the engine may refuse until they are removed"
                ),
            },
        ),
    ];
    if !users.is_empty() {
        let kept = "those that ended can still be started, but not made again from this image";
        preview.notes.push(("containers", kept.to_owned()));
    }
    preview
}

/// How many images were made from this one here.
async fn children(cx: Context<'_>, id: &ImageId) -> Result<usize, Fault> {
    let filter = ImageFilter { all: true, ..ImageFilter::default() };
    let rows = cx.look.images(&filter).await?;
    Ok(rows.iter().filter(|row| row.parent.as_ref() == Some(id)).count())
}

/// Whether a registry may still have it.
fn comes_back(image: &Image, podman: bool) -> String {
    match image.digests.as_slice() {
        // Podman makes up such names for what no registry ever had.
        [_, ..] if podman => "not known: ask the registry before it is lost; what was made here and \
                              never pushed is lost for good"
            .to_owned(),
        [] => "NO: no registry can bring it back. It was made here and never pushed; without the means \
               to build it again it is lost for good"
            .to_owned(),
        digests => format!("by pull_image of {}, if the registry still has it", named(digests)),
    }
}

#[cfg(test)]
mod tests;
