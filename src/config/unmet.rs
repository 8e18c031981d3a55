//! What rules take that nobody can give here: such a file is refused, since whatever its rules speak of
//! would wait for somebody who does not exist.

use std::fmt;
use std::sync::Arc;

use super::file::File;
use super::{Error, Origin};
use crate::core::approval::{Trusted, Unmet};
use crate::core::policy::{Effect, Requirement, Rule};
use crate::core::reason::Fault;

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
    let takes = says(rule)?;
    let Unmet { why, mend } = trusted.unmet(takes)?;
    Some(format!(
        "Nobody here can give what the rule `{}` takes to approve ({takes}): {why}. {mend}",
        rule.id
    ))
}

#[cfg(test)]
mod tests;
