//! `pause_container`: freezes the processes of a container.

use super::lifecycle::{self, Beside, Facts, Notes, OneContainer, RESTARTING};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::text;
use crate::ports::engine::{Act, Acted, Asked};

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

    fn headline(_: &OneContainer, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        match notes::run(&notes.container) {
            Run::Down => format!("{name} is not running: the engine refuses to pause it."),
            Run::Paused => {
                format!("{name} is paused already: nothing will change, the engine refuses.")
            }
            Run::Up if notes.container.state.status == RESTARTING => {
                format!("{name} keeps restarting by itself: the engine may refuse to pause it.")
            }
            Run::Up => format!("Pause {name}: its processes are frozen where they are."),
        }
    }

    fn notes(_: &OneContainer, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        if notes::run(container) != Run::Up {
            return rows;
        }
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
