//! `inspect_network`: everything about one network that is no secret.

use futures_util::future::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

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
use crate::ports::engine::{Attached, ContainerRow, NETWORK, Network};

/// The operation.
#[derive(Debug)]
pub struct InspectNetwork;

/// Which network.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneNetwork {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 256))]
    pub(in crate::ops) network: String,
}

/// What may be shown of a network.
#[derive(Debug)]
pub struct Inspection {
    network: Network,
    /// Those that are on it when they run.
    containers: Vec<ContainerRow>,
    now: OffsetDateTime,
    options: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    hidden: usize,
}

impl Inspection {
    fn of(network: Network, mut containers: Vec<ContainerRow>, now: OffsetDateTime) -> Self {
        let mut redactor = Redactor::new(&[]);
        let options = redactor.labels(&network.options);
        let labels = redactor.labels(&network.labels);
        containers.retain(|row| row.is_on(&network));
        Self { network, containers, now, options, labels, hidden: redactor.hidden() }
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let network = &self.network;
        let created = network.created.map_or_else(
            || "unknown".to_owned(),
            |at| format!("{} ({})", when::second(at), when::ago(at, self.now)),
        );
        vec![
            ("name", text::name(&network.name)),
            ("id", text::name(&network.id)),
            ("driver", text::name(&network.driver)),
            ("scope", text::name(&network.scope)),
            ("created", created),
            ("subnet", text::name(&network.subnets.join(", "))),
            ("leads", super::target::reach(network).to_owned()),
        ]
    }

    fn attached(&self) -> Vec<(&'static str, String)> {
        let attached = self.network.attached.iter().flatten();
        let one = |at: &Attached| {
            let address = if at.address.is_empty() { "no address" } else { &at.address };
            ("on it", format!("{} ({})", text::name(&at.name), text::name(address)))
        };
        let mut rows: Vec<_> = attached.map(one).collect();
        let off: Vec<&ContainerRow> =
            self.containers.iter().filter(|row| row.state != "running").collect();
        rows.push(("once started", users::named(&off)));
        rows
    }
}

impl Render for Inspection {
    fn text(&self) -> String {
        let mut out = String::new();
        section(&mut out, "Network", &self.identity());
        section(&mut out, "Containers", &self.attached());
        section(&mut out, "Driver options", &pairs_of(&self.options));
        section(&mut out, "Labels", &pairs_of(&self.labels));
        out.push_str(&hidden(self.hidden, ""));
        out
    }

    fn data(&self) -> Value {
        let network = &self.network;
        let containers: Vec<&ContainerRow> = self.containers.iter().collect();
        json!({
            "id": text::name(&network.id),
            "name": text::name(&network.name),
            "driver": text::name(&network.driver),
            "scope": text::name(&network.scope),
            "created": network.created.map(OffsetDateTime::unix_timestamp),
            "internal": network.internal,
            "subnets": network.subnets.iter().map(|s| text::name(s)).collect::<Vec<_>>(),
            "containers": users::data(&containers),
            "containerCount": containers.len(),
            "options": map_of(&self.options),
            "labels": map_of(&self.labels),
            "hidden": self.hidden,
        })
    }

    fn record(&self) -> Value {
        json!({"containers": self.containers.len(), "hidden": self.hidden})
    }
}

impl Read for InspectNetwork {
    type Params = OneNetwork;
    type Output = Inspection;

    fn spec() -> Spec {
        let spec = Spec::read(
            "inspect_network",
            "Inspect a network",
            "Shows driver, subnets, options, labels and containers of one network. Values that can \
             be secret are hidden.",
            "networks",
        );
        Spec { kinds: &[&NETWORK], references: &["network"], since_api: Some("1.24"), ..spec }
    }

    async fn resolve(cx: Context<'_>, params: &OneNetwork) -> Result<Vec<Target>, Fault> {
        target::resolve(cx, &params.network).await
    }

    async fn read(
        cx: Context<'_>,
        _: &OneNetwork,
        targets: &[Target],
    ) -> Result<Inspection, Fault> {
        let id = target::full_id(targets.first())?;
        let (network, containers) = try_join(cx.look.network(&id), users::all(cx)).await?;
        Ok(Inspection::of(network, containers, cx.clock.now()))
    }
}
