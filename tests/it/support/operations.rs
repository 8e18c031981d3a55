//! Small operations to send through the gate: one of each sort, one that panics, one over many.

use countersign::core::grant::Permit;
use countersign::core::ids::{FullId, Reference, resolve};
use countersign::core::operation::{Class, Drift, Spec};
use countersign::core::plan::{Plan, Target};
use countersign::core::reason::{Fault, Reason};
use countersign::gate::{
    Change, Changes, Context, Erased, Preview, Proceed, Read, Reads, Render, Seen, Steps,
};
use countersign::ops::asks::{CancelAsk, CheckAsk};
use countersign::ops::system::CheckPolicy;
use countersign::ports::engine::{Act, Acted, CONTAINER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) static ALL: &[&dyn Erased] = &[
    &Reads::<Greet>::NEW,
    &Reads::<Peek>::NEW,
    &Reads::<CheckPolicy>::NEW,
    &Reads::<CheckAsk>::NEW,
    &Reads::<CancelAsk>::NEW,
    &Changes::<Poke>::NEW,
    &Changes::<PokeAll<true>>::NEW,
    &Changes::<PokeAll<false>>::NEW,
    &Changes::<Boom>::NEW,
    &Changes::<super::odd_operations::Climb>::NEW,
];

pub(crate) fn spec(name: &'static str, class: Class) -> Spec {
    Spec {
        name: name.into(),
        title: name.into(),
        summary: "Serves a test.".into(),
        toolset: "core",
        class,
        ceiling: class,
        kinds: if class.is_change() { &[&CONTAINER] } else { &[] },
        references: &[],
        beside: &[],
        drift: Drift::All,
        idempotent: false,
        since_api: None,
    }
}

