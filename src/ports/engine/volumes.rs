//! Volumes: what is known of one, and what can be done to it.

use std::fmt;

/// Asking about volumes.
pub trait LookVolumes: Send + Sync + fmt::Debug {}

/// Changing volumes.
pub trait ActVolumes: Send + Sync + fmt::Debug {}
