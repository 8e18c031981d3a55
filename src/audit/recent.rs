//! The recent past, for rules that count: an index of the last lines of the log, caught up from its
//! tail, so that it holds over processes and restarts and is kept nowhere else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::core::operation::Class;
use crate::core::policy::{History, Past, Recall};
use crate::core::reason::Fault;

use super::follow::Follow;
use super::read::Entry;

/// The index.
#[derive(Debug)]
pub(super) struct Recent {
    dir: PathBuf,
    follow: Follow,
    recall: Option<Recall>,
    history: Arc<History>,
}

impl Recent {
    /// An index of the log in a folder, with nothing in it yet.
    pub(super) fn new(dir: &Path) -> Self {
        let follow = Follow::from_start(dir);
        Self { dir: dir.to_owned(), follow, recall: None, history: Arc::default() }
    }

    /// Reads every whole line that was appended since, and forgets what is too old.
    pub(super) fn catch_up(
        &mut self,
        recall: &Recall,
        now: OffsetDateTime,
    ) -> Result<Arc<History>, Fault> {
        if self.recall.as_ref() != Some(recall) {
            *self = Self { recall: Some(recall.clone()), ..Self::new(&self.dir) };
        }
        let since = now - recall.span;
        let history = Arc::make_mut(&mut self.history);
        loop {
            let entries = self.follow.look()?;
            if entries.is_empty() {
                break;
            }
            for past in entries.iter().filter_map(|entry| past(entry, recall)) {
                if past.at >= since {
                    history.push(past);
                }
            }
        }
        history.forget_before(since);
        Ok(Arc::clone(&self.history))
    }
}

/// What a line says was let through, if it is counted.
fn past(entry: &Entry, recall: &Recall) -> Option<Past> {
    let (event, operation) = (entry.text("event")?, entry.text("op")?);
    if !matches!(event, "allowed" | "read") || !recall.operations.contains(operation) {
        return None;
    }
    let class = entry.text("class")?;
    Some(Past {
        at: entry.at()?,
        operation: operation.to_owned(),
        class: Class::ALL.into_iter().find(|known| known.as_str() == class)?,
        targets: entry.targets().into_iter().map(|(id, _)| id.to_owned()).collect(),
    })
}
