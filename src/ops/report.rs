//! What a change comes to, where its three parts are made at once.

use serde_json::Value;

use crate::gate::Render;

/// The answer of a change.
#[derive(Debug)]
pub struct Report {
    /// What a person or a model reads.
    pub(super) text: String,
    /// What a program reads.
    pub(super) data: Value,
    /// What the log keeps.
    pub(super) record: Value,
}

impl Render for Report {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn data(&self) -> Value {
        self.data.clone()
    }

    fn record(&self) -> Value {
        self.record.clone()
    }
}
