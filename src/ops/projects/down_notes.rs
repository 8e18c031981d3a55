//! What the preview of taking a project down shows: all that goes, what of it is lost for good, what
//! stays, and what it takes to get the project back.

use std::collections::BTreeSet;

use futures_util::future::join;

use super::down::Parts;
use super::down_project::Params;
use super::notes::{self, Rows, some};
use super::place::Place;
use super::status::{Files, folders};
use super::things;
use crate::core::plan::Plan;
use crate::core::text;
use crate::gate::{Context, Preview};
use crate::ops::beside::{UNCHECKED, in_time};
use crate::ops::units::{bytes, counted, listed};
use crate::ops::users;
use crate::ops::volumes::storage::Storage;
use crate::ports::engine::{Container, ContainerRow, DiskUsage, Mount, Volume, is_predefined};

/// Names in one line, at most.
const LISTED_MAX: usize = 12;

/// What was seen beside the targets. What is none could not be found out.
struct Beside {
    usage: Option<DiskUsage>,
    /// All containers there are.
    rows: Option<Vec<ContainerRow>>,
    /// The project's volumes.
    volumes: Option<Vec<Volume>>,
}

/// What is shown.
pub(super) async fn preview(
    cx: Context<'_>,
    plan: &Plan,
    params: &Params,
    parts: &Parts,
) -> Preview {
    let looks = join(in_time(cx.look.disk_usage()), users::in_time(cx));
    let volumes = in_time(things::volumes(cx, &params.project));
    let ((usage, rows), (volumes, peers)) =
        join(looks, join(volumes, notes::peers(cx, &parts.containers))).await;
    let beside = Beside { usage, rows, volumes };
    let mut rows = Rows::new();
    notes::folders(&mut rows, &parts.containers);
    notes::sequence(&mut rows, &parts.containers);
    lost(&mut rows, params, parts, &beside);
    unchecked(&mut rows, parts, &beside);
    notes::ending(&mut rows, &parts.containers, "they stop answering");
    match &peers {
        Some(peers) => notes::affected(&mut rows, peers, true),
        None => rows.push(("others affected", UNCHECKED.into())),
    }
    left(&mut rows, params, parts, &beside);
    notes::hooks(&mut rows);
    rows.push(("undone by", back(&parts.containers)));
    Preview { headline: headline(params, parts), facts: facts(plan, params, parts), notes: rows }
}

