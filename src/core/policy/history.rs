//! What was let through lately, as the audit log tells it, for rules that count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::{Duration, OffsetDateTime};

use super::condition::ClassSet;
use crate::core::record::TargetKey;

/// Requests that are remembered at the same time, each target of one by itself. Beyond these nobody
/// can say how many there were.
pub(super) const PASTS_MAX: usize = 200_000;

/// A request that was let through: a change that was allowed, or a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: OffsetDateTime,
    /// The operation's name.
    pub operation: String,
    /// The effective class; every class that it may have been where that is not known.
    pub classes: ClassSet,
    /// What it acted on.
    pub targets: Touched,
}

/// What a request that was let through acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// These; none where it acted on nothing.
    Listed(BTreeSet<TargetKey>),
    /// More than its line has room for, so any target may be among them.
    Unlisted,
}

/// Which part of the past a policy asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The operations that are counted.
    pub operations: BTreeSet<String>,
    /// How far back.
    pub span: Duration,
}

/// The recent past.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What every count comes to, where nothing is counted.
    assumed: Option<u32>,
    /// The names of operations, each once.
    operations: Vec<String>,
    /// Oldest first.
    kept: VecDeque<Kept>,
    /// The newest moment of which something was lost.
    lost: Option<i64>,
}

/// A request, or one of its targets, in few bytes.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// In microseconds since 1970, which is how exact the log is.
    at: i64,
    target: TargetKey,
    /// The number of the operation's name.
    operation: u32,
    classes: ClassSet,
    part: Part,
}

/// What part of a request this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All of it, and it acted on nothing.
    Whole,
    /// Its first target; it stands for the request.
    First,
    /// Another of its targets.
    Further,
    /// All of it, and it acted on nobody knows what.
    Unlisted,
}

impl Kept {
    /// Whether it is counted: over one target, or over all requests.
    fn counts_for(&self, target: Option<TargetKey>) -> bool {
        match (target, self.part) {
            (None, part) => part != Part::Further,
            (Some(target), Part::First | Part::Further) => self.target == target,
            (Some(_), part) => part == Part::Unlisted,
        }
    }
}

impl History {
    /// A past in which every rule that counts has seen so many requests.
    pub fn assumed(count: u32) -> Self {
        Self { assumed: Some(count), ..Self::default() }
    }

    /// Whether nothing was counted, and every count is given.
    pub(super) const fn is_assumed(&self) -> bool {
        self.assumed.is_some()
    }

    /// Remembers one more.
    pub fn push(&mut self, past: Past) {
        let Past { at, operation, classes, targets } = past;
        let (at, operation) = (micros(at), self.number_of(operation));
        let mut keep = |target, part| self.keep(Kept { at, target, operation, classes, part });
        match targets {
            Touched::Unlisted => keep(TargetKey::default(), Part::Unlisted),
            Touched::Listed(none) if none.is_empty() => keep(TargetKey::default(), Part::Whole),
            Touched::Listed(targets) => {
                let parts = std::iter::once(Part::First).chain(std::iter::repeat(Part::Further));
                targets.into_iter().zip(parts).for_each(|(target, part)| keep(target, part));
            }
        }
    }

