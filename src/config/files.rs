//! The policy of files that may change while the program runs.
//!
//! Before each decision the files' identities, sizes and times are compared with those that were
//! read. Whatever changed is read, parsed and tested as when the program starts, and comes into
//! force as a whole once that is on record: what permits less at once, what may permit more, or is
//! refused, when the files have been still for a moment, since a file that is just being written
//! or replaced says less than is meant. What is refused changes nothing; a project's file that is
//! refused holds up no change of the system's or the user's.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::seen::Seen;
use super::{Config, Error, Origin};
use crate::core::grant::Tick;
use crate::core::policy::{Policy, RELOAD_BUDGET, widens};
use crate::ports::{Clock, News, Policies};

/// How long the system's and the user's files have to be still before more is permitted.
const STILL: Duration = Duration::from_secs(1);

/// The policy that the files say.
#[derive(Debug)]
pub struct Files {
    origin: Origin,
    clock: Arc<dyn Clock>,
    /// The log that this program writes.
    audit_dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    policy: Arc<Policy>,
    /// What was last read.
    seen: Seen,
    /// Since when the system's and the user's files have said that. A project's are not waited for:
    /// whoever edits it could hold up what an operator changes.
    since: Tick,
    /// What was last accepted.
    accepted: Seen,
    /// What is not on record yet.
    news: VecDeque<News>,
}

impl Files {
    /// The files from which `config` was read.
    pub fn new(config: &Config, origin: Origin, clock: Arc<dyn Clock>) -> Self {
        let (policy, seen) = (Arc::clone(&config.policy), config.seen.clone());
        let (since, accepted) = (clock.tick(), seen.clone());
        let state = State { policy, seen, since, accepted, news: VecDeque::new() };
        let audit_dir = config.audit_dir.value.clone();
        Self { origin, clock, audit_dir, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again, and works out what is new if they say something else.
    fn read_again(&self, state: &mut State) -> Result<(), Error> {
        let seen = Seen::look(&self.origin)?;
        if seen.trusted != state.seen.trusted {
            state.since = self.clock.tick();
        }
        if seen.said != state.seen.said {
            state.news = self.news_of(&seen, state);
        }
        state.seen = seen;
        Ok(())
    }

    fn news_of(&self, seen: &Seen, state: &mut State) -> VecDeque<News> {
        let (accepted, rejected) = match self.config(seen.clone()) {
            Ok(config) => (Some(config), None),
            Err(error) => {
                let trusted = self.config(seen.with_projects_of(&state.accepted));
                (trusted.ok(), Some(News::Rejected { error: error.places() }))
            }
        };
        let loaded = accepted.and_then(|Config { policy, seen, .. }| {
            state.accepted = seen;
            let differs = policy.digest() != state.policy.digest();
            differs.then(|| self.loaded(&state.policy, policy))
        });
        loaded.into_iter().chain(rejected).collect()
    }

    fn config(&self, seen: Seen) -> Result<Config, Error> {
        let config = Config::of(seen, &self.origin)?;
        match config.policy.trusted_count() {
            Some(rule) if config.audit_dir.value != self.audit_dir => Err(Error::new(format!(
                "The rule `{}` counts what the log in {} says, and this program writes to {}. Start \
                 it again.",
                rule.id,
                config.audit_dir.value.display(),
                self.audit_dir.display()
            ))),
            _ => Ok(config),
        }
    }

    fn loaded(&self, before: &Policy, policy: Arc<Policy>) -> News {
        let (vocabulary, now) = (&self.origin.vocabulary, self.clock.now());
        let widened = widens(before, &policy, vocabulary, now, RELOAD_BUDGET);
        News::Loaded { policy, widened }
    }
}

impl Policies for Files {
    fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.state().policy)
    }

    fn is_current(&self) -> bool {
        let state = self.state();
        state.news.is_empty() && !state.seen.may_differ(self.clock.now())
    }

    fn news(&self) -> Option<News> {
        let mut state = self.state();
        if state.seen.may_differ(self.clock.now())
            && let Err(error) = self.read_again(&mut state)
        {
            return Some(News::Rejected { error: error.places() });
        }
        let still = self.clock.tick().0.saturating_sub(state.since.0) >= STILL;
        let is_due = |news: &&News| still || matches!(news, News::Loaded { widened: false, .. });
        state.news.front().filter(is_due).cloned()
    }

    fn settle(&self) {
        let mut state = self.state();
        if let Some(News::Loaded { policy, .. }) = state.news.pop_front() {
            state.policy = policy;
        }
    }
}

#[cfg(test)]
mod tests;
