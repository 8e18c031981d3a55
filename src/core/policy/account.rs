//! The account of a decision: what part each rule had in it, and why those that did not match did
//! not.

use serde::Serialize;

use super::condition::{Condition, declared_counts};
use super::query::Query;
use super::rule::{Rule, holds};
use super::values::Values;
use super::{Match, Policy, When};
use crate::core::operation::Class;

/// The part of one rule in a decision, for one target.
#[derive(Clone, Debug, Serialize)]
pub struct Part<'a> {
    /// The rule.
    #[serde(skip)]
    pub rule: &'a Rule,
    /// How it stands to the request.
    pub stands: Match,
    /// What came of that.
    pub role: Role,
    /// What it asks, each with the answer, in the order of the rule.
    pub asked: Vec<Asked>,
}

/// What came of a rule in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its effect is the verdict.
    Decides,
    /// It matches, and another rule is stricter or was written first.
    Matches,
    /// It does not match.
    None,
}

/// One thing that a rule asks of a request, with the answer.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The table of the rule that it stands in: `match`, `unless` or `when`.
    pub table: &'static str,
    /// What is asked, as a policy file says it.
    pub what: String,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub stands: Match,
}

impl Policy {
    /// Every rule's part in the decision, in the order in which they were written; one list for
    /// each target, one in all where there is none.
    pub fn account(&self, query: &Query<'_>) -> Vec<Vec<Part<'_>>> {
        let subjects = query.subjects().into_iter();
        subjects
            .map(|subject| {
                let decides = self.at_most(query, subject).rule;
                let values = Values::of(&self.keys, query, subject);
                let rules = self.rules.iter().enumerate();
                rules
                    .map(|(number, rule)| {
                        let stands = rule.stands(query, &values);
                        let role = match decides {
                            Some(deciding) if deciding == number => Role::Decides,
                            _ if rule.applies(stands) => Role::Matches,
                            _ => Role::None,
                        };
                        Part { rule, stands, role, asked: asked(rule, query, &values) }
                    })
                    .collect()
            })
            .collect()
    }
}

fn asked(rule: &Rule, query: &Query<'_>, values: &Values<'_>) -> Vec<Asked> {
    let mut out = Vec::new();
    if !rule.speaks_of(query.spec.class) {
        out.push(Asked {
            table: "match",
            what: format!("{} is never asked for a read", rule.effect.as_str()),
            found: "class `read`".into(),
            stands: Match::Cannot,
        });
    }
    for (table, conditions) in [("match", &rule.matches), ("unless", &rule.unless)] {
        let declared = declared_counts(rule.effect, table == "unless");
        out.extend(conditions.iter().map(|condition| answer(table, condition, values, declared)));
    }
    out.extend(rule.when.iter().flat_map(|when| timed(when, values)));
    out
}

/// What a rule asks of the time of day, and of the past.
fn timed(when: &When, values: &Values<'_>) -> Vec<Asked> {
    let asked = |part: When, found: String| {
        let (what, stands) = (part.to_string(), holds(&part, values));
        Asked { table: "when", what, found, stands }
    };
    let unknown = || "not known".to_owned();
    let schedule = when.schedule.as_ref().map(|schedule| {
        let local = values.now.and_then(|now| schedule.zone.local(now));
        let found = local.map_or_else(unknown, |(day, minute)| {
            format!("{} {:02}:{:02}", super::day_name(day), minute / 60, minute % 60)
        });
        asked(When { schedule: Some(schedule.clone()), rate: None }, found)
    });
    let rate = when.rate.as_ref().map(|rate| {
        let part = When { schedule: None, rate: Some(rate.clone()) };
        let found = match holds(&part, values) {
            Match::Cannot => "fewer".to_owned(),
            Match::May => unknown(),
            Match::Matches => "as many".to_owned(),
        };
        asked(part, found)
    });
    schedule.into_iter().chain(rate).collect()
}

fn answer(
    table: &'static str,
    condition: &Condition,
    values: &Values<'_>,
    declared: bool,
) -> Asked {
    let what = condition.to_string();
    let found = if condition.key == super::Key::Class {
        let possible: Vec<&str> = values.classes.iter().map(Class::as_str).collect();
        let also =
            if declared { format!(", declared `{}`", values.declared) } else { String::new() };
        format!("`{}`{also}", possible.join("` or `"))
    } else {
        values.texts.get(condition.slot).map_or("not known".into(), ToString::to_string)
    };
    Asked { table, what, found, stands: condition.stands(values, declared) }
}
