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
}
