//! Why something was refused or failed: the reason codes of the contract, and the fault that
//! carries one together with words for the reader.

use std::fmt;

use serde::Serialize;

/// A reason code: stable, in every refusal, in every audit line of a refusal, and mapped to an
/// exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No grant was ever known under this token.
    TokenUnknown,
    /// The token's time had passed.
    TokenExpired,
    /// The token was presented before.
    TokenUsed,
    /// The token belongs to another operation, target, arguments or principal.
    TokenMismatch,
    /// The same request, but the target or the policy is no longer what was shown.
    PlanChanged,
    /// A rule, or the absence of one, denies it.
    PolicyDenied,
    /// A person would have to approve, and nobody is trusted who could.
    ApprovalUnavailable,
    /// A person denied it.
    ApprovalDenied,
    /// A person approved it, and took that back.
    ApprovalRevoked,
    /// A person denied the same lately.
    CoolingDown,
    /// The ask is no longer what it would have to be for this: decided, cancelled, spent or expired.
    AskClosed,
    /// The signature is not one over this ask, or not for this purpose.
    SignatureInvalid,
    /// The signer is not one whose signature counts, or not now.
    SignerUnknown,
    /// How it was confirmed or approved is worth less than policy asks for, or nobody answered the dialog.
    AssuranceTooLow,
    /// The state that processes share could not be read or written, so nothing was done.
    StateUnavailable,
    /// No such operation is offered here.
    Unclassified,
    /// Changes are switched off.
    ReadOnly,
    /// The named target does not exist.
    NotFound,
    /// The reference fits more than one target.
    Ambiguous,
    /// An argument is unknown, missing, of the wrong type or out of bounds.
    InvalidArgument,
    /// The audit log could not be written, so nothing was done or shown.
    AuditUnavailable,
    /// The engine could not be reached.
    EngineUnavailable,
    /// The engine answered with an error.
    EngineError,
    /// Another change of the same target is running.
    Busy,
    /// A limit was reached.
    Limit,
    /// The engine did not answer in time, and nothing was changed.
    Timeout,
    /// The change may or may not have happened.
    OutcomeUnknown,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 27] = [
        Self::TokenUnknown,
        Self::TokenExpired,
        Self::TokenUsed,
        Self::TokenMismatch,
        Self::PlanChanged,
        Self::PolicyDenied,
        Self::ApprovalUnavailable,
        Self::ApprovalDenied,
        Self::ApprovalRevoked,
        Self::CoolingDown,
        Self::AskClosed,
        Self::SignatureInvalid,
        Self::SignerUnknown,
        Self::AssuranceTooLow,
        Self::StateUnavailable,
        Self::Unclassified,
        Self::ReadOnly,
        Self::NotFound,
        Self::Ambiguous,
        Self::InvalidArgument,
        Self::AuditUnavailable,
        Self::EngineUnavailable,
        Self::EngineError,
        Self::Busy,
        Self::Limit,
        Self::Timeout,
        Self::OutcomeUnknown,
    ];

    /// The code as it stands in answers and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenUnknown => "token_unknown",
            Self::TokenExpired => "token_expired",
            Self::TokenUsed => "token_used",
            Self::TokenMismatch => "token_mismatch",
            Self::PlanChanged => "plan_changed",
            Self::PolicyDenied => "policy_denied",
            Self::ApprovalUnavailable => "approval_unavailable",
            Self::ApprovalDenied => "approval_denied",
            Self::ApprovalRevoked => "approval_revoked",
            Self::CoolingDown => "cooling_down",
            Self::AskClosed => "ask_closed",
            Self::SignatureInvalid => "signature_invalid",
            Self::SignerUnknown => "signer_unknown",
            Self::AssuranceTooLow => "assurance_too_low",
            Self::StateUnavailable => "state_unavailable",
            Self::Unclassified => "unclassified",
            Self::ReadOnly => "read_only",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::InvalidArgument => "invalid_argument",
            Self::AuditUnavailable => "audit_unavailable",
            Self::EngineUnavailable => "engine_unavailable",
            Self::EngineError => "engine_error",
            Self::Busy => "busy",
            Self::Limit => "limit",
            Self::Timeout => "timeout",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// The exit code of a command that ends with this reason.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::InvalidArgument => 2,
            Self::TokenUnknown
            | Self::TokenExpired
            | Self::TokenUsed
            | Self::TokenMismatch
            | Self::PlanChanged
            | Self::PolicyDenied
            | Self::ApprovalUnavailable
            | Self::ApprovalDenied
            | Self::ApprovalRevoked
            | Self::CoolingDown
            | Self::AskClosed
            | Self::SignatureInvalid
            | Self::SignerUnknown
            | Self::AssuranceTooLow
            | Self::Unclassified
            | Self::ReadOnly => 3,
            Self::NotFound
            | Self::Ambiguous
            | Self::AuditUnavailable
            | Self::StateUnavailable
            | Self::EngineUnavailable
            | Self::EngineError
            | Self::Busy
            | Self::Limit
            | Self::Timeout => 1,
            Self::OutcomeUnknown => 6,
        }
    }

    /// Whether the operation itself went wrong, as opposed to being refused.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::EngineUnavailable | Self::EngineError | Self::Timeout)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal or failure on its way to the reader: the code, what happened and why, and what to
/// do next. `detail` is the engine's own text; it goes to the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The reason code.
    pub reason: Reason,
    /// What happened, why, and what to do next, in full sentences.
    pub message: String,
    /// What the engine or the operating system said, before sanitising.
    pub detail: Option<String>,
}

impl Fault {
    /// A fault that says `message`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), detail: None }
    }

    /// The same fault with the foreign text that caused it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Shorthand for an argument that cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidArgument, message)
    }
}
