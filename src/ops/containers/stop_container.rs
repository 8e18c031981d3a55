//! `stop_container`: stops a container. One that is removed when it stops is lost with it.

use super::lifecycle::{self, Beside, Facts, Notes, Patient};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::Verb;
use crate::core::grant::Granted;
use crate::core::operation::{Class, Spec};
use crate::core::text;
use crate::ports::engine::{Act, Acted, Asked, Container};

/// The operation.
#[derive(Debug)]
pub struct StopContainer;

impl Verb for StopContainer {
    type Params = Patient;

    const BESIDE: Beside = Beside { others: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::spec(
            "stop_container",
            "Stop a container",
            "Stops a container: its stop signal, then after `timeout` seconds the kill signal. A container \
             that was run with --rm is removed by this.",
        );
        Spec { ceiling: Class::Destroy, ..spec }
    }

    fn class(_: &Patient, container: &Container) -> Class {
        lifecycle::ending(container)
    }

    fn headline(params: &Patient, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        let signals = notes::signals(notes, params.timeout);
        match (notes::run(&notes.container), notes.container.auto_remove) {
            (Run::Down, _) => format!("{name} is not running: nothing will change."),
            (_, true) => format!("Stop {name} ({signals}) and so REMOVE it."),
            (_, false) => format!("Stop {name} ({signals})."),
        }
    }

    fn notes(params: &Patient, notes: &Notes) -> Rows {
        let container = &notes.container;
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        if notes::run(container) == Run::Down {
            return rows;
        }
        notes::asks_for_more(&mut rows, container, params.timeout);
        notes::uptime(&mut rows, notes);
        notes::some(&mut rows, "comes back", notes::comes_back(container));
        notes::removed(&mut rows, container);
        notes::published(&mut rows, container, "they stop answering; who is connected is unknown");
        notes::lost(&mut rows, container);
        notes::affected(&mut rows, notes, "until it and they are started again", true);
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Patient,
        target: &'a Granted<'a>,
        _: &'a Facts,
    ) -> Asked<'a, Acted> {
        act.stop(target, params.timeout)
    }

    fn told(_: &Patient, name: &str) -> Told {
        Told {
            changed: format!("Stopped {name}."),
            already: format!("{name} was not running; nothing was done."),
            expect: Expect::Down,
            shown: |_| Vec::new(),
        }
    }
}
