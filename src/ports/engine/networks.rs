//! Networks: what is known of one, and what can be done to it.

use std::fmt;

/// Asking about networks.
pub trait LookNetworks: Send + Sync + fmt::Debug {}

/// Changing networks.
pub trait ActNetworks: Send + Sync + fmt::Debug {}
