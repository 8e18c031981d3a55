//! What belongs to a project by its labels: containers, networks and volumes; and how each of them is
//! removed.

use std::time::Duration;

use futures_util::future::{try_join, try_join4};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::find;
use super::lifecycle::{self, Facts as ContainerFacts};
use super::things::{networks, volumes};
use crate::core::grant::{Granted, Permit};
use crate::core::ids::{FullId, Reference};
use crate::core::operation::Class;
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Context, Proceed, Seen, Steps};
use crate::ops::beside::AT_ONCE;
use crate::ops::containers::target;
use crate::ops::networks::target::{self as network, Facts as NetworkFacts};
use crate::ops::plan;
use crate::ops::units::listed;
use crate::ops::volumes::target::{self as volume, Facts as VolumeFacts};
use crate::ports::engine::{Act, Acted, Container, NETWORK, Network, VOLUME, Volume};

/// How often, and how far apart, to look whether a container that removes itself is gone.
const REMOVAL_LOOKS: usize = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// The fact of a volume that is left open where a container of the plan holds the volume fast.
const CREATED_AT: &str = "createdAt";

/// What to do about a project that is too large for one plan.
const WAY_OUT: &str = "Of some services, stop_project and then remove_container take containers \
                       away before; prune_containers takes those that do not run.";

/// What a grant is bound to, for each kind of thing.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Facts {
    /// Of a container.
    Container(ContainerFacts),
    /// Of a network.
    Network(NetworkFacts),
    /// Of a volume.
    Volume(VolumeFacts),
}

/// What executing takes of them.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Planned {
    Container(Box<ContainerFacts>),
    Network,
    Volume,
}

/// What is to be removed.
#[derive(Debug, Default)]
pub struct Parts {
    pub(super) containers: Vec<Container>,
    pub(super) networks: Vec<Network>,
    pub(super) volumes: Vec<Volume>,
}

/// What is to be removed, in that order: containers, first those that others do not need; then
/// networks, then volumes if they are asked for.
pub(super) async fn resolve(
    cx: Context<'_>,
    project: &str,
    with_volumes: bool,
) -> Result<Vec<Target>, Fault> {
    let rows = find::containers(cx, project).await?;
    let containers = find::look(cx, find::few(rows, WAY_OUT)?);
    let (containers, networks, volumes, engine) =
        try_join4(containers, networks(cx, project), volumes(cx, project), cx.look.engine_id())
            .await?;
    let mut targets = lifecycle::targets(&containers, true, &engine);
    targets.extend(networks.iter().map(|one| network::of(one, engine.clone())));
    if with_volumes {
        targets.extend(volumes.iter().map(|one| volume::of(one, engine.clone())));
    }
    match (targets.is_empty(), volumes.as_slice()) {
        (false, _) => Ok(targets),
        (true, []) => Err(find::unknown(cx, project).await),
        (true, volumes) => {
            let names: Vec<String> = volumes.iter().map(|one| text::name(&one.name)).collect();
            Err(Fault::new(
                Reason::NotFound,
                format!(
                    "Of the project {project} only volumes are left: {}. They are removed with \
                     volumes=true, and what is in them is lost then.",
                    listed(&names, 10)
                ),
            ))
        }
    }
}

/// What belongs to a project now, as far as a list tells.
pub(super) async fn left(cx: Context<'_>, project: &str) -> Result<Vec<Target>, Fault> {
    let (rows, networks, volumes, engine) = try_join4(
        find::containers(cx, project),
        networks(cx, project),
        volumes(cx, project),
        cx.look.engine_id(),
    )
    .await?;
    let mut targets: Vec<Target> =
        rows.into_iter().map(|row| target::of_row(row, engine.clone())).collect();
    targets.extend(networks.iter().map(|one| network::of(one, engine.clone())));
    targets.extend(volumes.iter().map(|one| volume::of(one, engine.clone())));
    Ok(targets)
}

/// Looks at what is to be removed.
pub(super) async fn observe(
    cx: Context<'_>,
    targets: &[Target],
) -> Result<Seen<Facts, Parts>, Fault> {
    let of = |kind: &str| -> Vec<Target> {
        targets.iter().filter(|target| target.kind == kind).cloned().collect()
    };
    let networks = stream::iter(of(NETWORK.name))
        .map(async |target| cx.look.network(&network::full_id(Some(&target))?).await);
    let volumes = stream::iter(of(VOLUME.name))
        .map(async |target| cx.look.volume(&Reference::parse(&target.id)?).await);
    let (containers, (networks, volumes)) = try_join(
        lifecycle::look(cx, targets),
        try_join(
            networks.buffered(AT_ONCE).try_collect(),
            volumes.buffered(AT_ONCE).try_collect::<Vec<Volume>>(),
        ),
    )
    .await?;
    let parts = Parts { containers, networks, volumes };
    Ok(Seen { class: Class::Destroy, facts: facts(&parts)?, sight: parts })
}

