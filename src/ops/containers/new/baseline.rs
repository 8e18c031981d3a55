//! The preview of a new container: how it differs from one that reaches nothing, keeps nothing and
//! is reached by nobody. What opens a way to the host is flagged, in words.

use super::found::{Joined, Sight};
use super::wanted;
use crate::core::plan::Plan;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::Preview;
use crate::ops::beside::UNCHECKED;
use crate::ops::containers::lifecycle::short_digest;
use crate::ops::containers::reach::{HOST, PERHAPS, Way};
use crate::ops::containers::run_container::Params;
use crate::ops::containers::{command, reach};
use crate::ops::units::{bytes, counted, listed};
use crate::ops::users;
use crate::ops::{networks, plan};
use crate::ports::engine::{ContainerRow, MountSource, NewContainer, NewMount};

/// What flags somebody who can reach the container, and what outlives a stop.
const REACHED: &str = "IS REACHED";
const PERSISTS: &str = "PERSISTS";

/// Names in one line, at most.
const LISTED_MAX: usize = 64;

type Rows = Vec<(&'static str, String)>;

/// What a preview shows beside what the plan is bound to.
#[derive(Debug)]
pub(in crate::ops) struct Around<'a> {
    /// All containers, if they could be listed in time.
    pub(in crate::ops) rows: Option<Vec<ContainerRow>>,
    /// The engine's socket that this program itself uses.
    pub(in crate::ops) socket: Option<&'a str>,
    /// What joining another container's network gives, if it joins one.
    pub(in crate::ops) joined: Option<Way>,
}

/// The preview.
pub(in crate::ops) fn preview(
    plan: &Plan,
    params: &Params,
    sight: &Sight,
    around: &Around<'_>,
) -> Preview {
    // Arguments that no container can be made of never come to a preview.
    let new = params.container().unwrap_or_default();
    let name = new.name.as_deref().map(text::name);
    let ways = ways(&new, sight, around);
    let image = plan.targets().first().map(|target| text::name(&target.name)).unwrap_or_default();
    let mut headline = format!("Make a container of {image} and start it.");
    if let Some(flag) = [HOST, PERHAPS].iter().find(|flag| ways.iter().any(|way| way.0 == **flag)) {
        let count = ways.iter().filter(|way| reach::leads_there(way)).count();
        headline = format!("{headline} It {flag}: {}, see below.", counted(count, "way"));
    }
    let id = sight.image.id.as_str();
    let mut shown = vec![("image", format!("{image} ({})", text::name(&short_digest(id))))];
    shown.push(("engine", plan::engine(plan)));
    shown.push(("name", name.unwrap_or_else(|| "the engine thinks of one".to_owned())));
    shown.push(("program", program(&new, sight)));
    shown.extend(asked(params, &new));
    shown.push(("network", network(&sight.network)));
    shown.extend(new.mounts.iter().map(|mount| ("mount", mounted(mount, sight, around))));
    Preview { headline, facts: shown, notes: notes(plan, params, &new, sight, ways) }
}

/// The whole command line: the image's program and the words that were asked for, or its own. The
/// image's words can hold secrets; those that were asked for stand as they are.
fn program(new: &NewContainer, sight: &Sight) -> String {
    let image = &sight.image;
    let mut all = image.entrypoint.clone();
    all.extend(new.command.is_none().then(|| image.command.clone()).into_iter().flatten());
    let mut words = Redactor::new(&image.env).command(&all);
    words.extend(new.command.iter().flatten().cloned());
    let whose = if new.command.is_none() { " (the image's own)" } else { "" };
    format!("{}{whose}", command::shown(&words))
}

fn asked(params: &Params, new: &NewContainer) -> Rows {
    let mut rows = Rows::new();
    if !params.env.is_empty() {
        let names: Vec<String> = params.env.names().into_iter().map(text::name).collect();
        rows.push((
            "environment",
            format!("{} (values are not shown)", listed(&names, LISTED_MAX)),
        ));
    }
    for (label, value) in [
        ("restart policy", params.restart_policy.as_ref().map(ToString::to_string)),
        ("memory", new.memory_bytes.and_then(|b| u64::try_from(b).ok()).map(bytes)),
        ("processors", params.cpus.map(|cpus| cpus.to_string())),
    ] {
        rows.extend(value.map(|value| (label, value)));
    }
    if !params.labels.is_empty() {
        rows.extend(params.labels.rows(&params.env.entries()));
    }
    rows
}

fn network(joined: &Joined) -> String {
    match joined {
        Joined::Usual => "the engine's own (bridge)".to_owned(),
        Joined::Nothing => "none".to_owned(),
        Joined::Host => "the host's".to_owned(),
        Joined::Container(other) => {
            format!("that of the container {} (id {})", text::name(&other.name), other.id)
        }
        Joined::Network(network) => format!(
            "{} (id {}), leads {}",
            text::name(&network.name),
            text::name(network.id.get(..12).unwrap_or(&network.id)),
            networks::target::reach(network)
        ),
    }
}

