//! `restart_container`: stops a container and starts it again.

use super::lifecycle::{self, Beside, Done, Facts, Patient};
use super::outcome::{self, Did, Outcome};
use super::{notes, target};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ports::engine::{Act, Container};

/// The operation.
#[derive(Debug)]
pub struct RestartContainer;

impl Change for RestartContainer {
    type Params = Patient;
    type Facts = Facts;
    type Sight = Container;
    type Done = Done;
    type Output = Outcome;

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

    async fn resolve(cx: Context<'_>, params: &Patient) -> Result<Vec<Target>, Fault> {
        target::resolve_for_change(cx, &params.container).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &Patient,
        targets: &[Target],
    ) -> Result<Seen<Facts, Container>, Fault> {
        lifecycle::observe(cx, targets, lifecycle::ending).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Patient,
        facts: &[Facts],
        sight: Container,
    ) -> Preview {
        let notes = lifecycle::notes(cx, plan.targets(), sight, Beside::Both).await;
        let headline = notes::restart_headline(&notes, params.timeout);
        lifecycle::preview(plan, headline, facts, &notes, notes::restart(&notes))
    }

    async fn execute(
        act: &dyn Act,
        params: &Patient,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Done, Fault> {
        let acted = act.restart(&lifecycle::one(permit)?, params.timeout).await?;
        Ok(Done::of(permit, acted))
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Patient,
        targets: &[Target],
        done: &Done,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, targets, Did::Restart, *done).await
    }
}
