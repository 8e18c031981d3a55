//! A small world to decide about, and rules in a short hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Weekday;

use crate::core::grant::Assurance;
use crate::core::operation::{Attribute, Class, Drift, Form, Kind, Spec};
use crate::core::policy::{
    Argument, Condition, Effect, Glob, Key, Known, Level, Policy, Rate, Requirement, Rule,
    Schedule, Scope, Vocabulary, When, Window, Zone, day_name, operations_of,
};

pub(super) const UNIT: Kind = Kind {
    name: "unit",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Hex(8),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "image", form: Form::Text, always: true },
        Attribute {
            name: "project",
            form: Form::Word { upper: false, beside: "_-" },
            always: false,
        },
        Attribute { name: "privileged", form: Form::Flag, always: true },
    ],
};

/// Another kind, of which other things can be asked.
pub(super) const LINK: Kind = Kind {
    name: "link",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Hex(8),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "driver", form: Form::Text, always: true },
        Attribute { name: "project", form: Form::Text, always: false },
    ],
};

/// The kind of that name.
pub(super) fn kind(name: &str) -> &'static Kind {
    vocabulary().kinds().into_iter().find(|kind| kind.name == name).unwrap()
}

pub(super) fn spec(name: &'static str, class: Class, ceiling: Class) -> Spec {
    Spec {
        name: Cow::Borrowed(name),
        title: Cow::Borrowed("Some operation"),
        summary: Cow::Borrowed("Does something."),
        toolset: "core",
        class,
        ceiling,
        kinds: &[],
        references: &[],
        beside: &[],
        drift: Drift::All,
        idempotent: false,
        since_api: None,
    }
}

/// Eight operations: two of toolset `core`, five of toolset `units`, and one of toolset `links` that
/// acts on targets of two kinds.
pub(super) fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(operations);
    &VOCABULARY
}

fn operations() -> Vocabulary {
    use Class::{Destroy, Escalate, Mutate, Read, Sensitive};
    let flag =
        || Argument { possible: Some(vec!["false".into(), "true".into()]), ..Argument::default() };
    let many = || Argument { many: true, ..Argument::default() };
    let core = |name, class, arguments| known(spec(name, class, class), arguments);
    let unit = |name, class, ceiling, arguments| {
        let spec = spec(name, class, ceiling);
        known(Spec { toolset: "units", kinds: &[&UNIT], ..spec }, arguments)
    };
    let attach = spec("attach", Mutate, Destroy);
    let attach = Spec { toolset: "links", kinds: &[&LINK, &UNIT], ..attach };
    let attach = known(attach, vec![("tags", many())]);
    Vocabulary::new(vec![
        core("ping", Read, vec![]),
        core("run", Escalate, vec![("image", Argument::default()), ("ports", many())]),
        unit("list", Read, Read, vec![("all", flag())]),
        unit("show", Sensitive, Sensitive, vec![]),
        unit("stop", Mutate, Destroy, vec![("timeout", Argument::default())]),
        unit("rename", Mutate, Mutate, vec![("newName", Argument::default())]),
        attach,
        unit("remove", Destroy, Destroy, vec![("force", flag()), ("tags", many())]),
    ])
}

fn known(spec: Spec, arguments: Vec<(&str, Argument)>) -> Known {
    let arguments: BTreeMap<_, _> =
        arguments.into_iter().map(|(name, argument)| (name.to_owned(), argument)).collect();
    Known { spec, arguments }
}

/// A condition from `key = glob | glob`.
pub(super) fn condition(text: &str) -> Condition {
    let (key, any) = text.split_once(" = ").unwrap();
    let key = match key {
        "class" => Key::Class,
        "op" => Key::Op,
        "toolset" => Key::Toolset,
        "kind" => Key::Kind,
        "name" => Key::Name,
        "id" => Key::Id,
        "engine" => Key::Engine,
        "client" => Key::Client,
        other => match other.strip_prefix("arg.") {
            Some(argument) => Key::Argument(argument.to_owned()),
            None => Key::Attribute(other.to_owned()),
        },
    };
    Condition::new(key, any.split(" | ").map(|glob| Glob::parse(glob).unwrap()).collect())
}

