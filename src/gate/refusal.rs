//! What a refused caller is told: by which rule and why, when it may be otherwise, and who can do
//! something about it.

use crate::core::approval::Unmet;
use crate::core::grant::Assurance;
use crate::core::operation::{Class, Spec};
use crate::core::policy::{Effect, NO_MATCH, Policy, Schedule, Scope, Verdict, When, day_name};
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// The longest reason of a rule that is shown, in characters.
const REASON_CHARS_MAX: usize = 400;

/// The refusal of a request that policy denies.
pub(super) fn denied(spec: &Spec, verdict: &Verdict, policy: &Policy) -> Fault {
    let (name, rule) = (&spec.name, verdict.rule());
    let why = reason(verdict).map(|reason| format!(" ({reason})")).unwrap_or_default();
    let way = way(spec, verdict, policy);
    let by = if rule == NO_MATCH { "by" } else { "by the rule" };
    let message = format!("{name} is denied {by} `{rule}`{why}. Nothing has changed. {way}");
    Fault::new(Reason::PolicyDenied, message)
}

/// The refusal of a request that a person would have to approve, where nobody could.
pub(super) fn unapproved(verdict: &Verdict, policy: &Policy, unmet: &Unmet) -> Fault {
    let why = reason(verdict).unwrap_or_else(|| "a rule asks for it".into());
    Fault::new(
        Reason::ApprovalUnavailable,
        format!(
            "{} wants a person's approval here: {why} (rule `{}`). Nothing has changed. {}It takes a \
             signature worth {} ({}), and nobody can give one here: {}. {} `countersign doctor` says \
             what is missing.",
            verdict.operation(),
            verdict.rule(),
            otherwise(verdict, policy),
            verdict.takes().words(),
            verdict.takers(),
            unmet.why,
            unmet.mend,
        ),
    )
}

/// The refusal of a plan that cannot be confirmed here in a way that policy takes.
pub(super) fn too_low(verdict: &Verdict) -> Fault {
    Fault::new(
        Reason::AssuranceTooLow,
        format!(
            "{} cannot be confirmed here: what policy takes for it ({}) this client cannot give. \
             Nothing has changed. {}",
            verdict.operation(),
            verdict.takers(),
            confirmed_how(verdict)
        ),
    )
}

/// Why a plan waits for a person, and what else would do.
pub(super) fn wants_person(verdict: &Verdict) -> String {
    let approval = wants_approval(verdict.rule(), verdict.reason());
    match (verdict.effect(), others(verdict)) {
        (Effect::Confirm, _) => format!(
            "What policy takes for this ({}) this client cannot give. {} Or a person approves it.",
            verdict.takers(),
            confirmed_how(verdict)
        ),
        (_, others) if others.is_empty() => approval,
        (_, others) => format!("{approval} It takes {}{others}.", verdict.takes().words()),
    }
}

/// The rules that say what it takes, where these are others than the deciding one.
fn others(verdict: &Verdict) -> String {
    let takers = verdict.takers();
    let alone = takers == format!("rule `{}`", verdict.rule());
    if alone { String::new() } else { format!(" ({takers})") }
}

/// Why a plan waits for a person.
pub(super) fn wants_approval(rule: &str, why: Option<&str>) -> String {
    let why = why.map(|why| text::line(why, REASON_CHARS_MAX));
    format!(
        "This wants a person's approval: {} (rule `{}`).",
        why.as_deref().unwrap_or("a rule asks for it"),
        text::name(rule)
    )
}

/// In which ways policy lets a plan be confirmed, in a full sentence.
fn confirmed_how(verdict: &Verdict) -> String {
    let takes = verdict.takes();
    let ways = [
        (Assurance::Echo, "by its caller, with the confirmToken".to_owned()),
        (Assurance::Elicit, "in the dialog of a client that has such dialogs".to_owned()),
        (Assurance::Tty, format!("on a terminal, with `countersign call {}`", verdict.operation())),
    ];
    let ways = ways.into_iter().filter(|(way, _)| takes.is_met(*way, None)).map(|(_, words)| words);
    match ways.collect::<Vec<_>>().join(", or ").as_str() {
        "" => format!("It takes a signature worth {}.", takes.words()),
        ways => format!("It can be confirmed {ways}."),
    }
}

/// The refusal of an operation of a class that it does not declare.
pub(super) fn undeclared(spec: &Spec, class: Class) -> Fault {
    Fault::new(
        Reason::Unclassified,
        format!(
            "{} turned out to be of class {class}, which it does not declare. Nothing has changed; \
             this is a defect of Countersign.",
            spec.name
        ),
    )
}

/// What to do to get permission, in full sentences.
pub(super) fn way(spec: &Spec, verdict: &Verdict, policy: &Policy) -> String {
    let name = &spec.name;
    let otherwise = otherwise(verdict, policy);
    match verdict.effect() {
        Effect::Allow => format!("Call {name}: it runs at once."),
        Effect::Confirm if !verdict.takes().is_met(Assurance::Echo, None) => {
            format!("Call {name}: it shows a preview first. {}", confirmed_how(verdict))
        }
        Effect::Confirm => format!(
            "Call {name}: the first call answers with a preview and a {}, the second one, with that \
             token, runs it.",
            super::TOKEN_ARGUMENT
        ),
        Effect::Approve => format!(
            "{otherwise}Call {name}: the first call answers with a preview and the id of an ask, and \
             a person decides on that with `countersign approve`; once it is approved, the same call \
             with the ask's {} runs it.",
            super::TOKEN_ARGUMENT
        ),
        Effect::Deny => format!(
            "{otherwise}Only the operator can change the policy; `countersign policy explain {name}` \
             shows which rules hold."
        ),
    }
}

fn otherwise(verdict: &Verdict, policy: &Policy) -> String {
    when(verdict, policy)
        .map(|when| format!("That rule holds {when}; later the verdict may be another. "))
        .unwrap_or_default()
}

/// The deciding rule's own words, or what no rule says.
pub(super) fn reason(verdict: &Verdict) -> Option<String> {
    if verdict.rule() == NO_MATCH {
        return Some("no rule of the policy permits it here".into());
    }
    verdict.reason().map(|reason| text::line(reason, REASON_CHARS_MAX))
}

/// When the deciding rule holds; none if it always does.
fn when(verdict: &Verdict, policy: &Policy) -> Option<String> {
    let rule = policy.rules().iter().find(|rule| *rule.id == *verdict.rule())?;
    let When { schedule, rate } = rule.when.as_ref()?;
    let rate = rate.as_ref().map(|rate| {
        let over = match rate.scope {
            Scope::Target => "to the same target",
            Scope::Host => "in all",
        };
        format!("once at least {rate} were let through {over}")
    });
    let phrases: Vec<String> = schedule.as_ref().map(times).into_iter().chain(rate).collect();
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

fn times(schedule: &Schedule) -> String {
    let Schedule { zone, inside, outside, days } = schedule;
    let days: Vec<&str> = days.iter().map(|day| day_name(*day)).collect();
    let days = (!days.is_empty()).then(|| format!("on {}", days.join(", ")));
    let inside = inside.map(|window| format!("inside {window}"));
    let outside = outside.map(|window| format!("outside {window}"));
    let all: Vec<String> = [days, inside, outside].into_iter().flatten().collect();
    format!("{} ({})", all.join(" "), zone.name())
}
