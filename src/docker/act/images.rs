//! Changing images.

use crate::docker::DockerEngine;
use crate::ports::engine::ActImages;

impl ActImages for DockerEngine {}
