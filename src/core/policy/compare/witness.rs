//! A request that shows what a change of policy comes to.

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::ground::{Ground, Model};
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;
use crate::core::policy::values::Texts;
use crate::core::policy::{ClassSet, History, Key, Known, Past, Query, Rate, Scope, Touched};
use crate::core::record::TargetKey;

/// A request, with all that policy can know of it.
#[derive(Clone, Debug)]
pub struct Witness<'a> {
    /// The operation's declaration.
    pub spec: &'a Spec,
    /// The effective class.
    pub class: Class,
    /// The arguments that rules ask about.
    pub arguments: Map<String, Value>,
    /// The name that the client gives itself, if it gives one.
    pub client: Option<String>,
    /// What it acts on; none if on nothing.
    pub target: Option<Target>,
    /// When it comes.
    pub now: OffsetDateTime,
    /// What was let through before.
    pub history: History,
    /// What rules ask about it beside operation and class, and what it is.
    pub facts: Vec<(String, String)>,
}

impl<'a> Witness<'a> {
    /// The request as policy sees it.
    pub fn query(&self) -> Query<'_> {
        Query {
            spec: self.spec,
            class: Some(self.class),
            arguments: Some(&self.arguments),
            client: Some(self.client.as_deref()),
            targets: Some(self.target.as_slice()),
            now: Some(self.now),
            history: Some(&self.history),
        }
    }

    pub(super) fn new(
        known: &'a Known,
        ground: &Ground<'_>,
        model: &Model,
        since: OffsetDateTime,
    ) -> Self {
        let spec = &known.spec;
        let now = ground.tables.moments.at(model.moment).unwrap_or(since);
        let mut target = ground.kind.map(|kind| Target {
            kind: kind.name,
            id: String::new(),
            name: String::new(),
            engine: String::new(),
            attributes: std::collections::BTreeMap::new(),
        });
        let (mut arguments, mut client) = (Map::new(), None);
        for (named, texts) in ground.keys.iter().zip(&model.texts) {
            let value = match texts {
                Texts::One(text, _) => Value::String(text.to_string()),
                Texts::Many(texts) => texts.iter().map(ToString::to_string).collect(),
                Texts::None | Texts::Unknown => continue,
            };
            match (named.key, value, &mut target) {
                (Key::Argument(name), value, _) => {
                    arguments.insert(name.clone(), value);
                }
                (Key::Client, Value::String(text), _) => client = Some(text),
                (Key::Name, Value::String(text), Some(target)) => target.name = text,
                (Key::Id, Value::String(text), Some(target)) => target.id = text,
                (Key::Engine, Value::String(text), Some(target)) => target.engine = text,
                (Key::Attribute(name), Value::String(text), Some(target)) => {
                    target.attributes.insert(name.clone(), text);
                }
                _ => {}
            }
        }
        let history = history(ground, model, now, target.as_ref());
        let (class, facts) = (ground.class, facts(ground, model, now));
        Self { spec, class, arguments, client, target, now, history, facts }
    }
}

fn facts(ground: &Ground<'_>, model: &Model, now: OffsetDateTime) -> Vec<(String, String)> {
    let asked = ground.keys.iter().zip(&model.texts);
    let asked = asked.filter(|(named, _)| named.asked);
    let mut facts: Vec<(String, String)> =
        asked.map(|(named, texts)| (named.key.to_string(), texts.to_string())).collect();
    if !ground.tables.schedules.is_empty() {
        let moment = now.format(&Rfc3339).unwrap_or_else(|_| now.to_string());
        facts.push(("time".to_owned(), moment));
    }
    let reached = ground.tables.rates.iter().zip(&model.reached);
    facts.extend(reached.filter(|(_, reached)| **reached).map(|(rate, _)| {
        let over = if rate.scope == Scope::Target { "this target" } else { "this host" };
        ("before".to_owned(), format!("{rate} on {over}"))
    }));
    facts
}

/// A request that was let through before the one in question.
#[derive(Clone, Copy)]
struct Earlier<'g> {
    seconds_ago: u32,
    operation: &'g str,
    class: Class,
    /// Whether it acted on the same target.
    same: bool,
}

/// What has to have been let through so that the rates are reached that should be: each as long ago
/// as can be and of the sort that counts least for the others.
fn earlier<'g>(ground: &Ground<'g>, model: &Model) -> Vec<Earlier<'g>> {
    let of = |wanted: bool| {
        let rates = ground.tables.rates.iter().zip(&model.reached);
        rates.filter(move |(_, reached)| **reached == wanted).map(|(rate, _)| *rate)
    };
    let counts = |rate: &Rate, earlier: &Earlier<'_>| {
        let counted = rate.counted.get(earlier.operation);
        earlier.seconds_ago <= rate.seconds
            && counted.is_some_and(|set| set.contains(earlier.class))
            && (earlier.same || rate.scope == Scope::Host || ground.kind.is_none())
    };
    let mut reached: Vec<&'g Rate> = of(true).collect();
    reached.sort_by_key(|rate| rate.seconds);
    let mut all: Vec<Earlier<'g>> = Vec::new();
    for rate in reached {
        let (seconds_ago, same) = (rate.seconds, rate.scope == Scope::Target);
        let sorts = rate.counted.iter().flat_map(|(operation, classes)| {
            let one = move |class| Earlier { seconds_ago, operation, class, same };
            classes.iter().map(one)
        });
        let least = sorts.min_by_key(|one| of(false).filter(|other| counts(other, one)).count());
        let Some(least) = least else { continue };
        let have = all.iter().filter(|earlier| counts(rate, earlier)).count();
        let wanted = usize::try_from(rate.least).unwrap_or(usize::MAX);
        all.extend(std::iter::repeat_n(least, wanted.saturating_sub(have)));
    }
    all
}

fn history(
    ground: &Ground<'_>,
    model: &Model,
    now: OffsetDateTime,
    target: Option<&Target>,
) -> History {
    let mut history = History::default();
    for Earlier { seconds_ago, operation, class, same } in earlier(ground, model) {
        let target = target.map(|target| {
            if same { target.into() } else { TargetKey::of(target.kind, "another", &target.engine) }
        });
        history.push(Past {
            at: now.saturating_sub(Duration::seconds(i64::from(seconds_ago))),
            operation: operation.to_owned(),
            classes: ClassSet::of(&[class]),
            targets: Touched::Listed(target.into_iter().collect()),
        });
    }
    history
}
