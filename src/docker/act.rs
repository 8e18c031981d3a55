//! Changing something. bollard makes the requests; the connection is ours, so that it is known
//! whether a request left, and what status came back, which bollard does not tell.
//!
//! Before anything is sent: the target is a container, its id is a full one, and the engine that
//! answers on the very connection that the change will take is the target's.
//!
//! | what happens | fault |
//! |---|---|
//! | the target cannot be one | `invalid_argument`, nothing was sent |
//! | another engine answers | `plan_changed`, nothing was sent |
//! | no connection, or it ended before the request left | `engine_unavailable`, nothing was sent |
//! | the engine does not say in time who it is | `timeout`, nothing was sent |
//! | 2xx / 304 | done / was so already |
//! | 404 "no such container" | `not_found`, it did not happen |
//! | start: another 4xx, or 500 | `engine_error`: the engine undoes a start that fails |
//! | stop: another 4xx | `engine_error`: refused before a signal was sent |
//! | stop: 5xx | `outcome_unknown`: a signal may have been sent |
//! | restart: any other error | `outcome_unknown`: it may have stopped and not started; what fails a start is told with 4xx as well |
//! | start: 501 and above | `outcome_unknown`: not the engine's own answer, but that of something before it |
//! | past the deadline, connection lost, unreadable answer | `outcome_unknown` |

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::query_parameters::{RestartContainerOptions, StopContainerOptions};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Uri};
use tokio::time::timeout;

use super::look::decode;
use super::model::Info;
use super::wire::{Broken, Connection};
use super::{DockerEngine, deadline, fault};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::ports::BoxFuture;
use crate::ports::engine::{Act, Acted, CONTAINER};

/// What is done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Start,
    Stop { grace_seconds: u32 },
    Restart { grace_seconds: u32 },
}

impl Change {
    const fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop { .. } => "stop",
            Self::Restart { .. } => "restart",
        }
    }

    const fn grace_seconds(self) -> u32 {
        match self {
            Self::Start => 0,
            Self::Stop { grace_seconds } | Self::Restart { grace_seconds } => grace_seconds,
        }
    }

    fn deadline(self, deadlines: &deadline::Deadlines) -> Duration {
        let grace = Duration::from_secs(u64::from(self.grace_seconds()));
        match self {
            Self::Start => deadlines.start,
            Self::Stop { .. } => grace + deadlines.stop_margin,
            Self::Restart { .. } => grace + deadlines.stop_margin + deadlines.start,
        }
    }
}

/// How far a request got.
#[derive(Clone, Debug, Default)]
enum Fate {
    #[default]
    Unsent,
    Lost(String),
    Answered(u16),
}

impl Act for DockerEngine {
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.change(target, Change::Start))
    }

    fn stop<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.change(target, Change::Stop { grace_seconds }))
    }

    fn restart<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.change(target, Change::Restart { grace_seconds }))
    }
}

impl DockerEngine {
    async fn change(&self, granted: &Granted<'_>, change: Change) -> Result<Acted, Fault> {
        let target = granted.target();
        let id = container_id(target)?;
        if change.grace_seconds() > deadline::GRACE_SECONDS_MAX {
            return Err(Fault::invalid(format!(
                "A container is given at most {} s to stop.",
                deadline::GRACE_SECONDS_MAX
            )));
        }
        let connection = self.connection_to(&target.engine).await?;
        let limit = change.deadline(&self.deadlines);
        let fate = Arc::new(Mutex::new(Fate::default()));
        let docker = one_request(connection, expected_path(&id, change), &fate, limit)?;
        let answered = timeout(limit, request(&docker, &id, change)).await;
        let fate = fate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (answered, fate) {
            (Ok(Ok(())), Fate::Answered(304)) => Ok(Acted::AlreadySo),
            (Ok(Ok(())), Fate::Answered(_)) => Ok(Acted::Changed),
            (Ok(Err(error)), Fate::Answered(status)) => Err(refused(target, change, status, error)),
            (Ok(Err(error)), Fate::Unsent) => {
                self.wire()?.forget();
                Err(unsent(target, change, &error.to_string()))
            }
            (Ok(_), Fate::Lost(why)) => {
                self.wire()?.forget();
                Err(unknown(target, change, "the connection was lost before the answer", &why))
            }
            (Ok(Ok(())), Fate::Unsent) => Err(unknown(target, change, "no answer was seen", "")),
            (Err(_), _) => {
                let why = format!("the engine did not answer within {} s", limit.as_secs());
                Err(unknown(target, change, &why, "deadline passed"))
            }
        }
    }

    /// A connection of its own to the engine with this id.
    async fn connection_to(&self, engine: &str) -> Result<Connection, Fault> {
        let wire = self.wire()?;
        let identity = wire.identity();
        let asking = async {
            let mut connection = wire.connect().await?;
            let response = connection.open("/info").await?;
            let answer = connection.read(response).await?;
            Ok((connection, answer))
        };
        let (connection, answer) = self.in_time(asking).await?;
        let info: Info = decode("engine", &answer)?;
        if info.id != engine || engine.is_empty() {
            wire.forget();
            return Err(Fault::new(
                Reason::PlanChanged,
                format!(
                    "Another engine answers at {} than the one that the plan was made for, so \
                     nothing was sent. Call again without confirmToken to get a new preview.",
                    text::name(&wire.endpoint.address)
                ),
            )
            .with_detail(format!("planned for {engine}, answered by {}", info.id)));
        }
        wire.learn(identity, &info.id);
        Ok(connection)
    }
}