fn headline(params: &Params, parts: &Parts) -> String {
    let what: Vec<String> = [
        (parts.containers.len(), "container"),
        (parts.networks.len(), "network"),
        (parts.volumes.len(), "volume"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| counted(count, what))
    .collect();
    let lost = parts.volumes.iter().any(|volume| Storage::of(volume).is_lost());
    let data = if lost { " with ALL DATA in the volumes" } else { "" };
    format!(
        "Stop and REMOVE project {}: {}{data}. This CANNOT BE UNDONE.",
        params.project,
        what.join(", ")
    )
}

fn facts(plan: &Plan, params: &Params, parts: &Parts) -> Rows {
    let mut rows = notes::of_project(plan, &params.project);
    rows.extend(notes::listed_containers(&parts.containers, ""));
    rows.extend(parts.networks.iter().map(|network| {
        let id = network.id.get(..12).unwrap_or(&network.id);
        let (name, driver) = (text::name(&network.name), text::name(&network.driver));
        ("network", format!("{name} (id {id}, {driver})"))
    }));
    rows.extend(parts.volumes.iter().map(|volume| {
        let (name, driver) = (text::name(&volume.name), text::name(&volume.driver));
        ("volume", format!("{name} ({driver}, {})", Storage::of(volume).place(volume)))
    }));
    rows
}

fn lost(rows: &mut Rows, params: &Params, parts: &Parts, beside: &Beside) {
    if !parts.containers.is_empty() {
        let size = own_files(&parts.containers, beside.usage.as_ref());
        rows.push(("lost for good", format!("all containers' own files ({size}) and logs")));
    }
    let sized = |volume: &Volume| {
        let item = beside.usage.as_ref().and_then(|usage| usage.volumes.item(&volume.name));
        let size = item.and_then(|item| item.bytes).map_or_else(|| "size unknown".into(), bytes);
        match Storage::of(volume) {
            Storage::Driver(driver) => format!(
                "{} ({size}; unless the driver {} keeps it)",
                text::name(&volume.name),
                text::name(driver)
            ),
            _ => format!("{} ({size})", text::name(&volume.name)),
        }
    };
    let placed = |volume: &Volume| {
        format!("{} ({})", text::name(&volume.name), Storage::of(volume).place(volume))
    };
    let (lost, names): (Vec<&Volume>, Vec<&Volume>) =
        parts.volumes.iter().partition(|volume| Storage::of(volume).is_lost());
    let lost: Vec<String> = lost.into_iter().map(sized).collect();
    some(rows, "data LOST", Some(listed(&lost, LISTED_MAX)));
    let names: Vec<String> = names.into_iter().map(placed).collect();
    let names = Some(listed(&names, LISTED_MAX)).filter(|names| !names.is_empty());
    some(rows, "only the names go", names.map(|names| format!("{names}: what is there stays")));
    let is_unnamed = |mount: &&Mount| mount.is_anonymous_volume();
    let unnamed = |container: &&Container| container.mounts.iter().any(|m| is_unnamed(&m));
    let (going, staying): (Vec<&Container>, Vec<&Container>) = parts
        .containers
        .iter()
        .filter(unnamed)
        .partition(|container| params.volumes || container.auto_remove);
    let names = |containers: Vec<&Container>| notes::names(containers.into_iter());
    some(rows, "unnamed volumes LOST", names(going).map(|names| format!("those of {names}")));
    let staying = names(staying);
    some(
        rows,
        "unnamed volumes",
        staying.map(|names| format!("those of {names} are kept, and nobody uses them any more")),
    );
}

/// How large the own files of these containers are, as far as the engine knows.
fn own_files(containers: &[Container], usage: Option<&DiskUsage>) -> String {
    let Some(usage) = usage else { return format!("size {UNCHECKED}") };
    let own = |c: &Container| usage.containers.item(c.id.as_str()).and_then(|item| item.bytes);
    let known: Vec<u64> = containers.iter().filter_map(own).collect();
    let sum = known.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    match known.len() {
        0 => "size unknown".to_owned(),
        all if all == containers.len() => bytes(sum),
        _ => format!("at least {}", bytes(sum)),
    }
}

/// Who else may use what goes, as far as nobody could find out.
fn unchecked(rows: &mut Rows, parts: &Parts, beside: &Beside) {
    if beside.rows.is_none() && !parts.volumes.is_empty() {
        rows.push(("who else uses volumes", UNCHECKED.into()));
    }
}

/// What stays as it is.
fn left(rows: &mut Rows, params: &Params, parts: &Parts, beside: &Beside) {
    let one_off = parts.containers.iter().filter(|c| Place::of(&c.labels, &c.name).one_off);
    some(
        rows,
        "also removed",
        notes::names(one_off).map(|n| format!("{n} (made for one command)")),
    );
    let Some(volumes) = &beside.volumes else {
        rows.push(("volumes kept", UNCHECKED.into()));
        return;
    };
    let names: Vec<String> = volumes.iter().map(|volume| text::name(&volume.name)).collect();
    if !params.volumes {
        some(rows, "volumes kept", Some(listed(&names, LISTED_MAX)));
    }
    let own: BTreeSet<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    let mounts = parts.containers.iter().flat_map(|container| &container.mounts);
    let named = mounts.filter(|m| m.kind == "volume" && !m.is_anonymous_volume());
    let volumes = named.filter_map(|mount| mount.name.as_deref()).filter(|n| !own.contains(n));
    let networks: BTreeSet<&str> = parts.networks.iter().map(|n| n.name.as_str()).collect();
    let joined = parts.containers.iter().flat_map(|container| container.networks.keys());
    let joined = joined.map(String::as_str);
    let joined = joined.filter(|name| !networks.contains(name) && !is_predefined(name));
    for (label, names) in [
        ("volumes of others", volumes.map(text::name).collect::<BTreeSet<String>>()),
        ("networks of others", joined.map(text::name).collect()),
    ] {
        let names: Vec<String> = names.into_iter().collect();
        let kept = (!names.is_empty()).then(|| listed(&names, LISTED_MAX));
        some(rows, label, kept.map(|names| format!("{names}: left as they are")));
    }
    rows.push(("kept", "images, and folders of the host".into()));
}

/// What it takes to have the project again.
fn back(containers: &[Container]) -> String {
    if folders(containers.iter().map(|container| &container.labels)).len() > 1 {
        return "nothing; `docker compose up` makes containers anew, in each of the folders".into();
    }
    let mut files = Files::default();
    for container in containers {
        files.learn(&container.labels);
    }
    let from = match (files.names().as_str(), files.folder.as_str()) {
        ("", _) => "the project's files".to_owned(),
        (names, "") => text::line(names, 200),
        (names, folder) => format!("{} in {}", text::line(names, 200), text::name(folder)),
    };
    format!("nothing; `docker compose up` makes the project anew, from {from}")
}
