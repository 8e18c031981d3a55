//! From the engine's answers to the port's shapes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::fault::odd;
use super::model::{
    Attached, Binding, Device, DeviceRequest, Host, Info, Inspected, Mount as MountAnswer, Network,
    Row, State as S,
};
use crate::core::ids::FullId;
use crate::core::plan::{Digest, canonical};
use crate::core::reason::Fault;
use crate::core::signals;
use crate::ports::engine::{
    Beyond, CONTAINER, Container, ContainerRow, Engine, ImageName, Mount, Port, State,
};

/// What the engine writes for a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An engine's description of itself.
pub(super) fn engine(info: Info, api: String, address: &str) -> Result<Engine, Fault> {
    let id = info.engine()?;
    let os = match info.os_version.as_str() {
        "" => info.os,
        version if info.os.contains(version) => info.os,
        version => format!("{} {version}", info.os),
    };
    Ok(Engine {
        id,
        name: info.name,
        version: info.version,
        api,
        os,
        kernel: info.kernel,
        arch: info.arch,
        storage: info.storage,
        logging: info.logging,
        cpus: info.cpus,
        memory_bytes: info.memory_bytes,
        containers: [info.running, info.paused, info.stopped],
        images: info.images,
        warnings: info.warnings,
        address: address.to_owned(),
    })
}

/// A row of a list. Which ports are dynamic a list does not tell, so none is said to be.
pub(super) fn row(row: Row) -> Result<ContainerRow, Fault> {
    let mut ports: Vec<Port> = row
        .ports
        .into_iter()
        .map(|port| Port {
            private: port.private,
            protocol: port.protocol,
            public: (port.public != 0).then_some((port.address, port.public)),
            dynamic: false,
        })
        .collect();
    ports.sort();
    let networks = row.networks.networks;
    let mut mounts: Vec<Mount> = row.mounts.into_iter().map(mount).collect();
    mounts.sort();
    Ok(ContainerRow {
        id: full_id(&row.id)?,
        name: own_name(&row.names),
        image: ImageName::respelt(row.image),
        image_id: row.image_id,
        state: row.state,
        status: row.status,
        created: OffsetDateTime::from_unix_timestamp(row.created)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        ports,
        labels: row.labels,
        networks: networks.keys().cloned().collect(),
        network_ids: networks
            .into_iter()
            .filter_map(|(name, at)| Some((name, at?.id)).filter(|(_, id)| !id.is_empty()))
            .collect(),
        network_mode: row.host.network_mode,
        mounts,
    })
}

fn full_id(id: &str) -> Result<FullId, Fault> {
    FullId::parse(id).ok_or_else(|| odd(CONTAINER.name, format!("its id is {id:?}")))
}

/// A container's own name: legacy links add names with a further slash, of which the last part
/// is what another container calls it.
fn own_name(names: &[String]) -> String {
    let bare = |name: &String| name.strip_prefix('/').unwrap_or(name).to_owned();
    names.iter().map(bare).find(|name| !name.contains('/')).unwrap_or_default()
}

/// Everything about one container.
pub(super) fn container(it: Inspected) -> Result<Container, Fault> {
    let unreadable = |error: serde_json::Error| odd(CONTAINER.name, error.to_string());
    let config_digest = config_digest(&it.host, &it.mounts)?;
    let host: Host = Option::deserialize(it.host).map_err(unreadable)?.unwrap_or_default();
    let mounts: Vec<MountAnswer> =
        serde_json::from_value(Value::Array(it.mounts)).map_err(unreadable)?;
    let mut mounts: Vec<Mount> = mounts.into_iter().map(mount).collect();
    mounts.sort();
    let in_memory = mounts.iter().filter(|m| m.kind == "tmpfs").map(|m| m.destination.clone());
    let tmpfs: BTreeSet<String> = host.tmpfs.keys().cloned().chain(in_memory).collect();
    Ok(Container {
        id: full_id(&it.id)?,
        name: own_name(std::slice::from_ref(&it.name)),
        image: ImageName::respelt(it.config.image),
        image_id: it.image_id,
        created: OffsetDateTime::parse(&it.created, &Rfc3339).ok(),
        state: state(it.state),
        restart_count: it.restart_count,
        restart_policy: restart_policy(&host),
        auto_remove: host.auto_remove,
        privileged: host.privileged,
        ports: ports(&it.network, &host, it.config.exposed.keys()),
        cap_add: host.cap_add,
        network_mode: host.network_mode,
        pid_mode: host.pid_mode,
        ipc_mode: host.ipc_mode,
        beyond: Beyond {
            uts_mode: host.uts_mode,
            userns_mode: host.userns_mode,
            devices: devices(host.devices, &host.device_requests),
            device_rules: host.device_rules,
            security: host.security,
            cgroupns_mode: host.cgroupns_mode,
            cgroup_parent: host.cgroup_parent,
            runtime: host.runtime,
            sysctls: host.sysctls.into_keys().collect(),
            hidden: host.hidden,
            read_only: host.read_only,
        },
        user: it.config.user,
        mounts,
        tmpfs: tmpfs.into_iter().collect(),
        aliases: aliases(&it.id, &it.network),
        networks: it
            .network
            .networks
            .into_iter()
            .map(|(name, at)| (name, if at.ipv4.is_empty() { at.ipv6 } else { at.ipv4 }))
            .collect(),
        links: host.links,
        volumes_from: host.volumes_from,
        labels: it.config.labels,
        env: it.config.env,
        command: std::iter::once(it.path).chain(it.args).collect(),
        workdir: it.config.workdir,
        stop_signal: it.config.stop_signal.filter(|signal| !signal.is_empty()).map(signal),
        stop_timeout: it.config.stop_timeout,
        tty: it.config.tty,
        log_driver: host.log.driver,
        execs: it.execs.len(),
        memory_bytes: host.memory_bytes,
        memory_swap_bytes: host.memory_swap_bytes,
        nano_cpus: host.nano_cpus,
        cpu_quota: host.cpu_quota,
        cpu_period: host.cpu_period,
        config_digest,
    })
}

