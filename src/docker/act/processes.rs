//! Making something run: new containers, and commands inside running ones.
//!
//! | order | error statuses that say that it did not happen |
//! |---|---|
//! | making a container | below 500 |
//! | taking it back | below 500 |
//! | its start | as every start: up to 500 |
//! | preparing a command | all: preparing it runs nothing |
//! | starting a command | 4xx |

use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, PortBinding, PortMap};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};
use hyper::Method;

use super::containers::restart_policy;
use super::{Order, fault, unknown};
use crate::core::grant::Granted;
use crate::core::ids::{FullId, Reference};
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::docker::DockerEngine;
use crate::ports::engine::{
    ActProcesses, Asked, CONTAINER, Command, Executed, IMAGE, ImageId, LookContainers as _,
    LookVolumes as _, MountSource, NewContainer, NewMount, Publish, Ran, Start,
};

impl ActProcesses for DockerEngine {
    fn run<'a>(&'a self, image: &'a Granted<'a>, new: &'a NewContainer) -> Asked<'a, Ran> {
        Box::pin(async move {
            let image = image.target();
            let (id, warnings) = self.make(image, new).await?;
            let made = Target {
                kind: CONTAINER.name,
                id: id.as_str().to_owned(),
                name: new.name.clone().unwrap_or_else(|| id.short().to_owned()),
                engine: image.engine.clone(),
                attributes: BTreeMap::new(),
            };
            let shown = async {
                self.is_of(&id, image, new).await?;
                self.mounts_what_was_shown(new).await
            };
            let start = match shown.await {
                Ok(()) => self.start_made(&made).await.map_or_else(Start::Failed, |()| Start::Done),
                Err(other) => self.take_back(&made, new, other).await?,
            };
            Ok(Ran { id, warnings, start })
        })
    }

    fn exec<'a>(&'a self, target: &'a Granted<'a>, command: &'a Command) -> Asked<'a, Executed> {
        Box::pin(async move {
            let target = target.target();
            let exec = self.prepare(target, command).await?;
            self.attend(target, &exec, command).await
        })
    }
}

impl DockerEngine {
    async fn make(
        &self,
        image: &Target,
        new: &NewContainer,
    ) -> Result<(FullId, Vec<String>), Fault> {
        let id = ImageId::parse(&image.id).filter(|_| image.kind == IMAGE.name);
        let no_id = || {
            let id = text::name(&image.id);
            Fault::invalid(format!("`{id}` is not the full id of an image, so nothing was sent."))
        };
        let body = body(&id.ok_or_else(no_id)?, new)?;
        let order = || Order {
            target: image,
            verb: "run",
            method: Method::POST,
            path: "/containers/create".to_owned(),
            limit: self.deadlines.start,
            certain_below: 500,
        };
        let options =
            CreateContainerOptions { name: new.name.clone(), ..CreateContainerOptions::default() };
        let request = |docker: bollard::Docker| async move {
            docker.create_container(Some(options), body).await
        };
        let answer = self.order(order(), request).await?.answer;
        let id = FullId::parse(&answer.id)
            .ok_or_else(|| unknown(&order(), "the engine gave it an id that is none", ""))?;
        Ok((id, answer.warnings))
    }

    /// Whether a container that was made by the name of an image is of the image that is permitted:
    /// the name can be moved to another one while the request is on its way.
    async fn is_of(&self, id: &FullId, image: &Target, new: &NewContainer) -> Result<(), Fault> {
        let Some(name) = &new.image else { return Ok(()) };
        match self.container(id).await.map(|made| ImageId::parse(&made.image_id)) {
            Ok(Some(made)) if made.as_str() == image.id => Ok(()),
            Ok(Some(made)) => Err(Fault::new(
                Reason::EngineError,
                format!("{name} means another image by now, sha256:{}", made.short()),
            )),
            Ok(None) => Err(Fault::new(
                Reason::EngineError,
                "the engine does not tell of which image it is".to_owned(),
            )),
            Err(fault) => {
                let said = fault::heard(&fault);
                let why = format!("of which image it is could not be seen: {said}");
                Err(Fault::new(Reason::EngineError, why))
            }
        }
    }

    /// Whether the volumes of a container that was made are those that were shown: names can come to
    /// mean other ones while the request is on its way. From now on its container keeps each in place.
    async fn mounts_what_was_shown(&self, new: &NewContainer) -> Result<(), Fault> {
        for (name, shown) in &new.volumes {
            let volume = self.volume(&Reference::parse(name)?).await.map_err(|fault| {
                let said = fault::heard(&fault);
                let why = format!("the volume {} could not be seen: {said}", text::name(name));
                Fault::new(Reason::EngineError, why)
            })?;
            let same = match shown {
                Some(shown) => volume.storage()?.to_string() == *shown,
                None => volume.is_plain(),
            };
            if !same {
                let why = format!("the volume {} is another one by now", text::name(name));
                return Err(Fault::new(Reason::EngineError, why));
            }
        }
        Ok(())
    }

