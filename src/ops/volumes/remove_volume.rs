//! `remove_volume`: removes a volume with all that is in it.

use futures_util::future::join;
use serde::Serialize;
use serde_json::json;

use super::inspect_volume::{OneVolume, created};
use super::storage::Storage;
use super::target::{self, Facts as OfVolume};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Digest, Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::beside::{UNCHECKED, in_time};
use crate::ops::containers::target::{PROJECT, SERVICE};
use crate::ops::plan::{engine, one};
use crate::ops::report::Report;
use crate::ops::units::{bytes, counted};
use crate::ops::users;
use crate::ports::engine::{Act, Acted, ContainerRow, VOLUME, Volume};

/// The operation.
#[derive(Debug)]
pub struct RemoveVolume;

/// What a grant is bound to. What somebody grants on the word that the engine will refuse is not
/// granted for the time when it no longer does.
#[derive(Debug, Serialize)]
pub struct Facts {
    #[serde(flatten)]
    volume: OfVolume,
    /// The containers that mount it; none if that could not be checked.
    users: Option<Digest>,
}

/// What was seen.
#[derive(Debug)]
pub struct Sight {
    volume: Volume,
    /// Every container there is.
    containers: Option<Vec<ContainerRow>>,
}

impl Change for RemoveVolume {
    type Params = OneVolume;
    type Facts = Facts;
    type Sight = Sight;
    type Done = Acted;
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: "remove_volume".into(),
            title: "Remove a volume".into(),
            summary:
                "Removes a volume that no container uses, with all that is in it. This cannot \
                      be undone. The preview shows size, owner and age."
                    .into(),
            toolset: "volumes",
            class: Class::Destroy,
            ceiling: Class::Destroy,
            kinds: &[&VOLUME],
            references: &["volume"],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    async fn resolve(cx: Context<'_>, params: &OneVolume) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.volume).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &OneVolume,
        targets: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        let name = target::name(targets)?;
        let (volume, containers) = join(cx.look.volume(&name), users::in_time(cx)).await;
        let volume = volume?;
        let of_it = containers.as_ref().map(|rows| users::of_volume(&volume.name, rows));
        let facts =
            Facts { volume: OfVolume::of(&volume)?, users: of_it.map(users::bound).transpose()? };
        let sight = Sight { volume, containers };
        Ok(Seen { class: Class::Destroy, facts: vec![facts], sight })
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &OneVolume,
        facts: &[Facts],
        Sight { volume, containers }: Sight,
    ) -> Preview {
        let size = size(cx, &volume).await;
        let users = containers.as_ref().map(|rows| users::of_volume(&volume.name, rows));
        let mut shown = vec![("volume", text::name(&volume.name)), ("engine", engine(plan))];
        for facts in facts {
            shown.push(("driver", text::name(&facts.volume.driver)));
            shown.push(("created", created(&volume, cx.clock.now())));
            shown.push(("place", Storage::of(&volume).place(&volume)));
        }
        let label = |key| volume.labels.get(key).map(|value| text::name(value));
        let mut notes = vec![
            ("used by", users.as_deref().map_or(UNCHECKED.to_owned(), users::named_or_nobody)),
            ("size", size),
            ("lost for good", Storage::of(&volume).lost()),
            ("backup", "whether there is one is not known here".to_owned()),
        ];
        if volume.is_anonymous() {
            notes.push(("anonymous", "nobody named it: it came with a container".to_owned()));
        }
        if let Some(project) = label(PROJECT) {
            notes.push(("compose project", project));
        }
        if let Some(service) = label(SERVICE) {
            notes.push(("compose service", service));
        }
        notes.push(("other labels", others(&volume)));
        Preview { headline: headline(&volume, users.as_deref()), facts: shown, notes }
    }

    async fn execute(
        act: &dyn Act,
        _: &OneVolume,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<Acted, Fault> {
        act.remove_volume(&one(permit)?).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &OneVolume,
        targets: &[Target],
        _: &Acted,
    ) -> Result<Report, Fault> {
        let name = target::name(targets)?;
        let gone = match cx.look.volume(&name).await {
            Ok(_) => false,
            Err(fault) if fault.reason == Reason::NotFound => true,
            Err(fault) => return Err(fault),
        };
        let text = if gone {
            format!("Removed the volume {name}.")
        } else {
            format!("Removed the volume {name}, but there is one of that name again.")
        };
        let data = json!({"name": name.as_str(), "gone": gone});
        Ok(Report { text, data, record: json!({"gone": gone}) })
    }
}

fn headline(volume: &Volume, users: Option<&[&ContainerRow]>) -> String {
    let name = text::name(&volume.name);
    match users {
        Some([_, ..]) => format!(
            "The engine will refuse to remove the volume {name}, as {} it. Remove them first, if \
             that is meant.",
            match users.map_or(0, <[_]>::len) {
                1 => "1 container uses".to_owned(),
                many => format!("{} use", counted(many, "container")),
            }
        ),
        _ => format!("Remove the volume {name}{}", Storage::of(volume).removal()),
    }
}

/// Names of labels beside those of Compose. Values can hold secrets.
fn others(volume: &Volume) -> String {
    let names = volume.labels.keys().filter(|key| !key.starts_with("com.docker."));
    let names: Vec<String> = names.map(|key| text::name(key)).collect();
    if names.is_empty() { "none".to_owned() } else { crate::ops::units::listed(&names, 8) }
}

async fn size(cx: Context<'_>, volume: &Volume) -> String {
    let usage = in_time(cx.look.disk_usage()).await;
    let items = usage.map(|usage| usage.volumes.items).unwrap_or_default();
    let size = items.iter().find(|item| item.id == volume.name).and_then(|item| item.bytes);
    size.map_or_else(|| UNCHECKED.to_owned(), bytes)
}
