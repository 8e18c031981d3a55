//! Volumes: what is known of one, and what can be done to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::{Acted, Asked, not_offered};
use crate::core::grant::Granted;
use crate::core::ids::{FullId, Reference};
use crate::core::operation::{Attribute, Form, Kind};
use crate::core::plan::{Digest, canonical};
use crate::core::reason::Fault;

/// Volumes, as policy knows them. A volume has no id but its name.
pub const VOLUME: Kind = Kind {
    name: "volume",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Word { upper: true, beside: "_.-" },
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "project", form: Form::Text, always: false },
    ],
};

/// Types of file systems whose device is not one of this host.
const NOT_HERE: [&str; 6] = ["nfs", "nfs4", "cifs", "smb3", "tmpfs", "ramfs"];

/// What of an overlay's options names its folders.
const FOLDERS: [&str; 3] = ["lowerdir=", "upperdir=", "workdir="];

/// Asking about volumes.
pub trait LookVolumes: Send + Sync + fmt::Debug {
    /// Volumes that fit the filter, by name.
    fn volumes<'a>(&'a self, _filter: &'a VolumeFilter) -> Asked<'a, Vec<Volume>> {
        not_offered("volumes")
    }

    /// The volume of exactly this name.
    fn volume<'a>(&'a self, _name: &'a Reference) -> Asked<'a, Volume> {
        not_offered("volumes")
    }
}

/// Changing volumes.
pub trait ActVolumes: Send + Sync + fmt::Debug {
    /// Makes an empty volume of the target's name with these labels, in the engine's own storage. If
    /// there is one of that name already, the engine does nothing and does not say so.
    fn create_volume<'a>(
        &'a self,
        _target: &'a Granted<'a>,
        _labels: &'a BTreeMap<String, String>,
    ) -> Asked<'a, Acted> {
        not_offered("new volumes")
    }

    /// Removes a volume with all that is in it. The engine refuses while a container uses it, even a
    /// stopped one.
    fn remove_volume<'a>(&'a self, _target: &'a Granted<'a>) -> Asked<'a, Acted> {
        not_offered("the end of volumes")
    }
}

/// Which volumes to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeFilter {
    /// `key` or `key=value`.
    pub label: Option<String>,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name, as the engine has it.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// When it was made, exactly as the engine writes it. Of its own volumes an old engine gives the
    /// last moment at which something was added to, or taken from, the top folder.
    pub created_at: String,
    /// Where it lies on the engine's host.
    pub mountpoint: String,
    /// Options of the driver. Their values can hold secrets.
    pub options: BTreeMap<String, String>,
    /// Labels. Their values can hold secrets.
    pub labels: BTreeMap<String, String>,
}

impl Volume {
    /// Where and how it stores, which tells it from another one that got its name. A digest, since
    /// options can be secrets.
    ///
    /// # Errors
    /// None in fact: text always has an exact form.
    pub fn storage(&self) -> Result<Digest, Fault> {
        Ok(Digest::of(&[&canonical(&(&self.driver, &self.options, &self.mountpoint))?]))
    }

    /// Whether it is storage of the engine's own and nothing else: of its driver, without options.
    pub fn is_plain(&self) -> bool {
        self.driver == "local" && self.options.is_empty()
    }

    /// Whether nobody named it.
    pub fn is_anonymous(&self) -> bool {
        FullId::parse(&self.name).is_some()
    }

    /// What of the host it is, if it is not storage of the engine's own: a folder, a device or a
    /// file system of its kernel, as its options have it. The engine hands any type and device to
    /// the host's kernel, so what is not known to be harmless is of the host.
    /// Options that can be secrets are not among it.
    pub fn host_path(&self) -> Option<Cow<'_, str>> {
        let option = |key| self.options.get(key).map_or("", String::as_str);
        let (device, words, fs) = (option("device"), option("o"), option("type"));
        let bound = words.split(',').any(|word| ["bind", "rbind"].contains(&word.trim()));
        if self.driver != "local" || (NOT_HERE.contains(&fs) && !bound) {
            return None;
        }
        let some = |text| Some(text).filter(|text: &&str| !text.is_empty()).map(Cow::Borrowed);
        if bound || device.contains('/') {
            return some(device);
        }
        // An overlay names its folders among the words of `o`. What others mean is not known.
        let is_folder = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(folder));
        let folders: Vec<&str> = words.split(',').filter(is_folder).collect();
        if folders.is_empty() {
            return some(device).or_else(|| some(fs));
        }
        Some(Cow::Owned(folders.join(",")))
    }
}
