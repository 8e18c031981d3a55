//! `kill_container`: sends a signal to a container's first process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::{self, Beside, Facts, Notes};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::signal::Signal;
use super::verb::{Names, Verb};
use crate::core::grant::Granted;
use crate::core::operation::{Class, Spec};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{Act, Acted, Asked, Container};

/// The operation.
#[derive(Debug)]
pub struct KillContainer;

/// Which signal to which container.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
    /// A signal's name, such as `SIGTERM`, `HUP` or `USR1`, or its number.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 16))]
    signal: Signal,
}

impl Names for Params {
    fn container(&self) -> &str {
        &self.container
    }
}

impl Verb for KillContainer {
    type Params = Params;

    const BESIDE: Beside = Beside { others: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::admin_spec(
            "kill_container",
            "Send a signal to a container",
            "Sends a signal to a running container: SIGKILL ends it at once, without a chance to \
             save anything; use stop_container for a clean end. One that was run with --rm is \
             removed when it ends.",
        );
        Spec { ceiling: Class::Destroy, idempotent: false, ..spec }
    }

    fn class(_: &Params, container: &Container) -> Class {
        lifecycle::ending(container)
    }

    async fn possible(_: Context<'_>, _: &Params, now: &Container, _: &str) -> Result<(), Fault> {
        match notes::run(now) {
            Run::Up | Run::Paused => Ok(()),
            // Podman calls so what does not run any more by its words, and kills it.
            Run::Down if now.state.status == STOPPING => Ok(()),
            Run::Down => Err(Fault::invalid(format!(
                "{} does not run, so there is nothing to send a signal to.",
                text::name(&now.name)
            ))),
        }
    }

    fn headline(Params { signal, .. }: &Params, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        let removed = notes.container.auto_remove;
        match signal.kills() {
            _ if signal.freezes() => format!(
                "Freeze {name} ({signal}): it stops answering, and the engine still says that it \
                 runs."
            ),
            true if removed => format!("Kill {name} ({signal}, at once) and so REMOVE it."),
            true => format!("Kill {name} ({signal}, at once)."),
            false if removed => format!(
                "Send {signal} to {name}. Whether it ends by that is unknown; if it does, it is \
                 REMOVED."
            ),
            false => {
                format!("Send {signal} to {name}. Whether it ends by that is unknown.")
            }
        }
    }

    fn notes(Params { signal, .. }: &Params, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        notes::uptime(&mut rows, notes);
        if signal.freezes() {
            frozen(&mut rows, notes);
            return rows;
        }
        if signal.kills() {
            notes::some(&mut rows, "comes back", notes::comes_back(container));
        } else {
            notes::some(&mut rows, "if it ends", after_the_end(container, signal));
        }
        if signal.may_freeze() {
            rows.push(("or freezes", format!("it may stop answering instead; {THAWS}")));
        }
        if notes::run(container) == Run::Paused {
            rows.push(("pause", "a signal can end it too".into()));
        }
        notes::removed(&mut rows, container);
        let (stop, lost, how_long) = match signal.kills() {
            true => ("they stop answering", "lost", "until it and they are started again"),
            false => (
                "they stop answering if it ends",
                "lost if it ends",
                "if it ends, until it and they are started again",
            ),
        };
        notes::published(&mut rows, container, &format!("{stop}; who is connected is unknown"));
        rows.push((lost, notes::in_memory(container)));
        let unwritten = "what is not written yet; files in writing may be left half done";
        rows.push((if signal.kills() { "lost as well" } else { "and perhaps" }, unwritten.into()));
        notes::some(&mut rows, "writes to", notes::writable(container));
        notes::some(&mut rows, "database", notes::database(container));
        notes::affected(&mut rows, notes, how_long, signal.kills());
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Params,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.kill(target, params.signal.as_str())
    }

    fn told(Params { signal, .. }: &Params, name: &str) -> Told {
        Told {
            changed: match signal.kills() {
                true => format!("Killed {name} ({signal})."),
                false if signal.freezes() => {
                    format!("Sent {signal} to {name}. Engines call running what it froze; {THAWS}.")
                }
                false => format!("Sent {signal} to {name}."),
            },
            already: format!("{name} was not running; nothing was done."),
            expect: if signal.kills() { Expect::Down } else { Expect::Signalled },
            shown: |_| Vec::new(),
        }
    }
}

/// The state of a container that Podman was told to stop, and that has not ended yet.
const STOPPING: &str = "stopping";

/// What ends a freeze.
const THAWS: &str = "SIGCONT lets it go on, and a stop waits out its time and kills it";

/// What a freeze of its first process comes to.
fn frozen(rows: &mut Rows, notes: &Notes) {
    let container = &notes.container;
    notes::published(rows, container, "they take connections and do not answer");
    rows.push(("only the first", "process is frozen; others in it go on".into()));
    rows.push(("kept", "everything, also what is in memory".into()));
    rows.push(("undo", THAWS.into()));
    notes::waiting(rows, notes, "they wait for it, and may time out");
}

/// What the engine does with its restart policy after a signal that may or may not end it. One that
/// is sent by hand suspends the policy, unless another one is configured as the stop signal.
fn after_the_end(container: &Container, signal: &Signal) -> String {
    let policy = notes::policy(container);
    let other = container.stop_signal.as_deref().is_some_and(|stop| !signal.is(stop));
    match (policy.is_empty(), other) {
        (true, _) => String::new(),
        (false, true) => format!("the engine starts it again (restart policy {policy})"),
        (false, false) => {
            format!("it stays down (a signal by hand suspends restart policy {policy})")
        }
    }
}
