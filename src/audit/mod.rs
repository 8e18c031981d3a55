//! The audit log on disk: JSON lines in one file a UTC day, appended by several processes, chained
//! by digests, durable before any effect.
//!
//! **Order.** A record is one `write(2)` of one buffer, under the lock of `.lock`; `prev` is the
//! digest of the line before, whoever wrote it. The file of a new day begins with `opened`; nothing
//! is ever written to an older file than the newest. Nothing is ever truncated or rewritten: a torn
//! end is closed by a newline and a `recovered` record, whose `prev` covers the torn bytes and
//! whose `after` covers the last whole line before them.
//!
//! **Room.** With each record but an outcome, room is reserved behind the file's end (1 MiB, more
//! when less than 256 KiB is left). Where the disk has no more, a record other than an outcome is
//! refused unless 64 KiB stay reserved for it, and for every intent that this process has open and
//! every session and target lock of other processes. So as long as the file system keeps what
//! `fallocate` promised, the outcome of each accepted intent can be written on a full disk, on the
//! day's last file if a new one cannot be begun. A file system that reserves nothing is written to
//! plainly, with a warning. The reserve of a past day's file, at most 1 MiB and a line for each
//! intent that was open, stays with it until the file is copied or removed.
//!
//! **Life.** Before its first `allowed` a process locks `.live/<session>`, and before its first
//! record it removes the target locks that nobody holds and closes, as `unknown`, what sessions without
//! a lock left open. After a failed append nothing is believed of the file: the next one reads its
//! end again. A writer that panics is replaced; the session's lock and open intents outlive it.
//!
//! **Counts.** Rules that count are answered from the log alone: each process keeps an index of the
//! part that they ask about and catches up from the end of what it read. A change that is counted is
//! decided on under the lock of `.live/target-count`, which it keeps until its `allowed` is on disk.
//! Whoever can remove lines of the log can hide what was counted; `verify` shows it.

mod before;
mod checker;
mod follow;
mod hold;
mod journal;
mod line;
mod live;
mod lock;
mod logs;
mod place;
mod read;
mod recent;
mod sink;
mod spent;
mod sys;
mod tail;
mod verify;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{self, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::core::ask::{AskId, Recorded};
use crate::core::plan::Target;
use crate::core::policy::{History, Recall};
use crate::core::reason::{Fault, Reason};
use crate::core::record::Record;
use crate::ports::{Audit, BoxFuture, Clock, Durability, Held};

pub use before::history_before;
pub use follow::Follow;
pub use logs::AuditLogs;
pub use read::{Entry, Filter, Lines, Stats, read};
pub use verify::{OpenIntent, Problem, Report, parse_anchor, verify};

use hold::Locks;
use place::{Place, failed, unavailable};
use recent::Recent;
use sink::{Job, Kept, Sink};

/// How long a change waits for others to be counted.
const COUNT_WAIT: Duration = Duration::from_secs(5);

/// How long it waits for another process before it tries again.
const COUNT_PAUSE: Duration = Duration::from_millis(5);

/// Records that wait to be written, at most.
const QUEUE_MAX: usize = 4096;

/// What the log needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the log. It is made when the first record is written.
    pub dir: PathBuf,
    /// Whether every record is synced, and not only those that ask for it.
    pub sync_all: bool,
    /// The random id of this process: letters, digits, `-` and `_`.
    pub session: String,
}

/// What the writer and the locks share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    clock: Arc<dyn Clock>,
    /// The folder was narrowed, and no line says so yet.
    narrowed: AtomicBool,
    /// What one writer leaves to the next.
    kept: Mutex<Kept>,
}

impl Shared {
    fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, narrowed: AtomicBool::new(false), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The audit log of this process. Until the first record nothing on disk is touched. Dropping it
/// writes what waits.
#[derive(Debug)]
pub struct AuditLog {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    recent: Arc<sync::Mutex<Recent>>,
    /// Those of this process that wait to be counted, in the order in which they came.
    counting: Arc<sync::Mutex<()>>,
}

#[derive(Debug)]
enum Writer {
    Idle,
    Running { jobs: SyncSender<Job>, thread: JoinHandle<()> },
    Closed,
}

impl Writer {
    /// Lets the thread come to its end and waits for that.
    fn join(self) {
        if let Self::Running { jobs, thread } = self {
            drop(jobs);
            if thread.join().is_err() {
                tracing::error!("the audit log's writer ended in a panic");
            }
        }
    }
}

impl AuditLog {
    /// A log in a folder.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let recent = Arc::new(sync::Mutex::new(Recent::new(&settings.dir)));
        let shared = Arc::new(Shared::new(settings, clock));
        Self { shared, writer: Mutex::new(Writer::Idle), recent, counting: Arc::default() }
    }

