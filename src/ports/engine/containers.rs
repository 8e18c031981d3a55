//! Containers: what is known of one, and what can be done to it.

mod inspected;

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

pub use inspected::*;

use super::{Acted, Asked, Network, not_offered};
use crate::core::grant::Granted;
use crate::core::ids::{FullId, Named, Reference};
use crate::core::operation::{Attribute, Form, Kind};
use crate::core::reason::Fault;
use crate::ports::BoxFuture;

/// Containers, as policy knows them.
pub const CONTAINER: Kind = Kind {
    name: "container",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Hex(64),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "image", form: Form::Text, always: true },
        Attribute { name: "project", form: Form::Text, always: false },
        Attribute { name: "service", form: Form::Text, always: false },
        Attribute { name: "privileged", form: Form::Flag, always: true },
    ],
};

/// Asking about containers.
pub trait LookContainers: Send + Sync + fmt::Debug {
    /// Containers that fit the filter, in the engine's order (newest first).
    fn containers<'a>(
        &'a self,
        filter: &'a ContainerFilter,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>>;

    /// The containers that `reference` may mean: a superset of what [`crate::core::ids::resolve`]
    /// needs, by as few calls as possible.
    fn candidates<'a>(
        &'a self,
        reference: &'a Reference,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>>;

    /// Everything about one container. The answer is that of exactly this id.
    fn container<'a>(&'a self, id: &'a FullId) -> BoxFuture<'a, Result<Container, Fault>>;

    /// What a container uses now, measured over about a second. Engines give numbers without sense
    /// for one that does not run, so its state is to be looked at first.
    fn stats<'a>(&'a self, _id: &'a FullId) -> Asked<'a, Stats> {
        not_offered("what a container uses")
    }

    /// The processes of a running container, as the host's `ps -ef` tells them.
    fn processes<'a>(&'a self, _id: &'a FullId) -> Asked<'a, Processes> {
        not_offered("the processes of a container")
    }

    /// Paths that differ from the container's image, in the engine's order.
    fn changes<'a>(&'a self, _id: &'a FullId) -> Asked<'a, Vec<FileChange>> {
        not_offered("what changed in a container")
    }

    /// Bytes of a container's own files, those that differ from its image. Slow: the engine walks
    /// over all of them.
    fn writable_bytes<'a>(&'a self, _id: &'a FullId) -> Asked<'a, Option<u64>> {
        not_offered("the size of a container")
    }
}

/// Changing containers.
pub trait ActContainers: Send + Sync + fmt::Debug {
    /// Starts a container.
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Acted, Fault>>;

    /// Stops a container: the stop signal, and after `grace_seconds` the kill signal.
    fn stop<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>>;

    /// Stops a container as [`ActContainers::stop`] does, and starts it.
    fn restart<'a>(
        &'a self,
        target: &'a Granted<'a>,
        grace_seconds: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>>;

    /// Sends a signal to the first process of a container: `SIGKILL`, or its number.
    fn kill<'a>(&'a self, _target: &'a Granted<'a>, _signal: &'a str) -> Asked<'a, Acted> {
        not_offered("signals to a container")
    }

    /// Freezes all processes of a container.
    fn pause<'a>(&'a self, _target: &'a Granted<'a>) -> Asked<'a, Acted> {
        not_offered("a pause of a container")
    }

    /// Lets the processes of a paused container go on.
    fn unpause<'a>(&'a self, _target: &'a Granted<'a>) -> Asked<'a, Acted> {
        not_offered("the end of a pause")
    }

    /// Gives a container another name.
    fn rename<'a>(&'a self, _target: &'a Granted<'a>, _name: &'a str) -> Asked<'a, Acted> {
        not_offered("another name for a container")
    }

    /// Changes limits and the restart policy of a container.
    fn update<'a>(&'a self, _target: &'a Granted<'a>, _limits: &'a Limits) -> Asked<'a, Acted> {
        not_offered("other limits for a container")
    }

    /// Removes a container: a running one only by force, with its unnamed volumes only if asked to.
    fn remove_container<'a>(
        &'a self,
        _target: &'a Granted<'a>,
        _force: bool,
        _volumes: bool,
    ) -> Asked<'a, Acted> {
        not_offered("the removal of a container")
    }
}

/// What to change of a container's limits; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory_bytes: Option<i64>,
    /// Memory and swap together in bytes; -1 for any amount of swap.
    pub memory_swap_bytes: Option<i64>,
    /// Billionths of a processor.
    pub nano_cpus: Option<i64>,
    /// The restart policy's name, and how often it tries; zero for without end.
    pub restart_policy: Option<(String, i64)>,
}

/// What a container uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Hundredths of a percent of one processor: 15000 is one and a half of them.
    pub cpu_hundredths: Option<u64>,
    /// Memory in bytes, without the page cache that the kernel would give up first.
    pub memory_bytes: Option<u64>,
    /// The memory that it may use, in bytes; the host's if there is no limit.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes received and sent over all its networks since its start; none without own networks.
    pub network_bytes: Option<(u64, u64)>,
    /// Bytes read from and written to block devices since its start; none where nobody counts.
    pub block_bytes: Option<(u64, u64)>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// The processes of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// The titles of the columns: `UID`, `PID` and so on.
    pub titles: Vec<String>,
    /// The rows, each with a cell a column. Command lines can hold secrets.
    pub rows: Vec<Vec<String>>,
}

/// A path in a container that differs from its image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileChange {
    /// The path.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It, or what is in it, is another.
    Changed,
    /// It is gone.
    Deleted,
}

/// Which containers to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFilter {
    /// Also those that do not run.
    pub all: bool,
    /// Part of the name, literally.
    pub name: Option<String>,
    /// `key` or `key=value`.
    pub label: Option<String>,
    /// A state, as the engine words it; implies `all`.
    pub status: Option<String>,
    /// The name of a volume that they mount. Some that only mount something at a path of that name
    /// may be among them.
    pub volume: Option<String>,
}

/// A container in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRow {
    /// Its full id.
    pub id: FullId,
    /// Its name, without a leading slash.
    pub name: String,
    /// The image reference that it was made from.
    pub image: String,
    /// The id of the image that it runs.
    pub image_id: String,
    /// `running`, `exited` and so on.
    pub state: String,
    /// The state in words, with its age and health: `Up 2 hours (healthy)`.
    pub status: String,
    /// When it was made.
    pub created: OffsetDateTime,
    /// Published and exposed ports.
    pub ports: Vec<Port>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The names of its networks.
    pub networks: Vec<String>,
    /// The ids of those of its networks that it was ever started in, by their names.
    pub network_ids: BTreeMap<String, String>,
    /// The network mode: `bridge`, `host`, `container:<id>` and so on.
    pub network_mode: String,
    /// Mounts.
    pub mounts: Vec<Mount>,
}

impl ContainerRow {
    /// Whether it mounts this volume.
    pub fn mounts_volume(&self, name: &str) -> bool {
        let is_it = |mount: &Mount| mount.kind == "volume" && mount.name.as_deref() == Some(name);
        self.mounts.iter().any(is_it)
    }

    /// Whether it is on this network, or will be when it is started. Engines go by the id of a
    /// network that it was started in, and by the name before that.
    pub fn is_on(&self, network: &Network) -> bool {
        self.networks.iter().any(|name| match self.network_ids.get(name) {
            Some(id) => *id == network.id,
            None => *name == network.name,
        })
    }
}

impl Named for ContainerRow {
    const KIND: &'static str = CONTAINER.name;
    const LIST: &'static str = "list_containers (with all=true)";
    fn id(&self) -> &FullId {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}
