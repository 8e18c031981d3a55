//! Which engine: the one place where Docker's settings become a socket. Settings come in as plain
//! data; nothing is probed or picked silently, since the wrong engine is the worst answer.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::core::hex;
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// The address that holds where nothing else is set.
pub const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";

/// The context that stands for `DOCKER_HOST` or the default address.
const DEFAULT_CONTEXT: &str = "default";

/// A context's name in characters, at most.
const CONTEXT_CHARS_MAX: usize = 128;

/// Every setting that can say which engine is meant. An empty environment value counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--host`.
    pub flag_host: Option<String>,
    /// `--context`.
    pub flag_context: Option<String>,
    /// `DOCKER_HOST`.
    pub env_docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub env_docker_context: Option<String>,
    /// `DOCKER_CONFIG`: the folder of Docker's own configuration.
    pub env_docker_config: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`.
    pub env_docker_tls_verify: Option<String>,
    /// `HOME`.
    pub env_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub env_xdg_runtime_dir: Option<PathBuf>,
    /// `host` of the configuration file's `[engine]`.
    pub file_host: Option<String>,
    /// `context` of the configuration file's `[engine]`.
    pub file_context: Option<String>,
}

/// Where the engine is reached, and why there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address: `unix://` and an absolute path.
    pub address: String,
    /// The setting that named it, in words: ``context `dev` (DOCKER_CONTEXT)``.
    pub source: String,
    /// The socket's path.
    pub socket: PathBuf,
    /// Other places where engines commonly listen, to be suggested when this one does not answer.
    pub others: Vec<PathBuf>,
}

impl Endpoint {
    /// The other sockets that exist now.
    pub fn others_that_exist(&self) -> Vec<&Path> {
        let is_socket = |path: &Path| fs::metadata(path).is_ok_and(|m| m.file_type().is_socket());
        self.others.iter().map(PathBuf::as_path).filter(|path| is_socket(path)).collect()
    }
}

/// Finds the engine's address: flag over environment over configuration file over Docker's current
/// context over the default.
///
/// # Errors
/// `invalid_argument` if both flags are given or a context's name cannot be one,
/// `engine_unavailable` if a context is missing or unreadable, or the address is no `unix://`.
pub fn resolve(sources: &Sources) -> Result<Endpoint, Fault> {
    if sources.flag_host.is_some() && sources.flag_context.is_some() {
        return Err(Fault::invalid(
            "`--host` and `--context` both say which engine is meant. Give only one of them.",
        ));
    }
    if let Some(host) = &sources.flag_host {
        return at(sources, host, "--host");
    }
    if let Some(name) = &sources.flag_context {
        return context(sources, name, "--context");
    }
    if set(sources.env_docker_host.as_ref()).is_some() {
        return environment(sources, None);
    }
    if let Some(name) = set(sources.env_docker_context.as_ref()) {
        return context(sources, name, "DOCKER_CONTEXT");
    }
    if let Some(host) = &sources.file_host {
        return at(sources, host, "`host` in the configuration file");
    }
    if let Some(name) = &sources.file_context {
        return context(sources, name, "`context` in the configuration file");
    }
    match current_context(sources)? {
        Some(name) => context(sources, &name, "Docker's current context"),
        None => environment(sources, None),
    }
}

fn set(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !value.is_empty())
}

/// `DOCKER_HOST`, else the default. Only these two are subject to `DOCKER_TLS_VERIFY`.
fn environment(sources: &Sources, by: Option<&str>) -> Result<Endpoint, Fault> {
    let (address, source) = match set(sources.env_docker_host.as_ref()) {
        Some(host) => (host.as_str(), "DOCKER_HOST"),
        None => (DEFAULT_ADDRESS, "default"),
    };
    if set(sources.env_docker_tls_verify.as_ref()).is_some() {
        return Err(unavailable(format!(
            "DOCKER_TLS_VERIFY is set, which asks for an engine behind TLS, and only `unix://` \
             sockets are supported (tried `{}`, from {source}). Unset DOCKER_TLS_VERIFY to use the \
             local engine.",
            text::name(address)
        )));
    }
    match by {
        Some(by) => at(sources, address, &format!("{source}, by {by}")),
        None => at(sources, address, source),
    }
}

