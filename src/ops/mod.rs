//! Operations: one file each, and the list of all. Adding one is a file and a line here.

pub mod asks;
mod beside;
pub mod containers;
#[cfg(test)]
mod fake;
pub mod images;
pub mod labels;
pub mod networks;
mod plan;
pub mod projects;
#[cfg(test)]
mod refused;
pub mod report;
pub mod system;
pub mod table;
mod units;
mod users;
pub mod volumes;
pub mod when;

use crate::gate::{Changes, Erased, Reads};

/// Every operation, in the order in which faces show them.
pub static ALL: &[&dyn Erased] = &[
    &Reads::<system::Ping>::NEW,
    &Reads::<system::EngineInfo>::NEW,
    &Reads::<system::CheckPolicy>::NEW,
    &Reads::<asks::CheckAsk>::NEW,
    &Reads::<asks::CancelAsk>::NEW,
    &Reads::<containers::ListContainers>::NEW,
    &Reads::<containers::InspectContainer>::NEW,
    &Reads::<containers::GetContainerLogs>::NEW,
    &Reads::<containers::GetContainerStats>::NEW,
    &Reads::<containers::GetContainerProcesses>::NEW,
    &Reads::<containers::GetContainerChanges>::NEW,
    &Changes::<containers::StartContainer>::NEW,
    &Changes::<containers::StopContainer>::NEW,
    &Changes::<containers::RestartContainer>::NEW,
    &Changes::<containers::KillContainer>::NEW,
    &Changes::<containers::PauseContainer>::NEW,
    &Changes::<containers::UnpauseContainer>::NEW,
    &Changes::<containers::RenameContainer>::NEW,
    &Changes::<containers::UpdateContainer>::NEW,
    &Changes::<containers::RemoveContainer>::NEW,
    &Changes::<containers::RunContainer>::NEW,
    &Changes::<containers::ExecInContainer>::NEW,
    &Reads::<images::ListImages>::NEW,
    &Reads::<images::InspectImage>::NEW,
    &Changes::<images::PullImage>::NEW,
    &Changes::<images::TagImage>::NEW,
    &Changes::<images::RemoveImage>::NEW,
    &Reads::<volumes::ListVolumes>::NEW,
    &Reads::<volumes::InspectVolume>::NEW,
    &Changes::<volumes::CreateVolume>::NEW,
    &Changes::<volumes::RemoveVolume>::NEW,
    &Reads::<networks::ListNetworks>::NEW,
    &Reads::<networks::InspectNetwork>::NEW,
    &Changes::<networks::CreateNetwork>::NEW,
    &Changes::<networks::ConnectNetwork>::NEW,
    &Changes::<networks::DisconnectNetwork>::NEW,
    &Changes::<networks::RemoveNetwork>::NEW,
    &Reads::<projects::ListProjects>::NEW,
    &Reads::<projects::GetProject>::NEW,
    &Reads::<projects::GetProjectLogs>::NEW,
    &Changes::<projects::Whole<projects::StartProject>>::NEW,
    &Changes::<projects::Whole<projects::StopProject>>::NEW,
    &Changes::<projects::Whole<projects::RestartProject>>::NEW,
    &Changes::<projects::DownProject>::NEW,
    &Reads::<system::GetDiskUsage>::NEW,
    &Reads::<system::ListEvents>::NEW,
    &Changes::<system::Prune<system::PruneContainers>>::NEW,
    &Changes::<system::Prune<system::PruneImages>>::NEW,
    &Changes::<system::Prune<system::PruneNetworks>>::NEW,
    &Changes::<system::Prune<system::PruneVolumes>>::NEW,
];
