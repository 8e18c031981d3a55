//! The ground of a comparison: one operation at one effective class, with what its requests can be,
//! and what is left of the rules there.

use std::collections::BTreeMap;

use super::moments::Moments;
use super::texts::Domain;
use super::{Budget, Spent};
use crate::core::operation::{Class, Kind};
use crate::core::policy::analysis::Sort;
use crate::core::policy::condition::{Condition, declared_counts};
use crate::core::policy::values::Texts;
use crate::core::policy::{ClassSet, Effect, Key, Known, Match, Rate, Rule, Schedule, Scope, When};
use time::OffsetDateTime;

/// The schedules and rates of both policies, each once.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    pub(super) schedules: Vec<&'a Schedule>,
    pub(super) rates: Vec<&'a Rate>,
    /// Which of them a rule has. By where the rule's stand in memory: to compare them takes long.
    had: BTreeMap<*const When, Had>,
    pub(super) moments: Moments,
}

/// The numbers of the schedule and of the rate that a rule has.
type Had = (Option<usize>, Option<usize>);

/// The number of a thing among those that there are, which it joins if it is new.
fn number<'a, T: PartialEq>(all: &mut Vec<&'a T>, one: &'a T) -> usize {
    all.iter().position(|other| *other == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

impl<'a> Tables<'a> {
    pub(super) fn of(
        rules: impl Iterator<Item = &'a Rule>,
        since: OffsetDateTime,
        budget: &mut Budget,
    ) -> Result<Self, Spent> {
        let (mut schedules, mut rates, mut had) = (Vec::new(), Vec::new(), BTreeMap::new());
        for when in rules.filter_map(|rule| rule.when.as_ref()) {
            budget.spend(schedules.len() + rates.len())?;
            let schedule = when.schedule.as_ref().map(|one| number(&mut schedules, one));
            let rate = when.rate.as_ref().map(|one| number(&mut rates, one));
            had.insert(std::ptr::from_ref(when), (schedule, rate));
        }
        let moments = Moments::of(&schedules, since, budget)?;
        Ok(Self { schedules, rates, had, moments })
    }
}

/// Where requests differ no more than in what they name, when they come and what came before.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) known: &'a Known,
    pub(super) class: Class,
    /// Whether there is a target.
    pub(super) kind: Option<&'static Kind>,
    pub(super) tables: &'a Tables<'a>,
    pub(super) keys: Vec<Named<'a>>,
    places: BTreeMap<&'a Key, usize>,
}

/// What requests can name under a key.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) key: &'a Key,
    pub(super) domain: Domain<'a>,
    /// Whether a rule asks for it.
    pub(super) asked: bool,
}

/// What is left of a rule on a ground: what does not hold of all its requests.
#[derive(Debug)]
pub(super) struct Left<'a> {
    pub(super) rule: &'a Rule,
    pub(super) matches: Vec<Ask<'a>>,
    pub(super) unless: Vec<Ask<'a>>,
    pub(super) schedule: Option<usize>,
    pub(super) rate: Option<usize>,
    /// How much it costs to look at it.
    pub(super) cost: usize,
}

/// A condition, and which of the ground's keys it asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) key: usize,
    pub(super) condition: &'a Condition,
}

/// A request on a ground.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) texts: Vec<Texts<'static>>,
    pub(super) moment: usize,
    /// Which of the rates are reached.
    pub(super) reached: Vec<bool>,
}

