//! What every store must do.

pub(super) mod asks;
pub(super) mod given;
mod grants;
pub(super) mod model;
