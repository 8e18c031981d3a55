//! An engine of memory, for tests: it answers from what it was given, and writes down each call.

mod acts;
mod images;
mod people;
mod processes;
mod stores;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;

use crate::core::grant::Granted;
use crate::core::ids::{FullId, Reference};
use crate::core::reason::{Fault, Reason};
use crate::ports::BoxFuture;
use crate::ports::engine::{
    Acted, Container, ContainerFilter, ContainerRow, DiskUsage, Engine, EventQuery, Executed,
    FileChange, Happening, Image, LogLine, LogQuery, LookContainers, LookLogs, LookSystem, Network,
    Port, Processes, Start, State, Stats, Stream, Volume,
};

pub(super) use images::image;
pub(super) use stores::{network, volume};
pub(super) use world::{World, call, context, gate};

/// When every test happens.
pub(super) const NOW: OffsetDateTime = datetime!(2026-01-31 12:00:00 UTC);

/// What others do to the containers before a look at one, and whether it succeeds at all.
type Meanwhile = Box<dyn FnOnce(&mut Vec<Container>) -> Result<(), Fault> + Send>;

type Effect = Box<dyn FnOnce(&mut Vec<Container>) -> Result<Acted, Fault> + Send>;

/// A line of a log: its stream, its moment as engines write it, its bytes.
pub(super) type Line = (Stream, String, Vec<u8>);

/// The engine.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) containers: Mutex<Vec<Container>>,
    pub(super) images: BTreeMap<String, String>,
    pub(super) whole_images: Mutex<Vec<Image>>,
    pub(super) volumes: Mutex<Vec<Volume>>,
    pub(super) networks: Mutex<Vec<Network>>,
    pub(super) log: Vec<Line>,
    /// What each running container uses; one that is not there uses nothing that can be told.
    pub(super) stats: BTreeMap<FullId, Stats>,
    pub(super) processes: Processes,
    pub(super) changes: Vec<FileChange>,
    pub(super) writable_bytes: Option<u64>,
    pub(super) happenings: Vec<Happening>,
    pub(super) usage: DiskUsage,
    /// Whether its id is one that Podman has.
    pub(in crate::ops) podman: bool,
    /// Its API version; `1.41` by default.
    pub(super) api: &'static str,
    /// Calls that fail, by the name of their method.
    pub(super) broken: Vec<&'static str>,
    /// Calls that take this long, by the name of their method.
    pub(super) slow: BTreeMap<&'static str, Duration>,
    /// How the next command ends.
    pub(super) executed: Mutex<Option<Executed>>,
    /// What becomes of the next new container; else it is made and started.
    pub(super) start: Mutex<Option<Result<Start, Fault>>>,
    /// The container that everybody runs in who asks.
    pub(super) own: Option<FullId>,
    /// What the next change does.
    pub(super) effect: Mutex<Option<Effect>>,
    /// What happens right before the so-manieth look from now at one container.
    pub(super) meanwhile: Mutex<Option<(usize, Meanwhile)>>,
    pub(super) calls: Mutex<Vec<String>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

/// A full id of one repeated beginning.
pub(super) fn id(start: &str) -> FullId {
    FullId::parse(&format!("{start:0<64}")).unwrap()
}

/// A running container with nothing special.
pub(super) fn container(start: &str, name: &str) -> Container {
    Container {
        id: id(start),
        name: name.into(),
        image: "nginx:1.25".into(),
        image_id: format!("sha256:{}", "1".repeat(64)),
        created: Some(datetime!(2026-01-30 12:00:00 UTC)),
        state: State {
            status: "running".into(),
            running: true,
            paused: false,
            oom_killed: false,
            exit_code: Some(0),
            error: String::new(),
            started_at: "2026-01-31T10:00:00.123456789Z".into(),
            finished_at: String::new(),
            health: None,
        },
        restart_count: 0,
        restart_policy: "no".into(),
        auto_remove: false,
        privileged: false,
        cap_add: Vec::new(),
        network_mode: "default".into(),
        pid_mode: String::new(),
        ipc_mode: "private".into(),
        beyond: Default::default(),
        user: String::new(),
        mounts: Vec::new(),
        tmpfs: Vec::new(),
        ports: Vec::new(),
        networks: BTreeMap::from([("bridge".into(), "172.17.0.2".into())]),
        aliases: BTreeMap::new(),
        links: Vec::new(),
        volumes_from: Vec::new(),
        labels: BTreeMap::new(),
        env: vec!["PATH=/usr/bin".into()],
        command: vec!["nginx".into()],
        workdir: String::new(),
        stop_signal: None,
        stop_timeout: None,
        tty: false,
        log_driver: "json-file".into(),
        execs: 0,
        memory_bytes: 0,
        memory_swap_bytes: 0,
        nano_cpus: 0,
        cpu_quota: 0,
        cpu_period: 0,
        config_digest: format!("sha256:{}", "c".repeat(64)),
    }
}

