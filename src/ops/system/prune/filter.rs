//! Which of the unused things are to be pruned, and what is said if there are none, or too many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Unused, Words};
use crate::core::plan::TARGETS_MAX;
use crate::core::reason::{Fault, Reason};
use crate::ops::units::counted;
use crate::ops::when;

/// Which of them.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Params {
    /// Only those with this label: `key` or `key=value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    label: Option<String>,
    /// Only containers that ended, or other things that were made, before this: `24h`, `7d` or RFC
    /// 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 64))]
    older_than: Option<String>,
}

impl Params {
    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

/// What a thing has to be.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    label: Option<(&'a str, Option<&'a str>)>,
    before: Option<OffsetDateTime>,
}

impl<'a> Filter<'a> {
    pub(super) fn of(params: &'a Params, now: OffsetDateTime) -> Result<Self, Fault> {
        let label = params.label.as_deref().map(|label| match label.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (label, None),
        });
        if label.is_some_and(|(key, _)| key.is_empty()) {
            return Err(Fault::invalid(
                "`label` names no key. Use `key`, or `key=value` for one value.",
            ));
        }
        let given = params.older_than.as_deref();
        let before = given.map(|given| when::moment("olderThan", given, now)).transpose()?;
        Ok(Self { label, before })
    }

    /// Whether this is one. What has no known age is older than nothing.
    pub(super) fn takes<F>(&self, one: &Unused<F>) -> bool {
        let labels = &one.target.attributes;
        let labelled = self.label.is_none_or(|(key, value)| {
            let found = labels.get(&format!("label.{key}"));
            found.is_some_and(|found| value.is_none_or(|value| value == found))
        });
        let old = |before| one.since.is_some_and(|since| since < before);
        labelled && self.before.is_none_or(old)
    }
}

/// Puts the oldest first, and refuses what is no plan: nothing, and too much.
pub(super) fn check<F>(
    found: &mut [Unused<F>],
    words: &Words,
    params: &Params,
) -> Result<(), Fault> {
    found.sort_by(|a, b| (a.since, &a.target.id).cmp(&(b.since, &b.target.id)));
    if found.is_empty() {
        let narrowed = params.label.is_some() || params.older_than.is_some();
        let why = if narrowed { " with that label and age" } else { "" };
        return Err(Fault::new(
            Reason::NotFound,
            format!("There is nothing to prune: no {}{why}. {}", words.one, words.none),
        ));
    }
    if found.len() <= TARGETS_MAX {
        return Ok(());
    }
    // Those before this moment are few enough, if their moments differ at all.
    let before = found.get(TARGETS_MAX).and_then(|one| one.since).map(when::second);
    let before = before.map(|at| format!(" (olderThan={at} takes the oldest)")).unwrap_or_default();
    Err(Fault::new(
        Reason::Limit,
        format!(
            "{} could be pruned, and at most {TARGETS_MAX} are at once. Narrow it down with \
             label=, or with olderThan={before}.",
            counted(found.len(), words.one)
        ),
    ))
}
