//! Previews: one shape and one renderer, so that what a person sees always says which part the
//! grant is bound to.

use std::borrow::Cow;
use std::fmt::Write as _;

use time::OffsetDateTime;

use super::erased::Sighted;
use super::operation::Context;
use crate::core::operation::Drift;
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::record::second;
use crate::core::text;
use crate::ports::BoxFuture;

/// What would happen, for the one who decides. The texts in it are sanitised by their makers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// One sentence: what would be done to what.
    pub headline: String,
    /// What the grant is bound to, as label and value.
    pub facts: Vec<(&'static str, String)>,
    /// What was seen beside it, as label and value.
    pub notes: Vec<(&'static str, String)>,
}

impl Preview {
    /// The preview as text. `at` is when it was observed; `drift` is what becomes of a plan of which
    /// something changes.
    pub fn text(&self, at: OffsetDateTime, drift: Drift) -> String {
        let at = second(at);
        let mut out = format!("Preview: {}\n", self.headline);
        let width = self.facts.iter().chain(&self.notes).map(|(label, _)| label.len()).max();
        let width = width.unwrap_or_default();
        let bound = match drift {
            Drift::All => "if any of these changes, the confirmation is void",
            Drift::Each => "what of these changes is left alone, and the rest is done",
        };
        for (title, rows) in [
            (format!("Facts ({bound}):"), &self.facts),
            (format!("Notes (seen at {at}, may change):"), &self.notes),
        ] {
            if rows.is_empty() {
                continue;
            }
            out.push_str(&title);
            out.push('\n');
            for (label, value) in rows {
                // Writing to a String cannot fail.
                writeln!(out, "  {label:width$}  {value}").unwrap_or_default();
            }
        }
        out
    }
}

/// What is shown of a read that policy wants confirmed: there is nothing to observe.
pub(super) struct OfRead {
    pub(super) title: Cow<'static, str>,
}

impl Sighted for OfRead {
    fn possible<'a>(&'a self, _: Context<'a>, _: &'a [Target]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn preview<'a>(self: Box<Self>, _: Context<'a>, plan: &'a Plan) -> BoxFuture<'a, Preview> {
        let targets = plan.targets().iter();
        let facts = targets.map(|t| (t.kind, format!("{} (id {})", text::name(&t.name), t.id)));
        let preview = Preview {
            headline: format!("{}. It changes nothing, but can show secrets.", self.title),
            facts: facts.collect(),
            notes: Vec::new(),
        };
        Box::pin(std::future::ready(preview))
    }
}
