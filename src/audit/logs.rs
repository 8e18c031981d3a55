//! The logs of several processes: asks are on record in the log of the process that made them, whoever
//! decides on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{AuditLog, Settings};
use crate::ports::asks::Logs;
use crate::ports::{Audit, Clock};

/// Logs of others that are kept open, at most.
const OPEN_MAX: usize = 16;

/// This process's log, and others as they are needed.
#[derive(Debug)]
pub struct AuditLogs {
    own: Arc<AuditLog>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    others: Mutex<BTreeMap<PathBuf, Arc<AuditLog>>>,
}

impl AuditLogs {
    /// The log of this process, and those of others with the same settings.
    pub fn new(own: Arc<AuditLog>, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { own, settings, clock, others: Mutex::default() }
    }
}

impl Logs for AuditLogs {
    fn of(&self, folder: &str) -> Arc<dyn Audit> {
        let dir = PathBuf::from(folder);
        if dir == self.settings.dir {
            return Arc::clone(&self.own) as Arc<dyn Audit>;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if !others.contains_key(&dir) && others.len() >= OPEN_MAX {
            others.pop_first();
        }
        let log = others.entry(dir.clone()).or_insert_with(|| {
            let settings = Settings { dir, ..self.settings.clone() };
            Arc::new(AuditLog::new(settings, Arc::clone(&self.clock)))
        });
        Arc::clone(log) as Arc<dyn Audit>
    }
}
