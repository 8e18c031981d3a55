//! Operations on containers.

mod get_container_logs;
mod inspect_container;
mod lifecycle;
mod list_containers;
mod log;
mod notes;
mod outcome;
mod peers;
mod restart_container;
mod start_container;
mod stop_container;
mod target;

pub use get_container_logs::GetContainerLogs;
pub use inspect_container::InspectContainer;
pub use list_containers::ListContainers;
pub use restart_container::RestartContainer;
pub use start_container::StartContainer;
pub use stop_container::StopContainer;

#[cfg(test)]
mod tests;
