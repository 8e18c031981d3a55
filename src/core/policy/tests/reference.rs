//! A naive evaluator, written from the contract and from nothing else: three answers to every
//! question, every rule asked, no order and no short cut.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::core::grant::Assurance;
use crate::core::operation::{Class, Kind};
use crate::core::plan::Target;
use crate::core::policy::{Effect, Known};

/// What is asked under a key: any of these globs.
pub(super) type Question = (String, Vec<String>);

/// A rule as its author thinks of it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) effect: Effect,
    pub(super) is_project: bool,
    pub(super) matches: Vec<Question>,
    pub(super) unless: Vec<Question>,
    pub(super) schedule: Option<DraftSchedule>,
    pub(super) rate: Option<DraftRate>,
    pub(super) takes: Option<DraftTakes>,
}

/// What a rule takes for a confirmation or an approval.
#[derive(Clone, Debug)]
pub(super) struct DraftTakes {
    pub(super) accept: Vec<Assurance>,
    /// Empty for anybody.
    pub(super) by: Vec<&'static str>,
    pub(super) expires: Option<u32>,
}

/// How somebody confirms or approves: in which way, who, and after how many seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) assurance: Assurance,
    pub(super) signer: Option<&'static str>,
    pub(super) after: u32,
}

/// What the contract says of a request, and what the rules take that apply to it.
pub(super) struct Said {
    pub(super) effect: Effect,
    takes: Vec<DraftTakes>,
}

impl Said {
    /// Whether it may be done once somebody did this.
    pub(super) fn is_enough(&self, how: How) -> bool {
        let usual = match self.effect {
            Effect::Allow => return true,
            Effect::Deny => return false,
            Effect::Confirm => how.assurance != Assurance::Policy,
            Effect::Approve => is_signed(how.assurance),
        };
        usual && self.takes.iter().all(|takes| is_taken(takes, how))
    }
}

/// Whether the requester could not have given it by itself.
fn is_signed(assurance: Assurance) -> bool {
    matches!(assurance, Assurance::Secret | Assurance::Uid | Assurance::Hardware)
}

fn is_taken(takes: &DraftTakes, how: How) -> bool {
    use Assurance::{Echo, Elicit, Secret, Tty};
    let weak = || [Echo, Elicit, Tty, Secret].iter().any(|weak| takes.accept.contains(weak));
    (takes.accept.contains(&how.assurance) || (is_signed(how.assurance) && weak()))
        && (takes.by.is_empty() || how.signer.is_some_and(|name| takes.by.contains(&name)))
        && takes.expires.is_none_or(|expires| how.after <= expires)
}

#[derive(Clone, Debug)]
pub(super) struct DraftSchedule {
    /// Hours ahead of UTC.
    pub(super) ahead: i64,
    /// Minutes of the day, the end not included.
    pub(super) inside: Option<(u16, u16)>,
    pub(super) outside: Option<(u16, u16)>,
    /// Days from Sunday, 0; empty for all.
    pub(super) days: Vec<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftRate {
    pub(super) least: u32,
    pub(super) seconds: u32,
    pub(super) per_target: bool,
}

/// A request of which some may not be known.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) known: &'static Known,
    pub(super) class: Option<Class>,
    pub(super) arguments: Option<Map<String, Value>>,
    pub(super) client: Option<Option<String>>,
    pub(super) targets: Option<Vec<Target>>,
    pub(super) now: Option<OffsetDateTime>,
    pub(super) earlier: Option<Vec<Earlier>>,
}

/// The kind, id and engine of a target.
pub(super) type Thing = (&'static str, String, String);

/// A request that was let through before.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    pub(super) at: OffsetDateTime,
    pub(super) operation: &'static str,
    /// None where it is not known.
    pub(super) class: Option<Class>,
    /// None where they are not known.
    pub(super) targets: Option<Vec<Thing>>,
}

/// Yes, no, or none for "not known".
type Answer = Option<bool>;

fn and(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let answers: Vec<Answer> = answers.into_iter().collect();
    if answers.contains(&Some(false)) {
        Some(false)
    } else if answers.contains(&None) {
        None
    } else {
        Some(true)
    }
}

#[derive(Clone, Copy)]
enum Acts<'a> {
    OnUnknown,
    OnNothing,
    On(&'a Target),
}

/// What the contract says of a request.
pub(super) fn said(rules: &[Draft], request: &Request, operations: &[Known]) -> Said {
    let acts: Vec<Acts<'_>> = match &request.targets {
        None if !request.known.spec.kinds.is_empty() => vec![Acts::OnUnknown],
        None => vec![Acts::OnNothing],
        Some(targets) if targets.is_empty() => vec![Acts::OnNothing],
        Some(targets) => targets.iter().map(Acts::On).collect(),
    };
    let each: Vec<(Effect, Vec<DraftTakes>)> =
        acts.into_iter().map(|acts| for_one(rules, request, acts, operations)).collect();
    let effect = each.iter().map(|(effect, _)| *effect).max().unwrap();
    Said { effect, takes: each.into_iter().flat_map(|(_, takes)| takes).collect() }
}

