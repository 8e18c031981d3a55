//! What is shown before a prune: each thing that it would remove, and what that comes to.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Prunable, Sizes, name};
use crate::core::ids::short;
use crate::core::plan::{Plan, Target};
use crate::core::text;
use crate::gate::Preview;
use crate::ops::beside::UNCHECKED;
use crate::ops::units::{bytes, counted, listed};

/// Names and sizes in one line, at most.
const LISTED_MAX: usize = 20;

/// The preview of a plan, with what each of its targets is. Those that are there still are what it
/// comes to.
pub(super) fn of<T: Prunable>(
    plan: &Plan,
    about: &[String],
    there: &[Target],
    sizes: Option<&Sizes>,
    notes: Vec<(&'static str, String)>,
) -> Preview {
    let targets = plan.targets();
    let words = T::WORDS;
    let engine = targets.first().map(|target| ("engine", text::name(&target.engine)));
    let things = targets.iter().zip(about).map(|(target, about)| {
        let called = name(target);
        let id = short(&target.id);
        let id = if called == id { String::new() } else { format!(" (id {})", text::name(id)) };
        (T::KIND.name, format!("{called}{id}, {about}"))
    });
    let mut rows = Vec::new();
    if T::SHARE.is_some() {
        rows.push(("to be freed", freed(there, sizes)));
    }
    rows.push(("lost", words.lost.to_owned()));
    rows.push(("kept", words.kept.to_owned()));
    rows.push(("undo", words.undo.to_owned()));
    let projects: BTreeSet<String> =
        there.iter().filter_map(|t| t.attributes.get("project")).map(|p| text::name(p)).collect();
    if !projects.is_empty() {
        let projects: Vec<String> = projects.into_iter().collect();
        rows.push(("of projects", listed(&projects, LISTED_MAX)));
    }
    rows.extend(notes);
    Preview {
        headline: format!(
            "Remove {} for good, and nothing else. What is no longer so when it comes to it is \
             left alone.",
            counted(there.len(), words.one)
        ),
        facts: engine.into_iter().chain(things).collect(),
        notes: rows,
    }
}

/// What all of them take, and which take most.
fn freed(targets: &[Target], sizes: Option<&Sizes>) -> String {
    let Some(sizes) = sizes else {
        return format!("{UNCHECKED}: the engine did not say in time how large they are");
    };
    let mut known: Vec<(u64, &Target)> =
        targets.iter().filter_map(|t| Some((*sizes.get(&t.id)?, t))).collect();
    known.sort_by_key(|(size, target)| (Reverse(*size), &target.id));
    let sum = known.iter().fold(0_u64, |sum, (size, _)| sum.saturating_add(*size));
    let shown: Vec<String> =
        known.iter().map(|(size, t)| format!("{} {}", name(t), bytes(*size))).collect();
    let unknown = targets.len() - known.len();
    let unknown = match (unknown, known.is_empty()) {
        (0, _) => String::new(),
        (_, true) => return "unknown: the engine does not know how large they are".into(),
        (count, false) => format!("; the size of {} is unknown", counted(count, "other")),
    };
    format!("{}: {}{unknown}", bytes(sum), listed(&shown, LISTED_MAX))
}
