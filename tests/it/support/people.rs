//! People whom the gate asks, for tests: asks and signers in memory, every line in one log.

use std::sync::{Arc, Mutex};

use countersign::core::approval::Signers;
use countersign::core::ask::AskId;
use countersign::gate::People;
use countersign::ports::Audit;
use countersign::ports::asks::{Logs, Notifier};
use countersign::store::MemoryAsks;

#[derive(Debug)]
struct OneLog(Arc<dyn Audit>);

impl Logs for OneLog {
    fn of(&self, _: &str) -> Arc<dyn Audit> {
        Arc::clone(&self.0)
    }
}

/// Who was told that somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<(AskId, String)>>);

impl Notifier for Told {
    fn tell(&self, ask: AskId, line: &str) {
        self.0.lock().unwrap().push((ask, line.to_owned()));
    }
}

/// Nobody whose signature counts.
pub(crate) fn nobody(log: Arc<dyn Audit>) -> People {
    somebody(log, Signers::default())
}

/// These signers.
pub(crate) fn somebody(log: Arc<dyn Audit>, signers: Signers) -> People {
    People {
        asks: Arc::new(MemoryAsks::default()),
        trust: Arc::new(signers),
        logs: Arc::new(OneLog(log)),
        notifier: Arc::new(Told::default()),
    }
}
