//! What the tests of asks are given.

use std::sync::Arc;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::core::ask::{Ask, AskId, State, Terms, Turn};
use crate::core::grant::{RequestKey, Token};
use crate::core::plan::{Digest, Face, Principal};
use crate::core::reason::Fault;
use crate::core::secret::SealKey;
use crate::ports::asks::{Asks, Put};

/// When it is.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05.678901 UTC);

pub(crate) const TERMS: Terms =
    Terms { expires: Duration::minutes(10), cooldown: Duration::minutes(10), open_max: 20 };

/// A place that asks are kept in, which each process would open for itself.
pub(crate) trait Place {
    fn new() -> Self;
    fn open(&self) -> Arc<dyn Asks>;
}

/// An ask that nothing of another is in, but for the principal.
pub(crate) fn ask(n: u32) -> Ask {
    let bytes = n.to_be_bytes();
    let digest = |what: &[u8]| Digest::of(&[what, &bytes]);
    let mut bits = [9; 16];
    bits[..4].copy_from_slice(&bytes);
    Ask {
        id: id(n),
        document: format!("{{\"n\":{n}}}\n").into(),
        handle: Arc::new(Token::from_random(bits)),
        request: RequestKey { given: digest(b"given"), bound: digest(b"bound") },
        plan: digest(b"plan"),
        operation: "restart_container".into(),
        about: format!("container `web{n}` \u{1b}[31m\n"),
        principal: Principal { face: Face::Mcp, uid: 1000 },
        cools: digest(b"cools"),
        seal: (n % 2 == 1).then(|| Arc::new(SealKey::from_random([7; SealKey::BYTES]))),
        session: "s1".into(),
        log: "/var/log/ö".into(),
        made: NOW,
        expires: NOW + TERMS.expires,
        state: State::Pending,
        since: NOW,
        signature: None,
        approver: None,
        assurance: None,
        words: None,
    }
}

pub(crate) fn id(n: u32) -> AskId {
    let [a, b, c, d] = n.to_be_bytes();
    AskId::from_random([0, a, b, c, d])
}

/// All that an ask says.
pub(crate) fn said(ask: &Ask) -> String {
    let Ask { id, document, handle, request, plan, operation, about, principal, .. } = ask;
    let Ask { cools, seal, session, log, made, expires, state, since, .. } = ask;
    let Ask { signature, approver, assurance, words, .. } = ask;
    let (handle, seal) = (handle.reveal(), seal.as_ref().map(|seal| *seal.as_bytes()));
    let what = (id, document, handle, request, plan, operation, about, principal);
    let whence = (cools, seal, session, log, made, expires, state, since);
    format!("{what:?} {whence:?} {:?}", (signature, approver, assurance, words))
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

pub(crate) fn put(asks: &Arc<dyn Asks>, ask: &Ask) -> Result<Put, Fault> {
    wait(asks.put(ask.clone(), TERMS))
}

/// Keeps one that was not there.
pub(crate) fn put_new(asks: &Arc<dyn Asks>, ask: &Ask) {
    assert!(matches!(put(asks, ask), Ok(Put::New)), "{ask:?}");
}

pub(crate) fn get(asks: &Arc<dyn Asks>, n: u32) -> Option<Ask> {
    wait(asks.get(id(n))).unwrap()
}

/// A turn, be it one that there is or not.
pub(crate) fn bare(from: State, to: State) -> Turn {
    let (signature, approver, assurance, words, session) = (None, None, None, None, None);
    let at = NOW + Duration::SECOND;
    Turn { from, to, at, signature, approver, assurance, words, session }
}

pub(crate) fn turn(asks: &Arc<dyn Asks>, n: u32, from: State, to: State) -> Result<Ask, Fault> {
    wait(asks.turn(id(n), bare(from, to)))
}

/// The states that lead to this one.
fn way(to: State) -> Vec<State> {
    use State::*;
    match to {
        Pending => vec![Pending],
        Approved | Denied | Expired | Cancelled | Superseded => vec![Pending, to],
        Revoked | Executing => vec![Pending, Approved, to],
        Done | Failed | Unknown => vec![Pending, Approved, Executing, to],
    }
}

/// Keeps an ask and brings it to a state.
pub(crate) fn bring(asks: &Arc<dyn Asks>, ask: &Ask, to: State) {
    put_new(asks, ask);
    for pair in way(to).windows(2) {
        wait(asks.turn(ask.id, bare(pair[0], pair[1]))).unwrap();
    }
}
