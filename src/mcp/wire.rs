//! The wire: one JSON message a line. Whatever cannot be a message is answered or noted here, and
//! the connection lives on.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{ErrorData as Refusal, RoleServer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::announce::Announcer;
use super::line::{LINE_BYTES_MAX, Line, Lines, id_of};
use super::server::{caller, is_method, unread};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Gate;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Refusals that are sent and recorded at the same time; beyond these, receiving waits.
const TASKS_MAX: usize = 64;

/// Answers that wait for the client to read them; beyond these, nothing more is read from it.
const UNSENT_MAX: usize = 256;

/// How long a client that has left, or reads nothing any more, is waited for.
const ENDING: Duration = Duration::from_secs(5);

/// A client's byte streams as a transport of messages.
pub(super) struct Wire<R, W> {
    reader: BufReader<R>,
    writer: Arc<Mutex<Option<W>>>,
    lines: Lines,
    ended: bool,
    /// Whether a request has come in. What comes before the first one and is none is dropped.
    begun: bool,
    /// Refusals that are being sent and recorded. Receiving waits for them at the stream's end.
    tasks: JoinSet<()>,
    /// A place for each answer that is not sent yet.
    unsent: Arc<Semaphore>,
    gate: Arc<Gate>,
    announcer: Arc<Announcer>,
}

/// What a line turned out to be.
enum Read {
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    /// With what goes on record before the answer leaves.
    Refused(Box<TxJsonRpcMessage<RoleServer>>, Fault),
    Nothing,
}

impl<R: AsyncRead + Unpin, W> Wire<R, W> {
    pub(super) fn new(reader: R, writer: W, gate: Arc<Gate>, announcer: Arc<Announcer>) -> Self {
        Self {
            reader: BufReader::with_capacity(READ_BYTES, reader),
            writer: Arc::new(Mutex::new(Some(writer))),
            lines: Lines::new(LINE_BYTES_MAX),
            ended: false,
            begun: false,
            tasks: JoinSet::new(),
            unsent: Arc::new(Semaphore::new(UNSENT_MAX)),
            gate,
            announcer,
        }
    }

    /// The next line; none at the end. Safe to be dropped and called again at any point.
    async fn line(&mut self) -> Option<Line> {
        while !self.ended {
            let bytes = match self.reader.fill_buf().await {
                Ok(bytes) => bytes,
                Err(error) => {
                    tracing::error!("standard input cannot be read: {error}");
                    self.ended = true;
                    break;
                }
            };
            if bytes.is_empty() {
                self.ended = true;
                break;
            }
            let (used, line) = self.lines.feed(bytes);
            self.reader.consume(used);
            if line.is_some() {
                return line;
            }
        }
        self.lines.rest()
    }

    fn read(&mut self, line: &[u8]) -> Read {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return Read::Nothing;
        }
        match serde_json::from_slice::<RxJsonRpcMessage<RoleServer>>(line) {
            Ok(message @ JsonRpcMessage::Request(_)) => {
                self.begun = true;
                Read::Message(Box::new(message))
            }
            Ok(message) if self.begun => Read::Message(Box::new(message)),
            Ok(_) => Read::Nothing,
            Err(error) => unreadable(line, &error),
        }
    }
}

/// What to do with a line that is no message: JSON of another shape is refused; what is no JSON
/// at all is noted, and answered if it has an id.
fn unreadable(line: &[u8], error: &serde_json::Error) -> Read {
    let Ok(value) = serde_json::from_slice::<Value>(line) else {
        tracing::warn!(
            "a line of {} bytes on standard input is no JSON and was dropped ({})",
            line.len(),
            text::line(&error.to_string(), 200)
        );
        let id = id_of(line).and_then(|id| serde_json::from_slice(&id).ok());
        let refused = Refusal::parse_error("This line is no JSON that could be read.", None);
        // Without an id there is nobody who waits.
        let fault = Fault::invalid("A line with an id was no JSON that could be read.");
        return id.map_or(Read::Nothing, |id| Read::Refused(answer(refused, Some(id)), fault));
    };
    let method = value.get("method").and_then(Value::as_str);
    if value.get("id").is_none() && method.is_some() {
        // A notification that nobody here knows needs no answer.
        return Read::Nothing;
    }
    let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok());
    match method {
        Some(method)
            if id.is_some()
                && value.get("jsonrpc").is_some_and(|v| v == "2.0")
                && is_method(method) =>
        {
            let fault = unread(method);
            let error = Refusal::invalid_params(fault.message.clone(), None);
            Read::Refused(answer(error, id), fault)
        }
        _ => {
            let message = "This is no JSON-RPC 2.0 request.";
            Read::Refused(refusal(message.into(), id), Fault::invalid(message))
        }
    }
}

/// What to do with a line that was too long to be read.
fn too_long(id: Option<&[u8]>) -> Read {
    let id = id.and_then(|id| serde_json::from_slice(id).ok());
    let message = format!("A message may have at most {LINE_BYTES_MAX} bytes; nothing was done.");
    tracing::warn!("a message of more than {LINE_BYTES_MAX} bytes was dropped");
    let fault = Fault::new(Reason::Limit, message.clone());
    Read::Refused(refusal(message, id), fault)
}

fn refusal(message: String, id: Option<RequestId>) -> Box<TxJsonRpcMessage<RoleServer>> {
    answer(Refusal::invalid_request(message, None), id)
}

fn answer(error: Refusal, id: Option<RequestId>) -> Box<TxJsonRpcMessage<RoleServer>> {
    Box::new(TxJsonRpcMessage::<RoleServer>::error(error, id))
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn name() -> Cow<'static, str> {
        "stdio".into()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let place = Arc::clone(&self.unsent).try_acquire_owned();
        async move {
            let _place = place;
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut writer = writer.lock().await;
            let closed = || io::Error::new(io::ErrorKind::NotConnected, "the connection is closed");
            let writer = writer.as_mut().ok_or_else(closed)?;
            writer.write_all(&line).await?;
            writer.flush().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            while self.tasks.len() >= TASKS_MAX {
                drop(self.tasks.join_next().await);
            }
            // Whoever does not read its answers is not read from either. The semaphore is never
            // closed, so waiting for a place cannot fail.
            drop(self.unsent.acquire().await);
            let read = match self.line().await {
                Some(Line::Whole(line)) => self.read(&line),
                Some(Line::TooLong(id)) => too_long(id.as_deref()),
                None => {
                    self.announcer.has_left();
                    let sent = async { while self.tasks.join_next().await.is_some() {} };
                    drop(timeout(ENDING, sent).await);
                    return None;
                }
            };
            match read {
                Read::Message(message) => return Some(*message),
                Read::Refused(refusal, fault) => {
                    // Receiving may be abandoned at any await; a half-written line must not be.
                    let (sent, gate) = (self.send(*refusal), Arc::clone(&self.gate));
                    self.tasks.spawn(async move {
                        drop(gate.turn_away(caller(None), None, fault).await);
                        drop(sent.await);
                    });
                }
                Read::Nothing => {}
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        // A write that the client does not take keeps the lock, and must not keep the process.
        if let Ok(mut writer) = timeout(ENDING, self.writer.lock()).await {
            drop(writer.take());
        }
        Ok(())
    }
}
