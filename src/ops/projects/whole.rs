//! What is done to all containers of a project, or of a service, as a change.

use std::marker::PhantomData;

use serde_json::Value;

use super::find::Part;
use super::lifecycle::{self, Deed, Did, Facts};
use super::outcome::{self, Outcome};
use crate::core::grant::Permit;
use crate::core::operation::Spec;
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ports::engine::{Act, Container};

/// A change to a whole project.
#[derive(Debug)]
pub struct Whole<T>(PhantomData<T>);

/// Something that is done to each container of a project.
pub trait ToAll: Send + Sync + 'static {
    /// What it is.
    const DEED: Deed;

    /// Its declaration, as [`lifecycle::spec`] makes it.
    fn spec() -> Spec;
}

impl<T: ToAll> Change for Whole<T> {
    type Params = Part;
    type Facts = Facts;
    type Sight = Vec<Container>;
    type Done = Vec<Did>;
    type Output = Outcome;

    fn spec() -> Spec {
        T::spec()
    }

    async fn resolve(cx: Context<'_>, part: &Part) -> Result<Vec<Target>, Fault> {
        lifecycle::resolve(cx, part, T::DEED).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &Part,
        targets: &[Target],
    ) -> Result<Seen<Facts, Vec<Container>>, Fault> {
        lifecycle::observe(cx, targets, T::DEED).await
    }

    async fn possible(
        _: Context<'_>,
        _: &Part,
        _: &[Target],
        containers: &Vec<Container>,
    ) -> Result<(), Fault> {
        lifecycle::possible(T::DEED, containers)
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        part: &Part,
        _: &[Facts],
        containers: Vec<Container>,
    ) -> Preview {
        lifecycle::preview(cx, plan, part, T::DEED, containers).await
    }

    fn holds(shown: &Value, now: &Value) -> bool {
        lifecycle::holds(shown, now)
    }

    async fn execute(
        act: &dyn Act,
        _: &Part,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<Vec<Did>, Fault> {
        lifecycle::execute(act, permit, steps, T::DEED).await
    }

    async fn look_again(
        cx: Context<'_>,
        part: &Part,
        targets: &[Target],
        done: &Vec<Did>,
    ) -> Result<Outcome, Fault> {
        outcome::look(cx, &part.project, targets, T::DEED, done).await
    }
}