fn for_one(
    rules: &[Draft],
    request: &Request,
    acts: Acts<'_>,
    operations: &[Known],
) -> (Effect, Vec<DraftTakes>) {
    let answers: Vec<(&Draft, Answer)> =
        rules.iter().map(|rule| (rule, answer(rule, request, acts, operations))).collect();
    let counts = |(rule, answer): &&(&Draft, Answer)| match rule.effect {
        Effect::Allow => *answer == Some(true),
        _ => *answer != Some(false),
    };
    let counting = || answers.iter().filter(counts).map(|(rule, _)| *rule);
    let strictest = counting().map(|rule| rule.effect).max();
    let permitted = answers.iter().any(|(rule, answer)| !rule.is_project && *answer == Some(true));
    let takes = counting().filter_map(|rule| rule.takes.clone()).collect();
    (strictest.filter(|_| permitted).unwrap_or(Effect::Deny), takes)
}

fn answer(rule: &Draft, request: &Request, acts: Acts<'_>, operations: &[Known]) -> Answer {
    let declared = request.known.spec.class;
    if declared == Class::Read && matches!(rule.effect, Effect::Confirm | Effect::Approve) {
        return Some(false);
    }
    let allows = rule.effect == Effect::Allow;
    let matches = rule.matches.iter().map(|question| holds(question, request, acts, !allows));
    let excepted = match rule.unless.as_slice() {
        [] => Some(false),
        unless => and(unless.iter().map(|question| holds(question, request, acts, allows))),
    };
    let scheduled = rule.schedule.as_ref().map_or(Some(true), |schedule| {
        request.now.map(|now| is_within(schedule, now.unix_timestamp()))
    });
    let reached = rule
        .rate
        .as_ref()
        .map_or(Some(true), |rate| is_reached(rule, rate, request, acts, operations));
    and(matches.chain([excepted.map(|excepted| !excepted), scheduled, reached]))
}

fn holds((key, globs): &Question, request: &Request, acts: Acts<'_>, declared: bool) -> Answer {
    if key == "class" {
        return has_class(globs, request, declared);
    }
    let texts = texts(key, request, acts)?;
    let hit = |text: &String| globs.iter().any(|glob| fits(glob.as_bytes(), text.as_bytes()));
    let hits = texts.iter().filter(|text| hit(text)).count();
    match hits {
        0 => Some(false),
        hits if hits == texts.len() => Some(true),
        _ => None,
    }
}

fn has_class(named: &[String], request: &Request, declared: bool) -> Answer {
    let spec = &request.known.spec;
    let is_named = |class: Class| named.iter().any(|name| name == class.as_str());
    if declared && is_named(spec.class) {
        return Some(true);
    }
    let possible = Class::ALL.into_iter().filter(|class| match request.class {
        Some(known) => *class == known,
        None => spec.class <= *class && *class <= spec.ceiling,
    });
    let answers: Vec<bool> = possible.map(is_named).collect();
    let first = *answers.first().unwrap();
    answers.iter().all(|answer| *answer == first).then_some(first)
}

/// The texts under a key: one, several, or none; `None` where they are not known.
fn texts(key: &str, request: &Request, acts: Acts<'_>) -> Option<Vec<String>> {
    let spec = &request.known.spec;
    let of_target = |get: fn(&Target) -> &String| match acts {
        Acts::OnUnknown => None,
        Acts::OnNothing => Some(Vec::new()),
        Acts::On(target) => Some(vec![get(target).clone()]),
    };
    match key {
        "op" => Some(vec![spec.name.to_string()]),
        "toolset" => Some(vec![spec.toolset.to_owned()]),
        "kind" => match (spec.kinds, acts) {
            ([_, _, ..], Acts::OnUnknown) => None,
            ([_, _, ..], Acts::OnNothing) => Some(Vec::new()),
            ([_, _, ..], Acts::On(target)) => Some(vec![target.kind.to_owned()]),
            (kinds, _) => Some(kinds.iter().map(|kind| kind.name.to_owned()).collect()),
        },
        "name" => of_target(|target| &target.name),
        "id" => of_target(|target| &target.id),
        "engine" => of_target(|target| &target.engine),
        "client" => Some(request.client.clone()?.into_iter().collect()),
        _ => match key.strip_prefix("arg.") {
            Some(argument) => Some(match request.arguments.as_ref()?.get(argument) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(list)) => list.iter().map(plain).collect(),
                Some(Value::Object(map)) => {
                    map.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect()
                }
                Some(value) => vec![plain(value)],
            }),
            None => attribute(key, request, acts),
        },
    }
}

