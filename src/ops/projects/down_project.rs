//! `down_project`: removes what belongs to a Compose project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::down::{self, Facts, Parts};
use super::{down_notes, down_outcome, down_users};
use crate::core::grant::Permit;
use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::gate::{Change, Context, Preview, Seen, Steps};
use crate::ops::report::Report;
use crate::ports::engine::{Act, CONTAINER, NETWORK, VOLUME};

/// The operation.
#[derive(Debug)]
pub struct DownProject;

/// Which project to take down, and how far.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The project's name.
    #[schemars(length(min = 1, max = 128))]
    pub(super) project: String,
    /// Also its volumes, with all data in them.
    #[serde(default)]
    pub(super) volumes: bool,
}

impl Change for DownProject {
    type Params = Params;
    type Facts = Facts;
    type Sight = Parts;
    type Done = ();
    type Output = Report;

    fn spec() -> Spec {
        Spec {
            name: "down_project".into(),
            title: "Remove a Compose project".into(),
            summary: "Stops and removes a Compose project's containers and networks, and with \
                      volumes=true its volumes and their data. Getting it back takes `docker \
                      compose up` with the project's files."
                .into(),
            toolset: "projects",
            class: Class::Destroy,
            ceiling: Class::Destroy,
            kinds: &[&CONTAINER, &NETWORK, &VOLUME],
            references: &[],
            beside: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: Some("1.24"),
        }
    }

    async fn resolve(cx: Context<'_>, params: &Params) -> Result<Vec<Target>, Fault> {
        down::resolve(cx, &params.project, params.volumes).await
    }

    async fn observe(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
    ) -> Result<Seen<Facts, Parts>, Fault> {
        down::observe(cx, targets).await
    }

    async fn possible(
        cx: Context<'_>,
        _: &Params,
        targets: &[Target],
        parts: &Parts,
    ) -> Result<(), Fault> {
        let engine = targets.first().map(|target| target.engine.as_str()).unwrap_or_default();
        down_users::are_none(cx, parts, engine).await
    }

    async fn preview(
        cx: Context<'_>,
        plan: &Plan,
        params: &Params,
        _: &[Facts],
        parts: Parts,
    ) -> Preview {
        down_notes::preview(cx, plan, params, &parts).await
    }

    fn holds(shown: &Value, now: &Value) -> bool {
        down::holds(shown, now)
    }

    async fn execute(
        act: &dyn Act,
        params: &Params,
        permit: &Permit,
        steps: &mut dyn Steps,
    ) -> Result<(), Fault> {
        down::execute(act, permit, steps, params.volumes).await
    }

    async fn look_again(
        cx: Context<'_>,
        params: &Params,
        targets: &[Target],
        (): &(),
    ) -> Result<Report, Fault> {
        down_outcome::look(cx, params, targets).await
    }
}
