//! What is seen of the targets after a change that went wrong, told against what they were before.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::erased::ChangeCall;
use super::operation::Context;
use crate::core::ids;
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// How long the look after a change that went wrong may take.
const LOOK: Duration = Duration::from_secs(5);

/// Targets in one line, and facts of one of them, at most.
const TARGETS_MAX: usize = 10;
const FACTS_MAX: usize = 4;

/// A fact's value in characters, at most.
const VALUE_CHARS_MAX: usize = 64;

/// The targets of a plan, each with its facts of before and what was seen of it now.
pub(super) struct Afterwards {
    targets: Vec<(String, Value, Result<Value, Reason>)>,
}

impl Afterwards {
    /// Looks at the targets: at each by itself where some of them may be gone. What was seen by the
    /// time that the look may take is kept.
    pub(super) async fn look(
        cx: Context<'_>,
        call: &dyn ChangeCall,
        plan: &Plan,
        each: bool,
    ) -> Self {
        let targets = plan.targets();
        let each = each || targets.len() == 1;
        let mut seen: Vec<Result<Value, Reason>> = Vec::new();
        let look = async {
            let size = if each { 1 } else { targets.len().max(1) };
            for part in targets.chunks(size) {
                match call.observe(cx, part).await {
                    Ok(now) => seen.extend(now.facts.into_iter().map(Ok)),
                    // Of several it is not known which one it is of.
                    Err(Fault { reason, .. }) if each => seen.push(Err(reason)),
                    Err(_) => {}
                }
            }
        };
        drop(tokio::time::timeout(LOOK, AssertUnwindSafe(look).catch_unwind()).await);
        let unseen = std::iter::repeat(Err(Reason::Timeout));
        let names = targets.iter().map(|target| text::name(ids::short(&target.name)));
        let all = names.zip(&plan.parts().facts).zip(seen.into_iter().chain(unseen));
        let told = |((name, before), now)| (name, with_open(call, before, &now), now);
        Self { targets: all.map(told).collect() }
    }

    /// For the log: the facts of now, or why they could not be seen.
    pub(super) fn record(&self) -> Value {
        let seen = |now: &Result<Value, Reason>| now.is_ok() || *now == Err(Reason::NotFound);
        if !self.targets.iter().any(|(_, _, now)| seen(now)) {
            return json!({"observed": false});
        }
        let fact = |now: &Result<Value, Reason>| now.clone().unwrap_or_else(|why| json!(why));
        let facts: Vec<Value> = self.targets.iter().map(|(_, _, now)| fact(now)).collect();
        json!({"observed": true, "facts": facts})
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let (mut same, mut changed, mut gone, mut unseen) = (vec![], vec![], vec![], vec![]);
        for (name, before, now) in &self.targets {
            match now {
                Ok(now) if now == before => same.push(name.clone()),
                Ok(now) => changed.push(format!("{name}{}", differences(before, now))),
                Err(Reason::NotFound) => gone.push(name.clone()),
                Err(_) => unseen.push(name.clone()),
            }
        }
        let clauses = [
            (same, "as before"),
            (changed, "changed"),
            (gone, "gone"),
            (unseen, "could not be seen"),
        ];
        let clauses = clauses.iter().filter(|(names, _)| !names.is_empty());
        let clauses: Vec<String> =
            clauses.map(|(names, how)| format!("{how}: {}", listed(names))).collect();
        format!("State afterwards, {}.", clauses.join("; "))
    }
}

/// The facts of before, of which those that the plan left open are what they are now: it binds to
/// none of them, and where they moved nothing was changed.
fn with_open(call: &dyn ChangeCall, before: &Value, now: &Result<Value, Reason>) -> Value {
    let mut filled = before.clone();
    for (name, value) in filled.as_object_mut().into_iter().flatten() {
        match now.as_ref().ok().and_then(|now| now.get(name)) {
            Some(now) if *value == "" => value.clone_from(now),
            _ => {}
        }
    }
    if call.holds(before, &filled) { filled } else { before.clone() }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(TARGETS_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TARGETS_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Which facts differ, and what they are now. Nobody reads digests.
fn differences(before: &Value, now: &Value) -> String {
    let facts = now.as_object().into_iter().flatten();
    let differing = facts.filter(|(key, value)| before.get(key) != Some(value));
    let told = differing.take(FACTS_MAX).map(|(key, value)| {
        let (was, key) = (before.get(key).and_then(value_of), words(key));
        match (value_of(value), was) {
            (Some(now), Some(was)) => format!("{key} {now}, was {was}"),
            (Some(now), None) => format!("{key} {now}"),
            (None, _) => format!("another {key}"),
        }
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) }
}

/// `startedAt` in words.
fn words(key: &str) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    text::name(&out)
}

/// A value that says something to a reader.
fn value_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(said) if said.is_empty() || ids::short(said) != said => None,
        Value::String(said) => Some(text::line(said, VALUE_CHARS_MAX)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_told_in_a_few_words_and_no_digest_among_them() {
        let facts = |status: &str, started_at: &str| {
            json!({
                "status": status, "startedAt": started_at, "autoRemove": false, "unnamed": ["x"],
                "config": format!("sha256:{}", "c".repeat(64)),
            })
        };
        let up = || facts("running", "2026-01-31T10:00:00Z");
        let mut other = facts("exited", "2026-01-31T10:00:00Z");
        other["config"] = json!(format!("sha256:{}", "d".repeat(64)));
        other["unnamed"] = json!([]);
        let target = |name: &str, now| (name.to_owned(), up(), now);
        let all = Afterwards {
            targets: vec![
                target("web", Ok(up())),
                target("db", Ok(other)),
                target("job", Err(Reason::NotFound)),
                target("old", Ok(Value::Null)),
                target("api", Err(Reason::Timeout)),
                target("cache", Ok(up())),
            ],
        };
        assert_eq!(
            all.text(),
            "State afterwards, as before: web, cache; changed: db (another config; status exited, \
             was running; another unnamed), old; gone: job; could not be seen: api."
        );
        assert_eq!(all.record()["facts"][2], "not_found");
        let nothing = Afterwards { targets: vec![target("web", Err(Reason::EngineUnavailable))] };
        assert_eq!(nothing.text(), "State afterwards, could not be seen: web.");
        assert_eq!(nothing.record(), json!({"observed": false}));
        let moved = Ok(facts("running", "2026-01-31T11:00:00Z"));
        let text = Afterwards { targets: vec![target("web", moved)] }.text();
        assert!(text.contains("(started at 2026-01-31T11:00:00Z, was 2026-01-31T10:00"), "{text}");
        let many = (0..12).map(|n| target(&format!("c{n}"), Ok(up()))).collect();
        assert!(Afterwards { targets: many }.text().ends_with("c9 and 2 more."));
    }
}
