//! `when`: times of day, days and counts.

use jiff::civil::Weekday;

use super::document::{Problems, Span};
use super::durations;
use super::table::{Keys, Text, list, meant};
use crate::core::nearest::nearest;
use crate::core::policy::{
    Effect, Known, Rate, Rule, Schedule, Scope, Vocabulary, When, Window, Zone, day_name,
    operations_of,
};
use crate::core::text;

/// The keys of `when`.
const KEYS: [&str; 6] = ["timezone", "inside", "outside", "days", "at_least", "scope"];

/// The days of a week.
const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// Requests that can be counted, at most.
const COUNT_MAX: u32 = 10_000;

/// The longest time over which is counted, in seconds.
const SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// Reads `when`, for a rule of that effect with what `match` asks. None if it is not there, or if
/// something in it is wrong, which is noted.
pub(super) fn read(
    rule: &mut Keys<'_, '_>,
    effect: Effect,
    matches: &Rule,
    vocabulary: &Vocabulary,
) -> Option<When> {
    let (span, table) = rule.table("when")?;
    let mut keys = Keys::new("`when`", table, span.clone(), &KEYS, rule.problems());
    if table.is_empty() {
        keys.problems().add(&span, || {
            "`when` says nothing, so the rule always holds. Leave it out, or say when.".to_owned()
        });
        return None;
    }
    let schedule = schedule(&mut keys, &span);
    let rate = rate(&mut keys, effect, matches, vocabulary);
    Some(When { schedule, rate })
}

fn schedule(keys: &mut Keys<'_, '_>, span: &Span) -> Option<Schedule> {
    let zone = zone(keys);
    let inside = window(keys, "inside");
    let outside = window(keys, "outside");
    let days = days(keys);
    let timed = ["inside", "outside", "days"].into_iter().find(|key| keys.get(key).is_some());
    match (keys.get("timezone"), timed) {
        (None, Some(key)) => keys.problems().add(span, || {
            format!(
                "`{key}` needs a `timezone`, such as timezone = \"Europe/Berlin\": whose clock is \
                 meant?"
            )
        }),
        (Some((span, _)), None) => keys.problems().add(&span, || {
            "`timezone` says nothing alone. Add `inside`, `outside` or `days`, or leave it out."
                .to_owned()
        }),
        _ => {}
    }
    if let Some((span, _)) = keys.get("days") {
        for (key, window) in [("inside", inside), ("outside", outside)] {
            if let Some(window) = window.filter(|window| window.wraps()) {
                keys.problems().add(&span, || {
                    format!(
                        "`days` and a window over midnight ({key} = \"{window}\") do not say which \
                         day is meant after midnight. Write two rules, one up to 24:00 and one \
                         from 00:00."
                    )
                });
            }
        }
    }
    Some(Schedule { zone: zone?, inside, outside, days: days? })
}

fn zone(keys: &mut Keys<'_, '_>) -> Option<Zone> {
    let name = keys.text("timezone")?;
    let zone = Zone::parse(&name.text);
    if zone.is_none() {
        keys.problems().add(&name.span, || {
            let names = Zone::names();
            let found = text::name(&name.text);
            let meant = meant(&name.text, names.iter().map(String::as_str));
            format!(
                "There is no time zone `{found}`.{meant} It is a name of the IANA database, such \
                 as `Europe/Berlin` or `UTC`."
            )
        });
    }
    zone
}

fn window(keys: &mut Keys<'_, '_>, key: &str) -> Option<Window> {
    let found = keys.text(key)?;
    let window = Window::parse(&found.text);
    if window.is_none() {
        keys.problems().add(&found.span, || {
            format!(
                "`{key}` is \"{}\". It is a window of the day, with two digits each, such as \
                 \"09:00-17:30\" or over midnight \"22:00-06:00\"; its end is not in it and is not \
                 its beginning.",
                text::name(&found.text)
            )
        });
    }
    window
}

/// The days; empty where none are named.
fn days(keys: &mut Keys<'_, '_>) -> Option<Vec<Weekday>> {
    if keys.get("days").is_none() {
        return Some(Vec::new());
    }
    let mut days = Vec::new();
    for name in keys.texts("days")? {
        let day = DAYS.into_iter().find(|day| day_name(*day) == name.text);
        match day {
            Some(day) if !days.contains(&day) => days.push(day),
            _ => note_day(&name, day.is_some(), keys.problems()),
        }
    }
    Some(days)
}

