//! `cancel_ask`: the requester no longer wants what it asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::{Standing, id};
use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::gate::{Context, Read};

/// The operation.
#[derive(Debug)]
pub struct CancelAsk;

/// The ask in question.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The ask's id, such as `K7Q2-M4XD`.
    #[schemars(length(min = 8, max = 16))]
    ask: String,
}

impl Read for CancelAsk {
    type Params = Params;
    type Output = Standing;

    fn spec() -> Spec {
        let spec = Spec::read(
            "cancel_ask",
            "Cancel an ask",
            "Takes back an ask of yours that nobody has spent yet. Changes nothing else.",
            "core",
        );
        Spec { idempotent: false, ..spec }
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Standing, Fault> {
        cx.inbox.cancel(cx.caller, id(&params.ask)?).await.map(Standing)
    }
}