fn at(sources: &Sources, address: &str, source: &str) -> Result<Endpoint, Fault> {
    let shown = text::name(address);
    let Some(path) = address.strip_prefix("unix://") else {
        let next = if address.contains("://") {
            "For an engine elsewhere, forward its socket (ssh -nNT -L \
             /path/here.sock:/var/run/docker.sock HOST) and name unix:///path/here.sock."
        } else {
            "Write a socket's path as unix:///var/run/docker.sock."
        };
        return Err(unavailable(format!(
            "The engine's address is `{shown}` (from {source}), and only `unix://` sockets are \
             supported. {next}"
        )));
    };
    if !path.starts_with('/') || path.contains('\0') {
        return Err(unavailable(format!(
            "The engine's address is `{shown}` (from {source}), which is no absolute path. Write \
             it as unix:///var/run/docker.sock."
        )));
    }
    let socket = PathBuf::from(path);
    let others = usual_sockets(sources).into_iter().filter(|other| *other != socket).collect();
    Ok(Endpoint { address: address.to_owned(), source: source.to_owned(), socket, others })
}

/// Where engines commonly listen.
pub fn usual_sockets(sources: &Sources) -> Vec<PathBuf> {
    let under = |base: Option<&PathBuf>, path: &str| base.map(|base| base.join(path));
    let home = sources.env_home.as_ref();
    let run = sources.env_xdg_runtime_dir.as_ref();
    [
        Some(PathBuf::from("/var/run/docker.sock")),
        under(run, "docker.sock"),
        under(home, ".docker/run/docker.sock"),
        under(home, ".docker/desktop/docker.sock"),
        under(home, ".colima/default/docker.sock"),
        under(run, "podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ]
    .into_iter()
    .flatten()
    .filter(|path| path.is_absolute())
    .collect()
}

/// The folder of Docker's own configuration, if there can be one.
fn docker_folder(sources: &Sources) -> Option<PathBuf> {
    let given = sources.env_docker_config.clone().filter(|path| !path.as_os_str().is_empty());
    given.or_else(|| sources.env_home.as_ref().map(|home| home.join(".docker")))
}

fn current_context(sources: &Sources) -> Result<Option<String>, Fault> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext", default)]
        current_context: Option<String>,
    }
    let Some(file) = docker_folder(sources).map(|folder| folder.join("config.json")) else {
        return Ok(None);
    };
    match read_json::<Config>(&file) {
        Ok(config) => Ok(config.current_context.filter(|name| !name.is_empty())),
        Err(Unread::Missing) => Ok(None),
        Err(Unread::Broken(why)) => Err(unavailable(format!(
            "Docker's configuration `{}` cannot be read, so which engine is meant is not known. \
             Mend the file, or say `--host` or `--context`.",
            text::name(&file.to_string_lossy())
        ))
        .with_detail(why)),
    }
}

fn context(sources: &Sources, name: &str, by: &str) -> Result<Endpoint, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        name: String,
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Docker,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Docker {
        host: String,
    }
    let source = format!("context `{}` ({by})", text::name(name));
    if !is_context_name(name) {
        return Err(Fault::invalid(format!(
            "The {source} cannot exist: a context's name has letters, digits, `_`, `.`, `+` and \
             `-`, starts with a letter or digit, and is at most {CONTEXT_CHARS_MAX} long. See \
             `docker context ls`."
        )));
    }
    if name == DEFAULT_CONTEXT {
        return environment(sources, Some(&source));
    }
    let Some(folder) = docker_folder(sources) else {
        return Err(unavailable(format!(
            "The {source} cannot be looked up: neither DOCKER_CONFIG nor HOME is set. Set one of \
             them, or say `--host`."
        )));
    };
    let hash = hex::encode(&Sha256::digest(name));
    let file = folder.join("contexts/meta").join(hash).join("meta.json");
    let shown = text::name(&file.to_string_lossy());
    match read_json::<Meta>(&file) {
        Ok(meta) if meta.name == name => at(sources, &meta.endpoints.docker.host, &source),
        Ok(_) => Err(unavailable(format!(
            "The {source} is not what `{shown}` describes. Make it again with `docker context \
             create`, or say `--host`."
        ))),
        Err(Unread::Missing) => Err(unavailable(format!(
            "The {source} does not exist: there is no `{shown}`. See `docker context ls`, or say \
             `--host`."
        ))),
        Err(Unread::Broken(why)) => Err(unavailable(format!(
            "The {source} cannot be read from `{shown}`. Make it again with `docker context \
             create`, or say `--host`."
        ))
        .with_detail(why)),
    }
}

/// Docker's own pattern for the names of contexts, with a limit.
fn is_context_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first
        && name.len() <= CONTEXT_CHARS_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b))
}

enum Unread {
    Missing,
    Broken(String),
}

fn read_json<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<T, Unread> {
    let bytes = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Missing,
        _ => Unread::Broken(error.to_string()),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| Unread::Broken(error.to_string()))
}

fn unavailable(message: String) -> Fault {
    Fault::new(Reason::EngineUnavailable, message)
}

#[cfg(test)]
mod tests;
