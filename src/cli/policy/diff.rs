//! `policy diff`: what a change of a policy file comes to, shown by requests whose verdict changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::file::{FileLevel, alone, level};
use super::words::shown;
use super::{Desk, Stop};
use crate::cli::{Output, exit};
use crate::core::operation::Class;
use crate::core::policy::{
    Change, Comparison, Condition, DIFF_BUDGET, Difference, Direction, Effect, Level, Policy, Rule,
    Undecided, Verdict, compare,
};
use crate::core::record::second;
use crate::ops::table::table;

/// Which files to compare.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// The file as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The file as it is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Whose files they are to be [default: project if one is called countersign.toml, else user]
    #[arg(long, value_name = "LEVEL")]
    level: Option<FileLevel>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What stands for the layers that a project's file is not compared with. No rule has such an id.
const OTHER_LAYERS: &str = "other layers";

impl DiffArgs {
    pub(super) const EXAMPLES: &str = "\
Example: countersign policy diff before.toml countersign.toml

For each rule that differs and each operation that it touches, one request whose verdict changed; what \
is permitted more comes first. Each file is taken by itself: the system's or a user's on top of the \
built-in rules, a project's under other layers that may permit anything. Rules are compared, and other \
settings are not.

Exit codes: 0 nothing is permitted more, 2 a file is refused, 3 something is permitted more, or that \
could not be decided exactly.";
}

/// Compares.
pub(super) fn run(desk: &Desk<'_>, args: &DiffArgs, out: Output) -> Result<u8, Stop> {
    let DiffArgs { old, new, json, .. } = args;
    let level = level(args.level, &[old, new], out);
    let before = to_compare(desk, old, level)?;
    let after = to_compare(desk, new, level)?;
    let vocabulary = &desk.origin.vocabulary;
    let comparison = compare(&before, &after, vocabulary, desk.now, DIFF_BUDGET);
    if *json {
        print_json(&comparison, [&before, &after], out);
    } else {
        print(&comparison, out);
    }
    let may_be_wider = comparison.widened || !comparison.undecided.is_empty();
    Ok(if may_be_wider { exit::WIDENED } else { exit::DONE })
}

/// What a file comes to where it is compared: a trusted one on top of the built-in rules, a project's
/// under other layers of which nobody knows what they permit, so that whatever it restricts less shows.
fn to_compare(desk: &Desk<'_>, file: &Path, level: Level) -> Result<Arc<Policy>, Stop> {
    let alone = alone(desk, file, level)?;
    let stack = alone.stack.passed()?;
    if level.is_trusted() {
        return Ok(stack.policy);
    }
    let everything = vec![Condition::class(&Class::ALL)];
    let others = Rule::new(OTHER_LAYERS, Effect::Allow, Level::User, everything);
    Ok(Arc::new(Policy::new(std::iter::once(others).chain(alone.rules).collect())))
}

fn print(comparison: &Comparison<'_>, out: Output) {
    let Comparison { changes, undecided, silent, .. } = comparison;
    let changed = changes.iter().map(row);
    let open = undecided.iter().map(open_row);
    let rows: Vec<[String; 5]> = changed.chain(open).collect();
    let told = changes.iter().map(told).chain(std::iter::repeat_with(Vec::new));
    if !rows.is_empty() {
        let table = table(["CHANGE", "RULE", "OPERATION", "WAS", "IS"], &rows);
        let mut lines = table.lines();
        out.data(lines.next().unwrap_or_default());
        for (line, told) in lines.zip(told) {
            out.data(line);
            if !told.iter().all(|told| out.data(format!("  {}", shown(told)))) {
                return;
            }
        }
    }
    if !silent.is_empty() {
        let ids: Vec<&str> = silent.iter().map(Difference::id).collect();
        out.data(format!("without effect: {}", ids.join(", ")));
    }
    let count = |direction| changes.iter().filter(|c| c.direction == direction).count();
    out.data(format!(
        "{} widened, {} narrowed, {} not decided",
        count(Direction::Widened),
        count(Direction::Narrowed),
        undecided.len()
    ));
}

/// What is told below a change: the request, and what its verdicts take if that differs.
fn told(change: &Change<'_>) -> Vec<String> {
    let Change { witness, before, after, .. } = change;
    let facts: Vec<String> =
        witness.facts.iter().map(|(key, found)| format!("{key} {found}")).collect();
    let facts = Some(facts.join(", ")).filter(|facts| !facts.is_empty());
    let took = before.asks().zip(after.asks()).filter(|(was, is)| was != is);
    let took = took.map(|(was, is)| [format!("was: {was}"), format!("is: {is}")]);
    facts.into_iter().chain(took.into_iter().flatten()).collect()
}

fn row(change: &Change<'_>) -> [String; 5] {
    let Change { difference, direction, witness, before, after } = change;
    [
        word(*direction).to_owned(),
        rule(difference),
        format!("{} ({})", witness.spec.name, witness.class),
        said(before),
        said(after),
    ]
}

fn open_row(undecided: &Undecided<'_>) -> [String; 5] {
    let Undecided { difference, operation, direction } = undecided;
    let word = format!("{}?", word(*direction));
    [word, rule(difference), operation.spec.name.to_string(), "-".into(), "-".into()]
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Widened => "widened",
        Direction::Narrowed => "narrowed",
    }
}

/// A rule and what became of it.
fn rule(difference: &Difference<'_>) -> String {
    format!("{} ({})", difference.id(), fate(difference))
}

const fn fate(difference: &Difference<'_>) -> &'static str {
    match (difference.old, difference.new) {
        (None, _) => "new",
        (_, None) => "gone",
        _ => "changed",
    }
}

fn said(verdict: &Verdict) -> String {
    format!("{} ({})", verdict.effect().as_str(), verdict.rule())
}

fn print_json(comparison: &Comparison<'_>, [old, new]: [&Policy; 2], out: Output) {
    let rule = |difference: &Difference<'_>| {
        let line = |rule: Option<&crate::core::policy::Rule>| {
            rule.and_then(|rule| rule.place.as_ref()).map(|place| place.line)
        };
        json!({
            "id": difference.id(), "is": fate(difference),
            "oldLine": line(difference.old), "newLine": line(difference.new),
        })
    };
    let verdict = |verdict: &Verdict| {
        json!({
            "effect": verdict.effect(), "rule": verdict.rule(), "takes": verdict.asks(),
        })
    };
    let change = |change: &Change<'_>| {
        let witness = &change.witness;
        let facts = witness.facts.iter();
        let facts: Vec<Value> =
            facts.map(|(key, found)| json!({"key": key, "found": found})).collect();
        json!({
            "direction": word(change.direction), "rule": rule(&change.difference),
            "operation": witness.spec.name, "class": witness.class,
            "was": verdict(&change.before), "is": verdict(&change.after),
            "request": {
                "arguments": witness.arguments, "client": witness.client,
                "target": witness.target, "at": second(witness.now),
                "facts": facts,
            },
        })
    };
    let open = |open: &Undecided<'_>| {
        json!({
            "direction": word(open.direction), "rule": rule(&open.difference),
            "operation": open.operation.spec.name,
        })
    };
    let Comparison { changes, undecided, silent, widened } = comparison;
    out.json(&json!({
        "old": old.digest(), "new": new.digest(),
        "widened": *widened || !undecided.is_empty(),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "undecided": undecided.iter().map(open).collect::<Vec<_>>(),
        "withoutEffect": silent.iter().map(rule).collect::<Vec<_>>(),
    }));
}