/// The effective classes of an operation, with a target and without one, as these can be.
pub(super) fn grounds(known: &Known) -> Vec<(Class, Option<&'static Kind>)> {
    let spec = &known.spec;
    let mut kinds: Vec<_> = spec.kinds.iter().copied().map(Some).collect();
    if !known.always_acts() || kinds.is_empty() {
        kinds.push(None);
    }
    let classes = ClassSet::between(spec.class, spec.ceiling);
    kinds.iter().flat_map(|kind| classes.iter().map(|class| (class, *kind))).collect()
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        known: &'a Known,
        class: Class,
        kind: Option<&'static Kind>,
        tables: &'a Tables<'a>,
    ) -> Self {
        let (keys, places) = (Vec::new(), BTreeMap::new());
        let mut ground = Self { known, class, kind, tables, keys, places };
        if kind.is_some() {
            for key in [&Key::Name, &Key::Id, &Key::Engine] {
                ground.name(key);
            }
        }
        ground
    }

    fn name(&mut self, key: &'a Key) -> usize {
        let (keys, known, kind) = (&mut self.keys, self.known, self.kind);
        *self.places.entry(key).or_insert_with(|| {
            let domain = Domain::of(key, known, kind);
            keys.push(Named { key, domain, asked: false });
            keys.len() - 1
        })
    }

    /// What is left of a rule here; none if it matches nothing here.
    pub(super) fn reduce(&mut self, rule: &'a Rule) -> Option<Left<'a>> {
        if !rule.speaks_of(self.known.spec.class) {
            return None;
        }
        let mut matches = Vec::new();
        for condition in &rule.matches {
            match self.stands(rule, condition, false) {
                Match::Cannot => return None,
                Match::May => matches.push(condition),
                Match::Matches => {}
            }
        }
        let mut unless = Vec::new();
        let excepted = rule.unless.iter().map(|one| (self.stands(rule, one, true), one));
        let excepted: Vec<(Match, &Condition)> = excepted.collect();
        if excepted.iter().all(|(stands, _)| *stands != Match::Cannot) {
            let open = excepted.iter().filter(|(stands, _)| *stands == Match::May);
            unless = open.map(|(_, one)| *one).collect();
            if unless.is_empty() && !rule.unless.is_empty() {
                return None;
            }
        }
        let mut asks = |conditions: Vec<&'a Condition>| {
            let ask = |condition: &'a Condition| {
                let key = self.name(&condition.key);
                if let Some(named) = self.keys.get_mut(key) {
                    named.asked = true;
                }
                Ask { key, condition }
            };
            conditions.into_iter().map(ask).collect()
        };
        let (matches, unless) = (asks(matches), asks(unless));
        let had =
            rule.when.as_ref().and_then(|when| self.tables.had.get(&std::ptr::from_ref(when)));
        let (schedule, rate) = had.copied().unwrap_or_default();
        Some(Left { rule, matches, unless, schedule, rate, cost: cost(rule) })
    }

    fn stands(&self, rule: &Rule, condition: &Condition, unless: bool) -> Match {
        let of_target =
            matches!(condition.key, Key::Name | Key::Id | Key::Engine | Key::Attribute(_));
        if of_target && self.kind.is_none() {
            return Match::Cannot;
        }
        let Self { known, class, .. } = *self;
        let kinds = known.spec.kinds;
        let kinds = match self.kind {
            Some(kind) => {
                kinds.iter().find(|one| **one == kind).map_or(&[][..], std::slice::from_ref)
            }
            None if kinds.len() > 1 => &[],
            None => kinds,
        };
        Sort { known, class, kinds }.declared(condition, declared_counts(rule.effect, unless))
    }

    /// The first request that comes to mind.
    pub(super) fn plain(&self, budget: &mut Budget) -> Result<Model, Spent> {
        let mut texts = Vec::new();
        for named in &self.keys {
            texts.push(named.domain.find(&[], budget)?.unwrap_or(Texts::None));
        }
        let reached = vec![false; self.tables.rates.len()];
        Ok(Model { texts, moment: 0, reached })
    }

    /// Whether one rate cannot be reached without the other.
    pub(super) fn entails(&self, one: usize, other: usize) -> bool {
        let rate = |number: usize| self.tables.rates.get(number);
        let (Some(one), Some(other)) = (rate(one), rate(other)) else { return false };
        let scopes = one.scope == other.scope || other.scope == Scope::Host || self.kind.is_none();
        one.least >= other.least
            && one.seconds <= other.seconds
            && scopes
            && one.counted.iter().all(|(name, classes)| {
                let wider = other.counted.get(name);
                wider.is_some_and(|wider| classes.iter().all(|class| wider.contains(class)))
            })
    }
}

impl Left<'_> {
    pub(super) fn stands(&self, model: &Model, moments: &Moments) -> Match {
        let is_so = |holds| if holds { Match::Matches } else { Match::Cannot };
        let mut stands = all(&self.matches, model);
        if stands != Match::Cannot && !self.unless.is_empty() {
            stands = stands.min(!all(&self.unless, model));
        }
        if let Some(schedule) = self.schedule {
            stands = stands.min(is_so(moments.holds(model.moment, schedule)));
        }
        if let Some(rate) = self.rate {
            stands = stands.min(is_so(model.reached.get(rate) == Some(&true)));
        }
        stands
    }

    pub(super) fn permits(&self, below: Effect) -> bool {
        self.rule.level.is_trusted() && self.rule.effect < below
    }
}

/// How much it costs to look at a rule.
pub(super) fn cost(rule: &Rule) -> usize {
    1 + rule.conditions().map(|condition| condition.any.len()).sum::<usize>()
}

fn all(asks: &[Ask<'_>], model: &Model) -> Match {
    asks.iter().map(|ask| ask.stands(model)).min().unwrap_or(Match::Matches)
}

impl Ask<'_> {
    pub(super) fn stands(&self, model: &Model) -> Match {
        let texts = model.texts.get(self.key);
        texts.map_or(Match::May, |texts| texts.stand_to(&self.condition.any))
    }
}
