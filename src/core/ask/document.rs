//! The document of an ask: everything that its approver has to know, in the one text that is shown
//! and signed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::AskId;
use crate::core::operation::Class;
use crate::core::plan::{Plan, canonical};
use crate::core::policy::Requirement;
use crate::core::reason::{Fault, Reason};

/// The version of the document's shape.
const VERSION: u8 = 1;

/// How asks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long one waits, and its approval works, unless a rule says otherwise.
    pub expires: Duration,
    /// How long nobody asks again for what was denied; a day at most.
    pub cooldown: Duration,
    /// Open asks of one principal, at most.
    pub open_max: usize,
}

impl Terms {
    /// How they are kept where nobody says otherwise.
    pub const USUAL: Self =
        Self { expires: Duration::minutes(10), cooldown: Duration::minutes(10), open_max: 16 };
}

/// What is signed: canonical JSON (RFC 8785) with a newline. It binds the whole plan, what was shown of
/// it, and from when to when it may be spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// The ask's id.
    pub ask: AskId,
    /// The plan, as it is digested.
    pub plan: Value,
    /// The effective class.
    pub class: Class,
    /// The id of the rule that asks for a person.
    pub rule: String,
    /// The rule's own words.
    pub why: Option<String>,
    /// What policy takes.
    pub takes: Requirement,
    /// Those arguments that the plan holds by their seals, as they were given. What spends it compares
    /// them with what runs.
    pub written: Map<String, Value>,
    /// What was shown to the requester, without what it needs to go ahead.
    pub preview: String,
    /// What the client says of itself.
    pub client: Option<String>,
    /// The folder of the audit log that it is on record in, and has to be spent in.
    pub log: String,
    /// 128 random bits as hex digits, so that no two asks have one document.
    pub nonce: String,
    /// From when it may be spent.
    #[serde(with = "moment")]
    pub not_before: OffsetDateTime,
    /// When it stops working.
    #[serde(with = "moment")]
    pub expires: OffsetDateTime,
    /// The version of this shape.
    pub v: u8,
}

/// What an approver is shown of an ask beside its plan, as it holds when it is spent.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The effective class.
    pub class: Class,
    /// The id of the rule that asks for a person.
    pub rule: &'a str,
    /// The rule's own words.
    pub why: Option<&'a str>,
    /// What policy takes.
    pub takes: &'a Requirement,
    /// The arguments that the plan holds by their seals, as they were given.
    pub written: &'a Map<String, Value>,
    /// How long an ask for it waits, at most.
    pub most: Duration,
}

impl Document {
    /// The version that is written now.
    pub const VERSION: u8 = VERSION;

    /// A document that is longer is no document of ours, in bytes.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// The bytes that are shown and signed.
    ///
    /// # Errors
    /// `limit` for a document that is too long to be read by anybody.
    pub fn text(&self) -> Result<String, Fault> {
        let mut text = String::from_utf8(canonical(self)?).map_err(|error| {
            Fault::new(Reason::StateUnavailable, "The document cannot be written.")
                .with_detail(error.to_string())
        })?;
        text.push('\n');
        if text.len() > Self::BYTES_MAX {
            return Err(Fault::new(
                Reason::Limit,
                "This plan is too long to be shown to a person. Ask for less at once.",
            ));
        }
        Ok(text)
    }

    /// Reads a document that was stored, and nothing that would be written in another way.
    ///
    /// # Errors
    /// `state_unavailable` for anything else: somebody changed it.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let changed = |detail: String| {
            Fault::new(
                Reason::StateUnavailable,
                "The stored document of this ask is not one that Countersign wrote. Nothing was done \
                 with it.",
            )
            .with_detail(detail)
        };
        if text.len() > Self::BYTES_MAX {
            return Err(changed("it is too long".into()));
        }
        let document: Self =
            serde_json::from_str(text).map_err(|error| changed(error.to_string()))?;
        if document.v != VERSION || document.text()? != text {
            return Err(changed("it is written in another way".into()));
        }
        Ok(document)
    }

    /// Whether it showed its approver what holds now. The plan is compared by itself; but a document
    /// lies where its requester may be able to write before it is shown and signed.
    ///
    /// # Errors
    /// `plan_changed` with what was shown otherwise.
    pub fn showed(&self, now: &Shown<'_>) -> Result<(), Fault> {
        let other = if self.class != now.class {
            "class"
        } else if self.rule != now.rule || self.why.as_deref() != now.why {
            "rule"
        } else if self.takes != *now.takes {
            "requirement"
        } else if self.written != *now.written {
            "command"
        } else if self.expires - self.not_before > now.most {
            "time"
        } else {
            return Ok(());
        };
        Err(Fault::new(
            Reason::PlanChanged,
            format!("The approver was shown another {other} than holds now. Nothing was done."),
        ))
    }

    /// The plan, with kinds of targets as they are known here.
    ///
    /// # Errors
    /// `state_unavailable` for what is no plan.
    pub fn restore(&self, kind: impl Fn(&str) -> Option<&'static str>) -> Result<Plan, Fault> {
        Plan::restore(&self.plan, kind)
    }
}

/// Moments as the log writes them.
mod moment {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use crate::core::record::timestamp;

    pub(super) fn serialize<S: Serializer>(
        at: &OffsetDateTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)
    }
}
