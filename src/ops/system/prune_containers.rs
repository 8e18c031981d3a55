//! `prune_containers`: removes containers that have ended or were never started. Those of a swarm are
//! left out: it keeps what has ended to tell why, and starts by itself what has not yet begun.

use super::prune::{self, Among, Prunable, Unused, Words};
use crate::core::grant::Granted;
use crate::core::ids::FullId;
use crate::core::operation::{Kind, Spec};
use crate::core::plan::Target;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::UNCHECKED;
use crate::ops::containers::lifecycle::Facts;
use crate::ops::containers::target;
use crate::ops::labels::is_of_swarm;
use crate::ops::units::{counted, listed};
use crate::ops::users;
use crate::ops::when;
use crate::ports::engine::{
    Act, Asked, CONTAINER, Container, ContainerFilter, ContainerRow, DiskUsage, Share,
};

/// Containers that are looked at one by one, at most.
const LOOKED_AT_MAX: usize = 1000;

/// Names in one line, at most.
const LISTED_MAX: usize = 8;

/// States in which nothing of a container runs, or is about to.
const ENDED: [&str; 3] = ["created", "exited", "dead"];

/// The operation.
#[derive(Debug)]
pub struct PruneContainers;

impl Prunable for PruneContainers {
    type Facts = Facts;

    const KIND: &'static Kind = &CONTAINER;
    const WORDS: Words = Words {
        one: "stopped container",
        none: "list_containers with all=true shows what there is; containers of a swarm stay.",
        lost: "what they wrote outside of volumes, their logs and their configuration",
        kept: "their volumes, even those without a name; images and networks; containers of a swarm",
        undo: "no",
    };
    const SHARE: Option<fn(&DiskUsage) -> &Share> = Some(|usage| &usage.containers);

    fn spec() -> Spec {
        prune::spec(
            "prune_containers",
            "Prune containers",
            "Removes containers that have ended or were never started, as the preview lists them. \
             Their volumes stay, and so do containers of a swarm.",
            &[&CONTAINER],
        )
    }

    async fn unused(
        cx: Context<'_>,
        engine: &str,
        among: Among<'_>,
    ) -> Result<Vec<Unused<Facts>>, Fault> {
        let ids = match among {
            Among::All(_) => ended(cx, among.label()).await?,
            Among::These(targets) => targets.iter().filter_map(|t| FullId::parse(&t.id)).collect(),
        };
        let containers = prune::there(ids.iter().map(|id| cx.look.container(id)).collect()).await?;
        let fitting = containers.iter().filter(|container| is_prunable(container));
        Ok(fitting.map(|container| unused(cx, container, engine)).collect())
    }

    fn look<'a>(cx: Context<'a>, target: &'a Target) -> Asked<'a, ()> {
        Box::pin(async move {
            let id = target::full_id(std::slice::from_ref(target))?;
            cx.look.container(&id).await.map(drop)
        })
    }

    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()> {
        Box::pin(async move { act.remove_container(target, false, false).await.map(drop) })
    }

    async fn notes(cx: Context<'_>, targets: &[Target]) -> Vec<(&'static str, String)> {
        let Ok(rows) = users::all(cx).await else {
            return vec![("others affected", UNCHECKED.into())];
        };
        let among = Among::These(targets);
        let sharers: Vec<String> = rows
            .iter()
            .filter(|row| leans_on(row, among))
            .map(|row| text::name(&row.name))
            .collect();
        let going = rows.iter().filter(|row| among.holds(row.id.as_str()));
        let anonymous = going.flat_map(|row| &row.mounts).filter(|m| m.is_anonymous_volume());
        let anonymous = anonymous.count();
        let of_swarm = rows.iter().filter(|row| has_ended(row) && is_of_swarm(&row.labels)).count();
        let mut notes = Vec::new();
        if of_swarm > 0 {
            let left_out = counted(of_swarm, "stopped container");
            notes.push(("left out", format!("{left_out} of a swarm, which looks after its own")));
        }
        if anonymous > 0 {
            let volumes = counted(anonymous, "volume");
            notes.push(("left behind", format!("{volumes} without a name: see prune_volumes")));
        }
        if !sharers.is_empty() {
            let names = listed(&sharers, LISTED_MAX);
            notes.push(("share a network", format!("{names}: they cannot be started again")));
        }
        notes
    }
}

async fn ended(cx: Context<'_>, label: Option<String>) -> Result<Vec<FullId>, Fault> {
    let filter = ContainerFilter { all: true, label, ..ContainerFilter::default() };
    let mut rows = cx.look.containers(&filter).await?;
    rows.retain(|row| has_ended(row) && !is_of_swarm(&row.labels));
    if rows.len() > LOOKED_AT_MAX {
        return Err(Fault::new(
            Reason::Limit,
            format!(
                "There are {}, too many to look at one by one. Narrow it down with label=.",
                counted(rows.len(), "stopped container")
            ),
        ));
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn has_ended(row: &ContainerRow) -> bool {
    ENDED.contains(&row.state.as_str())
}

/// Whether nothing of it runs and nobody looks after it.
fn is_prunable(container: &Container) -> bool {
    let state = &container.state;
    let ended = ENDED.contains(&state.status.as_str()) && !state.running && !state.paused;
    ended && !is_of_swarm(&container.labels)
}

/// Whether it lives in the network of one of these, and is none of them itself.
fn leans_on(row: &ContainerRow, among: Among<'_>) -> bool {
    let other = row.network_mode.strip_prefix("container:");
    other.is_some_and(|other| among.holds(other)) && !among.holds(row.id.as_str())
}

fn unused(cx: Context<'_>, container: &Container, engine: &str) -> Unused<Facts> {
    let now = cx.clock.now();
    let state = &container.state;
    let ended = when::read(&state.finished_at);
    let status = text::name(&state.status);
    let how = match (ended, container.created) {
        (Some(_), _) => {
            let code = state.exit_code.map_or_else(|| "unknown".into(), |code| code.to_string());
            format!("{status} with code {code} at {}", when::aged(&state.finished_at, now))
        }
        (None, Some(at)) => {
            format!("{status} at {} ({}), never started", when::second(at), when::ago(at, now))
        }
        (None, None) => format!("{status}, never started"),
    };
    Unused {
        since: ended.or(container.created),
        about: format!("{how}, image {}", text::name(&container.image)),
        facts: Facts::of(container),
        target: target::of_container(container, engine.to_owned()),
    }
}