fn note_day(name: &Text<'_>, again: bool, problems: &mut Problems) {
    problems.add(&name.span, || {
        let found = text::name(&name.text);
        if again {
            return format!("`{found}` is in `days` twice. Name each day once.");
        }
        let names = DAYS.map(day_name);
        format!("There is no day `{found}`.{} There are {}.", meant(&found, names), list(&names))
    });
}

fn rate(
    keys: &mut Keys<'_, '_>,
    effect: Effect,
    matches: &Rule,
    vocabulary: &Vocabulary,
) -> Option<Rate> {
    let scope = scope(keys);
    let Some((span, _)) = keys.get("at_least") else {
        if let Some((span, _)) = keys.get("scope") {
            keys.problems().add(&span, || {
                "`scope` says over what `at_least` counts, which is not here. Add it, such as \
                 at_least = \"5 per 1h\", or leave `scope` out."
                    .to_owned()
            });
        }
        return None;
    };
    if effect == Effect::Allow {
        keys.problems().add(&span, || {
            "`at_least` does not go with `allow`: the more was done, the more would be allowed. \
             Write a rule that restricts."
                .to_owned()
        });
    }
    if keys.get("scope").is_none() {
        keys.missing("scope", "Say over what `at_least` counts: scope = \"target\" or \"host\".");
    }
    let text = keys.text("at_least")?;
    let Some((least, seconds)) = count(&text.text) else {
        keys.problems().add(&text.span, || {
            format!(
                "`at_least` is \"{}\". It is a number from 1 to {COUNT_MAX} per time from 1s to \
                 7d, such as \"5 per 1h\" or \"100 per 7d\" (s, m, h or d).",
                text::name(&text.text)
            )
        });
        return None;
    };
    let counted = operations_of(matches, vocabulary);
    let targets = |(known, _): &(&Known, _)| !known.spec.kinds.is_empty();
    if scope == Some(Scope::Target) && !counted.is_empty() && !counted.iter().any(targets) {
        keys.problems().add(&span, || {
            "No operation that this rule speaks of acts on a target. Count over the host: scope = \
             \"host\"."
                .to_owned()
        });
    }
    let counted = counted.into_iter().map(|(known, set)| (known.spec.name.to_string(), set));
    Some(Rate { least, seconds, scope: scope?, counted: counted.collect() })
}

fn scope(keys: &mut Keys<'_, '_>) -> Option<Scope> {
    let found = keys.text("scope")?;
    let scopes = [Scope::Target, Scope::Host];
    let scope = scopes.into_iter().find(|scope| scope.as_str() == found.text);
    if scope.is_none() {
        keys.problems().add(&found.span, || {
            let names = scopes.map(Scope::as_str);
            let meant = nearest(&found.text, names).map(|word| format!(" Did you mean `{word}`?"));
            format!(
                "`scope` is `{}`.{} It is `target` (the same target) or `host` (everything in this \
                 log).",
                text::name(&found.text),
                meant.unwrap_or_default()
            )
        });
    }
    scope
}

/// Reads `N per T`: how many, within how many seconds.
fn count(text: &str) -> Option<(u32, u32)> {
    let (least, time) = text.split_once(" per ")?;
    if least.is_empty() || !least.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let least: u32 = least.parse().ok()?;
    let seconds = durations::seconds(time)?;
    ((1..=COUNT_MAX).contains(&least) && (1..=SECONDS_MAX).contains(&seconds))
        .then_some((least, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_or_refused() {
        for (text, expected) in [
            ("5 per 1h", Some((5, 3600))),
            ("1 per 1s", Some((1, 1))),
            ("10000 per 7d", Some((10_000, 604_800))),
            ("3 per 90m", Some((3, 5400))),
            ("10001 per 1h", None),
            ("0 per 1h", None),
            ("5 per 0s", None),
            ("5 per 8d", None),
            ("5 per 169h", None),
            ("5 per 99999999999d", None),
            ("5per1h", None),
            ("5 per h", None),
            ("-5 per 1h", None),
            ("5 per 1w", None),
            ("5 per 1ü", None),
            ("", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }
}
