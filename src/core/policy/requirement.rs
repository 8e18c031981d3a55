//! What a confirmation or an approval has to be worth, and whose it has to be.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::{Effect, Rule};
use crate::core::grant::Assurance;

/// What the rules take that do not say, once for all: of a confirmation, and of an approval.
static USUAL: LazyLock<[Requirement; 2]> =
    LazyLock::new(|| [Effect::Confirm, Effect::Approve].map(Requirement::usual));

/// What a rule takes for a confirmation or an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// How it may come about: any of these.
    pub accept: BTreeSet<Assurance>,
    /// Whose signature counts; none for that of every signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<BTreeSet<Arc<str>>>,
    /// How long an ask waits, and its approval works, at most, in seconds; none for as long as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
}

impl Requirement {
    /// What a rule of that effect takes that does not say: whatever there is for a confirmation, and a
    /// signature that the requester cannot give for an approval.
    pub fn usual(effect: Effect) -> Self {
        let least = match effect {
            Effect::Allow | Effect::Confirm => Assurance::Echo,
            Effect::Approve | Effect::Deny => Assurance::Secret,
        };
        let accept = Assurance::ALL.into_iter().filter(|assurance| *assurance >= least).collect();
        Self { accept, by: None, expires: None }
    }

    /// The usual one, made once.
    pub(super) fn shared(effect: Effect) -> &'static Self {
        let [confirm, approve] = &*USUAL;
        if effect < Effect::Approve { confirm } else { approve }
    }

    /// What a rule takes by itself, at least.
    pub(super) fn of(rule: &Rule) -> &Self {
        rule.takes.as_ref().unwrap_or_else(|| Self::shared(rule.effect))
    }

    /// What satisfies both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let by = match (&self.by, &other.by) {
            (Some(ours), Some(theirs)) => Some(ours & theirs),
            (ours, theirs) => ours.clone().or_else(|| theirs.clone()),
        };
        Self {
            accept: &self.accepted() & &other.accepted(),
            by,
            expires: self.expires.into_iter().chain(other.expires).min(),
        }
    }

    /// Whether whatever satisfies this satisfies the other as well, and does not wait longer.
    pub fn is_within(&self, other: &Self) -> bool {
        let mut accepted = Assurance::ALL.into_iter().filter(|assurance| self.accepts(*assurance));
        let accepts = accepted.all(|assurance| other.accepts(assurance));
        let ours = |names| self.by.as_ref().is_some_and(|by: &BTreeSet<_>| by.is_subset(names));
        let by = other.by.as_ref().is_none_or(ours);
        let sooner = |limit| self.expires.is_some_and(|expires| expires <= limit);
        self.is_nothing() || (accepts && by && other.expires.is_none_or(sooner))
    }

    /// Whether it is worth enough that came about so, by this signer if there is one.
    pub fn is_met(&self, assurance: Assurance, signer: Option<&str>) -> bool {
        let by = self.by.as_ref().is_none_or(|by| signer.is_some_and(|name| by.contains(name)));
        self.accepts(assurance) && by
    }

    /// Whether nothing at all is enough.
    pub fn is_nothing(&self) -> bool {
        self.accept.is_empty() || self.by.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether nothing is enough but what another account than the requester's gives.
    pub fn is_apart(&self) -> bool {
        self.accept.iter().eq([&Assurance::Uid])
    }

    /// Whether that is worth enough. A signature that the requester cannot give is worth more than
    /// what it can give by itself, and one by another account or by a security key is a signature.
    fn accepts(&self, assurance: Assurance) -> bool {
        let least = || self.accept.first().is_some_and(|least| *least <= Assurance::Secret);
        self.accept.contains(&assurance) || (assurance >= Assurance::Secret && least())
    }

    /// Everything that is worth enough.
    pub fn accepted(&self) -> BTreeSet<Assurance> {
        Assurance::ALL.into_iter().filter(|assurance| self.accepts(*assurance)).collect()
    }
}

impl Requirement {
    /// What it takes, in words.
    pub fn words(&self) -> String {
        let accept: Vec<&str> = self.accept.iter().map(|assurance| assurance.as_str()).collect();
        let accept = match accept.is_empty() {
            true => "nothing that there is".to_owned(),
            false => format!("`{}`", accept.join("`, `")),
        };
        let names = |by: &BTreeSet<Arc<str>>| by.iter().cloned().collect::<Vec<_>>().join(" or ");
        match self.by.as_ref().map(names) {
            Some(names) if names.is_empty() => format!("{accept} by nobody"),
            Some(names) => format!("{accept} by {names}"),
            None => accept,
        }
    }
}

/// As a policy file says it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accept: Vec<&str> = self.accept.iter().map(|assurance| assurance.as_str()).collect();
        write!(f, "accept = {accept:?}")?;
        if let Some(by) = &self.by {
            let by: Vec<&Arc<str>> = by.iter().collect();
            write!(f, ", by = {by:?}")?;
        }
        match self.expires {
            Some(seconds) => write!(f, ", expires = \"{}\"", length_words(seconds)),
            None => Ok(()),
        }
    }
}

