//! What a request can bring along from a preview of it: the token of a grant, or the handle of an ask.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::schema::TOKEN_ARGUMENT;
use super::survey::Survey;
use super::turns::Opened;
use super::{Confirm, Gate};
use crate::core::ask::State;
use crate::core::grant::{self, GrantRow, Permit, Token};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::secret::SealKey;
use crate::ports::{Gone, random};

/// What came with a request, for one that was previewed before.
pub(super) enum Presented {
    /// A grant, by its token. It is out of its store.
    Grant(GrantRow),
    /// An ask, by its handle.
    Ask(Box<Opened>),
}

impl Presented {
    /// What it may be spent on, at most.
    pub(super) fn targets(&self) -> &[Target] {
        match self {
            Self::Grant(row) => row.plan().targets(),
            Self::Ask(opened) => opened.plan.targets(),
        }
    }

    /// Whether it may be spent now, as far as it says so itself.
    pub(super) fn is_decided(&self) -> bool {
        match self {
            Self::Grant(_) => true,
            Self::Ask(opened) => opened.ask.state == State::Approved,
        }
    }
}

/// The key by which the secrets of a presented ask are sealed: that of the process that made it.
pub(super) fn seal_of(presented: &Option<Result<Presented, Fault>>) -> Option<Arc<SealKey>> {
    match presented {
        Some(Ok(Presented::Ask(opened))) => opened.ask.seal.clone(),
        _ => None,
    }
}

impl Gate {
    /// Takes the presented token's grant out of its store, or finds the ask that it is the handle of;
    /// and takes it out of the arguments.
    pub(super) async fn take(
        &self,
        arguments: &mut Map<String, Value>,
    ) -> Option<Result<Presented, Fault>> {
        let given = arguments.remove(TOKEN_ARGUMENT)?;
        let Some(given) = given.as_str() else {
            return Some(Err(Fault::invalid(format!("`{TOKEN_ARGUMENT}` must be a string."))));
        };
        let unknown = || {
            Fault::new(
                Reason::TokenUnknown,
                "No grant waits under this confirmToken. Call again without it to get a preview \
                 and a token.",
            )
        };
        let Some(token) = Token::parse(given) else { return Some(Err(unknown())) };
        Some(match self.parts.grants.take(&token.hash(), self.parts.clock.tick()) {
            Ok(row) => Ok(Presented::Grant(row)),
            Err(Gone::Unknown) => match self.presented(&token).await {
                Ok(opened) => opened.map(Box::new).map(Presented::Ask).ok_or_else(unknown),
                Err(fault) => Err(fault),
            },
            Err(Gone::Expired) => Err(grant::expired()),
            Err(Gone::Used) => Err(Fault::new(
                Reason::TokenUsed,
                "This confirmToken was presented before; a token works once. Call again without \
                 it to get a new preview.",
            )),
        })
    }

    /// The ask of a handle.
    pub(super) async fn presented(&self, handle: &Token) -> Result<Option<Opened>, Fault> {
        let Some(_) = self.parts.people.asks.presented(handle).await? else { return Ok(None) };
        // What has expired meanwhile, or was left half-way, is turned before anybody goes by it.
        self.turns.tidy(&self.parts.registry).await?;
        let Some(ask) = self.parts.people.asks.presented(handle).await? else { return Ok(None) };
        self.with_given(Opened::of(ask, &self.parts.registry)?).await.map(Some)
    }

    /// The key of this process, by which secrets are sealed. It is made when it is first needed.
    pub(super) fn seal_key(&self) -> Result<&Arc<SealKey>, Fault> {
        if let Some(key) = self.seal_key.get() {
            return Ok(key);
        }
        let bits = random(&*self.parts.entropy)?;
        Ok(self.seal_key.get_or_init(|| Arc::new(SealKey::from_random(bits))))
    }

    /// The permit of a grant.
    pub(super) fn redeem(
        &self,
        spec: &Spec,
        row: GrantRow,
        survey: &Survey,
        confirm: Confirm,
    ) -> Result<Permit, Fault> {
        let now = self.parts.clock.tick();
        let Survey { plan, key, verdict, .. } = survey;
        grant::redeem(row, plan, *key, spec.drift, verdict, confirm.assurance(), now)
    }
}
