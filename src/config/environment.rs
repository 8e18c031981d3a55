//! The variables of the environment that mean something here, read once.

use std::path::PathBuf;

/// The variables, as they were when the program started. An empty one counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `COUNTERSIGN_CONFIG`
    pub config: Option<PathBuf>,
    /// `COUNTERSIGN_POLICY`
    pub policy: Option<PathBuf>,
    /// `COUNTERSIGN_TOOLSETS`
    pub toolsets: Option<String>,
    /// `COUNTERSIGN_READ_ONLY`
    pub read_only: Option<String>,
    /// `COUNTERSIGN_LOG`
    pub log: Option<String>,
    /// `AUDIT_DIR`
    pub audit_dir: Option<PathBuf>,
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`
    pub docker_tls_verify: Option<String>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`
    pub xdg_config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`
    pub xdg_state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `SSH_AUTH_SOCK`
    pub ssh_auth_sock: Option<PathBuf>,
    /// `NO_COLOR`, set to whatever
    pub no_color: bool,
}

impl Environment {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn read() -> Self {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // A value that is no Unicode is kept in a form that no check accepts.
        let text = |name| path(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            config: path("COUNTERSIGN_CONFIG"),
            policy: path("COUNTERSIGN_POLICY"),
            toolsets: text("COUNTERSIGN_TOOLSETS"),
            read_only: text("COUNTERSIGN_READ_ONLY"),
            log: text("COUNTERSIGN_LOG"),
            audit_dir: path("AUDIT_DIR"),
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_config: path("DOCKER_CONFIG"),
            docker_tls_verify: text("DOCKER_TLS_VERIFY"),
            home: path("HOME"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            xdg_state_home: path("XDG_STATE_HOME"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            ssh_auth_sock: path("SSH_AUTH_SOCK"),
            no_color: path("NO_COLOR").is_some(),
        }
    }

    /// The user's folder of configuration.
    pub fn config_home(&self) -> Option<PathBuf> {
        let fallback = || self.home.as_ref().map(|home| home.join(".config"));
        self.xdg_config_home.clone().or_else(fallback)
    }

    /// The user's folder of state.
    pub fn state_home(&self) -> Option<PathBuf> {
        let fallback = || self.home.as_ref().map(|home| home.join(".local").join("state"));
        self.xdg_state_home.clone().or_else(fallback)
    }

    /// The state that this account's processes share.
    pub fn state_file(&self) -> Option<PathBuf> {
        Some(self.state_home()?.join("countersign").join("state.db"))
    }
}
