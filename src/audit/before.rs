//! The past as it was when a request of the log was decided.

use std::path::Path;

use time::OffsetDateTime;

use super::read::read;
use super::recent::past;
use crate::core::policy::{History, Recall};
use crate::core::reason::Fault;

/// What had been let through before the first line of a request, as of a moment.
///
/// # Errors
/// `audit_unavailable` if the log cannot be read.
pub fn history_before(
    dir: &Path,
    recall: &Recall,
    req: &str,
    at: OffsetDateTime,
) -> Result<History, Fault> {
    let since = at.saturating_sub(recall.span);
    let mut history = History::default();
    for entry in read(dir)? {
        let entry = entry?;
        if entry.text("req") == Some(req) {
            break;
        }
        if let Some(past) = past(&entry.raw, recall, at).filter(|past| past.at >= since) {
            history.push(past);
        }
    }
    Ok(history)
}
