//! What an engine's things take on its disk.

/// What the engine keeps on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Images. What several of them share is counted once.
    pub images: Share,
    /// Containers' writable layers.
    pub containers: Share,
    /// Volumes of the engine's own host.
    pub volumes: Share,
    /// The build cache.
    pub build_cache: Share,
}

/// What one sort of thing takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many there are.
    pub count: u64,
    /// How many of them are in use: images by a container, containers by running, volumes by a
    /// container that runs or not.
    pub active: u64,
    /// Bytes that they take together.
    pub bytes: u64,
    /// Bytes that would be free without those that are not in use.
    pub reclaimable_bytes: u64,
    /// Each of them, in the engine's order.
    pub items: Vec<Stored>,
}

impl Share {
    /// The one with this full id; of a volume its name.
    pub fn item(&self, id: &str) -> Option<&Stored> {
        self.items.iter().find(|item| item.id == id)
    }
}

/// One thing on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Its full id; of a volume its name.
    pub id: String,
    /// What people call it: a name, a tag, a build step. Empty if it has no name.
    pub name: String,
    /// Bytes that it takes, if the engine knows.
    pub bytes: Option<u64>,
    /// Bytes that removing it alone would free, if the engine knows: less than its size where it
    /// shares layers with others.
    pub own_bytes: Option<u64>,
    /// Whether it is in use.
    pub active: bool,
    /// How many containers use it, running or not, if it is an image or a volume and the engine
    /// knows.
    pub users: Option<u64>,
}
