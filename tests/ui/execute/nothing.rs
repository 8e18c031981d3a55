//! Executing a change takes a permit.

use countersign::core::grant::Permit;
use countersign::core::reason::Fault;
use countersign::gate::{Change, Steps};
use countersign::ports::engine::Act;

async fn change<C: Change>(
    act: &dyn Act,
    params: &C::Params,
    permit: &Permit,
    steps: &mut dyn Steps,
) -> Result<C::Done, Fault> {
    C::execute(act, params, &(), steps).await
}

fn main() {}
