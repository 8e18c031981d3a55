//! Asks: grants that wait for a person. What can become of one, and what is kept of it.

mod document;
mod id;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::grant::{Assurance, RequestKey, Token};
use super::plan::{Digest, Principal};
use super::reason::{Fault, Reason};
use super::record::{Event, second};
use super::secret::SealKey;
use super::text;

pub use document::{Document, Shown, Terms};
pub use id::AskId;

/// What has become of an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a person.
    Pending,
    /// A person approved it, and it waits to be spent.
    Approved,
    /// A person denied it.
    Denied,
    /// Its time passed.
    Expired,
    /// The caller took it back, or presented its handle with another request.
    Cancelled,
    /// What it asked for is no longer what it was.
    Superseded,
    /// A person took the approval back.
    Revoked,
    /// It was spent, and what it permits is under way.
    Executing,
    /// What it permitted was done.
    Done,
    /// What it permitted went wrong.
    Failed,
    /// Nobody can say whether what it permitted happened.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
        Self::Superseded,
        Self::Revoked,
        Self::Executing,
        Self::Done,
        Self::Failed,
        Self::Unknown,
    ];

    /// The state as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
            Self::Executing => "executing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a state as it is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it can still come to be spent.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }

    /// Whether it may become the other. Everything else is refused.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(
                next,
                Self::Approved | Self::Denied | Self::Expired | Self::Cancelled | Self::Superseded
            ),
            Self::Approved => matches!(
                next,
                Self::Executing
                    | Self::Revoked
                    | Self::Expired
                    | Self::Cancelled
                    | Self::Superseded
            ),
            Self::Executing => matches!(next, Self::Done | Self::Failed | Self::Unknown),
            _ => false,
        }
    }

    /// The event that puts it on record. What is spent is on record as `allowed`, and as its outcome.
    pub const fn event(self) -> Event {
        match self {
            Self::Pending => Event::Preview,
            Self::Approved => Event::AskApproved,
            Self::Denied => Event::AskDenied,
            Self::Expired => Event::AskExpired,
            Self::Cancelled => Event::AskCancelled,
            Self::Superseded => Event::AskSuperseded,
            Self::Revoked => Event::AskRevoked,
            Self::Executing => Event::Allowed,
            Self::Done => Event::Done,
            Self::Failed => Event::Failed,
            Self::Unknown => Event::Unknown,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who decided on an ask, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// The signer's name in the file that trusts its key; none where nothing was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fingerprint of the key, as `ssh-keygen -l` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The account that the decision was given from.
    pub uid: u32,
}

/// An ask as it is stored. What a person signed is the document, byte by byte; everything beside it
/// only leads to it, and is not believed by itself.
#[derive(Clone)]
pub struct Ask {
    /// Its id.
    pub id: AskId,
    /// What is signed.
    pub document: Arc<str>,
    /// The handle by which the requester presents it.
    pub handle: Arc<Token>,
    /// What was asked for, apart from what was observed.
    pub request: RequestKey,
    /// The digest of its plan.
    pub plan: Digest,
    /// The operation's name, for lists.
    pub operation: String,
    /// What it acts on in a few words, for lists, before sanitising.
    pub about: String,
    /// Who asks.
    pub principal: Principal,
    /// What a denial cools down: the principal, the operation and the targets, whatever the arguments.
    pub cools: Digest,
    /// The key by which the secrets in its plan are sealed, if there are any.
    pub seal: Option<Arc<SealKey>>,
    /// The session that asked, or that spends it.
    pub session: String,
    /// The folder of the audit log that it is on record in.
    pub log: String,
    /// When it was made.
    pub made: OffsetDateTime,
    /// When it stops working.
    pub expires: OffsetDateTime,
    /// What has become of it.
    pub state: State,
    /// Since when.
    pub since: OffsetDateTime,
    /// The approver's signature over the document.
    pub signature: Option<String>,
    /// Who decided.
    pub approver: Option<Approver>,
    /// What the signature was worth when it was given.
    pub assurance: Option<Assurance>,
    /// The words that it was denied or taken back with.
    pub words: Option<String>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a log has of an ask, whatever the state says that others can write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The account that gave a person's approval of it, if one is on record.
    pub approved: Option<u32>,
    /// What spent or closed it first: nothing, an intent, how that ended, or a closing line.
    pub spent: Option<Event>,
    /// The request whose line that is, if it is one of a request.
    pub request: Option<String>,
}

/// One change of an ask's state.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What it has to be now.
    pub from: State,
    /// What it becomes.
    pub to: State,
    /// When.
    pub at: OffsetDateTime,
    /// The signature over its document, for an approval.
    pub signature: Option<String>,
    /// Who decided, if somebody did.
    pub approver: Option<Approver>,
    /// What the signature is worth.
    pub assurance: Option<Assurance>,
    /// The words that go with it.
    pub words: Option<String>,
    /// The session that spends it.
    pub session: Option<String>,
}

impl Turn {
    /// A turn without anything beside it.
    ///
    /// # Errors
    /// `ask_closed` for one that there is not.
    pub fn new(from: State, to: State, at: OffsetDateTime) -> Result<Self, Fault> {
        if !from.may_become(to) {
            return Err(closed(from, to));
        }
        let (signature, approver, assurance, words, session) = (None, None, None, None, None);
        Ok(Self { from, to, at, signature, approver, assurance, words, session })
    }
}

/// The refusal of what a person denied lately, with the words that it was denied with.
pub fn cooling_down(words: Option<&str>, ends: OffsetDateTime) -> Fault {
    let words = words.map(|words| format!(", with the words `{}`", text::name(words)));
    Fault::new(
        Reason::CoolingDown,
        format!(
            "A person denied this lately{}. Nobody is asked for it again before {}, and asking in \
             other words does not help. Do without it.",
            words.unwrap_or_default(),
            second(ends)
        ),
    )
}

/// The refusal of a turn that there is not.
pub fn closed(is: State, wanted: State) -> Fault {
    let next = match (is, wanted) {
        _ if is.may_become(wanted) => "Somebody was faster: look at it again",
        (State::Pending, _) => {
            "Nobody has approved it, so there is nothing to take back: refuse it with `countersign \
             deny`"
        }
        (State::Approved, State::Approved) => {
            "Its requester can spend it until it ends; `countersign revoke` takes it back"
        }
        (State::Approved, _) => "Take the approval back with `countersign revoke`",
        (State::Executing, _) => "It is spent, and under way at this moment",
        (State::Done | State::Failed | State::Unknown, _) => {
            "It was spent, so there is nothing left to decide on or to take back"
        }
        (State::Denied, _) => "Whoever still wants it can ask anew once that has cooled down",
        _ => "Whoever still wants it has to ask anew",
    };
    let already = if is == wanted { " already" } else { "" };
    Fault::new(Reason::AskClosed, format!("This ask is {is}{already}. {next}. It is as it was."))
}

#[cfg(test)]
mod tests;
