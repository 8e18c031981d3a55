//! Asking about images.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::path;
use crate::core::reason::{Fault, Reason};
use crate::docker::DockerEngine;
use crate::docker::fault::odd;
use crate::docker::model::answers;
use crate::ports::BoxFuture;
use crate::ports::engine::{
    Asked, IMAGE, Image, ImageFilter, ImageId, ImageName, ImageReference, ImageRow, ImageStep,
    LookImages, image_called,
};

answers! {
    /// An image in `GET /images/json`.
    Row {
        id: String = "Id",
        tags: Vec<String> = "RepoTags",
        digests: Vec<String> = "RepoDigests",
        parent: String = "ParentId",
        created: i64 = "Created",
        size: u64 = "Size",
        labels: BTreeMap<String, String> = "Labels",
        containers: Option<i64> = "Containers",
    }

    /// `GET /images/{id}/json`.
    Inspected {
        id: String = "Id",
        tags: Vec<String> = "RepoTags",
        digests: Vec<String> = "RepoDigests",
        created: String = "Created",
        size: u64 = "Size",
        os: String = "Os",
        arch: String = "Architecture",
        variant: String = "Variant",
        author: String = "Author",
        config: Config = "Config",
        root: RootFs = "RootFS",
    }

    Config {
        entrypoint: Vec<String> = "Entrypoint",
        command: Vec<String> = "Cmd",
        env: Vec<String> = "Env",
        labels: BTreeMap<String, String> = "Labels",
        user: String = "User",
        workdir: String = "WorkingDir",
        ports: BTreeMap<String, Value> = "ExposedPorts",
        volumes: BTreeMap<String, Value> = "Volumes",
        stop_signal: Option<String> = "StopSignal",
        health: Health = "Healthcheck",
    }

    Health {
        test: Vec<String> = "Test",
    }

    RootFs {
        layers: Vec<String> = "Layers",
    }

    /// A step in `GET /images/{id}/history`.
    Step {
        created: i64 = "Created",
        command: String = "CreatedBy",
        size: u64 = "Size",
        comment: String = "Comment",
    }
}

impl LookImages for DockerEngine {
    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let Ok(reference) = ImageReference::parse(reference) else { return Ok(None) };
            if let Some(id) = reference.id() {
                return Ok(Some(id.as_str().to_owned()));
            }
            let rows = self.image_candidates(&reference).await?;
            Ok(image_called(&reference, &rows).ok().map(|row| row.id.as_str().to_owned()))
        })
    }

    fn images<'a>(&'a self, filter: &'a ImageFilter) -> Asked<'a, Vec<ImageRow>> {
        Box::pin(async move {
            let mut filters = BTreeMap::new();
            if let Some(dangling) = filter.dangling {
                filters.insert("dangling", dangling.to_string());
            }
            if let Some(label) = &filter.label {
                filters.insert("label", label.clone());
            }
            self.list_images(filter.all, &filters).await
        })
    }

    fn image_candidates<'a>(&'a self, reference: &'a ImageReference) -> Asked<'a, Vec<ImageRow>> {
        Box::pin(async move {
            match (reference.name(), reference.digits()) {
                // The beginning of an id is nothing that the engine filters by.
                (_, Some(_)) => self.list_images(true, &BTreeMap::new()).await,
                (Some(name), None) => {
                    let filters = BTreeMap::from([("reference", name.to_string())]);
                    self.list_images(true, &filters).await
                }
                (None, None) => Ok(Vec::new()),
            }
        })
    }

    fn image<'a>(&'a self, id: &'a ImageId) -> Asked<'a, Image> {
        Box::pin(async move {
            let found: Inspected = self.ask(IMAGE.name, &format!("/images/{id}/json")).await?;
            if found.id != id.as_str() {
                return Err(Fault::new(
                    Reason::NotFound,
                    format!("The image {id} is gone. Ask for the list to see what there is."),
                ));
            }
            Ok(image(found, id.clone()))
        })
    }

    fn image_history<'a>(&'a self, id: &'a ImageId) -> Asked<'a, Vec<ImageStep>> {
        Box::pin(async move {
            let steps: Vec<Step> = self.ask(IMAGE.name, &format!("/images/{id}/history")).await?;
            let step = |step: Step| ImageStep {
                created: moment(step.created),
                command: step.command,
                size: step.size,
                comment: step.comment,
            };
            Ok(steps.into_iter().map(step).collect())
        })
    }
}

