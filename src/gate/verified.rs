//! What an approval is worth: its signature is verified when it is spent, and by the same function before
//! anybody is named who gave it.

use time::OffsetDateTime;

use super::Gate;
use super::given::approver;
use super::turns::Opened;
use crate::core::approval::{self, Approval, Signers};
use crate::core::ask::{Ask, State};
use crate::core::policy::Requirement;
use crate::core::reason::{Fault, Reason};
use crate::ports::asks::{Told, Trust};

/// The approval of an ask by what is stored of it. What its row says of who gave it is not believed: it
/// was another account if what that gave is still there.
pub(super) async fn approval(
    trust: &dyn Trust,
    ask: &Ask,
    signers: &Signers,
    takes: &Requirement,
    now: OffsetDateTime,
) -> Result<Approval, Fault> {
    let Some(signature) = &ask.signature else {
        return Err(Fault::new(
            Reason::SignatureInvalid,
            format!(
                "Ask {} says that it is approved, and holds no signature: somebody changed it.",
                ask.id
            ),
        ));
    };
    let verify = |signature: &str, account| {
        approval::verify(&ask.document, signature, account, signers, takes, now)
    };
    if let Some(given) = trust.given(ask.id, ask.principal.uid).await
        && let Ok(approval) = verify(&given.signature, Some(given.uid))
    {
        return Ok(approval);
    }
    verify(signature, None)
}

/// An ask as it may be told: somebody is named beside a signature that holds, and nowhere else.
pub(super) async fn told(trust: &dyn Trust, opened: Opened, now: OffsetDateTime) -> Told {
    let signers = match says_approved(opened.ask.state) {
        true => trust.signers(opened.ask.principal.uid).await,
        false => Ok(Signers::default()),
    };
    match signers {
        Ok(signers) => told_by(trust, &signers, opened, now).await,
        Err(fault) => unnamed(opened.ask, Some(fault)),
    }
}

/// The same, where these are the signers.
pub(super) async fn told_by(
    trust: &dyn Trust,
    signers: &Signers,
    opened: Opened,
    now: OffsetDateTime,
) -> Told {
    let Opened { mut ask, document, .. } = opened;
    if !says_approved(ask.state) {
        return unnamed(ask, None);
    }
    match approval(trust, &ask, signers, &document.takes, now).await {
        Ok(approval) => {
            let uid = approval.account().unwrap_or(ask.principal.uid);
            ask.assurance = Some(approval.assurance());
            ask.approver = Some(approver(&approval, uid));
            Told { ask, broken: None }
        }
        Err(fault) => unnamed(ask, Some(fault)),
    }
}

fn unnamed(mut ask: Ask, fault: Option<Fault>) -> Told {
    ask.assurance = None;
    if let Some(by) = &mut ask.approver {
        (by.name, by.key) = (None, None);
    }
    let broken = fault.filter(|_| ask.state == State::Approved).map(|fault| fault.message);
    Told { ask, broken }
}

/// Whether an ask of this state says that somebody approved it, and nobody has decided otherwise since.
const fn says_approved(state: State) -> bool {
    matches!(
        state,
        State::Approved | State::Executing | State::Done | State::Failed | State::Unknown
    )
}

impl Gate {
    /// An ask of this caller's as it may be told.
    pub(super) async fn told(&self, opened: Opened) -> Told {
        told(&*self.parts.people.trust, opened, self.parts.clock.now()).await
    }
}
