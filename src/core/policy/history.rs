//! What was let through lately, as the audit log tells it, for rules that count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::{Duration, OffsetDateTime};

use super::condition::ClassSet;
use crate::core::operation::Class;

/// Requests that are remembered at the same time. Beyond these nobody can say how many there were.
pub(super) const PASTS_MAX: usize = 200_000;

/// A request that was let through: a change that was allowed, or a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: OffsetDateTime,
    /// The operation's name.
    pub operation: String,
    /// The effective class.
    pub class: Class,
    /// The ids of its targets.
    pub targets: Vec<String>,
}

/// Which part of the past a policy asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The operations that are counted.
    pub operations: BTreeSet<String>,
    /// How far back.
    pub span: Duration,
}

/// The recent past, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    pasts: VecDeque<Past>,
    overflowed: Option<OffsetDateTime>,
    /// What every count comes to, where nothing is counted.
    assumed: Option<u32>,
}

impl History {
    /// A past in which every rule that counts has seen so many requests.
    pub fn assumed(count: u32) -> Self {
        Self { assumed: Some(count), ..Self::default() }
    }

    /// Remembers one more.
    pub fn push(&mut self, past: Past) {
        if self.pasts.len() >= PASTS_MAX {
            self.overflowed = self.pasts.pop_front().map(|lost| lost.at);
        }
        self.pasts.push_back(past);
    }

    /// Forgets what was before a moment.
    pub fn forget_before(&mut self, moment: OffsetDateTime) {
        while self.pasts.front().is_some_and(|past| past.at < moment) {
            self.pasts.pop_front();
        }
    }

    /// Whether at least `least` requests of these operations and classes were let through since a
    /// moment, to a target if one is named. What is dated in the future counts: a clock went back.
    pub fn reaches(
        &self,
        least: u32,
        counted: &BTreeMap<String, ClassSet>,
        since: OffsetDateTime,
        target: Option<&str>,
    ) -> bool {
        if let Some(count) = self.assumed {
            return count >= least;
        }
        if self.overflowed.is_some_and(|lost| lost >= since) {
            return true;
        }
        let fits = |past: &&Past| {
            past.at >= since
                && counted.get(&past.operation).is_some_and(|set| set.contains(past.class))
                && target.is_none_or(|id| past.targets.iter().any(|other| other == id))
        };
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        self.pasts.iter().rev().filter(fits).take(least).count() == least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(second: i64, operation: &str, target: &str) -> Past {
        Past {
            at: OffsetDateTime::UNIX_EPOCH + Duration::seconds(second),
            operation: operation.into(),
            class: Class::Mutate,
            targets: vec![target.into()],
        }
    }

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
    }

    #[test]
    fn counts_what_fits() {
        let mut history = History::default();
        for (second, operation, target) in
            [(1, "stop", "a"), (2, "stop", "b"), (3, "start", "a"), (4, "stop", "a")]
        {
            history.push(past(second, operation, target));
        }
        let stops = BTreeMap::from([("stop".to_owned(), ClassSet::of(&[Class::Mutate]))]);
        for (least, since, target, reached) in [
            (3, 0, None, true),
            (4, 0, None, false),
            (2, 0, Some("a"), true),
            (3, 0, Some("a"), false),
            (2, 2, None, true),
            (3, 2, None, false),
            (1, 5, None, false),
        ] {
            let found = history.reaches(least, &stops, at(since), target);
            assert_eq!(found, reached, "{least} since {since} on {target:?}");
        }
        let other = BTreeMap::from([("stop".to_owned(), ClassSet::of(&[Class::Destroy]))]);
        assert!(!history.reaches(1, &other, at(0), None));
        history.forget_before(at(2));
        assert!(!history.reaches(3, &stops, at(0), None));
    }

    #[test]
    fn what_is_assumed_is_what_every_rule_sees() {
        let history = History::assumed(5);
        assert!(history.reaches(5, &BTreeMap::new(), at(0), Some("a")));
        assert!(!history.reaches(6, &BTreeMap::new(), at(0), None));
        assert!(!History::assumed(0).reaches(1, &BTreeMap::new(), at(0), None));
    }

    #[test]
    fn what_was_lost_counts_as_reached() {
        let mut history = History::default();
        let most = i64::try_from(PASTS_MAX).unwrap();
        for second in 0..=most {
            history.push(past(second, "stop", "a"));
        }
        let none = BTreeMap::new();
        assert!(history.reaches(5, &none, at(0), None));
        assert!(!history.reaches(5, &none, at(1), None), "what is remembered is counted");
    }
}
