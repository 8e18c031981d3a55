//! What an operation declares of itself. Faces, policy, the audit log and the reference derive
//! everything else from this.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation does to the world, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// A kind of target, with what policy can ask about one.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind's name, as it stands in plans and in the audit log.
    pub name: &'static str,
    /// What names of such targets look like.
    pub names: Form,
    /// What ids of such targets look like.
    pub ids: Form,
    /// The attributes that targets of this kind can have.
    pub attributes: &'static [Attribute],
}

impl Kind {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.is_called(name))
    }
}

/// Something that policy can ask about a target.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name. One that ends in `.*` stands for a family of names.
    pub name: &'static str,
    /// What its values look like.
    pub form: Form,
    /// Whether every target of the kind has it, so that where it is missing, nobody looked.
    pub always: bool,
}

impl Attribute {
    /// Whether it stands for a family of names.
    pub fn is_family(&self) -> bool {
        self.name.ends_with('*')
    }

    /// Whether it is the one of that name, or of the family.
    pub fn is_called(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(family) => name.strip_prefix(family).is_some_and(|member| !member.is_empty()),
            None => self.name == name,
        }
    }
}

/// What texts of some sort look like, so that a glob that can match none of them is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Anything.
    Text,
    /// `true` or `false`.
    Flag,
    /// ASCII letters (`upper`: also capital ones), digits and these characters; never empty.
    Word {
        /// Whether capital letters occur.
        upper: bool,
        /// The characters beside letters and digits.
        beside: &'static str,
    },
    /// This many lower-case hexadecimal digits.
    Hex(usize),
}

impl Form {
    /// Whether a text has this form.
    pub fn is(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Flag => ["true", "false"].contains(&text),
            Self::Word { .. } => !text.is_empty() && text.chars().all(|c| self.has(c)),
            Self::Hex(digits) => text.len() == digits && text.chars().all(|c| self.has(c)),
        }
    }

    /// Whether this character occurs in such texts.
    pub fn has(self, c: char) -> bool {
        match self {
            Self::Text => true,
            Self::Flag => "truefalse".contains(c),
            Self::Word { upper, beside } => {
                c.is_ascii_lowercase()
                    || c.is_ascii_digit()
                    || (upper && c.is_ascii_uppercase())
                    || beside.contains(c)
            }
            Self::Hex(_) => matches!(c, '0'..='9' | 'a'..='f'),
        }
    }
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
    /// The kinds of target that it acts on; none if it acts on nothing. Of several, those come
    /// first that `references` name, in that order.
    pub kinds: &'static [&'static Kind],
    /// The arguments that name the targets, in the order in which `resolve` returns these.
    pub references: &'static [&'static str],
    /// Kinds of which every request acts on one, beside those that `references` name; the first is
    /// the usual one.
    pub beside: &'static [&'static Kind],
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
            kinds: &[],
            references: &[],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: None,
        }
    }

    /// The kind of that name, if it acts on such targets.
    pub fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.name == name).copied()
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
