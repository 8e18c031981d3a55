//! The engine's changing calls take what is granted, and no name or id.

use countersign::core::grant::Granted;
use countersign::core::ids::FullId;
use countersign::core::plan::Target;
use countersign::core::reason::Fault;
use countersign::ports::engine::{Act, Acted};

struct Known<'a> {
    granted: &'a Granted<'a>,
    target: &'a Target,
    name: &'a str,
    id: &'a FullId,
}

async fn restart(act: &dyn Act, known: &Known<'_>) -> Result<Acted, Fault> {
    act.restart(known.name, 10).await
}

fn main() {}
