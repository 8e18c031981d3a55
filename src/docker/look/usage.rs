//! What the engine's things take on its disk. Engines from API 1.52 on tell it in a form of their
//! own, with the sums in it; older ones, and Podman, list everything and leave the sums to us.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::{decode, path};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::model::{answers, or_default};
use crate::docker::{DockerEngine, fault};
use crate::ports::engine::{DiskUsage, ImageId, Share, Stored};

/// How long to wait for the engine to end a count that somebody else asked for.
const PAUSE: Duration = Duration::from_millis(200);

answers! {
    /// `GET /system/df`.
    Answer {
        layers_bytes: Option<i64> = "LayersSize",
        images: Vec<Image> = "Images",
        containers: Vec<Container> = "Containers",
        volumes: Vec<Volume> = "Volumes",
        build_cache: Vec<Cached> = "BuildCache",
        image_usage: Option<Sums<Image>> = "ImageUsage",
        container_usage: Option<Sums<Container>> = "ContainerUsage",
        volume_usage: Option<Sums<Volume>> = "VolumeUsage",
        build_cache_usage: Option<Sums<Cached>> = "BuildCacheUsage",
    }

    Image {
        id: String = "Id",
        tags: Vec<String> = "RepoTags",
        bytes: i64 = "Size",
        shared_bytes: Option<i64> = "SharedSize",
        containers: Option<i64> = "Containers",
    }

    Container {
        id: String = "Id",
        names: Vec<String> = "Names",
        bytes: i64 = "SizeRw",
        state: String = "State",
    }

    Volume {
        name: String = "Name",
        usage: Option<VolumeUse> = "UsageData",
    }

    VolumeUse {
        bytes: Option<i64> = "Size",
        users: Option<i64> = "RefCount",
    }

    /// A record of the build cache.
    Cached {
        id: String = "ID",
        kind: String = "Type",
        description: String = "Description",
        bytes: i64 = "Size",
        in_use: bool = "InUse",
        shared: bool = "Shared",
    }
}

/// One sort of thing, with its sums.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(in crate::docker) struct Sums<T> {
    #[serde(rename = "TotalCount", default, deserialize_with = "or_default")]
    count: i64,
    #[serde(rename = "ActiveCount", default, deserialize_with = "or_default")]
    active: i64,
    #[serde(rename = "TotalSize", default, deserialize_with = "or_default")]
    bytes: i64,
    #[serde(rename = "Reclaimable", default, deserialize_with = "or_default")]
    reclaimable: i64,
    #[serde(rename = "Items", default, deserialize_with = "or_default")]
    items: Vec<T>,
}

impl DockerEngine {
    /// Asks what is on the disk. An engine that counts for somebody else already refuses, and is
    /// asked again until the time is over.
    pub(super) async fn usage(&self) -> Result<DiskUsage, Fault> {
        let limit = self.deadlines.usage;
        let endpoint = &self.wire()?.endpoint;
        // Engines from API 1.52 on list the things only if they are asked to.
        let path = path("/system/df", &[("verbose", "1".to_owned())]);
        let asking = async {
            loop {
                let answer = self.wire()?.get(&path).await;
                let answer = answer.map_err(|broken| fault::unread(endpoint, broken))?;
                let said = || fault::engine_text(&answer.body);
                if answer.status == 200 || !said().contains("already running") {
                    return decode::<Answer>("disk usage", &answer).map(usage);
                }
                sleep(PAUSE).await;
            }
        };
        timeout(limit, asking).await.unwrap_or_else(|_| {
            Err(Fault::new(
                Reason::Timeout,
                format!(
                    "The engine at {} did not say within {} s what is on its disk: it walks all of \
                     it for that. Nothing was changed. Try again when it is less busy.",
                    text::name(&endpoint.address),
                    limit.as_secs()
                ),
            ))
        })
    }
}

