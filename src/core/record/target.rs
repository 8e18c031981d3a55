//! Targets as the log names them, and the shortening of a list of them.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;

use crate::core::plan::{Digest, Target};
use crate::core::text;

/// The longest id of a target in a record, in characters.
const ID_CHARS_MAX: usize = 256;

/// As many characters of it tell a person which one it is.
const ID_CHARS_SHOWN: usize = 12;

/// A target as the log names it: without its attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetRef {
    kind: &'static str,
    id: String,
    name: String,
    engine: String,
}

impl From<&Target> for TargetRef {
    fn from(target: &Target) -> Self {
        let Target { kind, id, name, engine, attributes: _ } = target;
        Self {
            kind,
            id: text::line(id, ID_CHARS_MAX),
            name: text::name(name),
            engine: text::name(engine),
        }
    }
}

/// For people: its kind, its name and the beginning of its id.
impl fmt::Display for TargetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, id, name, engine: _ } = self;
        write!(f, "{kind} {name}")?;
        if id == name { Ok(()) } else { write!(f, " ({id:.0$})", ID_CHARS_SHOWN) }
    }
}

/// What tells a target from others within one process, from what the log says of it. Two that have
/// the same key would be counted together, and neither left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetKey(u64);

impl TargetKey {
    /// The key of a target of which the log says this.
    pub fn of(kind: &str, id: &str, engine: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, id, engine).hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl From<&Target> for TargetKey {
    fn from(target: &Target) -> Self {
        let TargetRef { kind, id, name: _, engine } = target.into();
        Self::of(kind, &id, &engine)
    }
}

/// One target, or the targets of a plan over many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TargetRefs {
    /// Exactly one.
    One(TargetRef),
    /// More than one.
    Many(Vec<Listed>),
}

/// An element of a list of targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Listed {
    /// A target.
    Target(TargetRef),
    /// What the line has no room for.
    Rest {
        /// How many, and their digest.
        cut: Cut,
    },
}

/// Targets that are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    count: usize,
    /// Of the list of all targets as JSON, those that stand in the line too.
    sha256: Digest,
}

impl TargetRefs {
    /// The name of the first target.
    pub fn first_name(&self) -> Option<&String> {
        match self {
            Self::One(target) => Some(&target.name),
            Self::Many(list) => list.iter().find_map(|listed| match listed {
                Listed::Target(target) => Some(&target.name),
                Listed::Rest { .. } => None,
            }),
        }
    }

    /// How the log names these; none for no targets.
    pub fn of(targets: &[Target]) -> Option<Self> {
        match targets {
            [] => None,
            [one] => Some(Self::One(one.into())),
            many => {
                let listed = many.iter().map(|target| Listed::Target(target.into()));
                Some(Self::Many(listed.collect()))
            }
        }
    }

    /// Leaves out the second half of a list; false if nothing is left to leave out.
    pub(super) fn shorten(&mut self) -> bool {
        let Self::Many(list) = self else { return false };
        let cut = match list.last() {
            Some(Listed::Rest { cut }) => {
                let cut = cut.clone();
                list.pop();
                cut
            }
            _ => Cut { count: 0, sha256: digest_of(list) },
        };
        let whole = list.len();
        list.truncate(whole / 2);
        list.push(Listed::Rest { cut: Cut { count: cut.count + whole - whole / 2, ..cut } });
        whole > 0
    }
}

/// The digest of a list of targets.
fn digest_of(list: &[Listed]) -> Digest {
    // No target fails to serialise.
    Digest::of(&[&serde_json::to_vec(list).unwrap_or_default()])
}
