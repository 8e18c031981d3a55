//! What a change of policy comes to: for each rule that differs and each operation that it speaks
//! of, a request whose verdict is another one now, or the certainty that there is none.
//!
//! A request gets more than before only where a rule of the old policy restricts it that the new one
//! lacks, or where a rule of the new policy permits it that the old one lacks. So it is enough to
//! search what the rules that differ match, for a request that no other rule keeps as it was. The same
//! goes for what a verdict takes: less than before only where a rule says more that the new policy
//! lacks.

mod ground;
mod moments;
mod search;
mod texts;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::analysis::classes_of;
use super::{Known, Policy, Rule, Verdict, Vocabulary};
use ground::{Ground, Left, Model, Tables, cost, grounds};
use search::{Constraint, questions, search};

pub use witness::Witness;

/// The budget for a person who waits: a few seconds at most.
pub const DIFF_BUDGET: usize = 50_000_000;

/// The budget while requests wait: a few hundredths of a second at most.
pub const RELOAD_BUDGET: usize = 1_500_000;

/// What two policies have in store for the same requests.
#[derive(Debug, Default)]
pub struct Comparison<'a> {
    /// Verdicts that are other ones now: what is permitted more comes first.
    pub changes: Vec<Change<'a>>,
    /// What could not be decided.
    pub undecided: Vec<Undecided<'a>>,
    /// The rules that differ and change no verdict.
    pub silent: Vec<Difference<'a>>,
    /// Whether something is permitted more, or may be.
    pub widened: bool,
}

/// A rule that is not the same in both policies: new, gone, or another under the same id.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// As it was.
    pub old: Option<&'a Rule>,
    /// As it is.
    pub new: Option<&'a Rule>,
}

/// Which way a verdict changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// More is permitted.
    Widened,
    /// Less is.
    Narrowed,
}

/// One verdict that is another one now.
#[derive(Debug)]
pub struct Change<'a> {
    /// By which rule.
    pub difference: Difference<'a>,
    /// Which way.
    pub direction: Direction,
    /// For which request.
    pub witness: Witness<'a>,
    /// What was said of it.
    pub before: Verdict,
    /// What is said of it.
    pub after: Verdict,
}

/// A rule and an operation of which it is not known whether any verdict changed.
#[derive(Clone, Copy, Debug)]
pub struct Undecided<'a> {
    /// The rule.
    pub difference: Difference<'a>,
    /// The operation.
    pub operation: &'a Known,
    /// In which way a verdict may have changed.
    pub direction: Direction,
}

/// Compares two policies. `since` is when the second is to begin to hold; `budget` how many
/// conditions are looked at, about, before the rest is left undecided.
pub fn compare<'a>(
    old: &'a Policy,
    new: &'a Policy,
    vocabulary: &'a Vocabulary,
    since: OffsetDateTime,
    budget: usize,
) -> Comparison<'a> {
    let mut run = Run::new(old, new, vocabulary, since, budget);
    let tables = run.tables();
    run.pass(tables.as_ref(), Direction::Widened, false);
    run.pass(tables.as_ref(), Direction::Narrowed, false);
    run.done()
}

/// Whether the second of two policies permits anything more than the first, or may do so.
pub fn widens(
    old: &Policy,
    new: &Policy,
    vocabulary: &Vocabulary,
    since: OffsetDateTime,
    budget: usize,
) -> bool {
    let mut run = Run::new(old, new, vocabulary, since, budget);
    let tables = run.tables();
    run.pass(tables.as_ref(), Direction::Widened, true);
    !run.found.is_empty() || !run.open.is_empty()
}

/// The budget ran out.
#[derive(Clone, Copy, Debug)]
struct Spent;

#[derive(Debug)]
struct Budget {
    left: usize,
}

impl Budget {
    fn spend(&mut self, steps: usize) -> Result<(), Spent> {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Spent)
    }
}

impl Difference<'_> {
    /// The rule's id.
    pub fn id(&self) -> &str {
        self.new.or(self.old).map_or("", |rule| &rule.id)
    }
}

