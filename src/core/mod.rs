//! The pure core: what operations, plans, policy, grants and records are. No I/O, no clock, no
//! async runtime, and no word of Docker, MCP or the command line.

pub mod approval;
pub mod ask;
pub mod grant;
pub mod hex;
pub mod ids;
pub mod nearest;
pub mod operation;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod record;
pub mod redact;
pub mod secret;
pub mod signals;
pub mod signers;
pub mod text;
