//! Random policies and requests of the small world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Weekday;
use proptest::collection::{btree_map, vec};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::reference::{
    Draft, DraftRate, DraftSchedule, DraftTakes, Earlier, How, Question, Request, Thing,
};
use super::support::{LINK, UNIT, condition, vocabulary};
use crate::core::grant::Assurance;
use crate::core::operation::Class;
use crate::core::plan::Target;
use crate::core::policy::{
    ClassSet, Effect, History, Known, Level, Past, Policy, Query, Rate, Requirement, Rule,
    Schedule, Scope, Touched, Verdict, Vocabulary, When, Window, Zone, operations_of,
};
use crate::core::record::TargetKey;

const GLOBS: &[&str] = &["a", "b", "ab", "a*", "*b", "?", "*", "a?b", "?*"];
const TEXTS: &[&str] = &["a", "b", "ab", "ba", "abb", "c"];
const IDS: &[&str] = &["00000000", "abababab", "0000000a"];
const ENGINES: &[&str] = &["a", "b"];
const SIGNERS: &[&str] = &["alice", "bob"];
const FLAGS: &[&str] = &["true", "false"];

/// What is asked under a key, and what requests have there.
pub(super) const KEYS: Keys = &[
    ("op", &["ping", "run", "list", "show", "stop", "rename", "attach", "remove"]),
    ("class", &["read", "sensitive", "mutate", "destroy", "escalate"]),
    ("toolset", &["core", "units", "links"]),
    ("kind", &["unit", "link"]),
    ("name", GLOBS),
    ("id", IDS),
    ("engine", ENGINES),
    ("client", GLOBS),
    ("label.env", GLOBS),
    ("label.tier", GLOBS),
    ("image", GLOBS),
    ("project", GLOBS),
    ("privileged", FLAGS),
    ("driver", GLOBS),
    ("arg.force", FLAGS),
    ("arg.all", FLAGS),
    ("arg.tags", GLOBS),
    ("arg.ports", GLOBS),
    ("arg.timeout", GLOBS),
    ("arg.image", GLOBS),
];

/// Keys, each with the globs that are asked for under it.
type Keys = &'static [(&'static str, &'static [&'static str])];

fn question(keys: Keys) -> impl Strategy<Value = Question> {
    (select(keys), vec(any::<Index>(), 1..=2)).prop_map(|((key, globs), picks)| {
        let globs = picks.iter().map(|pick| pick.get(globs).to_string()).collect();
        (key.to_owned(), globs)
    })
}

fn questions(keys: Keys, most: usize) -> impl Strategy<Value = Vec<Question>> {
    vec(question(keys), 0..=most).prop_map(|all| {
        let unique: BTreeMap<String, Vec<String>> = all.into_iter().collect();
        unique.into_iter().collect()
    })
}

pub(super) fn schedule() -> impl Strategy<Value = DraftSchedule> {
    let window = || select(vec![(540, 1020), (1020, 540), (0, 1440), (541, 542), (1320, 0)]);
    let days = vec(0..7_i64, 0..=2);
    (select(vec![0, 5]), of(window()), of(window()), days)
        .prop_map(|(ahead, inside, outside, days)| DraftSchedule { ahead, inside, outside, days })
}

pub(super) fn rate() -> impl Strategy<Value = DraftRate> {
    (1..=3_u32, select(vec![60, 3600]), any::<bool>())
        .prop_map(|(least, seconds, per_target)| DraftRate { least, seconds, per_target })
}

pub(super) fn rule(keys: Keys) -> impl Strategy<Value = Draft> {
    use Effect::{Allow, Approve, Confirm, Deny};
    let effect = select(vec![Allow, Allow, Allow, Allow, Confirm, Confirm, Approve, Deny, Deny]);
    let unless = prop_oneof![3 => Just(Vec::new()), 2 => questions(keys, 2)];
    let when = (weighted(0.15, schedule()), weighted(0.15, rate()), weighted(0.5, takes()));
    (effect, any::<Index>(), questions(keys, 3), unless, when).prop_map(
        |(effect, level, matches, unless, (schedule, rate, takes))| {
            // What is counted goes by the operations that a rule speaks of; the reference knows
            // these without the exceptions.
            let unless = if rate.is_some() { Vec::new() } else { unless };
            let rate = rate.filter(|_| effect != Allow);
            let is_project = level.index(6) == 0;
            let takes = takes.filter(|_| matches!(effect, Confirm | Approve));
            let takes = takes.map(|takes| takes.of(effect));
            Draft { effect, is_project, matches, unless, schedule, rate, takes }
        },
    )
}

fn takes() -> impl Strategy<Value = DraftTakes> {
    let accept = subsequence(&Assurance::ALL[1..], 1..=6);
    (accept, subsequence(SIGNERS, 0..=2), of(select(vec![60, 3600])))
        .prop_map(|(accept, by, expires)| DraftTakes { accept, by, expires })
}

