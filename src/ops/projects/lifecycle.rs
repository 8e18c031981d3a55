//! What starting, stopping and restarting a project share: its containers in their order, the facts
//! of each, and one step for each.

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::find::{self, Part};
use super::notes;
use super::place::{order, places};
use crate::core::grant::Permit;
use crate::core::ids::FullId;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Context, Preview, Proceed, Seen, Steps};
use crate::ops::containers::lifecycle::Facts as OfContainer;
use crate::ops::containers::target;
use crate::ops::plan::facts;
use crate::ports::engine::{Act, Acted, CONTAINER, Container, GRACE_SECONDS_MAX};

/// Seconds that each container is given to stop, at least.
pub(super) const GRACE_SECONDS: u32 = 10;

/// Seconds that a container is given to stop: more where its own configuration asks for more.
pub(super) fn grace(container: &Container) -> u32 {
    // What asks for less than nothing asks to be waited for without an end.
    let own = |seconds| u32::try_from(seconds).unwrap_or(GRACE_SECONDS_MAX);
    container.stop_timeout.map_or(GRACE_SECONDS, own).clamp(GRACE_SECONDS, GRACE_SECONDS_MAX)
}

/// What a grant on a container of a project is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    #[serde(flatten)]
    pub(super) container: OfContainer,
    /// Seconds that it is given to stop.
    pub(super) grace_seconds: u32,
}

impl Facts {
    /// Those of a container.
    pub(super) fn of(container: &Container) -> Self {
        Self { container: OfContainer::of(container), grace_seconds: grace(container) }
    }
}

/// What is done to the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Start them, what others need first.
    Start,
    /// Stop them, what others need last.
    Stop,
    /// Restart them, what others need first.
    Restart,
}

impl Deed {
    /// What becomes of a container that is removed when it stops.
    const fn fate(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Stop => "; REMOVED by this (--rm)",
            Self::Restart => "; REMOVED if it does not stay up (--rm)",
        }
    }
}

/// The declaration that the three have in common.
pub(super) fn spec(name: &'static str, title: &'static str, summary: &'static str) -> Spec {
    Spec {
        name: name.into(),
        title: title.into(),
        summary: summary.into(),
        toolset: "projects",
        class: Class::Mutate,
        ceiling: Class::Destroy,
        kinds: &[&CONTAINER],
        references: &[],
        beside: &[],
        drift: Drift::All,
        idempotent: true,
        since_api: Some("1.24"),
    }
}

/// The containers in the order in which they are acted on.
pub(super) async fn resolve(
    cx: Context<'_>,
    part: &Part,
    deed: Deed,
) -> Result<Vec<Target>, Fault> {
    let found = find::services(cx, &part.project, part.service.as_deref());
    let ((rows, _), engine) = try_join(found, cx.look.engine_id()).await?;
    let containers = find::look(cx, find::few(rows, "Name one service.")?).await?;
    Ok(targets(&containers, deed == Deed::Stop, &engine))
}

/// These containers as targets: first what others need, or backwards.
pub(super) fn targets(containers: &[Container], backwards: bool, engine: &str) -> Vec<Target> {
    let (mut indices, _) = order(&places(containers));
    if backwards {
        indices.reverse();
    }
    let in_order = indices.into_iter().filter_map(|index| containers.get(index));
    in_order.map(|container| target::of_container(container, engine.to_owned())).collect()
}

/// Looks at the containers.
pub(super) async fn observe(
    cx: Context<'_>,
    targets: &[Target],
    deed: Deed,
) -> Result<Seen<Facts, Vec<Container>>, Fault> {
    let containers = look(cx, targets).await?;
    let lost = deed != Deed::Start && containers.iter().any(|c| c.auto_remove);
    let class = if lost { Class::Destroy } else { Class::Mutate };
    Ok(Seen { class, facts: containers.iter().map(Facts::of).collect(), sight: containers })
}

/// Refuses to begin a start that would end half-way, at what is paused.
pub(super) fn possible(deed: Deed, containers: &[Container]) -> Result<(), Fault> {
    let paused = containers.iter().filter(|container| container.state.paused);
    match notes::names(paused).filter(|_| deed == Deed::Start) {
        None => Ok(()),
        Some(names) => Err(Fault::invalid(format!(
            "This would end half-way, since engines start nothing that is paused: {names}. Un-pause \
             first, with unpause_container."
        ))),
    }
}

/// The containers among these targets, in their order.
pub(super) async fn look(cx: Context<'_>, targets: &[Target]) -> Result<Vec<Container>, Fault> {
    let containers = targets.iter().filter(|target| target.kind == CONTAINER.name);
    find::look(cx, containers.filter_map(|target| FullId::parse(&target.id)).collect()).await
}

/// What must hold of a container when its step comes. The steps before it may have moved its state:
/// what needs a container that was stopped may end by itself, or be started again.
pub(super) fn holds(shown: &Value, now: &Value) -> bool {
    let read = |facts| Facts::deserialize(facts).ok();
    read(shown).zip(read(now)).is_some_and(|(shown, now)| {
        shown.grace_seconds == now.grace_seconds
            && shown.container.hold_but_for_state(&now.container)
    })
}

/// What a preview shows.
pub(super) async fn preview(
    cx: Context<'_>,
    plan: &Plan,
    part: &Part,
    deed: Deed,
    containers: Vec<Container>,
) -> Preview {
    let beside = notes::beside(cx, part, &containers).await;
    let headline = notes::headline(part, deed, &containers);
    let mut facts = notes::of_project(plan, &part.project);
    facts.extend(notes::listed_containers(&containers, deed.fate()));
    Preview { headline, facts, notes: notes::rows(deed, &containers, &beside) }
}

/// What was done to one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Did {
    pub(super) acted: Acted,
    /// Whether it is one that is removed when it stops.
    pub(super) auto_remove: bool,
}

/// Acts on one container after the other, and stops at the first failure.
pub(super) async fn execute(
    act: &dyn Act,
    permit: &Permit,
    steps: &mut dyn Steps,
    deed: Deed,
) -> Result<Vec<Did>, Fault> {
    let mut done = Vec::new();
    for (target, Facts { grace_seconds, container }) in permit.targets().zip(facts(permit)?) {
        if steps.begin(&target).await? == Proceed::Skip {
            done.push(Did { acted: Acted::AlreadySo, auto_remove: container.auto_remove });
            continue;
        }
        let outcome = match deed {
            Deed::Start => act.start(&target).await,
            Deed::Stop => act.stop(&target, grace_seconds).await,
            Deed::Restart => act.restart(&target, grace_seconds).await,
        };
        steps.end(&target, outcome.as_ref().map(|_| ())).await;
        done.push(Did { acted: outcome?, auto_remove: container.auto_remove });
    }
    Ok(done)
}