impl DockerEngine {
    async fn list_images(
        &self,
        all: bool,
        filters: &BTreeMap<&str, String>,
    ) -> Result<Vec<ImageRow>, Fault> {
        self.rows(all, filters).await?.into_iter().map(row).collect()
    }

    /// How many containers use an image, as the engine counts them: those as well that it does not
    /// list. None if it does not count them, or has no such image.
    pub(in crate::docker) async fn users_counted(
        &self,
        id: &ImageId,
    ) -> Result<Option<u64>, Fault> {
        let rows = self.rows(true, &BTreeMap::new()).await?;
        let row = rows.into_iter().find(|row| row.id == id.as_str());
        Ok(row.and_then(|row| row.containers).and_then(|count| u64::try_from(count).ok()))
    }

    async fn rows(&self, all: bool, filters: &BTreeMap<&str, String>) -> Result<Vec<Row>, Fault> {
        let mut parameters = Vec::new();
        if all {
            parameters.push(("all", "1".to_owned()));
        }
        if !filters.is_empty() {
            let lists: BTreeMap<&str, [&String; 1]> =
                filters.iter().map(|(key, value)| (*key, [value])).collect();
            parameters.push(("filters", json!(lists).to_string()));
        }
        self.ask("list", &path("/images/json", &parameters)).await
    }
}

fn row(row: Row) -> Result<ImageRow, Fault> {
    let id = ImageId::parse(&row.id).ok_or_else(|| odd(IMAGE.name, "its id is none"))?;
    let (tags, digests) = (names(row.tags), names(row.digests));
    let (parent, created) = (ImageId::parse(&row.parent), moment(row.created));
    Ok(ImageRow { id, tags, digests, parent, created, size: row.size, labels: row.labels })
}

/// Names in order and in one spelling, in which Podman's do not come; without those that engines
/// write where there is none.
fn names(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| !name.starts_with("<none>"));
    let mut names: Vec<String> = names.iter().map(|name| ImageName::spelt(name)).collect();
    names.sort();
    names.dedup();
    names
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn image(found: Inspected, id: ImageId) -> Image {
    let Inspected { os, arch, variant, config, .. } = found;
    let platform = [os, arch, variant];
    let platform: Vec<String> = platform.into_iter().filter(|part| !part.is_empty()).collect();
    Image {
        id,
        tags: names(found.tags),
        digests: names(found.digests),
        created: OffsetDateTime::parse(&found.created, &Rfc3339).ok(),
        size: found.size,
        platform: platform.join("/"),
        layers: found.root.layers.len(),
        author: found.author,
        entrypoint: config.entrypoint,
        command: config.command,
        env: config.env,
        labels: config.labels,
        user: config.user,
        workdir: config.workdir,
        ports: config.ports.into_keys().collect(),
        volumes: config.volumes.into_keys().collect(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        healthcheck: config.health.test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let given = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (hub, local) = ("docker.io/library/a:1", "localhost/a:1");
        assert_eq!(names(given(&[local, hub])), ["a:1", local]);
        assert_eq!(names(given(&["docker.io/b/c:1", "b/c:1"])), ["b/c:1"]);
        let digest = format!("@sha256:{}", "1".repeat(64));
        assert_eq!(
            names(given(&[&format!("docker.io/library/a{digest}")])),
            [format!("a{digest}")]
        );
        let odd = ["No Name", "<none>:<none>", "<none>@<none>"];
        assert_eq!(names(given(&odd)), ["No Name"], "what cannot be read stays as it is");
    }
}
