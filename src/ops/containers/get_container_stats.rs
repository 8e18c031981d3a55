//! `get_container_stats`: what containers use.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{notes, target};
use crate::core::ids::FullId;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::table;
use crate::ops::units::{bytes, counted};
use crate::ports::engine::{CONTAINER, ContainerFilter, Stats};

/// Containers that are measured, at most.
const ROWS_MAX: usize = 100;

/// Containers that are measured at the same time, at most: each takes a second or two.
const AT_ONCE: usize = 25;

/// How long measuring all may take; what was not measured by then is said.
const ALL: Duration = Duration::from_secs(25);

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 64;

/// The operation.
#[derive(Debug)]
pub struct GetContainerStats;

/// Which container.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits); without it, all that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 129))]
    container: Option<String>,
}

/// What containers use.
#[derive(Debug)]
pub struct Usage {
    /// Oldest first. None where it could not be measured.
    rows: Vec<(FullId, String, Option<Stats>)>,
    left_out: usize,
    /// Why there are no rows.
    nothing: String,
}

impl Usage {
    fn unmeasured(&self) -> usize {
        self.rows.iter().filter(|(.., stats)| stats.is_none()).count()
    }
}

impl Render for Usage {
    fn text(&self) -> String {
        if self.rows.is_empty() {
            return self.nothing.clone();
        }
        let rows: Vec<[String; 7]> = self.rows.iter().map(cells).collect();
        let mut out =
            table(["ID", "NAME", "CPU", "MEMORY", "NET IN/OUT", "DISK R/W", "PIDS"], &rows);
        out.push_str(
            "CPU in % of one processor, over the last second; NET and DISK since the start.",
        );
        if self.unmeasured() > 0 {
            let count = counted(self.unmeasured(), "container");
            out.push_str(&format!("\nWhat {count} used could not be measured: \"-\" above."));
        }
        if self.left_out > 0 {
            out.push_str(&format!("\n… {} more, not measured; add container=", self.left_out));
        }
        out
    }

    fn data(&self) -> Value {
        let row = |(id, name, stats): &(FullId, String, Option<Stats>)| {
            let stats = stats.clone().unwrap_or_default();
            json!({
                "id": id,
                "name": text::name(name),
                "cpuHundredths": stats.cpu_hundredths,
                "memoryBytes": stats.memory_bytes,
                "memoryLimitBytes": stats.memory_limit_bytes,
                "networkReceivedBytes": stats.network_bytes.map(|(received, _)| received),
                "networkSentBytes": stats.network_bytes.map(|(_, sent)| sent),
                "diskReadBytes": stats.block_bytes.map(|(read, _)| read),
                "diskWrittenBytes": stats.block_bytes.map(|(_, written)| written),
                "pids": stats.pids,
            })
        };
        json!({
            "containers": self.rows.iter().map(row).collect::<Vec<_>>(),
            "leftOut": self.left_out,
            "unmeasured": self.unmeasured(),
        })
    }

    fn record(&self) -> Value {
        let unmeasured = self.unmeasured();
        json!({"rows": self.rows.len(), "leftOut": self.left_out, "unmeasured": unmeasured})
    }
}

fn cells((id, name, stats): &(FullId, String, Option<Stats>)) -> [String; 7] {
    let unknown = || "-".to_owned();
    let stats = stats.clone().unwrap_or_default();
    let percent = |hundredths: u64| format!("{}.{:02}%", hundredths / 100, hundredths % 100);
    let two = |pair: Option<(u64, u64)>| match pair {
        Some((one, other)) => format!("{} / {}", bytes(one), bytes(other)),
        None => unknown(),
    };
    let memory = match (stats.memory_bytes, stats.memory_limit_bytes) {
        (Some(used), Some(limit)) => {
            let share = u128::from(used) * 10_000 / u128::from(limit.max(1));
            let share = percent(u64::try_from(share).unwrap_or(u64::MAX));
            format!("{} / {} ({share})", bytes(used), bytes(limit))
        }
        (Some(used), None) => bytes(used),
        (None, _) => unknown(),
    };
    [
        id.short().to_owned(),
        text::line(name, NAME_CHARS_MAX),
        stats.cpu_hundredths.map_or_else(unknown, percent),
        memory,
        two(stats.network_bytes),
        two(stats.block_bytes),
        stats.pids.map_or_else(unknown, |count| count.to_string()),
    ]
}

impl Read for GetContainerStats {
    type Params = Params;
    type Output = Usage;

    fn spec() -> Spec {
        let spec = Spec::read(
            "get_container_stats",
            "Measure what containers use",
            "Measures processor, memory, network and disk use and the processes of one running \
             container, or of all. Takes one to some seconds.",
            "containers",
        );
        Spec { kinds: &[&CONTAINER], references: &["container"], since_api: Some("1.24"), ..spec }
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        match &params.container {
            Some(container) => target::resolve(cx, container).await,
            None => Ok(Vec::new()),
        }
    }

    async fn read(cx: Context<'_>, params: &Params, targets: &[Target]) -> Result<Usage, Fault> {
        if params.container.is_some() {
            return one(cx, &target::full_id(targets)?).await;
        }
        all(cx).await
    }
}

async fn one(cx: Context<'_>, id: &FullId) -> Result<Usage, Fault> {
    let container = cx.look.container(id).await?;
    if notes::run(&container) == notes::Run::Down {
        let (name, state) = (text::name(&container.name), text::name(&container.state.status));
        let nothing = format!("{name} is not running ({state}), so it uses nothing.");
        return Ok(Usage { rows: Vec::new(), left_out: 0, nothing });
    }
    let stats = cx.look.stats(id).await?;
    let rows = vec![(container.id, container.name, Some(stats))];
    Ok(Usage { rows, left_out: 0, nothing: String::new() })
}

async fn all(cx: Context<'_>) -> Result<Usage, Fault> {
    let mut running = cx.look.containers(&ContainerFilter::default()).await?;
    let left_out = running.len().saturating_sub(ROWS_MAX);
    running.truncate(ROWS_MAX);
    running.reverse();
    let end = Instant::now() + ALL;
    let mut looks = Vec::new();
    for row in &running {
        looks.push(timeout_at(end, cx.look.stats(&row.id)));
    }
    let seen: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut rows = Vec::new();
    for (row, stats) in running.into_iter().zip(seen) {
        match stats {
            // It ended meanwhile.
            Ok(Err(fault)) if fault.reason == Reason::NotFound => {}
            stats => rows.push((row.id, row.name, stats.ok().and_then(Result::ok))),
        }
    }
    Ok(Usage { rows, left_out, nothing: "No containers are running.".to_owned() })
}
