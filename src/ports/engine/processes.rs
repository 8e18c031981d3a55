//! What is made to run: new containers, and commands inside running ones.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Asked, ImageName, Stream, not_offered};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::reason::Fault;

/// Making something run.
pub trait ActProcesses: Send + Sync + fmt::Debug {
    /// Makes a container of exactly the permitted image, and starts it. A fault says that there is
    /// none; that it was made and not started stands in what is told of it. One that turns out to be
    /// of another image is not started, and is taken back.
    fn run<'a>(&'a self, _image: &'a Granted<'a>, _new: &'a NewContainer) -> Asked<'a, Ran> {
        not_offered("a new container")
    }

    /// Runs a command inside the permitted container, and waits until it ends or its time is up. A
    /// fault says that it was not started, unless its reason is `outcome_unknown`.
    fn exec<'a>(&'a self, _target: &'a Granted<'a>, _command: &'a Command) -> Asked<'a, Executed> {
        not_offered("a command inside a container")
    }
}

/// A container to make. What is not here is as the engine makes it by itself: without privileges,
/// added capabilities, devices and namespaces of the host.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewContainer {
    /// Its name; none for one that the engine thinks of.
    pub name: Option<String>,
    /// What its image is called, which it keeps; none for the id alone.
    pub image: Option<ImageName>,
    /// Arguments of the image's program, or the program if it has none; none for the image's own.
    pub command: Option<Vec<String>>,
    /// The environment beside the image's own, `NAME=value`. Values can hold secrets.
    pub env: Vec<String>,
    /// Ports to publish.
    pub ports: Vec<Publish>,
    /// What to mount.
    pub mounts: Vec<NewMount>,
    /// The [`Volume::storage`](super::Volume::storage) of the volumes among that, by name; none for one
    /// that is made with the container. One that turns out to be another one is not to be started on.
    pub volumes: BTreeMap<String, Option<String>>,
    /// The network mode, with ids for names: `host`, `none`, `bridge`, `container:<id>` or a
    /// network's id; none for the engine's own.
    pub network: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The restart policy's name, and how often it tries; zero for without end.
    pub restart_policy: Option<(String, i64)>,
    /// Limit of memory in bytes.
    pub memory_bytes: Option<i64>,
    /// Limit in billionths of a processor.
    pub nano_cpus: Option<i64>,
}

/// Without the environment, which can hold secrets, and the command, which can hold them too.
impl fmt::Debug for NewContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewContainer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A port to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The host's address.
    pub address: String,
    /// The host's port; zero for one that the engine picks.
    pub host: u16,
    /// The port inside.
    pub private: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// What to mount where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMount {
    /// What.
    pub source: MountSource,
    /// The path inside.
    pub destination: String,
    /// Whether it can be written.
    pub writable: bool,
}

/// What a mount makes visible inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// The volume of this name, which the engine makes if there is none.
    Volume(String),
    /// This path of the host. It has to exist.
    HostPath(String),
}

/// A container that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its id.
    pub id: FullId,
    /// What the engine warned of when it made it.
    pub warnings: Vec<String>,
    /// What became of its start.
    pub start: Start,
}

/// What became of the start of a container that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was started.
    Done,
    /// It went wrong in this way, or perhaps not.
    Failed(Fault),
    /// Nobody asked for it: the container is perhaps not of the permitted image, for this reason, and
    /// could not be taken back either.
    Withheld(Fault),
}

/// A command to run inside a container.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments, as they are: no shell reads them. They can hold secrets.
    pub words: Vec<String>,
    /// The user; none for the container's own.
    pub user: Option<String>,
    /// The working folder; none for the container's own.
    pub workdir: Option<String>,
    /// How long it is waited for.
    pub limit: Duration,
    /// Bytes of its output that are kept, the newest.
    pub bytes_max: usize,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a command wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The end of what it wrote, piece by piece as it came.
    pub output: Vec<(Stream, Vec<u8>)>,
    /// Bytes that it wrote to standard output and to standard error, those not kept among them.
    pub written: [u64; 2],
    /// How it ended.
    pub end: CommandEnd,
}

/// How a command ended, as far as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandEnd {
    /// With this exit code.
    Code(i64),
    /// It did not end within its time, and goes on: with this process id on the host, if the engine
    /// tells.
    Late(Option<i64>),
    /// Nobody saw how, for this reason.
    Unseen(String),
}
