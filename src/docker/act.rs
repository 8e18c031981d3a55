//! Changing something. bollard makes the requests; the connection is ours, so that it is known
//! whether a request left, and what status came back, which bollard does not tell.
//!
//! Before anything is sent: the target is of the kind that is changed, its id has that kind's form,
//! and the engine that answers on the very connection that the change will take is the target's.
//!
//! | what happens | fault |
//! |---|---|
//! | the target cannot be one | `invalid_argument`, nothing was sent |
//! | another engine answers | `plan_changed`, nothing was sent |
//! | no connection, or it ended before the request left | `engine_unavailable`, nothing was sent |
//! | the engine does not say in time who it is | `timeout`, nothing was sent |
//! | 2xx / 304 | done / was so already |
//! | 404 "no such container", and so on for each kind | `not_found`, it did not happen |
//! | another error status below the order's `certain_below` | `engine_error`: it did not happen |
//! | an error in whose words nothing was done (Podman) | `engine_error`: it did not happen |
//! | any other error status | `outcome_unknown` |
//! | past the deadline, connection lost, unreadable answer | `outcome_unknown` |

mod containers;
mod exec;
mod images;
mod networks;
mod processes;
mod volumes;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Uri};
use tokio::time::timeout;

use super::look::decode;
use super::model::Info;
use super::wire::{Broken, Connection};
use super::{DockerEngine, deadline, fault};
use crate::core::operation::Kind;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::ports::engine::Acted;

/// One request that changes something.
#[derive(Clone)]
struct Order<'a> {
    /// What it changes. The request goes to this target's engine, or nowhere.
    target: &'a Target,
    /// What it is done to, for messages: `stop`.
    verb: &'static str,
    /// The request that is made, and no other.
    method: Method,
    path: String,
    /// How long it may take.
    limit: Duration,
    /// Error statuses below this say that it did not happen.
    certain_below: u16,
}

/// What an engine said to an order that it carried out.
#[derive(Debug)]
struct Said<T> {
    status: u16,
    answer: T,
}

impl<T> Said<T> {
    /// Whether it did anything.
    fn acted(&self) -> Acted {
        if self.status == 304 { Acted::AlreadySo } else { Acted::Changed }
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

impl DockerEngine {
    /// Makes the request of an order, once.
    async fn order<T, F>(
        &self,
        order: Order<'_>,
        request: impl FnOnce(Docker) -> F,
    ) -> Result<Said<T>, Fault>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        let connection = self.connection_to(&order.target.engine).await?;
        let fate = Arc::new(Mutex::new(Fate::default()));
        let expected = (order.method.clone(), order.path.clone());
        let docker = one_request(connection, expected, &fate, order.limit)?;
        let answered = timeout(order.limit, request(docker)).await;
        let fate = fate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (answered, fate) {
            (Ok(Ok(answer)), Fate::Answered(status)) => Ok(Said { status, answer }),
            (Ok(Err(error)), Fate::Answered(status)) if status < 400 => {
                Err(unknown(&order, "the engine's answer cannot be read", &error.to_string()))
            }
            (Ok(Err(error)), Fate::Answered(status)) => Err(refused(&order, status, error)),
            (Ok(Err(error)), Fate::Unsent) => {
                self.wire()?.forget();
                Err(unsent(&order, &error.to_string()))
            }
            (Ok(_), Fate::Lost(why)) => {
                self.wire()?.forget();
                Err(unknown(&order, "the connection was lost before the answer", &why))
            }
            (Ok(Ok(_)), Fate::Unsent) => Err(unknown(&order, "no answer was seen", "")),
            (Err(_), _) => {
                let why = format!("the engine did not answer within {} s", order.limit.as_secs());
                Err(unknown(&order, &why, "deadline passed"))
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
        let answering = info.engine()?;
        if answering != engine {
            wire.forget();
            return Err(Fault::new(
                Reason::PlanChanged,
                format!(
                    "Another engine answers at {} than the one that the plan was made for, so \
                     nothing was sent. Call again without confirmToken to get a new preview.",
                    text::name(&wire.endpoint.address)
                ),
            )
            .with_detail(format!("planned for {engine}, answered by {answering}")));
        }
        wire.learn(identity, &answering);
        Ok(connection)
    }
}

/// The target's id, as it may stand in a path.
fn id_of<'a>(target: &'a Target, kind: &Kind) -> Result<&'a str, Fault> {
    let is_one = target.kind == kind.name && kind.ids.is(&target.id);
    is_one.then_some(target.id.as_str()).ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is not the full id of a {}, so nothing was sent.",
            text::name(&target.id),
            kind.name
        ))
    })
}

/// A client that makes one request on `connection`, to `expected` and nowhere else, and notes in
/// `fate` how far it got.
fn one_request(
    connection: Connection,
    expected: (Method, String),
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
                .filter(|_| *request.method() == expected.0 && request.uri().path() == expected.1)
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
fn refused(order: &Order<'_>, status: u16, error: BollardError) -> Fault {
    let said = fault::said(&match error {
        BollardError::DockerResponseServerError { message, .. } => message,
        other => other.to_string(),
    });
    let Target { name, kind, .. } = order.target;
    let name = text::name(name);
    if status == 404 && fault::says_it_is_gone(&said, kind) {
        return Fault::new(
            Reason::NotFound,
            format!("The {kind} {name} is gone, so nothing was done. Ask for the list."),
        )
        .with_detail(said);
    }
    if status < 400 {
        return unknown(order, "the engine's answer cannot be read to its end", &said);
    }
    if status >= order.certain_below && !fault::says_it_did_nothing(&said) {
        let why = format!("the engine answered with an error ({status}): {}", fault::shown(&said));
        return unknown(order, &why, &said);
    }
    Fault::new(
        Reason::EngineError,
        format!(
            "The engine refused to {} {name} ({status}), so it did not happen: {}",
            order.verb,
            fault::shown(&said)
        ),
    )
    .with_detail(said)
}

fn unsent(order: &Order<'_>, why: &str) -> Fault {
    Fault::new(
        Reason::EngineUnavailable,
        format!(
            "The engine ended the connection before it was asked to {} {}, so nothing was done. \
             See whether it is being restarted, then ask for a new preview.",
            order.verb,
            text::name(&order.target.name)
        ),
    )
    .with_detail(why)
}

fn unknown(order: &Order<'_>, why: &str, detail: &str) -> Fault {
    let Target { kind, id, .. } = order.target;
    Fault::new(
        Reason::OutcomeUnknown,
        format!(
            "Whether the {} of {} happened is not known: {why}. Do not repeat it blindly: look \
             first, with inspect_{kind} or `docker {kind} inspect {}`, at what is so now.",
            order.verb,
            text::name(&order.target.name),
            text::name(id)
        ),
    )
    .with_detail(detail)
}

#[cfg(test)]
mod tests;