/// Every rule that differs, in the order of the old policy, then of the new one.
fn differences<'a>(old: &'a Policy, new: &'a Policy) -> Vec<Difference<'a>> {
    let by_id = |policy: &'a Policy| -> BTreeMap<&'a str, &'a Rule> {
        policy.rules().iter().map(|rule| (&*rule.id, rule)).collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    let kept = old.rules().iter().map(|rule| (Some(rule), after.get(&*rule.id).copied()));
    let added = new.rules().iter().filter(|rule| !before.contains_key(&*rule.id));
    kept.chain(added.map(|rule| (None, Some(rule))))
        .filter(|(old, new)| match (old, new) {
            (Some(old), Some(new)) => !old.says_the_same(new) || old.reason != new.reason,
            _ => true,
        })
        .map(|(old, new)| Difference { old, new })
        .collect()
}

/// A difference and an operation, by their numbers.
type Place = (usize, usize);

/// A single search takes at most this part of the budget, so that a hard one leaves something for
/// the others.
const SHARES: usize = 8;

struct Run<'a> {
    old: &'a Policy,
    new: &'a Policy,
    vocabulary: &'a Vocabulary,
    since: OffsetDateTime,
    differences: Vec<Difference<'a>>,
    /// Where a verdict may have changed.
    places: BTreeSet<Place>,
    budget: Budget,
    share: usize,
    found: BTreeMap<Place, Change<'a>>,
    open: BTreeSet<(Direction, Place)>,
}

impl<'a> Run<'a> {
    fn new(
        old: &'a Policy,
        new: &'a Policy,
        vocabulary: &'a Vocabulary,
        since: OffsetDateTime,
        budget: usize,
    ) -> Self {
        let differences = differences(old, new);
        let places = places(&differences, vocabulary);
        let (found, open) = (BTreeMap::new(), BTreeSet::new());
        let (budget, share) = (Budget { left: budget }, budget / SHARES);
        Self { old, new, vocabulary, since, differences, places, budget, share, found, open }
    }

