//! The writer: one thread that takes records off a queue and commits them in groups. It takes the
//! log's lock once a group, finds out what other processes did, writes, gives the lock back, syncs
//! if anyone asked, and answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use time::OffsetDateTime;
use tokio::sync::oneshot;

use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, LINE_BYTES_MAX, Record};

use super::Shared;
use super::journal::{Journal, opened};
use super::live::{self, Mark};
use super::lock::Lock;
use super::place::{Day, Place, unavailable};

/// Records of one group, at most.
const GROUP_MAX: usize = 256;

/// How often a folder or lock file that is being replaced is opened anew.
const ENTER_TRIES: u32 = 8;

/// A record on its way.
#[derive(Debug)]
pub(super) struct Job {
    /// What to append.
    pub(super) record: Record,
    /// Whether it must be on disk before the answer.
    pub(super) sync: bool,
    /// Where the answer goes.
    pub(super) answer: oneshot::Sender<Result<(), Fault>>,
}

/// What this session knows of itself and nobody can read from the disk. It outlives a writer that
/// panics, so that the next one neither loses the session's lock nor takes it for a stranger's.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whether sessions that ended without a word were closed.
    settled: bool,
    mark: Option<Mark>,
    /// The requests whose intents are in the log, or may be, and not yet closed.
    intents: BTreeSet<String>,
    /// Outcomes of intents that got into the log although their append failed.
    owed: Vec<Record>,
}

impl Kept {
    /// Removes the mark. An intent that is still open is for the next process to close.
    pub(super) fn end(self) {
        if self.intents.is_empty()
            && self.owed.is_empty()
            && let Some(mark) = self.mark
        {
            mark.clear();
        }
    }
}

/// The writer's state. What it does not keep can be found again from the disk.
#[derive(Debug)]
pub(super) struct Sink {
    shared: Arc<Shared>,
    kept: Kept,
    open: Option<(Place, Lock)>,
    journal: Option<Journal>,
    /// Whether the journal was checked since the lock was taken.
    checked: bool,
    /// Why no new day can be begun; then only what is owed goes to the old one.
    stuck: Option<Fault>,
}

/// What is kept goes back, in a panic too.
impl Drop for Sink {
    fn drop(&mut self) {
        *self.shared.kept() = std::mem::take(&mut self.kept);
    }
}

