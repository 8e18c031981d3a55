//! A gate that wants people to approve, for tests.

use std::sync::Arc;

use countersign::core::approval::{NAMESPACE, Signer, Signers};
use countersign::core::ask::{Ask, AskId, State};
use countersign::core::grant::Assurance;
use countersign::core::policy::{Effect, Policy, Requirement, Rule};
use countersign::core::reason::Reason;
use countersign::core::record::Event;
use countersign::gate::{Answer, Approvals, People, Registry, Status, Turns};
use countersign::ports::{Audit, Fixed};
use serde_json::{Value, json};
use ssh_key::PrivateKey;

use super::{Bench, request, with_token};
use crate::support::operations;
use crate::support::people::{Apart, Told, approving, key, signature, signer, somebody};

pub(super) fn web() -> Value {
    json!({"container": "web"})
}

/// A gate that wants every request approved, with alice to do so.
pub(super) struct Asking {
    pub(super) bench: Bench,
    pub(super) approvals: Approvals,
    pub(super) alice: PrivateKey,
    told: Arc<Told>,
}

impl Asking {
    pub(super) fn new() -> Self {
        Self::with(|alice| vec![signer("alice", alice)])
    }

    pub(super) fn with(signers: impl FnOnce(&PrivateKey) -> Vec<Signer>) -> Self {
        let signers = Signers(signers(&key(1)));
        Self::made(None, |log| somebody(log, signers))
    }

    /// Where rules take what is worth this, and other accounts can give something.
    pub(super) fn apart(accept: &[Assurance]) -> (Self, Arc<Apart>) {
        let apart = Arc::new(Apart::of(Signers(vec![signer("alice", &key(1))])));
        let trust = Arc::clone(&apart);
        let accept = accept.iter().copied().collect();
        let takes = Requirement { accept, by: None, expires: None };
        let people = |log| People { trust, ..somebody(log, Signers::default()) };
        (Self::made(Some(&takes), people), apart)
    }

    fn made(takes: Option<&Requirement>, people: impl FnOnce(Arc<dyn Audit>) -> People) -> Self {
        let alice = key(1);
        let set = |rule: &Rule| match rule.effect {
            Effect::Approve => Rule { takes: takes.cloned(), ..rule.clone() },
            _ => rule.clone(),
        };
        let policy = Policy::new(approving().rules().iter().map(set).collect());
        let policies = Arc::new(Fixed::new(policy));
        let told = Arc::new(Told::default());
        let notifier = Arc::clone(&told);
        let bench = Bench::asking(policies, |log| People { notifier, ..people(log) });
        let people = bench.people.clone();
        let turns = Turns {
            asks: people.asks,
            logs: people.logs,
            clock: bench.clock.clone(),
            session: "shell".into(),
        };
        let caller = request("", json!({})).caller;
        let registry = Registry::new(operations::ALL, |_| true);
        let approvals =
            Approvals { turns, trust: people.trust, registry, caller, kept: "alice".into() };
        Self { bench, approvals, alice, told }
    }

    pub(super) async fn poke(&self, arguments: Value) -> Answer {
        self.bench.call("poke", arguments).await
    }

    /// Asks for `poke` on web: the ask's id, and its handle.
    pub(super) async fn ask(&self) -> (AskId, String) {
        let answer = self.poke(web()).await;
        assert_eq!(answer.status, Status::ApprovalRequired, "{}", answer.text);
        (answer.ask.unwrap(), answer.confirm_token.unwrap())
    }

    pub(super) async fn stored(&self, id: AskId) -> Ask {
        self.bench.people.asks.get(id).await.unwrap().unwrap()
    }

    pub(super) async fn state(&self, id: AskId) -> State {
        self.stored(id).await.state
    }

    pub(super) async fn sign(&self, id: AskId, by: &PrivateKey) -> Result<(), Reason> {
        let opened = self.approvals.open(id).await.unwrap();
        let signature = signature(by, NAMESPACE, &opened.ask.document);
        self.approvals
            .approve(&opened, &signature, None)
            .await
            .map(drop)
            .map_err(|fault| fault.reason)
    }

    pub(super) async fn approved(&self) -> (AskId, String) {
        let (id, handle) = self.ask().await;
        self.sign(id, &self.alice).await.unwrap();
        (id, handle)
    }

    pub(super) async fn spend(&self, handle: &str) -> Answer {
        self.poke(with_token(web(), handle)).await
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.bench.audit.events()
    }

    /// Of which asks somebody was told so far, and what.
    pub(super) fn told(&self) -> Vec<(AskId, String)> {
        self.told.0.lock().unwrap().clone()
    }

    pub(super) fn effects(&self) -> usize {
        self.bench.engine.effects().len()
    }
}
