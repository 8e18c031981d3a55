//! Changing volumes.

use crate::docker::DockerEngine;
use crate::ports::engine::ActVolumes;

impl ActVolumes for DockerEngine {}
