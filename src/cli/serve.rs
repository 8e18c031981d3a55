//! `mcp`: serves MCP on standard input and output.

use std::sync::Arc;

use super::{Output, exit};
use crate::gate::Gate;
use crate::mcp;

/// Serves until the client leaves.
pub async fn run(gate: Arc<Gate>, out: Output) -> u8 {
    match mcp::serve_stdio(gate).await {
        Ok(()) => exit::DONE,
        Err(error) => {
            out.message(format!("countersign: {error}"));
            exit::FAILED
        }
    }
}
