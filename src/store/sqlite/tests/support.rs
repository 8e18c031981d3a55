//! A folder with a state in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ports::asks::Asks;
use crate::store::SqliteAsks;
pub(super) use crate::store::contract::given::*;

/// A folder of state homes, gone when dropped.
pub(super) struct Folder(tempfile::TempDir);

impl Place for Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn Asks> {
        open(&self.file())
    }
}

impl Folder {
    /// The state's file.
    pub(super) fn file(&self) -> PathBuf {
        self.0.path().join("state").join("countersign").join("state.db")
    }
}

pub(super) fn open(file: &Path) -> Arc<dyn Asks> {
    Arc::new(SqliteAsks::new(Some(file.to_owned())))
}
