//! What rules take that nobody can give here: such a file is refused, since whatever its rules speak of
//! would wait for somebody who does not exist.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use super::file::File;
use super::table::meant;
use super::{Error, Origin};
use crate::core::approval::{Signer, Signers};
use crate::core::policy::{Effect, Requirement, Rule};
use crate::core::reason::Fault;
use crate::core::text;

/// Whose signatures count for what an account asks for, at one moment.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The signers.
    pub signers: Signers,
    /// The account that asks.
    pub requester: u32,
    /// Whether another account can give an approval of it; else why not, in a clause.
    pub apart: Result<(), String>,
    /// The moment.
    pub now: OffsetDateTime,
}

/// Looks whose signatures count.
#[derive(Clone)]
pub struct TrustLook(Arc<dyn Fn() -> Result<Trusted, Fault> + Send + Sync>);

impl TrustLook {
    /// One that looks so.
    pub fn new(look: impl Fn() -> Result<Trusted, Fault> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }
}

impl fmt::Debug for TrustLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustLook").finish_non_exhaustive()
    }
}

/// Refuses the files whose rules take what nobody can give here. Where nobody says whose signatures
/// count, nothing is refused.
pub(super) fn check(files: &[File], origin: &Origin) -> Result<(), Error> {
    let rules = files.iter().flat_map(|file| file.rules.iter().map(move |rule| (file, rule)));
    let saying = rules.filter(|(_, (rule, _))| says(rule).is_some());
    let (Some(TrustLook(look)), saying) = (&origin.trust, saying.collect::<Vec<_>>()) else {
        return Ok(());
    };
    if saying.is_empty() {
        return Ok(());
    }
    let trusted = look().map_err(|fault| Error::new(fault.message))?;
    let problems = saying.into_iter().filter_map(|(file, (rule, span))| {
        let why = unmet(rule, &trusted)?;
        Some(file.document.problem(span, &why))
    });
    Error::of(problems.collect()).map_or(Ok(()), Err)
}

/// What a rule says that an approval takes.
fn says(rule: &Rule) -> Option<&Requirement> {
    rule.takes.as_ref().filter(|_| rule.effect == Effect::Approve)
}

/// Why nobody can give here what a rule says that it takes, and what to do; none if somebody can, or if
/// it does not say.
pub fn unmet(rule: &Rule, trusted: &Trusted) -> Option<String> {
    let Trusted { signers, apart, now, .. } = trusted;
    let takes = says(rule).filter(|takes| !signers.can_meet(takes, apart.is_ok(), *now))?;
    let (why, mend) = why(takes, trusted);
    Some(format!(
        "Nobody here can give what the rule `{}` takes to approve ({takes}): {why}. {mend}",
        rule.id
    ))
}

fn why(takes: &Requirement, trusted: &Trusted) -> (String, String) {
    let Trusted { signers, requester, apart, now } = trusted;
    let all = &signers.0;
    let is_named = |signer: &&Signer| takes.by.as_ref().is_none_or(|by| by.contains(&signer.name));
    let named: Vec<&Signer> = all.iter().filter(is_named).collect();
    let valid: Vec<&Signer> =
        named.iter().filter(|signer| signer.is_valid(*now)).copied().collect();
    let best = valid.iter().max_by_key(|signer| signer.worth());
    let name = takes.by.iter().flatten().next().map_or("alice", |name| name);
    let add = format!("`sudo countersign trust add KEY.pub --name {name}`");
    if *requester == 0 {
        let why = "Countersign runs as root, which can write every file of signers, so no signature is \
                   worth more than `tty`";
        return (why.into(), "Run it under an ordinary account.".into());
    }
    match (named.first(), best) {
        (None, _) => (nobody(takes, all), format!("Trust one: {add}.")),
        (Some(signer), None) => (
            format!("the key of `{}` is trusted, but not at this time", text::name(&signer.name)),
            format!("Say another time in the file of signers, or trust another key: {add}."),
        ),
        (_, Some(signer)) => too_little(takes, signer, apart, &add),
    }
}

fn nobody(takes: &Requirement, all: &[Signer]) -> String {
    let Some(by) = &takes.by else { return "no file trusts anybody's key".into() };
    let known = all.iter().map(|signer| &*signer.name);
    let meant = by.iter().map(|name| meant(name, known.clone())).find(|words| !words.is_empty());
    // What is meant is a sentence of its own, and stands within one.
    let meant = meant.map(|words| format!(" ({})", text::line(words.trim(), 120)));
    let names: Vec<String> = by.iter().map(|name| format!("`{name}`")).collect();
    format!("no file trusts a key of {}{}", names.join(" or "), meant.unwrap_or_default())
}

fn too_little(
    takes: &Requirement,
    signer: &Signer,
    apart: &Result<(), String>,
    add: &str,
) -> (String, String) {
    let (name, worth) = (text::name(&signer.name), signer.worth());
    if let Some(weak) = &signer.weak {
        return (
            format!("a signature of `{name}` is worth `{worth}`, since {}", text::line(weak, 200)),
            format!("Trust one that this account can neither use nor replace: {add}."),
        );
    }
    if let (true, Err(why)) = (takes.is_apart(), apart) {
        return (
            format!("no other account can approve, since {}", text::line(why, 200)),
            format!("Root makes a folder for that, which this account must not write: {add}."),
        );
    }
    (
        format!("a signature of `{name}` is worth `{worth}`"),
        format!("Make one in a security key (ssh-keygen -t ed25519-sk), and trust it: {add}."),
    )
}

#[cfg(test)]
mod tests;