fn usage(answer: Answer) -> DiskUsage {
    let Answer { layers_bytes, images, containers, volumes, build_cache, .. } = answer;
    DiskUsage {
        images: match answer.image_usage {
            Some(sums) => summed(sums, image),
            None => shared(layers_bytes, each_once(images).into_iter().map(image).collect()),
        },
        containers: match answer.container_usage {
            Some(sums) => summed(sums, container),
            None => counted(containers.into_iter().map(container).collect()),
        },
        volumes: match answer.volume_usage {
            Some(sums) => summed(sums, volume),
            None => counted(volumes.into_iter().map(volume).collect()),
        },
        build_cache: match answer.build_cache_usage {
            Some(sums) => summed(sums, cached),
            None => counted(build_cache.into_iter().map(cached).collect()),
        },
    }
}

/// The engine's own sums.
fn summed<T>(sums: Sums<T>, item: impl Fn(T) -> Stored) -> Share {
    Share {
        count: size(sums.count).unwrap_or_default(),
        active: size(sums.active).unwrap_or_default(),
        bytes: size(sums.bytes).unwrap_or_default(),
        reclaimable_bytes: size(sums.reclaimable).unwrap_or_default(),
        items: sums.items.into_iter().map(item).collect(),
    }
}

/// Sums of things that share nothing.
fn counted(items: Vec<Stored>) -> Share {
    let sum = |active_too: bool| {
        let counts = items.iter().filter(|item| active_too || !item.active);
        counts.filter_map(|item| item.own_bytes).fold(0, u64::saturating_add)
    };
    Share {
        count: number(items.len()),
        active: number(items.iter().filter(|item| item.active).count()),
        bytes: sum(true),
        reclaimable_bytes: sum(false),
        items,
    }
}

/// Images, each once: Podman lists one for each of its names.
fn each_once(mut images: Vec<Image>) -> Vec<Image> {
    let mut seen = BTreeSet::new();
    images.retain(|image| seen.insert(image.id.clone()));
    images
}

/// Sums of images, which share layers: what none that is in use has for itself alone can go.
fn shared(layers_bytes: Option<i64>, items: Vec<Stored>) -> Share {
    let share = counted(items);
    let used = share.bytes.saturating_sub(share.reclaimable_bytes);
    // Podman says 0, which is not counted.
    let bytes = layers_bytes.and_then(size).filter(|bytes| *bytes > 0).unwrap_or(share.bytes);
    Share { bytes, reclaimable_bytes: bytes.saturating_sub(used), ..share }
}

fn image(image: Image) -> Stored {
    let Image { id, tags, bytes, shared_bytes, containers } = image;
    // Of a name, Podman tells the tag alone.
    let is_name = |tag: &String| tag != "<none>:<none>" && tag.contains(':');
    let name = tags.into_iter().find(is_name).unwrap_or_default();
    let id = ImageId::parse(&id).map_or(id, |id| id.to_string());
    let users = containers.and_then(size);
    let (bytes, shared) = (size(bytes), shared_bytes.and_then(size));
    let own_bytes = bytes.zip(shared).map(|(bytes, shared)| bytes.saturating_sub(shared));
    Stored { id, name, bytes, own_bytes, active: users.is_some_and(|users| users > 0), users }
}

fn container(container: Container) -> Stored {
    let Container { id, names, bytes, state } = container;
    let name = names.into_iter().next().unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(&name).to_owned();
    let active = ["running", "paused", "restarting"].contains(&state.as_str());
    let bytes = size(bytes);
    Stored { id, name, bytes, own_bytes: bytes, active, users: None }
}

fn volume(volume: Volume) -> Stored {
    let Volume { name, usage } = volume;
    let VolumeUse { bytes, users } = usage.unwrap_or_default();
    let (bytes, users) = (bytes.and_then(size), users.and_then(size));
    // Where nobody counted, it may be in use.
    let active = users != Some(0);
    Stored { id: name.clone(), name, bytes, own_bytes: bytes, active, users }
}

fn cached(cached: Cached) -> Stored {
    let Cached { id, kind, description, bytes, in_use, shared } = cached;
    let name = if description.is_empty() { kind } else { description };
    let bytes = size(bytes);
    // What a record shares with an image is counted there.
    let own_bytes = if shared { Some(0) } else { bytes };
    Stored { id, name, bytes, own_bytes, active: in_use, users: None }
}

/// A size or a count; what was not computed is -1.
fn size(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
