//! Records: what one line of the audit log says, and how it is written down.

mod target;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::ask::{Approver, AskId};
use super::grant::Assurance;
use super::operation::Class;
use super::plan::{Digest, Face, Principal};
use super::reason::Reason;
use super::text;

pub use target::{Cut, Listed, TargetKey, TargetRef, TargetRefs};

/// The longest line of the log with its newline, in bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The longest string in a record, in characters; longer ones are cut.
const STRING_CHARS_MAX: usize = 2048;

/// Elements of an array or object in a record, at most.
const ELEMENTS_MAX: usize = 256;

/// What stands for a cut value is at most this long, in bytes.
const STUB_BYTES_MAX: usize = 160;

/// The version of the line's shape.
const VERSION: u8 = 1;

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What a line reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A read or sensitive operation, written before its answer leaves.
    Read,
    /// A preview was given, and a grant issued or asked for.
    Preview,
    /// Refused, or ended before anything could change.
    Denied,
    /// Intent: written and synced before the effect.
    Allowed,
    /// One step of a plan over many targets begins.
    Step,
    /// One step of a plan over many targets ended.
    StepDone,
    /// The change happened.
    Done,
    /// The change did not happen, or not to its end: what of it did stands in its steps.
    Failed,
    /// Nobody can say whether the change happened.
    Unknown,
    /// A person approved an ask.
    AskApproved,
    /// A person denied an ask.
    AskDenied,
    /// Nobody decided on an ask in time, or nobody spent its approval.
    AskExpired,
    /// The caller took its ask back.
    AskCancelled,
    /// What was asked for is no longer what it was.
    AskSuperseded,
    /// A person took an approval back.
    AskRevoked,
    /// A decision on an ask was refused: the ask is as it was.
    AskRefused,
    /// The log's first line of a file.
    Opened,
    /// A torn line was closed.
    Recovered,
    /// A policy came into force.
    PolicyLoaded,
    /// A changed policy was refused.
    PolicyRejected,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 20] = [
        Self::Read,
        Self::Preview,
        Self::Denied,
        Self::Allowed,
        Self::Step,
        Self::StepDone,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::AskApproved,
        Self::AskDenied,
        Self::AskExpired,
        Self::AskCancelled,
        Self::AskSuperseded,
        Self::AskRevoked,
        Self::AskRefused,
        Self::Opened,
        Self::Recovered,
        Self::PolicyLoaded,
        Self::PolicyRejected,
    ];

    /// The event as it stands in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Preview => "preview",
            Self::Denied => "denied",
            Self::Allowed => "allowed",
            Self::Step => "step",
            Self::StepDone => "step_done",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::AskApproved => "ask_approved",
            Self::AskDenied => "ask_denied",
            Self::AskExpired => "ask_expired",
            Self::AskCancelled => "ask_cancelled",
            Self::AskSuperseded => "ask_superseded",
            Self::AskRevoked => "ask_revoked",
            Self::AskRefused => "ask_refused",
            Self::Opened => "opened",
            Self::Recovered => "recovered",
            Self::PolicyLoaded => "policy_loaded",
            Self::PolicyRejected => "policy_rejected",
        }
    }

    /// Whether it closes an `allowed`.
    pub const fn is_outcome(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Unknown)
    }

    /// Whether it ends an ask that was not spent.
    pub const fn closes_ask(self) -> bool {
        matches!(
            self,
            Self::AskDenied
                | Self::AskExpired
                | Self::AskCancelled
                | Self::AskSuperseded
                | Self::AskRevoked
        )
    }
}

/// Who asks, with what the client says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What anything is decided by.
    pub principal: Principal,
    /// The client's name, as it gives it.
    pub client: Option<String>,
    /// The client's version, as it gives it.
    pub version: Option<String>,
    /// The process id of the face.
    pub pid: u32,
}

impl Serialize for Caller {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            face: Face,
            uid: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            client: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            version: Option<&'a str>,
            pid: u32,
        }
        let Principal { face, uid } = self.principal;
        let (client, version) = (self.client.as_deref(), self.version.as_deref());
        Line { face, uid, client, version, pid: self.pid }.serialize(serializer)
    }
}

/// What a line says, apart from its place in the log (`v`, `seq`, `ts` and `prev`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// What it reports.
    pub event: Event,
    /// The operation's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// The effective class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// The random id of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The random id that joins a request's lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub req: Option<String>,
    /// The canonical arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// What it acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetRefs>,
    /// The plan's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The id of the rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The digest of the effective policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// How the permit came about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// When the grant stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The ask that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskId>,
    /// Who decided on the ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<Approver>,
    /// Why it was refused, failed or is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The engine's own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Observed state, counts and sizes; never contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What a line of the log itself says.
    #[serde(flatten)]
    pub log: Map<String, Value>,
}

