//! `create_network`: makes a network on this host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::target;
use crate::core::grant::Permit;
use crate::core::ids::short;
use crate::core::ids::{FullId, Reference};
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Change, Context, Preview, Seen, Steps, arguments};
use crate::ops::labels::{self, Labels};
use crate::ops::plan::{engine, one};
use crate::ops::report::Report;
use crate::ports::engine::{Act, NETWORK, Network, NetworkFilter, NewNetwork};

const NAME: &str = "create_network";

/// The operation.
#[derive(Debug)]
pub struct CreateNetwork;

/// Which network to make.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The new network's name.
    #[schemars(length(min = 2, max = 128))]
    name: String,
    /// Whether it leads nowhere but to the containers on it.
    #[serde(default)]
    internal: bool,
    /// Labels for it, name to value.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
}

/// What a grant on a network that does not exist is bound to: that there is none of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    exists: bool,
}

/// The network that has the name already.
type Sight = Option<Network>;

impl Change for CreateNetwork {
    type Params = Params;
    type Facts = Facts;
    type Sight = Sight;
    type Done = FullId;
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: NAME.into(),
            title: "Create a network".into(),
            summary:
                "Makes a bridge network on this host. A second network of one name is refused."
                    .into(),
            toolset: "networks",
            class: Class::Mutate,
            ceiling: Class::Mutate,
            kinds: &[&NETWORK],
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
        Ok(vec![Target {
            kind: NETWORK.name,
            id: name.as_str().to_owned(),
            name: name.as_str().to_owned(),
            engine: cx.look.engine_id().await?,
            attributes: labels::attributes(&labels),
        }])
    }

    async fn observe(
        cx: Context<'_>,
        params: &Params,
        _: &[Target],
    ) -> Result<Seen<Facts, Sight>, Fault> {
        let all = cx.look.networks(&NetworkFilter::default()).await?;
        let sight = all.into_iter().find(|network| network.name == params.name);
        let facts = vec![Facts { exists: sight.is_some() }];
        Ok(Seen { class: Class::Mutate, facts, sight })
    }

    async fn possible(
        _: Context<'_>,
        _: &Params,
        _: &[Target],
        sight: &Sight,
    ) -> Result<(), Fault> {
        sight.as_ref().map_or(Ok(()), |network| Err(taken(network)))
    }

    async fn preview(
        _: Context<'_>,
        plan: &Plan,
        params: &Params,
        _: &[Facts],
        _: Sight,
    ) -> Preview {
        let name = text::name(&params.name);
        let leads = target::reach(&Network {
            driver: "bridge".to_owned(),
            internal: params.internal,
            ..Network::default()
        });
        let mut notes = vec![
            ("driver", "bridge, with a subnet that the engine picks".to_owned()),
            ("leads", leads.to_owned()),
        ];
        notes.extend(params.labels.rows(&[]));
        notes.push(("undone by", "remove_network".to_owned()));
        Preview {
            headline: format!("Create the network {name} on this host."),
            facts: vec![("network", name), ("engine", engine(plan)), ("exists", "no".to_owned())],
            notes,
        }
    }

    async fn execute(
        act: &dyn Act,
        params: &Params,
        permit: &Permit,
        _: &mut dyn Steps,
    ) -> Result<FullId, Fault> {
        let labels = params.labels.checked(NAME)?;
        let network = NewNetwork { internal: params.internal, labels };
        act.create_network(&one(permit)?, &network).await
    }

    async fn look_again(
        cx: Context<'_>,
        _: &Params,
        _: &[Target],
        done: &FullId,
    ) -> Result<Report, Fault> {
        let network = cx.look.network(done).await?;
        let (name, subnet) = (text::name(&network.name), text::name(&network.subnets.join(", ")));
        let leads = target::reach(&network);
        let text = format!(
            "Created the network {name} (id {}). Now: subnet {subnet}, leads {leads}.",
            done.short()
        );
        let record = json!({"id": done, "internal": network.internal, "subnet": subnet});
        let data = json!({
            "id": done, "name": name, "internal": network.internal, "subnet": subnet,
        });
        Ok(Report { text, data, record })
    }
}

fn taken(network: &Network) -> Fault {
    Fault::invalid(format!(
        "There is a network of the name {} already (id {}), and two of one name cannot be told apart \
         by it. Use another name, or the one that there is.",
        text::name(&network.name),
        text::name(short(&network.id))
    ))
}
