//! Asking about volumes.

use crate::docker::DockerEngine;
use crate::ports::engine::LookVolumes;

impl LookVolumes for DockerEngine {}
