//! The search for a request that meets several constraints: a request is at hand all the time; of
//! the constraints that it does not meet, one is taken, and each way to meet it is tried in turn.

use std::collections::BTreeSet;

use super::ground::{Ask, Ground, Left, Model};
use super::texts::Need;
use super::{Budget, Spent};
use crate::core::policy::condition::Condition;
use crate::core::policy::{Effect, Match, Requirement, Rule};

/// The constraints that are met one after the other, at most: each takes some of the stack.
const DEPTH_MAX: usize = 256;

/// What a request has to meet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Constraint<'g> {
    /// The rule may match.
    Possible(&'g Left<'g>),
    /// The rule is sure to match.
    Sure(&'g Left<'g>),
    /// The rule cannot match.
    Cannot(&'g Left<'g>),
    /// The rule is not sure to match.
    NotSure(&'g Left<'g>),
    /// Some trusted rule with an effect below this one is sure to match.
    Permitted(&'g [Left<'g>], Effect),
}

/// One part of a way to meet a constraint.
#[derive(Clone, Copy, Debug)]
enum Step<'g> {
    Text(Ask<'g>, Need),
    Schedule(usize, bool),
    Rate(usize, bool),
}

/// What a request has to meet so that it is permitted more by `less` than by `more`, because of what
/// differs: a rule of `more` restricts it, or a rule of `less` permits it.
pub(super) fn questions<'g>(
    more: &'g [Left<'g>],
    less: &'g [Left<'g>],
    (restricts, permits): (Option<&Rule>, Option<&Rule>),
) -> Vec<Vec<Constraint<'g>>> {
    let find = |all: &'g [Left<'g>], rule: Option<&Rule>| {
        rule.and_then(|rule| all.iter().find(|left| std::ptr::eq(left.rule, rule)))
    };
    let cannot = |least: Effect| {
        less.iter().filter(move |left| left.rule.effect >= least).map(Constraint::Cannot)
    };
    let mut questions = Vec::new();
    if let Some(left) = find(more, restricts).filter(|left| left.rule.effect > Effect::Allow) {
        let effect = left.rule.effect;
        let first = [Constraint::Possible(left), Constraint::Permitted(less, effect)];
        questions.push(first.into_iter().chain(cannot(effect)).collect());
        if let Some(takes) = &left.rule.takes {
            let as_much = less.iter().filter(|other| {
                other.rule.effect == Effect::Deny
                    || (other.rule.effect > Effect::Allow
                        && Requirement::of(other.rule).is_within(takes))
            });
            let first = [Constraint::Possible(left), Constraint::Permitted(less, Effect::Deny)];
            questions.push(first.into_iter().chain(as_much.map(Constraint::Cannot)).collect());
        }
    }
    if let Some(left) = find(less, permits).filter(|left| left.permits(Effect::Deny)) {
        let trusted = more.iter().filter(|left| left.rule.level.is_trusted());
        let not_sure = trusted.map(Constraint::NotSure);
        let first = std::iter::once(Constraint::Sure(left));
        questions.push(first.chain(not_sure).chain(cannot(Effect::Deny)).collect());
    }
    questions
}

/// A request that meets all of the constraints, if there is one.
pub(super) fn search(
    ground: &Ground<'_>,
    plain: &Model,
    constraints: &[Constraint<'_>],
    budget: &mut Budget,
) -> Result<Option<Model>, Spent> {
    Search { ground, constraints, budget, steps: Vec::new() }.go_on(plain, DEPTH_MAX)
}

struct Search<'s, 'g> {
    ground: &'s Ground<'g>,
    constraints: &'s [Constraint<'g>],
    budget: &'s mut Budget,
    /// What was decided on so far; the request at hand follows it.
    steps: Vec<Step<'g>>,
}

