//! One container, as an inspection tells of it.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use crate::core::ids::FullId;
use crate::ports::engine::Beyond;

/// A container's port, and where the host publishes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// The port inside.
    pub private: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The host's address and port, if it is published.
    pub public: Option<(String, u16)>,
    /// Whether the engine picked the host's port, so that a start may pick another.
    pub dynamic: bool,
}

/// Everything about one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its full id.
    pub id: FullId,
    /// Its name, without a leading slash.
    pub name: String,
    /// The image reference that it was made from.
    pub image: String,
    /// The id of the image that it runs.
    pub image_id: String,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// Its state.
    pub state: State,
    /// How often the engine restarted it.
    pub restart_count: i64,
    /// The restart policy: `no`, `always`, `unless-stopped`, `on-failure` and its limit.
    pub restart_policy: String,
    /// Whether it is removed when it stops.
    pub auto_remove: bool,
    /// Whether it has all privileges on the host.
    pub privileged: bool,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// The network mode.
    pub network_mode: String,
    /// The process id namespace's mode; empty for its own.
    pub pid_mode: String,
    /// The IPC namespace's mode.
    pub ipc_mode: String,
    /// What else of its configuration reaches beyond it.
    pub beyond: Beyond,
    /// The user, as configured; empty for the image's own.
    pub user: String,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Paths of memory file systems, which every stop empties.
    pub tmpfs: Vec<String>,
    /// Published and exposed ports.
    pub ports: Vec<Port>,
    /// Networks with the address in each.
    pub networks: BTreeMap<String, String>,
    /// Further names that it has in a network, beside its own.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Legacy links, as the engine words them.
    pub links: Vec<String>,
    /// Containers whose mounts it takes over, as configured.
    pub volumes_from: Vec<String>,
    /// Labels. Their values can hold secrets.
    pub labels: BTreeMap<String, String>,
    /// The environment as configured, `NAME=value`. Values can hold secrets.
    pub env: Vec<String>,
    /// The program and its arguments. They can hold secrets.
    pub command: Vec<String>,
    /// The working folder.
    pub workdir: String,
    /// The stop signal; none for the default.
    pub stop_signal: Option<String>,
    /// Seconds that a stop waits by configuration.
    pub stop_timeout: Option<i64>,
    /// Whether it has a terminal, so that its log has one stream only.
    pub tty: bool,
    /// The logging driver.
    pub log_driver: String,
    /// Commands that run inside by `exec`.
    pub execs: usize,
    /// Memory limit in bytes; zero for none.
    pub memory_bytes: i64,
    /// Limit of memory and swap together in bytes; zero for none set, -1 for any amount of swap.
    pub memory_swap_bytes: i64,
    /// Limit in billionths of a processor; zero for none.
    pub nano_cpus: i64,
    /// Microseconds of processor time in each period; zero or less for no such limit.
    pub cpu_quota: i64,
    /// The period of that in microseconds; zero for the engine's own.
    pub cpu_period: i64,
    /// Digest over the host configuration and the mounts: it changes whenever these do.
    pub config_digest: String,
}

/// A container's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// `running`, `paused`, `exited` and so on.
    pub status: String,
    /// Whether its processes exist (also while paused).
    pub running: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether the last end was for lack of memory.
    pub oom_killed: bool,
    /// The exit code of the last end.
    pub exit_code: Option<i64>,
    /// What the engine says of the last failure.
    pub error: String,
    /// The last start, exactly as the engine writes it; empty if it never ran.
    pub started_at: String,
    /// The last end, exactly as the engine writes it; empty if there was none.
    pub finished_at: String,
    /// `healthy`, `unhealthy` or `starting`, if it has a health check.
    pub health: Option<String>,
}

/// The grace of a stop in seconds, at most.
pub const GRACE_SECONDS_MAX: u32 = 3600;

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mount {
    /// `volume`, `bind` or `tmpfs`.
    pub kind: String,
    /// The volume's name, if it is one.
    pub name: Option<String>,
    /// The host's path, or the volume's.
    pub source: String,
    /// The path inside.
    pub destination: String,
    /// Whether it can be written.
    pub writable: bool,
}

impl Mount {
    /// Whether it is a volume that nobody named: it is lost with its container.
    pub fn is_anonymous_volume(&self) -> bool {
        self.kind == "volume" && self.name.as_deref().is_some_and(|n| FullId::parse(n).is_some())
    }
}
