//! What can be said of a rule without a request: which operations it speaks of, whether it can match
//! at all, and whether a stricter one always matches with it.

use super::condition::{ClassSet, Condition, Key, declared_counts};
use super::glob::{Glob, Piece};
use super::requirement::Requirement;
use super::rule::Rule;
use super::vocabulary::{Known, Vocabulary};
use super::when::{DAY_MINUTES, Schedule};
use super::{Effect, Match};
use crate::core::operation::{Class, Form, Kind};

/// The operations that a rule can match by what is declared of them, each with the effective
/// classes at which it can.
pub fn operations_of<'v>(rule: &Rule, vocabulary: &'v Vocabulary) -> Vec<(&'v Known, ClassSet)> {
    let known = vocabulary.operations().iter().map(|known| (known, classes_of(rule, known)));
    known.filter(|(_, classes)| !classes.is_empty()).collect()
}

/// Whether some request of this operation can have a text under this key that the glob matches.
pub fn can_match(glob: &Glob, key: &Key, known: &Known) -> bool {
    can_match_on(known.spec.kinds, glob, key, known)
}

/// The same of requests that act on these kinds.
fn can_match_on(kinds: Kinds, glob: &Glob, key: &Key, known: &Known) -> bool {
    let spec = &known.spec;
    let some_kind = |can: &dyn Fn(&Kind) -> bool| kinds.iter().any(|kind| can(kind));
    match key {
        Key::Class => ClassSet::between(spec.class, spec.ceiling)
            .iter()
            .any(|class| glob.matches(class.as_str())),
        Key::Op => glob.matches(&spec.name),
        Key::Toolset => glob.matches(spec.toolset),
        Key::Kind => some_kind(&|kind| glob.matches(kind.name)),
        Key::Name => some_kind(&|kind| has_form(glob, kind.names)),
        Key::Id => some_kind(&|kind| has_form(glob, kind.ids)),
        Key::Engine => some_kind(&|_| true),
        Key::Client => true,
        Key::Argument(name) => {
            known.arguments.get(name).is_some_and(|argument| argument.can_be(glob))
        }
        Key::Attribute(name) => some_kind(&|kind| {
            kind.attribute(name).is_some_and(|attribute| has_form(glob, attribute.form))
        }),
    }
}

/// Whether a text of this form can match.
fn has_form(glob: &Glob, form: Form) -> bool {
    let pieces = glob.pieces();
    let fits = pieces.iter().all(|piece| match piece {
        Piece::Char(c) => form.has(*c),
        Piece::One | Piece::Many => true,
    });
    match form {
        Form::Text => true,
        Form::Flag => glob.matches("true") || glob.matches("false"),
        Form::Word { .. } => fits && !pieces.is_empty(),
        Form::Hex(digits) => {
            let many = pieces.contains(&Piece::Many);
            let least = pieces.iter().filter(|piece| **piece != Piece::Many).count();
            fits && if many { least <= digits } else { least == digits }
        }
    }
}

/// Kinds that a target can be of.
type Kinds = &'static [&'static Kind];

/// Requests of one operation and effective class, on a target of these kinds: none of them but
/// where that is declared alone, since a target is of one kind.
#[derive(Clone, Copy)]
pub(super) struct Sort<'v> {
    pub(super) known: &'v Known,
    pub(super) class: Class,
    pub(super) kinds: Kinds,
}

/// What requests of an operation act on, one target at a time.
fn subjects_of(known: &Known) -> Vec<Kinds> {
    match known.spec.kinds {
        one @ ([] | [_]) => vec![one],
        // Of what acts on several kinds, a request without a target has none of them.
        several => {
            let nothing = (!known.always_acts()).then_some(&[][..]);
            several.iter().map(std::slice::from_ref).chain(nothing).collect()
        }
    }
}