fn devices(paths: Vec<Device>, requests: &[DeviceRequest]) -> Vec<String> {
    let asked = requests.iter().map(|request| {
        let able: Vec<&str> = request.capabilities.iter().flatten().map(String::as_str).collect();
        format!("{} {}", request.driver, able.join(" ")).trim().to_owned()
    });
    paths.into_iter().map(|device| device.path).chain(asked).collect()
}

/// A signal by its name: Podman tells the number.
fn signal(given: String) -> String {
    given.parse().ok().and_then(signals::name).unwrap_or(given)
}

/// Further names in each network. The beginning of the id is one that the engine gives by itself.
fn aliases(id: &str, network: &Network) -> BTreeMap<String, Vec<String>> {
    let own = |at: &Attached| -> Vec<String> {
        at.aliases.iter().filter(|alias| !id.starts_with(*alias)).cloned().collect()
    };
    let all = network.networks.iter().map(|(name, at)| (name.clone(), own(at)));
    all.filter(|(_, aliases)| !aliases.is_empty()).collect()
}

fn state(it: S) -> State {
    let at = |time: String| if time == NEVER { String::new() } else { time };
    let finished_at = at(it.finished_at);
    // The engine says "running" also of a container that waits to be started again.
    let running = it.running && !it.restarting;
    let health = it.health.status;
    State {
        // A start clears the exit code of the end before, so while it runs there is none to tell.
        exit_code: (!running && !finished_at.is_empty()).then_some(it.exit_code),
        status: it.status,
        running,
        paused: it.paused,
        oom_killed: it.oom_killed,
        error: it.error,
        started_at: at(it.started_at),
        finished_at,
        health: (!health.is_empty() && health != "none").then_some(health),
    }
}

fn restart_policy(host: &Host) -> String {
    match (host.restart.name.as_str(), host.restart.retries_max) {
        ("", _) => "no".to_owned(),
        (name, 0) => name.to_owned(),
        (name, retries) => format!("{name}:{retries}"),
    }
}

fn mount(it: MountAnswer) -> Mount {
    Mount {
        kind: it.kind,
        name: (!it.name.is_empty()).then_some(it.name),
        source: it.source,
        destination: it.destination,
        writable: it.writable,
    }
}

/// Ports of a running container as they are, and of a stopped one as configured.
fn ports<'a>(
    network: &'a Network,
    host: &'a Host,
    exposed: impl Iterator<Item = &'a String>,
) -> Vec<Port> {
    let keys: BTreeSet<&String> =
        network.ports.keys().chain(host.bindings.keys()).chain(exposed).collect();
    let mut ports = Vec::new();
    for key in keys {
        let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
        let Ok(private) = number.parse() else { continue };
        let configured = host.bindings.get(key).and_then(Option::as_deref).unwrap_or_default();
        let actual = network.ports.get(key).and_then(Option::as_deref).unwrap_or_default();
        let port = |public: Option<(String, u16)>, dynamic: bool| Port {
            private,
            protocol: protocol.to_owned(),
            public,
            dynamic,
        };
        let fixed: Vec<u16> = configured.iter().filter_map(fixed_port).collect();
        let asked = host.publish_all || !configured.is_empty();
        let shown = if actual.is_empty() { configured } else { actual };
        for binding in shown {
            let public = fixed_port(binding).map(|number| (binding.address.clone(), number));
            let dynamic = asked && !public.as_ref().is_some_and(|(_, n)| fixed.contains(n));
            ports.push(port(public, dynamic));
        }
        if shown.is_empty() {
            ports.push(port(None, asked));
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

/// The host's port, unless the engine is to pick one: none, zero, or one of a range.
fn fixed_port(binding: &Binding) -> Option<u16> {
    binding.port.parse().ok().filter(|port| *port != 0)
}

/// SHA-256 over the host configuration and the mounts, as the engine writes them and with all
/// that it writes. It lists mounts in random order, so they are sorted.
fn config_digest(host: &Value, mounts: &[Value]) -> Result<String, Fault> {
    let mut mounts = mounts
        .iter()
        .map(|mount| canonical(&exact(mount)))
        .collect::<Result<Vec<Vec<u8>>, Fault>>()?;
    mounts.sort();
    let host = canonical(&exact(host))?;
    let parts: Vec<&[u8]> = std::iter::once(host.as_slice())
        .chain(mounts.iter().flat_map(|mount| [b"\n".as_slice(), mount.as_slice()]))
        .collect();
    Ok(Digest::of(&parts).to_string())
}

/// The value with numbers as text: canonical JSON rounds large ones, and limits are large.
fn exact(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(exact).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), exact(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
