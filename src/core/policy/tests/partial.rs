//! What is said while part of a request is not known, beside what is said once it is.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::random::{KEYS, policy, request, sealed};
use super::reference::{Draft, DraftSchedule, Earlier, Question, Request, Thing};
use super::support::{condition, kind, vocabulary};
use crate::core::operation::{Class, Form, Kind};
use crate::core::plan::Target;
use crate::core::policy::{Effect, Known};

/// Which parts of a request are known: class, arguments, client, targets, time, past.
type Mask = [bool; 6];

fn masked(whole: &Request, mask: Mask) -> Request {
    let [class, arguments, client, targets, now, earlier] = mask;
    let whole = whole.clone();
    Request {
        known: whole.known,
        class: whole.class.filter(|_| class),
        arguments: whole.arguments.filter(|_| arguments),
        client: whole.client.filter(|_| client),
        targets: whole.targets.filter(|_| targets),
        now: whole.now.filter(|_| now),
        earlier: whole.earlier.filter(|_| earlier),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever a request turns out to be: it gets no less than the least, no more than what is said
    /// when its unknown parts count against it, and nothing if it was refused at once.
    #[test]
    fn what_is_not_known_counts_against(
        drafts in policy(8),
        requests in vec((request(100), any::<Mask>()), 40),
    ) {
        let policy = sealed(&drafts);
        for (whole, mask) in &requests {
            let part = masked(whole, *mask);
            let (history, known) = (part.history(), whole.history());
            let query = part.query(history.as_ref());
            let verdict = policy.decide(&whole.query(known.as_ref()));
            let effect = verdict.effect();
            prop_assert!(policy.least(&query) <= effect, "{:?} {:?}", whole, mask);
            let in_part = policy.decide(&query);
            prop_assert!(!in_part.permits_more_than(&verdict), "{:?} {:?}", whole, mask);
            let refused = policy.refuses_all(&query).is_some();
            prop_assert!(!refused || effect == Effect::Deny, "{:?} {:?}", whole, mask);
            prop_assert_eq!(refused, policy.least(&query) == Effect::Deny);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Where each thing is asked once and can be one way or the other, nothing is lost: what is
    /// said at first is what the most favourable of all requests gets.
    #[test]
    fn the_first_decision_is_exact(
        drafts in policy(6).prop_map(asked_once),
        requests in vec((request(100), any::<Mask>()), 10),
    ) {
        let policy = sealed(&drafts);
        for (whole, mask) in &requests {
            let part = decidable(masked(whole, *mask));
            let history = part.history();
            let query = part.query(history.as_ref());
            let effects = completions(&part, &drafts).into_iter().map(|whole| {
                let history = whole.history();
                policy.decide(&whole.query(history.as_ref())).effect()
            });
            let least = effects.min().unwrap();
            let refused = policy.refuses_all(&query).is_some();
            // Of which kind a target will be is not gone through: there it may be too favourable.
            if part.targets.is_none() && part.known.spec.kinds.len() > 1 {
                prop_assert!(policy.least(&query) <= least, "{:?}", part);
                prop_assert!(!refused || least == Effect::Deny, "{:?}", part);
                continue;
            }
            prop_assert_eq!(policy.least(&query), least, "{:?}", part);
            prop_assert_eq!(refused, least == Effect::Deny);
        }
    }
}

/// Without what stays open however much is known: lists of which some elements match, attributes
/// that nobody looked up, and a past that is known while the time or the target is not. Of several
/// targets, each may need something else.
fn decidable(part: Request) -> Request {
    let looked_up = |mut target: Target| {
        for attribute in kind(target.kind).attributes.iter().filter(|one| one.always) {
            let name = attribute.name.to_owned();
            target.attributes.entry(name).or_insert_with(|| "false".to_owned());
        }
        target
    };
    let known = part.now.is_some() && part.targets.is_some();
    let targets = part.targets.map(|all| all.into_iter().take(1).map(looked_up).collect());
    let arguments = part.arguments.map(|mut arguments| {
        arguments.retain(|_, value| value.is_string());
        arguments
    });
    let earlier = part.earlier.filter(|_| known);
    Request { targets, arguments, earlier, ..part }
}

/// Keeps the first question under each key, if it can be answered both ways, and the first schedule
/// and rate.
fn asked_once(drafts: Vec<Draft>) -> Vec<Draft> {
    let (mut seen, mut timed, mut counted) = (Vec::new(), false, false);
    let mut first = |questions: Vec<Question>| {
        let mut kept = questions;
        kept.retain(|question| {
            let again = seen.contains(&question.0);
            seen.push(question.0.clone());
            !again && (is_declared(&question.0) || both(question).is_some())
        });
        kept
    };
    let drafts = drafts.into_iter();
    drafts
        .map(|draft| {
            let (matches, unless) = (first(draft.matches), first(draft.unless));
            let schedule = draft.schedule.filter(|_| !std::mem::replace(&mut timed, true));
            let schedule = schedule.map(|schedule| DraftSchedule {
                inside: Some((540, 1020)),
                outside: None,
                days: Vec::new(),
                ..schedule
            });
            // Nothing is counted of operations that lack the argument that is asked for.
            let lacking = matches.iter().any(|(key, _)| key.starts_with("arg."));
            let rate = draft.rate.filter(|_| !counted && !lacking);
            counted |= rate.is_some();
            Draft { matches, unless, schedule, rate, ..draft }
        })
        .collect()
}

fn is_declared(key: &str) -> bool {
    ["op", "class", "toolset", "kind"].contains(&key)
}

/// A text for which the question is answered with yes, and one for which it is not.
fn both(question: &Question) -> Option<(String, String)> {
    let (key, globs) = question;
    let (_, pool) = KEYS.iter().find(|(other, _)| other == key).unwrap();
    let condition = condition(&format!("{key} = {}", globs.join(" | ")));
    let is_hit = |text: &&&str| condition.any.iter().any(|glob| glob.matches(text));
    let texts =
        || pool.iter().filter(|text| !text.contains(['*', '?'])).chain(&["ab", "zz", "aab"]);
    let yes = texts().find(is_hit)?;
    let no = texts().find(|text| !is_hit(text))?;
    Some(((*yes).to_owned(), (*no).to_owned()))
}

/// Every combination of answers under the keys that `is_mine` takes.
fn answers(drafts: &[Draft], is_mine: fn(&str) -> bool) -> Vec<BTreeMap<String, String>> {
    let questions = drafts.iter().flat_map(|draft| draft.matches.iter().chain(&draft.unless));
    let mut all = vec![BTreeMap::new()];
    for question in questions.filter(|(key, _)| !is_declared(key) && is_mine(key)) {
        let Some((yes, no)) = both(question) else { continue };
        let with = |map: BTreeMap<String, String>| {
            [&yes, &no].map(|text| {
                let mut map = map.clone();
                map.insert(question.0.clone(), text.clone());
                map
            })
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

fn or_all<T: Clone>(known: Option<T>, all: impl FnOnce() -> Vec<T>) -> Vec<T> {
    known.map_or_else(all, |known| vec![known])
}

fn target(kind: &Kind, answers: &BTreeMap<String, String>) -> Target {
    let of = |key: &str, default: &str| answers.get(key).map_or(default, |text| text).to_owned();
    let always = kind.attributes.iter().filter(|attribute| attribute.always);
    let mut attributes: BTreeMap<String, String> = always
        .map(|one| (one.name, if one.form == Form::Flag { "false" } else { "zz" }))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let answered = answers.clone().into_iter();
    attributes.extend(answered.filter(|(key, _)| kind.attribute(key).is_some()));
    Target {
        kind: kind.name,
        id: of("id", "11111111"),
        name: of("name", "zz"),
        engine: of("engine", "zz"),
        attributes,
    }
}

/// Requests that the one of which part is not known may turn out to be: one for each way in which
/// what is asked can be answered.
fn completions(part: &Request, drafts: &[Draft]) -> Vec<Request> {
    let spec = &part.known.spec;
    let classes =
        || Class::ALL.into_iter().filter(|c| (spec.class..=spec.ceiling).contains(c)).collect();
    let arguments = || {
        let maps = answers(drafts, |key| key.starts_with("arg.")).into_iter();
        let named = |(key, text): (String, String)| (key.replace("arg.", ""), json!(text));
        maps.map(|map| map.into_iter().map(named).collect::<Map<String, Value>>()).collect()
    };
    let clients = || {
        let all = answers(drafts, |key| key == "client").into_iter();
        all.map(|mut map| map.remove("client")).collect()
    };
    let targets = || {
        if spec.kinds.is_empty() {
            return vec![Vec::new()];
        }
        let of_target = |key: &str| key != "client" && !key.starts_with("arg.");
        let all = answers(drafts, of_target);
        let of = |kind: &&'static Kind| all.iter().map(|answers| vec![target(kind, answers)]);
        spec.kinds.iter().flat_map(of).collect()
    };
    let at = |hour: i64| OffsetDateTime::from_unix_timestamp(1_768_176_000 + hour * 3600).unwrap();
    // In both zones: within 09:00 to 17:00 of one alone, of both, and of neither.
    let times = || vec![at(5), at(10), at(15), at(20)];
    let mut all = Vec::new();
    for class in or_all(part.class, classes) {
        for arguments in or_all(part.arguments.clone(), arguments) {
            for client in or_all(part.client.clone(), clients) {
                for targets in or_all(part.targets.clone(), targets) {
                    for now in or_all(part.now, times) {
                        let earlier = || vec![Vec::new(), many(&targets, now)];
                        all.extend(or_all(part.earlier.clone(), earlier).into_iter().map(
                            |earlier| Request {
                                known: part.known,
                                class: Some(class),
                                arguments: Some(arguments.clone()),
                                client: Some(client.clone()),
                                targets: Some(targets.clone()),
                                now: Some(now),
                                earlier: Some(earlier),
                            },
                        ));
                    }
                }
            }
        }
    }
    all
}

/// So much of everything that every rate is reached.
fn many(targets: &[Target], now: OffsetDateTime) -> Vec<Earlier> {
    let one = |target: &Target| (target.kind, target.id.clone(), target.engine.clone());
    let ids: Vec<Thing> = targets.iter().map(one).collect();
    let operations = vocabulary().operations().iter();
    let each = operations.flat_map(|known| Class::ALL.map(|class| (known, class)));
    let one = |(known, class): (&'static Known, Class)| Earlier {
        at: now - Duration::seconds(1),
        operation: &known.spec.name,
        class: Some(class),
        targets: Some(ids.clone()),
    };
    each.map(one).flat_map(|one| vec![one; 3]).collect()
}
