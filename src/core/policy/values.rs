//! What a policy finds in a request under the keys that its rules ask for. What is not known yet is
//! one of the answers.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::Match;
use super::condition::{ClassSet, Key};
use super::glob::{Glob, Letters};
use super::history::History;
use super::query::{Query, Subject};
use crate::core::operation::{Attribute, Class};
use crate::core::plan::Target;

/// What a key names in a request.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Texts<'a> {
    /// It is not known yet.
    Unknown,
    /// There is none.
    None,
    /// This, with its letters.
    One(Cow<'a, str>, Letters),
    /// Several.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Texts<'a> {
    pub(super) fn one(text: Cow<'a, str>) -> Self {
        let letters = Letters::of(&text);
        Self::One(text, letters)
    }

    pub(super) fn stand_to(&self, any: &[Glob]) -> Match {
        match self {
            Self::Unknown => Match::May,
            Self::None => Match::Cannot,
            Self::One(text, letters) => {
                let hit = any.iter().any(|glob| letters.hold(glob.letters()) && glob.matches(text));
                if hit { Match::Matches } else { Match::Cannot }
            }
            Self::Many(texts) => {
                let hit = |text: &&Cow<'_, str>| any.iter().any(|glob| glob.matches(text));
                match texts.iter().filter(hit).count() {
                    0 => Match::Cannot,
                    hits if hits == texts.len() => Match::Matches,
                    _ => Match::May,
                }
            }
        }
    }
}

/// Without the texts, which can hold secrets.
impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts(..)")
    }
}

impl fmt::Display for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not known"),
            Self::None => f.write_str("none"),
            Self::One(text, _) => write!(f, "`{text}`"),
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
    /// In the order of the keys.
    pub(super) texts: Vec<Texts<'a>>,
    pub(super) declared: Class,
    pub(super) classes: ClassSet,
    pub(super) subject: Subject<'a>,
    pub(super) now: Option<OffsetDateTime>,
    pub(super) history: Option<&'a History>,
}

impl<'a> Values<'a> {
    /// The keys are sorted and each is there once.
    pub(super) fn of(keys: &[Key], query: &Query<'a>, subject: Subject<'a>) -> Self {
        let spec = query.spec;
        let classes = query
            .class
            .map_or(ClassSet::between(spec.class, spec.ceiling), |class| ClassSet::of(&[class]));
        let Query { now, history, .. } = *query;
        let texts = std::iter::repeat_with(|| Texts::None).take(keys.len()).collect();
        let mut values = Self { texts, declared: spec.class, classes, subject, now, history };
        values.declared(keys, query);
        values.arguments(keys, query.arguments);
        values.attributes(keys, query, subject);
        values
    }

    fn set(&mut self, slot: usize, texts: Texts<'a>) {
        if let Some(place) = self.texts.get_mut(slot) {
            *place = texts;
        }
    }

    /// What every request has: these keys are few and come first.
    fn declared(&mut self, keys: &[Key], query: &Query<'a>) {
        let Query { spec, client, .. } = *query;
        let one = |text: &'a str| Texts::one(Cow::Borrowed(text));
        let subject = self.subject;
        let of_target = |get: fn(&'a Target) -> &'a str| match subject {
            Subject::Unknown => Texts::Unknown,
            Subject::Nothing => Texts::None,
            Subject::Target(target) => one(get(target)),
        };
        for (slot, key) in keys.iter().enumerate() {
            let texts = match key {
                Key::Class => Texts::None,
                Key::Op => one(&spec.name),
                Key::Toolset => one(spec.toolset),
                Key::Kind => match (subject, spec.kinds) {
                    (_, []) => Texts::None,
                    (_, [kind]) => one(kind.name),
                    (Subject::Unknown, _) => Texts::Unknown,
                    (Subject::Nothing, _) => Texts::None,
                    (Subject::Target(target), _) => one(target.kind),
                },
                Key::Name => of_target(|target| &target.name),
                Key::Id => of_target(|target| &target.id),
                Key::Engine => of_target(|target| &target.engine),
                Key::Client => client.map_or(Texts::Unknown, |name| name.map_or(Texts::None, one)),
                Key::Argument(_) | Key::Attribute(_) => break,
            };
            self.set(slot, texts);
        }
    }

    fn arguments(&mut self, keys: &[Key], arguments: Option<&'a Map<String, Value>>) {
        match arguments {
            None => {
                let all = keys.iter().enumerate();
                for (slot, _) in all.filter(|(_, key)| matches!(key, Key::Argument(_))) {
                    self.set(slot, Texts::Unknown);
                }
            }
            Some(arguments) => {
                for (name, value) in arguments {
                    if let Ok(slot) = keys.binary_search_by(|key| key.order_to_argument(name)) {
                        self.set(slot, argument(value));
                    }
                }
            }
        }
    }

    fn attributes(&mut self, keys: &[Key], query: &Query<'a>, subject: Subject<'a>) {
        match subject {
            Subject::Nothing => {}
            Subject::Unknown => {
                let all = query.spec.kinds.iter().flat_map(|kind| kind.attributes);
                all.for_each(|one| self.unknown(keys, one));
            }
            Subject::Target(target) => {
                let Some(kind) = query.spec.kind(target.kind) else { return };
                // Every target has such a one; where it is missing, nobody looked.
                let always = kind.attributes.iter().filter(|attribute| attribute.always);
                always.for_each(|attribute| self.unknown(keys, attribute));
                for (name, value) in &target.attributes {
                    if kind.attribute(name).is_some()
                        && let Ok(slot) = keys.binary_search_by(|key| key.order_to_attribute(name))
                    {
                        self.set(slot, Texts::one(Cow::Borrowed(value)));
                    }
                }
            }
        }
    }

    /// Nothing is known yet of an attribute, or of all of its family.
    fn unknown(&mut self, keys: &[Key], attribute: &Attribute) {
        if !attribute.is_family() {
            if let Ok(slot) = keys.binary_search_by(|key| key.order_to_attribute(attribute.name)) {
                self.set(slot, Texts::Unknown);
            }
            return;
        }
        for (slot, key) in keys.iter().enumerate().rev() {
            match key {
                Key::Attribute(name) if attribute.is_called(name) => {
                    self.set(slot, Texts::Unknown);
                }
                Key::Attribute(_) => {}
                _ => break,
            }
        }
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
        single => Texts::one(plain(single)),
    }
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