/// Ways to confirm or to approve, of each sort that rules tell apart.
pub(super) fn ways() -> Vec<How> {
    let mut ways = Vec::new();
    for assurance in Assurance::ALL {
        for signer in SIGNERS.iter().copied().map(Some).chain([None, Some("mallory")]) {
            let each = [60, 61, u32::MAX].map(|after| How { assurance, signer, after });
            ways.extend(each);
        }
    }
    ways
}

/// Whether it may be done once somebody did this.
pub(super) fn is_enough(verdict: &Verdict, how: How) -> bool {
    let takes = verdict.takes();
    match verdict.effect() {
        Effect::Allow => true,
        Effect::Deny => false,
        Effect::Confirm | Effect::Approve => {
            takes.is_met(how.assurance, how.signer)
                && takes.expires.is_none_or(|expires| how.after <= expires)
        }
    }
}

impl DraftTakes {
    /// As a file may say it for that effect.
    fn of(mut self, effect: Effect) -> Self {
        if effect == Effect::Approve {
            self.accept.retain(|assurance| *assurance >= Assurance::Secret);
            if self.accept.is_empty() {
                self.accept.push(Assurance::Secret);
            }
        } else {
            (self.by, self.expires) = (Vec::new(), None);
        }
        self
    }

    fn requirement(&self) -> Requirement {
        let by = self.by.iter().map(|name| Arc::from(*name)).collect();
        Requirement {
            accept: self.accept.iter().copied().collect(),
            by: Some(by).filter(|by: &BTreeSet<_>| !by.is_empty()),
            expires: self.expires,
        }
    }
}

pub(super) fn policy(most: usize) -> impl Strategy<Value = Vec<Draft>> {
    vec(rule(KEYS), 0..=most)
}

impl Draft {
    pub(super) fn rule(&self, id: &str, vocabulary: &Vocabulary) -> Rule {
        let conditions = |questions: &[Question]| {
            let text = |(key, globs): &Question| format!("{key} = {}", globs.join(" | "));
            questions.iter().map(|question| condition(&text(question))).collect()
        };
        let level = if self.is_project { Level::Project } else { Level::User };
        let mut rule = Rule::new(id, self.effect, level, conditions(&self.matches));
        rule.unless = conditions(&self.unless);
        let counted = operations_of(&rule, vocabulary).into_iter();
        let counted = counted.map(|(known, classes)| (known.spec.name.to_string(), classes));
        let rate = self.rate.as_ref().map(|rate| Rate {
            least: rate.least,
            seconds: rate.seconds,
            scope: if rate.per_target { Scope::Target } else { Scope::Host },
            counted: counted.collect(),
        });
        let schedule = self.schedule.as_ref().map(DraftSchedule::schedule);
        rule.takes = self.takes.as_ref().map(DraftTakes::requirement);
        rule.when = (schedule.is_some() || rate.is_some()).then_some(When { schedule, rate });
        rule
    }
}

impl DraftSchedule {
    fn schedule(&self) -> Schedule {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let window = |(from, to)| Window::parse(&format!("{}-{}", time(from), time(to))).unwrap();
        let day =
            |day: &i64| Weekday::from_sunday_zero_offset(i8::try_from(*day).unwrap()).unwrap();
        let zone = if self.ahead == 0 { "UTC" } else { "Etc/GMT-5" };
        Schedule {
            zone: Zone::parse(zone).unwrap(),
            inside: self.inside.map(window),
            outside: self.outside.map(window),
            days: self.days.iter().map(day).collect(),
        }
    }
}

/// The drafts as a policy. Rules are numbered.
pub(super) fn sealed(drafts: &[Draft]) -> Policy {
    let vocabulary = vocabulary();
    let rules = drafts.iter().enumerate();
    Policy::new(rules.map(|(n, draft)| draft.rule(&format!("r{n}"), vocabulary)).collect())
}

/// A target of either kind; which one an operation gets is its own say.
fn target() -> impl Strategy<Value = [Target; 2]> {
    let text = || select(TEXTS);
    let label = || weighted(0.7, select(vec!["a", "b", "ab", ""]));
    let always = || weighted(0.8, text());
    let attributes =
        (label(), label(), always(), of(text()), weighted(0.8, select(FLAGS)), always());
    (text(), select(IDS), select(ENGINES), attributes).prop_map(|(name, id, engine, attributes)| {
        let (env, tier, image, project, privileged, driver) = attributes;
        let attributes = [
            ("label.env", env),
            ("label.tier", tier),
            ("image", image),
            ("project", project),
            ("privileged", privileged),
            ("driver", driver),
        ];
        [&UNIT, &LINK].map(|kind| {
            let mine = attributes.into_iter().filter(|(name, _)| kind.attribute(name).is_some());
            let mine = mine.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
            Target {
                kind: kind.name,
                id: id.to_owned(),
                name: name.to_owned(),
                engine: engine.to_owned(),
                attributes: mine.collect(),
            }
        })
    })
}

