//! The MCP face over standard input and output, with the real program.

mod calls;
mod changes;
mod elicit;
mod eras;
mod life;
mod list;
mod offers;
mod policy;
mod progress;
mod wire;
