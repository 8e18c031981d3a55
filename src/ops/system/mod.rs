//! Operations on the engine as a whole and on Countersign itself.

mod check_policy;
mod engine_info;
mod get_disk_usage;
mod list_events;
mod ping;
mod prune;
mod prune_containers;
mod prune_images;
mod prune_networks;
mod prune_volumes;

pub use check_policy::CheckPolicy;
pub use engine_info::EngineInfo;
pub use get_disk_usage::GetDiskUsage;
pub use list_events::ListEvents;
pub use ping::Ping;
pub use prune::Prune;
pub use prune_containers::PruneContainers;
pub use prune_images::PruneImages;
pub use prune_networks::PruneNetworks;
pub use prune_volumes::PruneVolumes;
