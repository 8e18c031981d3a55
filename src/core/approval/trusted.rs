//! Whose signatures count at one moment, and why that is too little for what is taken.

use time::OffsetDateTime;

use super::{Signer, Signers};
use crate::core::nearest::nearest;
use crate::core::policy::Requirement;
use crate::core::signers::OWN;
use crate::core::text;

/// The longest clause of others that is told, in characters.
const WHY_CHARS_MAX: usize = 400;

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

/// Why nobody can give what is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Why, in a clause.
    pub why: String,
    /// What to do, in a sentence.
    pub mend: String,
}

impl Trusted {
    /// Why nobody can give this now; none if somebody can.
    pub fn unmet(&self, takes: &Requirement) -> Option<Unmet> {
        let met = self.signers.can_meet(takes, self.apart.is_ok(), self.now);
        (!met).then(|| self.why(takes))
    }

    fn why(&self, takes: &Requirement) -> Unmet {
        if self.requester == 0 {
            let why = "Countersign runs as root, which can write every file of signers, so no \
                       signature is worth more than `tty`";
            return Unmet::new(why, "Run it under an ordinary account.");
        }
        if takes.is_nothing() {
            let why = "the rules that say what it takes leave nothing that satisfies all of them";
            return Unmet::new(why, "Change one of them.");
        }
        // Whom the account's own file names so is meant as well, though not taken for them.
        let is_named = |signer: &&Signer| {
            let name = signer.name.strip_suffix(OWN).unwrap_or(&signer.name);
            takes.by.as_ref().is_none_or(|by| by.contains(name))
        };
        let named: Vec<&Signer> = self.signers.0.iter().filter(is_named).collect();
        let valid = named.iter().filter(|signer| signer.is_valid(self.now));
        let name = takes.by.iter().flatten().next().map_or("alice", |name| name);
        let add = format!("`sudo countersign trust add KEY.pub --name {}`", text::name(name));
        match (named.first(), valid.rev().max_by_key(|signer| signer.worth())) {
            (None, _) => Unmet::new(self.nobody(takes), format!("Trust one: {add}.")),
            (Some(signer), None) => Unmet::new(
                format!(
                    "the key of `{}` is trusted, but not at this time",
                    text::name(&signer.name)
                ),
                format!("Say another time in the file of signers, or trust another key: {add}."),
            ),
            (_, Some(best)) => self.too_little(takes, best, &add),
        }
    }

    fn nobody(&self, takes: &Requirement) -> String {
        let Some(by) = &takes.by else { return "no file trusts anybody's key".into() };
        let known = self.signers.0.iter().map(|signer| &*signer.name);
        let known = known.filter(|name| !name.ends_with(OWN));
        let meant = by.iter().find_map(|name| nearest(name, known.clone()));
        let meant = meant.map(|word| format!(" (Did you mean `{}`?)", text::name(word)));
        let names: Vec<String> = by.iter().map(|name| format!("`{}`", text::name(name))).collect();
        format!("no file trusts a key of {}{}", names.join(" or "), meant.unwrap_or_default())
    }

    fn too_little(&self, takes: &Requirement, best: &Signer, add: &str) -> Unmet {
        let best_is =
            format!("a signature of `{}` is worth `{}`", text::name(&best.name), best.worth());
        match (&best.weak, &self.apart) {
            (Some(weak), _) => Unmet::new(
                format!("{best_is}, since {}", text::line(weak, WHY_CHARS_MAX)),
                format!("Trust one that this account can neither use nor replace: {add}."),
            ),
            (None, Err(why)) if takes.is_apart() => Unmet::new(
                format!("no other account can approve, since {}", text::line(why, WHY_CHARS_MAX)),
                format!(
                    "Root makes a folder for that ({add}), which this account must have no way to \
                     write: docs/trust.md."
                ),
            ),
            (None, _) => Unmet::new(
                best_is,
                format!(
                    "Make one in a security key (ssh-keygen -t ed25519-sk), and trust it: {add}."
                ),
            ),
        }
    }
}

impl Unmet {
    fn new(why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { why: why.into(), mend: mend.into() }
    }
}
