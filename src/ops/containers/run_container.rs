//! `run_container`: makes a container of an image that is here, and starts it.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::{join, try_join3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::lifecycle::Done;
use super::limits::{Cpus, Memory, NewName, RestartPolicy};
use super::new::baseline::{self, Around};
use super::new::found::{self, Facts, Joined, Sight};
use super::new::made::{self, Made, PLAN, unmade, unstarted};
use super::new::wanted::{self, Env, Mode};
use super::outcome::{self, Expect, Told};
use super::{around, command, joined, target};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps, arguments};
use crate::ops::labels::{self, Labels};
use crate::ops::users;
use crate::ops::{images, plan};
use crate::ports::engine::{
    Act, Acted, CONTAINER, IMAGE, Image, ImageName, ImageReference, NETWORK, NewContainer, Ran,
    Start, VOLUME, is_predefined,
};

const NAME: &str = "run_container";

/// The label that says from what a container was made, as it was called then.
const FROM: &str = "countersign.image";

/// The operation.
#[derive(Debug)]
pub struct RunContainer;

/// What to run, and how. There is nothing else that can be asked for.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Params {
    /// Name or id of an image that is here.
    #[schemars(length(min = 1, max = 512))]
    pub(super) image: String,
    /// The container's name; else the engine thinks of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 2, max = 128))]
    pub(super) name: Option<NewName>,
    /// Words for the image's program, or the program; no shell reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 4096)))]
    pub(super) command: Vec<String>,
    /// Variables, name to value; no value is shown or logged.
    #[serde(default, skip_serializing_if = "Env::is_empty")]
    pub(super) env: Env,
    /// `[address:]host:container[/proto]`; without an address only this host reaches it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub(super) ports: Vec<String>,
    /// `volume:/path[:ro]` or `/host/path:/path[:ro]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 2100)))]
    pub(super) volumes: Vec<String>,
    /// Network, `none`, `host` or `container:NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub(super) network: Option<String>,
    /// Labels, name to value.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub(super) labels: Labels,
    /// `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 32))]
    pub(super) restart_policy: Option<RestartPolicy>,
    /// Memory limit, `512m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 32))]
    pub(super) memory: Option<Memory>,
    /// Processors, `1.5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 32))]
    pub(super) cpus: Option<Cpus>,
}

/// Refuses an image whose labels would make the container pass for one of somebody's project: no
/// container can be made without the labels of its image.
fn is_nobodys(name: &str, image: &Image) -> Result<(), Fault> {
    let Some(label) = labels::membership(&image.labels) else { return Ok(()) };
    let name = text::name(name);
    Err(Fault::invalid(format!(
        "The image {name} has the label {}, which every container of it gets: Compose, and others, \
         would take the container for one of theirs. Use an image without such labels, or the \
         engine's own client.",
        text::name(label)
    )))
}

/// The name that a container's image is asked for by, if it was asked for by the name that it has. A
/// container is said to be of what it was asked for, and policy goes by that.
fn by_name(given: &str, found: &str) -> Option<ImageName> {
    let name = ImageReference::parse(given).ok()?.name()?.clone();
    (name.to_string() == found).then_some(name)
}

/// Without the environment and the command, which can hold secrets.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params").field("image", &self.image).finish_non_exhaustive()
    }
}

impl Params {
    fn mode(&self) -> Option<Mode> {
        self.network.as_deref().map(Mode::of)
    }

    /// What the engine is to be asked for, but for the network, which takes its id, and for what
    /// only a plan knows.
    ///
    /// # Errors
    /// `invalid_argument` for what no container can be made of.
    pub(super) fn container(&self) -> Result<NewContainer, Fault> {
        command::check(&self.command)?;
        self.env.check()?;
        let published = self.ports.iter().map(|port| Ok(wanted::port(port)?.1));
        let ports = published.collect::<Result<Vec<_>, Fault>>()?;
        if !ports.is_empty() && self.mode().is_some_and(|mode| !mode.publishes()) {
            return Err(Fault::invalid(
                "Ports are published through a network of the container's own: leave out `ports`, \
                 or use another `network`.",
            ));
        }
        Ok(NewContainer {
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            image: None,
            command: (!self.command.is_empty()).then(|| self.command.clone()),
            env: self.env.entries(),
            ports,
            mounts: self.volumes.iter().map(|one| wanted::mount(one)).collect::<Result<_, _>>()?,
            network: None,
            labels: self.labels.checked(NAME)?,
            restart_policy: self.restart_policy.as_ref().map(|one| (one.name.clone(), one.tries)),
            memory_bytes: self.memory.map(|memory| memory.bytes),
            nano_cpus: self.cpus.map(|cpus| cpus.nanos),
        })
    }
}

impl Change for RunContainer {
    type Params = Params;
    type Facts = Facts;
    type Sight = Sight;
    type Done = Ran;
    type Output = Made;

    fn spec() -> Spec {
        Spec {
            name: NAME.into(),
            title: "Run a container".into(),
            summary: "Makes a container of an image that is here and starts it, then tells its \
                      state. pull_image brings other images."
                .into(),
            toolset: "containers-admin",
            class: Class::Escalate,
            ceiling: Class::Escalate,
            kinds: &[&IMAGE, &VOLUME, &NETWORK, &CONTAINER],
            references: &["image"],
            drift: Drift::All,
            idempotent: false,
            since_api: Some("1.25"),
        }
    }

