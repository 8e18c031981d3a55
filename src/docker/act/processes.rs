//! Making something run: new containers, and commands inside running ones.

use crate::docker::DockerEngine;
use crate::ports::engine::ActProcesses;

impl ActProcesses for DockerEngine {}
