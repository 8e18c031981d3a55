//! Asks in memory: they end with the process. For what needs no state that processes share.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::rules;
use crate::core::ask::{Ask, AskId, State, Terms, Turn, closed, cooling_down};
use crate::core::grant::Token;
use crate::core::plan::Digest;
use crate::core::reason::Fault;
use crate::ports::asks::{Asks, Listed, Put, TOGETHER_MAX};
use crate::ports::{BoxFuture, Held};

/// Asks in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryAsks {
    rows: Mutex<Rows>,
    running: Arc<Mutex<BTreeSet<AskId>>>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Oldest first.
    asks: Vec<Ask>,
    version: u64,
}

impl Rows {
    fn put(&mut self, ask: Ask, terms: Terms) -> Result<Put, Fault> {
        let now = ask.made;
        let own = |row: &&Ask| row.principal == ask.principal && rules::is_open(row, now);
        if let Some(same) = self.asks.iter().filter(own).find(|row| row.plan == ask.plan) {
            return Ok(Put::Same(Box::new(same.clone())));
        }
        let ends = |row: &Ask| row.since + terms.cooldown;
        let hot = |row: &&Ask| row.state == State::Denied && ends(row) > now;
        let denied = self.asks.iter().filter(hot).filter(|row| row.cools == ask.cools);
        if let Some(denied) = denied.max_by_key(|row| row.since) {
            return Err(cooling_down(denied.words.as_deref(), ends(denied)));
        }
        // What was taken back counts until its time is over, so that nobody asks without end.
        let counts = |row: &&Ask| {
            own(row)
                || (row.principal == ask.principal
                    && row.state == State::Cancelled
                    && now < row.expires)
        };
        let mut counted: Vec<_> =
            self.asks.iter().filter(counts).map(|row| (row.id, row.expires)).collect();
        if counted.len() >= terms.open_max {
            counted.sort_by_key(|(_, expires)| *expires);
            return Err(rules::too_many(&counted));
        }
        let token = ask.handle.reveal();
        if self.asks.iter().any(|row| row.id == ask.id || row.handle.reveal() == token) {
            return Err(rules::taken(ask.id));
        }
        self.forget_old(now);
        self.forget_many(now, &terms);
        self.asks.push(ask);
        self.version += 1;
        Ok(Put::New)
    }

    /// Drops what was closed long ago.
    fn forget_old(&mut self, now: OffsetDateTime) {
        self.asks.retain(|row| !rules::is_closed(row) || row.since + rules::KEPT > now);
    }

    /// Drops the oldest of too many. What cools down stays.
    fn forget_many(&mut self, now: OffsetDateTime, terms: &Terms) {
        let over = rules::is_closed;
        let hot = |row: &Ask| row.state == State::Denied && row.since + terms.cooldown > now;
        let many = self.asks.iter().filter(|row| over(row)).count();
        let mut surplus = many.saturating_sub(rules::CLOSED_MAX);
        self.asks.retain(|row| {
            let goes = surplus > 0 && over(row) && !hot(row);
            surplus -= usize::from(goes);
            !goes
        });
    }

    fn turn(&mut self, id: AskId, turn: Turn) -> Result<Ask, Fault> {
        let Some(row) = self.asks.iter_mut().find(|row| row.id == id) else {
            return Err(rules::not_found(id));
        };
        if row.state != turn.from || !turn.from.may_become(turn.to) {
            return Err(closed(row.state, turn.to));
        }
        row.state = turn.to;
        row.since = turn.at;
        row.signature = turn.signature.or(row.signature.take());
        row.approver = turn.approver.or(row.approver.take());
        row.assurance = turn.assurance.or(row.assurance);
        row.words = turn.words.or(row.words.take());
        if let Some(session) = turn.session {
            row.session = session;
        }
        if !turn.to.is_open() {
            row.seal = None;
        }
        self.version += 1;
        Ok(row.clone())
    }

    fn list(&self, only_open: bool, limit: usize) -> Vec<Listed> {
        let shown = self.asks.iter().rev().filter(|row| !only_open || row.state.is_open());
        let listed = |row: &Ask| Listed {
            id: row.id,
            state: row.state,
            operation: row.operation.clone(),
            about: row.about.clone(),
            principal: row.principal.clone(),
            made: row.made,
            expires: row.expires,
            since: row.since,
        };
        shown.take(limit).map(listed).collect()
    }
}

impl MemoryAsks {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, is: impl Fn(&Ask) -> bool) -> Option<Ask> {
        self.rows().asks.iter().find(|row| is(row)).cloned()
    }
}

impl Asks for MemoryAsks {
    fn put(&self, ask: Ask, terms: Terms) -> BoxFuture<'_, Result<Put, Fault>> {
        Box::pin(ready(self.rows().put(ask, terms)))
    }

    fn get(&self, id: AskId) -> BoxFuture<'_, Result<Option<Ask>, Fault>> {
        Box::pin(ready(Ok(self.find(|row| row.id == id))))
    }

    fn presented<'a>(&'a self, handle: &'a Token) -> BoxFuture<'a, Result<Option<Ask>, Fault>> {
        let hash = handle.hash();
        Box::pin(ready(Ok(self.find(|row| row.handle.hash() == hash))))
    }

    fn turn(&self, id: AskId, turn: Turn) -> BoxFuture<'_, Result<Ask, Fault>> {
        Box::pin(ready(self.rows().turn(id, turn)))
    }

    fn pending(&self, cools: Digest) -> BoxFuture<'_, Result<Vec<AskId>, Fault>> {
        let rows = self.rows();
        let waits = rows.asks.iter().filter(|row| row.state == State::Pending);
        let found = waits.filter(|row| row.cools == cools).map(|row| row.id);
        let found = found.take(TOGETHER_MAX).collect();
        Box::pin(ready(Ok(found)))
    }

    fn list(&self, only_open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, Fault>> {
        Box::pin(ready(Ok(self.rows().list(only_open, limit))))
    }

    fn overdue(&self, now: OffsetDateTime) -> BoxFuture<'_, Result<Vec<(Ask, State)>, Fault>> {
        // Who spends one lets go of it after its last turn, so the rows stay as they are meanwhile.
        let mut rows = self.rows();
        rows.forget_old(now);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let due = |row: &Ask| match row.state {
            State::Executing => (!running.contains(&row.id)).then_some(State::Unknown),
            state => (state.is_open() && row.expires <= now).then_some(State::Expired),
        };
        let found = rows.asks.iter().filter_map(|row| Some((row.clone(), due(row)?)));
        let found = found.take(rules::OVERDUE_MAX).collect();
        Box::pin(ready(Ok(found)))
    }

    fn hold(&self, id: AskId) -> Result<Held, Fault> {
        if !self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            return Err(rules::held(id));
        }
        Ok(Box::new(Running { id, all: Arc::clone(&self.running) }))
    }

    fn version(&self) -> Result<u64, Fault> {
        Ok(self.rows().version)
    }
}

/// The mark of an ask that is being spent.
#[derive(Debug)]
struct Running {
    id: AskId,
    all: Arc<Mutex<BTreeSet<AskId>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::asks::contract;
    use crate::store::contract::given::Place;

    struct Memory(Arc<MemoryAsks>);

    impl Place for Memory {
        fn new() -> Self {
            Self(Arc::default())
        }

        fn open(&self) -> Arc<dyn Asks> {
            Arc::clone(&self.0) as Arc<dyn Asks>
        }
    }

    contract!(Memory);
}
