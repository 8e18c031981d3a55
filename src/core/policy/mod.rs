//! Policy: a pure and total decision over rules. The most restrictive matching rule wins, in any
//! order, and no match is deny. What is not known makes a rule one that *may* match, and counts
//! against the request.

mod account;
mod analysis;
mod builtin;
mod case;
mod compare;
mod condition;
mod glob;
mod history;
mod index;
mod query;
mod requirement;
mod rule;
mod values;
mod vocabulary;
mod when;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Not;
use std::sync::Arc;

use serde::Serialize;

use super::operation::Spec;
use super::plan::{Digest, canonical};

pub use account::{Asked, Part, Role};
pub use analysis::{can_match, never_matches, operations_of, shadowed_by};
pub use builtin::{BUILTIN_PREFIX, builtin};
pub use case::{Case, Given, Ran, run as run_cases};
pub use compare::{
    Change, Comparison, DIFF_BUDGET, Difference, Direction, RELOAD_BUDGET, Undecided, Witness,
    compare, widens,
};
pub use condition::{ClassSet, Condition, Key};
pub use glob::{GLOB_CHARS_MAX, Glob, GlobError, Piece};
pub use history::{History, Past, Recall, Touched};
pub use query::Query;
pub use requirement::{Requirement, length_words};
pub use rule::{Level, Place, Rule};
pub use vocabulary::{Argument, Known, Vocabulary};
pub use when::{DAY_MINUTES, Rate, Schedule, Scope, When, Window, Zone, day_name};

use index::Index;
use query::Subject;
use values::Values;

/// What a rule says, in rising order of restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may be done.
    Allow,
    /// It may be done once its plan was confirmed.
    Confirm,
    /// It may be done once a person approved its plan.
    Approve,
    /// It may not be done.
    Deny,
}

impl Effect {
    /// Every effect, in rising order of restriction.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Confirm, Self::Approve, Self::Deny];

    /// The effect as it stands in policy files and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Confirm => "confirm",
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// Whether a rule matches, when part of the request may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It does not match, whatever is found.
    Cannot,
    /// It may match, depending on what is found.
    May,
    /// It matches, whatever is found.
    Matches,
}

impl Not for Match {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Cannot => Self::Matches,
            Self::May => Self::May,
            Self::Matches => Self::Cannot,
        }
    }
}

/// What policy says of a request, and by which rule. Only [`Policy`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    operation: Cow<'static, str>,
    effect: Effect,
    rule: Arc<str>,
    reason: Option<Arc<str>>,
    /// None for what is usual.
    takes: Option<Arc<Requirement>>,
    /// The ids of the rules that say what it takes.
    takers: Vec<Arc<str>>,
    policy: Digest,
}

impl Verdict {
    /// The operation that it is about.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// What it says.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The id of the rule that decided; `no-match` where none did.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The deciding rule's own words.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The same where something can be enough, and is needed: for a confirmation or an approval.
    pub fn asks(&self) -> Option<&Requirement> {
        matches!(self.effect, Effect::Confirm | Effect::Approve).then(|| self.takes())
    }

    /// What a confirmation or an approval has to be worth, and whose it has to be.
    pub fn takes(&self) -> &Requirement {
        self.takes.as_deref().unwrap_or_else(|| Requirement::shared(self.effect))
    }

    /// The rules that say what it takes, in words: the deciding one where none says it.
    pub fn takers(&self) -> String {
        match self.takers.as_slice() {
            [] => format!("rule `{}`", self.rule),
            [one] => format!("rule `{one}`"),
            several => format!("rules `{}`", several.join("` and `")),
        }
    }

    /// Whether something is enough for this verdict that is not for the other: a milder effect, or
    /// what satisfies this one and not the other.
    pub fn permits_more_than(&self, other: &Self) -> bool {
        self.effect < other.effect
            || (self.effect != Effect::Deny && !self.takes().is_within(other.takes()))
    }

    /// The digest of the policy that decided.
    pub const fn policy(&self) -> Digest {
        self.policy
    }
}

/// The rule that stands for "no rule matches".
pub const NO_MATCH: &str = "no-match";

