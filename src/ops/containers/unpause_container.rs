//! `unpause_container`: lets the processes of a paused container go on.

use super::lifecycle::{self, Beside, Facts, Notes, OneContainer};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::text;
use crate::ports::engine::{Act, Acted, Asked};

/// The operation.
#[derive(Debug)]
pub struct UnpauseContainer;

impl Verb for UnpauseContainer {
    type Params = OneContainer;

    const BESIDE: Beside = Beside { others: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        lifecycle::admin_spec(
            "unpause_container",
            "Un-pause a container",
            "Lets the processes of a paused container go on where they were.",
        )
    }

    fn headline(_: &OneContainer, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        match notes::run(&notes.container) {
            Run::Down => format!("{name} is not running: the engine refuses to un-pause it."),
            Run::Up => format!("{name} is not paused: nothing will change, the engine refuses."),
            Run::Paused => format!("Un-pause {name}: its processes go on where they were."),
        }
    }

    fn notes(_: &OneContainer, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        if notes::run(container) != Run::Paused {
            return rows;
        }
        notes::uptime(&mut rows, notes);
        if let Some(health) = &container.state.health {
            rows.push(("health", format!("{}; its checks run again", text::name(health))));
        }
        notes::published(&mut rows, container, "they answer again");
        rows.push(("undo", "pause_container".into()));
        notes::waiting(&mut rows, notes, "it answers them again");
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        _: &'a OneContainer,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.unpause(target)
    }

    fn told(_: &OneContainer, name: &str) -> Told {
        Told {
            changed: format!("Un-paused {name}."),
            already: format!("{name} was not paused; nothing was done."),
            expect: Expect::Going,
            shown: |_| Vec::new(),
        }
    }
}
