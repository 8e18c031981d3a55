//! `mcp`: serves MCP on standard input and output.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Output, exit};
use crate::config::Via;
use crate::gate::Gate;
use crate::mcp;

/// Serves until the client leaves or the process is told to end. What runs then is finished first.
/// `via` is how changes are confirmed.
pub async fn run(gate: Arc<Gate>, via: Via, out: Output) -> u8 {
    let served = mcp::serve_stdio(gate, via, told_to_end()).await;
    match served {
        Ok(()) => exit::DONE,
        Err(error) => {
            out.message(format!("countersign: {error}"));
            exit::FAILED
        }
    }
}

/// Waits for SIGTERM, SIGINT or SIGHUP; for ever where signals cannot be received.
pub(super) async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
}
