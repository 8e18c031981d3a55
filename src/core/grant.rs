//! Grants and permits. A grant waits for one plan and works once; a permit is what executing a
//! change takes; `Granted` is what an engine's changing call takes. All of them are made here only.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::approval::Approval;
use super::hex;
use super::operation::Drift;
use super::plan::{Digest, Plan, Target};
use super::policy::{Effect, Verdict};
use super::reason::{Fault, Reason};

/// A point on a monotonic clock: the time since some fixed moment of this machine's running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub Duration);

/// A confirm token: 128 random bits, shown once as 32 hex digits, never stored.
pub struct Token([u8; 16]);

impl Token {
    /// Makes a token of random bits.
    pub const fn from_random(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// Reads what a caller presents; none if it is not of a token's form.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// The token as it is shown, once.
    pub fn reveal(&self) -> String {
        hex::encode(&self.0)
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a token. Compared in constant time.
#[derive(Clone, Copy, Debug)]
pub struct TokenHash([u8; 32]);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

/// How a permit came about, in rising order of what it takes to fake it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A rule allowed it.
    Policy,
    /// The caller presented the confirm token itself.
    Echo,
    /// The client's dialog said so.
    Elicit,
    /// Somebody typed the target's name on a terminal, or signed with what the requester could have
    /// signed with as well.
    Tty,
    /// A signature by a key that the requester cannot use, trusted by a file that it cannot change.
    Secret,
    /// The same, given by another account.
    Uid,
    /// As `Secret`, by a security key that somebody touched.
    Hardware,
}

impl Assurance {
    /// Every assurance, in that order.
    pub const ALL: [Self; 7] = [
        Self::Policy,
        Self::Echo,
        Self::Elicit,
        Self::Tty,
        Self::Secret,
        Self::Uid,
        Self::Hardware,
    ];

    /// The assurance as it stands in policy files and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Echo => "echo",
            Self::Elicit => "elicit",
            Self::Tty => "tty",
            Self::Secret => "secret",
            Self::Uid => "uid",
            Self::Hardware => "hardware",
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was asked for, apart from what was observed: by this a token that is presented for another
/// request is told from one whose target has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// Digest of operation, principal and the arguments as given.
    pub given: Digest,
    /// Digest of operation, principal and the arguments with references replaced by full ids, and
    /// with what else can be written in several ways in one form.
    pub bound: Digest,
}

/// A stored grant: waiting permission for one plan.
#[derive(Debug)]
pub struct GrantRow {
    hash: TokenHash,
    plan: Arc<Plan>,
    request: RequestKey,
    expires: Tick,
    /// A person's approval, for a grant that an ask became.
    approval: Option<Approval>,
}

impl GrantRow {
    /// What the token hashes to.
    pub const fn hash(&self) -> TokenHash {
        self.hash
    }

    /// What it permits, at most.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// When it stops working.
    pub const fn expires(&self) -> Tick {
        self.expires
    }
}

/// Makes the grant that `token` is the handle of.
pub fn issue(token: &Token, plan: &Arc<Plan>, request: RequestKey, expires: Tick) -> GrantRow {
    GrantRow { hash: token.hash(), plan: Arc::clone(plan), request, expires, approval: None }
}

/// Makes the grant that an approved ask becomes when it is presented.
pub fn approve(
    handle: &Token,
    plan: &Arc<Plan>,
    request: RequestKey,
    expires: Tick,
    approval: Approval,
) -> GrantRow {
    GrantRow { approval: Some(approval), ..issue(handle, plan, request, expires) }
}

/// Turns a grant that was taken out of its store into a permit, if policy still asks for no more than
/// a confirmation and the plan is exactly the granted one; with [`Drift::Each`] also if some targets
/// changed, which the permit then leaves out. The only way from a stored row.
///
/// # Errors
/// `token_expired`, `token_mismatch` for another request, `plan_changed` for the same request on a
/// target that changed, `policy_denied` for a verdict that a confirmation does not satisfy, and
/// `assurance_too_low` where policy takes another confirmation than this.
pub fn redeem(
    row: GrantRow,
    plan: &Arc<Plan>,
    request: RequestKey,
    drift: Drift,
    verdict: &Verdict,
    assurance: Assurance,
    now: Tick,
) -> Result<Permit, Fault> {
    let GrantRow { plan: granted, request: asked, expires, approval, hash: _ } = row;
    if now >= expires {
        return Err(expired());
    }
    let drifted = compare(&granted, plan, asked, request, drift)?;
    let most = if approval.is_some() { Effect::Approve } else { Effect::Confirm };
    if verdict.effect() > most || !is_about(verdict, plan) {
        return Err(Fault::new(
            Reason::PolicyDenied,
            "A confirmation is not enough for this operation.",
        ));
    }
    let assurance = approval.as_ref().map_or(assurance, Approval::assurance);
    let signer = approval.as_ref().map(Approval::signer);
    if !verdict.takes().is_met(assurance, signer) {
        return Err(too_low(assurance, verdict));
    }
    Ok(Permit { plan: granted, drifted, assurance, approval, rule: verdict.rule().to_owned() })
}

/// The refusal of what was confirmed or approved in a way that policy does not take.
fn too_low(assurance: Assurance, verdict: &Verdict) -> Fault {
    Fault::new(
        Reason::AssuranceTooLow,
        format!(
            "Policy takes {} here ({}), and this came about by `{assurance}`.",
            verdict.takes().words(),
            verdict.takers()
        ),
    )
}

/// Whether what is asked for now is what was granted: for each granted target, whether it changed.
///
/// # Errors
/// `token_mismatch` for another request, `plan_changed` for the same request on a target that changed,
/// as far as `drift` does not leave that out.
pub fn compare(
    granted: &Plan,
    plan: &Plan,
    asked: RequestKey,
    request: RequestKey,
    drift: Drift,
) -> Result<Vec<bool>, Fault> {
    if asked.given != request.given && asked.bound != request.bound {
        return Err(mismatch(granted, plan));
    }
    let drifted = drifted(granted, plan);
    let same = granted.digest() == plan.digest();
    if !same && (drift == Drift::All || !alike(granted, plan) || drifted.iter().all(|d| *d)) {
        return Err(Fault::new(
            Reason::PlanChanged,
            "The target or the policy is no longer what the preview showed, so nothing was done.",
        ));
    }
    Ok(drifted)
}

/// The refusal of a token that is presented with another request, or by another caller.
fn mismatch(granted: &Plan, plan: &Plan) -> Fault {
    let (owner, caller) = (&granted.parts().principal, &plan.parts().principal);
    let given = if owner == caller {
        "for another operation, target or arguments".to_owned()
    } else {
        format!("to another caller, which is {owner}, and this one is {caller}")
    };
    Fault::new(
        Reason::TokenMismatch,
        format!(
            "This confirmToken was given {given}. It is gone now. Call again without it to get a \
             new preview."
        ),
    )
}

/// Whether a verdict is one on this plan's operation, by the policy that the plan names.
fn is_about(verdict: &Verdict, plan: &Plan) -> bool {
    let parts = plan.parts();
    verdict.policy() == parts.policy && verdict.operation() == parts.operation
}

/// Whether two plans are the same but for their targets.
fn alike(granted: &Plan, now: &Plan) -> bool {
    let (granted, now) = (granted.parts(), now.parts());
    granted.operation == now.operation
        && granted.arguments == now.arguments
        && granted.principal == now.principal
        && granted.policy == now.policy
        && granted.engine == now.engine
}

/// For each granted target, whether it is gone or no longer what it was.
fn drifted(granted: &Plan, now: &Plan) -> Vec<bool> {
    let seen = |plan: &Plan, target: &Target| {
        let place = plan.targets().iter().position(|t| t == target)?;
        plan.parts().facts.get(place).cloned()
    };
    let changed = |target: &Target| {
        let now = seen(now, target);
        now.is_none() || now != seen(granted, target)
    };
    granted.targets().iter().map(changed).collect()
}

/// The refusal of a token whose time has passed.
pub fn expired() -> Fault {
    Fault::new(
        Reason::TokenExpired,
        "This confirmToken has expired. Call again without it to get a new preview.",
    )
}

/// Makes the permit of a plan that a rule allows.
///
/// # Errors
/// `policy_denied` for every other verdict.
pub fn allow(plan: &Arc<Plan>, verdict: &Verdict) -> Result<Permit, Fault> {
    if verdict.effect() != Effect::Allow || !is_about(verdict, plan) {
        return Err(Fault::new(Reason::PolicyDenied, "No rule allows this operation."));
    }
    Ok(Permit {
        plan: Arc::clone(plan),
        drifted: vec![false; plan.targets().len()],
        assurance: Assurance::Policy,
        approval: None,
        rule: verdict.rule().to_owned(),
    })
}

/// What executing a change takes. It cannot be made, copied or stored outside this file.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    plan: Arc<Plan>,
    /// Which of the plan's targets changed since it was granted.
    drifted: Vec<bool>,
    assurance: Assurance,
    approval: Option<Approval>,
    rule: String,
}

impl Permit {
    /// The targets that it permits to change, and no others.
    pub fn targets(&self) -> impl Iterator<Item = Granted<'_>> {
        let unchanged =
            self.plan.targets().iter().zip(&self.drifted).filter(|(_, drifted)| !**drifted);
        unchanged.map(|(target, _)| Granted { target })
    }

    /// The plan's targets that it leaves out, since they changed after it was granted.
    pub fn left_out(&self) -> impl Iterator<Item = &Target> {
        self.plan.targets().iter().zip(&self.drifted).filter(|(_, d)| **d).map(|(target, _)| target)
    }

    /// The plan that it permits.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// How it came about.
    pub const fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The person's approval that it rests on, if there is one.
    pub const fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }

    /// The id of the rule that it rests on.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

/// One target that may be changed now. What an engine's changing call takes.
#[derive(Debug)]
pub struct Granted<'a> {
    target: &'a Target,
}

impl Granted<'_> {
    /// The target.
    pub const fn target(&self) -> &Target {
        self.target
    }
}

#[cfg(test)]
mod tests;
