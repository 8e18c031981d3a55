//! Policy files by themselves: which one, at which level, and what it comes to.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Desk;
use super::words::shown;
use crate::cli::Output;
use crate::config::{self, Alone, Config, Error};
use crate::core::policy::{Level, Place, Policy, Ran};

/// One file, or none for the effective ones.
#[derive(Clone, Debug, Args)]
pub struct FileArgs {
    /// A file by itself, on top of the built-in rules; without one, all that are in effect
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Whose file it is to be [default: project if it is called countersign.toml, else user]
    #[arg(long, value_name = "LEVEL", requires = "file")]
    pub(super) level: Option<FileLevel>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileLevel {
    /// The machine's administrator's
    System,
    /// The user's
    User,
    /// A project's: it can only narrow
    Project,
}

impl From<FileLevel> for Level {
    fn from(level: FileLevel) -> Self {
        match level {
            FileLevel::System => Self::System,
            FileLevel::User => Self::User,
            FileLevel::Project => Self::Project,
        }
    }
}

/// The level at which files are read: the one that was said, else the one that their names suggest,
/// which the reader is told.
pub(super) fn level(said: Option<FileLevel>, files: &[&Path], out: Output) -> Level {
    if let Some(said) = said {
        return said.into();
    }
    let is_projects = |file: &&Path| file.file_name().is_some_and(|n| n == "countersign.toml");
    let level = if files.iter().any(is_projects) { Level::Project } else { Level::User };
    let files: Vec<String> = files.iter().map(|file| shown(&file.display().to_string())).collect();
    out.message(format!(
        "Read as {} file: {}. --level says otherwise.",
        if level == Level::Project { "a project's" } else { "a user's" },
        files.join(", ")
    ));
    level
}

/// What a file comes to by itself.
pub(super) fn alone(desk: &Desk<'_>, file: &Path, level: Level) -> Result<Alone, Error> {
    config::alone(file, level, &desk.origin.vocabulary)
}

/// What a file that can be used holds.
#[derive(Debug)]
pub(in crate::cli) struct Contents {
    /// Whose it is.
    pub(in crate::cli) level: Level,
    /// Its path, as it is shown.
    pub(in crate::cli) path: String,
    /// How many rules it has.
    pub(in crate::cli) rules: usize,
    /// How many tests it has. All passed.
    pub(in crate::cli) tests: usize,
}

impl Contents {
    pub(super) fn of(path: &Path, level: Level, policy: &Policy, tests: &[Ran]) -> Self {
        let path = config::shown(path);
        let here = |place: &Place| *place.file == *path;
        let rules = policy.rules().iter().filter_map(|rule| rule.place.as_ref());
        let rules = rules.filter(|place| here(place)).count();
        let tests = tests.iter().filter(|test| here(&test.place)).count();
        Self { level, path, rules, tests }
    }

    /// What each effective file holds.
    pub(in crate::cli) fn of_all(config: &Config) -> Vec<Self> {
        let Config { policy, tests, sources, files, .. } = config;
        let found = sources.iter().filter(|source| files.contains(&source.path));
        found.map(|source| Self::of(&source.path, source.level, policy, tests)).collect()
    }
}
