//! Connections to the engine's socket. Reads keep a few of them; a change always gets its own, so
//! that a connection gone stale never makes its outcome unknown.
//!
//! What is kept, connections as well as the engine's id, belongs to the socket file as it is now:
//! when another file stands in its place, or a connection breaks, all of it is forgotten.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
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

/// One connection. It moves only while something is awaited on it, within the same task: a log
/// comes in a piece a line, and handing each from task to task took three times as long.
#[derive(Debug)]
pub(super) struct Connection {
    /// The socket that it was made to.
    identity: Option<Identity>,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// The half of a connection that moves bytes; none once it has ended.
#[derive(Debug)]
struct Driver(Option<http1::Connection<TokioIo<UnixStream>, Full<Bytes>>>);

impl Driver {
    /// Moves bytes until `work` is done. How the connection ends is seen by `work`.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            if let Some(driver) = &mut self.0
                && Pin::new(driver).poll(context).is_ready()
            {
                self.0 = None;
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

impl Connection {
    /// Sends a request and waits for the answer's head. The path may hold only what this adapter
    /// itself put together.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
        let sender = &mut self.sender;
        let sending = async {
            sender.ready().await.map_err(|error| Broken::Unsent(chain(&error)))?;
            sender.try_send_request(request).await.map_err(|mut error| {
                if error.take_message().is_some() {
                    Broken::Unsent(chain(&error.into_error()))
                } else {
                    Broken::Lost(chain(&error.into_error()))
                }
            })
        };
        self.driver.until(sending).await
    }

    /// Asks for `path` and waits for the answer's head.
    pub(super) async fn open(&mut self, path: &str) -> Result<Response<Incoming>, Broken> {
        let request = Request::get(path).body(Full::default());
        self.send(request.map_err(|error| Broken::Unsent(error.to_string()))?).await
    }

    /// The next piece of an answer's body; none at its end.
    pub(super) async fn next(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Broken> {
        loop {
            match self.driver.until(body.frame()).await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Broken::Lost(chain(&error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads an answer whole.
    pub(super) async fn read(&mut self, response: Response<Incoming>) -> Result<Answer, Broken> {
        let status = response.status().as_u16();
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        while let Some(data) = self.next(&mut incoming).await? {
            if body.len() + data.len() > ANSWER_BYTES_MAX {
                return Err(Broken::TooLong);
            }
            body.extend_from_slice(&data);
        }
        Ok(Answer { status, body })
    }

    /// Leaves the connection to itself, for an answer that somebody else reads.
    pub(super) fn detach(self) {
        if let Some(driver) = self.driver.0 {
            tokio::spawn(async move { driver.await.unwrap_or_default() });
        }
    }
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

    /// A connection of one's own. It ends when it is dropped.
    pub(super) async fn connect(&self) -> Result<Connection, Broken> {
        let identity = self.identity();
        let connected = async {
            let stream = UnixStream::connect(&self.endpoint.socket).await?;
            let shaken = http1::handshake(TokioIo::new(stream)).await;
            shaken.map_err(|error| io::Error::other(chain(&error)))
        };
        match connected.await {
            Ok((sender, driver)) => {
                Ok(Connection { identity, sender, driver: Driver(Some(driver)) })
            }
            Err(error) => {
                self.forget();
                Err(Broken::Connect(error))
            }
        }
    }

    /// Asks for `path` and reads the whole answer.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Broken> {
        let (mut connection, response) = self.open(path).await?;
        let answer = connection.read(response).await?;
        self.keep(connection);
        Ok(answer)
    }

    /// Asks for `path` on a kept connection if there is one, and waits for the answer's head. A
    /// kept connection that turns out to have ended is no answer: the question is asked once more
    /// on a new one. Whoever reads the body to its end may give the connection to [`Wire::keep`].
    pub(super) async fn open(
        &self,
        path: &str,
    ) -> Result<(Connection, Response<Incoming>), Broken> {
        let kept = self.kept(self.identity()).idle.pop();
        if let Some(mut connection) = kept {
            match connection.open(path).await {
                Ok(response) => return Ok((connection, response)),
                // Another engine may have taken the old one's place, so its id goes as well.
                Err(_) => self.forget(),
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.open(path).await?;
        Ok((connection, response))
    }

    /// Keeps a connection for the next read.
    pub(super) fn keep(&self, connection: Connection) {
        let mut kept = self.kept(connection.identity);
        if kept.idle.len() < IDLE_CONNECTIONS_MAX {
            kept.idle.push(connection);
        }
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
