//! A grant is issued for a token.

use std::sync::Arc;

use countersign::core::grant::{self, GrantRow, RequestKey, Tick, Token};
use countersign::core::plan::Plan;

fn row(token: &Token, plan: &Arc<Plan>, request: RequestKey, expires: Tick) -> GrantRow {
    GrantRow { hash: token.hash(), plan: Arc::clone(plan), request, expires }
}

fn main() {}