    /// The number of an operation's name. One that has none is taken for any.
    fn number_of(&mut self, operation: String) -> u32 {
        let known = self.operations.iter().position(|known| *known == operation);
        let number = known.unwrap_or_else(|| {
            self.operations.push(operation);
            self.operations.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Keeps the order of moments, though a clock may have gone back.
    fn keep(&mut self, kept: Kept) {
        let place = self.kept.partition_point(|other| other.at <= kept.at);
        self.kept.insert(place, kept);
        if self.kept.len() > PASTS_MAX {
            self.lost = self.lost.max(self.kept.pop_front().map(|lost| lost.at));
        }
    }

    /// Forgets what was before a moment.
    pub fn forget_before(&mut self, moment: OffsetDateTime) {
        let past = self.kept.partition_point(|kept| kept.at < micros(moment));
        self.kept.drain(..past);
    }

    /// Whether at least `least` requests of these operations and classes were let through since a
    /// moment, to a target if one is named. What is dated in the future counts: a clock went back.
    pub fn reaches(
        &self,
        least: u32,
        counted: &BTreeMap<String, ClassSet>,
        since: OffsetDateTime,
        target: Option<TargetKey>,
    ) -> bool {
        if let Some(count) = self.assumed {
            return count >= least;
        }
        let since = micros(since);
        if self.lost.is_some_and(|lost| lost >= since) {
            return true;
        }
        let classes_of = |name| counted.get(name).copied().unwrap_or_default();
        let classes: Vec<ClassSet> = self.operations.iter().map(classes_of).collect();
        let fits = |kept: &&Kept| {
            let counted =
                usize::try_from(kept.operation).ok().and_then(|number| classes.get(number));
            counted.is_none_or(|set| set.meets(kept.classes)) && kept.counts_for(target)
        };
        let from = self.kept.partition_point(|kept| kept.at < since);
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        self.kept.range(from..).rev().filter(fits).take(least).count() == least
    }
}

fn micros(moment: OffsetDateTime) -> i64 {
    // A moment that calendars have fits in 64 bits of microseconds.
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::operation::Class;

    fn key(id: &str) -> TargetKey {
        TargetKey::of("thing", id, "E")
    }

    fn past(second: i64, operation: &str, targets: &[&str]) -> Past {
        Past {
            at: at(second),
            operation: operation.into(),
            classes: ClassSet::of(&[Class::Mutate]),
            targets: Touched::Listed(targets.iter().map(|id| key(id)).collect()),
        }
    }

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
    }

    fn counted(operation: &str, classes: &[Class]) -> BTreeMap<String, ClassSet> {
        BTreeMap::from([(operation.to_owned(), ClassSet::of(classes))])
    }

    #[test]
    fn counts_what_fits() {
        let mut history = History::default();
        for (second, operation, target) in
            [(1, "stop", "a"), (2, "stop", "b"), (3, "start", "a"), (4, "stop", "a")]
        {
            history.push(past(second, operation, &[target]));
        }
        let stops = counted("stop", &[Class::Mutate]);
        for (least, since, target, reached) in [
            (3, 0, None, true),
            (4, 0, None, false),
            (2, 0, Some("a"), true),
            (3, 0, Some("a"), false),
            (2, 2, None, true),
            (3, 2, None, false),
            (1, 5, None, false),
        ] {
            let found = history.reaches(least, &stops, at(since), target.map(key));
            assert_eq!(found, reached, "{least} since {since} on {target:?}");
        }
        assert!(!history.reaches(1, &counted("stop", &[Class::Destroy]), at(0), None));
        history.forget_before(at(2));
        assert!(!history.reaches(3, &stops, at(0), None));
        assert!(history.reaches(2, &stops, at(0), None));
    }

    #[test]
    fn a_request_over_many_targets_is_one_and_counts_for_each() {
        let mut history = History::default();
        history.push(past(1, "stop", &["a", "b", "a"]));
        history.push(past(1, "stop", &[]));
        let stops = counted("stop", &[Class::Mutate]);
        assert!(history.reaches(2, &stops, at(0), None));
        assert!(!history.reaches(3, &stops, at(0), None), "two requests, not four targets");
        for id in ["a", "b"] {
            assert!(history.reaches(1, &stops, at(0), Some(key(id))), "{id}");
            assert!(!history.reaches(2, &stops, at(0), Some(key(id))), "{id}");
        }
        assert!(!history.reaches(1, &stops, at(0), Some(key("c"))));
    }

    #[test]
    fn a_target_is_its_kind_its_engine_and_its_id() {
        let mut history = History::default();
        history.push(past(1, "stop", &["a"]));
        let stops = counted("stop", &[Class::Mutate]);
        for (other, same) in [
            (TargetKey::of("thing", "a", "E"), true),
            (TargetKey::of("other", "a", "E"), false),
            (TargetKey::of("thing", "a", "F"), false),
        ] {
            assert_eq!(history.reaches(1, &stops, at(0), Some(other)), same, "{other:?}");
        }
    }

    #[test]
    fn what_is_not_known_counts() {
        let mut history = History::default();
        let unlisted = Past { targets: Touched::Unlisted, ..past(1, "stop", &[]) };
        history.push(Past { classes: ClassSet::ALL, ..unlisted });
        for class in Class::ALL {
            let stops = counted("stop", &[class]);
            assert!(history.reaches(1, &stops, at(0), Some(key("a"))), "{class}");
            assert!(history.reaches(1, &stops, at(0), None), "{class}");
            assert!(!history.reaches(2, &stops, at(0), None), "{class}");
        }
        assert!(!history.reaches(1, &counted("start", &Class::ALL), at(0), None));
    }

    #[test]
    fn a_clock_that_went_back_hides_nothing() {
        let mut history = History::default();
        for second in [100, 50, 101, 51] {
            history.push(past(second, "stop", &["a"]));
        }
        let stops = counted("stop", &[Class::Mutate]);
        assert!(history.reaches(4, &stops, at(50), None), "what is dated in the future counts");
        assert!(history.reaches(2, &stops, at(52), None));
        assert!(!history.reaches(3, &stops, at(52), None));
        history.forget_before(at(51));
        assert!(
            history.reaches(3, &stops, at(0), None) && !history.reaches(4, &stops, at(0), None)
        );
    }

    #[test]
    fn what_is_assumed_is_what_every_rule_sees() {
        let history = History::assumed(5);
        assert!(history.reaches(5, &BTreeMap::new(), at(0), Some(key("a"))));
        assert!(!history.reaches(6, &BTreeMap::new(), at(0), None));
        assert!(!History::assumed(0).reaches(1, &BTreeMap::new(), at(0), None));
    }

    #[test]
    fn what_was_lost_counts_as_reached() {
        let mut history = History::default();
        let most = i64::try_from(PASTS_MAX).unwrap();
        for second in 0..=most {
            history.push(past(second, "stop", &["a"]));
        }
        let none = BTreeMap::new();
        assert!(history.reaches(5, &none, at(0), None));
        assert!(!history.reaches(5, &none, at(1), None), "what is remembered is counted");
        assert!(history.kept.len() <= PASTS_MAX);
    }

    /// A busy week must not be what fills the memory of a small server.
    #[test]
    fn a_past_takes_few_bytes() {
        assert!(size_of::<Kept>() <= 24, "{}", size_of::<Kept>());
    }
}
