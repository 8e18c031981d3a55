//! `start_container`: starts a container that does not run.

use super::lifecycle::{self, Beside, Done, Facts, OneContainer};
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
pub struct StartContainer;

impl Change for StartContainer {
    type Params = OneContainer;
    type Facts = Facts;
    type Sight = Container;
    type Done = Done;
    type Output = Outcome;

    fn spec() -> Spec {
        lifecycle::spec(
            "start_container",
            "Start a container",
            "Starts a container that does not run, then tells its state as seen afterwards.",
        )
    }

    async fn resolve(cx: Context<'_>, params: &OneContainer) -> Result<Vec<Target>, Fault> {
        target::resolve_for_change(cx, &params.container).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &OneContainer,
        targets: &[Target],
    ) -> Result<Seen<Facts, Container>, Fault> {
        lifecycle::observe(cx, targets, |_| Class::Mutate).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &OneContainer,
        facts: &[Facts],
        sight: Container,
    ) -> Preview {
        let notes = lifecycle::notes(cx, plan.targets(), sight, Beside::Image).await;
        let headline = notes::start_headline(&notes);
        lifecycle::preview(plan, headline, facts, &notes, notes::start(&notes))
    }

    async fn execute(
        act: &dyn Act,
        _: &OneContainer,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Done, Fault> {
        let acted = act.start(&lifecycle::one(permit)?).await?;
        Ok(Done::of(permit, acted))
    }

    async fn look_again(
        cx: Context<'_>,
        _: &OneContainer,
        targets: &[Target],
        done: &Done,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, targets, Did::Start, *done).await
    }
}
