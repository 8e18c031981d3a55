//! Conditions: what a rule may ask of a request. Every question has one of three answers, and none
//! can fail.

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use super::glob::Glob;
use super::values::Values;
use super::{Effect, Match};
use crate::core::operation::Class;

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassSet(u8);

impl ClassSet {
    /// Every class.
    pub const ALL: Self = Self(0b1_1111);

    /// The set of these.
    pub fn of(classes: &[Class]) -> Self {
        classes.iter().copied().collect()
    }

    /// The classes from the lowest to the highest.
    pub fn between(lowest: Class, highest: Class) -> Self {
        Class::ALL.into_iter().filter(|class| (lowest..=highest).contains(class)).collect()
    }

    const fn bit(class: Class) -> u8 {
        1 << class as u8
    }

    /// Whether a class is in it.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & Self::bit(class) != 0
    }

    /// Whether no class is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes in it, in rising order.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }

    /// Whether a class is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How a class that is one of this set stands to the set `wanted`.
    pub(super) const fn stands_to(self, wanted: Self) -> Match {
        if self.0 & wanted.0 == 0 {
            Match::Cannot
        } else if self.0 & !wanted.0 == 0 {
            Match::Matches
        } else {
            Match::May
        }
    }
}

impl FromIterator<Class> for ClassSet {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        Self(classes.into_iter().fold(0, |set, class| set | Self::bit(class)))
    }
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The class.
    Class,
    /// The operation's name.
    Op,
    /// The operation's toolset.
    Toolset,
    /// The kind of target that the operation acts on.
    Kind,
    /// The target's name.
    Name,
    /// The target's immutable id.
    Id,
    /// The id of the target's engine.
    Engine,
    /// The name that the client gives itself.
    Client,
    /// An argument, with defaults filled in.
    Argument(String),
    /// An attribute that the target's kind declares.
    Attribute(String),
}

impl Key {
    /// How it is ordered beside the argument of this name.
    pub(super) fn order_to_argument(&self, name: &str) -> Ordering {
        match self {
            Self::Argument(argument) => argument.as_str().cmp(name),
            Self::Attribute(_) => Ordering::Greater,
            _ => Ordering::Less,
        }
    }

    /// How it is ordered beside the attribute of this name.
    pub(super) fn order_to_attribute(&self, name: &str) -> Ordering {
        match self {
            Self::Attribute(attribute) => attribute.as_str().cmp(name),
            _ => Ordering::Less,
        }
    }

    /// Whether what it names is declared of an operation, and the same for all its requests of one
    /// effective class on targets of one kind.
    pub const fn is_declared(&self) -> bool {
        matches!(self, Self::Class | Self::Op | Self::Toolset | Self::Kind)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => f.write_str("class"),
            Self::Op => f.write_str("op"),
            Self::Toolset => f.write_str("toolset"),
            Self::Kind => f.write_str("kind"),
            Self::Name => f.write_str("name"),
            Self::Id => f.write_str("id"),
            Self::Engine => f.write_str("engine"),
            Self::Client => f.write_str("client"),
            Self::Argument(name) => write!(f, "arg.{name}"),
            Self::Attribute(name) => f.write_str(name),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that a rule asks of a request: any of these globs matches what the key names. Where
/// the key names several texts (the elements of a list), some that match and some that do not are
/// neither yes nor no.
#[derive(Clone, Debug, Serialize)]
pub struct Condition {
    /// What it looks at.
    pub key: Key,
    /// What it may be.
    pub any: Vec<Glob>,
    /// The classes that `any` names, where the key is the class.
    #[serde(skip)]
    classes: ClassSet,
    /// Where a sealed policy keeps what the key names.
    #[serde(skip)]
    pub(super) slot: usize,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.any == other.any
    }
}

impl Eq for Condition {}

impl Condition {
    /// A condition on this key.
    pub fn new(key: Key, any: Vec<Glob>) -> Self {
        let named = |class: &Class| any.iter().any(|glob| glob.matches(class.as_str()));
        let classes = Class::ALL.into_iter().filter(named).collect();
        Self { key, any, classes, slot: 0 }
    }

    /// A condition on the class.
    pub fn class(classes: &[Class]) -> Self {
        Self::new(Key::Class, classes.iter().map(|c| Glob::literal(c.as_str())).collect())
    }

    /// The classes that it names, where its key is the class.
    pub const fn classes(&self) -> ClassSet {
        self.classes
    }

    /// How it stands to a request. `declared`: the declared class counts beside the effective one.
    pub(super) fn stands(&self, values: &Values<'_>, declared: bool) -> Match {
        if self.key == Key::Class {
            return if declared && self.classes.contains(values.declared) {
                Match::Matches
            } else {
                values.classes.stands_to(self.classes)
            };
        }
        values.texts.get(self.slot).map_or(Match::May, |texts| texts.stand_to(&self.any))
    }
}

/// The condition as a policy file says it.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any: Vec<&str> = self.any.iter().map(Glob::as_str).collect();
        match any.as_slice() {
            [one] => write!(f, "{} = {one:?}", self.key),
            several => write!(f, "{} = {several:?}", self.key),
        }
    }
}

/// Whether the declared class counts beside the effective one: for what restricts in `match`, and
/// for what allows in `unless`, so that it never counts in favour of a request.
pub(super) const fn declared_counts(effect: Effect, unless: bool) -> bool {
    matches!(effect, Effect::Allow) == unless
}
