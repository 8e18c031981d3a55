//! Which tier this installation is, what each tier gives, and what raises it.

use serde_json::json;

use super::facts::Facts;
use super::trust::{best, raise, some};
use super::{Finding, Mark, finding};
use crate::core::grant::Assurance;
use crate::ops::table::table;

/// The page that says more.
const PAGE: &str = "docs/trust.md";

/// Each tier: its name, what it is, and what it holds against.
const TIERS: [(&str, &str, &str); 4] = [
    ("T0", "one account for agent and server", "mistakes, and a model that only speaks MCP"),
    ("T1", "the server under an account of its own", "also the agent's shell"),
    ("T2", "the agent in a sandbox without the socket", "also what else that account can do"),
    ("T3", "signer and log heads on another machine", "also programs of this machine"),
];

/// What is real here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tier {
    uid: u32,
    /// How what runs under this account can go around Countersign; none found if empty.
    around: Vec<String>,
    assurance: Assurance,
    by: Vec<String>,
    next: Vec<String>,
}

impl Tier {
    pub(super) fn of(facts: &Facts) -> Self {
        let mut around: Vec<String> = facts.direct.clone().into_iter().collect();
        if facts.sudo {
            around.push("sudo asks it for no password".into());
        }
        if !facts.groups.is_empty() {
            around.push(format!("it is in {}", facts.groups.join(", ")));
        }
        let (assurance, by) = best(facts);
        let mut next: Vec<String> = facts
            .trusted
            .iter()
            .filter(|_| assurance != Assurance::Hardware)
            .map(|known| raise(known, facts))
            .collect();
        next.push(match around.is_empty() {
            true => format!("run Countersign from outside of this account: {PAGE}, Tiers"),
            false => format!("run the agent under an account that cannot do that: {PAGE}, Tiers"),
        });
        Self { uid: facts.uid, around, assurance, by, next }
    }

    /// Its name; none for an account that cannot go around Countersign, and cannot serve either.
    fn name(&self) -> Option<&'static str> {
        (!self.around.is_empty()).then_some("T0")
    }

    /// In a few lines.
    pub(super) fn text(&self) -> String {
        let Self { uid, around, assurance, by, next } = self;
        let by = if by.is_empty() { String::new() } else { format!(", by {}", some(by)) };
        let is = match self.name() {
            Some(name) => format!(
                "Tier {name}, as long as the agent runs under this account (uid {uid}): {}.",
                around.join("; ")
            ),
            None => format!(
                "No tier yet: uid {uid} has no way to an engine that was found, and no server under \
                 it has one. So should the agent's account be."
            ),
        };
        let real = match *assurance {
            Assurance::Tty => {
                "`tty`, which whatever runs under this account can give. It confirms, never approves."
                    .to_owned()
            }
            worth => format!("`{worth}`{by}."),
        };
        let mut text = format!("{is}\nHighest assurance that is real here: {real}\n");
        if self.name().is_some() {
            text.push_str(
                "An approve rule is real at T0 only for calls through an unmodified server: what runs \
                 under this account can go around it.\n",
            );
        }
        let here = |name| if self.name() == Some(name) { "yes" } else { "not seen" };
        let rows = TIERS.map(|(name, is, holds)| [name, is, holds, here(name)].map(str::to_owned));
        text.push_str(&table(["TIER", "IS", "HOLDS AGAINST", "HERE"], &rows));
        for next in next {
            text.push_str(&format!("Next: {next}\n"));
        }
        text
    }

    /// The same as a finding, with the data beside it.
    pub(super) fn finding(&self) -> Finding {
        let Self { uid, around, assurance, by, next } = self;
        let found = self.text().lines().take(2).collect::<Vec<_>>().join(" ");
        let mark = if around.is_empty() { Mark::Ok } else { Mark::Warn };
        finding("tier", mark, found).with(json!({
            "tier": self.name(), "uid": uid, "around": around, "assurance": assurance, "by": by,
            "next": next,
        }))
    }
}
