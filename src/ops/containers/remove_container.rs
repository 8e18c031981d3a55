//! `remove_container`: removes a container with its own files and its log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{self, Beside, Facts, Notes};
use super::notes::{self, LISTED_MAX, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::{Names, Verb};
use crate::core::grant::Granted;
use crate::core::operation::{Class, Spec};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::UNCHECKED;
use crate::ops::units::{self, counted, listed};
use crate::ports::engine::{Act, Acted, Asked, Container};

/// Volumes without a name that are looked at after a removal, at most.
const UNNAMED_MAX: usize = 16;

/// The operation.
#[derive(Debug)]
pub struct RemoveContainer;

/// Which container to remove, and how.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
    /// Also one that runs: it is killed first.
    #[serde(default)]
    force: bool,
    /// Also its volumes without a name; named ones always stay.
    #[serde(default)]
    volumes: bool,
}

impl Names for Params {
    fn container(&self) -> &str {
        &self.container
    }
}

impl Verb for RemoveContainer {
    type Params = Params;

    const BESIDE: Beside = Beside { others: true, files: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::admin_spec(
            "remove_container",
            "Remove a container",
            "Removes a stopped container for good: its own files and its log are lost. Named \
             volumes and bind mounts stay. A running one needs force=true and is killed.",
        );
        Spec { class: Class::Destroy, ceiling: Class::Destroy, idempotent: false, ..spec }
    }

    fn facts(container: &Container) -> Facts {
        let unnamed = container.mounts.iter().filter(|mount| mount.is_anonymous_volume());
        let unnamed = unnamed.filter_map(|mount| mount.name.clone()).take(UNNAMED_MAX).collect();
        let mut facts = Facts::of(container);
        facts.unnamed = unnamed;
        facts
    }

    async fn possible(
        _: Context<'_>,
        params: &Params,
        now: &Container,
        _: &str,
    ) -> Result<(), Fault> {
        let (is, first) = match notes::run(now) {
            _ if params.force => return Ok(()),
            Run::Down => return Ok(()),
            Run::Up => ("running", "Stop it first, with stop_container"),
            Run::Paused => ("paused", "Un-pause it first, and stop it then"),
        };
        Err(Fault::invalid(format!(
            "{} is {is}, and engines remove such a container only by force. {first}, or use \
             force=true, which kills it.",
            text::name(&now.name)
        )))
    }

    fn headline(_: &Params, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        match notes::run(&notes.container) {
            Run::Down => format!("REMOVE {name}. This cannot be undone."),
            Run::Up | Run::Paused => format!("KILL and REMOVE {name}. This cannot be undone."),
        }
    }

    fn notes(params: &Params, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        if notes::run(container) == Run::Down {
            notes::last_end(&mut rows, notes);
            if container.state.started_at.is_empty() {
                rows.push(("last used", "never started".into()));
            }
        } else {
            notes::uptime(&mut rows, notes);
        }
        rows.push(("lost: own files", own_files(notes)));
        let driver = text::name(&container.log_driver);
        rows.push(("lost: log", format!("all of it ({driver}; engines do not tell its size)")));
        let unnamed = notes::anonymous(container);
        match (unnamed.is_empty(), params.volumes) {
            (true, _) => {}
            (false, true) => {
                let shared = "one that another container uses, or that Compose handed on, stays";
                rows.push(("lost: volumes", format!("{unnamed}; {shared}")));
            }
            (false, false) => {
                rows.push(("left over", format!("{unnamed}; list_volumes tells of them")));
            }
        }
        notes::some(&mut rows, "kept", kept(container));
        notes::published(&mut rows, container, "they are given up");
        if notes::run(container) != Run::Down {
            notes::lost(&mut rows, container);
        }
        notes::affected(&mut rows, notes, "for good, and cannot be started again", true);
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Params,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.remove_container(target, params.force, params.volumes)
    }

    fn told(_: &Params, name: &str) -> Told {
        Told {
            changed: format!("Removed {name}."),
            already: format!("Nothing was done to {name}."),
            expect: Expect::Gone,
            shown: |_| Vec::new(),
        }
    }
}

/// How much it wrote beside its volumes.
fn own_files(notes: &Notes) -> String {
    let changes = notes.changes.map(|count| counted(count, "changed path"));
    match (notes.writable_bytes, changes) {
        (Some(bytes), Some(changes)) => format!("{} in {changes}", units::bytes(bytes)),
        (Some(bytes), None) => format!("{}; how many paths {UNCHECKED}", units::bytes(bytes)),
        (None, Some(changes)) => format!("{changes}; their size {UNCHECKED}"),
        (None, None) => format!("their size {UNCHECKED}"),
    }
}

/// The mounts that outlive it.
fn kept(container: &Container) -> String {
    let lasting = container.mounts.iter();
    let lasting = lasting.filter(|one| one.kind != "tmpfs" && !one.is_anonymous_volume());
    let shown: Vec<String> = lasting.map(notes::mount).collect();
    match shown.is_empty() {
        true => "its image".to_owned(),
        false => format!("its image, {}", listed(&shown, LISTED_MAX)),
    }
}
