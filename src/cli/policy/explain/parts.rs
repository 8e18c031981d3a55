//! The part that each rule has in a verdict.

use serde_json::{Value, json};

use super::Case;
use crate::cli::Output;
use crate::cli::policy::words::{answer, place, shown};
use crate::core::plan::Target;
use crate::core::policy::{Effect, Match, NO_MATCH, Part, Query, Role};
use crate::core::text;
use crate::ops::table::table;

/// Prints every rule's part, target by target: what decides first, what does not match last. Targets
/// of which the same is said stand together.
pub(super) fn print(case: &Case<'_>, out: Output) {
    let mut told: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (target, parts) in accounts(case) {
        let (heading, lines) = (heading(case, target), lines(case, &parts));
        match told.iter_mut().find(|(_, others)| *others == lines) {
            Some((headings, _)) => headings.push(heading),
            None => told.push((vec![heading], lines)),
        }
    }
    for (headings, lines) in told {
        let all = std::iter::once(String::new()).chain(headings).chain(lines);
        if !all.into_iter().all(|line| out.data(line)) {
            return;
        }
    }
    out.data("");
}

/// What is said of one target.
fn lines(case: &Case<'_>, parts: &[Part<'_>]) -> Vec<String> {
    let mut told = Vec::new();
    if case.verdict.rule() == NO_MATCH {
        told.push(
            "No rule of the built-in layer, the system or the user certainly permits it."
                .to_owned(),
        );
    }
    let cells = |part: &Part<'_>| {
        let rule = part.rule;
        [
            part_in_words(part).to_owned(),
            rule.id.to_string(),
            rule.effect.as_str().to_owned(),
            rule.level.as_str().to_owned(),
            place(rule),
        ]
    };
    let rows: Vec<[String; 5]> = parts.iter().map(cells).collect();
    let table = table(["PART", "RULE", "EFFECT", "LEVEL", "WHERE"], &rows);
    let mut rows = table.lines();
    told.push(rows.next().unwrap_or_default().to_owned());
    for (row, part) in rows.zip(parts) {
        told.push(row.to_owned());
        told.extend(part.asked.iter().map(|asked| {
            let (what, found) = (shown(&asked.what), shown(&asked.found));
            let answer = answer(asked.stands);
            format!("  {answer:9}  {:6}  {what}; found {found}", asked.table)
        }));
        let takes = part.rule.takes.as_ref().map(|takes| shown(&takes.to_string()));
        told.extend(takes.map(|takes| format!("  {:9}  {:6}  {takes}", "", "takes")));
    }
    told
}

/// What a confirmation or an approval takes, as a policy file says it, and the rules that say so; none
/// for a verdict that needs neither.
pub(super) fn takes<'a>(case: &Case<'a>) -> Option<(String, Vec<&'a str>)> {
    let takes = case.verdict.asks()?;
    let accounts = case.policy.account(&case.query).into_iter().flatten();
    let counts = accounts.filter(|part| {
        part.role != Role::None
            && part.rule.effect <= case.verdict.effect()
            && part.rule.takes.is_some()
    });
    let mut rules: Vec<&str> = counts.map(|part| &*part.rule.id).collect();
    rules.sort_unstable();
    rules.dedup();
    Some((shown(&takes.to_string()), rules))
}

/// Every rule's part for programs.
pub(super) fn as_json(case: &Case<'_>) -> Vec<Value> {
    let part = |part: &Part<'_>| {
        let rule = part.rule;
        json!({
            "rule": rule.id, "effect": rule.effect, "level": rule.level,
            "file": rule.place.as_ref().map(|place| &place.file),
            "line": rule.place.as_ref().map(|place| place.line),
            "role": part.role, "stands": part.stands, "asked": part.asked, "takes": rule.takes,
        })
    };
    accounts(case)
        .into_iter()
        .map(|(target, parts)| {
            json!({"target": target, "rules": parts.iter().map(part).collect::<Vec<_>>()})
        })
        .collect()
}

/// The parts for each target, or once where no target is known or there is none.
fn accounts<'a>(case: &Case<'a>) -> Vec<(Option<&'a Target>, Vec<Part<'a>>)> {
    let targets = case.query.targets.unwrap_or_default();
    let mut accounts = case.policy.account(&case.query);
    // The answers are those to what was given, and what is told of it is what may be shown.
    let shown = case.policy.account(&Query { arguments: case.shown, ..case.query });
    for (part, shown) in accounts.iter_mut().flatten().zip(shown.into_iter().flatten()) {
        for (asked, shown) in part.asked.iter_mut().zip(shown.asked) {
            asked.found = shown.found;
        }
    }
    if let [only] = accounts.as_mut_slice() {
        // A request that is refused before anything is known of its target is refused by a rule
        // that certainly matches, though a stricter or earlier one may match as well.
        for part in only.iter_mut().filter(|part| part.role != Role::None) {
            let decides = *part.rule.id == *case.verdict.rule();
            part.role = if decides { Role::Decides } else { Role::Matches };
        }
    }
    let mut targets = targets.iter();
    accounts
        .into_iter()
        .map(|mut parts| {
            parts.sort_by_key(|part| match (part.role, part.stands) {
                (Role::Decides, _) => 0,
                (Role::Matches, _) => 1,
                (Role::None, Match::May | Match::Matches) => 2,
                (Role::None, Match::Cannot) => 3,
            });
            (targets.next(), parts)
        })
        .collect()
}

fn heading(case: &Case<'_>, target: Option<&Target>) -> String {
    match (target, case.query.targets, case.query.spec.kinds) {
        (Some(target), _, _) if target.id.is_empty() && target.name.is_empty() => {
            format!("a made-up {}", target.kind)
        }
        (Some(target), _, _) => {
            let (name, id, engine) =
                (text::name(&target.name), text::name(&target.id), text::name(&target.engine));
            // A volume's name is its id.
            let id = if id == name { String::new() } else { format!("id {id}, ") };
            format!("{} {name} ({id}engine {engine})", target.kind)
        }
        (None, None, [_, ..]) => {
            let kinds: Vec<&str> = case.query.spec.kinds.iter().map(|kind| kind.name).collect();
            format!("any {}: which one is not known", kinds.join(" or "))
        }
        (None, _, _) => "It acts on no target.".to_owned(),
    }
}

fn part_in_words(part: &Part<'_>) -> &'static str {
    match (part.role, part.stands) {
        (Role::Decides, Match::May) => "decides: not known, counts against",
        (Role::Decides, _) => "decides",
        (Role::Matches, Match::May) => "not known, counts against",
        (Role::Matches, _) => "matches",
        (Role::None, Match::May) if part.rule.effect == Effect::Allow => {
            "not known, allows nothing"
        }
        (Role::None, Match::May) => "not known",
        (Role::None, _) => "does not match",
    }
}
