//! What `doctor` finds of the policy: its files, and the rules that deserve a second look.

use super::ways::changers;
use super::{Finding, Installation, Mark, finding};
use crate::cli::policy::Contents;
use crate::config::{Config, shown};
use crate::core::policy::{Effect, Level, Policy, Query, Rule, Vocabulary, operations_of};

/// Operations that are named in one finding.
const NAMED_MAX: usize = 6;

/// Adds what is found.
pub(super) fn look(installation: &Installation<'_>, findings: &mut Vec<Finding>) {
    let Installation { config, vocabulary, .. } = installation;
    let policy = &config.policy;
    let (count, digest) = (policy.rules().len(), policy.digest());
    findings.push(finding("policy", Mark::Ok, format!("{count} rules, {digest}")));
    for Contents { level, path, rules, tests } in Contents::of_all(config) {
        let level = level.as_str();
        let found = format!("{path} ({level}): {rules} rules, {tests} tests passed");
        findings.push(finding("policy", Mark::Ok, found));
    }
    for rule in policy.rules().iter().filter(|rule| rule.effect == Effect::Allow) {
        let changes = unconfirmed(rule, policy, vocabulary);
        if !changes.is_empty() {
            let found = format!("the rule `{}` lets {} run unconfirmed", rule.id, list(&changes));
            findings.push(finding("policy", Mark::Warn, found));
        }
    }
    findings.extend(loose_counts(config));
    findings.extend(own_files(config));
}

/// The changes that a rule may allow, where no stricter rule always matches with it.
fn unconfirmed<'v>(rule: &Rule, policy: &Policy, vocabulary: &'v Vocabulary) -> Vec<&'v str> {
    let operations = operations_of(rule, vocabulary).into_iter();
    let changes = operations.filter(|(known, classes)| {
        let allowed = |class| {
            let query = Query { class: Some(class), ..Query::unknown(&known.spec) };
            policy.least(&query) == Effect::Allow
        };
        known.spec.class.is_change() && classes.iter().any(allowed)
    });
    changes.map(|(known, _)| &*known.spec.name).collect()
}

fn list(names: &[&str]) -> String {
    let named = names.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The rules that count in a log that each project can choose for itself.
fn loose_counts(config: &Config) -> Option<Finding> {
    let Config { policy, sources, audit_dir, .. } = config;
    let counting = policy.rules().iter().filter(|rule| rule.counts());
    let counting: Vec<&str> = counting.map(|rule| &*rule.id).collect();
    let is_trusted = |level: Level| level.is_trusted();
    let mut trusted = sources.iter().filter(|source| is_trusted(source.level));
    let bound = trusted.any(|source| source.path.display().to_string() == audit_dir.source);
    if counting.is_empty() || bound {
        return None;
    }
    let found = format!(
        "{} count in a log that no system or user file names (audit.dir is from {}): each project \
         counts by itself, and can choose its log",
        list(&counting),
        audit_dir.source
    );
    Some(finding("policy", Mark::Warn, found))
}

/// The trusted files that this account can change itself.
fn own_files(config: &Config) -> Vec<Finding> {
    let trusted = config.sources.iter().filter(|source| source.level.is_trusted());
    let found = trusted.filter(|source| config.files.contains(&source.path));
    let writable = found.filter(|source| changers(&source.path).us.is_some());
    writable
        .map(|source| {
            let mend = match source.level {
                Level::System => "run agents under one that cannot",
                _ => "put what must hold to /etc/countersign/policy.toml, owned by root",
            };
            let found = format!(
                "this account can write {} itself, and an agent with a shell under it can widen \
                 what that says: {mend}",
                shown(&source.path)
            );
            finding("policy", Mark::Warn, found)
        })
        .collect()
}
