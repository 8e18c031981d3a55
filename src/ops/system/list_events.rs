//! `list_events`: what happened in the engine in a stretch of time that has passed.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::core::ids::short;
use crate::core::operation::{Class, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ops::units::counted;
use crate::ops::when::{self, Window};
use crate::ports::engine::{EventQuery, Happening};

/// The longest cell of the table, in characters.
const CELL_CHARS_MAX: usize = 80;

/// How many past events Docker keeps: what lies further back is forgotten.
const KEPT_BY_ENGINE: usize = 256;

/// The operation.
#[derive(Debug)]
pub struct ListEvents;

/// Which events.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Not before: RFC 3339, or a time before now such as `10m`, `2h` or `3d`.
    #[schemars(length(min = 2, max = 64))]
    since: String,
    /// Not after, in the same forms; now by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 64))]
    until: Option<String>,
    /// Only those of this type of thing.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Kind")]
    kind: Option<Kind>,
    /// Rows, at most; the newest are kept.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
}

const fn limit() -> u32 {
    100
}

/// The types of things that engines tell events of.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Container,
    Image,
    Volume,
    Network,
    Daemon,
    Plugin,
    Builder,
    Node,
    Service,
    Secret,
    Config,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::Daemon => "daemon",
            Self::Plugin => "plugin",
            Self::Builder => "builder",
            Self::Node => "node",
            Self::Service => "service",
            Self::Secret => "secret",
            Self::Config => "config",
        }
    }
}

/// What happened.
#[derive(Debug)]
pub struct Told {
    /// Oldest first.
    rows: VecDeque<Happening>,
    left_out: usize,
}

impl Told {
    fn take(&mut self, happening: Happening, limit: usize) {
        if self.rows.len() == limit {
            self.rows.pop_front();
            self.left_out += 1;
        }
        self.rows.push_back(happening);
    }
}

impl Render for Told {
    fn text(&self) -> String {
        if self.rows.is_empty() {
            return format!(
                "No events. The engine keeps only its last {KEPT_BY_ENGINE} or so, and none over \
                 its own restart."
            );
        }
        let cells = |row: &Happening| {
            [
                when(row).map_or_else(|| "?".to_owned(), when::second),
                text::line(&row.kind, CELL_CHARS_MAX),
                text::line(&action(row), CELL_CHARS_MAX),
                name(row),
                detail(row),
            ]
        };
        let cells: Vec<[String; 5]> = self.rows.iter().map(cells).collect();
        let mut out = table(["TIME", "TYPE", "ACTION", "NAME", "DETAIL"], &cells);
        if self.left_out > 0 {
            let before = counted(self.left_out, "earlier event");
            out.push_str(&format!("… {before}; add type=, a later since= or a larger limit="));
        } else if self.rows.len() >= KEPT_BY_ENGINE {
            out.push_str(&format!(
                "… maybe more: the engine keeps only its last {KEPT_BY_ENGINE} or so"
            ));
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn data(&self) -> Value {
        let row = |row: &Happening| {
            json!({
                "time": when(row).map(precise),
                "type": text::name(&row.kind),
                "action": text::line(&action(row), CELL_CHARS_MAX),
                "id": text::name(&row.id),
                "name": text::name(&row.name),
                "image": text::name(&row.image),
                "exitCode": exit_code(row),
                "signal": signal(row),
                "container": text::name(&row.container),
            })
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({"events": rows, "leftOut": self.left_out})
    }

    fn record(&self) -> Value {
        json!({"rows": self.rows.len(), "leftOut": self.left_out})
    }
}

fn when(row: &Happening) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at_nanos)).ok()
}

fn precise(at: OffsetDateTime) -> String {
    at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// What happened. An exec's command line stands after a colon, and can hold secrets.
fn action(row: &Happening) -> String {
    match row.action.split_once(": ") {
        Some((what, command)) if what.starts_with("exec_") => {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            let shown = Redactor::new(&[]).command(&words).join(" ");
            format!("{what}: {}", Redactor::new(&[]).text(&shown))
        }
        _ => Redactor::new(&[]).text(&row.action),
    }
}

/// The name, else the id as people know it. A volume has no other name than its id.
fn name(row: &Happening) -> String {
    let shown = if row.name.is_empty() { short(&row.id) } else { row.name.as_str() };
    text::line(shown, CELL_CHARS_MAX)
}

fn detail(row: &Happening) -> String {
    let mut out = Vec::new();
    if row.kind == "container" && !row.image.is_empty() {
        out.push(format!("image {}", text::line(&row.image, CELL_CHARS_MAX)));
    }
    if let Some(code) = exit_code(row) {
        out.push(format!("exit code {code}"));
    }
    if let Some(signal) = signal(row) {
        out.push(format!("signal {signal}"));
    }
    if !row.container.is_empty() {
        out.push(format!("container {}", text::line(short(&row.container), CELL_CHARS_MAX)));
    }
    out.join(", ")
}

/// Of what ended. Labels stand among the engine's own words, so it is taken from nothing else.
fn exit_code(row: &Happening) -> Option<i64> {
    let ended = ["die", "exec_die"].contains(&row.action.as_str());
    row.exit_code.parse().ok().filter(|_| ended)
}

fn signal(row: &Happening) -> Option<u8> {
    row.signal.parse().ok().filter(|_| row.action == "kill")
}

impl Read for ListEvents {
    type Params = Params;
    type Output = Told;

    fn spec() -> Spec {
        let spec = Spec::read(
            "list_events",
            "List events",
            "Lists what happened in the engine between two moments, the newest last: starts, ends \
             with exit codes, pulls, removals. Docker keeps only its last 256 events.",
            "system",
        );
        Spec { class: Class::Sensitive, ceiling: Class::Sensitive, since_api: Some("1.24"), ..spec }
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Told, Fault> {
        let Params { since, until, kind, limit } = params;
        let now = cx.clock.now();
        let window = Window::parse(Some(since), until.as_deref(), now)?;
        let since = window.since.unwrap_or(now);
        if since > now {
            return Err(Fault::invalid(
                "`since` lies in the future. Only what has happened is told; ask again later.",
            ));
        }
        // Waiting for what is to come would never end.
        let until = window.until.map_or(now, |until| until.min(now));
        let kind = kind.map(Kind::as_str);
        let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
        let mut told = Told { rows: VecDeque::new(), left_out: 0 };
        let mut each = |happening| told.take(happening, limit);
        cx.look.events(&EventQuery { since, until, kind }, &mut each).await?;
        Ok(told)
    }
}

#[cfg(test)]
mod tests;
