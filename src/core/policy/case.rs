//! Tests of a policy: typical requests, each with the verdict that it must get.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::history::History;
use super::query::Query;
use super::rule::{Place, Rule};
use super::vocabulary::Known;
use super::{Effect, Policy};
use crate::core::operation::{Class, Form, Kind, Spec};
use crate::core::plan::Target;

/// A request with the verdict that it must get.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it is called.
    pub name: Arc<str>,
    /// The request.
    pub given: Given,
    /// The verdict.
    pub expect: Effect,
    /// The id of the rule that must decide, or `no-match`; none for any.
    pub by: Option<Arc<str>>,
    /// Where it is written.
    pub place: Place,
}

/// A typical request: what is not given is as it mostly is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The operation's name.
    pub operation: String,
    /// The effective class; none for the declared one.
    pub class: Option<Class>,
    /// The kind of the target that is described; none for the first that can be as described.
    pub kind: Option<&'static str>,
    /// The target's name.
    pub name: String,
    /// The target's id.
    pub id: String,
    /// The id of the target's engine.
    pub engine: String,
    /// The name that the client gives itself, if it gives one.
    pub client: Option<String>,
    /// Arguments that are not left out.
    pub arguments: Map<String, Value>,
    /// Attributes of the target. One that every target of the kind has is empty, or false, where it
    /// is left out; another one is not there.
    pub attributes: BTreeMap<String, String>,
    /// The time of day.
    pub at: Option<OffsetDateTime>,
    /// How many earlier requests every rule that counts has seen.
    pub count: u32,
}

/// What came of a test.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    /// What it is called.
    pub name: Arc<str>,
    /// The verdict that it must get.
    pub expected: Effect,
    /// The rule that must decide, if one is named.
    pub by_expected: Option<Arc<str>>,
    /// The verdict that it got.
    pub found: Effect,
    /// The rule that decided, or `no-match`.
    pub rule: Arc<str>,
    /// The verdict depends on the time of day, and the test says none.
    pub timeless: bool,
    /// The kind that was described, where the operation acts on several and the test says none.
    #[serde(skip)]
    pub taken_for: Option<&'static str>,
    /// Whether it got what it must.
    pub passed: bool,
    /// Where it is written.
    #[serde(skip)]
    pub place: Place,
}

impl Ran {
    /// Why it did not pass, in full sentences; none if it did.
    pub fn failure(&self) -> Option<String> {
        if self.passed {
            return None;
        }
        let Self { name, expected, by_expected, found, rule, taken_for, .. } = self;
        if self.timeless {
            return Some(format!(
                "The test `{name}` has no one verdict: which rule decides depends on the time of \
                 day. Say a moment in `given`, such as at = \"2026-01-31T12:00:00Z\"."
            ));
        }
        let by = by_expected.as_ref().map(|id| format!(" by `{id}`")).unwrap_or_default();
        let taken = taken_for.map(|kind| {
            format!(" What it describes was taken for a {kind}; say another `kind` in `given`.")
        });
        Some(format!(
            "The test `{name}` fails: it expects `{}`{by} and gets `{}` by `{rule}`.{}",
            expected.as_str(),
            found.as_str(),
            taken.unwrap_or_default()
        ))
    }
}

/// Runs tests, each on its operation. `policy` is asked as it is, and where a test says no time of
/// day, whether that matters.
pub fn run<'a>(
    policy: &Policy,
    cases: impl IntoIterator<Item = (&'a Case, &'a Known)>,
) -> Vec<Ran> {
    let cases: Vec<_> = cases.into_iter().collect();
    let timed = cases.iter().all(|(case, _)| case.given.at.is_some());
    let extremes = if timed { None } else { Extremes::of(policy) };
    cases.into_iter().map(|(case, known)| case.run(policy, extremes.as_ref(), known)).collect()
}

/// A policy that goes by the time of day, as it is where no such rule holds and where all do. Where
/// both say the same by the same rule, it is the same at all times: were there a time at which
/// another rule decides, that one would decide where all hold.
struct Extremes {
    none: Policy,
    all: Policy,
}