impl<'g> Search<'_, 'g> {
    /// Meets one more constraint, and those that are left then, `depth` of them at most.
    fn go_on(&mut self, model: &Model, depth: usize) -> Result<Option<Model>, Spent> {
        let Some(ways) = self.fewest_ways(model)? else { return Ok(Some(model.clone())) };
        let depth = depth.checked_sub(1).ok_or(Spent)?;
        for way in ways {
            let before = self.steps.len();
            self.steps.extend(&way);
            if let Some(next) = self.follow(model, &way)?
                && let Some(found) = self.go_on(&next, depth)?
            {
                return Ok(Some(found));
            }
            self.steps.truncate(before);
        }
        Ok(None)
    }

    /// The ways to meet the constraint that is not met and has the fewest; none if all are met.
    fn fewest_ways(&mut self, model: &Model) -> Result<Option<Vec<Vec<Step<'g>>>>, Spent> {
        let mut fewest: Option<(usize, &Constraint<'g>)> = None;
        for constraint in self.constraints {
            self.budget.spend(constraint.cost())?;
            if constraint.holds(model, self.ground) {
                continue;
            }
            let ways = constraint.count();
            if fewest.is_none_or(|(least, _)| ways < least) {
                fewest = Some((ways, constraint));
            }
            if ways < 2 {
                break;
            }
        }
        Ok(fewest.map(|(_, constraint)| constraint.ways()))
    }

    /// The request, changed so that it follows what was decided on, if that can be.
    fn follow(&mut self, model: &Model, way: &[Step<'g>]) -> Result<Option<Model>, Spent> {
        let mut model = model.clone();
        let keys: BTreeSet<usize> = way.iter().filter_map(Step::key).collect();
        for key in keys {
            let needs = self.steps.iter().filter_map(|step| step.need(key));
            let needs: Vec<(&Condition, Need)> = needs.collect();
            let domain = self.ground.keys.get(key).map(|named| &named.domain);
            let found = match domain {
                Some(domain) => domain.find(&needs, self.budget)?,
                None => None,
            };
            match (found, model.texts.get_mut(key)) {
                (Some(found), Some(texts)) => *texts = found,
                _ => return Ok(None),
            }
        }
        if way.iter().any(|step| matches!(step, Step::Schedule(..))) {
            self.budget.spend(self.ground.tables.moments.len())?;
            let schedules = self.steps.iter().filter_map(|step| match step {
                Step::Schedule(schedule, holds) => Some((*schedule, *holds)),
                _ => None,
            });
            let schedules: Vec<(usize, bool)> = schedules.collect();
            match self.ground.tables.moments.find(&schedules) {
                Some(moment) => model.moment = moment,
                None => return Ok(None),
            }
        }
        if way.iter().any(|step| matches!(step, Step::Rate(..))) {
            match self.reached() {
                Some(reached) => model.reached = reached,
                None => return Ok(None),
            }
        }
        Ok(Some(model))
    }

    /// The rates that are reached: those that must be and what they entail, if none of these must
    /// not be.
    fn reached(&self) -> Option<Vec<bool>> {
        let wanted = |wanted: bool| {
            self.steps.iter().filter_map(move |step| match step {
                Step::Rate(rate, reached) if *reached == wanted => Some(*rate),
                _ => None,
            })
        };
        let count = self.ground.tables.rates.len();
        let is_reached = |rate: usize| wanted(true).any(|one| self.ground.entails(one, rate));
        let reached: Vec<bool> = (0..count).map(is_reached).collect();
        let free = wanted(false).all(|rate| reached.get(rate) == Some(&false));
        free.then_some(reached)
    }
}

impl<'g> Step<'g> {
    fn key(&self) -> Option<usize> {
        match self {
            Self::Text(ask, _) => Some(ask.key),
            Self::Schedule(..) | Self::Rate(..) => None,
        }
    }

    fn need(&self, key: usize) -> Option<(&'g Condition, Need)> {
        match self {
            Self::Text(ask, need) if ask.key == key => Some((ask.condition, *need)),
            _ => None,
        }
    }
}