fn container_id(target: &Target) -> Result<FullId, Fault> {
    let id = FullId::parse(&target.id).filter(|_| target.kind == CONTAINER.name);
    id.ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is not the full id of a container, so nothing was sent.",
            text::name(&target.id)
        ))
    })
}

fn expected_path(id: &FullId, change: Change) -> String {
    format!("/containers/{id}/{}", change.verb())
}

async fn request(docker: &Docker, id: &FullId, change: Change) -> Result<(), BollardError> {
    // The grace is always said: the container's own could outlast any deadline.
    let t = i32::try_from(change.grace_seconds()).ok();
    match change {
        Change::Start => docker.start_container(id.as_str(), None).await,
        Change::Stop { .. } => {
            docker.stop_container(id.as_str(), Some(StopContainerOptions { t, signal: None })).await
        }
        Change::Restart { .. } => {
            let options = RestartContainerOptions { t, signal: None };
            docker.restart_container(id.as_str(), Some(options)).await
        }
    }
}

/// A client that makes one request on `connection`, to `expected` and nowhere else, and notes in
/// `fate` how far it got.
fn one_request(
    connection: Connection,
    expected: String,
    fate: &Arc<Mutex<Fate>>,
    limit: Duration,
) -> Result<Docker, Fault> {
    let connection = Arc::new(Mutex::new(Some(connection)));
    let fate = Arc::clone(fate);
    let transport = move |request: BollardRequest| {
        let (connection, fate) = (Arc::clone(&connection), Arc::clone(&fate));
        let expected = expected.clone();
        async move {
            let taken = connection.lock().unwrap_or_else(PoisonError::into_inner).take();
            let note = |now: Fate| *fate.lock().unwrap_or_else(PoisonError::into_inner) = now;
            let mut connection = taken
                .filter(|_| request.uri().path() == expected)
                .ok_or_else(|| stopped("this client makes one request, and not this one"))?;
            let request = plain(request).await?;
            note(Fate::Lost("it was cancelled".to_owned()));
            match connection.send(request).await {
                Ok(response) => {
                    connection.detach();
                    note(Fate::Answered(response.status().as_u16()));
                    Ok(response)
                }
                Err(Broken::Lost(why)) => {
                    note(Fate::Lost(why.clone()));
                    Err(stopped(why))
                }
                Err(broken) => {
                    note(Fate::Unsent);
                    Err(stopped(format!("{broken:?}")))
                }
            }
        }
    };
    // Our own deadline comes first; bollard's has to be set all the same.
    let seconds = limit.as_secs().saturating_add(deadline::READ_SECONDS_MAX);
    Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        seconds,
        API_DEFAULT_VERSION,
    )
    .map_err(|error| fault::odd("engine", error.to_string()))
}

fn stopped(why: impl Into<String>) -> BollardError {
    BollardError::from(std::io::Error::other(why.into()))
}

/// The request as it goes over a socket: its path alone, and its body whole.
async fn plain(request: BollardRequest) -> Result<Request<Full<hyper::body::Bytes>>, BollardError> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map(Uri::from).ok_or_else(|| stopped("the request has no path"))?;
    let body = body.collect().await.map_err(|error| stopped(error.to_string()))?.to_bytes();
    Ok(Request::from_parts(parts, Full::new(body)))
}

/// The fault of an answer with an error status.
fn refused(target: &Target, change: Change, status: u16, error: BollardError) -> Fault {
    let said = fault::said(&match error {
        BollardError::DockerResponseServerError { message, .. } => message,
        other => other.to_string(),
    });
    let name = text::name(&target.name);
    if status == 404 && said.to_ascii_lowercase().contains("no such container") {
        return Fault::new(
            Reason::NotFound,
            format!("The container {name} is gone, so nothing was done. Ask for the list."),
        )
        .with_detail(said);
    }
    let happened_not = match change {
        Change::Start => status <= 500,
        Change::Stop { .. } => status < 500,
        Change::Restart { .. } => false,
    };
    if !happened_not {
        let why = format!("the engine answered with an error ({status}): {}", fault::shown(&said));
        return unknown(target, change, &why, &said);
    }
    Fault::new(
        Reason::EngineError,
        format!(
            "The engine refused to {} {name} ({status}), so it did not happen: {}",
            change.verb(),
            fault::shown(&said)
        ),
    )
    .with_detail(said)
}

fn unsent(target: &Target, change: Change, why: &str) -> Fault {
    Fault::new(
        Reason::EngineUnavailable,
        format!(
            "The engine ended the connection before it was asked to {} {}, so nothing was done. \
             See whether it is being restarted, then ask for a new preview.",
            change.verb(),
            text::name(&target.name)
        ),
    )
    .with_detail(why)
}

fn unknown(target: &Target, change: Change, why: &str, detail: &str) -> Fault {
    Fault::new(
        Reason::OutcomeUnknown,
        format!(
            "Whether the {} of {} happened is not known: {why}. Do not repeat it blindly: look \
             first, with inspect_container or `docker inspect {}`, at its state and its last start.",
            change.verb(),
            text::name(&target.name),
            target.id
        ),
    )
    .with_detail(detail)
}

#[cfg(test)]
mod tests;
