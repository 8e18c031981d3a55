//! Operations on Compose projects: on what belongs together by its labels. No file of a project is
//! read, so what only its definition tells is not known here.

mod down;
mod down_notes;
mod down_outcome;
mod down_project;
mod down_users;
mod find;
mod get_project;
mod get_project_logs;
mod lifecycle;
mod list_projects;
mod notes;
mod outcome;
mod place;
mod restart_project;
mod start_project;
mod status;
mod stop_project;
mod things;
mod whole;

pub use down_project::DownProject;
pub use get_project::GetProject;
pub use get_project_logs::GetProjectLogs;
pub use list_projects::ListProjects;
pub use restart_project::RestartProject;
pub use start_project::StartProject;
pub use stop_project::StopProject;
pub use whole::Whole;

#[cfg(test)]
mod tests;
