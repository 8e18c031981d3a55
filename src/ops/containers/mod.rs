//! Operations on containers.

mod command;
mod exec_in_container;
mod get_container_logs;
mod inspect_container;
pub(super) mod lifecycle;
pub(super) mod limits;
mod list_containers;
pub(super) mod log;
mod new;
pub(super) mod notes;
pub(super) mod outcome;
pub(super) mod peers;
pub(super) mod reach;
mod restart_container;
mod run_container;
mod start_container;
mod stop_container;
pub(super) mod target;
pub(super) mod verb;
mod written;

pub use exec_in_container::ExecInContainer;
pub use get_container_logs::GetContainerLogs;
pub use inspect_container::InspectContainer;
pub use list_containers::ListContainers;
pub use restart_container::RestartContainer;
pub use run_container::RunContainer;
pub use start_container::StartContainer;
pub use stop_container::StopContainer;

#[cfg(test)]
mod tests;
