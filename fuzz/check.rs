//! What holds of every policy file, whatever it says. The fuzzer asks it of what it makes, and a test
//! of what is kept in `fuzz/corpus`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign::config::{Alone, Error, Source};
use countersign::core::operation::Class;
use countersign::core::plan::Target;
use countersign::core::policy::{
    Direction, Key, Known, Level, Policy, Query, Rule, Vocabulary, compare, widens,
};
use countersign::core::text;
use countersign::gate::Registry;
use countersign::ops;
use time::OffsetDateTime;

/// What is told of one file, in characters.
const TOLD_CHARS_MAX: usize = 64 * 1024;

/// How long two policies are compared.
const COMPARE_BUDGET: usize = 100_000;

static VOCABULARY: LazyLock<Vocabulary> =
    LazyLock::new(|| Registry::new(ops::ALL, |_| true).vocabulary());

static BUILTIN: LazyLock<Policy> = LazyLock::new(Policy::builtin);

/// Reads the bytes as a user's file and as a project's, and asks whatever is accepted.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for level in [Level::User, Level::Project] {
        let read = || {
            let source = Source { path: "policy.toml".into(), level, named: true };
            Alone::of(&source, text.to_owned(), &VOCABULARY)
        };
        match read() {
            Ok(alone) => {
                let digest = alone.stack.policy.digest();
                assert_eq!(read().map(|again| again.stack.policy.digest()), Ok(digest));
                accepted(&alone, level);
            }
            Err(error) => refused(&error, text),
        }
    }
}

/// Every refusal has a place and words that hide nothing.
fn refused(error: &Error, text: &str) {
    assert!((1..=20).contains(&error.problems.len()));
    let lines = text.split('\n').count();
    for problem in &error.problems {
        let position = problem.position.as_ref().expect("a place");
        assert!((1..=lines).contains(&position.place.line), "{error}");
        assert!(position.column >= 1 && !problem.message.is_empty(), "{error}");
    }
    let told = error.to_string();
    assert!(told.chars().count() <= TOLD_CHARS_MAX);
    assert!(!told.chars().any(|c| c != '\n' && text::is_hidden(c)), "{told:?}");
}

/// What is accepted decides, has places, and where it is a project's, permits nothing more than the
/// built-in rules do.
fn accepted(alone: &Alone, level: Level) {
    let policy = &*alone.stack.policy;
    assert!(alone.rules.iter().all(|rule| rule.place.is_some() && rule.level == level));
    assert_eq!(alone.stack.failed.is_none(), alone.stack.tests.iter().all(|ran| ran.passed));
    if let Some(failed) = &alone.stack.failed {
        assert!(failed.problems.iter().all(|problem| problem.position.is_some()));
    }
    compared(policy, level);
    for known in VOCABULARY.operations() {
        let target = target(known, &alone.rules);
        let unknown = Query::unknown(&known.spec);
        let known_class = Query { class: Some(known.spec.class), ..unknown };
        let resolved =
            Query { targets: Some(target.as_slice()), client: Some(None), ..known_class };
        for query in [unknown, known_class, resolved] {
            let verdict = policy.decide(&query);
            assert!(policy.least(&query) <= verdict.effect());
            if level == Level::Project {
                assert!(verdict.effect() >= BUILTIN.decide(&query).effect());
            }
            assert_eq!(policy.account(&query).len(), 1);
        }
        for class in Class::ALL {
            let verdict = policy.decide(&Query { class: Some(class), ..resolved });
            assert_eq!(verdict.policy(), policy.digest());
        }
    }
}

/// Each difference to the built-in rules has a request that shows it, and none is one of a policy to
/// itself.
fn compared(policy: &Policy, level: Level) {
    let since = OffsetDateTime::UNIX_EPOCH;
    let comparison = compare(&BUILTIN, policy, &VOCABULARY, since, COMPARE_BUDGET);
    for change in &comparison.changes {
        let query = change.witness.query();
        let (before, after) = (BUILTIN.decide(&query).effect(), policy.decide(&query).effect());
        assert_eq!((change.before.effect(), change.after.effect()), (before, after));
        assert_eq!(change.direction == Direction::Widened, after < before);
        assert!(level != Level::Project || after > before);
    }
    assert!(!widens(policy, policy, &VOCABULARY, since, COMPARE_BUDGET));
}

/// A target that the rules ask about.
fn target(known: &Known, rules: &[Rule]) -> Option<Target> {
    let kind = known.spec.kinds.first()?;
    let mut target = Target {
        kind: kind.name,
        id: String::new(),
        name: String::new(),
        engine: String::new(),
        attributes: BTreeMap::new(),
    };
    for condition in rules.iter().flat_map(|rule| &rule.matches) {
        let Some(text) = condition.any.iter().find_map(|glob| glob.as_literal()) else { continue };
        match &condition.key {
            Key::Name => target.name = text.to_owned(),
            Key::Id => target.id = text.to_owned(),
            Key::Engine => target.engine = text.to_owned(),
            Key::Attribute(name) => {
                target.attributes.insert(name.clone(), text.to_owned());
            }
            _ => {}
        }
    }
    Some(target)
}
