//! Fakes of every port. Each is a plain list or map behind a lock, with a switch for what can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use countersign::core::ask::{AskId, Recorded};
use countersign::core::grant::Granted;
use countersign::core::ids::{FullId, Reference};
use countersign::core::plan::Target;
use countersign::core::policy::{History, Past, Recall};
use countersign::core::reason::{Fault, Reason};
use countersign::core::record::{Event, Record};
use countersign::ports::engine::{
    ActContainers, ActImages, ActNetworks, ActProcesses, ActVolumes, Acted, Container,
    ContainerFilter, ContainerRow, Engine, LogLine, LogQuery, LookContainers, LookImages, LookLogs,
    LookNetworks, LookSystem, LookVolumes, State,
};
use countersign::ports::{Audit, BoxFuture, Durability, Held};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

pub(crate) use super::chance::{FakeClock, FakeEntropy};

/// A log in memory.
#[derive(Debug, Default)]
pub(crate) struct FakeAudit {
    lines: Mutex<Vec<(Record, Durability)>>,
    failing: Mutex<BTreeSet<Event>>,
    slow: Mutex<Option<Arc<Semaphore>>>,
    held: Arc<Mutex<BTreeSet<String>>>,
    history: Mutex<History>,
    blind: AtomicBool,
    /// Held while a change is counted.
    pub(crate) counting: Arc<tokio::sync::Mutex<()>>,
}

impl FakeAudit {
    /// From now on these events cannot be written.
    pub(crate) fn fail(&self, events: &[Event]) {
        *self.failing.lock().unwrap() = events.iter().copied().collect();
    }

    /// From now on an intent is on record only once the test gives it a permit.
    pub(crate) fn hold_intents(&self) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.slow.lock().unwrap() = Some(Arc::clone(&permits));
        permits
    }

    /// What the log says was let through lately.
    pub(crate) fn remember(&self, pasts: impl IntoIterator<Item = Past>) {
        let mut history = self.history.lock().unwrap();
        pasts.into_iter().for_each(|past| history.push(past));
    }

    /// From now on the log cannot be read.
    pub(crate) fn go_blind(&self) {
        self.blind.store(true, Ordering::SeqCst);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.lines.lock().unwrap().iter().map(|(record, _)| record.event).collect()
    }

    pub(crate) fn last(&self) -> Record {
        self.lines.lock().unwrap().last().unwrap().0.clone()
    }

    pub(crate) fn records(&self) -> Vec<(Record, Durability)> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn clear(&self) {
        self.lines.lock().unwrap().clear();
    }
}

#[derive(Debug)]
struct FakeLocks(Arc<Mutex<BTreeSet<String>>>, Vec<String>);

impl Drop for FakeLocks {
    fn drop(&mut self) {
        let mut held = self.0.lock().unwrap();
        for id in &self.1 {
            held.remove(id);
        }
    }
}

