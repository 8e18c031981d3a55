//! The policy of files that may change while the program runs.
//!
//! Before each decision the files' identities, sizes and times are compared with those that were
//! read. Whatever changed is read, parsed and tested as when the program starts, and comes into
//! force as a whole once that is on record. One that is refused changes nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::found::{Source, sources};
use super::read::{Text, read};
use super::stamp::Stamp;
use super::{Config, Error, Origin};
use crate::core::plan::Digest;
use crate::core::policy::{Policy, RELOAD_BUDGET, widens};
use crate::ports::{Clock, News, Policies};

/// A file that was looked for, with what it says if it is there.
pub(super) type Found = (Source, Result<Option<Text>, Error>);

/// What the files said when they were last read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    stamps: Vec<(PathBuf, Stamp)>,
    said: Digest,
}

impl Seen {
    /// Looks for every file and reads those that are there.
    pub(super) fn look(origin: &Origin) -> Result<(Self, Vec<Found>), Error> {
        let Origin { flags, env, cwd, .. } = origin;
        let found: Vec<Found> = sources(flags, env, cwd)?
            .into_iter()
            .map(|source| {
                let text = read(&source, cwd);
                (source, text)
            })
            .collect();
        let mut said = Vec::new();
        let mut stamps = Vec::new();
        for (source, text) in &found {
            let (mark, words, stamp) = match text {
                Ok(Some(Text { text, stamp })) => (1, text.clone(), *stamp),
                Ok(None) => (2, String::new(), Stamp::Missing),
                Err(why) => (3, why.to_string(), Stamp::of(&source.path)),
            };
            said.extend_from_slice(Digest::of(&[&[mark], words.as_bytes()]).as_bytes());
            stamps.push((source.path.clone(), stamp));
        }
        Ok((Self { stamps, said: Digest::of(&[&said]) }, found))
    }

    /// Whether the files may say something else now.
    fn may_differ(&self, now: OffsetDateTime) -> bool {
        self.stamps.iter().any(|(path, stamp)| Stamp::of(path) != *stamp || !stamp.is_settled(now))
    }
}

/// The policy that the files say.
#[derive(Debug)]
pub struct Files {
    origin: Origin,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    policy: Arc<Policy>,
    seen: Seen,
    news: Option<News>,
}

impl Files {
    /// The files from which `config` was read.
    pub fn new(config: &Config, origin: Origin, clock: Arc<dyn Clock>) -> Self {
        let (policy, seen) = (Arc::clone(&config.policy), config.seen.clone());
        Self { origin, clock, state: Mutex::new(State { policy, seen, news: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again, and works out what is new if they say something else.
    fn read_again(&self, state: &mut State) {
        match Seen::look(&self.origin) {
            Ok((seen, _)) if seen.said == state.seen.said => state.seen = seen,
            Ok((seen, found)) => {
                state.seen = seen.clone();
                let config = Config::of((seen, found), &self.origin);
                state.news = self.what_is_new(config, &state.policy);
            }
            Err(error) => state.news = Some(News::Rejected { error: error.to_string() }),
        }
    }

    fn what_is_new(&self, config: Result<Config, Error>, before: &Policy) -> Option<News> {
        match config {
            Err(error) => Some(News::Rejected { error: error.to_string() }),
            Ok(Config { policy, .. }) if policy.digest() == before.digest() => None,
            Ok(Config { policy, .. }) => {
                let (vocabulary, now) = (&self.origin.vocabulary, self.clock.now());
                let widened = widens(before, &policy, vocabulary, now, RELOAD_BUDGET);
                Some(News::Loaded { policy, widened })
            }
        }
    }
}

impl Policies for Files {
    fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.state().policy)
    }

    fn news(&self) -> Option<News> {
        let mut state = self.state();
        if state.seen.may_differ(self.clock.now()) {
            self.read_again(&mut state);
        }
        state.news.clone()
    }

    fn settle(&self) {
        let mut state = self.state();
        if let Some(News::Loaded { policy, .. }) = state.news.take() {
            state.policy = policy;
        }
    }
}

#[cfg(test)]
mod tests;
