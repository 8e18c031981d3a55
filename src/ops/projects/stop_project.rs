//! `stop_project`: stops the containers of a project, what others need last.

use super::lifecycle::{self, Deed};
use super::whole::ToAll;
use crate::core::operation::Spec;

/// The operation.
#[derive(Debug)]
pub struct StopProject;

impl ToAll for StopProject {
    const DEED: Deed = Deed::Stop;

    fn spec() -> Spec {
        lifecycle::spec(
            "stop_project",
            "Stop a Compose project",
            "Stops a Compose project's containers, or one service's, dependents first. Containers \
             and data are kept, but for containers that were run with --rm.",
        )
    }
}