fn mounted(mount: &NewMount, sight: &Sight, around: &Around<'_>) -> String {
    let mode = if mount.writable { "rw" } else { "ro" };
    let to = text::line(&mount.destination, 1024);
    match &mount.source {
        MountSource::HostPath(path) => format!("{} -> {to} ({mode})", text::line(path, 1024)),
        MountSource::Volume(name) => {
            let state = match sight.volumes.get(name) {
                Some(Some(volume)) => {
                    let driver = text::name(&volume.driver);
                    let users = match &around.rows {
                        Some(rows) => users::named_or_nobody(&users::of_volume(name, rows)),
                        None => UNCHECKED.to_owned(),
                    };
                    format!("there is one, of the driver {driver}; used by: {users}")
                }
                _ => "there is NONE of that name, so a new one is made".to_owned(),
            };
            format!("volume {} -> {to} ({mode}): {state}", text::name(name))
        }
    }
}

fn notes(plan: &Plan, params: &Params, new: &NewContainer, sight: &Sight, ways: Vec<Way>) -> Rows {
    let mut rows = ways;
    let published = params.ports.iter().filter_map(|port| wanted::port(port).ok());
    rows.extend(published.map(|(address, port)| {
        let host = if port.host == 0 {
            "a port that the engine picks".into()
        } else {
            port.host.to_string()
        };
        let inside = format!("{}/{}", port.private, port.protocol);
        let who = reach::published_on(&address);
        let label = if address.is_loopback() { "port" } else { REACHED };
        (label, format!("{inside} at {address}, port {host}: {who}"))
    }));
    if let Some((policy, _)) = new.restart_policy.as_ref().filter(|(policy, _)| policy != "no") {
        let when = match policy.as_str() {
            "on-failure" => "the engine starts it again whenever it fails",
            _ => "the engine starts it again whenever it ends, and when the engine itself starts",
        };
        rows.push((PERSISTS, when.to_owned()));
    }
    rows.extend(of_the_image(plan, new, sight));
    rows.push((
        "otherwise",
        "no privileges, capabilities, devices or namespaces of the host beyond the engine's own \
         choice"
            .to_owned(),
    ));
    rows.push(("undone by", "remove_container; volumes stay, and so does what it did".to_owned()));
    rows
}

/// Every way to the host, one each, and what is shared beside.
fn ways(new: &NewContainer, sight: &Sight, around: &Around<'_>) -> Vec<Way> {
    let own = around.socket;
    const LISTENS: &str = "its addresses, its ports and whatever listens on its localhost";
    let mut out = Vec::new();
    match &sight.network {
        Joined::Host => out.push((HOST, format!("the host's network: {LISTENS}"))),
        Joined::Container(_) => {
            out.extend(around.joined.clone());
            out.push((reach::SHARES, LISTENS.to_owned()));
        }
        Joined::Network(network) => out.extend(reach::line(network)),
        Joined::Usual | Joined::Nothing => {}
    }
    let paths = new.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::HostPath(path) => {
            Some((path.as_str(), mount.destination.as_str(), mount.writable))
        }
        MountSource::Volume(_) => None,
    });
    out.extend(reach::of_paths(paths, own));
    out.extend(sight.volumes.values().flatten().filter_map(|one| reach::disguised(one, own)));
    out
}

fn of_the_image(plan: &Plan, new: &NewContainer, sight: &Sight) -> Rows {
    let image = &sight.image;
    let mut rows = Rows::new();
    rows.push(("runs as", command::runs_as(&image.user, "the image names no user")));
    let taken = |path: &&String| new.mounts.iter().all(|mount| mount.destination != **path);
    let unnamed: Vec<String> = image.volumes.iter().filter(taken).map(|p| text::name(p)).collect();
    if !unnamed.is_empty() {
        let paths = listed(&unnamed, 8);
        rows.push(("unnamed volumes", format!("made for {paths}, as the image declares")));
    }
    if !image.labels.is_empty() {
        let names: Vec<String> = image.labels.keys().map(|key| text::name(key)).collect();
        rows.push(("image's labels", format!("it gets them too: {}", listed(&names, LISTED_MAX))));
    }
    let name = plan.targets().first().map(|target| target.name.as_str()).unwrap_or_default();
    if !name.contains('@') && name != image.id.as_str() {
        rows.push((
            "image",
            format!(
                "{} can be moved to another image; this is bound to the id \
             above",
                text::name(name)
            ),
        ));
    }
    if new.memory_bytes.is_none() || new.nano_cpus.is_none() {
        rows.push((
            "limits",
            "memory and processors of the host as far as not limited above".into(),
        ));
    }
    rows
}
