//! What of a container's configuration reaches beyond it, and stands in few containers.

/// Configuration of a container that is seldom used, and reaches beyond it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// The UTS namespace's mode; empty for its own.
    pub uts_mode: String,
    /// The user namespace's mode; empty for the engine's own choice.
    pub userns_mode: String,
    /// Devices of the host, by their path there, and those asked for by what they can do.
    pub devices: Vec<String>,
    /// Rules for devices, as configured.
    pub device_rules: Vec<String>,
    /// Security options, as configured.
    pub security: Vec<String>,
    /// The control groups' namespace's mode; empty where the engine tells none.
    pub cgroupns_mode: String,
    /// The control group that it is put in; empty for the engine's own choice.
    pub cgroup_parent: String,
    /// What runs it; empty where the engine tells nothing.
    pub runtime: String,
    /// The names of kernel settings of its own.
    pub sysctls: Vec<String>,
    /// Paths that are hidden inside; none for the engine's own choice.
    pub hidden: Option<Vec<String>>,
    /// Paths that cannot be written inside; none for the engine's own choice.
    pub read_only: Option<Vec<String>>,
}
