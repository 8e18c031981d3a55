//! Telling the client that other tools are offered. A client with a session is told unasked, once it
//! has said that it is ready; any other subscribes, and is told on its subscriptions.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::service::{Peer, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::gate::Gate;

/// How often the policy is looked at while nobody asks for anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Subscriptions of one client at the same time.
const SUBSCRIPTIONS_MAX: usize = 16;

/// What one client is told.
pub(super) struct Announcer {
    gate: Arc<Gate>,
    /// The client, once it has said that it is ready.
    ready: watch::Sender<Option<Peer<RoleServer>>>,
    /// Whether the client has left.
    left: watch::Sender<bool>,
    subscriptions: Semaphore,
    /// Whether the last look at the policy failed.
    failing: AtomicBool,
}

impl Announcer {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            ready: watch::Sender::default(),
            left: watch::Sender::default(),
            subscriptions: Semaphore::new(SUBSCRIPTIONS_MAX),
            failing: AtomicBool::new(false),
        }
    }

    /// The client is ready. Only one with a session says so.
    pub(super) fn is_ready(&self, client: Peer<RoleServer>) {
        if client.peer_info().is_some() {
            self.ready.send_replace(Some(client));
        }
    }

    /// The client has left: nothing that it waits for is waited for any more.
    pub(super) fn has_left(&self) {
        self.left.send_replace(true);
    }

    /// Whether the client has left, now and later.
    pub(super) fn left(&self) -> watch::Receiver<bool> {
        self.left.subscribe()
    }

    /// Looks at the policy, so that a change shows. That it cannot be looked at is said once.
    pub(super) async fn look(&self) {
        let fault = self.gate.policy().await.err();
        let failed_before = self.failing.swap(fault.is_some(), Ordering::SeqCst);
        if let Some(fault) = fault.filter(|_| !failed_before) {
            tracing::error!("a changed policy is not in force: {}", fault.message);
        }
    }

    /// Looks at the policy again and again, and tells a client with a session when other tools are
    /// offered.
    pub(super) async fn run(&self) -> Infallible {
        let mut offers = self.gate.offers();
        let mut ready = self.ready.subscribe();
        let mut told = *offers.borrow_and_update();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Both senders live as long as this does, so waiting for them cannot fail.
            tokio::select! {
                _ = look.tick() => self.look().await,
                _ = offers.changed() => {}
                _ = ready.changed() => {}
            }
            let (offered, client) = (*offers.borrow_and_update(), ready.borrow().clone());
            if let Some(client) = client.filter(|_| offered != told) {
                told = offered;
                if let Err(error) = client.notify_tool_list_changed().await {
                    tracing::debug!("the client was not told of other tools: {error}");
                }
            }
        }
    }

    /// Serves one subscription until the client ends it, or leaves.
    pub(super) async fn subscribe(&self, client: &SubscriptionContext) -> Result<(), ErrorData> {
        let Ok(_place) = self.subscriptions.try_acquire() else {
            let message = format!("There can be {SUBSCRIPTIONS_MAX} subscriptions at a time.");
            return Err(ErrorData::invalid_request(message, None));
        };
        let wants = client.accepted().tools_list_changed == Some(true);
        let mut offers = self.gate.offers();
        let mut left = self.left();
        loop {
            let tell = async {
                offers.changed().await.ok()?;
                client.sink().notify_tool_list_changed().await.ok()
            };
            let told = tokio::select! {
                () = client.cancelled() => None,
                _ = left.wait_for(|left| *left) => None,
                told = tell, if wants => told,
            };
            if told.is_none() {
                return Ok(());
            }
        }
    }
}
