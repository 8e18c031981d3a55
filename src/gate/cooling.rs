//! What somebody declined in a dialog: nobody is asked for it again for a while, as for an ask that was
//! denied. It is kept in memory: whoever reaches this process alone cannot make it forget.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use time::OffsetDateTime;

use super::Gate;
use crate::core::ask::cooling_down;
use crate::core::plan::{Digest, Plan, canonical};
use crate::core::reason::Fault;

/// What is kept, at most: the oldest is forgotten for one more.
const KEPT_MAX: usize = 1024;

/// What was declined, each with when it has cooled down.
#[derive(Debug, Default)]
pub(super) struct Cooling(Mutex<VecDeque<(Digest, OffsetDateTime)>>);

impl Cooling {
    fn keep(&self, what: Digest, ends: OffsetDateTime) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.pop_front();
        }
        all.push_back((what, ends));
    }

    fn ends(&self, what: Digest) -> Option<OffsetDateTime> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(other, _)| *other == what).map(|(_, ends)| *ends).max()
    }
}

impl Gate {
    /// Somebody said no to this plan.
    pub(super) fn cool_down(&self, plan: &Plan) -> Result<(), Fault> {
        let ends = self.parts.clock.now().saturating_add(self.parts.settings.terms.cooldown);
        self.cooling.keep(cools(plan)?, ends);
        Ok(())
    }

    /// Refuses what somebody said no to lately.
    pub(super) fn cooled_down(&self, plan: &Plan) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        match self.cooling.ends(cools(plan)?).filter(|ends| now < *ends) {
            Some(ends) => Err(cooling_down(None, ends)),
            None => Ok(()),
        }
    }
}

/// What a no cools down: who asks for what, whatever the arguments.
pub(super) fn cools(plan: &Plan) -> Result<Digest, Fault> {
    let parts = plan.parts();
    let mut targets: Vec<_> =
        parts.targets.iter().map(|target| (target.kind, &target.id, &target.engine)).collect();
    targets.sort();
    let json = canonical(&json!([parts.principal.uid, parts.operation, targets]))?;
    Ok(Digest::of(&[b"countersign-cools-v1\n", &json]))
}
