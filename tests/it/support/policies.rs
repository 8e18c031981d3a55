//! Policies for tests: rules in few words, and a source of policies that a test changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use countersign::core::policy::{
    ClassSet, Condition, Effect, Glob, Key, Level, Policy, Rate, Rule, Schedule, Scope, When,
    Window, Zone,
};
use countersign::ports::{News, Policies};

/// A rule of the user's that matches where all of these hold. A key is as in a policy file.
pub(crate) fn rule(id: &str, effect: Effect, matches: &[(&str, &[&str])]) -> Rule {
    Rule::new(
        id,
        effect,
        Level::User,
        matches.iter().map(|(key, any)| condition(key, any)).collect(),
    )
}

fn condition(key: &str, any: &[&str]) -> Condition {
    let key = match key {
        "class" => Key::Class,
        "op" => Key::Op,
        "kind" => Key::Kind,
        "name" => Key::Name,
        "id" => Key::Id,
        "client" => Key::Client,
        other => match other.strip_prefix("arg.") {
            Some(argument) => Key::Argument(argument.to_owned()),
            None => Key::Attribute(other.to_owned()),
        },
    };
    Condition::new(key, any.iter().map(|glob| Glob::parse(glob).unwrap()).collect())
}

/// The same rule, but not where these hold.
pub(crate) fn unless(rule: Rule, exceptions: &[(&str, &[&str])]) -> Rule {
    Rule { unless: exceptions.iter().map(|(key, any)| condition(key, any)).collect(), ..rule }
}

/// The same rule, but only inside this window of a day in UTC.
pub(crate) fn inside(rule: Rule, window: &str) -> Rule {
    let schedule = Schedule {
        zone: Zone::parse("UTC").unwrap(),
        inside: Some(Window::parse(window).unwrap()),
        outside: None,
        days: Vec::new(),
    };
    Rule { when: Some(When { schedule: Some(schedule), rate: None }), ..rule }
}

/// The same rule, but only once so many of these operations were let through within an hour.
pub(crate) fn at_least(rule: Rule, least: u32, scope: Scope, operations: &[&str]) -> Rule {
    let counted = operations.iter().map(|name| ((*name).to_owned(), ClassSet::ALL));
    let rate = Rate { least, seconds: 3600, scope, counted: BTreeMap::from_iter(counted) };
    Rule { when: Some(When { schedule: None, rate: Some(rate) }), ..rule }
}

/// A rule on everything.
pub(crate) fn all(id: &str, effect: Effect) -> Rule {
    rule(id, effect, &[])
}

/// The policy of these rules.
pub(crate) fn policy(rules: &[Rule]) -> Policy {
    Policy::new(rules.to_vec())
}

/// A source of policies that a test changes, as if somebody edited the files.
#[derive(Debug)]
pub(crate) struct Switch(Mutex<State>);

#[derive(Debug)]
struct State {
    current: Arc<Policy>,
    changes: u64,
    news: Option<(u64, News)>,
    told: Option<(u64, News)>,
}

impl Switch {
    pub(crate) fn new(policy: Policy) -> Arc<Self> {
        let state = State { current: Arc::new(policy), changes: 0, news: None, told: None };
        Arc::new(Self(Mutex::new(state)))
    }

    fn tell(&self, news: News) {
        let mut state = self.0.lock().unwrap();
        state.changes += 1;
        state.news = Some((state.changes, news));
    }

    /// The files say this now.
    pub(crate) fn load(&self, policy: Policy, widened: bool) {
        self.tell(News::Loaded { policy: Arc::new(policy), widened });
    }

    /// The files say something that cannot be a policy.
    pub(crate) fn reject(&self, error: &str) {
        self.tell(News::Rejected { error: error.to_owned() });
    }
}

impl Policies for Switch {
    fn is_current(&self) -> bool {
        self.news().is_none()
    }

    fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.0.lock().unwrap().current)
    }

    fn news(&self) -> Option<News> {
        let mut state = self.0.lock().unwrap();
        state.told = state.news.clone();
        state.told.clone().map(|(_, news)| news)
    }

    fn settle(&self) {
        let mut state = self.0.lock().unwrap();
        let Some((number, news)) = state.told.take() else { return };
        if let News::Loaded { policy, .. } = news {
            state.current = policy;
        }
        if state.news.as_ref().is_some_and(|(newest, _)| *newest == number) {
            state.news = None;
        }
    }
}