    /// Removes a container that was just made, never started, and is not to stay. It is not forced:
    /// what somebody else has started meanwhile stays. So do volumes with names.
    async fn take_back(
        &self,
        made: &Target,
        new: &NewContainer,
        other: Fault,
    ) -> Result<Start, Fault> {
        let order = Order {
            target: made,
            verb: "remove",
            method: Method::DELETE,
            path: format!("/containers/{}", made.id),
            limit: self.deadlines.removal,
            certain_below: 500,
        };
        let options = RemoveContainerOptions { v: true, force: false, link: false };
        let request = |docker: bollard::Docker| async move {
            docker.remove_container(&made.id, Some(options)).await
        };
        let why = other.message;
        let kept = match self.order(order, request).await {
            Ok(_) => None,
            Err(fault) => Some(fault).filter(|fault| fault.reason != Reason::NotFound),
        };
        let Some(kept) = kept else {
            return Err(Fault::new(
                other.reason,
                format!(
                    "The container was made, not started and removed again, so there is none: \
                     {why}. {}Call again without confirmToken to see what it would be made of now.",
                    staying(new)
                ),
            ));
        };
        let said = fault::heard(&kept);
        let reason = match kept.reason {
            Reason::OutcomeUnknown => Reason::OutcomeUnknown,
            _ => Reason::EngineError,
        };
        let message = format!("{why}; and whether it was removed again is not sure: {said}");
        Ok(Start::Withheld(Fault::new(reason, message)))
    }

    async fn start_made(&self, made: &Target) -> Result<(), Fault> {
        let order = Order {
            target: made,
            verb: "start",
            method: Method::POST,
            path: format!("/containers/{}/start", made.id),
            limit: self.deadlines.start,
            certain_below: 501,
        };
        let request =
            |docker: bollard::Docker| async move { docker.start_container(&made.id, None).await };
        self.order(order, request).await.map(drop)
    }
}

/// That volumes with names stay where a container is taken back. Engines make those that are missing
/// and copy an image's files into empty ones before anybody sees of which image the container is.
fn staying(new: &NewContainer) -> String {
    let named = new.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(name) => Some(text::name(name)),
        MountSource::HostPath(_) => None,
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        return String::new();
    }
    format!(
        "The volumes {} stay, were made if they were not there, and may hold files of the other \
         image now. ",
        named.join(", ")
    )
}

/// The container as the engine is asked for it. The image stands in it by its name where it has one,
/// since that is what the container is said to be of from then on.
fn body(image: &ImageId, new: &NewContainer) -> Result<ContainerCreateBody, Fault> {
    let exposed: Vec<String> = new.ports.iter().map(inside).collect();
    let mut bindings = PortMap::new();
    for port in &new.ports {
        let binding = PortBinding {
            host_ip: Some(port.address.clone()),
            host_port: Some(port.host.to_string()),
        };
        bindings.entry(inside(port)).or_default().get_or_insert_default().push(binding);
    }
    let host = HostConfig {
        mounts: Some(new.mounts.iter().map(mount).collect()),
        port_bindings: Some(bindings),
        network_mode: new.network.clone(),
        restart_policy: new.restart_policy.as_ref().map(restart_policy).transpose()?,
        memory: new.memory_bytes,
        nano_cpus: new.nano_cpus,
        ..HostConfig::default()
    };
    Ok(ContainerCreateBody {
        image: Some(new.image.as_ref().map_or_else(|| image.to_string(), ToString::to_string)),
        cmd: new.command.clone(),
        env: Some(new.env.clone()),
        labels: Some(new.labels.clone().into_iter().collect()),
        exposed_ports: Some(exposed),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    })
}

fn inside(port: &Publish) -> String {
    format!("{}/{}", port.private, port.protocol)
}

/// Mounts are sent in their long form: what the short one would split or make up is refused there.
fn mount(it: &NewMount) -> Mount {
    let (kind, source) = match &it.source {
        MountSource::Volume(name) => (MountType::VOLUME, name),
        MountSource::HostPath(path) => (MountType::BIND, path),
    };
    Mount {
        typ: Some(kind),
        source: Some(source.clone()),
        target: Some(it.destination.clone()),
        read_only: Some(!it.writable),
        ..Mount::default()
    }
}