#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl Render for Text {
    fn text(&self) -> String {
        self.0.clone()
    }

    fn data(&self) -> Value {
        json!({"text": self.0})
    }

    fn record(&self) -> Value {
        json!({"bytes": self.0.len()})
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A read.
pub(crate) struct Greet;

impl Read for Greet {
    type Params = Nothing;
    type Output = Text;

    fn spec() -> Spec {
        spec("greet", Class::Read)
    }

    async fn read(_: Context<'_>, _: &Nothing, _: &[Target]) -> Result<Text, Fault> {
        Ok(Text("hello".into()))
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnOne {
    #[schemars(length(min = 1, max = 129))]
    container: String,
    #[serde(default)]
    #[schemars(range(min = 0, max = 600))]
    timeout: u32,
}

async fn find(cx: Context<'_>, name: &str) -> Result<Vec<Target>, Fault> {
    let reference = Reference::parse(name)?;
    let rows = cx.look.candidates(&reference).await?;
    let row = resolve(&reference, &rows)?;
    let engine = cx.look.engine_id().await?;
    let labels = row.labels.iter().map(|(k, v)| (format!("label.{k}"), v.clone()));
    let image = cx.policy.asks_for("image").then(|| ("image".to_owned(), row.image.clone()));
    Ok(vec![Target {
        kind: CONTAINER.name,
        id: row.id.as_str().to_owned(),
        name: row.name.clone(),
        engine,
        attributes: labels.chain(image).collect(),
    }])
}

/// A sensitive read.
pub(crate) struct Peek;

impl Read for Peek {
    type Params = OnOne;
    type Output = Text;

    fn spec() -> Spec {
        Spec { references: &["container"], ..spec("peek", Class::Sensitive) }
    }

    async fn resolve(cx: Context<'_>, params: &OnOne) -> Result<Vec<Target>, Fault> {
        find(cx, &params.container).await
    }

    async fn read(cx: Context<'_>, _: &OnOne, targets: &[Target]) -> Result<Text, Fault> {
        let id = FullId::parse(&targets[0].id).unwrap();
        Ok(Text(cx.look.container(&id).await?.state.status))
    }
}

/// A change of one target: destroy where the container is removed when it stops.
pub(crate) struct Poke;

async fn facts(cx: Context<'_>, targets: &[Target]) -> Result<Seen<String, ()>, Fault> {
    let mut seen = Seen { class: Class::Mutate, facts: Vec::new(), sight: () };
    for target in targets {
        let container = cx.look.container(&FullId::parse(&target.id).unwrap()).await?;
        if container.auto_remove {
            seen.class = Class::Destroy;
        }
        seen.facts.push(container.state.started_at);
    }
    Ok(seen)
}

pub(crate) fn preview(plan: &Plan, facts: &[String]) -> Preview {
    let names: Vec<&str> = plan.targets().iter().map(|t| t.name.as_str()).collect();
    Preview {
        headline: format!("would poke {}", names.join(", ")),
        facts: facts.iter().map(|fact| ("started", fact.clone())).collect(),
        notes: Vec::new(),
    }
}

impl Change for Poke {
    type Params = OnOne;
    type Facts = String;
    type Sight = ();
    type Done = Acted;
    type Output = Text;

    fn spec() -> Spec {
        Spec { references: &["container"], ceiling: Class::Destroy, ..spec("poke", Class::Mutate) }
    }

    async fn resolve(cx: Context<'_>, params: &OnOne) -> Result<Vec<Target>, Fault> {
        find(cx, &params.container).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &OnOne,
        targets: &[Target],
    ) -> Result<Seen<String, ()>, Fault> {
        facts(cx, targets).await
    }

    async fn preview(_: Context<'_>, plan: &Plan, _: &OnOne, facts: &[String], (): ()) -> Preview {
        preview(plan, facts)
    }

    async fn execute(
        act: &dyn Act,
        params: &OnOne,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        let target = permit.targets().next().unwrap();
        act.restart(&target, params.timeout).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &OnOne,
        targets: &[Target],
        _: &Acted,
    ) -> Result<Text, Fault> {
        let id = FullId::parse(&targets[0].id).unwrap();
        Ok(Text(cx.look.container(&id).await?.state.started_at))
    }
}

/// A change of every container, as a whole or one by one. Between two steps it calls a container
/// away if it is told to, so that it drifts.
pub(crate) struct PokeAll<const WHOLE: bool>;

impl<const WHOLE: bool> Change for PokeAll<WHOLE> {
    type Params = Nothing;
    type Facts = String;
    type Sight = ();
    type Done = Vec<String>;
    type Output = Text;

    fn spec() -> Spec {
        let name = if WHOLE { "poke_whole" } else { "poke_each" };
        let drift = if WHOLE { Drift::All } else { Drift::Each };
        Spec { drift, ..spec(name, Class::Mutate) }
    }

    async fn resolve(cx: Context<'_>, _: &Nothing) -> Result<Vec<Target>, Fault> {
        let mut targets = Vec::new();
        for row in cx.look.containers(&Default::default()).await? {
            targets.extend(find(cx, &row.name).await?);
        }
        Ok(targets)
    }

    async fn observe(
        cx: Context<'_>,
        _: &Nothing,
        targets: &[Target],
    ) -> Result<Seen<String, ()>, Fault> {
        facts(cx, targets).await
    }

    async fn preview(
        _: Context<'_>,
        plan: &Plan,
        _: &Nothing,
        facts: &[String],
        (): (),
    ) -> Preview {
        preview(plan, facts)
    }

    async fn execute(
        act: &dyn Act,
        _: &Nothing,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<Vec<String>, Fault> {
        let mut done = Vec::new();
        for target in permit.targets() {
            if steps.begin(&target).await? == Proceed::Skip {
                continue;
            }
            let outcome = act.restart(&target, 0).await;
            steps.end(&target, outcome.as_ref().map(|_| ())).await;
            outcome?;
            done.push(target.target().name.clone());
        }
        Ok(done)
    }

    async fn look_again(
        _: Context<'_>,
        _: &Nothing,
        _: &[Target],
        done: &Vec<String>,
    ) -> Result<Text, Fault> {
        Ok(Text(format!("poked {}", done.join(", "))))
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoomParams {
    at: String,
}

/// A change that panics at a named point.
pub(crate) struct Boom;

impl BoomParams {
    fn at(&self, point: &str) {
        assert!(self.at != point, "boom at {point}");
    }
}

impl Change for Boom {
    type Params = BoomParams;
    type Facts = ();
    type Sight = ();
    type Done = ();
    type Output = Text;

    fn spec() -> Spec {
        spec("boom", Class::Mutate)
    }

    async fn resolve(_: Context<'_>, params: &BoomParams) -> Result<Vec<Target>, Fault> {
        params.at("resolve");
        Ok(Vec::new())
    }

    async fn observe(
        _: Context<'_>,
        params: &BoomParams,
        _: &[Target],
    ) -> Result<Seen<(), ()>, Fault> {
        params.at("observe");
        Ok(Seen { class: Class::Mutate, facts: Vec::new(), sight: () })
    }

    async fn preview(_: Context<'_>, _: &Plan, params: &BoomParams, _: &[()], (): ()) -> Preview {
        params.at("preview");
        Preview::default()
    }

    async fn execute(
        _: &dyn Act,
        params: &BoomParams,
        _: &Permit,
        _: &mut dyn Steps,
    ) -> Result<(), Fault> {
        params.at("execute");
        Err(Fault::new(Reason::EngineError, "The engine refused."))
    }

    async fn look_again(
        _: Context<'_>,
        _: &BoomParams,
        _: &[Target],
        (): &(),
    ) -> Result<Text, Fault> {
        Ok(Text(String::new()))
    }
}
