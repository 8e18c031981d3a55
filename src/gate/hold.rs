//! What a change holds while it is decided on for good, so that what was decided is what runs and
//! what is counted was counted.

use futures_util::FutureExt as _;
use tokio::task::JoinError;

use super::Gate;
use super::survey::{Asked, Basis};
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::record::Record;
use crate::ports::{BoxFuture, Held};

/// What a change holds while it is decided on for good.
pub(super) struct Holds {
    /// Its targets, until it has ended.
    targets: Held,
    /// Where a rule counts such changes: the counting, until it is on record.
    count: Option<Held>,
}

impl Holds {
    /// Waits until the intent is on record, then lets the next change be counted and keeps the
    /// targets. The intent will be on record though nobody may wait for it any more, so the count
    /// does not go with the one who waits.
    pub(super) async fn until_counted(
        holds: Option<Self>,
        written: BoxFuture<'static, Result<(), Fault>>,
    ) -> Result<Option<Held>, Fault> {
        let (targets, count) = holds.map(|holds| (holds.targets, holds.count)).unzip();
        match count.flatten() {
            None => written.await?,
            Some(count) => {
                let counted = tokio::spawn(written.inspect(|_| drop(count)));
                let broke_off = |error: JoinError| {
                    Fault::new(Reason::AuditUnavailable, "Recording broke off; nothing was done.")
                        .with_detail(error.to_string())
                };
                counted.await.map_err(broke_off)??;
            }
        }
        Ok(targets)
    }
}

impl Gate {
    /// Takes what a change holds while it is decided on for good: first the counting, for which it
    /// waits, then its targets, for which it does not. It is decided on by the policy of now.
    pub(super) async fn hold(
        &self,
        asked: &Asked<'_>,
        basis: &mut Basis,
        known: &mut Record,
    ) -> Result<Holds, Fault> {
        let audit = &self.parts.audit;
        let mut policy = self.policy().await?;
        let mut count = None;
        if let Some(recall) = policy.recall_of(asked.spec) {
            // What takes long to read is read before others have to wait for it.
            drop(audit.recall(recall).await?);
            count = Some(audit.hold_count().await?);
            // It may have changed while others were counted.
            policy = self.policy().await?;
        }
        let holds = Holds { targets: audit.hold(&asked.call.changed(&basis.targets))?, count };
        if policy.digest() != basis.policy.digest() {
            let now = self.resolve(asked, policy, known).await?;
            if !same(&basis.targets, &now.targets) {
                return Err(Fault::new(
                    Reason::Busy,
                    "The policy and the target changed while they were looked at. Nothing was \
                     done; look at the target again, then ask anew.",
                ));
            }
            *basis = now;
        }
        Ok(holds)
    }
}

/// Whether these are the same targets, whatever is known of them.
fn same(targets: &[Target], others: &[Target]) -> bool {
    let identity = |target: &Target| (target.kind, target.id.clone(), target.engine.clone());
    targets.iter().map(identity).eq(others.iter().map(identity))
}
