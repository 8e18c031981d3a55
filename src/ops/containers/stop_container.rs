//! `stop_container`: stops a container. One that is removed when it stops is lost with it.

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
pub struct StopContainer;

impl Change for StopContainer {
    type Params = Patient;
    type Facts = Facts;
    type Sight = Container;
    type Done = Done;
    type Output = Outcome;

    fn spec() -> Spec {
        let spec = lifecycle::spec(
            "stop_container",
            "Stop a container",
            "Stops a container: its stop signal, then after `timeout` seconds the kill signal. A container \
             that was run with --rm is removed by this.",
        );
        Spec { ceiling: Class::Destroy, ..spec }
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
        let notes = lifecycle::notes(cx, plan.targets(), sight, Beside::Peers).await;
        let headline = notes::stop_headline(&notes, params.timeout);
        lifecycle::preview(plan, headline, facts, &notes, notes::stop(&notes))
    }

    async fn execute(
        act: &dyn Act,
        params: &Patient,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Done, Fault> {
        let acted = act.stop(&lifecycle::one(permit)?, params.timeout).await?;
        Ok(Done::of(permit, acted))
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Patient,
        targets: &[Target],
        done: &Done,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, targets, Did::Stop, *done).await
    }
}
