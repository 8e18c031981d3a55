//! Ways from a container to its host, in words: what of its configuration opens them, and which
//! volumes are of the host in disguise. What is not known to be harmless is said to lead there.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::host_path;
use crate::core::text;
use crate::ops::units::listed;
use crate::ops::volumes::storage::Storage;
use crate::ports::engine::{Beyond, Container, Network, Volume};

/// What flags a way to the host.
pub(in crate::ops) const HOST: &str = "REACHES THE HOST";

/// What flags a way to the host, or to another one, that nobody can be sure of.
pub(in crate::ops) const PERHAPS: &str = "MAY REACH THE HOST";

/// What is said of sharing something with a container that has nothing of the host.
pub(in crate::ops) const SHARES: &str = "shares";

/// A way with its flag.
pub(in crate::ops) type Way = (&'static str, String);

/// Names in one line, at most.
const LISTED_MAX: usize = 8;

/// What every container without privileges has hidden, and what none may write.
const HIDDEN: [&str; 3] = ["/proc/kcore", "/proc/sched_debug", "/sys/firmware"];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Security options that open nothing.
const CLOSED: [&str; 6] = [
    "no-new-privileges",
    "no-new-privileges=true",
    "no-new-privileges:true",
    "apparmor=docker-default",
    "apparmor:docker-default",
    "seccomp=builtin",
];

/// What engines run containers with by themselves, and where they put them.
const RUNTIMES: [&str; 6] = ["", "runc", "crun", "oci", "io.containerd.runc.v2", "runsc"];
const SLICES: [&str; 4] = ["", "system.slice", "machine.slice", "user.slice"];

const PROCESSES: &str = "process ids";

/// The namespaces that a container can share, and their modes.
pub(super) fn shared(container: &Container) -> [(&'static str, &str); 5] {
    let beyond = &container.beyond;
    let on_host = container.networks.contains_key("host");
    [
        ("network", if on_host { "host" } else { &container.network_mode }),
        (PROCESSES, &container.pid_mode),
        ("IPC", &container.ipc_mode),
        ("host name", &beyond.uts_mode),
        ("users", &beyond.userns_mode),
    ]
}

/// Whether a namespace of this mode is the container's own, or a network's.
fn is_own(what: &str, mode: &str) -> bool {
    let kind = mode.split(':').next().unwrap_or_default();
    match what {
        "network" => !mode.contains(':') || ["pasta", "slirp4netns"].contains(&kind),
        "users" => ["", "private", "auto", "keep-id", "nomap"].contains(&kind),
        _ => ["", "private", "none", "default", "shareable"].contains(&mode),
    }
}

/// A namespace that is shared, unless it is with another container.
fn namespace(what: &str, mode: &str) -> Option<String> {
    match mode {
        "host" => Some(format!("the host's {what}")),
        mode if mode.starts_with("container:") || is_own(what, mode) => None,
        // Such a mode names any namespace of the host, the host's own among them.
        mode => Some(format!("the {what} of the host's namespace {}", text::name(mode))),
    }
}

/// How far a container can reach beyond itself, as configured, its mounts apart, and apart from
/// what it shares with other containers.
pub(super) fn configured(container: &Container) -> Vec<String> {
    let mut out = Vec::new();
    if container.privileged {
        out.push("PRIVILEGED".to_owned());
    }
    if !container.cap_add.is_empty() {
        out.push(format!("capabilities {}", names(&container.cap_add)));
    }
    out.extend(shared(container).into_iter().filter_map(|(what, mode)| namespace(what, mode)));
    out.extend(beyond(&container.beyond));
    out
}

fn names(all: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> = all.iter().map(|one| text::name(one.as_ref())).collect();
    listed(&shown, LISTED_MAX)
}

fn beyond(beyond: &Beyond) -> Vec<String> {
    let mut out = Vec::new();
    for (what, all) in [
        ("devices", &beyond.devices),
        ("rules for devices", &beyond.device_rules),
        ("kernel settings", &beyond.sysctls),
    ] {
        if !all.is_empty() {
            out.push(format!("{what} {}", names(all)));
        }
    }
    for (what, usual, given) in [
        ("NOT HIDDEN, as it usually is:", &HIDDEN[..], &beyond.hidden),
        ("WRITABLE, as it usually is not:", &READ_ONLY[..], &beyond.read_only),
    ] {
        let Some(given) = given else { continue };
        let open = usual.iter().filter(|path| !given.iter().any(|one| one == *path));
        let open: Vec<&&str> = open.collect();
        if !open.is_empty() {
            out.push(format!("{what} {}", names(&open)));
        }
    }
    for (what, given, usual) in [
        ("run by", &beyond.runtime, &RUNTIMES[..]),
        ("in the control group", &beyond.cgroup_parent, &SLICES[..]),
    ] {
        if !usual.contains(&given.as_str()) {
            out.push(format!("{what} {}", text::name(given)));
        }
    }
    let open = |option: &&String| !CLOSED.contains(&option.as_str());
    out.extend(beyond.security.iter().filter(open).map(|option| text::name(option)));
    out
}

/// The containers that a container shares namespaces with, by their ids.
pub(super) fn joined(container: &Container) -> impl Iterator<Item = (&'static str, &str)> {
    let shared = shared(container).into_iter();
    shared.filter_map(|(what, mode)| Some((what, mode.strip_prefix("container:")?)))
}

/// Whether this is the flag of what leads to the host, or may.
pub(in crate::ops) fn leads_there((flag, _): &Way) -> bool {
    [HOST, PERHAPS].contains(flag)
}

/// What sharing a namespace with another container gives, with all that this one has of the host.
/// `third` is what it gives if that one shares it with a third, and `lines` where the networks of
/// that one lead, if it is those that are shared. Both stand first and whole: they may decide.
pub(super) fn through(what: &str, other: &Container, third: Option<Way>, lines: Vec<Way>) -> Way {
    let mut has = configured(other);
    let further = joined(other).filter(|(also, _)| *also != what);
    has.extend(further.map(|(also, _)| format!("the {also} of a third container")));
    if what == PROCESSES {
        // Whoever sees its processes finds its files through them.
        let mounts = other.mounts.iter().filter(|mount| mount.kind != "tmpfs");
        has.extend(mounts.map(|mount| text::name(mount.name.as_ref().unwrap_or(&mount.source))));
    }
    let own = shared(other).into_iter().find(|(also, _)| *also == what);
    let further: Vec<Way> = third.into_iter().chain(lines).collect();
    let on_host = own.and_then(|(what, mode)| namespace(what, mode)).is_some();
    let flag = if on_host || further.iter().any(|(flag, _)| *flag == HOST) {
        HOST
    } else if !has.is_empty() || further.iter().any(leads_there) {
        PERHAPS
    } else {
        SHARES
    };
    let name = text::name(&other.name);
    let down = if other.state.running { "" } else { " (NOT RUNNING)" };
    let mut out = format!("the {what} of {name}{down}");
    if !further.is_empty() {
        let further: Vec<String> = further.into_iter().map(|(_, way)| way).collect();
        let _ = write!(out, ", which has {}", further.join(", and "));
    }
    if !has.is_empty() {
        let who =
            if out.contains(", which has") { format!("; {name} itself") } else { ", which".into() };
        let _ = write!(out, "{who} has {}", names(&has));
    }
    (flag, out)
}

/// Drivers of networks that lead to other containers, and not straight to the host's own networks.
const USUAL_DRIVERS: [&str; 3] = ["bridge", "overlay", "null"];

/// Where a network leads, unless it is to other containers and through the host as usual.
pub(super) fn line(network: &Network) -> Option<Way> {
    if USUAL_DRIVERS.contains(&network.driver.as_str()) {
        return None;
    }
    let (name, driver) = (text::name(&network.name), text::name(&network.driver));
    let leads = "it may lead straight to the host's own networks";
    Some((HOST, format!("the network {name} of the driver {driver}: {leads}")))
}

/// Ways of paths of the host, each with where it is seen and whether it can be written.
pub(in crate::ops) fn of_paths<'a>(
    paths: impl Iterator<Item = (&'a str, &'a str, bool)>,
    own: Option<&str>,
) -> Vec<Way> {
    let shown = |(path, inside, writable)| host_path::shown(path, inside, writable, own);
    let mut out: Vec<Way> = paths.map(|path| (HOST, shown(path))).collect();
    if !out.is_empty() {
        let links = "links in these paths are followed on the host, and could not be checked";
        out.push((PERHAPS, links.to_owned()));
    }
    out
}

/// What leads to the host in a volume, if anything does.
pub(in crate::ops) fn disguised(volume: &Volume, own: Option<&str>) -> Option<Way> {
    let name = text::name(&volume.name);
    let fs = volume.options.get("type").map_or("", String::as_str);
    match Storage::of(volume) {
        Storage::Own | Storage::Memory => None,
        Storage::Host(path) => {
            let special = host_path::special(&path, own).map(|special| format!(": {special}"));
            let special = special.unwrap_or_default();
            let fs = match fs {
                "" | "none" | "bind" => String::new(),
                fs => format!(" (a file system of the type {})", text::name(fs)),
            };
            let path = text::line(&path, host_path::PATH_CHARS_MAX);
            Some((HOST, format!("volume {name} is of the host in disguise, {path}{fs}{special}")))
        }
        Storage::Elsewhere(fs, what) => {
            let (fs, what) = (text::name(fs), text::name(what));
            Some((PERHAPS, format!("volume {name} leads to {what} ({fs}), whichever host that is")))
        }
        Storage::Driver(driver) => Some((
            PERHAPS,
            format!(
                "volume {name} is of the driver {}; where it leads is not known",
                text::name(driver)
            ),
        )),
    }
}

/// Who can reach a published port, by the host's address that it is published on.
pub(in crate::ops) fn published_on(address: &IpAddr) -> &'static str {
    match address {
        address if address.is_loopback() => "reached from this host only",
        address if address.is_unspecified() => {
            "on ALL ADDRESSES of the host: reached by whoever reaches the host, past its firewall"
        }
        _ => "reached by whoever reaches that address of the host, past its firewall",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::fake;
    use crate::ports::engine::Mount;

    #[test]
    fn a_volume_that_leads_to_the_host_is_seen_through() {
        let seen = |driver: &str, options: &[(&str, &str)]| {
            let volume = Volume {
                name: "data".into(),
                driver: driver.into(),
                options: options.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
                ..Volume::default()
            };
            disguised(&volume, Some("/srv/engine/x.socket"))
        };
        for (options, expected) in [
            (vec![("type", "none"), ("o", "bind"), ("device", "/")], "THE WHOLE HOST"),
            (vec![("o", "rw,rbind"), ("device", "/srv/x")], "in disguise, /srv/x"),
            (vec![("o", "bind"), ("device", "/srv/engine")], "THE ENGINE'S SOCKET"),
            (vec![("type", "proc"), ("device", "proc")], "proc (a file system of the type proc)"),
            (vec![("type", "sysfs"), ("device", "sysfs")], "the type sysfs"),
            (vec![("type", "9p"), ("device", "share")], "share (a file system of the type 9p)"),
            (vec![("type", "debugfs")], "debugfs"),
        ] {
            let (flag, way) = seen("local", &options).unwrap();
            assert!(flag == HOST && way.contains(expected), "{flag}: {way}");
        }
        let (flag, way) =
            seen("local", &[("type", "nfs"), ("o", "addr=127.0.0.1"), ("device", ":/")]).unwrap();
        assert!(flag == PERHAPS && way.contains(":/ (nfs)"), "{way}");
        let (flag, way) = seen("sshfs", &[]).unwrap();
        assert!(flag == PERHAPS && way.contains("driver sshfs"), "{way}");
        assert_eq!(seen("local", &[]), None);
        assert_eq!(seen("local", &[("o", "size=1g"), ("type", "tmpfs")]), None);
    }

    #[test]
    fn each_way_is_found_by_itself_and_what_is_usual_is_none() {
        type Open = fn(&mut Container);
        let ways: [(Open, &str); 22] = [
            (|c| c.privileged = true, "PRIVILEGED"),
            (|c| c.cap_add = vec!["NET_RAW".into()], "capabilities NET_RAW"),
            (|c| c.network_mode = "host".into(), "the host's network"),
            (|c| drop(c.networks.insert("host".into(), String::new())), "the host's network"),
            (|c| c.network_mode = "ns:/proc/1/ns/net".into(), "namespace ns:/proc/1/ns/net"),
            (|c| c.pid_mode = "host".into(), "the host's process ids"),
            (|c| c.pid_mode = "ns:/proc/1/ns/pid".into(), "namespace ns:/proc/1/ns/pid"),
            (|c| c.ipc_mode = "host".into(), "the host's IPC"),
            (|c| c.beyond.uts_mode = "host".into(), "the host's host name"),
            (|c| c.beyond.userns_mode = "host".into(), "the host's users"),
            (|c| c.beyond.devices = vec!["/dev/sda".into()], "devices /dev/sda"),
            (|c| c.beyond.device_rules = vec!["a *:* rwm".into()], "rules for devices"),
            (|c| c.beyond.sysctls = vec!["kernel.msgmax".into()], "kernel settings kernel.msgmax"),
            (|c| c.beyond.hidden = Some(Vec::new()), "NOT HIDDEN, as it usually is: /proc/kcore"),
            (|c| c.beyond.read_only = Some(vec!["/proc/sys".into()]), "/proc/sysrq-trigger"),
            (|c| c.beyond.runtime = "nvidia".into(), "run by nvidia"),
            (|c| c.beyond.cgroup_parent = "/".into(), "in the control group /"),
            (|c| c.beyond.security = vec!["seccomp=unconfined".into()], "seccomp=unconfined"),
            (|c| c.beyond.security = vec!["seccomp={\"x\":1}".into()], "seccomp={"),
            (|c| c.beyond.security = vec!["apparmor=mine".into()], "apparmor=mine"),
            (|c| c.beyond.security = vec!["label=type:spc_t".into()], "label=type:spc_t"),
            (|c| c.beyond.security = vec!["no-new-privileges=false".into()], "=false"),
        ];
        for (open, expected) in ways {
            let mut container = fake::container("ab", "web");
            open(&mut container);
            let found = configured(&container);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
        let mut usual = fake::container("ab", "web");
        usual.network_mode = "shop_default".into();
        usual.ipc_mode = "shareable".into();
        usual.beyond = Beyond {
            security: CLOSED.map(str::to_owned).to_vec(),
            hidden: Some(HIDDEN.map(str::to_owned).to_vec()),
            read_only: Some(READ_ONLY.map(str::to_owned).to_vec()),
            runtime: "runc".into(),
            cgroupns_mode: "private".into(),
            userns_mode: "keep-id:uid=1".into(),
            ..Beyond::default()
        };
        assert_eq!(configured(&usual), Vec::<String>::new());
    }

    #[test]
    fn what_another_container_has_of_the_host_is_told_with_it() {
        let mut other = fake::container("cd", "proxy");
        assert_eq!(
            through("network", &other, None, vec![]),
            (SHARES, "the network of proxy".into())
        );
        assert_eq!(through(PROCESSES, &other, None, vec![]).0, SHARES);
        let down = through("network", &fake::stopped(other.clone()), None, vec![]).1;
        assert!(down.contains("NOT RUNNING"), "{down}");
        other.privileged = true;
        let told = through("network", &other, None, vec![]);
        assert_eq!(told, (PERHAPS, "the network of proxy, which has PRIVILEGED".into()));
        other.network_mode = "host".into();
        let told = through("network", &other, None, vec![]);
        let has = "the network of proxy, which has PRIVILEGED, the host's network";
        assert_eq!(told, (HOST, has.into()));
        assert_eq!(through("IPC", &other, None, vec![]).0, PERHAPS);
    }

    #[test]
    fn what_a_third_container_has_is_told_through_the_second() {
        let mut second = fake::container("cd", "second");
        second.network_mode = "container:ef".into();
        for flag in [HOST, PERHAPS, SHARES] {
            let third = Some((flag, "the network of third".into()));
            let told = through("network", &second, third, vec![]);
            let words = "the network of second, which has the network of third";
            assert_eq!(told, (flag, words.to_owned()));
        }
        second.cap_add = vec!["NET_RAW".into()];
        second.beyond.devices = (0..20).map(|n| format!("/dev/{n}{}", "x".repeat(200))).collect();
        let far = format!("the network of third, which has {}", "the host's network, ".repeat(40));
        let told = through("network", &second, Some((HOST, far.clone())), vec![]).1;
        assert!(told.contains(&format!("second, which has {far}; second itself has ")), "{told}");
        second = fake::container("cd", "second");
        second.network_mode = "container:ef".into();
        let (flag, told) = through("IPC", &second, None, vec![]);
        assert_eq!(flag, PERHAPS);
        assert!(told.ends_with("which has the network of a third container"), "{told}");
    }

    #[test]
    fn whoever_sees_the_processes_of_a_container_finds_its_files() {
        let mut other = fake::container("cd", "db");
        other.mounts = vec![Mount {
            kind: "bind".into(),
            name: None,
            source: "/srv/x".into(),
            destination: "/x".into(),
            writable: true,
        }];
        let told = through(PROCESSES, &other, None, vec![]);
        assert_eq!(told, (PERHAPS, "the process ids of db, which has /srv/x".into()));
        assert_eq!(through("network", &other, None, vec![]).0, SHARES);
    }
}
