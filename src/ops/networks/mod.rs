//! Operations on networks.

mod inspect_network;
mod list_networks;
pub(super) mod target;

pub use inspect_network::InspectNetwork;
pub use list_networks::ListNetworks;
