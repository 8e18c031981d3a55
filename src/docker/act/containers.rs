//! Changing containers.
//!
//! | order | error statuses that say that it did not happen |
//! |---|---|
//! | start | up to 500: the engine undoes a start that fails. What is above is not the engine's own answer, but that of something before it |
//! | stop | below 500: refused before a signal was sent |
//! | restart | none: it may have stopped and not started; what fails a start is told with 4xx as well |
//! | pause, unpause | up to 500: the engine answers so to what is, or is not, paused already, and undoes a pause that fails |
//! | kill, rename, update, remove | below 500: refused before anything was done |

use std::time::Duration;

use bollard::models::{ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{
    KillContainerOptions, RemoveContainerOptions, RenameContainerOptions, RestartContainerOptions,
    StopContainerOptions,
};
use hyper::Method;

use super::{Order, id_of};
use crate::core::grant::Granted;
use crate::core::reason::Fault;
use crate::docker::DockerEngine;
use crate::ports::BoxFuture;
use crate::ports::engine::{ActContainers, Acted, Asked, CONTAINER, GRACE_SECONDS_MAX, Limits};

impl ActContainers for DockerEngine {
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = post(target, "start", self.deadlines.start, 501)?;
            let request =
                |docker: bollard::Docker| async move { docker.start_container(id, None).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn stop<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let (t, grace) = grace(grace_seconds)?;
            let order = post(target, "stop", grace + self.deadlines.stop_margin, 500)?;
            let request = |docker: bollard::Docker| async move {
                docker.stop_container(id, Some(StopContainerOptions { t, signal: None })).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn restart<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let (t, grace) = grace(grace_seconds)?;
            let limit = grace + self.deadlines.stop_margin + self.deadlines.start;
            let order = post(target, "restart", limit, 0)?;
            let request = |docker: bollard::Docker| async move {
                let options = RestartContainerOptions { t, signal: None };
                docker.restart_container(id, Some(options)).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn kill<'a>(&'a self, target: &'a Granted<'a>, signal: &'a str) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = post(target, "kill", self.deadlines.stop_margin, 500)?;
            let options = KillContainerOptions { signal: signal.to_owned() };
            let request = |docker: bollard::Docker| async move {
                docker.kill_container(id, Some(options)).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn pause<'a>(&'a self, target: &'a Granted<'a>) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = post(target, "pause", self.deadlines.change, 501)?;
            let request = |docker: bollard::Docker| async move { docker.pause_container(id).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn unpause<'a>(&'a self, target: &'a Granted<'a>) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = post(target, "unpause", self.deadlines.change, 501)?;
            let request =
                |docker: bollard::Docker| async move { docker.unpause_container(id).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn rename<'a>(&'a self, target: &'a Granted<'a>, name: &'a str) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = post(target, "rename", self.deadlines.change, 500)?;
            let options = RenameContainerOptions { name: name.to_owned() };
            let request =
                |docker: bollard::Docker| async move { docker.rename_container(id, options).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn update<'a>(&'a self, target: &'a Granted<'a>, limits: &'a Limits) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let body = update_body(limits)?;
            let order = post(target, "update", self.deadlines.change, 500)?;
            let request =
                |docker: bollard::Docker| async move { docker.update_container(id, body).await };
            Ok(self.order(order, request).await?.acted())
        })
    }

    fn remove_container<'a>(
        &'a self,
        target: &'a Granted<'a>,
        force: bool,
        volumes: bool,
    ) -> Asked<'a, Acted> {
        Box::pin(async move {
            let id = id_of(target.target(), &CONTAINER)?;
            let order = Order {
                target: target.target(),
                verb: "remove",
                method: Method::DELETE,
                path: format!("/containers/{id}"),
                limit: self.deadlines.removal,
                certain_below: 500,
            };
            let options = RemoveContainerOptions { v: volumes, force, link: false };
            let request = |docker: bollard::Docker| async move {
                docker.remove_container(id, Some(options)).await
            };
            Ok(self.order(order, request).await?.acted())
        })
    }
}

/// What an update sends: what is to change, and nothing else.
fn update_body(limits: &Limits) -> Result<ContainerUpdateBody, Fault> {
    Ok(ContainerUpdateBody {
        memory: limits.memory_bytes,
        memory_swap: limits.memory_swap_bytes,
        nano_cpus: limits.nano_cpus,
        restart_policy: limits.restart_policy.as_ref().map(restart_policy).transpose()?,
        ..ContainerUpdateBody::default()
    })
}

/// A restart policy by its name, and how often it tries if that has an end.
pub(super) fn restart_policy((name, tries): &(String, i64)) -> Result<RestartPolicy, Fault> {
    let name = match name.as_str() {
        "no" => RestartPolicyNameEnum::NO,
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => return Err(Fault::invalid("There is no such restart policy.")),
    };
    let maximum_retry_count = (*tries > 0).then_some(*tries);
    Ok(RestartPolicy { name: Some(name), maximum_retry_count })
}

/// `POST /containers/{id}/{verb}`.
fn post<'a>(
    target: &'a Granted<'_>,
    verb: &'static str,
    limit: Duration,
    certain_below: u16,
) -> Result<Order<'a>, Fault> {
    let target = target.target();
    let path = format!("/containers/{}/{verb}", id_of(target, &CONTAINER)?);
    Ok(Order { target, verb, method: Method::POST, path, limit, certain_below })
}

/// The grace of a stop. It is always said: the container's own could outlast any deadline.
fn grace(seconds: u32) -> Result<(Option<i32>, Duration), Fault> {
    if seconds > GRACE_SECONDS_MAX {
        return Err(Fault::invalid(format!(
            "A container is given at most {} s to stop.",
            GRACE_SECONDS_MAX
        )));
    }
    Ok((i32::try_from(seconds).ok(), Duration::from_secs(u64::from(seconds))))
}
