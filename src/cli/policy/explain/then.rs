//! What the audit log says of a request that was made.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::audit::{Entry, history_before, read};
use crate::cli::Output;
use crate::cli::policy::words::shown;
use crate::core::grant::Tick;
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Face, Principal};
use crate::core::policy::{History, Policy};
use crate::core::reason::Fault;
use crate::core::record::{Caller, second};
use crate::core::redact::HIDDEN;
use crate::core::secret::SEALED;
use crate::core::text;
use crate::ports::Clock;

/// A request that was made, by its lines.
#[derive(Debug)]
pub(super) struct Then {
    /// Its operation.
    pub(super) operation: String,
    /// Who asked.
    pub(super) caller: Caller,
    /// Its arguments as they are recorded, with full ids in place of references.
    pub(super) arguments: Map<String, Value>,
    /// When it was decided.
    pub(super) at: OffsetDateTime,
    /// The effective class, if it had been observed.
    pub(super) class: Option<Class>,
    req: String,
    events: Vec<String>,
    targets: Vec<String>,
    rule: Option<String>,
    reason: Option<String>,
    policy: Option<String>,
}

/// Finds a request in the log. What was decided stands in its first line that names a rule, and
/// else in its last; what came of it in its last.
pub(super) fn find(dir: &Path, req: &str) -> Result<Then, Fault> {
    let mut lines: Vec<Entry> = Vec::new();
    for entry in read(dir)? {
        let entry = entry?;
        if entry.text("req") == Some(req) {
            lines.push(entry);
        }
    }
    let (Some(last), Some(deciding)) =
        (lines.last(), lines.iter().find(|line| line.text("rule").is_some()).or(lines.last()))
    else {
        return Err(Fault::invalid(format!(
            "The audit log in {} has no request `{}`. `countersign audit show --json` shows each \
             line's `req`.",
            shown(&dir.display().to_string()),
            text::name(req)
        )));
    };
    let (Some(at), Some(operation)) = (deciding.at(), deciding.text("op")) else {
        return Err(Fault::invalid("That line of the audit log names no time or no operation."));
    };
    let record = |key: &str| deciding.record.as_ref().and_then(|record| record.get(key));
    let arguments = record("args").and_then(Value::as_object).cloned().unwrap_or_default();
    let class = deciding.text("class").filter(|_| deciding.text("plan").is_some());
    let text_of = |line: &Entry, key: &str| line.text(key).map(text::name);
    Ok(Then {
        operation: operation.to_owned(),
        caller: caller(record("caller")),
        arguments,
        at,
        class: Class::ALL.into_iter().find(|known| class == Some(known.as_str())),
        req: text::name(req),
        events: lines.iter().filter_map(|line| text_of(line, "event")).collect(),
        targets: deciding.targets().iter().map(|(id, name)| target(id, name)).collect(),
        rule: text_of(deciding, "rule"),
        reason: text_of(last, "reason"),
        policy: text_of(deciding, "policy"),
    })
}

fn target(id: &str, name: &str) -> String {
    format!("{} (id {})", text::name(name), text::name(id))
}

/// Who asked; what a line does not say of it decides nothing.
fn caller(recorded: Option<&Value>) -> Caller {
    let of = |key: &str| recorded.and_then(|caller| caller.get(key));
    let word = |key: &str| of(key).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| of(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let face =
        if word("face").as_deref() == Some(Face::Mcp.as_str()) { Face::Mcp } else { Face::Cli };
    Caller {
        principal: Principal { face, uid: number("uid").unwrap_or_default() },
        client: word("client"),
        version: word("version"),
        pid: number("pid").unwrap_or_default(),
    }
}

/// What had been let through when the request was decided, if a rule on its operation asks.
pub(super) fn history(
    dir: &Path,
    policy: &Policy,
    spec: &Spec,
    then: &Then,
) -> Result<History, Fault> {
    match policy.recall_of(spec) {
        Some(recall) => history_before(dir, recall, &then.req, then.at),
        None => Ok(History::default()),
    }
}

/// A clock that stands.
#[derive(Debug)]
struct Stopped(OffsetDateTime);

impl Clock for Stopped {
    fn now(&self) -> OffsetDateTime {
        self.0
    }

    fn tick(&self) -> Tick {
        Tick(std::time::Duration::ZERO)
    }
}

impl Then {
    /// The arguments in which the log keeps something else than what was given.
    pub(super) fn masked(&self) -> Vec<String> {
        let masked = |(_, value): &(&String, &Value)| {
            let json = value.to_string();
            json.contains(SEALED) || json.contains(HIDDEN)
        };
        let names = self.arguments.iter().filter(masked);
        names.map(|(name, _)| format!("`{}`", text::name(name))).collect()
    }

    /// The clock of that moment.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Stopped(self.at))
    }

    /// Prints what was decided then.
    pub(super) fn print(&self, today: &Policy, out: Output) {
        let on = if self.targets.is_empty() {
            String::new()
        } else {
            format!(" on {}", shown(&self.targets.join(", ")))
        };
        let class = self.class.map(|class| format!(", class {class}")).unwrap_or_default();
        let reason = self.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
        let events = shown(&self.events.join(", "));
        out.data(format!("Request {} at {}", self.req, second(self.at)));
        out.data(format!("  asked   {}{on}{class}", text::name(&self.operation)));
        out.data(format!("  came to {events}{reason}"));
        out.data(format!("  rule    {}", self.rule.as_deref().unwrap_or("none decided")));
        out.data(format!("  policy  {}", self.policy.as_deref().unwrap_or("none was asked")));
        match self.is_todays(today) {
            Some(true) => out.data("The same policy is in force today."),
            Some(false) => out.data("Another policy is in force today, and speaks from here on."),
            None => out.data("The policy of today speaks from here on."),
        };
        out.data("");
    }

    /// The same for programs.
    pub(super) fn as_json(&self, today: &Policy) -> Value {
        json!({
            "req": self.req, "events": self.events, "targets": self.targets, "rule": self.rule,
            "reason": self.reason, "policy": self.policy, "class": self.class,
            "at": second(self.at), "samePolicy": self.is_todays(today),
        })
    }

    fn is_todays(&self, today: &Policy) -> Option<bool> {
        self.policy.as_ref().map(|digest| *digest == today.digest().to_string())
    }
}
