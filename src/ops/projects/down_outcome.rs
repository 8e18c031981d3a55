//! What is left of a project after it was taken down.

use serde_json::json;

use super::down;
use super::down_project::Params;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::report::Report;
use crate::ops::units::{counted, listed};
use crate::ports::engine::{CONTAINER, NETWORK, VOLUME};

/// Names in one line, at most.
const LISTED_MAX: usize = 20;

/// Looks for what belongs to the project now.
pub(super) async fn look(
    cx: Context<'_>,
    params: &Params,
    targets: &[Target],
) -> Result<Report, Fault> {
    let left = down::left(cx, &params.project).await?;
    let was = |target: &&Target| targets.iter().any(|t| t.kind == target.kind && t.id == target.id);
    let still: Vec<String> = left.iter().filter(was).map(|t| text::name(&t.name)).collect();
    let kept = left.iter().filter(|target| target.kind == VOLUME.name && !was(target));
    let kept: Vec<String> = kept.map(|target| text::name(&target.name)).collect();
    let count = |kind: &str| {
        let of_kind = |targets: &[Target]| targets.iter().filter(|t| t.kind == kind).count();
        let still = left.iter().filter(was).filter(|target| target.kind == kind).count();
        of_kind(targets) - still
    };
    let kinds = [CONTAINER.name, NETWORK.name, VOLUME.name];
    let removed: Vec<String> = kinds
        .iter()
        .filter(|kind| count(kind) > 0)
        .map(|kind| counted(count(kind), kind))
        .collect();
    let mut text = format!("Removed of project {}: {}.", params.project, removed.join(", "));
    if !kept.is_empty() {
        text.push_str(&format!(" Kept: {}.", listed(&kept, LISTED_MAX)));
    }
    if !still.is_empty() {
        text.push_str(&format!(" There again: {}.", listed(&still, LISTED_MAX)));
    }
    let record = json!({
        "containers": count(CONTAINER.name),
        "networks": count(NETWORK.name),
        "volumes": count(VOLUME.name),
        "kept": kept.len(),
        "still": still.len(),
    });
    let data = json!({"removed": record, "volumesKept": kept, "still": still});
    Ok(Report { text, data, record })
}
