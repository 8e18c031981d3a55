//! Changing containers.
//!
//! | order | error statuses that say that it did not happen |
//! |---|---|
//! | start | up to 500: the engine undoes a start that fails. What is above is not the engine's own answer, but that of something before it |
//! | stop | below 500: refused before a signal was sent |
//! | restart | none: it may have stopped and not started; what fails a start is told with 4xx as well |

use std::time::Duration;

use bollard::query_parameters::{RestartContainerOptions, StopContainerOptions};
use hyper::Method;

use super::{Order, id_of};
use crate::core::grant::Granted;
use crate::core::reason::Fault;
use crate::docker::{DockerEngine, deadline};
use crate::ports::BoxFuture;
use crate::ports::engine::{ActContainers, Acted, CONTAINER};

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
    if seconds > deadline::GRACE_SECONDS_MAX {
        return Err(Fault::invalid(format!(
            "A container is given at most {} s to stop.",
            deadline::GRACE_SECONDS_MAX
        )));
    }
    Ok((i32::try_from(seconds).ok(), Duration::from_secs(u64::from(seconds))))
}
