//! Grants in memory: they end with the process, and nothing of them reaches a disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::core::grant::{GrantRow, Tick, TokenHash};
use crate::ports::{Gone, GrantStore};

/// Grants that wait at the same time, at most.
pub const WAITING_MAX: usize = 256;

/// Tokens that are remembered as used or expired, at most.
const TOMBSTONES_MAX: usize = 4096;

/// Grants in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryGrants {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    waiting: VecDeque<GrantRow>,
    /// What became of the grants that no longer wait, oldest first.
    tombstones: VecDeque<(TokenHash, Gone)>,
}

impl State {
    fn bury(&mut self, hash: TokenHash, gone: Gone) {
        if self.tombstones.len() >= TOMBSTONES_MAX {
            self.tombstones.pop_front();
        }
        self.tombstones.push_back((hash, gone));
    }

    fn expire(&mut self, now: Tick) {
        let (waiting, expired): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|row| now < row.expires());
        self.waiting = waiting;
        for row in expired {
            self.bury(row.hash(), Gone::Expired);
        }
    }
}

impl GrantStore for MemoryGrants {
    fn put(&self, row: GrantRow, now: Tick) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire(now);
        if state.waiting.len() >= WAITING_MAX
            && let Some(oldest) = state.waiting.pop_front()
        {
            state.bury(oldest.hash(), Gone::Expired);
        }
        state.waiting.push_back(row);
    }

    fn take(&self, hash: &TokenHash, now: Tick) -> Result<GrantRow, Gone> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire(now);
        let place = state.waiting.iter().position(|row| row.hash() == *hash);
        if let Some(row) = place.and_then(|place| state.waiting.remove(place)) {
            state.bury(*hash, Gone::Used);
            return Ok(row);
        }
        let buried = state.tombstones.iter().find(|(buried, _)| buried == hash);
        let gone = buried.map_or(Gone::Unknown, |(_, gone)| *gone);
        if gone == Gone::Expired {
            // Presented once, it counts as used from then on.
            state.tombstones.retain(|(buried, _)| buried != hash);
            state.bury(*hash, Gone::Used);
        }
        Err(gone)
    }
}
