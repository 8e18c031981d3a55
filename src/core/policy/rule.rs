//! One rule: what it says, of which requests, and when.

use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use super::condition::{Condition, declared_counts};
use super::query::Query;
use super::requirement::Requirement;
use super::values::Values;
use super::when::When;
use super::{Effect, Match};
use crate::core::operation::Class;

/// Whose rule it is, in falling order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The program's own.
    Builtin,
    /// The machine's administrator's.
    System,
    /// The user's.
    User,
    /// A project's: it can only narrow, since an agent can edit it.
    Project,
}

impl Level {
    /// The level in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::System => "system",
            Self::User => "user",
            Self::Project => "project",
        }
    }

    /// Whether a rule of this level can be the reason for which something is permitted.
    pub const fn is_trusted(self) -> bool {
        !matches!(self, Self::Project)
    }
}

/// Where a rule is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: usize,
}

/// One rule: what it says about the requests that it matches.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Its name, unique in the policy.
    pub id: Arc<str>,
    /// What it says.
    pub effect: Effect,
    /// Whose it is.
    pub level: Level,
    /// All of these must hold.
    #[serde(rename = "match")]
    pub matches: Vec<Condition>,
    /// Where all of these hold, it does not match. Empty: there is no such exception.
    pub unless: Vec<Condition>,
    /// When it holds; none for always.
    pub when: Option<When>,
    /// Why, for the reader of a refusal.
    pub reason: Option<Arc<str>>,
    /// What it takes for a confirmation or an approval; none for what is usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<Requirement>,
    /// Where it is written; none for what no file says.
    #[serde(skip)]
    pub place: Option<Place>,
}

impl Rule {
    /// A rule without exceptions that always holds.
    pub fn new(id: &str, effect: Effect, level: Level, matches: Vec<Condition>) -> Self {
        Self {
            id: id.into(),
            effect,
            level,
            matches,
            unless: Vec::new(),
            when: None,
            reason: None,
            takes: None,
            place: None,
        }
    }

    /// Whether a rule that stands to a request like this is applied: what is not known counts
    /// against the request.
    pub const fn applies(&self, stands: Match) -> bool {
        match self.effect {
            Effect::Allow => matches!(stands, Match::Matches),
            Effect::Confirm | Effect::Approve | Effect::Deny => !matches!(stands, Match::Cannot),
        }
    }

    /// Whether it stands to every request as the other does and says the same, in other words maybe.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.effect == other.effect
            && self.level.is_trusted() == other.level.is_trusted()
            && self.matches == other.matches
            && self.unless == other.unless
            && self.when == other.when
            && self.takes == other.takes
    }

    /// Whether it counts what was let through lately.
    pub fn counts(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.rate.is_some())
    }

    /// Every condition of the rule.
    pub(super) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.matches.iter().chain(&self.unless)
    }

    pub(super) fn conditions_mut(&mut self) -> impl Iterator<Item = &mut Condition> {
        self.matches.iter_mut().chain(&mut self.unless)
    }

    /// How it stands to a request: the weakest of what it asks.
    pub(super) fn stands(&self, query: &Query<'_>, values: &Values<'_>) -> Match {
        if !self.speaks_of(query.spec.class) {
            return Match::Cannot;
        }
        let mut stands = all(&self.matches, values, declared_counts(self.effect, false));
        if stands != Match::Cannot && !self.unless.is_empty() {
            stands = stands.min(!all(&self.unless, values, declared_counts(self.effect, true)));
        }
        match &self.when {
            Some(when) if stands != Match::Cannot => stands.min(holds(when, values)),
            _ => stands,
        }
    }

    /// A read shows nothing that would have to be confirmed or approved: only `allow` and `deny`
    /// speak of it.
    pub(super) const fn speaks_of(&self, declared: Class) -> bool {
        !matches!(declared, Class::Read) || matches!(self.effect, Effect::Allow | Effect::Deny)
    }
}

fn all(conditions: &[Condition], values: &Values<'_>, declared: bool) -> Match {
    let mut weakest = Match::Matches;
    for condition in conditions {
        weakest = weakest.min(condition.stands(values, declared));
        if weakest == Match::Cannot {
            break;
        }
    }
    weakest
}

pub(super) fn holds(when: &When, values: &Values<'_>) -> Match {
    let schedule = when.schedule.as_ref().map_or(Match::Matches, |schedule| {
        values.now.map_or(Match::May, |now| schedule.holds(now))
    });
    let rate = when.rate.as_ref().map_or(Match::Matches, |rate| {
        let Some(history) = values.history else { return Match::May };
        // What is assumed is so at any time.
        let now = values.now.or(history.is_assumed().then_some(OffsetDateTime::UNIX_EPOCH));
        now.map_or(Match::May, |now| rate.holds(history, now, values.subject))
    });
    schedule.min(rate)
}
