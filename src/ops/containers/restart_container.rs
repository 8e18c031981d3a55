//! `restart_container`: stops a container and starts it again.

use super::joined;
use super::lifecycle::{self, Beside, Facts, Notes, Patient, Ways};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::{Class, Spec};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{Act, Acted, Asked, Container, is_podman};

/// The operation.
#[derive(Debug)]
pub struct RestartContainer;

impl Verb for RestartContainer {
    type Params = Patient;

    const BESIDE: Beside =
        Beside { image: true, others: true, ways: Ways::OfStart, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::spec(
            "restart_container",
            "Restart a container",
            "Stops a container as stop_container does and starts it again. It keeps its image, its \
             files and its volumes; what is in memory is lost. A container that does not run is \
             started. One that was run with --rm is lost if it does not stay up.",
        );
        Spec { ceiling: Class::Destroy, idempotent: false, ..spec }
    }

    fn class(_: &Patient, container: &Container) -> Class {
        lifecycle::ending(container)
    }

    async fn possible(
        cx: Context<'_>,
        _: &Patient,
        now: &Container,
        engine: &str,
    ) -> Result<(), Fault> {
        if notes::run(now) == Run::Paused && is_podman(engine) {
            return Err(Fault::invalid(format!(
                "{} is paused, and this engine, which is Podman, restarts nothing that is paused. \
                 Un-pause it first, with unpause_container.",
                text::name(&now.name)
            )));
        }
        joined::startable(cx, now, engine).await
    }

    fn headline(params: &Patient, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        let signals = notes::signals(notes, params.timeout);
        match notes::run(&notes.container) {
            Run::Down => {
                format!("Restart {name}: it does not run, so this will START a stopped container.")
            }
            Run::Paused => format!(
                "Restart {name}: stop it ({signals}) and start it again, which also un-pauses it."
            ),
            Run::Up => format!("Restart {name}: stop it ({signals}) and start it again."),
        }
    }

    fn notes(params: &Patient, notes: &Notes) -> Rows {
        let container = &notes.container;
        let running = notes::run(container) != Run::Down;
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        notes::image(&mut rows, notes, "a restart");
        if running {
            notes::asks_for_more(&mut rows, container, params.timeout);
            notes::uptime(&mut rows, notes);
        } else {
            notes::last_end(&mut rows, notes);
        }
        if let Some(health) = &container.state.health {
            rows.push(("health", format!("{}; goes back to starting", text::name(health))));
        }
        notes::some(&mut rows, "restart policy", notes::policy(container));
        if container.restart_count > 0 {
            let count = format!("{}; a restart by hand resets it", container.restart_count);
            rows.push(("restarted by engine", count));
        }
        if !running {
            notes::starting(&mut rows, notes);
            return rows;
        }
        notes::published(&mut rows, container, "down for a moment; who is connected is unknown");
        let dynamic = container.ports.iter().filter(|p| p.dynamic && p.public.is_some());
        notes::some(&mut rows, "host port may change", notes::ports(dynamic));
        notes::some(&mut rows, "address may change", notes::addresses(container));
        notes::lost(&mut rows, container);
        if container.auto_remove {
            let risk = "the container, its log and unnamed volumes, if it does not stay up (--rm)";
            rows.push(("may be removed", risk.into()));
        } else {
            rows.push(("kept", "writable layer, volumes, log".into()));
        }
        notes::affected(&mut rows, notes, "until they restart too", true);
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Patient,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.restart(target, params.timeout)
    }

    fn told(_: &Patient, name: &str) -> Told {
        Told {
            changed: format!("Restarted {name}."),
            already: format!("Nothing was done to {name}."),
            expect: Expect::Up,
            shown: |_| Vec::new(),
        }
    }
}
