//! Connections to the engine's socket. Reads keep a few of them; a change always gets its own, so
//! that a connection gone stale never makes its outcome unknown.
//!
//! What is kept, connections as well as the engine's id, belongs to the socket file as it is now:
//! when another file stands in its place, or a connection breaks, all of it is forgotten.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::deadline::{ANSWER_BYTES_MAX, IDLE_CONNECTIONS_MAX};
use super::endpoint::Endpoint;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// There is no connection: nothing was sent.
    Connect(io::Error),
    /// The request was not sent, since the connection had ended.
    Unsent(String),
    /// The connection ended after something may have been sent.
    Lost(String),
    /// The answer is longer than [`ANSWER_BYTES_MAX`].
    TooLong,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Which file the socket is. Another engine behind the same path is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(socket: &Path) -> Option<Self> {
        let meta = fs::metadata(socket).ok()?;
        let changed = (meta.ctime(), meta.ctime_nsec());
        Some(Self { device: meta.dev(), inode: meta.ino(), changed })
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Sends a request. `path` may hold only what this adapter itself put together.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static("docker"));
        self.sender.ready().await.map_err(|error| Broken::Unsent(error.to_string()))?;
        self.sender.try_send_request(request).await.map_err(|mut error| {
            if error.take_message().is_some() {
                Broken::Unsent(error.into_error().to_string())
            } else {
                Broken::Lost(chain(&error.into_error()))
            }
        })
    }

    /// Asks for `path` and gives the answer's head; the body follows as it is read.
    pub(super) async fn open(&mut self, path: &str) -> Result<Response<Incoming>, Broken> {
        let request = Request::get(path).body(Full::default());
        self.send(request.map_err(|error| Broken::Unsent(error.to_string()))?).await
    }

    /// Asks for `path` and reads the whole answer.
    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Broken> {
        read(self.open(path).await?).await
    }
}

/// Reads an answer's body.
pub(super) async fn read(response: Response<Incoming>) -> Result<Answer, Broken> {
    let status = response.status().as_u16();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| Broken::Lost(chain(&error)))?;
        if let Some(data) = frame.data_ref() {
            if body.len() + data.len() > ANSWER_BYTES_MAX {
                return Err(Broken::TooLong);
            }
            body.extend_from_slice(data);
        }
    }
    Ok(Answer { status, body })
}

/// An error with what caused it: hyper says the cause only there.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// What is kept about the socket as it is now.
#[derive(Debug, Default)]
struct Kept {
    identity: Option<Identity>,
    idle: Vec<Connection>,
    engine: Option<String>,
}

/// The way to one engine.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) endpoint: Endpoint,
    kept: Mutex<Kept>,
}

impl Wire {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, kept: Mutex::default() }
    }

    /// A connection of one's own. It is given back by nobody and ends when it is dropped.
    pub(super) async fn connect(&self) -> Result<Connection, Broken> {
        let connected = async {
            let stream = UnixStream::connect(&self.endpoint.socket).await?;
            let shaken = http1::handshake(TokioIo::new(stream)).await;
            shaken.map_err(|error| io::Error::other(chain(&error)))
        };
        match connected.await {
            Ok((sender, driver)) => {
                // How the connection ended is seen by whoever waits for an answer on it.
                tokio::spawn(async move { driver.await.unwrap_or_default() });
                Ok(Connection { sender })
            }
            Err(error) => {
                self.forget();
                Err(Broken::Connect(error))
            }
        }
    }

    /// Asks for `path` on a kept connection if there is one. A kept connection that turns out to
    /// be broken is no answer: the question is asked once more on a new one.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Broken> {
        let identity = self.identity();
        if let Some(mut connection) = self.take(identity) {
            match connection.get(path).await {
                Ok(answer) => {
                    self.keep(identity, connection);
                    return Ok(answer);
                }
                Err(Broken::TooLong) => return Err(Broken::TooLong),
                Err(_) => self.forget(),
            }
        }
        let mut connection = self.connect().await?;
        let answer = connection.get(path).await?;
        self.keep(identity, connection);
        Ok(answer)
    }

    /// Which file the socket is now, if it is there.
    pub(super) fn identity(&self) -> Option<Identity> {
        Identity::of(&self.endpoint.socket)
    }

    /// The engine's id, if it was learnt from the socket that `identity` names.
    pub(super) fn engine(&self, identity: Option<Identity>) -> Option<String> {
        self.kept(identity).engine.clone()
    }

    /// Keeps the engine's id.
    pub(super) fn learn(&self, identity: Option<Identity>, engine: &str) {
        self.kept(identity).engine = Some(engine.to_owned());
    }

    /// Forgets what is kept.
    pub(super) fn forget(&self) {
        *self.lock() = Kept::default();
    }

    fn take(&self, identity: Option<Identity>) -> Option<Connection> {
        let mut kept = self.kept(identity);
        let connection = kept.idle.pop()?;
        if connection.sender.is_closed() {
            // The engine ended it, so it may be another one by now.
            *kept = Kept { identity, ..Kept::default() };
            return None;
        }
        Some(connection)
    }

    fn keep(&self, identity: Option<Identity>, connection: Connection) {
        let mut kept = self.kept(identity);
        if kept.idle.len() < IDLE_CONNECTIONS_MAX && !connection.sender.is_closed() {
            kept.idle.push(connection);
        }
    }

    /// What is kept about the socket that `identity` names; what was kept about another is gone.
    fn kept(&self, identity: Option<Identity>) -> MutexGuard<'_, Kept> {
        let mut kept = self.lock();
        if kept.identity != identity || identity.is_none() {
            *kept = Kept { identity, ..Kept::default() };
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every state of `Kept` is a valid one, so a panic while it was locked spoilt nothing.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
