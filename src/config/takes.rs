//! `confirm` and `approve`: what a rule takes for a confirmation or an approval.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::document::Problems;
use super::durations;
use super::table::{Keys, Text, list, meant, wrong};
use crate::core::grant::Assurance;
use crate::core::policy::{Effect, Requirement, length_words};
use crate::core::signers::{NAME_BYTES_MAX, is_name};
use crate::core::text;

/// The effects of which it can be said what they take, by the key that says it.
const EFFECTS: [Effect; 2] = [Effect::Confirm, Effect::Approve];

/// The names of signers of one rule, at most.
const NAMES_MAX: usize = 16;

/// How long an ask waits at least, in seconds.
pub(super) const EXPIRES_MIN: u32 = 30;

/// How long an ask waits at most, in seconds.
pub(super) const EXPIRES_MAX: u32 = 24 * 60 * 60;

/// What a rule of that effect takes; none if it does not say, or if something in it is wrong, which is
/// noted.
pub(super) fn read(rule: &mut Keys<'_, '_>, effect: Option<Effect>) -> Option<Requirement> {
    let mut takes = None;
    for about in EFFECTS {
        let key = about.as_str();
        let Some((span, _)) = rule.get(key) else { continue };
        let read = of(rule, about);
        match effect {
            Some(effect) if effect != about => rule.problems().add(&span, || other(about, effect)),
            _ => takes = read,
        }
    }
    takes
}

fn other(about: Effect, effect: Effect) -> String {
    let (about, effect) = (about.as_str(), effect.as_str());
    format!(
        "`{about}` says what it takes to {about}, and this rule says `{effect}`. Leave it out, or say \
         effect = \"{about}\"."
    )
}

fn of(rule: &mut Keys<'_, '_>, effect: Effect) -> Option<Requirement> {
    let (key, known, what, example): (_, &[&str], _, _) = match effect {
        Effect::Approve => ("approve", &["accept", "by", "expires"], "`approve`", "hardware"),
        _ => ("confirm", &["accept"], "`confirm`", "elicit"),
    };
    let (span, table) = rule.table(key)?;
    let mut keys = Keys::new(what, table, span.clone(), known, rule.problems());
    if table.is_empty() {
        keys.problems().add(&span, || {
            format!(
                "{what} is empty and says nothing. Leave it out, or say what is accepted, such as \
                 {key} = {{ accept = [\"{example}\"] }}."
            )
        });
        return None;
    }
    let before = keys.problems().count();
    let accept = match keys.get("accept") {
        Some((span, _)) => keys.texts("accept").map(|words| {
            let accepted = accept(&words, effect, keys.problems());
            if effect == Effect::Confirm && accepted.first().is_some_and(is_signed) {
                keys.problems().add(&span, || ONLY_SIGNED.to_owned());
            }
            accepted
        }),
        None => Some(Requirement::usual(effect).accept),
    };
    let by = keys.get("by").and_then(|_| keys.texts("by"));
    let by = by.map(|names| signers(&names, keys.problems()));
    let expires = length(&mut keys, "expires", EXPIRES_MIN, EXPIRES_MAX);
    (keys.problems().count() == before).then_some(Requirement { accept: accept?, by, expires })
}

/// What to say where a confirmation could only be a signature.
const ONLY_SIGNED: &str = "A confirmation is given where it is asked for, and nobody signs it. Accept \
                           `echo`, `elicit` or `tty` too, or say effect = \"approve\".";

/// Whether it is a signature.
fn is_signed(assurance: &Assurance) -> bool {
    *assurance >= Assurance::Secret
}

/// How a confirmation or an approval can come about.
fn possible(effect: Effect) -> impl Iterator<Item = Assurance> {
    Requirement::usual(effect).accept.into_iter()
}

fn accept(words: &[Text<'_>], effect: Effect, problems: &mut Problems) -> BTreeSet<Assurance> {
    let mut accepted = BTreeSet::new();
    for word in words {
        match possible(effect).find(|assurance| assurance.as_str() == word.text) {
            Some(assurance) if accepted.insert(assurance) => {}
            Some(_) => twice(word, "accept", problems),
            None => problems.add(&word.span, || not_accepted(&word.text, effect)),
        }
    }
    accepted
}

fn not_accepted(word: &str, effect: Effect) -> String {
    let names: Vec<&str> = possible(effect).map(Assurance::as_str).collect();
    let can_be = format!("{} can be accepted", list(&names));
    match Assurance::ALL.into_iter().find(|assurance| assurance.as_str() == word) {
        Some(Assurance::Policy) => format!(
            "`policy` stands for what a rule allows by itself, and nobody can give it. {can_be}."
        ),
        Some(given) => format!(
            "`{given}` cannot approve: whoever asks can give it without a person. {can_be}; for \
             `{given}`, say effect = \"confirm\"."
        ),
        None => format!(
            "There is no `{}` to accept.{} {can_be}.",
            text::name(word),
            meant(word, names.iter().copied())
        ),
    }
}

fn signers(names: &[Text<'_>], problems: &mut Problems) -> BTreeSet<Arc<str>> {
    let mut signers: BTreeSet<Arc<str>> = BTreeSet::new();
    if let Some(beyond) = names.get(NAMES_MAX) {
        problems.add(&beyond.span, || {
            format!("`by` names {} signers; it can name {NAMES_MAX}.", names.len())
        });
    }
    for name in names {
        if !is_name(&name.text) {
            problems.add(&name.span, || {
                format!(
                    "`{}` is no name of a signer. It is the name that `countersign trust list` shows: \
                     of ASCII letters, digits, `.`, `_`, `@`, `+` and `-`, and has 1 to {NAME_BYTES_MAX} \
                     characters.",
                    text::name(&name.text)
                )
            });
        } else if !signers.insert(Arc::from(&*name.text)) {
            twice(name, "by", problems);
        }
    }
    signers
}

fn twice(word: &Text<'_>, key: &str, problems: &mut Problems) {
    problems.add(&word.span, || {
        format!("`{}` is in `{key}` twice. Name it once.", text::name(&word.text))
    });
}

/// A length of time from `least` to `most`, in seconds.
pub(super) fn length(keys: &mut Keys<'_, '_>, key: &str, least: u32, most: u32) -> Option<u32> {
    let (_, node) = keys.get(key)?;
    let found = node.get_ref();
    let seconds = found.as_str().and_then(durations::seconds);
    let seconds = seconds.filter(|seconds| (least..=most).contains(seconds));
    if seconds.is_none() {
        keys.problems().add(&node.span(), || {
            let [least, most] = [least, most].map(length_words);
            wrong(key, &format!("a time in quotes from {least} to {most}, such as \"10m\""), found)
        });
    }
    seconds
}
