//! `inspect_volume`: everything about one volume that is no secret.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::storage::Storage;
use super::target;
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;
use crate::gate::{Context, Read, Render};
use crate::ops::table::{hidden, map_of, pairs_of, section};
use crate::ops::users;
use crate::ops::when;
use crate::ports::engine::{ContainerRow, VOLUME, Volume};

/// The operation.
#[derive(Debug)]
pub struct InspectVolume;

/// Which volume.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneVolume {
    /// The volume's name.
    #[schemars(length(min = 1, max = 128))]
    pub(in crate::ops) volume: String,
}

/// What may be shown of a volume.
#[derive(Debug)]
pub struct Inspection {
    volume: Volume,
    containers: Vec<ContainerRow>,
    now: OffsetDateTime,
    options: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    hidden: usize,
}

impl Inspection {
    fn of(volume: Volume, containers: Vec<ContainerRow>, now: OffsetDateTime) -> Self {
        let mut redactor = Redactor::new(&[]);
        let options = redactor.labels(&volume.options);
        let labels = redactor.labels(&volume.labels);
        Self { volume, containers, now, options, labels, hidden: redactor.hidden() }
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let volume = &self.volume;
        let users = users::of_volume(&volume.name, &self.containers);
        vec![
            ("name", text::name(&volume.name)),
            ("anonymous", if volume.is_anonymous() { "yes".into() } else { String::new() }),
            ("driver", text::name(&volume.driver)),
            ("created", created(volume, self.now)),
            ("place", Storage::of(volume).place(volume)),
            ("used by", users::named_or_nobody(&users)),
        ]
    }
}

/// When a volume was made, as far as engines tell.
pub(in crate::ops) fn created(volume: &Volume, now: OffsetDateTime) -> String {
    match volume.created_at.as_str() {
        "" => "unknown".to_owned(),
        at => format!(
            "{} (or, on an older engine, last written to at its top level)",
            when::aged(at, now)
        ),
    }
}

impl Render for Inspection {
    fn text(&self) -> String {
        let mut out = String::new();
        section(&mut out, "Volume", &self.identity());
        section(&mut out, "Driver options", &pairs_of(&self.options));
        section(&mut out, "Labels", &pairs_of(&self.labels));
        out.push_str(&hidden(self.hidden, ""));
        out
    }

    fn data(&self) -> Value {
        let volume = &self.volume;
        json!({
            "name": text::name(&volume.name),
            "anonymous": volume.is_anonymous(),
            "driver": text::name(&volume.driver),
            "createdAt": text::line(&volume.created_at, 64),
            "mountpoint": text::name(&volume.mountpoint),
            "hostPath": volume.host_path().map(|path| text::name(&path)),
            "users": users::data(&users::of_volume(&volume.name, &self.containers)),
            "userCount": users::of_volume(&volume.name, &self.containers).len(),
            "options": map_of(&self.options),
            "labels": map_of(&self.labels),
            "hidden": self.hidden,
        })
    }

    fn record(&self) -> Value {
        let users = users::of_volume(&self.volume.name, &self.containers).len();
        json!({"users": users, "hidden": self.hidden})
    }
}

impl Read for InspectVolume {
    type Params = OneVolume;
    type Output = Inspection;

    fn spec() -> Spec {
        let spec = Spec::read(
            "inspect_volume",
            "Inspect a volume",
            "Shows driver, place, options, labels and users of one volume. Values that can be secret \
             are hidden.",
            "volumes",
        );
        Spec { kinds: &[&VOLUME], references: &["volume"], since_api: Some("1.24"), ..spec }
    }

    async fn resolve(cx: Context<'_>, params: &OneVolume) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.volume).await
    }

    async fn read(cx: Context<'_>, _: &OneVolume, targets: &[Target]) -> Result<Inspection, Fault> {
        let name = target::name(targets)?;
        let (volume, containers) = try_join(cx.look.volume(&name), users::all(cx)).await?;
        Ok(Inspection::of(volume, containers, cx.clock.now()))
    }
}