impl Audit for FakeAudit {
    fn append(
        &self,
        record: Record,
        durability: Durability,
    ) -> BoxFuture<'static, Result<(), Fault>> {
        let event = record.event;
        let fails = self.failing.lock().unwrap().contains(&event);
        if !fails {
            self.lines.lock().unwrap().push((record, durability));
        }
        let slow = (event == Event::Allowed).then(|| self.slow.lock().unwrap().clone()).flatten();
        Box::pin(async move {
            if let Some(permits) = slow {
                permits.acquire().await.unwrap().forget();
            }
            let full = || Fault::new(Reason::AuditUnavailable, "The log is full.");
            if fails { Err(full()) } else { Ok(()) }
        })
    }

    fn hold(&self, targets: &[Target]) -> Result<Held, Fault> {
        let mut held = self.held.lock().unwrap();
        let ids: Vec<String> = targets.iter().map(|target| target.id.clone()).collect();
        if ids.iter().any(|id| held.contains(id)) {
            return Err(Fault::new(Reason::Busy, "Another change is running."));
        }
        held.extend(ids.iter().cloned());
        Ok(Box::new(FakeLocks(Arc::clone(&self.held), ids)))
    }

    fn recall<'a>(&'a self, _: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>> {
        let history = self.history.lock().unwrap().clone();
        let unread = || Fault::new(Reason::AuditUnavailable, "The log cannot be read.");
        let blind = self.blind.load(Ordering::SeqCst);
        Box::pin(async move { if blind { Err(unread()) } else { Ok(Arc::new(history)) } })
    }

    fn recorded(
        &self,
        ask: AskId,
        _: OffsetDateTime,
    ) -> BoxFuture<'static, Result<Recorded, Fault>> {
        let lines = self.lines.lock().unwrap();
        let of_ask = || lines.iter().map(|(line, _)| line).filter(|line| line.ask == Some(ask));
        let begins = |event: &Event| *event == Event::Allowed || event.closes_ask();
        let first = of_ask().find(|line| begins(&line.event));
        let request = first.and_then(|line| line.req.clone());
        let outcome = of_ask().find(|line| line.event.is_outcome() && line.req == request);
        let last = outcome.filter(|_| request.is_some()).or(first).map(|line| line.event);
        let approved = of_ask().filter(|line| line.event == Event::AskApproved);
        let approved = approved.filter_map(|line| Some(line.approver.as_ref()?.uid)).next();
        Box::pin(std::future::ready(Ok(Recorded { approved, spent: last, request })))
    }

    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>> {
        let counting = Arc::clone(&self.counting);
        Box::pin(async { Ok(Box::new(counting.lock_owned().await) as Held) })
    }
}

/// What a test does at a point of a request.
type Hook = Box<dyn FnOnce(&FakeEngine) + Send>;

/// An engine in memory.
#[derive(Default)]
pub(crate) struct FakeEngine {
    pub(crate) containers: Mutex<BTreeMap<FullId, Container>>,
    /// Changes that were made, as `restart <name>`.
    pub(crate) effects: Mutex<Vec<String>>,
    /// What the next change ends with instead of being made.
    pub(crate) fails: Mutex<Option<Fault>>,
    /// How long a change takes.
    pub(crate) takes: Mutex<Duration>,
    /// A change leaves no trace in what is seen.
    pub(crate) still: AtomicBool,
    pub(crate) looks: AtomicUsize,
    /// Looking fails once so many changes were made.
    pub(crate) blind_after: Mutex<Option<usize>>,
    /// What every look at a container ends with, instead of an answer.
    pub(crate) unseen: Mutex<Option<Fault>>,
    /// What happens at the next change, before it is made.
    pub(crate) at_next_effect: Mutex<Option<Hook>>,
    /// What happens at the next look at a container.
    pub(crate) at_next_look: Mutex<Option<Hook>>,
    /// What the program itself runs in.
    pub(crate) own: OnceLock<FullId>,
}

impl fmt::Debug for FakeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeEngine")
    }
}

pub(crate) fn id(n: u8) -> FullId {
    FullId::parse(&format!("{n:02x}").repeat(32)).unwrap()
}

impl FakeEngine {
    pub(crate) fn with(names: &[&str]) -> Arc<Self> {
        let engine = Self::default();
        for (n, name) in names.iter().enumerate() {
            engine.put(container(id(u8::try_from(n).unwrap() + 1), name));
        }
        Arc::new(engine)
    }

    pub(crate) fn put(&self, container: Container) {
        self.containers.lock().unwrap().insert(container.id.clone(), container);
    }

    pub(crate) fn change(&self, n: u8, change: impl FnOnce(&mut Container)) {
        change(self.containers.lock().unwrap().get_mut(&id(n)).unwrap());
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        self.effects.lock().unwrap().clone()
    }

    async fn act(&self, verb: &str, target: &Granted<'_>) -> Result<Acted, Fault> {
        let hook = self.at_next_effect.lock().unwrap().take();
        if let Some(hook) = hook {
            hook(self);
        }
        if let Some(fault) = self.fails.lock().unwrap().take() {
            return Err(fault);
        }
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        let mut effects = self.effects.lock().unwrap();
        effects.push(format!("{verb} {}", target.target().name));
        if self.still.load(Ordering::SeqCst) {
            return Ok(Acted::Changed);
        }
        let mut containers = self.containers.lock().unwrap();
        let id = FullId::parse(&target.target().id).unwrap();
        containers.get_mut(&id).unwrap().state.started_at = format!("start {}", effects.len());
        Ok(Acted::Changed)
    }
}

