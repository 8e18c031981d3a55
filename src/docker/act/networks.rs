//! Changing networks.

use crate::docker::DockerEngine;
use crate::ports::engine::ActNetworks;

impl ActNetworks for DockerEngine {}
