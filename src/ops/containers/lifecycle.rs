//! What changes to one container share: the facts that a grant is bound to, and the looks at what
//! their previews show beside these.

use futures_util::future::{join, join5};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::around::Around;
use super::notes::{Run, run};
use super::outcome::Expect;
use super::peers::{Others, Peers};
use super::reach::Way;
use super::verb::Names;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Preview};
use crate::ops::beside;
use crate::ops::units::counted;
use crate::ports::engine::{Acted, CONTAINER, Container, Stats};

/// Which container.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneContainer {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    pub(in crate::ops) container: String,
}

impl Names for OneContainer {
    fn container(&self) -> &str {
        &self.container
    }
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

impl Names for Patient {
    fn container(&self) -> &str {
        &self.container
    }
}

const fn grace() -> u32 {
    10
}

/// What a grant on a container is bound to: nothing that changes by itself while all is well.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_count: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    flapping: bool,
    image: String,
    config: String,
    pub(in crate::ops) auto_remove: bool,
    /// The limits as they are, where these are to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::ops) limits: Option<Current>,
    /// The volumes without a name, where it is to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::ops) unnamed: Vec<String>,
}

/// What can be changed of a container while it runs, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::ops) struct Current {
    pub(in crate::ops) memory_bytes: i64,
    pub(in crate::ops) memory_swap_bytes: i64,
    pub(in crate::ops) nano_cpus: i64,
    pub(in crate::ops) cpu_quota: i64,
    pub(in crate::ops) cpu_period: i64,
    pub(in crate::ops) restart_policy: String,
}

impl Current {
    /// Those of a container.
    pub(in crate::ops) fn of(container: &Container) -> Self {
        Self {
            memory_bytes: container.memory_bytes,
            memory_swap_bytes: container.memory_swap_bytes,
            nano_cpus: container.nano_cpus,
            cpu_quota: container.cpu_quota,
            cpu_period: container.cpu_period,
            restart_policy: container.restart_policy.clone(),
        }
    }
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
            limits: None,
            unnamed: Vec::new(),
        }
    }

    /// Whether these are still those of a container that is as it was but for its state.
    pub(in crate::ops) fn hold_but_for_state(&self, now: &Self) -> bool {
        let lasting = |facts: &Self| (facts.image.clone(), facts.config.clone(), facts.auto_remove);
        lasting(self) == lasting(now)
    }
}

/// The state of a container between two starts by the engine.
pub(in crate::ops) const RESTARTING: &str = "restarting";

/// What a preview shows beside the facts. What is none could not be found out.
#[derive(Debug)]
pub struct Notes {
    pub(in crate::ops) container: Container,
    pub(in crate::ops) now: OffsetDateTime,
    /// What its image reference points to now.
    pub(in crate::ops) image_now: Option<Option<String>>,
    /// All other containers.
    pub(in crate::ops) others: Option<Others>,
    /// What it uses, if it runs.
    pub(in crate::ops) usage: Option<Stats>,
    /// Bytes of its own files.
    pub(in crate::ops) writable_bytes: Option<u64>,
    /// How many paths differ from its image.
    pub(in crate::ops) changes: Option<usize>,
    /// The ways from it to the host, if they are asked for.
    pub(in crate::ops) ways: Vec<Way>,
}

impl Notes {
    /// Who hangs on the container.
    pub(in crate::ops) fn peers(&self) -> Option<Peers> {
        self.others.as_ref().map(|others| others.peers(&self.container))
    }
}

/// What to look at beside the container itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// What its image reference points to now.
    pub(in crate::ops) image: bool,
    /// All other containers.
    pub(in crate::ops) others: bool,
    /// What it uses, if it runs.
    pub(in crate::ops) usage: bool,
    /// Its own files: how many, and how large.
    pub(in crate::ops) files: bool,
    /// The ways from it to the host.
    pub(in crate::ops) ways: Ways,
}

/// Whether the ways from a container to the host are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Ways {
    /// They are not.
    Unasked,
    /// They are if it does not run, so that it is about to be given them.
    OfStart,
    /// They are.
    Asked,
}

