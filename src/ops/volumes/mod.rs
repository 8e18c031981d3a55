//! Operations on volumes.

mod inspect_volume;
mod list_volumes;
pub(super) mod target;
pub(super) mod users;

pub use inspect_volume::InspectVolume;
pub use list_volumes::ListVolumes;
