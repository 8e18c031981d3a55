//! Changing images.
//!
//! | order | error statuses that say that it did not happen |
//! |---|---|
//! | pull | all: a name moves last, and no error follows that. An error within the stream says so as well; a stream that breaks off says nothing |
//! | tag | below 500: refused before the name was written |
//! | removal | below 500: conflicts are looked for before the first name goes |

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::models::{CreateImageInfo, ProgressDetail};
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt as _;
use hyper::Method;
use tokio::time::timeout;

use super::{Order, unknown};
use crate::core::grant::Granted;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::{DockerEngine, fault};
use crate::ports::engine::{
    ActImages, Asked, IMAGE, ImageId, ImageName, ImageRemoval, Removed, Report, is_podman,
};

impl ActImages for DockerEngine {
    fn pull<'a>(&'a self, target: &'a Granted<'a>, report: Report<'a>) -> Asked<'a, ()> {
        Box::pin(async move {
            let target = target.target();
            let name = name_of(target)?;
            // Whoever looks for what became of it has to look at the name.
            let named = Target { id: name.to_string(), ..target.clone() };
            let order = Order {
                target: &named,
                verb: "pull",
                method: Method::POST,
                path: "/images/create".to_owned(),
                limit: self.deadlines.pull,
                certain_below: 600,
            };
            let idle = self.deadlines.pull_idle;
            let request = |docker: Docker| async move { pull(docker, &name, idle, report).await };
            let ended = self.order(order.clone(), request).await?.answer;
            match ended {
                Ended::Well => Ok(()),
                Ended::Refused(heard) => Err(not_pulled(&named, &heard)),
                Ended::Silent => {
                    let why = format!("nothing was heard of it for {} s", idle.as_secs());
                    Err(unknown(&order, &why, "idle"))
                }
            }
        })
    }

    fn tag<'a>(&'a self, image: &'a Granted<'a>, name: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move {
            let (image, name) = (image.target(), name_of(name.target())?);
            let id = id_of(image)?;
            let Some(tag) = name.tag().map(str::to_owned) else {
                return Err(Fault::invalid("A digest is nothing that can be given to an image."));
            };
            let options = TagImageOptions { repo: Some(name.located()), tag: Some(tag) };
            let order = Order {
                target: image,
                verb: "tag",
                method: Method::POST,
                path: format!("/images/{id}/tag"),
                limit: self.deadlines.image,
                certain_below: 500,
            };
            let request =
                |docker: Docker| async move { docker.tag_image(id.as_str(), Some(options)).await };
            self.order(order, request).await.map(drop)
        })
    }

    fn remove_image<'a>(
        &'a self,
        target: &'a Granted<'a>,
        removal: ImageRemoval,
    ) -> Asked<'a, Removed> {
        Box::pin(async move {
            let target = target.target();
            let id = id_of(target)?;
            let (what, force) = match removal {
                // No engine takes a name off one image only: what has the name by now loses it, and
                // goes if that was its last. What went is in the answer.
                ImageRemoval::Tag => (name_of(target)?.whole(), false),
                ImageRemoval::Image { force } => (id.to_string(), force),
                ImageRemoval::Alone => (id.to_string(), false),
            };
            if force && is_podman(&target.engine) {
                self.takes_no_container(&id).await?;
            }
            let noprune = removal == ImageRemoval::Alone;
            let options = RemoveImageOptions { force, noprune, platforms: None };
            let order = Order {
                target,
                verb: "remove",
                method: Method::DELETE,
                path: format!("/images/{what}"),
                limit: self.deadlines.image,
                certain_below: 500,
            };
            let request = |docker: Docker| async move {
                docker.remove_image(&what, Some(options), None).await
            };
            let mut removed = Removed::default();
            for item in self.order(order, request).await?.answer {
                removed.untagged.extend(item.untagged.as_deref().map(ImageName::spelt));
                removed.deleted.extend(item.deleted);
            }
            Ok(removed)
        })
    }
}

