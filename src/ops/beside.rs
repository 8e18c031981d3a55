//! What a preview looks at beside its targets: it waits so long for each, and goes on without.

use std::time::Duration;

use tokio::time::timeout;

use crate::core::reason::Fault;

/// How long a preview waits for what it shows beside the facts.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// Looks at the same time, at most.
pub(super) const AT_ONCE: usize = 8;

/// What is said of what was not found out.
pub(super) const UNCHECKED: &str = "could not be checked";

/// The answer, if it comes in time and is one.
pub(super) async fn in_time<T>(asking: impl Future<Output = Result<T, Fault>>) -> Option<T> {
    timeout(WAIT, asking).await.ok()?.ok()
}
