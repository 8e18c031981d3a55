//! The MCP face: tools derived from the registry, answers from the gate, on standard input and
//! output. `rmcp` is named nowhere else.

mod announce;
mod confirm;
mod dialog;
mod line;
mod progress;
mod questions;
mod server;
mod wire;

use std::sync::Arc;

use rmcp::service::{QuitReason, ServerInitializeError};
use tokio::io::{AsyncRead, AsyncWrite};

pub use server::tools;

use crate::config::Via;
use crate::gate::Gate;
use announce::Announcer;
use confirm::Confirmer;
use server::Server;
use wire::Wire;

/// Why serving ended otherwise than by the client's leaving.
#[derive(Debug, thiserror::Error)]
#[error("the connection broke: {0}")]
pub struct Error(String);

/// Serves one client until it leaves or `told` to end, then waits for what still runs. Either protocol
/// era; a client that leaves before its first message is no error. `via` is how its changes are
/// confirmed.
///
/// # Errors
/// If the client's messages cannot be read or answered any more.
pub async fn serve<R, W>(
    gate: Arc<Gate>,
    via: Via,
    (reader, writer): (R, W),
    told: impl Future<Output = ()>,
) -> Result<(), Error>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let announcer = Arc::new(Announcer::new(Arc::clone(&gate)));
    let confirmer = Arc::new(Confirmer::new(Arc::clone(&gate), via, Arc::clone(&announcer)));
    let server = Server::new(Arc::clone(&gate), Arc::clone(&announcer), Arc::clone(&confirmer));
    let wire = Wire::new(reader, writer, Arc::clone(&gate), Arc::clone(&announcer));
    let served = tokio::select! {
        served = until_it_leaves(server, wire, &announcer) => served,
        () = told => Ok(()),
    };
    confirmer.end().await;
    // A change that is under way is finished and recorded, though nobody waits for its answer.
    gate.close().await;
    served
}

async fn until_it_leaves<R, W>(
    server: Server,
    wire: Wire<R, W>,
    announcer: &Announcer,
) -> Result<(), Error>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let running = match rmcp::serve_server(server, wire).await {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(Error(error.to_string())),
    };
    let quit = tokio::select! {
        quit = running.waiting() => quit,
        never = announcer.run() => match never {},
    };
    match quit {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(Error(error.to_string())),
        Ok(_) => Ok(()),
    }
}

/// Serves one client on this process's standard input and output.
///
/// # Errors
/// As [`serve`].
pub async fn serve_stdio(
    gate: Arc<Gate>,
    via: Via,
    told: impl Future<Output = ()>,
) -> Result<(), Error> {
    serve(gate, via, rmcp::transport::stdio_pipes(), told).await
}