/// What an operation acts on: of the kinds that it has, `picks` says which.
fn acted(known: &Known, drawn: Vec<([Target; 2], Index)>) -> Vec<Target> {
    let of = |(both, pick): ([Target; 2], Index)| {
        let kind = pick.get(known.spec.kinds);
        both.into_iter().find(|target| target.kind == kind.name).unwrap()
    };
    if known.spec.kinds.is_empty() { Vec::new() } else { drawn.into_iter().map(of).collect() }
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let text = || select(TEXTS).prop_map(|text| json!(text));
    let list = || vec(select(TEXTS), 0..=3).prop_map(|list| json!(list));
    let value = prop_oneof![3 => text(), 2 => list(), 1 => any::<bool>().prop_map(|b| json!(b)),
        1 => Just(Value::Null), 1 => Just(json!({"a": "b"}))];
    const NAMES: &[&str] = &["force", "all", "tags", "ports", "timeout", "image", "newName"];
    btree_map(select(NAMES), value, 0..=4)
        .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A Monday in winter.
const MONDAY: i64 = 1_768_176_000;

fn moment() -> impl Strategy<Value = OffsetDateTime> {
    let hours = select(vec![0, 4, 9, 12, 17, 19, 22]);
    (0..7_i64, hours, -1..=1_i64).prop_map(|(day, hour, second)| {
        let seconds = MONDAY + day * 86_400 + hour * 3600 + second;
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    })
}

/// How long ago, which operation and class, and to which targets.
type Sketch = (i64, Index, Option<Index>, Option<Vec<Thing>>);

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let ages = select(vec![-5, 0, 59, 60, 61, 3599, 3600, 3601]);
    let target = (select(vec![UNIT.name, LINK.name]), select(IDS), select(ENGINES));
    let target = target.prop_map(|(kind, id, engine)| (kind, id.to_owned(), engine.to_owned()));
    let targets = weighted(0.9, vec(target, 0..=2));
    vec((ages, any::<Index>(), weighted(0.9, any::<Index>()), targets), 0..=6)
}

fn earlier(sketches: Vec<Sketch>, now: OffsetDateTime) -> Vec<Earlier> {
    let one = |(age, operation, class, targets): Sketch| {
        let spec = &operation.get(vocabulary().operations()).spec;
        Earlier {
            at: now - Duration::seconds(age),
            operation: &spec.name,
            class: class.map(|class: Index| pick(spec.class, spec.ceiling, class)),
            targets,
        }
    };
    sketches.into_iter().map(one).collect()
}

fn pick(lowest: Class, highest: Class, pick: Index) -> Class {
    let between: Vec<Class> =
        Class::ALL.into_iter().filter(|class| (lowest..=highest).contains(class)).collect();
    *pick.get(&between)
}

fn known<T: std::fmt::Debug>(
    percent: u8,
    part: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    (part, 0..100_u8).prop_map(move |(part, drawn)| (drawn < percent).then_some(part))
}

/// A request of which each part is known with this probability, in per cent.
pub(super) fn request(percent: u8) -> impl Strategy<Value = Request> {
    let asked = (known(percent, any::<Index>()), known(percent, arguments()));
    let client = known(percent, of(select(TEXTS).prop_map(str::to_owned)));
    let drawn = known(percent, vec((target(), any::<Index>()), 0..=3));
    let before = known(percent, sketches());
    let times = (moment(), known(percent, Just(())));
    (any::<Index>(), asked, client, drawn, times, before).prop_map(
        |(operation, (class, arguments), client, drawn, (moment, on_time), before)| {
            let vocabulary = vocabulary();
            let known = operation.get(vocabulary.operations());
            let spec = &known.spec;
            let class = class.map(|index| pick(spec.class, spec.ceiling, index));
            let arguments = arguments.map(|mut arguments| {
                arguments.retain(|name, _| known.arguments.contains_key(name));
                arguments
            });
            let targets = match spec.kinds {
                [] => Some(Vec::new()),
                _ => drawn.map(|drawn| acted(known, drawn)),
            };
            let earlier = before.map(|before| earlier(before, moment));
            let now = on_time.map(|()| moment);
            Request { known, class, arguments, client, targets, now, earlier }
        },
    )
}

impl Request {
    pub(super) fn history(&self) -> Option<History> {
        let mut history = History::default();
        for one in self.earlier.as_ref()? {
            let key = |(kind, id, engine): &Thing| TargetKey::of(kind, id, engine);
            let targets = one.targets.as_ref();
            history.push(Past {
                at: one.at,
                operation: one.operation.to_owned(),
                classes: one.class.map_or(ClassSet::ALL, |class| ClassSet::of(&[class])),
                targets: targets.map_or(Touched::Unlisted, |all| {
                    Touched::Listed(all.iter().map(key).collect())
                }),
            });
        }
        Some(history)
    }

    pub(super) fn query<'a>(&'a self, history: Option<&'a History>) -> Query<'a> {
        Query {
            spec: &self.known.spec,
            class: self.class,
            arguments: self.arguments.as_ref(),
            client: self.client.as_ref().map(Option::as_deref),
            targets: self.targets.as_deref(),
            now: self.now,
            history,
        }
    }
}