impl<'g> Constraint<'g> {
    fn holds(&self, model: &Model, ground: &Ground<'_>) -> bool {
        let moments = &ground.tables.moments;
        match self {
            Self::Possible(rule) => rule.stands(model, moments) != Match::Cannot,
            Self::Sure(rule) => rule.stands(model, moments) == Match::Matches,
            Self::Cannot(rule) => rule.stands(model, moments) == Match::Cannot,
            Self::NotSure(rule) => rule.stands(model, moments) != Match::Matches,
            Self::Permitted(rules, below) => rules
                .iter()
                .any(|rule| rule.permits(*below) && rule.stands(model, moments) == Match::Matches),
        }
    }

    /// How much it costs to look at it.
    fn cost(&self) -> usize {
        match self {
            Self::Permitted(rules, below) => {
                rules.iter().map(|rule| if rule.permits(*below) { rule.cost } else { 1 }).sum()
            }
            Self::Possible(rule) | Self::Sure(rule) | Self::Cannot(rule) | Self::NotSure(rule) => {
                rule.cost
            }
        }
    }

    /// In how many ways it can be met.
    fn count(&self) -> usize {
        match self {
            Self::Possible(rule) | Self::Sure(rule) => rule.unless.len().max(1),
            Self::Cannot(rule) | Self::NotSure(rule) => {
                let when = usize::from(rule.schedule.is_some()) + usize::from(rule.rate.is_some());
                rule.matches.len() + usize::from(!rule.unless.is_empty()) + when
            }
            Self::Permitted(rules, below) => {
                let permits = rules.iter().filter(|rule| rule.permits(*below));
                permits.map(|rule| rule.unless.len().max(1)).sum()
            }
        }
    }

    fn ways(&self) -> Vec<Vec<Step<'g>>> {
        match self {
            Self::Possible(rule) => rule.holding(Need::POSSIBLE, Need::NOT_SURE),
            Self::Sure(rule) => rule.holding(Need::SURE, Need::CANNOT),
            Self::Cannot(rule) => rule.failing(Need::CANNOT, Need::SURE),
            Self::NotSure(rule) => rule.failing(Need::NOT_SURE, Need::POSSIBLE),
            Self::Permitted(rules, below) => rules
                .iter()
                .filter(|rule| rule.permits(*below))
                .flat_map(|rule| rule.holding(Need::SURE, Need::CANNOT))
                .collect(),
        }
    }
}

impl<'g> Left<'g> {
    fn when(&self, holds: bool) -> impl Iterator<Item = Step<'g>> {
        let schedule = self.schedule.map(|schedule| Step::Schedule(schedule, holds));
        schedule.into_iter().chain(self.rate.map(|rate| Step::Rate(rate, holds)))
    }

    /// The ways in which all conditions hold and one of the exceptions does not.
    fn holding(&self, condition: Need, exception: Need) -> Vec<Vec<Step<'g>>> {
        let asked = self.matches.iter().map(|ask| Step::Text(*ask, condition));
        let all: Vec<Step<'g>> = asked.chain(self.when(true)).collect();
        if self.unless.is_empty() {
            return vec![all];
        }
        let with = |ask: &Ask<'g>| [all.as_slice(), &[Step::Text(*ask, exception)]].concat();
        self.unless.iter().map(with).collect()
    }

    /// The ways in which one condition does not hold, or all exceptions do.
    fn failing(&self, condition: Need, exception: Need) -> Vec<Vec<Step<'g>>> {
        let one = self.matches.iter().map(|ask| vec![Step::Text(*ask, condition)]);
        let all = self.unless.iter().map(|ask| Step::Text(*ask, exception)).collect::<Vec<_>>();
        let all = (!all.is_empty()).then_some(all);
        one.chain(all).chain(self.when(false).map(|step| vec![step])).collect()
    }
}
