//! The engine's answers as far as they are used. Every field may be missing or null, and what the
//! engine words stays text, so a word that is new to us never spoils a whole answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Go writes an empty list, map or string as null now and then.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Declares the structs of answers: names as the API writes them, all of it optional.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $key:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub(in crate::docker) struct $name {
            $(
                #[serde(rename = $key, deserialize_with = "crate::docker::model::or_default")]
                pub(in crate::docker) $field: $type,
            )*
        }
    )*};
}
pub(super) use answers;

answers! {
    /// `GET /info`.
    Info {
        id: String = "ID",
        name: String = "Name",
        version: String = "ServerVersion",
        os: String = "OperatingSystem",
        os_version: String = "OSVersion",
        kernel: String = "KernelVersion",
        arch: String = "Architecture",
        storage: String = "Driver",
        logging: String = "LoggingDriver",
        cpus: i64 = "NCPU",
        memory_bytes: i64 = "MemTotal",
        running: i64 = "ContainersRunning",
        paused: i64 = "ContainersPaused",
        stopped: i64 = "ContainersStopped",
        images: i64 = "Images",
        warnings: Vec<String> = "Warnings",
        root: String = "DockerRootDir",
        buildah: String = "BuildahVersion",
    }

    /// `GET /version`.
    Version {
        api: String = "ApiVersion",
    }

    /// A container in `GET /containers/json`.
    Row {
        id: String = "Id",
        names: Vec<String> = "Names",
        image: String = "Image",
        image_id: String = "ImageID",
        state: String = "State",
        status: String = "Status",
        created: i64 = "Created",
        ports: Vec<RowPort> = "Ports",
        labels: BTreeMap<String, String> = "Labels",
        networks: RowNetworks = "NetworkSettings",
        host: RowHost = "HostConfig",
        mounts: Vec<Mount> = "Mounts",
    }

    RowPort {
        address: String = "IP",
        private: u16 = "PrivatePort",
        public: u16 = "PublicPort",
        protocol: String = "Type",
    }

    RowNetworks {
        networks: BTreeMap<String, Option<RowNetwork>> = "Networks",
    }

    RowNetwork {
        id: String = "NetworkID",
    }

    RowHost {
        network_mode: String = "NetworkMode",
    }

    /// `GET /containers/{id}/json`.
    Inspected {
        id: String = "Id",
        name: String = "Name",
        image_id: String = "Image",
        created: String = "Created",
        state: State = "State",
        restart_count: i64 = "RestartCount",
        path: String = "Path",
        args: Vec<String> = "Args",
        execs: Vec<String> = "ExecIDs",
        config: Config = "Config",
        host: Value = "HostConfig",
        mounts: Vec<Value> = "Mounts",
        network: Network = "NetworkSettings",
    }

    State {
        status: String = "Status",
        running: bool = "Running",
        paused: bool = "Paused",
        restarting: bool = "Restarting",
        oom_killed: bool = "OOMKilled",
        exit_code: i64 = "ExitCode",
        error: String = "Error",
        started_at: String = "StartedAt",
        finished_at: String = "FinishedAt",
        health: Health = "Health",
    }

    Health {
        status: String = "Status",
    }

    Config {
        image: String = "Image",
        user: String = "User",
        env: Vec<String> = "Env",
        labels: BTreeMap<String, String> = "Labels",
        workdir: String = "WorkingDir",
        tty: bool = "Tty",
        stop_signal: Option<String> = "StopSignal",
        stop_timeout: Option<i64> = "StopTimeout",
        exposed: BTreeMap<String, Value> = "ExposedPorts",
    }

    /// `HostConfig` of an inspection.
    Host {
        network_mode: String = "NetworkMode",
        pid_mode: String = "PidMode",
        ipc_mode: String = "IpcMode",
        uts_mode: String = "UTSMode",
        userns_mode: String = "UsernsMode",
        devices: Vec<Device> = "Devices",
        device_requests: Vec<DeviceRequest> = "DeviceRequests",
        device_rules: Vec<String> = "DeviceCgroupRules",
        security: Vec<String> = "SecurityOpt",
        cgroupns_mode: String = "CgroupnsMode",
        cgroup_parent: String = "CgroupParent",
        runtime: String = "Runtime",
        sysctls: BTreeMap<String, String> = "Sysctls",
        hidden: Option<Vec<String>> = "MaskedPaths",
        read_only: Option<Vec<String>> = "ReadonlyPaths",
        privileged: bool = "Privileged",
        auto_remove: bool = "AutoRemove",
        cap_add: Vec<String> = "CapAdd",
        restart: RestartPolicy = "RestartPolicy",
        bindings: BTreeMap<String, Option<Vec<Binding>>> = "PortBindings",
        publish_all: bool = "PublishAllPorts",
        tmpfs: BTreeMap<String, String> = "Tmpfs",
        links: Vec<String> = "Links",
        volumes_from: Vec<String> = "VolumesFrom",
        log: LogConfig = "LogConfig",
        memory_bytes: i64 = "Memory",
        memory_swap_bytes: i64 = "MemorySwap",
        nano_cpus: i64 = "NanoCpus",
        cpu_quota: i64 = "CpuQuota",
        cpu_period: i64 = "CpuPeriod",
    }

    Device {
        path: String = "PathOnHost",
    }

    DeviceRequest {
        driver: String = "Driver",
        capabilities: Vec<Vec<String>> = "Capabilities",
    }

    RestartPolicy {
        name: String = "Name",
        retries_max: i64 = "MaximumRetryCount",
    }

    LogConfig {
        driver: String = "Type",
    }

    Binding {
        address: String = "HostIp",
        port: String = "HostPort",
    }

    /// A mount of a container.
    Mount {
        kind: String = "Type",
        name: String = "Name",
        source: String = "Source",
        destination: String = "Destination",
        writable: bool = "RW",
    }

    Network {
        ports: BTreeMap<String, Option<Vec<Binding>>> = "Ports",
        networks: BTreeMap<String, Attached> = "Networks",
    }

    Attached {
        ipv4: String = "IPAddress",
        ipv6: String = "GlobalIPv6Address",
        aliases: Vec<String> = "Aliases",
    }
}
