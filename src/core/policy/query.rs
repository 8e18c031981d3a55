//! A request as policy sees it.

use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::history::History;
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;

/// A request as policy sees it. What is not known yet is none.
#[derive(Clone, Copy)]
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

/// Without the arguments, which can hold secrets.
impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("operation", &self.spec.name).finish_non_exhaustive()
    }
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
            None if !self.spec.kinds.is_empty() => vec![Subject::Unknown],
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
