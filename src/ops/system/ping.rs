//! `ping`: is somebody there?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::operation::{Class, Drift, Spec};
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::gate::{Context, Read, Render};

/// The operation.
#[derive(Debug)]
pub struct Ping;

/// It takes no arguments.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// Its answer.
#[derive(Debug)]
pub struct Pong;

impl Render for Pong {
    fn text(&self) -> String {
        "pong".into()
    }

    fn data(&self) -> Value {
        json!({"pong": true})
    }

    fn record(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }
}

impl Read for Ping {
    type Params = Params;
    type Output = Pong;

    fn spec() -> Spec {
        Spec {
            name: "ping".into(),
            title: "Ping".into(),
            summary: "Answers pong if Countersign is there. Does not ask the engine.".into(),
            toolset: "core",
            class: Class::Read,
            ceiling: Class::Read,
            kind: None,
            references: &[],
            drift: Drift::All,
            idempotent: true,
            since_api: None,
        }
    }

    async fn read(_: Context<'_>, _: &Params, _: &[Target]) -> Result<Pong, Fault> {
        Ok(Pong)
    }
}
