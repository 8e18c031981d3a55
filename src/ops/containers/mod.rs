//! Operations on containers.

mod around;
mod command;
mod exec_in_container;
mod get_container_changes;
mod get_container_logs;
mod get_container_processes;
mod get_container_stats;
mod host_path;
mod inspect_container;
mod joined;
mod kill_container;
pub(super) mod lifecycle;
pub(super) mod limits;
mod list_containers;
pub(super) mod log;
mod new;
pub(super) mod notes;
pub(super) mod outcome;
mod pause_container;
pub(super) mod peers;
pub(super) mod reach;
mod remove_container;
mod rename_container;
mod restart_container;
mod run_container;
pub(super) mod signal;
mod start_container;
mod stop_container;
pub(super) mod target;
mod unpause_container;
mod update_container;
pub(super) mod verb;
mod written;

pub use exec_in_container::ExecInContainer;
pub use get_container_changes::GetContainerChanges;
pub use get_container_logs::GetContainerLogs;
pub use get_container_processes::GetContainerProcesses;
pub use get_container_stats::GetContainerStats;
pub use inspect_container::InspectContainer;
pub use kill_container::KillContainer;
pub use list_containers::ListContainers;
pub use pause_container::PauseContainer;
pub use remove_container::RemoveContainer;
pub use rename_container::RenameContainer;
pub use restart_container::RestartContainer;
pub use run_container::RunContainer;
pub use start_container::StartContainer;
pub use stop_container::StopContainer;
pub use unpause_container::UnpauseContainer;
pub use update_container::UpdateContainer;

#[cfg(test)]
mod tests;
