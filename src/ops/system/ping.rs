//! `ping`: is somebody there?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::core::operation::Spec;
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
        Spec::read(
            "ping",
            "Ping",
            "Answers pong if Countersign is there. Does not ask the engine.",
            "core",
        )
    }

    async fn read(_: Context<'_>, _: &Params, _: &[Target]) -> Result<Pong, Fault> {
        Ok(Pong)
    }
}
