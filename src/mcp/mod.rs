//! The MCP face: tools derived from the registry, answers from the gate, on standard input and
//! output. `rmcp` is named nowhere else.

mod announce;
mod line;
mod progress;
mod server;
mod wire;

use std::sync::Arc;

use rmcp::service::{QuitReason, ServerInitializeError};
use tokio::io::{AsyncRead, AsyncWrite};

pub use server::tools;

use crate::gate::Gate;
use announce::Announcer;
use server::Server;
use wire::Wire;

/// Why serving ended otherwise than by the client's leaving.
#[derive(Debug, thiserror::Error)]
#[error("the connection broke: {0}")]
pub struct Error(String);

/// Serves one client until it leaves, then waits for what still runs. Either protocol era; a client
/// that leaves before its first message is no error.
///
/// # Errors
/// If the client's messages cannot be read or answered any more.
pub async fn serve<R, W>(gate: Arc<Gate>, reader: R, writer: W) -> Result<(), Error>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let announcer = Arc::new(Announcer::new(Arc::clone(&gate)));
    let server = Server::new(Arc::clone(&gate), Arc::clone(&announcer));
    let wire = Wire::new(reader, writer, Arc::clone(&gate), Arc::clone(&announcer));
    let served = match rmcp::serve_server(server, wire).await {
        Ok(running) => {
            let quit = tokio::select! {
                quit = running.waiting() => quit,
                never = announcer.run() => match never {},
            };
            match quit {
                Ok(QuitReason::JoinError(error)) | Err(error) => Err(Error(error.to_string())),
                Ok(_) => Ok(()),
            }
        }
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(Error(error.to_string())),
    };
    // A change that is under way is finished and recorded, though nobody waits for its answer.
    gate.close().await;
    served
}

/// Serves one client on this process's standard input and output.
///
/// # Errors
/// As [`serve`].
pub async fn serve_stdio(gate: Arc<Gate>) -> Result<(), Error> {
    let (reader, writer) = rmcp::transport::stdio_pipes();
    serve(gate, reader, writer).await
}
