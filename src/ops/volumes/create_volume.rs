//! `create_volume`: makes an empty volume.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::storage::Storage;
use super::target;
use crate::core::grant::Permit;
use crate::core::ids::Reference;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps, arguments};
use crate::ops::labels::{self, Labels};
use crate::ops::plan::{at, engine, one};
use crate::ops::report::Report;
use crate::ops::users;
use crate::ports::engine::{Act, Acted, VOLUME, Volume};

const NAME: &str = "create_volume";

/// The operation.
#[derive(Debug)]
pub struct CreateVolume;

/// Which volume to make.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The new volume's name.
    #[schemars(length(min = 2, max = 128))]
    name: String,
    /// Labels for it, name to value.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
}

/// What a grant on a volume that may not exist is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Facts {
    exists: bool,
}

impl Change for CreateVolume {
    type Params = Params;
    type Facts = Facts;
    type Sight = Option<Volume>;
    type Done = Acted;
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: NAME.into(),
            title: "Create a volume".into(),
            summary:
                "Makes an empty volume in the engine's own storage. If there is one of that name \
                      already, nothing is done."
                    .into(),
            toolset: "volumes",
            class: Class::Mutate,
            ceiling: Class::Mutate,
            kinds: &[&VOLUME],
            references: &["name"],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    fn recorded(params: &Params) -> Map<String, Value> {
        let mut recorded = arguments(params);
        if !params.labels.is_empty() {
            recorded.insert("labels".into(), params.labels.recorded(&[]));
        }
        recorded
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        let name = Reference::parse_new(&params.name)?;
        let labels = params.labels.checked(NAME)?;
        let engine = cx.look.engine_id().await?;
        Ok(vec![match look(cx, &name).await? {
            Some(volume) => target::of(&volume, engine),
            None => Target {
                kind: VOLUME.name,
                id: name.as_str().to_owned(),
                name: name.as_str().to_owned(),
                engine,
                attributes: labels::attributes(&labels),
            },
        }])
    }

    async fn observe(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
    ) -> Result<Seen<Facts, Option<Volume>>, Fault> {
        let volume = look(cx, &target::name(targets)?).await?;
        let facts = vec![Facts { exists: volume.is_some() }];
        Ok(Seen { class: Class::Mutate, facts, sight: volume })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Params,
        facts: &[Facts],
        sight: Option<Volume>,
    ) -> Preview {
        let name = text::name(&params.name);
        let exists = facts.iter().any(|facts| facts.exists);
        let facts = vec![
            ("volume", name.clone()),
            ("engine", engine(plan)),
            ("exists", if exists { "yes" } else { "no" }.to_owned()),
        ];
        let Some(volume) = sight else {
            let headline = format!("Create the volume {name}, empty, in the engine's own storage.");
            let mut notes = params.labels.rows(&[]);
            notes.push(("undone by", "remove_volume".to_owned()));
            return Preview { headline, facts, notes };
        };
        let headline = format!(
            "The volume {name} exists already: nothing will change, and it keeps its labels."
        );
        let notes = vec![
            ("driver", text::name(&volume.driver)),
            ("place", Storage::of(&volume).place(&volume)),
            ("used by", users::told(cx, &volume).await),
        ];
        Preview { headline, facts, notes }
    }

    async fn execute(
        act: &dyn Act,
        params: &Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        if at::<Facts>(permit, 0)?.exists {
            return Ok(Acted::AlreadySo);
        }
        act.create_volume(&one(permit)?, &params.labels.checked(NAME)?).await
    }

    async fn look_again(
        cx: Context<'_>,
        params: &Params,
        targets: &[Target],
        done: &Acted,
    ) -> Result<Report, Fault> {
        let volume = cx.look.volume(&target::name(targets)?).await?;
        // The engine does not say whether it made one.
        let ours = volume.labels == params.labels.checked(NAME)?;
        let name = text::name(&volume.name);
        let place = Storage::of(&volume).place(&volume);
        let text = match (done, ours) {
            (Acted::AlreadySo, _) => format!("{name} existed already; nothing was done. {place}"),
            (Acted::Changed, true) => format!("Created {name}. Now: {place}"),
            (Acted::Changed, false) => {
                format!("{name} was made by somebody else in the meantime. Now: {place}")
            }
        };
        let changed = *done == Acted::Changed && ours;
        let record = json!({"changed": changed, "driver": text::name(&volume.driver)});
        let data = json!({
            "changed": changed,
            "name": name,
            "driver": text::name(&volume.driver),
            "mountpoint": text::name(&volume.mountpoint),
        });
        Ok(Report { text, data, record })
    }
}

/// The volume, if there is one.
async fn look(cx: Context<'_>, name: &Reference) -> Result<Option<Volume>, Fault> {
    match cx.look.volume(name).await {
        Ok(volume) => Ok(Some(volume)),
        Err(fault) if fault.reason == Reason::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}
