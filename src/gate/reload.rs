//! The policy in force: its files are looked at before each decision, and whatever is new is on
//! record before it decides anything.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{Gate, Operation};
use crate::core::policy::{Policy, Query};
use crate::core::reason::Fault;
use crate::core::record::{Event, Record};
use crate::core::text;
use crate::ports::{Durability, News};

/// What is recorded of a refused policy's error, in characters.
const ERROR_CHARS_MAX: usize = 1024;

impl Gate {
    /// The policy that decides now. Each decision asks once, and keeps to what it got.
    ///
    /// # Errors
    /// `audit_unavailable` if there is a new one and it cannot be recorded.
    pub async fn policy(&self) -> Result<Arc<Policy>, Fault> {
        let _alone = self.reloading.lock().await;
        let policies = &self.parts.policies;
        let before = policies.current();
        if policies.is_current() {
            return Ok(before);
        }
        // Reading, testing and comparing may take a while, and other requests go on meanwhile.
        let reader = Arc::clone(policies);
        let Some(news) = spawn_blocking(move || reader.news()).await.ok().flatten() else {
            return Ok(before);
        };
        let mut record = Record::new(match news {
            News::Loaded { .. } => Event::PolicyLoaded,
            News::Rejected { .. } => Event::PolicyRejected,
        });
        record.session = Some(self.parts.settings.session.clone());
        match &news {
            News::Loaded { policy, widened } => {
                record.policy = Some(policy.digest());
                record.log = Map::from_iter([
                    ("before".to_owned(), json!(before.digest())),
                    ("widened".to_owned(), Value::Bool(*widened)),
                ]);
            }
            News::Rejected { error } => {
                record.policy = Some(before.digest());
                record.error = Some(text::block(error, ERROR_CHARS_MAX));
            }
        }
        self.parts.audit.append(record, Durability::Written).await?;
        policies.settle();
        if let News::Rejected { error } = news {
            let error = text::block(&error, ERROR_CHARS_MAX);
            tracing::error!("the changed policy is refused, the one before stays: {error}");
        }
        let now = policies.current();
        if self.names(&before) != self.names(&now) {
            self.offers.send_modify(|version| *version += 1);
        }
        Ok(now)
    }

    /// The operations that a face shows: without those that are switched off, and those that policy
    /// denies whatever they would act on.
    pub fn offered(&self) -> Vec<&Operation> {
        self.offered_under(&self.parts.policies.current())
    }

    /// A number that rises whenever other operations are offered.
    pub fn offers(&self) -> watch::Receiver<u64> {
        self.offers.subscribe()
    }

    fn offered_under(&self, policy: &Policy) -> Vec<&Operation> {
        let read_only = self.parts.settings.read_only;
        let shown = |operation: &&Operation| {
            let spec = &operation.spec;
            !(read_only && spec.class.is_change())
                && policy.refuses_all(&Query::unknown(spec)).is_none()
        };
        self.parts.registry.iter().filter(shown).collect()
    }

    fn names(&self, policy: &Policy) -> Vec<&str> {
        self.offered_under(policy).into_iter().map(|operation| &*operation.spec.name).collect()
    }
}