pub(crate) fn container(id: FullId, name: &str) -> Container {
    Container {
        id,
        name: name.to_owned(),
        image: "busybox:1".into(),
        image_id: "sha256:abc".into(),
        created: None,
        state: State {
            status: "running".into(),
            running: true,
            paused: false,
            oom_killed: false,
            exit_code: None,
            error: String::new(),
            started_at: "start 0".into(),
            finished_at: String::new(),
            health: None,
        },
        restart_count: 0,
        restart_policy: "no".into(),
        auto_remove: false,
        privileged: false,
        cap_add: Vec::new(),
        network_mode: "bridge".into(),
        pid_mode: String::new(),
        ipc_mode: String::new(),
        beyond: Default::default(),
        user: String::new(),
        mounts: Vec::new(),
        tmpfs: Vec::new(),
        ports: Vec::new(),
        networks: BTreeMap::new(),
        aliases: BTreeMap::new(),
        links: Vec::new(),
        volumes_from: Vec::new(),
        labels: BTreeMap::new(),
        env: Vec::new(),
        command: Vec::new(),
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
        config_digest: "sha256:0".into(),
    }
}

fn row(container: &Container) -> ContainerRow {
    ContainerRow {
        id: container.id.clone(),
        name: container.name.clone(),
        image: container.image.clone(),
        image_id: container.image_id.clone(),
        state: container.state.status.clone(),
        status: "Up".into(),
        created: OffsetDateTime::UNIX_EPOCH,
        ports: Vec::new(),
        labels: container.labels.clone(),
        networks: Vec::new(),
        network_ids: BTreeMap::new(),
        network_mode: container.network_mode.clone(),
        mounts: Vec::new(),
    }
}

impl LookSystem for FakeEngine {
    fn engine_id(&self) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(std::future::ready(Ok("FAKE".to_owned())))
    }

    fn engine(&self) -> BoxFuture<'_, Result<Engine, Fault>> {
        let fault = Fault::new(Reason::EngineUnavailable, "The engine is down.");
        Box::pin(std::future::ready(Err(fault.with_detail("connection refused"))))
    }

    fn own_container(&self) -> Option<&FullId> {
        self.own.get()
    }
}

impl LookContainers for FakeEngine {
    fn containers<'a>(
        &'a self,
        _: &'a ContainerFilter,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        let rows = self.containers.lock().unwrap().values().map(row).collect();
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn candidates<'a>(
        &'a self,
        _: &'a Reference,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        let rows = self.containers.lock().unwrap().values().map(row).collect();
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn container<'a>(&'a self, id: &'a FullId) -> BoxFuture<'a, Result<Container, Fault>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let hook = self.at_next_look.lock().unwrap().take();
        if let Some(hook) = hook {
            hook(self);
        }
        let blind = *self.blind_after.lock().unwrap();
        let blind = blind.is_some_and(|after| self.effects.lock().unwrap().len() >= after);
        let found = self.containers.lock().unwrap().get(id).cloned();
        let found = found.filter(|_| !blind && self.unseen.lock().unwrap().is_none());
        let unseen = self.unseen.lock().unwrap().clone();
        let gone = || unseen.unwrap_or_else(|| Fault::new(Reason::NotFound, "It is gone."));
        Box::pin(std::future::ready(found.ok_or_else(gone)))
    }
}

impl LookLogs for FakeEngine {
    fn logs<'a>(
        &'a self,
        _: &'a FullId,
        _: &'a LogQuery,
        _: &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send),
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl LookImages for FakeEngine {
    fn image_id<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl LookVolumes for FakeEngine {}
impl LookNetworks for FakeEngine {}

impl ActImages for FakeEngine {}
impl ActProcesses for FakeEngine {}
impl ActVolumes for FakeEngine {}
impl ActNetworks for FakeEngine {}

impl ActContainers for FakeEngine {
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act("start", target))
    }

    fn stop<'a>(&'a self, target: &'a Granted<'a>, _: u32) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act("stop", target))
    }

    fn restart<'a>(
        &'a self,
        target: &'a Granted<'a>,
        _: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act("restart", target))
    }
}
