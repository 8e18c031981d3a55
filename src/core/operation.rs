//! What an operation declares of itself. Faces, policy, the audit log and the reference derive
//! everything else from this.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// What an operation does to the world, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Shows what is no secret.
    Read,
    /// Shows what can hold secrets.
    Sensitive,
    /// Changes something that can be changed back.
    Mutate,
    /// Loses data.
    Destroy,
    /// Can reach the host.
    Escalate,
}

impl Class {
    /// Every class, in rising order.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::Sensitive, Self::Mutate, Self::Destroy, Self::Escalate];

    /// Whether an operation of this class changes something.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Mutate | Self::Destroy | Self::Escalate)
    }

    /// The class as it stands in policy files and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sensitive => "sensitive",
            Self::Mutate => "mutate",
            Self::Destroy => "destroy",
            Self::Escalate => "escalate",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A kind of target, with the names of the attributes that it offers to policy.
/// `label.*` stands for a family of names.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind's name, as it stands in plans and in the audit log.
    pub name: &'static str,
    /// The attribute names that targets of this kind can have.
    pub attributes: &'static [&'static str],
}

/// What happens when a target of a plan is no longer what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The whole plan is refused.
    All,
    /// What changed is left alone and said so; the rest goes on.
    Each,
}

/// The declaration of one operation.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The tool's and the verb's name: lower case words joined by underscores.
    pub name: Cow<'static, str>,
    /// A short title for people.
    pub title: Cow<'static, str>,
    /// What it does and what its answer holds, in full sentences.
    pub summary: Cow<'static, str>,
    /// The group that a face shows or hides.
    pub toolset: &'static str,
    /// What it does to the world at least.
    pub class: Class,
    /// The highest class that observation can raise it to.
    pub ceiling: Class,
    /// What kind of target it acts on, if on any.
    pub kind: Option<&'static Kind>,
    /// The arguments that name the targets, in the order in which `resolve` returns these.
    pub references: &'static [&'static str],
    /// What happens when a target changed since it was shown.
    pub drift: Drift,
    /// Whether asking twice changes no more than asking once.
    pub idempotent: bool,
    /// The engine API version that it needs, if it talks to the engine.
    pub since_api: Option<&'static str>,
}

impl Spec {
    /// A read that has no target and asks the engine for nothing. Where one differs, it says so by
    /// struct update.
    pub const fn read(
        name: &'static str,
        title: &'static str,
        summary: &'static str,
        toolset: &'static str,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            title: Cow::Borrowed(title),
            summary: Cow::Borrowed(summary),
            toolset,
            class: Class::Read,
            ceiling: Class::Read,
            kind: None,
            references: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: None,
        }
    }

    /// Whether it takes a confirm token, whatever the policy.
    pub fn takes_token(&self) -> bool {
        self.class != Class::Read
    }

    /// Whether data could be lost: by declaration, or by what may be observed.
    pub fn may_destroy(&self) -> bool {
        self.ceiling >= Class::Destroy
    }
}
