//! `pause_container`: freezes the processes of a container.

use super::lifecycle::{self, Beside, Facts, Notes, OneContainer, RESTARTING};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{Act, Acted, Asked, Container};

/// The operation.
#[derive(Debug)]
pub struct PauseContainer;

impl Verb for PauseContainer {
    type Params = OneContainer;

    const BESIDE: Beside = Beside { others: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        lifecycle::admin_spec(
            "pause_container",
            "Pause a container",
            "Freezes all processes of a running container where they are; unpause_container lets \
             them go on. Nothing is lost, but nothing answers either.",
        )
    }

    async fn possible(
        _: Context<'_>,
        _: &OneContainer,
        now: &Container,
        _: &str,
    ) -> Result<(), Fault> {
        let name = text::name(&now.name);
        match notes::run(now) {
            Run::Up => Ok(()),
            Run::Paused => {
                Err(Fault::invalid(format!("{name} is paused already, so there is nothing to do.")))
            }
            Run::Down => Err(Fault::invalid(format!(
                "{name} does not run, and engines pause only what runs. Start it first, if that is \
                 meant."
            ))),
        }
    }

    fn headline(_: &OneContainer, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        match notes.container.state.status == RESTARTING {
            true => {
                format!("{name} keeps restarting by itself: the engine may refuse to pause it.")
            }
            false => format!("Pause {name}: its processes are frozen where they are."),
        }
    }

    fn notes(_: &OneContainer, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        notes::uptime(&mut rows, notes);
        if let Some(health) = &container.state.health {
            let then = "its checks do not run meanwhile, and it counts as unhealthy";
            rows.push(("health", format!("{}; {then}", text::name(health))));
        }
        notes::published(&mut rows, container, "they take connections and do not answer");
        rows.push(("kept", "everything, also what is in memory; it uses no processor".into()));
        rows.push(("undo", "unpause_container".into()));
        notes::waiting(&mut rows, notes, "they wait for it, and may time out");
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        _: &'a OneContainer,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.pause(target)
    }

    fn told(_: &OneContainer, name: &str) -> Told {
        Told {
            changed: format!("Paused {name}."),
            already: format!("{name} was paused already; nothing was done."),
            expect: Expect::Paused,
            shown: |_| Vec::new(),
        }
    }
}