/// So many seconds as policy files say it: in the largest of hours, minutes and seconds that leaves
/// nothing over.
pub fn length_words(seconds: u32) -> String {
    match seconds {
        0 => "0s".to_owned(),
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(accept: &[Assurance], by: Option<&[&str]>) -> Requirement {
        let by = by.map(|names| names.iter().map(|name| Arc::from(*name)).collect());
        Requirement { accept: accept.iter().copied().collect(), by, expires: None }
    }

    #[test]
    fn what_is_usual_takes_a_token_for_a_confirmation_and_never_for_an_approval() {
        let (confirm, approve) =
            (Requirement::usual(Effect::Confirm), Requirement::usual(Effect::Approve));
        for assurance in Assurance::ALL {
            assert_eq!(confirm.is_met(assurance, None), assurance > Assurance::Policy);
            assert_eq!(approve.is_met(assurance, None), assurance >= Assurance::Secret);
        }
    }

    #[test]
    fn a_security_key_is_a_secret_too_and_nothing_else_is_more_than_it_is() {
        use Assurance::{Echo, Elicit, Hardware, Secret, Tty, Uid};
        let secret = takes(&[Secret], None);
        assert!(secret.is_met(Hardware, None) && secret.is_met(Uid, None));
        assert!(!takes(&[Hardware], None).is_met(Secret, None));
        assert!(!takes(&[Uid], None).is_met(Hardware, None));
        assert!(!takes(&[Elicit], None).is_met(Tty, None));
        assert!(!takes(&[Tty], None).is_met(Elicit, None));
        assert!(takes(&[Tty], None).is_met(Secret, None), "more than the requester can give");
        assert!(!takes(&[], None).is_met(Echo, None));
    }

    #[test]
    fn only_named_signers_count_where_any_are_named() {
        let by_alice = takes(&[Assurance::Secret], Some(&["alice"]));
        assert!(by_alice.is_met(Assurance::Secret, Some("alice")));
        assert!(!by_alice.is_met(Assurance::Secret, Some("bob")));
        assert!(!by_alice.is_met(Assurance::Secret, None));
    }

    #[test]
    fn two_rules_together_take_what_satisfies_both() {
        use Assurance::{Hardware, Secret};
        let both = takes(&[Secret, Hardware], Some(&["alice", "bob"]));
        let one = Requirement { expires: Some(60), ..takes(&[Hardware], Some(&["bob"])) };
        let narrow = both.and(&one);
        assert_eq!(narrow, one);
        assert_eq!(one.and(&both), narrow);
        assert_eq!(takes(&[Secret], None).and(&one), one, "a security key gives a secret as well");
        assert_eq!(takes(&[Secret], None).and(&both).by, both.by);
    }

    #[test]
    fn what_takes_less_is_not_within() {
        use Assurance::{Echo, Elicit, Hardware, Secret, Tty};
        let waits = |expires| Requirement { expires, ..takes(&[Secret], None) };
        let by = |names: &[&str]| takes(&[Secret], Some(names));
        for (one, other, within) in [
            (takes(&[Hardware], None), takes(&[Secret], None), true),
            (takes(&[Secret], None), takes(&[Hardware], None), false),
            (takes(&[Secret, Hardware], None), takes(&[Secret], None), true),
            (takes(&[Secret], None), takes(&[Elicit], None), true),
            (takes(&[Tty], None), takes(&[Elicit], None), false),
            (takes(&[Tty], None), takes(&[Echo, Tty], None), true),
            (by(&["alice"]), by(&["alice", "bob"]), true),
            (by(&["alice", "bob"]), by(&["alice"]), false),
            (by(&["alice"]), takes(&[Secret], None), true),
            (takes(&[Secret], None), by(&["alice"]), false),
            (waits(Some(60)), waits(Some(61)), true),
            (waits(Some(61)), waits(Some(60)), false),
            (waits(Some(60)), waits(None), true),
            (waits(None), waits(Some(60)), false),
            (by(&[]), takes(&[Hardware], Some(&["alice"])), true),
            (takes(&[], None), takes(&[Hardware], Some(&["alice"])), true),
        ] {
            assert_eq!(one.is_within(&other), within, "{one:?} within {other:?}");
            assert!(one.and(&other).is_within(&one) && one.and(&other).is_within(&other));
        }
    }

    #[test]
    fn it_is_shown_as_a_file_says_it() {
        let all = Requirement {
            expires: Some(90),
            ..takes(&[Assurance::Hardware, Assurance::Secret], Some(&["bob", "alice"]))
        };
        for (takes, expected) in [
            (all, r#"accept = ["secret", "hardware"], by = ["alice", "bob"], expires = "90s""#),
            (takes(&[Assurance::Elicit], None), r#"accept = ["elicit"]"#),
        ] {
            assert_eq!(takes.to_string(), expected);
        }
        for (seconds, words) in [(0, "0s"), (61, "61s"), (600, "10m"), (86_400, "24h")] {
            assert_eq!(length_words(seconds), words);
        }
    }
}