impl Record {
    /// An empty record of an event.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            op: None,
            class: None,
            caller: None,
            session: None,
            req: None,
            args: None,
            target: None,
            plan: None,
            rule: None,
            policy: None,
            assurance: None,
            expires: None,
            ask: None,
            approver: None,
            reason: None,
            error: None,
            ms: None,
            result: None,
            log: Map::new(),
        }
    }

    /// The record as one line with its newline: at most [`LINE_BYTES_MAX`] bytes of JSON in which
    /// no string holds a hidden character. What does not fit is replaced by its size and digest.
    pub fn line(&self, seq: u64, at: OffsetDateTime, prev: Digest) -> Vec<u8> {
        let mut record = self.clone();
        record.tidy();
        loop {
            let line = Line { v: VERSION, seq, ts: timestamp(at), record: &record, prev };
            let bytes = encode(&line);
            if bytes.len() <= LINE_BYTES_MAX || !record.shrink() {
                return bytes;
            }
        }
    }

    /// Takes one step to a shorter line; false if there is none left. What no step can reach is
    /// bounded by [`Self::tidy`] to less than a line.
    fn shrink(&mut self) -> bool {
        for value in [&mut self.args, &mut self.result].into_iter().flatten() {
            if is_long(value) {
                *value = stub(value);
                return true;
            }
        }
        let largest = self.log.values_mut().max_by_key(|value| value.to_string().len());
        if let Some(value) = largest.filter(|value| is_long(value)) {
            *value = stub(value);
            return true;
        }
        if self.log.len() > 1 {
            let all = stub(&Value::Object(std::mem::take(&mut self.log)));
            self.log.insert("log".into(), all);
            return true;
        }
        self.target.as_mut().is_some_and(TargetRefs::shorten)
    }

    fn tidy(&mut self) {
        for value in [&mut self.args, &mut self.result].into_iter().flatten() {
            *value = tidy(value);
        }
        self.log = self.log.iter().map(|(key, value)| (text::name(key), tidy(value))).collect();
        if let Some(error) = &mut self.error {
            *error = tidy_string(error);
        }
        let Self { op, session, req, rule, expires, caller, .. } = self;
        let (client, version) = caller.as_mut().map(|c| (&mut c.client, &mut c.version)).unzip();
        let names =
            [Some(op), Some(session), Some(req), Some(rule), Some(expires), client, version];
        for string in names.into_iter().flatten().flatten() {
            *string = text::name(string);
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    seq: u64,
    ts: String,
    #[serde(flatten)]
    record: &'a Record,
    prev: Digest,
}

/// A moment as the log writes it: RFC 3339, UTC, microseconds.
pub fn timestamp(at: OffsetDateTime) -> String {
    // The format names only parts that every date has, so formatting cannot fail.
    at.to_offset(time::UtcOffset::UTC).format(TIMESTAMP).unwrap_or_default()
}

/// A moment for people, to the second: `2026-01-31T08:00:00Z`.
pub fn second(at: OffsetDateTime) -> String {
    let at = at.checked_to_offset(time::UtcOffset::UTC).unwrap_or(at);
    // A year of more than four digits has no such form; nobody writes one.
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

fn encode(line: &Line<'_>) -> Vec<u8> {
    // Maps have string keys and no value fails to serialise; an empty line would break the chain
    // visibly rather than pass for a record.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The same value with every text in it sanitised and bounded, and long lists stubbed.
pub fn tidy(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(tidy_string(string)),
        Value::Array(list) if list.len() > ELEMENTS_MAX => stub(value),
        Value::Array(list) => list.iter().map(tidy).collect(),
        Value::Object(map) if map.len() > ELEMENTS_MAX => stub(value),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (text::name(key), tidy(value))).collect()
        }
        other => other.clone(),
    }
}

fn tidy_string(string: &str) -> String {
    if string.chars().count() <= STRING_CHARS_MAX {
        return text::line(string, STRING_CHARS_MAX * 10);
    }
    let start: String = string.chars().take(64).collect();
    let digest = Digest::of(&[string.as_bytes()]);
    format!("{}… ({} bytes, {digest})", text::line(&start, 640), string.len())
}

/// What stands for a value that is too large: its size and digest.
fn stub(value: &Value) -> Value {
    let bytes = value.to_string();
    serde_json::json!({"cut": {"bytes": bytes.len(), "sha256": Digest::of(&[bytes.as_bytes()])}})
}

fn is_long(value: &Value) -> bool {
    value.to_string().len() > STUB_BYTES_MAX
}

#[cfg(test)]
mod tests;