impl Extremes {
    fn of(policy: &Policy) -> Option<Self> {
        let schedule = |rule: &Rule| rule.when.as_ref().is_some_and(|when| when.schedule.is_some());
        if !policy.rules().iter().any(schedule) {
            return None;
        }
        let (mut none, mut all) = (policy.rules().to_vec(), policy.rules().to_vec());
        none.retain(|rule| !schedule(rule));
        for when in all.iter_mut().filter_map(|rule| rule.when.as_mut()) {
            when.schedule = None;
        }
        Some(Self { none: Policy::new(none), all: Policy::new(all) })
    }
}

impl Case {
    fn run(&self, policy: &Policy, extremes: Option<&Extremes>, known: &Known) -> Ran {
        let targets = self.given.targets(&known.spec);
        let arguments = self.given.arguments(known);
        let history = History::assumed(self.given.count);
        let query = Query {
            spec: &known.spec,
            class: Some(self.given.class.unwrap_or(known.spec.class)),
            arguments: Some(&arguments),
            client: Some(self.given.client.as_deref()),
            targets: Some(&targets),
            // Where no moment is given, none is asked for, or all would do.
            now: Some(self.given.at.unwrap_or(OffsetDateTime::UNIX_EPOCH)),
            history: Some(&history),
        };
        let (verdict, timeless) = match extremes.filter(|_| self.given.at.is_none()) {
            None => (policy.decide(&query), false),
            Some(Extremes { none, all }) => {
                let (none, all) = (none.decide(&query), all.decide(&query));
                let same = (none.effect(), none.rule()) == (all.effect(), all.rule());
                (all, !same)
            }
        };
        let by = self.by.as_deref().is_none_or(|id| id == verdict.rule());
        Ran {
            name: Arc::clone(&self.name),
            expected: self.expect,
            by_expected: self.by.clone(),
            found: verdict.effect(),
            rule: verdict.rule().into(),
            timeless,
            taken_for: self.given.taken_for(&known.spec),
            passed: !timeless && verdict.effect() == self.expect && by,
            place: self.place.clone(),
        }
    }
}

impl Given {
    /// The kind of the target that is described; none if there is none that can be so.
    pub fn described(&self, spec: &Spec) -> Option<&'static Kind> {
        let can_be = |kind: &&&'static Kind| {
            self.kind.is_none_or(|name| name == kind.name)
                && self.attributes.keys().all(|name| kind.attribute(name).is_some())
        };
        spec.kinds.iter().find(can_be).copied()
    }

    /// What it acts on: the target that is described, and one of which nothing is said for each
    /// other kind that every request of the operation acts on.
    pub fn targets(&self, spec: &Spec) -> Vec<Target> {
        let described = self.described(spec);
        let is_described_beside = described.is_some_and(|kind| spec.beside.contains(&kind));
        let Self { name, id, engine, attributes, .. } = self;
        let target = |(place, kind): (usize, &&'static Kind)| {
            if described == Some(*kind) {
                return Some(typical(kind, [id, name, engine], attributes.clone()));
            }
            let is_named = place < spec.references.len();
            let is_beside = !is_described_beside && spec.beside.first() == Some(kind);
            (is_named || is_beside).then(|| typical(kind, ["", "", engine], BTreeMap::new()))
        };
        spec.kinds.iter().enumerate().filter_map(target).collect()
    }

    /// The kind that is described where several could be meant and none is said.
    fn taken_for(&self, spec: &Spec) -> Option<&'static str> {
        let open = self.kind.is_none() && spec.kinds.len() > 1;
        self.described(spec).filter(|_| open).map(|kind| kind.name)
    }

    /// The arguments, with defaults filled in.
    pub fn arguments(&self, known: &Known) -> Map<String, Value> {
        let default = |(name, argument): (&String, &super::Argument)| {
            Some((name.clone(), argument.default.clone()?))
        };
        let mut arguments: Map<String, Value> =
            known.arguments.iter().filter_map(default).collect();
        arguments.extend(self.arguments.clone());
        arguments
    }
}

/// A target of this kind as it mostly is, but for what is said of it.
fn typical(
    kind: &'static Kind,
    [id, name, engine]: [&str; 3],
    mut attributes: BTreeMap<String, String>,
) -> Target {
    for attribute in kind.attributes.iter().filter(|attribute| attribute.always) {
        let typical = if attribute.form == Form::Flag { "false" } else { "" };
        attributes.entry(attribute.name.to_owned()).or_insert_with(|| typical.to_owned());
    }
    let [id, name, engine] = [id, name, engine].map(str::to_owned);
    Target { kind: kind.name, id, name, engine, attributes }
}
