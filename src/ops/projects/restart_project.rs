//! `restart_project`: restarts the containers of a project, what others need first.

use serde_json::Value;

use super::find::Part;
use super::lifecycle::{self, Deed};
use super::outcome::{self, Outcome};
use crate::core::grant::Permit;
use crate::core::operation::Spec;
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::containers::lifecycle::Facts;
use crate::ports::engine::{Act, Container};

/// The operation.
#[derive(Debug)]
pub struct RestartProject;

impl Change for RestartProject {
    type Params = Part;
    type Facts = Facts;
    type Sight = Vec<Container>;
    type Done = usize;
    type Output = Outcome;

    fn spec() -> Spec {
        Spec {
            idempotent: false,
            ..lifecycle::spec(
                "restart_project",
                "Restart a Compose project",
                "Restarts a Compose project's containers one after the other, or one service's, \
                 dependencies first. Changed Compose files are not applied.",
            )
        }
    }

    async fn resolve(cx: Context<'_>, part: &Part) -> Result<Vec<Target>, Fault> {
        lifecycle::resolve(cx, part, Deed::Restart).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &Part,
        targets: &[Target],
    ) -> Result<Seen<Facts, Vec<Container>>, Fault> {
        lifecycle::observe(cx, targets, Deed::Restart).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        part: &Part,
        _: &[Facts],
        containers: Vec<Container>,
    ) -> Preview {
        lifecycle::preview(cx, plan, part, Deed::Restart, containers).await
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
        lifecycle::execute(act, permit, steps, Deed::Restart).await
    }

    async fn look_again(
        cx: Context<'_>,
        part: &Part,
        targets: &[Target],
        changed: &usize,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, &part.project, targets, Deed::Restart, *changed).await
    }
}
