//! The engine itself.

use std::fmt;

use serde::Serialize;

use super::{Asked, DiskUsage, EventQuery, Happening, not_offered};
use crate::core::ids::FullId;
use crate::core::reason::Fault;
use crate::ports::BoxFuture;

/// Asking about the engine itself.
pub trait LookSystem: Send + Sync + fmt::Debug {
    /// The id of the engine that answers now. Cheap enough for every call.
    fn engine_id(&self) -> BoxFuture<'_, Result<String, Fault>>;

    /// What the engine says of itself.
    fn engine(&self) -> BoxFuture<'_, Result<Engine, Fault>>;

    /// What the engine keeps on its disk. It walks the disk for that, which can take a minute:
    /// whoever cannot wait so long sets a time limit of its own.
    fn disk_usage(&self) -> Asked<'_, DiskUsage> {
        not_offered("disk usage")
    }

    /// Tells what happened, oldest first, until the end of the stretch of time that is asked for.
    /// Engines keep only some hundred past events.
    fn events<'a>(
        &'a self,
        _query: &'a EventQuery,
        _each: &'a mut (dyn FnMut(Happening) + Send),
    ) -> Asked<'a, ()> {
        not_offered("events")
    }

    /// The container that this program itself runs in, if it runs in one.
    fn own_container(&self) -> Option<&FullId> {
        None
    }

    /// The path of the engine's socket that this program itself uses, if it uses one.
    fn own_socket(&self) -> Option<&str> {
        None
    }
}

/// What the ids of Podman's engines start with, as adapters make them: Podman keeps none of its own.
pub const PODMAN: &str = "podman-";

/// Whether the engine with this id is Podman, which takes some requests otherwise than Docker.
pub fn is_podman(engine: &str) -> bool {
    engine.starts_with(PODMAN)
}

/// An engine's description of itself. Nothing in it is secret: proxies and registries are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Engine {
    /// Its immutable id.
    pub id: String,
    /// The host's name.
    pub name: String,
    /// The product's version.
    pub version: String,
    /// The newest API version that it speaks.
    pub api: String,
    /// Operating system and its version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// Processor architecture.
    pub arch: String,
    /// Storage driver.
    pub storage: String,
    /// Logging driver of containers that name none.
    pub logging: String,
    /// Processors.
    pub cpus: i64,
    /// Memory in bytes.
    pub memory_bytes: i64,
    /// Containers: running, paused, stopped.
    pub containers: [i64; 3],
    /// Images.
    pub images: i64,
    /// Warnings that it gives, as it words them.
    pub warnings: Vec<String>,
    /// Where it is reached.
    pub address: String,
}
