//! Approvals that another account gave: they turn the ask that they are for, and are looked for again
//! when it is spent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::survey::Survey;
use super::turns::Opened;
use super::{Gate, verified};
use crate::core::approval::{self, Approval, Given};
use crate::core::ask::{Approver, Ask, AskId, State, Turn};
use crate::core::grant::Assurance;
use crate::core::plan::Digest;
use crate::core::reason::{Fault, Reason};

/// Refusals that are remembered, so that each is put on record once.
const REFUSED_MAX: usize = 256;

/// What was given, refused and put on record.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<VecDeque<(AskId, Digest)>>);

impl Refused {
    /// Whether this is the first time that this is refused so.
    fn is_new(&self, id: AskId, given: &Given, fault: &Fault) -> bool {
        let parts = [given.signature.as_bytes(), b"\0", fault.message.as_bytes()];
        let refusal = (id, Digest::of(&parts));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&refusal) {
            return false;
        }
        if known.len() >= REFUSED_MAX {
            known.pop_front();
        }
        known.push_back(refusal);
        true
    }
}

impl Gate {
    /// An ask as it is once what another account gave for it was taken, if that was an approval.
    pub(super) async fn with_given(&self, opened: Opened) -> Result<Opened, Fault> {
        if opened.ask.state != State::Pending {
            return Ok(opened);
        }
        let (id, requester) = (opened.ask.id, opened.plan.parts().principal.uid);
        let Some(given) = self.parts.people.trust.given(id, requester).await else {
            return Ok(opened);
        };
        let fault = match self.turn_given(&opened, &given).await {
            Ok(ask) => return Ok(Opened { ask, ..opened }),
            Err(fault) => fault,
        };
        match fault.reason {
            // Another process was faster.
            Reason::AskClosed => match self.parts.people.asks.get(id).await? {
                Some(ask) => Opened::of(ask, &self.parts.registry),
                None => Ok(opened),
            },
            Reason::SignatureInvalid | Reason::SignerUnknown | Reason::AssuranceTooLow => {
                if self.refused_given.is_new(id, &given, &fault) {
                    let by = Approver { name: None, key: None, uid: given.uid };
                    self.turns.refused(&opened, &fault, None, Some(by)).await;
                }
                Ok(opened)
            }
            _ => Err(fault),
        }
    }

    async fn turn_given(&self, opened: &Opened, given: &Given) -> Result<Ask, Fault> {
        let Opened { ask, document, plan } = opened;
        let now = self.parts.clock.now();
        let signers = self.parts.people.trust.signers(plan.parts().principal.uid).await?;
        let (text, uid) = (&ask.document, Some(given.uid));
        let approval =
            approval::verify(text, &given.signature, uid, &signers, &document.takes, now)?;
        let turn = approved(ask, &given.signature, &approval, given.uid, now)?;
        self.turns.turn(opened, turn, None).await
    }

    /// The approval of an ask that is to be spent, as far as it can be seen without asking anybody.
    pub(super) async fn approval(
        &self,
        ask: &Ask,
        survey: &Survey,
        weak: Option<&str>,
    ) -> Result<Approval, Fault> {
        let trust = &*self.parts.people.trust;
        let mut signers = trust.signers(ask.principal.uid).await?;
        weak.into_iter().for_each(|why| signers.weaken(why));
        verified::approval(trust, ask, &signers, survey.verdict.takes(), self.parts.clock.now())
            .await
    }

    /// The same approval, for what it is worth if no agent of the requester's signs with its key and asks
    /// nobody: the last that is looked at, since somebody may see a dialog for it.
    pub(super) async fn unasked(
        &self,
        ask: &Ask,
        approval: Approval,
        survey: &Survey,
    ) -> Result<Approval, Fault> {
        let (trust, requester) = (&self.parts.people.trust, ask.principal.uid);
        let weak = match approval.assurance() >= Assurance::Secret {
            true => trust.unasked(requester, approval.key()).await,
            false => None,
        };
        match weak {
            Some(why) => self.approval(ask, survey, Some(&why)).await,
            None => Ok(approval),
        }
    }
}

/// The turn of an ask that somebody of this account approved.
pub(super) fn approved(
    ask: &Ask,
    signature: &str,
    approval: &Approval,
    uid: u32,
    now: OffsetDateTime,
) -> Result<Turn, Fault> {
    let mut turn = Turn::new(ask.state, State::Approved, now)?;
    turn.signature = Some(signature.to_owned());
    turn.assurance = Some(approval.assurance());
    turn.approver = Some(approver(approval, uid));
    Ok(turn)
}

/// Who gave an approval, which came from this account.
pub(super) fn approver(approval: &Approval, uid: u32) -> Approver {
    let (name, key) = (approval.signer().to_owned(), approval.key().to_owned());
    Approver { name: Some(name), key: Some(key), uid }
}
