//! Asking about networks.

use crate::docker::DockerEngine;
use crate::ports::engine::LookNetworks;

impl LookNetworks for DockerEngine {}
