//! Rules in the words of a policy file, for people. What comes from files is sanitised here.

use crate::core::policy::{Match, Rule};
use crate::core::text;

/// The longest condition, reason or value that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 400;

/// Outside text on one line.
pub(super) fn shown(given: &str) -> String {
    text::line(given, SHOWN_CHARS_MAX)
}

/// Where a rule is written.
pub(super) fn place(rule: &Rule) -> String {
    rule.place.as_ref().map_or("-".into(), |place| shown(&format!("{}:{}", place.file, place.line)))
}

/// What a rule asks and why, one line each: the table, and what stands in it.
pub(super) fn clauses(rule: &Rule) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, String)> = Vec::new();
    out.extend(rule.matches.iter().map(|one| ("match", shown(&one.to_string()))));
    out.extend(rule.unless.iter().map(|one| ("unless", shown(&one.to_string()))));
    out.extend(rule.when.as_ref().map(|one| ("when", shown(&one.to_string()))));
    out.extend(rule.takes.as_ref().map(|takes| ("takes", shown(&takes.to_string()))));
    out.extend(rule.reason.as_ref().map(|reason| ("reason", shown(reason))));
    out
}

/// An answer of three.
pub(super) const fn answer(stands: Match) -> &'static str {
    match stands {
        Match::Cannot => "no",
        Match::May => "not known",
        Match::Matches => "yes",
    }
}
