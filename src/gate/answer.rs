//! What a face hands to the gate, and what it gets back.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::ask::AskId;
use crate::core::grant::Assurance;
use crate::core::plan::Digest;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Record, TargetRefs};
use crate::core::text;

/// One request.
#[derive(Clone)]
pub struct Request {
    /// The operation's name.
    pub operation: String,
    /// The arguments as given, with the confirm token among them, if there is one.
    pub arguments: Map<String, Value>,
    /// Who asks.
    pub caller: Caller,
    /// How this face confirms.
    pub confirm: Confirm,
    /// Whom to tell how far a change has come, if anybody wants to know.
    pub progress: Option<Arc<dyn Progress>>,
}

/// Without the values of arguments, which can hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Somebody who wants to know how far a change has come.
pub trait Progress: Send + Sync + fmt::Debug {
    /// So much is done, of so much if that is known. Must not wait, and may drop what is too much.
    fn report(&self, done: u64, total: Option<u64>, message: &str);
}

/// How a face confirms a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// The caller gets the confirm token and presents it by itself.
    Echo,
    /// The face keeps the token and presents it once the client's dialog said so. Where the client
    /// turns out to show nobody a dialog, the caller gets it.
    Elicit,
    /// The face keeps the token and presents it once somebody typed the target's name.
    Tty,
    /// Nobody is there to confirm: a preview comes without a grant.
    Never,
}

impl Confirm {
    /// What a permit is worth that came about so.
    pub(super) const fn assurance(self) -> Assurance {
        match self {
            Self::Echo | Self::Never => Assurance::Echo,
            Self::Elicit => Assurance::Elicit,
            Self::Tty => Assurance::Tty,
        }
    }

    /// In which ways the grant of a preview may come to be confirmed.
    pub(super) const fn ways(self) -> &'static [Assurance] {
        match self {
            Self::Echo => &[Assurance::Echo],
            Self::Elicit => &[Assurance::Elicit, Assurance::Echo],
            Self::Tty => &[Assurance::Tty],
            Self::Never => &[],
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was done.
    Ok,
    /// Nothing has changed; the preview wants to be confirmed.
    ConfirmationRequired,
    /// Nothing has changed; the preview waits for a person's approval.
    ApprovalRequired,
    /// It was refused.
    Denied,
    /// It went wrong, and nothing more than the answer says has changed.
    Failed,
    /// It may or may not have happened.
    Unknown,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// The operation's name.
    pub operation: String,
    /// What it acts on, once resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetRefs>,
    /// The plan's digest, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The ask that waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskId>,
    /// The confirm token of the grant that was issued, or the handle of the ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_token: Option<String>,
    /// When that grant stops working, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Why it was refused or went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What a program reads.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// What a person or a model reads, without the token's lines.
    #[serde(skip)]
    pub text: String,
    /// How long the grant works, in seconds.
    #[serde(skip)]
    pub ttl_seconds: u64,
    /// How policy lets the grant be confirmed; empty without a grant.
    #[serde(skip)]
    pub accepts: BTreeSet<Assurance>,
    /// What is on record of the request that the grant was issued to.
    #[serde(skip)]
    pub(super) known: Option<Box<Record>>,
}

impl Answer {
    /// Whether a face marks it as an error. A preview is none.
    pub const fn is_error(&self) -> bool {
        !matches!(self.status, Status::Ok) && self.reason.is_some()
    }

    /// Whether a grant came with it that wants to be confirmed.
    pub const fn wants_confirmation(&self) -> bool {
        self.known.is_some()
    }

    /// The text with the lines that hand out the confirm token, if there is one.
    pub fn text_with_token(&self) -> String {
        let Some(token) = &self.confirm_token else { return self.text.clone() };
        if self.ask.is_some() {
            return format!(
                "{}\nNothing has changed. Once it is approved, call {} again with the same arguments \
                 and\nconfirmToken={token} (single use). Before that, the call only says how it stands; \
                 check_ask waits.",
                self.text, self.operation
            );
        }
        format!(
            "{}\nNothing has changed. To go ahead, call {} again with the same arguments and\n\
             confirmToken={token} (single use, valid {} s).",
            self.text, self.operation, self.ttl_seconds
        )
    }

    /// The exit code of a command that ends with this answer.
    pub const fn exit_code(&self) -> u8 {
        match (self.status, self.reason) {
            (Status::Ok, _) => 0,
            (Status::ConfirmationRequired | Status::ApprovalRequired, _) => 4,
            (Status::Unknown, _) => 6,
            (_, Some(reason)) => reason.exit_code(),
            (_, None) => 1,
        }
    }

    /// The answer to what was done.
    pub(super) fn done(operation: &str, text: String, data: Value) -> Self {
        Self { data, text, ..Self::empty(Status::Ok, operation) }
    }

    pub(super) fn empty(status: Status, operation: &str) -> Self {
        Self {
            status,
            operation: operation.to_owned(),
            target: None,
            plan: None,
            ask: None,
            confirm_token: None,
            expires_at: None,
            reason: None,
            data: Value::Null,
            text: String::new(),
            ttl_seconds: 0,
            accepts: BTreeSet::new(),
            known: None,
        }
    }

    /// The answer that a fault becomes.
    pub(super) fn of_fault(operation: &str, fault: &Fault) -> Self {
        let status = match fault.reason {
            Reason::OutcomeUnknown => Status::Unknown,
            reason if reason.is_failure() => Status::Failed,
            _ => Status::Denied,
        };
        Self {
            reason: Some(fault.reason),
            text: format!("Error: {}", text::visible(&fault.message)),
            ..Self::empty(status, operation)
        }
    }
}
