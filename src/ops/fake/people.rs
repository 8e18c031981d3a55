//! Nobody to ask: whatever wants a person's approval is refused.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{World, ready};
use crate::core::approval::Signers;
use crate::core::ask::{Ask, AskId, State, Terms, Turn};
use crate::core::grant::Token;
use crate::core::plan::Digest;
use crate::core::reason::{Fault, Reason};
use crate::core::record::Caller;
use crate::gate::People;
use crate::ports::asks::{Asks, Inbox, Listed, Logs, Notifier, Put, Told};
use crate::ports::{Audit, BoxFuture, Held};

/// People of a world in which there are none.
pub(super) fn nobody(world: &Arc<World>) -> People {
    People {
        asks: Arc::new(NoAsks),
        trust: Arc::new(Signers::default()),
        logs: Arc::new(OneLog(Arc::clone(world))),
        notifier: Arc::new(Nobody),
    }
}

fn none<T>() -> Result<T, Fault> {
    Err(Fault::new(Reason::StateUnavailable, "There is no state here."))
}

#[derive(Debug)]
struct OneLog(Arc<World>);

impl Logs for OneLog {
    fn of(&self, _: &str) -> Arc<dyn Audit> {
        Arc::clone(&self.0) as Arc<dyn Audit>
    }
}

/// Nobody is told.
#[derive(Debug)]
struct Nobody;

impl Notifier for Nobody {
    fn tell(&self, _: AskId, _: &str) {}
}

/// No asks, and no place for any.
#[derive(Debug)]
pub(super) struct NoAsks;

impl Asks for NoAsks {
    fn put(&self, _: Ask, _: Terms) -> BoxFuture<'_, Result<Put, Fault>> {
        ready(none())
    }

    fn get(&self, _: AskId) -> BoxFuture<'_, Result<Option<Ask>, Fault>> {
        ready(Ok(None))
    }

    fn presented<'a>(&'a self, _: &'a Token) -> BoxFuture<'a, Result<Option<Ask>, Fault>> {
        ready(Ok(None))
    }

    fn turn(&self, _: AskId, _: Turn) -> BoxFuture<'_, Result<Ask, Fault>> {
        ready(none())
    }

    fn pending(&self, _: Digest) -> BoxFuture<'_, Result<Vec<AskId>, Fault>> {
        ready(Ok(Vec::new()))
    }

    fn list(&self, _: bool, _: usize) -> BoxFuture<'_, Result<Vec<Listed>, Fault>> {
        ready(Ok(Vec::new()))
    }

    fn overdue(&self, _: OffsetDateTime) -> BoxFuture<'_, Result<Vec<(Ask, State)>, Fault>> {
        ready(Ok(Vec::new()))
    }

    fn hold(&self, _: AskId) -> Result<Held, Fault> {
        none()
    }

    fn version(&self) -> Result<u64, Fault> {
        Ok(0)
    }
}

impl Inbox for NoAsks {
    fn check<'a>(
        &'a self,
        _: &'a Caller,
        _: AskId,
        _: Duration,
    ) -> BoxFuture<'a, Result<Told, Fault>> {
        ready(none())
    }

    fn cancel<'a>(&'a self, _: &'a Caller, _: AskId) -> BoxFuture<'a, Result<Told, Fault>> {
        ready(none())
    }
}
