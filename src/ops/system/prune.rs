//! What the four prunes share. A prune is a plan over exactly the things that its preview lists:
//! each is looked at again and removed by its id, without force, and what came into use since is
//! left alone. The engine's own prunes are never asked for: they take whatever is unused by then.

mod filter;
mod outcome;
mod preview;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use filter::{Filter, Params};
use outcome::{Done, Pruned};

use crate::core::grant::{Granted, Permit};
use crate::core::ids::short;
use crate::core::operation::{Class, Drift, Kind, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Proceed, Seen, Steps};
use crate::ops::beside::{AT_ONCE, in_time};
use crate::ports::engine::{Act, Asked, DiskUsage, Share, Stored};

/// Bytes that the removal of each would free, by id, where the engine knows.
type Sizes = BTreeMap<String, u64>;

/// A prune of one kind of thing.
#[derive(Debug)]
pub struct Prune<T>(PhantomData<T>);

/// A kind of thing that can be pruned.
pub trait Prunable: Send + Sync + 'static {
    /// The small, stable, hand-picked state of an unused one.
    type Facts: Serialize + Send + Sync + 'static;

    /// The kind.
    const KIND: &'static Kind;
    /// How it is told about.
    const WORDS: Words;
    /// Where their sizes stand in what is on the disk; none for what takes no room.
    const SHARE: Option<fn(&DiskUsage) -> &Share>;

    /// The declaration, as [`spec`] makes it.
    fn spec() -> Spec;

    /// Those that nothing uses now, as targets in this engine.
    fn unused(
        cx: Context<'_>,
        engine: &str,
        among: Among<'_>,
    ) -> impl Future<Output = Result<Vec<Unused<Self::Facts>>, Fault>> + Send;

    /// Looks whether one is there, used or not.
    fn look<'a>(cx: Context<'a>, target: &'a Target) -> Asked<'a, ()>;

    /// Removes one, which the engine refuses if something uses it by now.
    fn remove<'a>(act: &'a dyn Act, target: &'a Granted<'a>) -> Asked<'a, ()>;

    /// What else a preview shows of these.
    fn notes(
        _cx: Context<'_>,
        _targets: &[Target],
    ) -> impl Future<Output = Vec<(&'static str, String)>> + Send {
        std::future::ready(Vec::new())
    }
}

/// Among which things to look for unused ones.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// All, or those with a label: `key` or `key=value`.
    All(Option<&'a str>),
    /// These, by their ids.
    These(&'a [Target]),
}

impl Among<'_> {
    /// Whether the thing with this id is to be looked at.
    pub(super) fn holds(self, id: &str) -> bool {
        match self {
            Self::All(_) => true,
            Self::These(targets) => targets.iter().any(|target| target.id == id),
        }
    }

    /// The label that is asked for.
    pub(super) fn label(self) -> Option<String> {
        match self {
            Self::All(label) => label.map(str::to_owned),
            Self::These(_) => None,
        }
    }
}

/// A thing that nothing uses.
#[derive(Debug)]
pub struct Unused<F> {
    /// What would be removed.
    pub(super) target: Target,
    /// Since when it is unused at least, or when it was made; none if nobody knows.
    pub(super) since: Option<OffsetDateTime>,
    /// What it is, in words that follow its name. Sanitised.
    pub(super) about: String,
    /// What a grant on it is bound to.
    pub(super) facts: F,
}

/// What is there of these things, in their order.
pub(super) async fn there<T: Send>(looks: Vec<Asked<'_, T>>) -> Result<Vec<T>, Fault> {
    let seen: Vec<Result<T, Fault>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let is_gone =
        |one: &Result<T, Fault>| one.as_ref().is_err_and(|fault| fault.reason == Reason::NotFound);
    seen.into_iter().filter(|one| !is_gone(one)).collect()
}

/// How a kind of thing is told about.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// One of them: `stopped container`.
    pub(super) one: &'static str,
    /// What to do where none fits.
    pub(super) none: &'static str,
    /// What is lost with them.
    pub(super) lost: &'static str,
    /// What stays.
    pub(super) kept: &'static str,
    /// Whether they can be had back.
    pub(super) undo: &'static str,
}

/// The declaration of a prune.
pub(super) fn spec(
    name: &'static str,
    title: &'static str,
    summary: &'static str,
    kinds: &'static [&'static Kind],
) -> Spec {
    Spec {
        class: Class::Destroy,
        ceiling: Class::Destroy,
        kinds,
        drift: Drift::Each,
        idempotent: false,
        since_api: Some("1.24"),
        ..Spec::read(name, title, summary, "system")
    }
}