impl DockerEngine {
    /// Forced, Podman removes the containers of an image with it, running ones too.
    async fn takes_no_container(&self, id: &ImageId) -> Result<(), Fault> {
        match self.users_counted(id).await? {
            Some(0) => Ok(()),
            counted => {
                let count = counted.map_or("perhaps some".to_owned(), |count| count.to_string());
                Err(Fault::new(
                    Reason::EngineError,
                    format!(
                        "Containers use the image {id} ({count}), and Podman, if forced, would \
                         remove them with it. So nothing was sent. Remove them first; `podman ps \
                         --all --external` lists all of them."
                    ),
                ))
            }
        }
    }
}

/// The target's id, as it may stand in a path: the form of the kind does not tell an id from a name.
fn id_of(target: &Target) -> Result<ImageId, Fault> {
    let id = ImageId::parse(&target.id).filter(|id| id.as_str() == target.id);
    id.filter(|_| target.kind == IMAGE.name).ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is not the full id of an image, so nothing was sent.",
            text::name(&target.id)
        ))
    })
}

/// The target's name, taken apart.
fn name_of(target: &Target) -> Result<ImageName, Fault> {
    if target.kind != IMAGE.name {
        let shown = text::name(&target.name);
        return Err(Fault::invalid(format!("`{shown}` is no image, so nothing was sent.")));
    }
    ImageName::parse(&target.name)
}

/// How a pull ended.
enum Ended {
    Well,
    /// With an error that the engine tells.
    Refused(String),
    /// It was not heard of for too long.
    Silent,
}

/// Pulls, and listens until it ends.
async fn pull(
    docker: Docker,
    name: &ImageName,
    idle: Duration,
    report: Report<'_>,
) -> Result<Ended, BollardError> {
    let options = CreateImageOptions {
        from_image: Some(name.located()),
        tag: name.digest().or_else(|| name.tag()).map(str::to_owned),
        ..CreateImageOptions::default()
    };
    let mut words = docker.create_image(Some(options), None, None);
    let mut layers = Layers::default();
    loop {
        match timeout(idle, words.next()).await {
            Err(_) => return Ok(Ended::Silent),
            Ok(None) => return Ok(Ended::Well),
            Ok(Some(Ok(word))) => layers.hear(word, report),
            Ok(Some(Err(BollardError::DockerStreamError { error }))) => {
                return Ok(Ended::Refused(error));
            }
            Ok(Some(Err(error))) => return Err(error),
        }
    }
}

/// How many layers of an image are followed, at most.
const LAYERS_MAX: usize = 512;

/// How far the layers of a pull have come.
#[derive(Debug, Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// Takes in what an engine tells of a pull, and reports how many bytes have come.
    fn hear(&mut self, word: CreateImageInfo, report: Report<'_>) {
        let status = word.status.unwrap_or_default();
        let layer = word.id.unwrap_or_default();
        if let (true, Some(ProgressDetail { current: Some(now), total })) =
            (status == "Downloading", word.progress_detail)
            && (self.0.len() < LAYERS_MAX || self.0.contains_key(&layer))
        {
            let (now, total) = (count(now), total.map(count).unwrap_or_default());
            let seen = self.0.entry(layer.clone()).or_default();
            *seen = (seen.0.max(now), seen.1.max(total).max(now));
        }
        let (done, total) = self.0.values().fold((0_u64, 0_u64), |sum, seen| {
            (sum.0.saturating_add(seen.0), sum.1.saturating_add(seen.1))
        });
        let doing = text::line(format!("{status} {layer}").trim(), 200);
        report(done, (total > 0).then_some(total), &doing);
    }
}

fn count(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or_default()
}

/// The fault of a pull that the engine says has failed.
fn not_pulled(target: &Target, heard: &str) -> Fault {
    let said = fault::said(heard);
    Fault::new(
        Reason::EngineError,
        format!(
            "The engine could not pull {}, so no name has moved: {}",
            text::name(&target.name),
            fault::shown(&said)
        ),
    )
    .with_detail(said)
}
