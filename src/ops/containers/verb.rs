//! What is done to one container. A verb says what is its own; how it becomes a change that is
//! resolved, observed, previewed and looked at again is the same for all, and stands here.

use super::lifecycle::{self, Beside, Done, Facts, Notes};
use super::notes::Rows;
use super::outcome::{self, Expect, Outcome, Told};
use super::target;
use crate::core::grant::{Granted, Permit};
use crate::core::operation::{Class, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Params, Preview, Seen, Steps};
use crate::ops::plan;
use crate::ports::engine::{Act, Acted, Asked, Container};

/// Arguments that name one container.
pub trait Names: Params {
    /// The container as asked for.
    fn container(&self) -> &str;

    /// Whether the arguments go together, before anything is asked of an engine.
    ///
    /// # Errors
    /// `invalid_argument` where they do not.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

/// Something that is done to one container.
pub trait Verb: Send + Sync + 'static {
    /// Its arguments.
    type Params: Names;

    /// What its preview shows beside the container itself.
    const BESIDE: Beside;

    /// Its declaration.
    fn spec() -> Spec;

    /// What it comes to for this container.
    fn class(_params: &Self::Params, _container: &Container) -> Class {
        Class::Mutate
    }

    /// What a grant is bound to.
    fn facts(container: &Container) -> Facts {
        Facts::of(container)
    }

    /// As [`Change::possible`], of the container as it was seen, and of the engine that it is on.
    ///
    /// # Errors
    /// As there.
    fn possible(
        _cx: Context<'_>,
        _params: &Self::Params,
        _container: &Container,
        _engine: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// One sentence: what would be done.
    fn headline(params: &Self::Params, notes: &Notes) -> String;

    /// What a preview shows among the facts, since the plan is bound to it as well.
    fn bound(_params: &Self::Params, _container: &Container) -> Rows {
        Rows::new()
    }

    /// What a preview shows beside the facts.
    fn notes(params: &Self::Params, notes: &Notes) -> Rows;

    /// Does it. The facts are those of the plan.
    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Self::Params,
        target: &'a Granted<'a>,
        facts: &'a Facts,
    ) -> Asked<'a, Acted>;

    /// How the container should be afterwards, where that depends on the facts of the plan.
    fn expect(_: &Self::Params, _: &Facts) -> Option<Expect> {
        None
    }

    /// What is told of it afterwards. The name is the container's before it.
    fn told(params: &Self::Params, name: &str) -> Told;
}

impl<V: Verb> Change for V {
    type Params = V::Params;
    type Facts = Facts;
    type Sight = Container;
    type Done = Done;
    type Output = Outcome;

    fn spec() -> Spec {
        V::spec()
    }

    async fn resolve(cx: Context<'_>, params: &V::Params) -> Result<Vec<Target>, Fault> {
        params.check()?;
        target::resolve_for_change(cx, params.container()).await
    }

    async fn observe(
        cx: Context<'_>,
        params: &V::Params,
        targets: &[Target],
    ) -> Result<Seen<Facts, Container>, Fault> {
        let container = cx.look.container(&target::full_id(targets)?).await?;
        let (class, facts) = (V::class(params, &container), vec![V::facts(&container)]);
        Ok(Seen { class, facts, sight: container })
    }

    async fn possible(
        cx: Context<'_>,
        params: &V::Params,
        targets: &[Target],
        sight: &Container,
    ) -> Result<(), Fault> {
        let engine = targets.first().map(|target| target.engine.as_str());
        V::possible(cx, params, sight, engine.unwrap_or_default()).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &V::Params,
        facts: &[Facts],
        sight: Container,
    ) -> Preview {
        let notes = lifecycle::notes(cx, plan.targets(), sight, V::BESIDE).await;
        let headline = V::headline(params, &notes);
        let rows = V::notes(params, &notes);
        let mut preview = lifecycle::preview(plan, headline, facts, &notes, rows);
        preview.facts.extend(V::bound(params, &notes.container));
        preview
    }

    async fn execute(
        act: &dyn Act,
        params: &V::Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Done, Fault> {
        let facts = plan::at::<Facts>(permit, 0)?;
        let target = plan::one(permit)?;
        let acted = V::act(act, params, &target, &facts).await?;
        let expect = V::expect(params, &facts);
        Ok(Done { acted, auto_remove: facts.auto_remove, unnamed: facts.unnamed, expect })
    }

    async fn look_again(
        cx: Context<'_>,
        params: &V::Params,
        targets: &[Target],
        done: &Done,
    ) -> Result<Outcome, Fault> {
        let name = targets.first().map(|target| crate::core::text::name(&target.name));
        outcome::look(cx, targets, V::told(params, &name.unwrap_or_default()), done.clone()).await
    }
}
