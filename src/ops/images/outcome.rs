//! What is told after a change of an image.

use serde_json::Value;

use crate::gate::Render;

/// The observed result, in words and as data. Both are sanitised by their makers.
#[derive(Debug)]
pub struct Outcome {
    pub(in crate::ops) text: String,
    /// What a program reads, and what the log keeps: names, ids, digests and counts.
    pub(in crate::ops) data: Value,
}

impl Render for Outcome {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn data(&self) -> Value {
        self.data.clone()
    }

    fn record(&self) -> Value {
        self.data.clone()
    }
}
