//! Operations on images.

pub(super) mod target;
pub(super) mod users;
