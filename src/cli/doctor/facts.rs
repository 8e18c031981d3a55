//! What bears on how much an approval is worth here, as it is found. Nothing is changed.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::account::{can_sudo, powerful_groups};
use super::clients::{self, Hint};
use super::ways::{Changers, changers};
use super::{Installation, Trusting};
use crate::core::reason::Fault;
use crate::trust::Known;

/// Open asks that are looked at one by one.
const ASKS_MAX: usize = 300;

/// The kernel's word on which processes may read and change another.
const PTRACE: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// What was found.
#[derive(Debug)]
pub(super) struct Facts {
    /// This account.
    pub(super) uid: u32,
    /// How it reaches an engine by itself, if it can.
    pub(super) direct: Option<String>,
    /// Its groups that lead to root or to an engine.
    pub(super) groups: Vec<String>,
    /// Whether sudo runs something for it without a password.
    pub(super) sudo: bool,
    /// Whose signatures count.
    pub(super) trusted: Result<Known, Fault>,
    /// The moment.
    pub(super) now: OffsetDateTime,
    /// The file of the state, and how many asks are open in it.
    pub(super) asks: Result<Asks, Fault>,
    /// The folders of the log and of the state, with who could change them.
    pub(super) kept: Vec<(&'static str, PathBuf, Changers)>,
    /// What settings of clients say.
    pub(super) clients: Vec<Hint>,
    /// Which processes may change another, as a number of the kernel's; none where it does not say.
    pub(super) ptrace: Option<u8>,
}

/// How the state is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asks {
    /// Its file, whether it is there or not.
    pub(super) file: PathBuf,
    /// Whether it is there.
    pub(super) is_there: bool,
    /// Asks that wait for a person, or to be spent.
    pub(super) open: usize,
}

/// Looks at everything.
pub(super) async fn look(installation: &Installation<'_>) -> Facts {
    let Installation { trusting, endpoint, direct_access, config, .. } = installation;
    let uid = rustix::process::geteuid().as_raw();
    let socket = endpoint.as_ref().ok().and_then(|(address, _)| address.strip_prefix("unix://"));
    let state = trusting.state.and_then(Path::parent);
    let kept = [("log", Some(config.audit_dir.value.as_path())), ("state", state)];
    Facts {
        uid,
        direct: direct_access.clone(),
        groups: if uid == 0 { Vec::new() } else { powerful_groups(socket.map(Path::new)) },
        sudo: uid != 0 && can_sudo(),
        trusted: trusting.trust.look(uid).await,
        now: trusting.now,
        asks: asks(trusting).await,
        kept: kept
            .into_iter()
            .filter_map(|(what, path)| path.map(|path| (what, path.to_owned(), changers(path))))
            .collect(),
        clients: clients::look(trusting.home, trusting.cwd),
        ptrace: ptrace(),
    }
}

async fn asks(trusting: &Trusting<'_>) -> Result<Asks, Fault> {
    let listed = trusting.asks.list(true, ASKS_MAX).await?;
    for ask in &listed {
        trusting.asks.get(ask.id).await?;
    }
    let file = trusting.state.map(Path::to_owned).unwrap_or_default();
    Ok(Asks { is_there: file.exists(), file, open: listed.len() })
}

fn ptrace() -> Option<u8> {
    let text = std::fs::read_to_string(PTRACE).ok();
    match text {
        Some(text) => text.trim().parse().ok(),
        // A kernel without it lets every process of an account at every other.
        None => cfg!(target_os = "linux").then_some(0),
    }
}