/// The same container, ended.
pub(super) fn stopped(mut container: Container) -> Container {
    container.state.status = "exited".into();
    container.state.running = false;
    container.state.exit_code = Some(137);
    container.state.finished_at = "2026-01-31T11:00:00Z".into();
    container
}

/// A published TCP port.
pub(super) fn port(private: u16, public: u16, dynamic: bool) -> Port {
    Port { private, protocol: "tcp".into(), public: Some(("0.0.0.0".into(), public)), dynamic }
}

/// The labels that Compose gives.
pub(super) fn composed(mut container: Container, service: &str, depends_on: &str) -> Container {
    for (key, value) in [("project", "shop"), ("service", service), ("depends_on", depends_on)] {
        container.labels.insert(format!("com.docker.compose.{key}"), value.into());
    }
    container.networks = BTreeMap::from([("shop_default".into(), "172.18.0.2".into())]);
    container
}

/// A container as it stands in a list.
pub(super) fn row(container: &Container) -> ContainerRow {
    let status = if container.state.running { "Up 2 hours" } else { "Exited (137) 1 hour ago" };
    ContainerRow {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.image.clone(),
        image_id: container.image_id.clone(),
        state: container.state.status.clone(),
        status: status.into(),
        created: container.created.unwrap_or(NOW),
        ports: container.ports.clone(),
        labels: container.labels.clone(),
        networks: container.networks.keys().cloned().collect(),
        network_ids: BTreeMap::new(),
        network_mode: container.network_mode.clone(),
        mounts: container.mounts.clone(),
    }
}

impl Fake {
    /// An engine with these containers.
    pub(super) fn of(containers: Vec<Container>) -> Self {
        Self { containers: Mutex::new(containers), ..Self::default() }
    }

    /// The calls so far.
    pub(super) fn called(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn call(&self, method: &'static str, about: &str) -> Result<(), Fault> {
        self.calls.lock().unwrap().push(format!("{method} {about}").trim_end().to_owned());
        if self.broken.contains(&method) {
            return Err(Fault::new(Reason::EngineError, format!("{method} is broken.")));
        }
        Ok(())
    }

    /// Lets others do what they do before this look.
    fn let_others(&self) -> Result<(), Fault> {
        let mut waiting = self.meanwhile.lock().unwrap();
        if let Some((left, _)) = &mut *waiting {
            *left -= 1;
        }
        let now = waiting.take_if(|(left, _)| *left == 0);
        now.map_or(Ok(()), |(_, happens)| happens(&mut self.containers.lock().unwrap()))
    }

    /// The answer of a method that may be slow.
    fn later<'a, T: Send + 'a>(
        &'a self,
        method: &'static str,
        answer: Result<T, Fault>,
    ) -> Answered<'a, T> {
        let time = self.slow.get(method).copied().unwrap_or_default();
        Box::pin(async move {
            tokio::time::sleep(time).await;
            answer
        })
    }

    fn act<'a>(&'a self, method: &'static str, target: &Granted<'_>) -> Answered<'a, Acted> {
        self.act_with(method, target, "")
    }

    fn act_with<'a>(
        &'a self,
        method: &'static str,
        target: &Granted<'_>,
        how: &str,
    ) -> Answered<'a, Acted> {
        let called = self.call(method, &format!("{} {how}", target.target().name));
        Box::pin(async move {
            called?;
            let effect = self.effect.lock().unwrap().take();
            effect.map_or(Ok(Acted::Changed), |effect| effect(&mut self.containers.lock().unwrap()))
        })
    }
}

type Answered<'a, T> = BoxFuture<'a, Result<T, Fault>>;

fn ready<'a, T: Send + 'a>(answer: Result<T, Fault>) -> Answered<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl LookSystem for Fake {
    fn engine_id(&self) -> Answered<'_, String> {
        let id = if self.podman { "podman-1" } else { "ENGINE" };
        ready(self.call("engine_id", "").map(|()| id.into()))
    }

    fn engine(&self) -> Answered<'_, Engine> {
        ready(self.call("engine", "").map(|()| Engine {
            id: "ENGINE".into(),
            name: "host".into(),
            version: "20.10.24".into(),
            api: if self.api.is_empty() { "1.41" } else { self.api }.into(),
            os: "Linux".into(),
            kernel: "6.1".into(),
            arch: "x86_64".into(),
            storage: "overlay2".into(),
            logging: "json-file".into(),
            cpus: 2,
            memory_bytes: 0,
            containers: [0; 3],
            images: 0,
            warnings: Vec::new(),
            address: "unix:///run/docker.sock".into(),
        }))
    }

    fn own_container(&self) -> Option<&FullId> {
        self.own.as_ref()
    }

    fn disk_usage(&self) -> Answered<'_, DiskUsage> {
        let answer = self.call("disk_usage", "").map(|()| self.usage.clone());
        self.later("disk_usage", answer)
    }

    fn events<'a>(
        &'a self,
        query: &'a EventQuery,
        each: &'a mut (dyn FnMut(Happening) + Send),
    ) -> Answered<'a, ()> {
        let (since, until) = (super::when::second(query.since), super::when::second(query.until));
        let kind = query.kind.unwrap_or("all");
        let answer = self.call("events", &format!("{since} {until} {kind}"));
        self.happenings.iter().cloned().for_each(each);
        ready(answer)
    }
}