/// A user's rule from `effect key = glob, key = glob unless key = glob when word = value`, with its
/// id in front, as in `id: effect`, or the whole text for an id. At the end may stand what it takes.
pub(super) fn rule(text: &str) -> Rule {
    let (id, rest) = text.split_once(": ").unwrap_or((text, text));
    let (rest, takes) = rest.split_once(" takes ").unwrap_or((rest, ""));
    let (rest, when) = rest.split_once(" when ").unwrap_or((rest, ""));
    let (effect, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let effect = Effect::ALL.into_iter().find(|e| e.as_str() == effect).unwrap();
    let (matches, unless) = rest.split_once("unless ").unwrap_or((rest, ""));
    let mut rule = Rule::new(id, effect, Level::User, list(matches).map(condition).collect());
    rule.unless = list(unless).map(condition).collect();
    rule.when = self::when(when, &rule);
    rule.takes = takes_of(takes);
    rule
}

/// The words are `accept`, `by` and `expires` (in seconds).
fn takes_of(text: &str) -> Option<Requirement> {
    let words: BTreeMap<&str, &str> =
        list(text).map(|word| word.split_once(" = ").unwrap()).collect();
    let assurance = |name| Assurance::ALL.into_iter().find(|a| a.as_str() == name).unwrap();
    let by = words.get("by").map(|by| by.split('+').map(Into::into).collect());
    let expires = words.get("expires").map(|seconds| seconds.parse().unwrap());
    let accept = words.get("accept").unwrap_or(&"secret+uid+hardware").split('+');
    let requirement = Requirement { accept: accept.map(assurance).collect(), by, expires };
    (!words.is_empty()).then_some(requirement)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(", ").map(str::trim).filter(|text| !text.is_empty())
}

/// The words are `inside`, `outside`, `days`, `zone`, `least` (requests an hour) and `scope`.
fn when(text: &str, rule: &Rule) -> Option<When> {
    let words: BTreeMap<&str, &str> =
        list(text).map(|word| word.split_once(" = ").unwrap()).collect();
    let window = |word| words.get(word).map(|text| Window::parse(text).unwrap());
    let schedule = words.get("zone").map(|zone| Schedule {
        zone: Zone::parse(zone).unwrap(),
        inside: window("inside"),
        outside: window("outside"),
        days: words.get("days").map_or(Vec::new(), |days| days.split('+').map(day).collect()),
    });
    let counted = operations_of(rule, vocabulary()).into_iter();
    let counted = counted.map(|(known, classes)| (known.spec.name.to_string(), classes));
    let rate = words.get("least").map(|least| Rate {
        least: least.parse().unwrap(),
        seconds: 3600,
        scope: if words["scope"] == "target" { Scope::Target } else { Scope::Host },
        counted: counted.collect(),
    });
    (!words.is_empty()).then_some(When { schedule, rate })
}

fn day(name: &str) -> Weekday {
    let days = (0..7).map(|day| Weekday::from_sunday_zero_offset(day).unwrap());
    days.into_iter().find(|day| day_name(*day) == name).unwrap()
}

/// A policy of these rules.
pub(super) fn policy(rules: &[&str]) -> Policy {
    Policy::new(rules.iter().map(|text| rule(text)).collect())
}

/// The names of the operations that a rule can match, with the classes.
pub(super) fn fits(text: &str) -> String {
    let operations = operations_of(&rule(text), vocabulary());
    let words = operations.iter().map(|(known, classes)| {
        let classes: Vec<&str> = classes.iter().map(Class::as_str).collect();
        format!("{} {}", known.spec.name, classes.join("+"))
    });
    words.collect::<Vec<_>>().join(", ")
}