/// The sorts of requests that a rule can match by what is declared of them.
fn sorts_of<'v>(rule: &Rule, known: &'v Known) -> Vec<Sort<'v>> {
    if !rule.speaks_of(known.spec.class) {
        return Vec::new();
    }
    let classes = ClassSet::between(known.spec.class, known.spec.ceiling);
    let admits = |sort: &Sort<'_>| {
        let of = |condition: &Condition, unless| {
            sort.declared(condition, declared_counts(rule.effect, unless))
        };
        rule.matches.iter().all(|condition| of(condition, false) != Match::Cannot)
            && (rule.unless.is_empty()
                || rule.unless.iter().any(|condition| of(condition, true) != Match::Matches))
    };
    let sorts = subjects_of(known)
        .into_iter()
        .flat_map(|kinds| classes.iter().map(move |class| Sort { known, class, kinds }));
    sorts.filter(admits).collect()
}

pub(super) fn classes_of(rule: &Rule, known: &Known) -> ClassSet {
    sorts_of(rule, known).into_iter().map(|sort| sort.class).collect()
}

impl Sort<'_> {
    /// How a condition stands to every such request, as far as that is declared.
    pub(super) fn declared(&self, condition: &Condition, declared_counts: bool) -> Match {
        let is_so = |holds| if holds { Match::Matches } else { Match::Cannot };
        let any = |text: &str| condition.any.iter().any(|glob| glob.matches(text));
        let Self { known, class, kinds } = *self;
        let spec = &known.spec;
        match &condition.key {
            Key::Class => {
                let classes = condition.classes();
                is_so(classes.contains(class) || (declared_counts && classes.contains(spec.class)))
            }
            Key::Op => is_so(any(&spec.name)),
            Key::Toolset => is_so(any(spec.toolset)),
            Key::Kind => is_so(kinds.iter().any(|kind| any(kind.name))),
            key if condition.any.iter().any(|glob| can_match_on(kinds, glob, key, known)) => {
                Match::May
            }
            _ => Match::Cannot,
        }
    }
}

/// Why a rule can never match, in words for its author; none if it can.
pub fn never_matches(rule: &Rule, vocabulary: &Vocabulary) -> Option<String> {
    let operations = vocabulary.operations().iter();
    let sorts: Vec<Sort<'_>> = operations.flat_map(|known| sorts_of(rule, known)).collect();
    if sorts.is_empty() {
        return Some(no_operation(rule, vocabulary));
    }
    let schedule = rule.when.as_ref().and_then(|when| when.schedule.as_ref());
    if schedule.is_some_and(is_empty) {
        return Some("`inside` and `outside` leave no minute of the day".to_owned());
    }
    let excepted = !rule.unless.is_empty() && sorts.iter().all(|sort| is_excepted(rule, sort));
    excepted.then(|| "`unless` holds for every request that `match` fits".to_owned())
}

fn is_empty(schedule: &Schedule) -> bool {
    let Schedule { inside, outside, .. } = *schedule;
    let is_left = |minute| {
        inside.is_none_or(|window| window.contains(minute))
            && outside.is_none_or(|window| !window.contains(minute))
    };
    !(0..DAY_MINUTES).any(is_left)
}

/// Whether `unless` holds for every such request that `match` fits. A list of which some elements
/// match is not sure to.
fn is_excepted(rule: &Rule, sort: &Sort<'_>) -> bool {
    rule.unless.iter().all(|exception| {
        sort.declared(exception, declared_counts(rule.effect, true)) == Match::Matches
            || (!is_many(&exception.key, sort.known)
                && rule.matches.iter().any(|condition| implies(condition, exception)))
    })
}

fn is_many(key: &Key, known: &Known) -> bool {
    matches!(key, Key::Argument(name) if known.arguments.get(name).is_some_and(|a| a.many))
}

