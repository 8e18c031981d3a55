//! A gate whose ports end the process at the call that they were told, over a real log; its engine's
//! effects are lines of a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::audit::{AuditLog, Settings as AuditSettings};
use countersign::core::ask::{AskId, Recorded, Terms};
use countersign::core::grant::{GrantRow, Granted, Tick, TokenHash};
use countersign::core::ids::{FullId, Reference};
use countersign::core::plan::Target;
use countersign::core::policy::{History, Policy, Recall};
use countersign::core::reason::Fault;
use countersign::core::record::Record;
use countersign::gate::{Gate, Parts, People, Registry, Settings};
use countersign::host::{HostClock, HostEntropy};
use countersign::ports::engine::{
    ActContainers, ActImages, ActNetworks, ActProcesses, ActVolumes, Acted, Container,
    ContainerFilter, ContainerRow, Engine, LogLine, LogQuery, LookContainers, LookImages, LookLogs,
    LookNetworks, LookSystem, LookVolumes,
};
use countersign::ports::{
    Audit, BoxFuture, Clock, Durability, Fixed, Gone, GrantStore, Held, random_id,
};
use countersign::store::MemoryGrants;
use time::OffsetDateTime;

use crate::support::fakes::{FakeEngine, container, id};
use crate::support::operations;

/// Aborts the process at the call of a port that it was told.
#[derive(Debug)]
pub(super) struct Fuse(AtomicU64);

impl Fuse {
    pub(super) fn point(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}

/// An engine whose effects are lines of a file, and ports around it that burn the fuse.
#[derive(Debug)]
pub(super) struct Burning {
    pub(super) fuse: Fuse,
    pub(super) engine: Arc<FakeEngine>,
    pub(super) audit: AuditLog,
    /// The random id of this process.
    pub(super) session: String,
    grants: MemoryGrants,
    effects: PathBuf,
}

impl Audit for Burning {
    fn append(
        &self,
        record: Record,
        durability: Durability,
    ) -> BoxFuture<'static, Result<(), Fault>> {
        self.fuse.point();
        let written = self.audit.append(record, durability);
        self.fuse.point();
        written
    }

    fn hold(&self, targets: &[Target]) -> Result<Held, Fault> {
        self.fuse.point();
        self.audit.hold(targets)
    }

    fn recall<'a>(&'a self, recall: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>> {
        self.audit.recall(recall)
    }

    fn recorded(
        &self,
        ask: AskId,
        made: OffsetDateTime,
    ) -> BoxFuture<'static, Result<Recorded, Fault>> {
        self.audit.recorded(ask, made)
    }

    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>> {
        self.audit.hold_count()
    }
}

impl GrantStore for Burning {
    fn put(&self, row: GrantRow, now: Tick) {
        self.fuse.point();
        self.grants.put(row, now);
    }

    fn take(&self, hash: &TokenHash, now: Tick) -> Result<GrantRow, Gone> {
        self.fuse.point();
        let taken = self.grants.take(hash, now);
        self.fuse.point();
        taken
    }
}

impl LookSystem for Burning {
    fn engine_id(&self) -> BoxFuture<'_, Result<String, Fault>> {
        self.engine.engine_id()
    }

    fn engine(&self) -> BoxFuture<'_, Result<Engine, Fault>> {
        self.engine.engine()
    }
}

impl LookContainers for Burning {
    fn containers<'a>(
        &'a self,
        filter: &'a ContainerFilter,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        self.engine.containers(filter)
    }

    fn candidates<'a>(
        &'a self,
        reference: &'a Reference,
    ) -> BoxFuture<'a, Result<Vec<ContainerRow>, Fault>> {
        self.fuse.point();
        self.engine.candidates(reference)
    }

    fn container<'a>(&'a self, id: &'a FullId) -> BoxFuture<'a, Result<Container, Fault>> {
        self.fuse.point();
        self.engine.container(id)
    }
}

impl LookLogs for Burning {
    fn logs<'a>(
        &'a self,
        id: &'a FullId,
        query: &'a LogQuery,
        each: &'a mut (dyn FnMut(LogLine<'_>) -> ControlFlow<()> + Send),
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.engine.logs(id, query, each)
    }
}

impl LookImages for Burning {
    fn image_id<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        self.engine.image_id(reference)
    }
}

impl LookVolumes for Burning {}
impl LookNetworks for Burning {}

impl Burning {
    async fn act(&self, target: &Granted<'_>) -> Result<Acted, Fault> {
        self.fuse.point();
        append(&self.effects, &target.target().name);
        self.fuse.point();
        self.engine.restart(target, 0).await
    }
}

impl ActImages for Burning {}
impl ActProcesses for Burning {}
impl ActVolumes for Burning {}
impl ActNetworks for Burning {}

impl ActContainers for Burning {
    fn start<'a>(&'a self, target: &'a Granted<'a>) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act(target))
    }

    fn stop<'a>(&'a self, target: &'a Granted<'a>, _: u32) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act(target))
    }

    fn restart<'a>(
        &'a self,
        target: &'a Granted<'a>,
        _: u32,
    ) -> BoxFuture<'a, Result<Acted, Fault>> {
        Box::pin(self.act(target))
    }
}

fn append(path: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Burning {
    /// Ports over what is in this folder, with a container of this name.
    pub(super) fn new(folder: &Path, fuse: u64, name: &str) -> Arc<Self> {
        let engine = FakeEngine::default();
        // A change alters no fact, so that nothing but its spent grant stands in a replay's way.
        engine.still.store(true, Ordering::SeqCst);
        engine.put(container(id(1), name));
        let session = random_id(&HostEntropy).unwrap();
        let settings =
            AuditSettings { dir: folder.join("audit"), sync_all: false, session: session.clone() };
        Arc::new(Self {
            fuse: Fuse(AtomicU64::new(fuse)),
            engine: Arc::new(engine),
            audit: AuditLog::new(settings, Arc::new(HostClock)),
            session,
            grants: MemoryGrants::default(),
            effects: folder.join("effects"),
        })
    }

    /// A gate over these ports.
    pub(super) fn gate(self: &Arc<Self>, policy: Policy, people: People) -> Gate {
        self.gate_at(Arc::new(HostClock), policy, people)
    }

    /// As [`Self::gate`], by this clock.
    pub(super) fn gate_at(
        self: &Arc<Self>,
        clock: Arc<dyn Clock>,
        policy: Policy,
        people: People,
    ) -> Gate {
        Gate::new(Parts {
            registry: Registry::new(operations::ALL, |_| true),
            policies: Arc::new(Fixed::new(policy)),
            look: self.clone(),
            act: self.clone(),
            audit: self.clone(),
            grants: self.clone(),
            people,
            clock,
            entropy: Arc::new(HostEntropy),
            settings: Settings {
                read_only: false,
                token_ttl: Duration::from_secs(120),
                concurrent_calls: 64,
                session: self.session.clone(),
                log: "audit".into(),
                account: "alice (uid 1000)".into(),
                // Tests ask for many things at once, and again after a denial.
                terms: Terms { open_max: 10_000, cooldown: time::Duration::ZERO, ..Terms::USUAL },
            },
        })
    }
}
