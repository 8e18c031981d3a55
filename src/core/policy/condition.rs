//! Conditions: what a rule may ask of a request, and how each is answered when part of the request
//! is not known yet. Every question has one of three answers, and none can fail.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::glob::Glob;
use super::history::History;
use super::{Effect, Match};
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;

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
    const fn stands_to(self, wanted: Self) -> Match {
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
    /// Whether what it names is declared of an operation, and the same for all its requests of one
    /// effective class.
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

/// A request as policy sees it. What is not known yet is none.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The operation's declaration.
    pub spec: &'a Spec,
    /// The effective class.
    pub class: Option<Class>,
    /// The arguments, with defaults filled in.
    pub arguments: Option<&'a Map<String, Value>>,
    /// The name that the client gives itself, if it gives one.
    pub client: Option<Option<&'a str>>,
    /// What it acts on; empty if on nothing.
    pub targets: Option<&'a [Target]>,
    /// The time of day.
    pub now: Option<OffsetDateTime>,
    /// What was let through lately.
    pub history: Option<&'a History>,
}

impl<'a> Query<'a> {
    /// A request of which nothing is known but the operation.
    pub const fn unknown(spec: &'a Spec) -> Self {
        Self {
            spec,
            class: None,
            arguments: None,
            client: None,
            targets: None,
            now: None,
            history: None,
        }
    }

    /// Each target by itself, as conditions look at them; one without a target where there is none.
    pub(super) fn subjects(&self) -> Vec<Subject<'a>> {
        match self.targets {
            None if self.spec.kind.is_some() => vec![Subject::Unknown],
            None | Some([]) => vec![Subject::Nothing],
            Some(targets) => targets.iter().map(Subject::Target).collect(),
        }
    }
}

/// What conditions on the target look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// It is not known yet.
    Unknown,
    /// The request acts on nothing.
    Nothing,
    /// This.
    Target(&'a Target),
}

impl<'a> Subject<'a> {
    fn text(self, get: impl FnOnce(&'a Target) -> &'a str) -> Texts<'a> {
        match self {
            Self::Unknown => Texts::Unknown,
            Self::Nothing => Texts::None,
            Self::Target(target) => Texts::One(Cow::Borrowed(get(target))),
        }
    }

    fn attribute(self, spec: &Spec, name: &str) -> Texts<'a> {
        let declared = spec.kind.and_then(|kind| kind.attribute(name));
        match (self, declared) {
            (Self::Nothing, _) | (_, None) => Texts::None,
            (Self::Unknown, Some(_)) => Texts::Unknown,
            (Self::Target(target), Some(attribute)) => match target.attributes.get(name) {
                Some(value) => Texts::One(Cow::Borrowed(value)),
                // Every target has it, and nobody looked: that is no "no".
                None if attribute.always => Texts::Unknown,
                None => Texts::None,
            },
        }
    }
}

/// What a key names in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Texts<'a> {
    /// It is not known yet.
    Unknown,
    /// There is none.
    None,
    /// This.
    One(Cow<'a, str>),
    /// Several.
    Many(Vec<Cow<'a, str>>),
}

impl Texts<'_> {
    pub(super) fn stand_to(&self, any: &[Glob]) -> Match {
        let hit = |text: &str| any.iter().any(|glob| glob.matches(text));
        match self {
            Self::Unknown => Match::May,
            Self::None => Match::Cannot,
            Self::One(text) if hit(text) => Match::Matches,
            Self::One(_) => Match::Cannot,
            Self::Many(texts) => match texts.iter().filter(|text| hit(text)).count() {
                0 => Match::Cannot,
                hits if hits == texts.len() => Match::Matches,
                _ => Match::May,
            },
        }
    }
}

impl fmt::Display for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not known"),
            Self::None => f.write_str("none"),
            Self::One(text) => write!(f, "`{text}`"),
            Self::Many(texts) => {
                let quoted: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
                f.write_str(&quoted.join(", "))
            }
        }
    }
}

/// What the keys of a policy name in one request, for one of its targets.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) texts: Vec<Texts<'a>>,
    pub(super) declared: Class,
    pub(super) classes: ClassSet,
    pub(super) subject: Subject<'a>,
    pub(super) now: Option<OffsetDateTime>,
    pub(super) history: Option<&'a History>,
}

impl<'a> Values<'a> {
    pub(super) fn of(keys: &[Key], query: &Query<'a>, subject: Subject<'a>) -> Self {
        let spec = query.spec;
        let texts = keys.iter().map(|key| texts(key, query, subject)).collect();
        let classes = query
            .class
            .map_or(ClassSet::between(spec.class, spec.ceiling), |class| ClassSet::of(&[class]));
        let Query { now, history, .. } = *query;
        Self { texts, declared: spec.class, classes, subject, now, history }
    }
}

fn texts<'a>(key: &Key, query: &Query<'a>, subject: Subject<'a>) -> Texts<'a> {
    let spec = query.spec;
    match key {
        Key::Class => Texts::None,
        Key::Op => Texts::One(Cow::Borrowed(&spec.name)),
        Key::Toolset => Texts::One(Cow::Borrowed(spec.toolset)),
        Key::Kind => spec.kind.map_or(Texts::None, |kind| Texts::One(Cow::Borrowed(kind.name))),
        Key::Name => subject.text(|target| &target.name),
        Key::Id => subject.text(|target| &target.id),
        Key::Engine => subject.text(|target| &target.engine),
        Key::Client => match query.client {
            None => Texts::Unknown,
            Some(None) => Texts::None,
            Some(Some(name)) => Texts::One(Cow::Borrowed(name)),
        },
        Key::Argument(name) => match query.arguments {
            None => Texts::Unknown,
            Some(arguments) => arguments.get(name).map_or(Texts::None, argument),
        },
        Key::Attribute(name) => subject.attribute(spec, name),
    }
}

/// An argument as text: a list by its elements, an object by `name=value`.
fn argument(value: &Value) -> Texts<'_> {
    match value {
        Value::Null => Texts::None,
        Value::Array(elements) => Texts::Many(elements.iter().map(plain).collect()),
        Value::Object(entries) => {
            let pair = |(name, value)| Cow::Owned(format!("{name}={}", plain(value)));
            Texts::Many(entries.iter().map(pair).collect())
        }
        single => Texts::One(plain(single)),
    }
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Whether the declared class counts beside the effective one: for what restricts in `match`, and
/// for what allows in `unless`, so that it never counts in favour of a request.
pub(super) const fn declared_counts(effect: Effect, unless: bool) -> bool {
    matches!(effect, Effect::Allow) == unless
}