    /// None where the budget does not suffice for so much.
    fn tables(&mut self) -> Option<Tables<'a>> {
        let rules = self.old.rules().iter().chain(self.new.rules());
        let rules = rules.filter(|_| !self.places.is_empty());
        Tables::of(rules, self.since, &mut self.budget).ok()
    }

    /// Looks for verdicts that changed this way, for all or until one is found or left open.
    fn pass(&mut self, tables: Option<&Tables<'a>>, direction: Direction, first: bool) {
        let Some(tables) = tables else {
            self.open.extend(self.places.iter().map(|place| (direction, *place)));
            return;
        };
        let vocabulary = self.vocabulary;
        for (operation, known) in vocabulary.operations().iter().enumerate() {
            for (class, kind) in grounds(known) {
                let ground = Ground::new(known, class, kind, tables);
                self.stand_on(ground, (operation, known), direction);
                if first && !(self.found.is_empty() && self.open.is_empty()) {
                    return;
                }
            }
        }
        let found = &self.found;
        self.open.retain(|(way, place)| *way != direction || !found.contains_key(place));
    }

    fn stand_on<'t>(
        &mut self,
        mut ground: Ground<'t>,
        (operation, known): (usize, &'a Known),
        direction: Direction,
    ) where
        'a: 't,
    {
        let places = self.places.iter().filter(|(_, other)| *other == operation);
        let places = places.filter(|place| !self.found.contains_key(place)).copied();
        let places: Vec<Place> = places.collect();
        if places.is_empty() {
            return;
        }
        let (before, after) = direction.order(self.old, self.new);
        let rules = before.rules().iter().chain(after.rules());
        if self.budget.spend(rules.map(cost).sum()).is_err() {
            self.open.extend(places.iter().map(|place| (direction, *place)));
            return;
        }
        let mut left = |policy: &'t Policy| -> Vec<Left<'t>> {
            policy.rules().iter().filter_map(|rule| ground.reduce(rule)).collect()
        };
        let (before, after) = (left(before), left(after));
        let plain = ground.plain(&mut self.budget);
        for place in places {
            let Some(difference) = self.differences.get(place.0).copied() else { continue };
            if self.budget.left == 0 {
                self.open.insert((direction, place));
                continue;
            }
            let rules = direction.order(difference.old, difference.new);
            // What the others take is compared with what it takes.
            let takes = rules.0.is_some_and(|rule| rule.takes.is_some());
            if takes && self.budget.spend(after.len()).is_err() {
                self.open.insert((direction, place));
                continue;
            }
            for constraints in questions(&before, &after, rules) {
                let answer = match &plain {
                    Ok(plain) => self.ask(&ground, plain, &constraints),
                    Err(Spent) => Err(Spent),
                };
                match answer {
                    Ok(None) => {}
                    Ok(Some(model)) => {
                        let witness = Witness::new(known, &ground, &model, self.since);
                        match self.change(difference, direction, witness) {
                            Some(change) => {
                                self.found.insert(place, change);
                                break;
                            }
                            None => {
                                self.open.insert((direction, place));
                            }
                        }
                    }
                    Err(Spent) => {
                        self.open.insert((direction, place));
                    }
                }
            }
        }
    }

    fn ask(
        &mut self,
        ground: &Ground<'_>,
        plain: &Model,
        constraints: &[Constraint<'_>],
    ) -> Result<Option<Model>, Spent> {
        let whole = self.share.min(self.budget.left);
        let mut share = Budget { left: whole };
        let answer = search(ground, plain, constraints, &mut share);
        self.budget.left -= whole - share.left;
        answer
    }

    /// The change that a witness shows. It may show none where counts depend on one another in
    /// ways that the search does not follow.
    fn change(
        &self,
        difference: Difference<'a>,
        direction: Direction,
        witness: Witness<'a>,
    ) -> Option<Change<'a>> {
        let before = self.old.decide(&witness.query());
        let after = self.new.decide(&witness.query());
        let (less, more) = direction.order(&before, &after);
        let shown = more.permits_more_than(less);
        shown.then_some(Change { difference, direction, witness, before, after })
    }

    fn done(self) -> Comparison<'a> {
        let changed: BTreeSet<usize> = self.found.keys().map(|(number, _)| *number).collect();
        let open: BTreeSet<usize> = self.open.iter().map(|(_, (number, _))| *number).collect();
        let mut changes: Vec<Change<'a>> = self.found.into_values().collect();
        // Stable: of one direction, they stay in the order of the rules and the operations.
        changes.sort_by_key(|change| change.direction);
        let undecided = self.open.iter().filter_map(|(direction, (number, operation))| {
            let difference = *self.differences.get(*number)?;
            let operation = self.vocabulary.operations().get(*operation)?;
            Some(Undecided { difference, operation, direction: *direction })
        });
        let undecided: Vec<Undecided<'a>> = undecided.collect();
        let silent = self.differences.iter().enumerate();
        let silent =
            silent.filter(|(number, _)| !changed.contains(number) && !open.contains(number));
        let silent = silent.map(|(_, difference)| *difference).collect();
        let widens = |direction| direction == Direction::Widened;
        let widened = changes.iter().any(|change| widens(change.direction))
            || undecided.iter().any(|undecided| widens(undecided.direction));
        Comparison { changes, undecided, silent, widened }
    }
}

impl Direction {
    /// Of what belongs to the old and to the new policy: first what permits less.
    fn order<T>(self, old: T, new: T) -> (T, T) {
        match self {
            Self::Widened => (old, new),
            Self::Narrowed => (new, old),
        }
    }
}

fn places(differences: &[Difference<'_>], vocabulary: &Vocabulary) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for (number, difference) in differences.iter().enumerate() {
        if difference.old.zip(difference.new).is_some_and(|(old, new)| old.says_the_same(new)) {
            continue;
        }
        for (operation, known) in vocabulary.operations().iter().enumerate() {
            let mut rules = difference.old.into_iter().chain(difference.new);
            if rules.any(|rule| !classes_of(rule, known).is_empty()) {
                places.insert((number, operation));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests;