    /// Writes what waits and ends the writer; later records are refused. Removes the mark of this
    /// session if none of its intents is open. Blocks until all that is done.
    pub fn close(&self) {
        let writer = std::mem::replace(&mut *self.writer(), Writer::Closed);
        writer.join();
        std::mem::take(&mut *self.shared.kept()).end();
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a job to the writer, which is started if there is none.
    fn send(&self, mut job: Job) -> Result<(), Fault> {
        let mut writer = self.writer();
        loop {
            match &*writer {
                Writer::Closed => {
                    return Err(unavailable("this process is ending", "Start it again."));
                }
                Writer::Idle => *writer = self.start()?,
                Writer::Running { jobs, .. } => match jobs.try_send(job) {
                    Ok(()) => return Ok(()),
                    Err(TrySendError::Full(_)) => {
                        return Err(unavailable(
                            format_args!("{QUEUE_MAX} records wait to be written"),
                            "Its disk is slow or stuck; look there, then try again.",
                        ));
                    }
                    // The writer panicked. A new one starts from what is on disk and what it kept.
                    Err(TrySendError::Disconnected(back)) => {
                        job = back;
                        std::mem::replace(&mut *writer, Writer::Idle).join();
                    }
                },
            }
        }
    }

    fn start(&self) -> Result<Writer, Fault> {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let sink = Sink::new(Arc::clone(&self.shared));
        let thread = Builder::new()
            .name("audit".into())
            .spawn(move || sink.run(&queue))
            .map_err(|e| failed("its writer cannot be started", &e))?;
        Ok(Writer::Running { jobs, thread })
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Audit for AuditLog {
    fn append(
        &self,
        record: Record,
        durability: Durability,
    ) -> BoxFuture<'static, Result<(), Fault>> {
        let (answer, answered) = oneshot::channel();
        let sync = self.shared.settings.sync_all || durability == Durability::Synced;
        let sent = self.send(Job { record, sync, answer });
        Box::pin(async move {
            sent?;
            answered.await.unwrap_or_else(|_| {
                Err(unavailable("its writer ended in a panic", "Report that, then try again."))
            })
        })
    }

    fn hold(&self, targets: &[Target]) -> Result<Held, Fault> {
        if targets.is_empty() {
            return Ok(Box::new(Locks::none()));
        }
        let place = Place::open(&self.shared.settings.dir, &self.shared.narrowed)?;
        Ok(Box::new(Locks::take(&place, targets)?))
    }

    fn recall<'a>(&'a self, recall: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>> {
        let (recent, shared) = (Arc::clone(&self.recent), Arc::clone(&self.shared));
        let recall = recall.clone();
        Box::pin(async move {
            let mut recent = recent.lock_owned().await;
            let looked = spawn_blocking(move || recent.catch_up(&recall, shared.clock.now()));
            looked.await.unwrap_or_else(|_| {
                Err(unavailable("its reader ended in a panic", "Report that, then try again."))
            })
        })
    }

    fn recorded(
        &self,
        ask: AskId,
        made: OffsetDateTime,
    ) -> BoxFuture<'static, Result<Recorded, Fault>> {
        let dir = self.shared.settings.dir.clone();
        Box::pin(async move {
            let looked = spawn_blocking(move || spent::recorded(&dir, ask, made)).await;
            looked.unwrap_or_else(|_| {
                Err(unavailable("its reader ended in a panic", "Report that, then try again."))
            })
        })
    }

    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>> {
        let counting = Arc::clone(&self.counting);
        let take = async move {
            let alone = counting.lock_owned().await;
            let place = Place::open(&self.shared.settings.dir, &self.shared.narrowed)?;
            loop {
                if let Some(lock) = Locks::count(&place)? {
                    return Ok(Box::new((lock, alone)) as Held);
                }
                sleep(COUNT_PAUSE).await;
            }
        };
        Box::pin(async {
            timeout(COUNT_WAIT, take).await.unwrap_or_else(|_| {
                Err(Fault::new(
                    Reason::Busy,
                    "Other changes are being counted for a rule of the policy. Nothing was done; \
                     call again.",
                ))
            })
        })
    }
}

#[cfg(test)]
mod tests;