    fn recorded(params: &Params) -> Map<String, Value> {
        let mut kept = arguments(params);
        if !params.command.is_empty() {
            let words = command::recorded(&params.command, &params.env.entries());
            kept.insert("command".into(), json!(words));
        }
        if !params.labels.is_empty() {
            kept.insert("labels".into(), params.labels.recorded(&params.env.entries()));
        }
        kept
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        let new = params.container()?;
        let found = images::target::resolve(cx, &params.image).await;
        let mut targets = found.map_err(|fault| match fault.reason {
            Reason::NotFound => {
                let message = format!("{} pull_image brings one that is not.", fault.message);
                Fault { message, ..fault }
            }
            _ => fault,
        })?;
        let engine = targets.first().map(|image| image.engine.clone()).unwrap_or_default();
        targets.extend(found::resolve(cx, params.mode(), &new, &engine).await?);
        Ok(targets)
    }

    /// A container made by an image's name is another one, to policy, than one made by its id.
    fn meant(params: &Params, targets: &[Target]) -> Map<String, Value> {
        let mut meant = Map::new();
        if let Some(image) = targets.first() {
            let named = by_name(&params.image, &image.name).is_some();
            let image = if named { &image.name } else { &image.id };
            meant.insert("image".to_owned(), json!(image));
        }
        if let (Some(_), Some(joined)) = (&params.network, targets.get(1)) {
            meant.insert("network".to_owned(), json!([joined.kind, joined.id]));
        }
        meant
    }

    fn only_uses(target: &Target) -> bool {
        target.kind == NETWORK.name && is_predefined(&target.name)
    }

    async fn observe(
        cx: Context<'_>,
        params: &Params,
        targets: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        let (new, id) = (params.container()?, images::target::full_id(targets)?);
        let (image, network, volumes) = try_join3(
            cx.look.image(&id),
            Joined::look(cx, params.mode(), targets),
            found::volumes(cx, &new),
        )
        .await?;
        let sight = Sight { image, volumes, network };
        let mut facts = vec![Facts::default(); targets.len()];
        if let Some(first) = facts.first_mut() {
            *first = Facts::of(&sight)?;
        }
        Ok(Seen { class: Class::Escalate, facts, sight })
    }

    async fn possible(
        cx: Context<'_>,
        params: &Params,
        targets: &[Target],
        sight: &Sight,
    ) -> Result<(), Fault> {
        is_nobodys(&params.image, &sight.image)?;
        if let Joined::Container(other) = &sight.network {
            let engine = targets.first().map(|target| target.engine.as_str());
            joined::joinable("The new container", other, engine.unwrap_or_default())?;
        }
        match &params.name {
            Some(name) => target::is_free(cx, name).await,
            None => Ok(()),
        }
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Params,
        _: &[Facts],
        sight: Sight,
    ) -> Preview {
        let joined = async {
            match &sight.network {
                Joined::Container(other) => Some(around::network_of(cx, other).await),
                _ => None,
            }
        };
        let (rows, joined) = join(users::in_time(cx), joined).await;
        let around = Around { rows, socket: cx.look.own_socket(), joined };
        baseline::preview(plan, params, &sight, &around)
    }

    async fn execute(
        act: &dyn Act,
        params: &Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Ran, Fault> {
        let image = plan::one(permit)?;
        let facts: Facts = plan::at(permit, 0)?;
        let by = permit.plan().digest().to_string();
        let mut new = params.container()?;
        new.network = facts.network;
        new.image = by_name(&params.image, &image.target().name);
        new.labels.insert(PLAN.to_owned(), by.clone());
        new.labels.insert(FROM.to_owned(), image.target().name.clone());
        let quoting_nothing = |fault: &Fault| made::clean(&params.env, fault);
        let unmade = |fault| unmade(&image.target().name, &by, quoting_nothing(&fault));
        let mut ran = act.run(&image, &new).await.map_err(unmade)?;
        for warning in &mut ran.warnings {
            *warning = text::line(&params.env.hidden_in(warning), 300);
        }
        let told = |fault: &Fault| unstarted(&ran.id, &quoting_nothing(fault));
        ran.start = match ran.start {
            Start::Done => Start::Done,
            Start::Failed(fault) => Start::Failed(told(&fault)),
            Start::Withheld(fault) => Start::Withheld(told(&fault)),
        };
        Ok(ran)
    }

    async fn look_again(
        cx: Context<'_>,
        params: &Params,
        targets: &[Target],
        done: &Ran,
    ) -> Result<Made, Fault> {
        let image = targets.first();
        let id = done.id.clone();
        let name = match &params.name {
            Some(name) => Some(name.as_str().to_owned()),
            None => cx.look.container(&id).await.ok().map(|container| container.name),
        };
        let name = name.unwrap_or_else(|| id.short().to_owned());
        let told = Told {
            changed: format!("Started {}.", text::name(&name)),
            already: String::new(),
            expect: Expect::Up,
            shown: |_| Vec::new(),
        };
        let made = Target {
            kind: CONTAINER.name,
            id: id.as_str().to_owned(),
            name: name.clone(),
            engine: image.map(|image| image.engine.clone()).unwrap_or_default(),
            attributes: BTreeMap::new(),
        };
        let (acted, unnamed) = (Acted::Changed, Vec::new());
        let started = Done { acted, auto_remove: false, unnamed, expect: None };
        let seen = outcome::look(cx, std::slice::from_ref(&made), told, started).await;
        let image = image.map(|image| text::name(&image.name)).unwrap_or_default();
        let (warnings, start) = (done.warnings.clone(), done.start.clone());
        Ok(Made { name: text::name(&name), id, image, warnings, start, seen })
    }
}