impl Sink {
    /// A writer that has touched nothing yet, and takes over what the one before it kept.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let kept = std::mem::take(&mut *shared.kept());
        Self { shared, kept, open: None, journal: None, checked: false, stuck: None }
    }

    /// Commits what comes until nobody can send any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = jobs.try_recv()
            {
                group.push(next);
            }
            self.commit(group);
        }
    }

    /// Writes a group and answers it.
    pub(super) fn commit(&mut self, group: Vec<Job>) {
        let mut results: Vec<Result<(), Fault>> = match self.enter() {
            Ok(()) => {
                let now = self.shared.clock.now();
                let results = group.iter().map(|job| self.write(&job.record, now)).collect();
                if let Some((_, lock)) = &self.open {
                    lock.release();
                }
                results
            }
            Err(fault) => group.iter().map(|_| Err(fault.clone())).collect(),
        };
        // Other processes need not wait for our disk: whoever syncs later syncs this as well.
        let asked = group.iter().zip(&results).any(|(job, result)| job.sync && result.is_ok());
        if asked && let Err(fault) = self.sync() {
            self.open = None;
            self.journal = None;
            for (job, result) in group.iter().zip(&mut results).filter(|(job, _)| job.sync) {
                if result.is_ok() {
                    *result = Err(fault.clone());
                    self.owe(&job.record);
                }
            }
        }
        for (job, result) in group.into_iter().zip(results) {
            // A caller that went away wants no answer.
            let _gone = job.answer.send(result);
        }
    }

    /// Opens what is not open and takes the lock.
    fn enter(&mut self) -> Result<(), Fault> {
        self.checked = false;
        self.stuck = None;
        for _ in 0..ENTER_TRIES {
            if self.open.as_ref().is_some_and(|(place, _)| !place.is_current()) {
                // The mark stayed in the folder that was; the next intent sets a new one.
                self.open = None;
                self.journal = None;
                self.kept.mark = None;
            }
            let (place, lock) = match self.open.take() {
                Some(open) => open,
                None => {
                    let place = Place::open(&self.shared.settings.dir, &self.shared.narrowed)?;
                    let lock = Lock::open(&place)?;
                    (place, lock)
                }
            };
            if lock.take(&place)? {
                self.open = Some((place, lock));
                return Ok(());
            }
        }
        Err(unavailable("its folder is being replaced", "Leave it in place, then try again."))
    }

    fn write(&mut self, record: &Record, now: OffsetDateTime) -> Result<(), Fault> {
        self.ready(now)?;
        if record.event == Event::Allowed && self.kept.mark.is_none() {
            let position = self.journal.as_ref().map(Journal::end);
            let (place, _) = self.open.as_ref().ok_or_else(closed)?;
            self.kept.mark = Some(Mark::set(place, &self.shared.settings.session, position)?);
        }
        self.put(record, now)?;
        if record.event.is_outcome() {
            self.kept.intents.remove(record.req.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    /// Appends, if there is room for it and for all that must follow. What is owed always may.
    fn put(&mut self, record: &Record, now: OffsetDateTime) -> Result<(), Fault> {
        let ((place, _), journal) = match (&self.open, &mut self.journal) {
            (Some(open), Some(journal)) => (open, journal),
            _ => return Err(closed()),
        };
        if !record.event.is_outcome() && record.event != Event::StepDone {
            if let Some(fault) = &self.stuck {
                return Err(fault.clone());
            }
            let open = self.kept.intents.len() as u64;
            journal.make_room(LINE_BYTES_MAX as u64, open, || live::owed(place))?;
        }
        // Before it is written: whatever happens from here on, it may be in the log.
        let intent = record.req.as_ref().filter(|_| record.event == Event::Allowed);
        self.kept.intents.extend(intent.cloned());
        journal.put(record, now).map_err(|unwritten| {
            // What is in the file now is read again before anything else is written.
            self.journal = None;
            self.checked = false;
            if unwritten.counts {
                self.owe(record);
            } else if let Some(req) = intent {
                self.kept.intents.remove(req);
            }
            unwritten.fault
        })
    }

    /// An intent whose append failed and that is in the log all the same gets its outcome.
    pub(super) fn owe(&mut self, record: &Record) {
        if record.event != Event::Allowed {
            return;
        }
        let Record { op, class, caller, session, req, target, plan, ask, approver, .. } =
            record.clone();
        let error = "The intent could not be made durable, so nothing was done.".to_owned();
        self.kept.owed.push(Record {
            op,
            class,
            caller,
            session,
            req,
            target,
            plan,
            ask,
            approver,
            reason: Some(Reason::AuditUnavailable),
            error: Some(error),
            ..Record::new(Event::Failed)
        });
    }

    /// Makes the journal ready for a record of this moment, under the lock.
    fn ready(&mut self, now: OffsetDateTime) -> Result<(), Fault> {
        if self.checked {
            return Ok(());
        }
        let (place, lock) = self.open.as_ref().ok_or_else(closed)?;
        if !self.journal.as_ref().is_some_and(|journal| journal.is_current(place, lock)) {
            let known = self.journal.take();
            self.journal = Journal::open(place, lock, known.as_ref(), now)?;
        }
        let today = Day::of(now);
        if self.journal.as_ref().is_none_or(|journal| journal.end().0 < today) {
            self.roll(now)?;
        }
        if self.shared.narrowed.load(Ordering::Acquire) && self.stuck.is_none() {
            self.put(&opened(true), now)?;
            self.shared.narrowed.store(false, Ordering::Release);
        }
        if !self.kept.settled {
            self.settle(now)?;
            self.kept.settled = true;
        }
        while let Some(record) = self.kept.owed.last().cloned() {
            self.put(&record, now)?;
            self.kept.intents.remove(record.req.as_deref().unwrap_or_default());
            self.kept.owed.pop();
        }
        self.checked = true;
        Ok(())
    }

    /// Begins the file of a new day. Where that fails, the old file stays for what is owed.
    fn roll(&mut self, now: OffsetDateTime) -> Result<(), Fault> {
        let (place, lock) = self.open.as_ref().ok_or_else(closed)?;
        let narrowed = self.shared.narrowed.load(Ordering::Acquire);
        let before = self.journal.as_ref();
        let owed = live::owed(place).max(self.kept.intents.len() as u64);
        match Journal::begin(place, lock, before, now, (narrowed, owed)) {
            Ok(journal) => {
                self.journal = Some(journal);
                self.shared.narrowed.store(false, Ordering::Release);
                Ok(())
            }
            Err(fault) => {
                if before.is_some_and(|old| lock.newest() == Some(old.end().0)) {
                    self.stuck = Some(fault);
                    return Ok(());
                }
                self.journal = None;
                Err(fault)
            }
        }
    }

    /// Removes the locks of processes that are gone, and closes their sessions' open intents.
    fn settle(&mut self, now: OffsetDateTime) -> Result<(), Fault> {
        let (place, _) = self.open.as_ref().ok_or_else(closed)?;
        live::sweep(place);
        let orphans = live::orphans(place, &self.shared.settings.session)?;
        if orphans.is_empty() {
            return Ok(());
        }
        for record in live::closings(place, &orphans)? {
            self.put(&record, now)?;
        }
        self.sync()?;
        for orphan in orphans {
            orphan.clear();
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Fault> {
        match (&self.open, &mut self.journal) {
            (Some((place, _)), Some(journal)) => journal.sync(place),
            _ => Err(closed()),
        }
    }
}

fn closed() -> Fault {
    unavailable("its newest file could not be opened again", "Try again.")
}
