//! `start_project`: starts the containers of a project, what others need first.

use super::lifecycle::{self, Deed};
use super::whole::ToAll;
use crate::core::operation::{Class, Spec};

/// The operation.
#[derive(Debug)]
pub struct StartProject;

impl ToAll for StartProject {
    const DEED: Deed = Deed::Start;

    fn spec() -> Spec {
        Spec {
            ceiling: Class::Mutate,
            ..lifecycle::spec(
                "start_project",
                "Start a Compose project",
                "Starts a Compose project's containers, or one service's, dependencies first. It \
                 neither creates containers nor waits for health.",
            )
        }
    }
}