/// A set of rules of all levels with its digest.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// The rules' numbers, the most restrictive first.
    order: Vec<usize>,
    /// What the rules look at, each once.
    keys: Vec<Key>,
    /// The rules by what they want, numbered as in `order`.
    index: Index,
    recall: Option<Recall>,
    /// Whether some rule says what it takes.
    takes: bool,
    digest: Digest,
}

/// What the rules come to for one target.
#[derive(Clone, Copy)]
struct Outcome {
    effect: Effect,
    rule: Option<usize>,
}

impl Outcome {
    const NO_MATCH: Self = Self { effect: Effect::Deny, rule: None };
}

impl Policy {
    /// The policy that holds where nobody wrote another.
    pub fn builtin() -> Self {
        Self::new(builtin())
    }

    /// Seals a set of rules.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        // Rules hold texts, numbers and lists of these only, so they always have a canonical form;
        // were that ever untrue, two such policies would share a digest, and no rule would be lost.
        let json = canonical(&rules).unwrap_or_default();
        let digest = Digest::of(&[b"countersign-policy-v1\n", &json]);
        let keys: BTreeSet<Key> =
            rules.iter().flat_map(Rule::conditions).map(|c| c.key.clone()).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        for condition in rules.iter_mut().flat_map(Rule::conditions_mut) {
            // One that were not found would be not known, and count against every request.
            condition.slot = keys.binary_search(&condition.key).unwrap_or(usize::MAX);
        }
        let mut order: Vec<usize> = (0..rules.len()).collect();
        order.sort_by_key(|number| rules.get(*number).map(|rule| std::cmp::Reverse(rule.effect)));
        let index = Index::of(order.iter().filter_map(|number| rules.get(*number)));
        let recall = recall(&rules);
        let takes = rules.iter().any(|rule| rule.takes.is_some());
        Self { rules, order, keys, index, recall, takes, digest }
    }

    /// SHA-256 over `countersign-policy-v1\n` and the canonical JSON of the rules.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The rules, in the order in which they were written.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that counts and that no project wrote.
    pub fn trusted_count(&self) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.level.is_trusted() && rule.counts())
    }

    /// Whether some rule asks for this attribute of targets, so that it has to be looked up.
    pub fn asks_for(&self, attribute: &str) -> bool {
        self.keys.iter().any(|key| matches!(key, Key::Attribute(name) if name == attribute))
    }

    /// Which part of the past the rules ask about, if this operation is counted or may be.
    pub fn recall_of(&self, spec: &Spec) -> Option<&Recall> {
        self.recall.as_ref().filter(|recall| recall.operations.contains(&*spec.name))
    }

    /// The first decision: a verdict if the request would be denied whatever is found, else none.
    pub fn refuses_all(&self, query: &Query<'_>) -> Option<Verdict> {
        let refused = |subject: Subject<'_>| {
            let outcome = self.at_least(query, subject);
            (outcome.effect == Effect::Deny).then_some(outcome)
        };
        let outcome = query.subjects().into_iter().find_map(refused)?;
        Some(self.verdict(query.spec, outcome))
    }

    /// The decision. What is not known counts against the request; of several targets, the one
    /// that is restricted most decides for all.
    pub fn decide(&self, query: &Query<'_>) -> Verdict {
        let outcomes = query.subjects().into_iter().map(|subject| self.at_most(query, subject));
        let outcome = outcomes
            .reduce(|first, next| if next.effect > first.effect { next } else { first })
            .unwrap_or(Outcome::NO_MATCH);
        let (takes, takers) = self.takes(query, outcome.effect).unzip();
        Verdict {
            takes: takes.map(Arc::new),
            takers: takers.unwrap_or_default(),
            ..self.verdict(query.spec, outcome)
        }
    }

    /// What all rules that apply take for a verdict of this effect, and which say it; none for what is
    /// usual. What a milder rule takes counts as well: one rule more never makes a weaker signature do.
    fn takes(&self, query: &Query<'_>, effect: Effect) -> Option<(Requirement, Vec<Arc<str>>)> {
        if !self.takes || !matches!(effect, Effect::Confirm | Effect::Approve) {
            return None;
        }
        let (mut takes, mut takers) = (Requirement::usual(effect), Vec::new());
        for subject in query.subjects() {
            let values = Values::of(&self.keys, query, subject);
            for (_, rule) in self.candidates(&values).filter(|(_, rule)| rule.effect <= effect) {
                if let Some(taken) = &rule.takes
                    && rule.applies(rule.stands(query, &values))
                {
                    takes = takes.and(taken);
                    if !takers.contains(&rule.id) {
                        takers.push(Arc::clone(&rule.id));
                    }
                }
            }
        }
        Some((takes, takers))
    }

    /// The least restrictive effect that the request may turn out to get.
    pub fn least(&self, query: &Query<'_>) -> Effect {
        let outcomes = query.subjects().into_iter().map(|subject| self.at_least(query, subject));
        outcomes.map(|outcome| outcome.effect).max().unwrap_or(Effect::Deny)
    }

    /// The rules that can match, the most restrictive first.
    fn candidates(&self, values: &Values<'_>) -> impl Iterator<Item = (usize, &Rule)> {
        self.index.candidates(values).into_iter().filter_map(|place| {
            let number = *self.order.get(place)?;
            Some((number, self.rules.get(number)?))
        })
    }

    /// The most restrictive outcome for one target. Without a match of a trusted rule that is
    /// certain, it is deny: a project's rules restrict what others permit, and permit nothing.
    fn at_most(&self, query: &Query<'_>, subject: Subject<'_>) -> Outcome {
        let values = Values::of(&self.keys, query, subject);
        let mut outcome: Option<Outcome> = None;
        for (number, rule) in self.candidates(&values) {
            let stands = rule.stands(query, &values);
            if outcome.is_none() && rule.applies(stands) {
                outcome = Some(Outcome { effect: rule.effect, rule: Some(number) });
            }
            let certain = stands == Match::Matches && rule.level.is_trusted();
            match outcome {
                Some(outcome) if certain || outcome.effect == Effect::Deny => return outcome,
                _ => {}
            }
        }
        Outcome::NO_MATCH
    }

    /// The least restrictive outcome that is possible for one target.
    fn at_least(&self, query: &Query<'_>, subject: Subject<'_>) -> Outcome {
        let values = Values::of(&self.keys, query, subject);
        let mut certain: Option<Outcome> = None;
        let mut permitted: Option<Outcome> = None;
        for (number, rule) in self.candidates(&values) {
            let stands = rule.stands(query, &values);
            let outcome = Outcome { effect: rule.effect, rule: Some(number) };
            if stands == Match::Matches && certain.is_none() {
                certain = Some(outcome);
            }
            if stands != Match::Cannot && rule.level.is_trusted() {
                permitted = Some(outcome);
            }
        }
        match (certain, permitted) {
            (Some(certain), _) if certain.effect == Effect::Deny => certain,
            (_, None) => Outcome::NO_MATCH,
            (Some(certain), Some(permitted)) if certain.effect >= permitted.effect => certain,
            (_, Some(permitted)) => permitted,
        }
    }

    fn verdict(&self, spec: &Spec, outcome: Outcome) -> Verdict {
        let rule = outcome.rule.and_then(|number| self.rules.get(number));
        Verdict {
            operation: spec.name.clone(),
            effect: outcome.effect,
            rule: rule.map_or_else(|| NO_MATCH.into(), |rule| Arc::clone(&rule.id)),
            reason: rule.and_then(|rule| rule.reason.clone()),
            takes: None,
            takers: Vec::new(),
            policy: self.digest,
        }
    }
}

fn recall(rules: &[Rule]) -> Option<Recall> {
    let rates = || rules.iter().filter_map(|rule| rule.when.as_ref()?.rate.as_ref());
    let seconds = rates().map(|rate| rate.seconds).max()?;
    Some(Recall {
        operations: rates().flat_map(|rate| rate.counted.keys().cloned()).collect(),
        span: time::Duration::seconds(i64::from(seconds)),
    })
}

#[cfg(test)]
mod tests;
