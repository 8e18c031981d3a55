//! A client's dialog: whether it has any, what it shows, and what its answer says.

use std::fmt::Write as _;

use rmcp::RoleServer;
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema,
    ProtocolVersion,
};
use rmcp::service::RequestContext;
use serde_json::Value;

use crate::core::record::{Listed, TargetRefs};
use crate::core::text;
use crate::gate::Answer;

/// The form's one field, and the name of the question.
pub(super) const FIELD: &str = "confirm";

/// The longest preview that a dialog shows, in characters.
const PREVIEW_CHARS_MAX: usize = 2_000;

/// Targets that a dialog names; of more it says how many.
const TARGETS_SHOWN: usize = 5;

/// How a client is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// By a request of ours, while its own one waits.
    Push,
    /// By an answer that asks back: the client sends its request again, with what was said.
    Rounds,
    /// Not at all.
    None,
}

/// How the client of this request is asked. What it can do stands in the request itself, or for
/// older revisions in the handshake.
pub(super) fn channel(context: &RequestContext<RoleServer>) -> Channel {
    let dialogs = context.client_capabilities().and_then(|can| can.elicitation);
    // One that names neither means forms.
    let forms = dialogs.is_some_and(|dialogs| dialogs.form.is_some() || dialogs.url.is_none());
    match context.protocol_version() {
        Some(version) if forms && !version.has_initialize() => Channel::Rounds,
        Some(version) if forms && version >= ProtocolVersion::V_2025_06_18 => Channel::Push,
        _ => Channel::None,
    }
}

/// Whether a dialog can show this preview whole. What is cut could hide what somebody says yes to.
pub(super) fn fits(preview: &Answer) -> bool {
    preview.text.trim_end().chars().count() <= PREVIEW_CHARS_MAX
}

/// The question whether to go ahead with what this preview shows.
pub(super) fn question(preview: &Answer) -> ElicitRequest {
    let title = format!("Go ahead with {}", preview.operation);
    let schema = ElicitationSchema::builder()
        .required_bool_with(FIELD, |field| {
            field.title(title).description("Yes: it is done now. No: nothing changes.")
        })
        .build();
    ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message(preview),
        // The one field is there, so there is nothing that could be missing.
        requested_schema: schema.unwrap_or_else(|_| ElicitationSchema::new(Default::default())),
    })
}

fn message(preview: &Answer) -> String {
    let mut end = String::new();
    if let Some(targets) = &preview.target {
        name(targets, &mut end);
    }
    end.push_str("\nCountersign asks you, not the agent. Nothing has changed so far.");
    format!("{}\n{end}", text::block(preview.text.trim_end(), PREVIEW_CHARS_MAX))
}

/// Names the targets with their ids. The names are sanitised already.
fn name(targets: &TargetRefs, out: &mut String) {
    // Writing to a String cannot fail.
    let mut line = |target| writeln!(out, "Target: {target}").unwrap_or_default();
    match targets {
        TargetRefs::One(target) => line(target),
        TargetRefs::Many(list) => {
            for listed in list.iter().take(TARGETS_SHOWN) {
                if let Listed::Target(target) = listed {
                    line(target);
                }
            }
            if let more @ 1.. = list.len().saturating_sub(TARGETS_SHOWN) {
                writeln!(out, "… and {more} more").unwrap_or_default();
            }
        }
    }
}

/// What somebody said, or that nobody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Go ahead.
    Yes,
    /// Do not.
    No,
    /// Neither, in words that tell what came instead.
    Nothing(&'static str),
}

impl Said {
    /// What an answer says.
    pub(super) fn of(answer: &ElicitResult) -> Self {
        let field = answer.content.as_ref().and_then(|content| content.get(FIELD));
        match (&answer.action, field.and_then(Value::as_bool)) {
            (ElicitationAction::Accept, Some(true)) => Self::Yes,
            (ElicitationAction::Accept, Some(false)) | (ElicitationAction::Decline, _) => Self::No,
            (ElicitationAction::Accept, None) => Self::Nothing("the form came back empty"),
            _ => Self::Nothing("it was closed without an answer"),
        }
    }

    /// What an answer of any shape says.
    pub(super) fn read(answer: Value) -> Self {
        serde_json::from_value(answer)
            .map_or(Self::Nothing("the client's answer could not be read"), |read| Self::of(&read))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, said) in [
            (json!({"action": "accept", "content": {"confirm": true}}), Some(Said::Yes)),
            (json!({"action": "accept", "content": {"confirm": false}}), Some(Said::No)),
            (json!({"action": "decline"}), Some(Said::No)),
            (json!({"action": "decline", "content": {"confirm": true}}), Some(Said::No)),
            (json!({"action": "cancel", "content": {"confirm": true}}), None),
            (json!({"action": "accept"}), None),
            (json!({"action": "accept", "content": null}), None),
            (json!({"action": "accept", "content": true}), None),
            (json!({"action": "accept", "content": {}}), None),
            (json!({"action": "accept", "content": {"confirm": "true"}}), None),
            (json!({"action": "accept", "content": {"confirm": 1}}), None),
            (json!({"action": "accept", "content": {"Confirm": true}}), None),
            (json!({"action": "Accept", "content": {"confirm": true}}), None),
            (json!({"action": "yes"}), None),
            (json!({"content": {"confirm": true}}), None),
            (json!([]), None),
            (json!(true), None),
            (json!(null), None),
        ] {
            let read = Said::read(answer.clone());
            match said {
                Some(said) => assert_eq!(read, said, "{answer}"),
                None => assert!(matches!(read, Said::Nothing(_)), "{answer}: {read:?}"),
            }
        }
    }
}
