//! Policy: a pure and total decision over rules. The most restrictive matching rule wins, in any
//! order, and no match is deny. What is not known yet makes a rule one that *may* match.

mod builtin;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::operation::{Class, Spec};
use super::plan::{Digest, canonical};

pub use builtin::builtin;

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

/// One rule: what it says about the requests that it matches.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Its name, unique in the policy.
    pub id: Arc<str>,
    /// What it says.
    pub effect: Effect,
    /// All of these must hold. Each is a list of which any may hold.
    #[serde(rename = "match")]
    pub conditions: Vec<Condition>,
    /// Why, for the reader of a refusal.
    pub reason: Option<Arc<str>>,
}

impl Rule {
    /// Whether requests of this effective class are among those that it may match.
    pub fn may_match_class(&self, class: Class) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Class(classes) => classes.contains(&class),
            Condition::Op(_) => true,
        })
    }
}

/// One thing that a rule asks of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The operation's name is one of these.
    Op(Vec<String>),
    /// The class is one of these. `allow` looks at the effective class only; every other effect
    /// also at the declared one.
    Class(Vec<Class>),
}

/// Whether a rule matches, when part of the request may not be known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It does not match, whatever is found.
    Cannot,
    /// It may match, depending on what is found.
    May,
    /// It matches, whatever is found.
    Matches,
}

/// A request as policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The operation's declaration.
    pub spec: &'a Spec,
    /// The effective class; none while nothing was observed.
    pub effective: Option<Class>,
}

/// What policy says of a fully known request, and by which rule. Only [`Policy::decide`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    operation: Cow<'static, str>,
    effect: Effect,
    rule: Arc<str>,
    reason: Option<Arc<str>>,
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

    /// The digest of the policy that decided.
    pub const fn policy(&self) -> Digest {
        self.policy
    }
}

/// The rule that stands for "no rule matches".
const NO_MATCH: &str = "no-match";

/// A set of rules with its digest.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    digest: Digest,
}

impl Policy {
    /// Seals a set of rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        // Rules hold names and lists of names only, so they always have a canonical form; were
        // that ever untrue, two such policies would share a digest, and no rule would be lost.
        let json = canonical(&rules).unwrap_or_default();
        let digest = Digest::of(&[b"countersign-policy-v1\n", &json]);
        Self { rules, digest }
    }

    /// SHA-256 over `countersign-policy-v1\n` and the canonical JSON of the rules.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The rules, in the order in which they were written.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first decision: a verdict if every possible target would be denied, else none.
    pub fn refuses_all(&self, spec: &Spec) -> Option<Verdict> {
        let query = Query { spec, effective: None };
        let denied =
            |rule: &&Rule| rule.effect == Effect::Deny && matching(rule, &query) == Match::Matches;
        if let Some(rule) = self.rules.iter().find(denied) {
            return Some(self.verdict(spec, Some(rule)));
        }
        let possible = self
            .rules
            .iter()
            .any(|rule| rule.effect != Effect::Deny && matching(rule, &query) != Match::Cannot);
        (!possible).then(|| self.verdict(spec, None))
    }

    /// The decision on a request of which everything is known.
    pub fn decide(&self, spec: &Spec, effective: Class) -> Verdict {
        let query = Query { spec, effective: Some(effective) };
        let deciding = self
            .rules
            .iter()
            .filter(|rule| matching(rule, &query) == Match::Matches)
            .reduce(|first, next| if next.effect > first.effect { next } else { first });
        self.verdict(spec, deciding)
    }

    fn verdict(&self, spec: &Spec, rule: Option<&Rule>) -> Verdict {
        Verdict {
            operation: spec.name.clone(),
            effect: rule.map_or(Effect::Deny, |rule| rule.effect),
            rule: rule.map_or_else(|| NO_MATCH.into(), |rule| Arc::clone(&rule.id)),
            reason: rule.and_then(|rule| rule.reason.clone()),
            policy: self.digest,
        }
    }
}

/// How a rule stands to a request: the weakest of its conditions.
pub fn matching(rule: &Rule, query: &Query<'_>) -> Match {
    rule.conditions
        .iter()
        .map(|condition| match condition {
            Condition::Op(names) if names.iter().any(|name| *name == query.spec.name) => {
                Match::Matches
            }
            Condition::Op(_) => Match::Cannot,
            Condition::Class(classes) => class_matches(classes, rule.effect, query),
        })
        .min()
        .unwrap_or(Match::Matches)
}

fn class_matches(classes: &[Class], effect: Effect, query: &Query<'_>) -> Match {
    let declared = query.spec.class;
    if effect != Effect::Allow && classes.contains(&declared) {
        return Match::Matches;
    }
    let possible: Vec<Class> = match query.effective {
        Some(class) => vec![class],
        None => Class::ALL
            .into_iter()
            .filter(|class| (declared..=query.spec.ceiling).contains(class))
            .collect(),
    };
    let hits = possible.iter().filter(|class| classes.contains(class)).count();
    if hits == 0 {
        Match::Cannot
    } else if hits == possible.len() {
        Match::Matches
    } else {
        Match::May
    }
}

#[cfg(test)]
mod tests;
