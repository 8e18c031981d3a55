//! `check_ask`: has a person decided?

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::{Standing, id};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::gate::{Context, Read};

/// The operation.
#[derive(Debug)]
pub struct CheckAsk;

/// The ask in question.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The ask's id, such as `K7Q2-M4XD`.
    #[schemars(length(min = 8, max = 16))]
    ask: String,
    /// How long to wait for a decision, in seconds.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0, max = 55))]
    wait: u8,
}

impl Read for CheckAsk {
    type Params = Params;
    type Output = Standing;

    const WAITS: bool = true;

    fn spec() -> Spec {
        Spec::read(
            "check_ask",
            "Check an ask",
            "Says whether a person has decided on an ask of yours, and in what words. Waits for it \
             up to `wait` seconds.",
            "core",
        )
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Standing, Fault> {
        let wait = Duration::from_secs(params.wait.into());
        cx.inbox.check(cx.caller, id(&params.ask)?, wait).await.map(Standing)
    }
}
