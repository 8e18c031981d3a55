//! The engine as operations see it: looking is free, acting takes a
//! [`Granted`](crate::core::grant::Granted). The shapes are ours, small and complete; what an adapter
//! cannot tell is an `Option`, never a guess. Each file holds one kind of thing: how it looks, how it
//! is asked about and what can be done to it.

mod beyond;
mod containers;
mod events;
mod images;
mod logs;
mod networks;
mod processes;
mod system;
mod usage;
mod volumes;

pub use beyond::*;
pub use containers::*;
pub use events::*;
pub use images::*;
pub use logs::*;
pub use networks::*;
pub use processes::*;
pub use system::*;
pub use usage::*;
pub use volumes::*;

use super::BoxFuture;
use crate::core::reason::{Fault, Reason};

/// What an engine answers, later.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// The answer of an adapter that does not offer a call.
fn not_offered<'a, T: Send + 'a>(what: &str) -> Asked<'a, T> {
    let message = format!("This engine is not one of which {what} can be asked.");
    Box::pin(std::future::ready(Err(Fault::new(Reason::EngineError, message))))
}

/// Asking an engine. No call of these traits changes anything.
pub trait Look:
    LookSystem + LookContainers + LookLogs + LookImages + LookVolumes + LookNetworks
{
}

impl<T> Look for T where
    T: LookSystem + LookContainers + LookLogs + LookImages + LookVolumes + LookNetworks
{
}

/// Changing something in an engine. Every call takes what only a permit yields.
///
/// A fault with the reason `outcome_unknown` says that the change may have happened; every other
/// fault says that it has not.
pub trait Act: ActContainers + ActProcesses + ActImages + ActVolumes + ActNetworks {}

impl<T> Act for T where T: ActContainers + ActProcesses + ActImages + ActVolumes + ActNetworks {}

/// What an engine says of a change that it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It did it.
    Changed,
    /// The target was so already, and it did nothing.
    AlreadySo,
}
