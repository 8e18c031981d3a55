//! The policy of files that may change while the program runs.
//!
//! Before each decision the files' identities, sizes and times are compared with those that were
//! read. Whatever changed is read, parsed and tested as when the program starts, and comes into
//! force as a whole once that is on record. One that is refused changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::found::{Candidate, candidates};
use super::read::{Text, read};
use super::stamp::Stamp;
use super::{Config, Environment, Error, Flags};
use crate::core::plan::Digest;
use crate::core::policy::{Policy, Vocabulary, compare};
use crate::ports::{Clock, News, Policies};

/// How much is tried to find out whether a changed policy widened, in steps. Where that is not
/// enough, it counts as widened.
const COMPARE_BUDGET: usize = 50_000;

/// A file that was looked for, with what it says if it is there.
pub(super) type Found = (Candidate, Result<Option<Text>, Error>);

/// What the files said when they were last read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    stamps: Vec<(PathBuf, Stamp)>,
    said: Digest,
}

impl Seen {
    /// Looks for every file and reads those that are there.
    pub(super) fn look(
        flags: &Flags,
        env: &Environment,
        cwd: &Path,
    ) -> Result<(Self, Vec<Found>), Error> {
        let found: Vec<Found> = candidates(flags, env, cwd)?
            .into_iter()
            .map(|candidate| {
                let text = read(&candidate, cwd);
                (candidate, text)
            })
            .collect();
        let mut said = Vec::new();
        let mut stamps = Vec::new();
        for (candidate, text) in &found {
            let (mark, words, stamp) = match text {
                Ok(Some(Text { text, stamp })) => (1, text.as_str(), *stamp),
                Ok(None) => (2, "", Stamp::Missing),
                Err(Error(why)) => (3, why.as_str(), Stamp::of(&candidate.path)),
            };
            said.extend_from_slice(Digest::of(&[&[mark], words.as_bytes()]).as_bytes());
            stamps.push((candidate.path.clone(), stamp));
        }
        Ok((Self { stamps, said: Digest::of(&[&said]) }, found))
    }

    /// Whether the files may say something else now.
    fn may_differ(&self, now: OffsetDateTime) -> bool {
        self.stamps
            .iter()
            .any(|(path, stamp)| Stamp::of(path) != *stamp || !stamp.is_settled(now))
    }
}

/// The policy that the files say.
#[derive(Debug)]
pub struct Files {
    flags: Flags,
    env: Environment,
    cwd: PathBuf,
    vocabulary: Arc<Vocabulary>,
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
    /// The files from which `config` was read with these settings.
    pub fn new(
        config: &Config,
        (flags, env, cwd): (&Flags, &Environment, &Path),
        vocabulary: Arc<Vocabulary>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let policy = Arc::clone(&config.policy);
        let state = State { policy, seen: config.seen.clone(), news: None };
        Self {
            flags: flags.clone(),
            env: env.clone(),
            cwd: cwd.to_owned(),
            vocabulary,
            clock,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again, and works out what is new if they say something else.
    fn read_again(&self, state: &mut State) {
        let Self { flags, env, cwd, .. } = self;
        match Seen::look(flags, env, cwd) {
            Ok((seen, _)) if seen.said == state.seen.said => state.seen = seen,
            Ok((seen, found)) => {
                state.seen = seen.clone();
                let config = Config::of((seen, found), flags, env, cwd, &self.vocabulary);
                state.news = self.what_is_new(config, &state.policy);
            }
            Err(Error(error)) => state.news = Some(News::Rejected { error }),
        }
    }

    fn what_is_new(&self, config: Result<Config, Error>, before: &Policy) -> Option<News> {
        match config {
            Err(Error(error)) => Some(News::Rejected { error }),
            Ok(Config { policy, .. }) if policy.digest() == before.digest() => None,
            Ok(Config { policy, .. }) => {
                let widened = compare(before, &policy, &self.vocabulary, COMPARE_BUDGET).widened;
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