impl LookContainers for Fake {
    fn containers<'a>(&'a self, filter: &'a ContainerFilter) -> Answered<'a, Vec<ContainerRow>> {
        let about = filter.volume.as_deref().unwrap_or_default();
        let answer = self.call("containers", about).map(|()| {
            let all = filter.all || filter.status.is_some();
            let name = filter.name.clone().unwrap_or_default();
            let containers = self.containers.lock().unwrap();
            containers
                .iter()
                .filter(|c| all || c.state.running)
                .filter(|c| c.name.contains(&name))
                .filter(|c| filter.status.as_ref().is_none_or(|s| *s == c.state.status))
                .map(row)
                .filter(|row| filter.volume.as_ref().is_none_or(|name| row.mounts_volume(name)))
                .collect()
        });
        self.later("containers", answer)
    }

    fn candidates<'a>(&'a self, reference: &'a Reference) -> Answered<'a, Vec<ContainerRow>> {
        ready(
            self.call("candidates", reference.as_str())
                .map(|()| self.containers.lock().unwrap().iter().map(row).collect()),
        )
    }

    fn container<'a>(&'a self, id: &'a FullId) -> Answered<'a, Container> {
        let others = self.let_others();
        let containers = self.containers.lock().unwrap();
        let found = containers.iter().find(|c| c.id == *id).cloned();
        let name = found.as_ref().map_or("-", |c| c.name.as_str());
        ready(others.and(self.call("container", name)).and_then(|()| {
            found.ok_or_else(|| Fault::new(Reason::NotFound, "There is no such container."))
        }))
    }

    fn stats<'a>(&'a self, id: &'a FullId) -> Answered<'a, Stats> {
        let stats = self.stats.get(id).cloned().unwrap_or_default();
        self.later("stats", self.call("stats", id.short()).map(|()| stats))
    }

    fn processes<'a>(&'a self, id: &'a FullId) -> Answered<'a, Processes> {
        ready(self.call("processes", id.short()).map(|()| self.processes.clone()))
    }

    fn changes<'a>(&'a self, id: &'a FullId) -> Answered<'a, Vec<FileChange>> {
        self.later("changes", self.call("changes", id.short()).map(|()| self.changes.clone()))
    }

    fn writable_bytes<'a>(&'a self, id: &'a FullId) -> Answered<'a, Option<u64>> {
        let answer = self.call("writable_bytes", id.short());
        self.later("writable_bytes", answer.map(|()| self.writable_bytes))
    }
}

impl LookLogs for Fake {
    /// As Docker does it: the tail counts pieces of 16 KiB of both streams, and only then are the
    /// stream and the window, to the second, looked at.
    fn logs<'a>(
        &'a self,
        _: &'a FullId,
        query: &'a LogQuery,
        each: &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send),
    ) -> Answered<'a, ()> {
        let tail = query.tail.map_or("all".to_owned(), |tail| tail.to_string());
        if let Err(fault) = self.call("logs", &tail) {
            return ready(Err(fault));
        }
        let mut left = query.tail.map_or(usize::MAX, |tail| tail as usize);
        let (mut from, mut skipped) = (self.log.len(), 0);
        while from > 0 {
            let pieces = self.log[from - 1].2.len() / 16_384 + 1;
            if left == 0 {
                break;
            }
            from -= 1;
            skipped = pieces.saturating_sub(left) * 16_384;
            left = left.saturating_sub(pieces);
        }
        for (stream, timestamp, bytes) in &self.log[from..] {
            let bytes = &bytes[std::mem::take(&mut skipped)..];
            let at = super::when::read(timestamp).map(OffsetDateTime::unix_timestamp);
            let since = query.since.map_or(i64::MIN, OffsetDateTime::unix_timestamp);
            let until = query.until.map_or(i64::MAX, OffsetDateTime::unix_timestamp);
            let wanted = if *stream == Stream::Out { query.out } else { query.err };
            if !wanted || at.is_some_and(|at| !(since..=until).contains(&at)) {
                continue;
            }
            let cut = &bytes[..bytes.len().min(query.line_bytes_max)];
            let line = LogLine { stream: *stream, timestamp, bytes: cut, full_len: bytes.len() };
            if each(line).is_break() {
                break;
            }
        }
        self.later("logs", Ok(()))
    }
}
