//! Questions that a client takes away and comes back with. What it is given to bring back is sealed
//! and holds no token; each works once, for the request that it was given to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::confirm::DIALOGS_MAX;
use crate::core::grant::Tick;
use crate::core::plan::canonical;
use crate::core::reason::Fault;
use crate::core::secret::SealKey;
use crate::gate::{Answer, Request};
use crate::ports::{Entropy, random, random_id};

/// The questions of one process that wait.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Made when it is first needed.
    key: Option<SealKey>,
    /// Oldest first.
    waiting: VecDeque<(String, Question)>,
}

/// One that waits.
#[derive(Debug)]
pub(super) struct Question {
    /// What is asked about, with its token.
    pub(super) preview: Answer,
    /// When it left.
    pub(super) asked: Tick,
}

impl Questions {
    /// Keeps a question until the client comes back with what this gives: the state of its request.
    ///
    /// # Errors
    /// If there is no chance to be had, or the request has no canonical form.
    pub(super) fn put(
        &self,
        request: &Request,
        question: Question,
        entropy: &dyn Entropy,
    ) -> Result<String, Fault> {
        let nonce = random_id(entropy)?;
        let bound = bound(&nonce, request)?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match state.key.take() {
            Some(key) => key,
            None => SealKey::from_random(random(entropy)?),
        };
        let seal = key.seal(&bound);
        state.key = Some(key);
        if state.waiting.len() >= DIALOGS_MAX {
            state.waiting.pop_front();
        }
        state.waiting.push_back((nonce.clone(), question));
        Ok(format!("{nonce}.{seal}"))
    }

    /// The question that a request comes back to; none if it is not its own, or too old. It is gone
    /// from here on, come what may.
    pub(super) fn take(&self, given: &str, request: &Request, now: Tick) -> Option<Question> {
        let (nonce, seal) = given.split_once('.')?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = state.waiting.iter().position(|(waits, _)| waits == nonce)?;
        let (_, question) = state.waiting.remove(place)?;
        let sealed = state.key.as_ref()?.is_seal(&bound(nonce, request).ok()?, seal);
        let age = now.0.saturating_sub(question.asked.0);
        (sealed && age < Duration::from_secs(question.preview.ttl_seconds)).then_some(question)
    }
}

/// What a seal binds a question to: who asked for what, with the arguments as given.
fn bound(nonce: &str, request: &Request) -> Result<Vec<u8>, Fault> {
    let Request { operation, arguments, caller, .. } = request;
    canonical(&json!(["countersign-question-v1", nonce, caller.principal, operation, arguments]))
}
