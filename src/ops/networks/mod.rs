//! Operations on networks.

mod connect_network;
mod connection;
mod create_network;
mod disconnect_network;
mod inspect_network;
mod list_networks;
mod remove_network;
pub(super) mod target;

pub use connect_network::ConnectNetwork;
pub use create_network::CreateNetwork;
pub use disconnect_network::DisconnectNetwork;
pub use inspect_network::InspectNetwork;
pub use list_networks::ListNetworks;
pub use remove_network::RemoveNetwork;

#[cfg(test)]
mod tests;
