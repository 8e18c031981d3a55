//! `unpause_container`: lets the processes of a paused container go on.

use super::lifecycle::{self, Beside, Facts, Notes, OneContainer};
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

    async fn possible(
        _: Context<'_>,
        _: &OneContainer,
        now: &Container,
        _: &str,
    ) -> Result<(), Fault> {
        let name = text::name(&now.name);
        match notes::run(now) {
            Run::Paused => Ok(()),
            Run::Up => Err(Fault::invalid(format!(
                "{name} is not paused, so there is nothing to un-pause: it runs."
            ))),
            Run::Down => Err(Fault::invalid(format!(
                "{name} does not run, so there is nothing to un-pause. start_container starts it."
            ))),
        }
    }

    fn headline(_: &OneContainer, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        format!("Un-pause {name}: its processes go on where they were.")
    }

    fn notes(_: &OneContainer, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
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
