//! `remove_volume`: removes a volume with all that is in it.

use futures_util::future::join;
use serde_json::json;

use super::inspect_volume::{OneVolume, created};
use super::storage::Storage;
use super::target::{self, Facts};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::beside::{UNCHECKED, in_time};
use crate::ops::containers::target::{PROJECT, SERVICE};
use crate::ops::plan::{engine, one};
use crate::ops::report::Report;
use crate::ops::units::bytes;
use crate::ops::users;
use crate::ports::engine::{Act, Acted, ContainerRow, VOLUME, Volume};

/// The operation.
#[derive(Debug)]
pub struct RemoveVolume;

/// What was seen.
#[derive(Debug)]
pub struct Sight {
    volume: Volume,
    /// Every container there is.
    containers: Option<Vec<ContainerRow>>,
}

impl Sight {
    /// Those that mount it; none if that could not be checked.
    fn users(&self) -> Option<Vec<&ContainerRow>> {
        Some(users::of_volume(&self.volume.name, self.containers.as_ref()?))
    }
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
            beside: &[],
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
        let facts = vec![Facts::of(&volume)?];
        Ok(Seen { class: Class::Destroy, facts, sight: Sight { volume, containers } })
    }

    async fn possible(
        _: Context<'_>,
        _: &OneVolume,
        _: &[Target],
        sight: &Sight,
    ) -> Result<(), Fault> {
        match sight.users().unwrap_or_default().as_slice() {
            [] => Ok(()),
            used => Err(Fault::invalid(format!(
                "The volume {} is used by {}, and engines remove no volume that a container uses, \
                 also an ended one. Remove {} first, with remove_container, if that is meant.",
                text::name(&sight.volume.name),
                users::named(used),
                if used.len() == 1 { "it" } else { "them" }
            ))),
        }
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        _: &OneVolume,
        facts: &[Facts],
        sight: Sight,
    ) -> Preview {
        let (users, volume) = (sight.users(), &sight.volume);
        let size = size(cx, volume).await;
        let mut shown = vec![("volume", text::name(&volume.name)), ("engine", engine(plan))];
        for facts in facts {
            shown.push(("driver", text::name(&facts.driver)));
            shown.push(("created", created(volume, cx.clock.now())));
            shown.push(("place", Storage::of(volume).place(volume)));
        }
        let label = |key| volume.labels.get(key).map(|value| text::name(value));
        let mut notes = vec![
            ("used by", users.as_deref().map_or(UNCHECKED.to_owned(), users::named_or_nobody)),
            ("size", size),
            ("lost for good", Storage::of(volume).lost()),
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
        notes.push(("other labels", others(volume)));
        let name = text::name(&volume.name);
        let headline = format!("Remove the volume {name}{}", Storage::of(volume).removal());
        Preview { headline, facts: shown, notes }
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
