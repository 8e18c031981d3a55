//! `start_project`: starts the containers of a project, what others need first.

use serde_json::Value;

use super::find::Part;
use super::lifecycle::{self, Deed};
use super::outcome::{self, Outcome};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::containers::lifecycle::Facts;
use crate::ports::engine::{Act, Container};

/// The operation.
#[derive(Debug)]
pub struct StartProject;

impl Change for StartProject {
    type Params = Part;
    type Facts = Facts;
    type Sight = Vec<Container>;
    type Done = usize;
    type Output = Outcome;

    fn spec() -> Spec {
        Spec {
            ceiling: Class::Mutate,
            ..lifecycle::spec(
                "start_project",
                "Start a Compose project",
                "Starts a Compose project's containers, or one service's, dependencies first. It \
                 neither creates containers nor waits for health.",
            )
        }
    }

    async fn resolve(cx: Context<'_>, part: &Part) -> Result<Vec<Target>, Fault> {
        lifecycle::resolve(cx, part, Deed::Start).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &Part,
        targets: &[Target],
    ) -> Result<Seen<Facts, Vec<Container>>, Fault> {
        lifecycle::observe(cx, targets, Deed::Start).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        part: &Part,
        _: &[Facts],
        containers: Vec<Container>,
    ) -> Preview {
        lifecycle::preview(cx, plan, part, Deed::Start, containers).await
    }

    fn holds(shown: &Value, now: &Value) -> bool {
        lifecycle::holds(shown, now)
    }

    async fn execute(
        act: &dyn Act,
        _: &Part,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<usize, Fault> {
        lifecycle::execute(act, permit, steps, Deed::Start).await
    }

    async fn look_again(
        cx: Context<'_>,
        part: &Part,
        targets: &[Target],
        changed: &usize,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, &part.project, targets, Deed::Start, *changed).await
    }
}
