//! The preview of a new container: how it differs from one that reaches nothing, keeps nothing and
//! is reached by nobody. What opens a way to the host is flagged, in words.

use super::found::{Facts, Joined, Sight};
use super::wanted;
use crate::core::plan::Plan;
use crate::core::text;
use crate::gate::Preview;
use crate::ops::containers::lifecycle::short_digest;
use crate::ops::containers::run_container::Params;
use crate::ops::containers::{command, reach};
use crate::ops::units::{bytes, counted, listed};
use crate::ops::{networks, plan};
use crate::ports::engine::{MountSource, NewContainer, NewMount};

/// What flags a way to the host, somebody who can reach the container, and what outlives a stop.
const HOST: &str = "REACHES THE HOST";
const REACHED: &str = "IS REACHED";
const PERSISTS: &str = "PERSISTS";

/// Names in one line, at most.
const LISTED_MAX: usize = 64;

/// Drivers of networks that lead to other containers, and not straight to the host's own networks.
const USUAL_DRIVERS: [&str; 3] = ["bridge", "overlay", "null"];

type Rows = Vec<(&'static str, String)>;

/// The preview.
pub(in crate::ops) fn preview(
    plan: &Plan,
    params: &Params,
    facts: &[Facts],
    sight: &Sight,
) -> Preview {
    // Arguments that no container can be made of never come to a preview.
    let new = params.container().unwrap_or_default();
    let name = new.name.as_deref().map(text::name);
    let rows = notes(plan, params, &new, sight);
    let ways = rows.iter().filter(|(label, _)| *label == HOST).count();
    let image = plan.targets().first().map(|target| text::name(&target.name)).unwrap_or_default();
    let mut headline = format!("Make a container of {image} and start it.");
    if ways > 0 {
        headline = format!("{headline} It REACHES THE HOST: {}, see below.", counted(ways, "way"));
    }
    if facts.iter().any(|facts| facts.taken) {
        headline.push_str(" Its name is TAKEN by another container: the engine refuses.");
    }
    let id = sight.image.id.as_str();
    let mut shown = vec![("image", format!("{image} ({})", text::name(&short_digest(id))))];
    shown.push(("engine", plan::engine(plan)));
    shown.push(("name", name.unwrap_or_else(|| "the engine thinks of one".to_owned())));
    shown.push(("program", program(&new, sight)));
    shown.extend(asked(params, &new));
    shown.push(("network", network(&sight.network)));
    shown.extend(new.mounts.iter().map(|mount| ("mount", mounted(mount, sight))));
    Preview { headline, facts: shown, notes: rows }
}

/// The whole command line: the image's program and the words that were asked for, or its own.
fn program(new: &NewContainer, sight: &Sight) -> String {
    let own = &sight.image.command;
    let words = sight.image.entrypoint.iter().chain(new.command.as_ref().unwrap_or(own));
    let words: Vec<String> = words.cloned().collect();
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
        rows.push(("labels", params.labels.named()));
    }
    rows
}

fn network(joined: &Joined) -> String {
    match joined {
        Joined::Usual => "the engine's own (bridge)".to_owned(),
        Joined::Nothing => "none".to_owned(),
        Joined::Host => "the host's".to_owned(),
        Joined::Container(name, id) => {
            format!("that of the container {} (id {id})", text::name(name))
        }
        Joined::Network(network) => format!(
            "{} (id {}), leads {}",
            text::name(&network.name),
            text::name(network.id.get(..12).unwrap_or(&network.id)),
            networks::target::reach(network)
        ),
    }
}

fn mounted(mount: &NewMount, sight: &Sight) -> String {
    let mode = if mount.writable { "rw" } else { "ro" };
    let to = text::line(&mount.destination, 1024);
    match &mount.source {
        MountSource::HostPath(path) => format!("{} -> {to} ({mode})", text::line(path, 1024)),
        MountSource::Volume(name) => {
            let state = match sight.volumes.get(name) {
                Some(Some(volume)) => {
                    format!("there is one, of the driver {}", text::name(&volume.driver))
                }
                _ => "there is NONE of that name, so a new one is made".to_owned(),
            };
            format!("volume {} -> {to} ({mode}): {state}", text::name(name))
        }
    }
}

fn notes(plan: &Plan, params: &Params, new: &NewContainer, sight: &Sight) -> Rows {
    let mut rows = Rows::new();
    rows.extend(ways(new, sight).into_iter().map(|way| (HOST, way)));
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

/// Every way to the host, one each.
fn ways(new: &NewContainer, sight: &Sight) -> Vec<String> {
    let mut out = Vec::new();
    match &sight.network {
        Joined::Host => out.push(
            "the host's network: its addresses, its ports and whatever listens on its localhost"
                .to_owned(),
        ),
        Joined::Container(name, _) => out.push(format!(
            "the network of {}: its addresses, its ports and whatever listens on its localhost",
            text::name(name)
        )),
        Joined::Network(network) if !USUAL_DRIVERS.contains(&network.driver.as_str()) => {
            out.push(format!(
                "the network {} of the driver {}: it may lead straight to the host's own networks",
                text::name(&network.name),
                text::name(&network.driver)
            ));
        }
        Joined::Usual | Joined::Nothing | Joined::Network(_) => {}
    }
    for mount in &new.mounts {
        match &mount.source {
            MountSource::HostPath(path) => {
                out.push(reach::host_path(path, &mount.destination, mount.writable));
            }
            MountSource::Volume(name) => {
                let volume = sight.volumes.get(name).and_then(Option::as_ref);
                out.extend(volume.and_then(reach::disguised));
            }
        }
    }
    if new.mounts.iter().any(|mount| matches!(mount.source, MountSource::HostPath(_))) {
        out.push("links in these paths are followed on the host, and could not be checked".into());
    }
    out
}

fn of_the_image(plan: &Plan, new: &NewContainer, sight: &Sight) -> Rows {
    let image = &sight.image;
    let mut rows = Rows::new();
    let root = ["", "root", "0"].contains(&image.user.split(':').next().unwrap_or_default());
    let user = if image.user.is_empty() {
        "the image names no user".into()
    } else {
        text::name(&image.user)
    };
    rows.push(("runs as", if root { format!("ROOT ({user})") } else { user }));
    let taken = |path: &&String| new.mounts.iter().all(|mount| mount.destination != **path);
    let unnamed: Vec<String> = image.volumes.iter().filter(taken).map(|p| text::name(p)).collect();
    if !unnamed.is_empty() {
        let paths = listed(&unnamed, 8);
        rows.push(("unnamed volumes", format!("made for {paths}, as the image declares")));
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
