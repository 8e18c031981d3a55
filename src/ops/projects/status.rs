//! What is told of a whole project: how many of its containers are in which state, and which files
//! it was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::core::text;
use crate::ops::units::listed;

/// The label of the folder in which Compose ran.
const FOLDER: &str = "com.docker.compose.project.working_dir";

/// Folders in one line, at most.
const FOLDERS_MAX: usize = 8;

/// The label of the files that Compose read.
const FILES: &str = "com.docker.compose.project.config_files";

/// The folder that a container was made from, as it says itself. Text from outside.
pub(super) fn folder(labels: &BTreeMap<String, String>) -> Option<&str> {
    labels.get(FOLDER).map(String::as_str).filter(|folder| !folder.is_empty())
}

/// The folders that containers were made from. Where there are several, several projects may go by
/// one name.
pub(super) fn folders<'a>(
    containers: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> BTreeSet<&'a str> {
    containers.filter_map(folder).collect()
}

/// Several folders, in words; none for fewer.
pub(super) fn several(folders: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<String> = folders.iter().map(|folder| text::name(folder)).collect();
    (names.len() > 1).then(|| {
        format!(
            "made from {} folders, so perhaps {} projects of one name: {}",
            names.len(),
            names.len(),
            listed(&names, FOLDERS_MAX)
        )
    })
}

/// Containers by their state: `running(2), exited(1)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct States {
    services: BTreeMap<String, usize>,
    one_off: usize,
}

impl States {
    /// One more.
    pub(super) fn count(&mut self, state: &str, one_off: bool) {
        if one_off {
            self.one_off += 1;
        } else {
            *self.services.entry(text::line(state, 40)).or_default() += 1;
        }
    }
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: Vec<(&str, usize)> =
            self.services.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        // What runs comes first, as people look for what does not.
        counts.sort_by_key(|(state, _)| (*state != "running", *state));
        counts.extend((self.one_off > 0).then_some(("one-off", self.one_off)));
        let words: Vec<String> =
            counts.iter().map(|(what, count)| format!("{what}({count})")).collect();
        f.write_str(&words.join(", "))
    }
}

/// Where a project comes from, as the newest of its containers say. Text from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// The folder in which Compose ran, on whatever machine that was.
    pub(super) folder: String,
    /// The files that it read, separated by commas.
    pub(super) given: String,
}

impl Files {
    /// Takes over what a container says, if nothing is known yet. The newest is to come first.
    pub(super) fn learn(&mut self, labels: &BTreeMap<String, String>) {
        for (known, label) in [(&mut self.folder, FOLDER), (&mut self.given, FILES)] {
            if let Some(said) = labels.get(label).filter(|_| known.is_empty()) {
                known.clone_from(said);
            }
        }
    }

    /// The files, without the folder where they lie in it.
    pub(super) fn names(&self) -> String {
        let folder = format!("{}/", self.folder);
        let names = self.given.split(',').map(|file| file.strip_prefix(&folder).unwrap_or(file));
        names.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_as_compose_tells_them() {
        let mut states = States::default();
        for (state, one_off) in
            [("exited", false), ("running", false), ("running", false), ("exited", true)]
        {
            states.count(state, one_off);
        }
        assert_eq!(states.to_string(), "running(2), exited(1), one-off(1)");
        states.count("a\u{1b}[2J", false);
        assert_eq!(states.to_string(), "running(2), a\\u{1b}[2J(1), exited(1), one-off(1)");
        assert_eq!(States::default().to_string(), "");
    }

    #[test]
    fn files_are_told_by_their_folder() {
        let files = Files {
            folder: "/srv/shop".into(),
            given: "/srv/shop/compose.yaml,/etc/override.yaml".into(),
        };
        assert_eq!(files.names(), "compose.yaml,/etc/override.yaml");
        assert_eq!(Files::default().names(), "");
    }
}