fn attribute(key: &str, request: &Request, acts: Acts<'_>) -> Option<Vec<String>> {
    let kinds = request.known.spec.kinds.iter().filter(|kind| match acts {
        Acts::On(target) => kind.name == target.kind,
        Acts::OnUnknown | Acts::OnNothing => true,
    });
    let Some(declared) = kinds.filter_map(|kind| kind.attribute(key)).next() else {
        return Some(Vec::new());
    };
    match acts {
        Acts::OnUnknown => None,
        Acts::OnNothing => Some(Vec::new()),
        Acts::On(target) => match target.attributes.get(key) {
            Some(value) => Some(vec![value.clone()]),
            None if declared.always => None,
            None => Some(Vec::new()),
        },
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn fits(glob: &[u8], text: &[u8]) -> bool {
    match (glob, text) {
        ([], []) => true,
        ([b'*', glob @ ..], _) => (0..=text.len()).any(|taken| fits(glob, &text[taken..])),
        ([b'?', glob @ ..], [_, text @ ..]) => fits(glob, text),
        ([b'\\', c, glob @ ..], [first, text @ ..]) | ([c, glob @ ..], [first, text @ ..]) => {
            c == first && fits(glob, text)
        }
        _ => false,
    }
}

fn is_within(schedule: &DraftSchedule, second: i64) -> bool {
    let local = second + schedule.ahead * 3600;
    let minute = u16::try_from(local.rem_euclid(86_400) / 60).unwrap();
    // The first of January 1970 was a Thursday.
    let day = (local.div_euclid(86_400) + 4).rem_euclid(7);
    let lies = |(from, to): (u16, u16)| {
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    };
    schedule.inside.is_none_or(lies)
        && !schedule.outside.is_some_and(lies)
        && (schedule.days.is_empty() || schedule.days.contains(&day))
}

fn is_reached(
    rule: &Draft,
    rate: &DraftRate,
    request: &Request,
    acts: Acts<'_>,
    operations: &[Known],
) -> Answer {
    let (now, earlier) = (request.now?, request.earlier.as_ref()?);
    let known: BTreeMap<&str, &Known> =
        operations.iter().map(|known| (&*known.spec.name, known)).collect();
    let recent = earlier.iter().filter(|one| {
        let age = (now - one.at).whole_seconds();
        age <= i64::from(rate.seconds) && may_count(rule, known[one.operation], one.class)
    });
    let count = |target: Option<&Target>| {
        let mine = recent.clone().filter(|one| match (target, &one.targets) {
            (None, _) | (_, None) => true,
            (Some(target), Some(all)) => {
                all.contains(&(target.kind, target.id.clone(), target.engine.clone()))
            }
        });
        mine.count() >= rate.least as usize
    };
    match acts {
        Acts::On(target) if rate.per_target => Some(count(Some(target))),
        Acts::OnUnknown if rate.per_target && count(None) => None,
        _ => Some(count(None)),
    }
}

/// One whose class is not known may have been of any.
fn may_count(rule: &Draft, known: &Known, class: Option<Class>) -> bool {
    match class {
        Some(class) => is_counted(rule, known, class),
        None => Class::ALL
            .into_iter()
            .filter(|class| (known.spec.class..=known.spec.ceiling).contains(class))
            .any(|class| is_counted(rule, known, class)),
    }
}

/// Whether an earlier request is one that the rule speaks of: by operation, class, toolset and kind,
/// and with what it asks about being there at all.
fn is_counted(rule: &Draft, known: &Known, class: Class) -> bool {
    let spec = &known.spec;
    if spec.class == Class::Read && rule.effect != Effect::Deny {
        return false;
    }
    // A target is of one kind; what acts on several may act on nothing, which is of none.
    let kinds = || spec.kinds.iter().map(|kind| vec![*kind]);
    let subjects: Vec<Vec<&Kind>> = match spec.kinds.len() {
        0 => vec![Vec::new()],
        1 => kinds().collect(),
        _ => kinds().chain([Vec::new()]).collect(),
    };
    subjects.iter().any(|kinds| is_counted_on(rule, known, class, kinds))
}

fn is_counted_on(rule: &Draft, known: &Known, class: Class, kinds: &[&Kind]) -> bool {
    let spec = &known.spec;
    rule.matches.iter().all(|(key, globs)| {
        let named = |text: &str| globs.iter().any(|glob| fits(glob.as_bytes(), text.as_bytes()));
        match key.as_str() {
            "op" => named(&spec.name),
            "toolset" => named(spec.toolset),
            "kind" => kinds.iter().any(|kind| named(kind.name)),
            "class" => named(class.as_str()) || named(spec.class.as_str()),
            "client" => true,
            "name" | "id" | "engine" => !kinds.is_empty(),
            _ => match key.strip_prefix("arg.") {
                Some(argument) => known.arguments.get(argument).is_some_and(|argument| {
                    argument.possible.as_ref().is_none_or(|texts| texts.iter().any(|t| named(t)))
                }),
                None => kinds.iter().any(|kind| kind.attribute(key).is_some()),
            },
        }
    })
}
