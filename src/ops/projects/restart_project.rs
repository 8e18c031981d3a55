//! `restart_project`: restarts the containers of a project, what others need first.

use super::lifecycle::{self, Deed};
use super::whole::ToAll;
use crate::core::operation::Spec;

/// The operation.
#[derive(Debug)]
pub struct RestartProject;

impl ToAll for RestartProject {
    const DEED: Deed = Deed::Restart;

    fn spec() -> Spec {
        Spec {
            idempotent: false,
            ..lifecycle::spec(
                "restart_project",
                "Restart a Compose project",
                "Restarts a Compose project's containers one after the other, or one service's, \
                 dependencies first. Changed Compose files are not applied.",
            )
        }
    }
}
