//! The trail of one request: what is known of it so far, and the promise that it leaves exactly one
//! closing line in the log.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::core::grant::Tick;
use crate::core::policy::Verdict;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, Record};
use crate::core::text;
use crate::ports::{Audit, BoxFuture, Clock, Durability};

/// A guard. Dropped before a closing line was written (a panic, a caller that went away), it
/// records `unknown`.
pub(super) struct Trail {
    audit: Arc<dyn Audit>,
    clock: Arc<dyn Clock>,
    started: Tick,
    /// What every line of the request says; filled in as it becomes known.
    pub(super) known: Record,
    settled: bool,
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Trail {
    pub(super) fn new(audit: Arc<dyn Audit>, clock: Arc<dyn Clock>, known: Record) -> Self {
        let started = clock.tick();
        Self { audit, clock, started, known, settled: false }
    }

    /// A line of this request.
    pub(super) fn record(&self, event: Event) -> Record {
        Record { event, ..self.known.clone() }
    }

    /// Writes a line that closes nothing, such as an intent, and waits until it is on disk.
    pub(super) fn write_synced(&self, record: Record) -> BoxFuture<'static, Result<(), Fault>> {
        self.audit.append(record, Durability::Synced)
    }

    /// Writes a line that closes nothing.
    pub(super) async fn write(&self, record: Record) -> Result<(), Fault> {
        self.audit.append(record, Durability::Written).await
    }

    /// Writes the closing line.
    pub(super) async fn settle(&mut self, mut record: Record) -> Result<(), Fault> {
        self.settled = true;
        if record.event == Event::Read || record.event.is_outcome() {
            record.ms = Some(self.elapsed_ms());
        }
        let synced = record.event.is_outcome();
        let durability = if synced { Durability::Synced } else { Durability::Written };
        self.audit.append(record, durability).await
    }

    /// Writes the closing line of a refusal or of an effect that did not succeed.
    pub(super) async fn settle_with(&mut self, event: Event, fault: &Fault) -> Result<(), Fault> {
        let mut record = self.record(event);
        record.reason = Some(fault.reason);
        record.error.clone_from(&fault.detail);
        self.settle(record).await
    }

    fn elapsed_ms(&self) -> u64 {
        let elapsed = self.clock.tick().0.saturating_sub(self.started.0);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if !self.settled {
            let mut record = self.record(Event::Unknown);
            record.reason = Some(Reason::OutcomeUnknown);
            record.error = Some("the request ended without an outcome".into());
            record.ms = Some(self.elapsed_ms());
            // The log has taken the record over; nobody is left to wait for it.
            drop(self.audit.append(record, Durability::Synced));
        }
    }
}

/// How arguments are recorded that could not be read, or are not ours to read: their names and size,
/// since any value may be a secret in the wrong place. A digest of a short secret can be guessed.
pub fn unread(arguments: &Map<String, Value>) -> Value {
    let names: Vec<String> = arguments.keys().take(32).map(|key| text::name(key)).collect();
    let bytes = serde_json::to_vec(arguments).map_or(0, |json| json.len());
    json!({"unread": {"names": names, "bytes": bytes}})
}

/// What a record says of a verdict.
pub(super) fn note(known: &mut Record, verdict: &Verdict) {
    known.rule = Some(verdict.rule().to_owned());
    known.policy = Some(verdict.policy());
}
