//! From files to the effective policy: the layers in their order, with the tests of each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::document::{Error, Span};
use super::file::File;
use super::found::Source;
use super::read::read_any;
use super::table::meant;
use crate::core::policy::{self, Case, Level, Policy, Ran, Rule, Vocabulary};

/// The policy that a number of files come to.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The effective policy. Each rule says where it is written.
    pub policy: Arc<Policy>,
    /// What came of every test, file by file.
    pub tests: Vec<Ran>,
    /// The tests that failed, as an error that shows their places.
    pub failed: Option<Error>,
}

/// What one file comes to by itself, on top of the built-in rules.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Its own rules.
    pub rules: Vec<Rule>,
    /// The policy that it comes to, with the built-in rules unless it replaces them.
    pub stack: Stack,
}

impl Stack {
    /// The same, if every test passed.
    ///
    /// # Errors
    /// For each test that failed.
    pub fn passed(self) -> Result<Self, Error> {
        match self.failed {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }
}

/// What these files come to, in the order of their trust. Tests that fail do not keep it from being
/// made: see [`Stack::passed`].
///
/// # Errors
/// If two files have a rule of the same id, or if a trusted file has one that the built-in rules
/// leave nothing to say.
pub(super) fn build<'f>(files: &'f [File], vocabulary: &Vocabulary) -> Result<Stack, Error> {
    unique(files)?;
    let mut base = policy::builtin();
    let mut written: Vec<Rule> = Vec::new();
    let (mut tests, mut failed) = (Vec::new(), Vec::new());
    for file in files {
        if file.replaces {
            base.clear();
        }
        overruled(file, &base, vocabulary)?;
        let own = by_itself(file);
        let known = |(case, span): &'f (Case, Span)| {
            Some((case, vocabulary.get(&case.given.operation)?, span))
        };
        let asked: Vec<_> = file.cases.iter().filter_map(known).collect();
        let ran = policy::run_cases(&own, asked.iter().map(|(case, known, _)| (*case, *known)));
        for (ran, (.., span)) in ran.iter().zip(asked) {
            if let Some(mut why) = ran.failure() {
                why.push_str(&unknown_rule(ran, &own));
                failed.push(file.document.problem(span, &why));
            }
        }
        tests.extend(ran);
        written.extend(file.rules.iter().map(|(rule, _)| rule.clone()));
    }
    let policy = Arc::new(Policy::new(base.into_iter().chain(written).collect()));
    Ok(Stack { policy, tests, failed: Error::of(failed) })
}

/// What a file's tests are run on: its own rules, on top of the built-in ones unless it replaces
/// these. So they pass or fail everywhere alike, however strict another layer is.
fn by_itself(file: &File) -> Policy {
    let base = if file.replaces { Vec::new() } else { policy::builtin() };
    Policy::new(base.into_iter().chain(file.rules.iter().map(|(rule, _)| rule.clone())).collect())
}

/// What to say of a test that expects a rule which is not there; empty for others.
fn unknown_rule(ran: &Ran, policy: &Policy) -> String {
    let ids = || policy.rules().iter().map(|rule| &*rule.id).chain([policy::NO_MATCH]);
    match &ran.by_expected {
        Some(id) if !ids().any(|known| known == &**id) => {
            format!(" There is no rule `{id}`.{}", meant(id, ids()))
        }
        _ => String::new(),
    }
}

impl Alone {
    /// What a file of this text comes to by itself.
    ///
    /// # Errors
    /// If it says what a file of that level may not.
    pub fn of(source: &Source, text: String, vocabulary: &Vocabulary) -> Result<Self, Error> {
        let file = File::parse(source, text, vocabulary)?;
        let rules = file.rules.iter().map(|(rule, _)| rule.clone()).collect();
        Ok(Self { rules, stack: build(&[file], vocabulary)? })
    }
}

/// What the file at this path comes to by itself.
///
/// # Errors
/// If there is none, if it cannot be read, or if it says what a file of that level may not.
pub fn alone(path: &Path, level: Level, vocabulary: &Vocabulary) -> Result<Alone, Error> {
    let source = Source { path: path.to_owned(), level, named: true };
    Alone::of(&source, read_any(path)?, vocabulary)
}

/// Refuses what a built-in rule always overrules. A project's rules do not permit anyway.
fn overruled(file: &File, base: &[Rule], vocabulary: &Vocabulary) -> Result<(), Error> {
    let mut problems = Vec::new();
    for (rule, span) in file.rules.iter().filter(|(rule, _)| rule.level.is_trusted()) {
        if let Some(other) = policy::shadowed_by(rule, base.iter(), vocabulary) {
            let message = format!(
                "The rule `{}` never decides: the built-in rule `{}` always matches with it, and \
                 `{}` is stricter. Say base = \"replace\" at the top to write all rules yourself, \
                 or remove it.",
                rule.id,
                other.id,
                other.effect.as_str()
            );
            problems.push(file.document.problem(span, &message));
        }
    }
    Error::of(problems).map_or(Ok(()), Err)
}

fn unique(files: &[File]) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for file in files {
        for (rule, span) in &file.rules {
            if let Some(place) = seen.insert(&rule.id, file.document.place(span)) {
                let message = format!(
                    "The id `{}` is also that of the rule at {}:{}. Ids are unique over all files: \
                     rename one of the two.",
                    rule.id, place.file, place.line
                );
                problems.push(file.document.problem(span, &message));
            }
        }
    }
    Error::of(problems).map_or(Ok(()), Err)
}
