//! Telling a client how far a change has come, if it asked to be told. One report waits at a time
//! and a newer one takes its place, so nothing waits for a client that does not read.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::core::text;
use crate::gate::Progress;

/// The time between two reports, at least.
const EVERY: Duration = Duration::from_millis(100);

/// How long an answer waits for a report that is on its way, so that none comes after it.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// The longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 200;

/// How far a change has come.
#[derive(Clone, Debug, Default)]
struct Report {
    done: u64,
    total: Option<u64>,
    message: String,
}

/// Where reports are left.
#[derive(Debug)]
struct Slot(watch::Sender<Report>);

impl Progress for Slot {
    fn report(&self, done: u64, total: Option<u64>, message: &str) {
        let message = text::line(message, MESSAGE_CHARS_MAX);
        self.0.send_replace(Report { done, total, message });
    }
}

/// Takes reports to the client that asked for them.
pub(super) struct Teller {
    client: Peer<RoleServer>,
    token: ProgressToken,
    reports: watch::Receiver<Report>,
    /// What was told last.
    told: Option<u64>,
}

/// Where the reports of a request are left, and who takes them to the client; none unless the
/// request has a progress token.
pub(super) fn wanted(context: &RequestContext<RoleServer>) -> Option<(Arc<dyn Progress>, Teller)> {
    let token = context.meta.get_progress_token()?;
    let (sender, reports) = watch::channel(Report::default());
    let teller = Teller { client: context.peer.clone(), token, reports, told: None };
    Some((Arc::new(Slot(sender)), teller))
}

impl Teller {
    /// Runs a request to its answer and tells the client what is reported in the meantime. The
    /// request never waits for that; its answer comes after the last report.
    pub(super) async fn alongside<T>(mut self, request: impl Future<Output = T>) -> T {
        tokio::pin!(request);
        loop {
            tokio::select! {
                biased;
                answer = &mut request => return answer,
                Ok(()) = self.reports.changed() => {}
            }
            let Some(report) = self.next() else { continue };
            let client = self.client.clone();
            let sending = client.notify_progress(report);
            tokio::pin!(sending);
            tokio::select! {
                answer = &mut request => {
                    drop(timeout(ON_ITS_WAY, sending).await);
                    return answer;
                }
                // A client that cannot be told is not told.
                _ = &mut sending => {}
            }
            tokio::select! {
                answer = &mut request => return answer,
                () = sleep(EVERY) => {}
            }
        }
    }

    /// The newest report, if it says that more is done than was told.
    fn next(&mut self) -> Option<ProgressNotificationParam> {
        let Report { done, total, message } = self.reports.borrow_and_update().clone();
        if self.told.is_some_and(|told| told >= done) {
            return None;
        }
        self.told = Some(done);
        let report = ProgressNotificationParam::new(self.token.clone(), done as f64);
        let report = match total {
            Some(total) => report.with_total(total as f64),
            None => report,
        };
        Some(report.with_message(message))
    }
}
