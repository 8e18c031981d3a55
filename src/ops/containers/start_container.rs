//! `start_container`: starts a container that does not run.

use super::joined;
use super::lifecycle::{self, Beside, Facts, Notes, OneContainer, RESTARTING, Ways};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ports::engine::{Act, Acted, Asked, Container, is_podman};

/// The operation.
#[derive(Debug)]
pub struct StartContainer;

impl Verb for StartContainer {
    type Params = OneContainer;

    const BESIDE: Beside = Beside { image: true, ways: Ways::OfStart, ..Beside::NOTHING };

    fn spec() -> Spec {
        lifecycle::spec(
            "start_container",
            "Start a container",
            "Starts a container that does not run, then tells its state as seen afterwards.",
        )
    }

    async fn possible(
        cx: Context<'_>,
        _: &OneContainer,
        now: &Container,
        engine: &str,
    ) -> Result<(), Fault> {
        match notes::run(now) {
            Run::Up => Ok(()),
            Run::Down => joined::startable(cx, now, engine).await,
            Run::Paused => {
                let or_restart = if is_podman(engine) { "" } else { ", or restart it" };
                Err(Fault::invalid(format!(
                    "{} is paused, and engines start nothing that is paused. Un-pause it with \
                     unpause_container{or_restart}.",
                    text::name(&now.name)
                )))
            }
        }
    }

    fn headline(_: &OneContainer, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        match notes::run(&notes.container) {
            Run::Up if notes.container.state.status == RESTARTING => {
                format!("{name} keeps restarting by itself: a start changes nothing about that.")
            }
            Run::Up => format!("{name} is running already: nothing will change."),
            Run::Paused | Run::Down => format!("Start {name}."),
        }
    }

    fn notes(_: &OneContainer, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        if notes::run(container) != Run::Down {
            return rows;
        }
        notes::image(&mut rows, notes, "a start");
        notes::last_end(&mut rows, notes);
        notes::some(&mut rows, "restart policy", notes::policy(container));
        notes::starting(&mut rows, notes);
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        _: &'a OneContainer,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.start(target)
    }

    fn told(_: &OneContainer, name: &str) -> Told {
        Told {
            changed: format!("Started {name}."),
            already: format!("{name} was running already; nothing was done."),
            expect: Expect::Up,
            shown: |_| Vec::new(),
        }
    }
}