fn no_operation(rule: &Rule, vocabulary: &Vocabulary) -> String {
    let fits = |conditions: &[&Condition], effect| {
        let matches = conditions.iter().map(|condition| (*condition).clone()).collect();
        let part = Rule::new(&rule.id, effect, rule.level, matches);
        !operations_of(&part, vocabulary).is_empty()
    };
    let all: Vec<&Condition> = rule.matches.iter().collect();
    if fits(&all, rule.effect) {
        return "`unless` holds for every operation that `match` fits".to_owned();
    }
    if matches!(rule.effect, Effect::Confirm | Effect::Approve) && fits(&all, Effect::Deny) {
        return format!(
            "every operation that fits is a read, and `{}` says nothing of reads",
            rule.effect.as_str()
        );
    }
    // The fewest conditions that no operation fits say most.
    let singles = all.iter().map(|condition| vec![*condition]);
    let pairs = all.iter().enumerate().flat_map(|(n, one)| {
        let others = all.iter().skip(n + 1);
        others.map(move |other| vec![*one, *other])
    });
    let fewest = singles.chain(pairs).find(|some| !fits(some, rule.effect)).unwrap_or(all);
    let words: Vec<String> = fewest.iter().map(|condition| format!("`{condition}`")).collect();
    let also = if rule.effect == Effect::Allow && fewest.iter().any(|c| c.key == Key::Class) {
        " (`allow` goes by the effective class)"
    } else {
        ""
    };
    match words.split_last() {
        Some((last, [_, ..])) => {
            let first = words.get(..words.len() - 1).unwrap_or_default().join(", ");
            format!("no operation fits {first} and {last} together{also}")
        }
        _ => format!("no operation fits {}{also}", words.concat()),
    }
}

/// A single stricter rule that is sure to match whatever this one matches, and takes no less.
pub fn shadowed_by<'a>(
    rule: &Rule,
    others: impl Iterator<Item = &'a Rule>,
    vocabulary: &Vocabulary,
) -> Option<&'a Rule> {
    let mut found = None;
    let overrules = |other: &&Rule| {
        other.effect > rule.effect && takes_no_less(other, rule) && asks_no_more(other, rule)
    };
    others.filter(overrules).find(|other| {
        let operations = vocabulary.operations().iter();
        let sorts = found.get_or_insert_with(|| -> Vec<Sort<'_>> {
            operations.flat_map(|known| sorts_of(rule, known)).collect()
        });
        sorts
            .iter()
            .all(|sort| other.speaks_of(sort.known.spec.class) && is_shadowed(rule, other, sort))
    })
}

/// Whether what `rule` takes says nothing where `other` decides.
fn takes_no_less(other: &Rule, rule: &Rule) -> bool {
    let takes = rule.takes.as_ref().filter(|_| other.effect < Effect::Deny);
    takes.is_none_or(|takes| Requirement::of(other).is_within(takes))
}

/// Whether every condition of `other` that goes by the request, and not by the operation alone,
/// holds wherever one of `rule` does. This is what most rules fail at, so it comes first.
fn asks_no_more(other: &Rule, rule: &Rule) -> bool {
    (other.when.is_none() || other.when == rule.when)
        && other.matches.iter().all(|wanted| {
            wanted.key.is_declared() || rule.matches.iter().any(|given| implies(given, wanted))
        })
}

fn is_shadowed(rule: &Rule, other: &Rule, sort: &Sort<'_>) -> bool {
    let of = |whose: &Rule, condition: &Condition, unless| {
        sort.declared(condition, declared_counts(whose.effect, unless))
    };
    let matches = other.matches.iter().all(|condition| {
        !condition.key.is_declared() || of(other, condition, false) == Match::Matches
    });
    let never_excepted = || {
        other.unless.iter().any(|exception| {
            of(other, exception, true) == Match::Cannot
                || rule.matches.iter().any(|condition| excludes(condition, exception))
        })
    };
    // Wherever the exception of `other` holds, the exception of `rule` does.
    let excepted_too = || {
        !rule.unless.is_empty()
            && rule.unless.iter().all(|ours| {
                of(rule, ours, true) == Match::Matches
                    || other.unless.iter().any(|theirs| implies(theirs, ours))
            })
    };
    matches && (other.unless.is_empty() || never_excepted() || excepted_too())
}

/// Whether the second condition holds wherever the first does, also of a list. How a class counts
/// depends on the rule, so nothing is said of that here.
fn implies(first: &Condition, second: &Condition) -> bool {
    let covered = |glob: &Glob| second.any.iter().any(|wide| wide.covers(glob));
    first.key == second.key && first.key != Key::Class && first.any.iter().all(covered)
}

/// Whether the second condition cannot hold where the first may, also of a list.
fn excludes(first: &Condition, second: &Condition) -> bool {
    let apart = |glob: &Glob| second.any.iter().all(|other| !other.meets(glob));
    first.key == second.key && first.key != Key::Class && first.any.iter().all(apart)
}