impl Ways {
    async fn look(self, cx: Context<'_>, container: &Container) -> Vec<Way> {
        let wanted = match self {
            Self::Unasked => false,
            Self::OfStart => run(container) == Run::Down,
            Self::Asked => true,
        };
        if wanted { Around::look(cx, container).await.ways(container) } else { Vec::new() }
    }
}

impl Beside {
    /// The container alone.
    pub(in crate::ops) const NOTHING: Self =
        Self { image: false, others: false, usage: false, files: false, ways: Ways::Unasked };
}

/// Looks at what else a preview shows.
pub(in crate::ops) async fn notes(
    cx: Context<'_>,
    targets: &[Target],
    container: Container,
    beside: Beside,
) -> Notes {
    let image = async {
        let image = targets.first()?.attributes.get("image")?;
        if_wanted(beside.image, cx.look.image_id(image)).await
    };
    let id = &container.id;
    let others = if_wanted(beside.others, Others::look(cx, id));
    let usage = if_wanted(beside.usage && container.state.running, cx.look.stats(id));
    let size = if_wanted(beside.files, cx.look.writable_bytes(id));
    let changes = if_wanted(beside.files, cx.look.changes(id));
    let ways = beside.ways.look(cx, &container);
    let (ways, (image_now, others, usage, size, changes)) =
        join(ways, join5(image, others, usage, size, changes)).await;
    let (now, writable_bytes) = (cx.clock.now(), size.flatten());
    let changes = changes.map(|changes| changes.len());
    Notes { container, now, image_now, others, usage, writable_bytes, changes, ways }
}

/// The answer, if it is wanted and comes in time.
async fn if_wanted<T>(wanted: bool, asking: impl Future<Output = Result<T, Fault>>) -> Option<T> {
    if wanted { beside::in_time(asking).await } else { None }
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
            _ => restarting(container),
        };
        shown.push(("state", state));
        shown.push(("configuration", text::name(&short_digest(&facts.config))));
        if facts.auto_remove {
            shown.push(("auto-remove", "yes (--rm)".to_owned()));
        }
    }
    Preview { headline, facts: shown, notes: rows }
}

/// The state of one that the engine restarted, of which it is not foreseen when it does so again.
fn restarting(Container { state, restart_count, .. }: &Container) -> String {
    let times = counted(usize::try_from(*restart_count).unwrap_or_default(), "time");
    let since = match state.running {
        true => format!(" since {}", text::line(&state.started_at, 64)),
        false => String::new(),
    };
    format!(
        "{}{since}, restarted by itself {times} (bound to that it restarts, not to its start time)",
        text::name(&state.status)
    )
}

/// A digest as people know it: its algorithm and 12 digits.
pub(in crate::ops) fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", hex.get(..12).unwrap_or(hex)),
        None => digest.get(..12).unwrap_or(digest).to_owned(),
    }
}

/// The declaration that starting, stopping and restarting have in common.
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
        beside: &[],
        drift: Drift::All,
        idempotent: true,
        since_api: Some("1.24"),
    }
}

/// The declaration that rarer changes have in common.
pub(in crate::ops) fn admin_spec(
    name: &'static str,
    title: &'static str,
    summary: &'static str,
) -> Spec {
    Spec { toolset: "containers-admin", ..spec(name, title, summary) }
}

/// What executing tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub(in crate::ops) acted: Acted,
    /// Volumes without a name of what was removed, to look at afterwards.
    pub(in crate::ops) unnamed: Vec<String>,
    /// Whether the container was one that is removed when it stops, by the facts of the permit.
    pub(in crate::ops) auto_remove: bool,
    /// How the container should be then, where the facts of the permit say more of that.
    pub(in crate::ops) expect: Option<Expect>,
}

/// The class of what ends a container's processes. One that is removed when these end is lost with
/// its files and unnamed volumes: by a stop at once, by a restart if the new start fails or ends.
pub(in crate::ops) fn ending(container: &Container) -> Class {
    if container.auto_remove { Class::Destroy } else { Class::Mutate }
}