/// What each of the targets is, in words that follow its name.
type About = Vec<String>;

/// What is said of a target that is gone, or used, when its preview is made.
const GONE: &str = "gone or in use by now, and left alone";

impl<T: Prunable> Change for Prune<T> {
    type Params = Params;
    /// None for what is gone, or used, by now.
    type Facts = Option<T::Facts>;
    type Sight = About;
    type Done = Done;
    type Output = Pruned;

    fn spec() -> Spec {
        T::spec()
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        let filter = Filter::of(params, cx.clock.now())?;
        let engine = cx.look.engine_id().await?;
        let mut found = Vec::new();
        // What came since a grant was given is none of it, and must not stand in its way.
        let granted = cx.granted.unwrap_or_default().iter().filter(|t| t.kind == T::KIND.name);
        let granted: Vec<Target> = granted.cloned().collect();
        if !granted.is_empty() {
            found = T::unused(cx, &engine, Among::These(&granted)).await?;
            found.retain(|one| filter.takes(one));
        }
        if found.is_empty() {
            found = T::unused(cx, &engine, Among::All(params.label())).await?;
            found.retain(|one| filter.takes(one));
        }
        filter::check(&mut found, &T::WORDS, params)?;
        Ok(found.into_iter().map(|one| one.target).collect())
    }

    async fn observe(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
    ) -> Result<Seen<Option<T::Facts>, About>, Fault> {
        let engine = targets.first().map_or("", |target| target.engine.as_str());
        let mut found = T::unused(cx, engine, Among::These(targets)).await?;
        let (mut facts, mut sight) = (Vec::new(), Vec::new());
        for target in targets {
            let place = found.iter().position(|one| one.target.id == target.id);
            let now = place.map(|place| found.swap_remove(place));
            let (now, about) = now.map(|one| (one.facts, one.about)).unzip();
            facts.push(now);
            sight.push(about.unwrap_or_else(|| GONE.to_owned()));
        }
        if let ([alone], [None]) = (targets, facts.as_slice()) {
            // Whether it is used or gone can be said of one.
            T::look(cx, alone).await?;
        }
        Ok(Seen { class: Class::Destroy, facts, sight })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &Params,
        facts: &[Option<T::Facts>],
        sight: About,
    ) -> Preview {
        let there = plan.targets().iter().zip(facts).filter(|(_, facts)| facts.is_some());
        let there: Vec<Target> = there.map(|(target, _)| target.clone()).collect();
        let (sizes, notes) = join(sizes::<T>(cx), T::notes(cx, &there)).await;
        preview::of::<T>(plan, &sight, &there, sizes.as_ref(), notes)
    }

    /// What was gone, or used, when it was shown was never agreed to.
    fn holds(shown: &Value, now: &Value) -> bool {
        !shown.is_null() && shown == now
    }

    async fn execute(
        act: &dyn Act,
        _: &Params,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<Done, Fault> {
        let mut done = Done::new(sizes::<T>(steps.context()).await);
        for target in permit.targets() {
            if steps.begin(&target).await? == Proceed::Skip {
                continue;
            }
            let outcome = T::remove(act, &target).await;
            steps.end(&target, outcome.as_ref().map(drop)).await;
            done.take(target.target(), outcome)?;
        }
        done.unless_all_refused()
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Params,
        _: &[Target],
        done: &Done,
    ) -> Result<Pruned, Fault> {
        let removed = done.removed();
        let engine = removed.first().map_or("", |target| target.engine.as_str());
        let still_there = T::unused(cx, engine, Among::These(&removed)).await?;
        let still_there = still_there.iter().map(|one| name(&one.target)).collect();
        Ok(Pruned::of(done, T::WORDS.one, T::SHARE.is_some(), still_there))
    }
}

/// What the removal of each would free; none if that could not be found out in time.
async fn sizes<T: Prunable>(cx: Context<'_>) -> Option<Sizes> {
    let share = T::SHARE?;
    let usage = in_time(cx.look.disk_usage()).await?;
    let sized = |item: &Stored| Some((item.id.clone(), item.own_bytes?));
    Some(share(&usage).items.iter().filter_map(sized).collect())
}

/// The name of a target; what has none is called by the first 12 digits of its id.
fn name(target: &Target) -> String {
    text::name(short(&target.name))
}

#[cfg(test)]
mod tests;