/// Their facts, in the order of the targets.
fn facts(parts: &Parts) -> Result<Vec<Facts>, Fault> {
    let mut facts: Vec<Facts> =
        parts.containers.iter().map(|one| Facts::Container(ContainerFacts::of(one))).collect();
    for one in &parts.networks {
        facts.push(Facts::Network(NetworkFacts::of(one)?));
    }
    for one in &parts.volumes {
        let mut of_it = VolumeFacts::of(one)?;
        // With some engines this moves whenever a container that runs writes into the volume, and
        // when it ends. The volume cannot become another one while such a container is there, and
        // one of this plan is there until the plan itself removes it.
        if parts.mount(one) {
            of_it.created_at.clear();
        }
        facts.push(Facts::Volume(of_it));
    }
    Ok(facts)
}

impl Parts {
    /// Whether a container of these mounts a volume.
    fn mount(&self, volume: &Volume) -> bool {
        let mut mounts = self.containers.iter().flat_map(|container| &container.mounts);
        mounts.any(|mount| mount.kind == "volume" && mount.name.as_ref() == Some(&volume.name))
    }
}

/// What must hold of a target when its step comes.
pub(super) fn holds(shown: &Value, now: &Value) -> bool {
    match Planned::deserialize(shown) {
        Err(_) => false,
        Ok(Planned::Container(_)) => lifecycle::holds(shown, now),
        Ok(Planned::Network | Planned::Volume) => shown.as_object().is_some_and(|shown| {
            let unbound = |(name, value): &(&String, &Value)| *name == CREATED_AT && *value == "";
            let bound = shown.iter().filter(|fact| !unbound(fact));
            bound.into_iter().all(|(name, value)| now.get(name) == Some(value))
        }),
    }
}

/// Removes one after the other, and stops at the first failure.
pub(super) async fn execute(
    act: &dyn Act,
    permit: &Permit,
    steps: &mut dyn Steps,
    with_volumes: bool,
) -> Result<(), Fault> {
    for (target, planned) in permit.targets().zip(plan::facts(permit)?) {
        if steps.begin(&target).await? == Proceed::Skip {
            continue;
        }
        let outcome = match planned {
            Planned::Network => act.remove_network(&target).await,
            Planned::Volume => act.remove_volume(&target).await,
            Planned::Container(facts) => {
                container(act, steps.context(), &target, &facts, with_volumes).await
            }
        };
        steps.end(&target, outcome.as_ref().map(|_| ())).await;
        outcome?;
    }
    Ok(())
}

/// Ends a container's program as a stop does, and removes the container.
async fn container(
    act: &dyn Act,
    cx: Context<'_>,
    target: &Granted<'_>,
    facts: &ContainerFacts,
    with_volumes: bool,
) -> Result<Acted, Fault> {
    let stopped = act.stop(target, facts.grace_seconds).await?;
    if facts.container.auto_remove
        && stopped == Acted::Changed
        && is_gone(cx, target.target()).await
    {
        return Ok(Acted::Changed);
    }
    match act.remove_container(target, false, with_volumes).await {
        // It was stopped by this, and what removed itself then is what was to be removed.
        Err(fault) if fault.reason == Reason::NotFound && stopped == Acted::Changed => {
            Ok(Acted::Changed)
        }
        Err(fault) if stopped == Acted::Changed => {
            let message = format!("{} (It was stopped before that.)", fault.message);
            Err(Fault { message, ..fault })
        }
        removed => removed,
    }
}

/// Waits for a container that removes itself. Its networks and volumes are in use until then.
async fn is_gone(cx: Context<'_>, target: &Target) -> bool {
    let Some(id) = FullId::parse(&target.id) else { return false };
    for _ in 0..REMOVAL_LOOKS {
        if cx.look.container(&id).await.is_err_and(|fault| fault.reason == Reason::NotFound) {
            return true;
        }
        tokio::time::sleep(REMOVAL_PAUSE).await;
    }
    false
}
