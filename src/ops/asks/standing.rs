//! How an ask stands, for the one who asked.

use serde_json::{Value, json};

use crate::core::ask::{Ask, AskId, State};
use crate::core::reason::Fault;
use crate::core::record::timestamp;
use crate::core::text;
use crate::gate::Render;
use crate::ports::asks::Told;

/// The words of a decision that are shown, in characters.
const WORDS_CHARS_MAX: usize = 500;

/// An ask, as the one who asked may know it.
#[derive(Debug)]
pub struct Standing(pub(super) Told);

/// The id in an argument.
pub(super) fn id(argument: &str) -> Result<AskId, Fault> {
    AskId::parse(argument).ok_or_else(|| {
        Fault::invalid(format!("`{}` is no id of an ask, such as K7Q2-M4XD.", text::name(argument)))
    })
}

impl Standing {
    fn words(&self) -> Option<String> {
        self.0.ask.words.as_ref().map(|words| text::line(words, WORDS_CHARS_MAX))
    }

    fn approver(&self) -> Option<String> {
        let by = self.0.ask.approver.as_ref()?;
        by.name.as_ref().map(|name| text::name(name))
    }

    /// What has become of it, and what to do next.
    fn next(&self) -> String {
        let operation = text::name(&self.0.ask.operation);
        let words = self.words().map(|words| format!(": {words}")).unwrap_or_default();
        let by = self.approver().map(|name| format!(" by {name}")).unwrap_or_default();
        if let Some(instead) = self.0.instead() {
            return instead;
        }
        match self.0.ask.state {
            State::Pending => {
                "nobody has decided yet. Ask again later, or go on with other work.".to_owned()
            }
            State::Approved => format!(
                "approved{by}. Call {operation} again with the same arguments and its confirmToken \
                 before it expires."
            ),
            State::Denied => format!("denied{words}. Do not ask for the same again."),
            State::Revoked => format!("approved, and then taken back{words}."),
            State::Expired => {
                format!("expired. Call {operation} without confirmToken to ask anew.")
            }
            State::Cancelled => format!("cancelled{words}."),
            State::Superseded => format!(
                "void, since what it was for has changed. Call {operation} without confirmToken to \
                 see it as it is now."
            ),
            State::Executing => "approved and spent; it is under way.".to_owned(),
            State::Done => "approved, spent and done.".to_owned(),
            State::Failed => "approved and spent; it failed.".to_owned(),
            State::Unknown => {
                "approved and spent; nobody knows how it ended. Look before you try again."
                    .to_owned()
            }
        }
    }
}

impl Render for Standing {
    fn text(&self) -> String {
        let Ask { id, operation, about, .. } = &self.0.ask;
        format!(
            "Ask {id} ({} {}): {}",
            text::name(operation),
            text::line(about, WORDS_CHARS_MAX),
            self.next()
        )
    }

    fn data(&self) -> Value {
        let Ask { id, state, operation, plan, expires, .. } = &self.0.ask;
        json!({
            "ask": id,
            "state": state,
            "operation": operation,
            "plan": plan,
            "expires": timestamp(*expires),
            "by": self.approver(),
            "words": self.words(),
            "broken": self.0.broken.as_ref().map(|why| text::line(why, WORDS_CHARS_MAX)),
        })
    }

    fn record(&self) -> Value {
        json!({"ask": self.0.ask.id, "state": self.0.ask.state})
    }
}
