//! Operations on volumes.

mod create_volume;
mod inspect_volume;
mod list_volumes;
mod remove_volume;
pub(super) mod storage;
pub(super) mod target;

pub use create_volume::CreateVolume;
pub use inspect_volume::InspectVolume;
pub use list_volumes::ListVolumes;
pub use remove_volume::RemoveVolume;

#[cfg(test)]
mod tests;
