//! What became of a prune.

use serde_json::{Value, json};

use super::{Sizes, name};
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Render;
use crate::ops::units::{bytes, counted, listed};

/// Names in one line, at most.
const LISTED_MAX: usize = 100;

/// What the engine says of a refusal, in characters, at most.
const WHY_CHARS_MAX: usize = 300;

/// What executing tells.
#[derive(Debug)]
pub struct Done {
    /// What each takes; none if that could not be found out.
    sizes: Option<Sizes>,
    removed: Vec<Target>,
    /// What the engine refused to remove, and why.
    refused: Vec<(Target, Fault)>,
}

impl Done {
    pub(super) const fn new(sizes: Option<Sizes>) -> Self {
        Self { sizes, removed: Vec::new(), refused: Vec::new() }
    }

    /// What became of one. A refusal by the engine is of that one only; anything else that goes
    /// wrong is of all that follow as well.
    pub(super) fn take(
        &mut self,
        target: &Target,
        outcome: Result<(), Fault>,
    ) -> Result<(), Fault> {
        match outcome {
            Ok(()) => self.removed.push(target.clone()),
            Err(fault) if fault.reason == Reason::EngineError => {
                self.refused.push((target.clone(), fault));
            }
            // The gate says that it was gone already.
            Err(fault) if fault.reason == Reason::NotFound => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// A prune that removed nothing, since the engine refused, has failed.
    pub(super) fn unless_all_refused(self) -> Result<Self, Fault> {
        match self.refused.first() {
            Some((_, fault)) if self.removed.is_empty() => Err(fault.clone()),
            _ => Ok(self),
        }
    }

    pub(super) fn removed(&self) -> Vec<Target> {
        self.removed.clone()
    }
}

/// The observed result.
#[derive(Debug)]
pub struct Pruned {
    /// What one of them is called.
    one: &'static str,
    removed: Vec<Target>,
    /// Names and ids of what was refused, and why. Sanitised.
    refused: Vec<(Target, String)>,
    /// Bytes that the removed ones took, as far as that is known; none for what takes no room, or
    /// where nobody knows.
    freed: Option<u64>,
    /// Of how many of them it is not known.
    unsized_count: usize,
    /// Names of what was removed and is there all the same. Sanitised.
    still_there: Vec<String>,
}

impl Pruned {
    pub(super) fn of(
        done: &Done,
        one: &'static str,
        takes_room: bool,
        still_there: Vec<String>,
    ) -> Self {
        let size = |target: &Target| done.sizes.as_ref()?.get(&target.id).copied();
        let sizes: Vec<u64> = done.removed.iter().filter_map(size).collect();
        let unsized_count = if takes_room { done.removed.len() - sizes.len() } else { 0 };
        let freed = sizes.into_iter().reduce(u64::saturating_add);
        let why = |fault: &Fault| text::line(&fault.message, WHY_CHARS_MAX);
        let refused = done.refused.iter().map(|(target, fault)| (target.clone(), why(fault)));
        Self {
            one,
            removed: done.removed(),
            refused: refused.collect(),
            freed,
            unsized_count,
            still_there,
        }
    }
}

impl Render for Pruned {
    fn text(&self) -> String {
        let at_least = if self.unsized_count > 0 { "at least " } else { "" };
        let freed = self.freed.map(|freed| format!(", {at_least}{} freed", bytes(freed)));
        let names: Vec<String> = self.removed.iter().map(name).collect();
        let mut out = match names.as_slice() {
            [] => format!("Removed no {}.", self.one),
            _ => format!(
                "Removed {}{}: {}",
                counted(names.len(), self.one),
                freed.unwrap_or_default(),
                listed(&names, LISTED_MAX)
            ),
        };
        for (_, why) in self.refused.iter().take(LISTED_MAX) {
            out.push_str("\nLeft: ");
            out.push_str(why);
        }
        if !self.still_there.is_empty() {
            out.push_str("\nStill there all the same: ");
            out.push_str(&listed(&self.still_there, LISTED_MAX));
        }
        out
    }

    fn data(&self) -> Value {
        let thing = |target: &Target| json!({"id": text::name(&target.id), "name": text::name(&target.name)});
        let refused = |(target, why): &(Target, String)| json!({"id": text::name(&target.id), "name": text::name(&target.name), "why": why});
        json!({
            "removed": self.removed.iter().map(thing).collect::<Vec<_>>(),
            "refused": self.refused.iter().map(refused).collect::<Vec<_>>(),
            "freedBytes": self.freed,
            "ofUnknownSize": self.unsized_count,
            "stillThere": self.still_there,
        })
    }

    fn record(&self) -> Value {
        json!({
            "removed": self.removed.len(), "refused": self.refused.len(),
            "freedBytes": self.freed, "ofUnknownSize": self.unsized_count,
            "stillThere": self.still_there.len(),
        })
    }
}
