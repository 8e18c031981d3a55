//! What starting, stopping and restarting share: the facts that a grant is bound to, and the look
//! at a container that yields them.

use std::time::Duration;

use futures_util::future::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::peers::{Others, Peers};
use super::target;
use crate::core::grant::{Granted, Permit};
use crate::core::ids::FullId;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Preview, Seen};
use crate::ports::engine::{Acted, CONTAINER, Container};

/// Which container to start.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneContainer {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    pub(in crate::ops) container: String,
}

/// Which container to stop, and how patiently.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    pub(in crate::ops) container: String,
    /// Seconds between the stop signal and the kill signal.
    #[serde(default = "grace")]
    #[schemars(range(min = 0, max = 600))]
    pub(in crate::ops) timeout: u32,
}

const fn grace() -> u32 {
    10
}

/// What a grant on a container is bound to: nothing that changes by itself while all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_count: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flapping: bool,
    image: String,
    config: String,
    auto_remove: bool,
}

impl Facts {
    /// Those of a container.
    pub(in crate::ops) fn of(container: &Container) -> Self {
        let state = &container.state;
        // What is paused does not restart by itself, however often it did before.
        let up = (state.running && !state.paused) || state.status == RESTARTING;
        let flapping = up && container.restart_count > 0;
        Self {
            status: (!flapping).then(|| state.status.clone()),
            started_at: (!flapping).then(|| state.started_at.clone()),
            restart_count: (!flapping).then_some(container.restart_count),
            flapping,
            image: container.image_id.clone(),
            config: container.config_digest.clone(),
            auto_remove: container.auto_remove,
        }
    }
}

/// The state of a container between two starts by the engine.
pub(in crate::ops) const RESTARTING: &str = "restarting";

/// What a preview shows beside the facts.
#[derive(Debug)]
pub(in crate::ops) struct Notes {
    pub(in crate::ops) container: Container,
    pub(in crate::ops) now: OffsetDateTime,
    /// What its image reference points to now; none if that could not be found out.
    pub(in crate::ops) image_now: Option<Option<String>>,
    /// Who else is affected; none if that could not be found out.
    pub(in crate::ops) peers: Option<Peers>,
}

/// How far to look beside the container itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Beside {
    Image,
    Peers,
    Both,
}

/// How long the notes may take; what is not there by then could not be checked.
const NOTES: Duration = Duration::from_secs(5);

/// Looks at the one target.
pub(in crate::ops) async fn observe(
    cx: Context<'_>,
    targets: &[Target],
    class: impl FnOnce(&Container) -> Class,
) -> Result<Seen<Facts, Container>, Fault> {
    let container = cx.look.container(&target::full_id(targets)?).await?;
    let (class, facts) = (class(&container), vec![Facts::of(&container)]);
    Ok(Seen { class, facts, sight: container })
}

/// Looks at what else a preview shows.
pub(in crate::ops) async fn notes(
    cx: Context<'_>,
    targets: &[Target],
    container: Container,
    beside: Beside,
) -> Notes {
    let (image_now, others) =
        join(image_now(cx, targets, beside), others(cx, &container.id, beside)).await;
    let peers = others.map(|others| others.peers(&container));
    Notes { container, now: cx.clock.now(), image_now, peers }
}

async fn image_now(cx: Context<'_>, targets: &[Target], beside: Beside) -> Option<Option<String>> {
    if beside == Beside::Peers {
        return Some(None);
    }
    let image = targets.first()?.attributes.get("image")?;
    timeout(NOTES, cx.look.image_id(image)).await.ok()?.ok()
}

async fn others(cx: Context<'_>, id: &FullId, beside: Beside) -> Option<Others> {
    if beside == Beside::Image {
        return Some(Others::default());
    }
    timeout(NOTES, Others::look(cx, id)).await.ok()?.ok()
}

/// The preview of these facts and notes.
pub(in crate::ops) fn preview(
    plan: &Plan,
    headline: String,
    facts: &[Facts],
    notes: &Notes,
    rows: Vec<(&'static str, String)>,
) -> Preview {
    let Notes { container, .. } = notes;
    let name = format!("{} (id {})", text::name(&container.name), container.id);
    let image = format!(
        "{} ({})",
        text::name(&container.image),
        text::name(&short_digest(&container.image_id))
    );
    let mut shown = vec![("container", name)];
    shown.extend(plan.targets().first().map(|target| ("engine", text::name(&target.engine))));
    shown.push(("image", image));
    for facts in facts {
        let state = match (&facts.status, &facts.started_at) {
            (Some(status), Some(at)) if container.state.running => {
                // When it was paused is not known.
                let word = if container.state.paused { ", started" } else { " since" };
                format!("{}{word} {}", text::name(status), text::line(at, 64))
            }
            (Some(status), _) => text::name(status),
            _ => "keeps restarting by itself (bound to that, not to its start time)".to_owned(),
        };
        shown.push(("state", state));
        shown.push(("configuration", text::name(&short_digest(&facts.config))));
        if facts.auto_remove {
            shown.push(("auto-remove", "yes (--rm)".to_owned()));
        }
    }
    Preview { headline, facts: shown, notes: rows }
}

/// A digest as people know it: its algorithm and 12 digits.
pub(in crate::ops) fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", hex.get(..12).unwrap_or(hex)),
        None => digest.get(..12).unwrap_or(digest).to_owned(),
    }
}

/// The declaration that the three have in common.
pub(in crate::ops) fn spec(name: &'static str, title: &'static str, summary: &'static str) -> Spec {
    Spec {
        name: name.into(),
        title: title.into(),
        summary: summary.into(),
        toolset: "containers",
        class: Class::Mutate,
        ceiling: Class::Mutate,
        kinds: &[&CONTAINER],
        references: &["container"],
        drift: Drift::All,
        idempotent: true,
        since_api: Some("1.24"),
    }
}

/// What executing tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub(in crate::ops) acted: Acted,
    /// Whether the container was one that is removed when it stops, by the facts of the permit.
    pub(in crate::ops) auto_remove: bool,
}

impl Done {
    /// What the engine says of a permitted change.
    pub(in crate::ops) fn of(permit: &Permit, acted: Acted) -> Self {
        let fact = permit.plan().parts().facts.first().and_then(|facts| facts.get("autoRemove"));
        Self { acted, auto_remove: fact == Some(&Value::Bool(true)) }
    }
}

/// The one target that a permit permits to change.
pub(in crate::ops) fn one(permit: &Permit) -> Result<Granted<'_>, Fault> {
    permit
        .targets()
        .next()
        .ok_or_else(|| Fault::new(Reason::NotFound, "There is no container to act on."))
}

/// The class of what ends a container's processes. One that is removed when these end is lost with
/// its files and unnamed volumes: by a stop at once, by a restart if the new start fails or ends.
pub(in crate::ops) fn ending(container: &Container) -> Class {
    if container.auto_remove { Class::Destroy } else { Class::Mutate }
}
