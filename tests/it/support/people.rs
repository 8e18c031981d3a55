//! People whom the gate asks, for tests: asks and signers in memory, every line in one log.

use std::sync::{Arc, Mutex};

use countersign::core::approval::{Given, Signer, Signers};
use countersign::core::ask::AskId;
use countersign::core::operation::Class;
use countersign::core::policy::{Condition, Effect, Level, Policy, Rule};
use countersign::core::reason::Fault;
use countersign::core::record::Record;
use countersign::gate::People;
use countersign::ports::asks::{Logs, Notifier, Trust};
use countersign::ports::{Audit, BoxFuture, Durability};
use countersign::store::MemoryAsks;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

#[derive(Debug)]
struct OneLog(Arc<dyn Audit>);

impl Logs for OneLog {
    fn of(&self, _: &str) -> Arc<dyn Audit> {
        Arc::clone(&self.0)
    }
}

/// Who was told that somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<(AskId, String)>>);

impl Notifier for Told {
    fn tell(&self, ask: AskId, line: &str) {
        self.0.lock().unwrap().push((ask, line.to_owned()));
    }
}

/// Signers, and what another account gave for whatever is asked.
#[derive(Debug)]
pub(crate) struct Apart {
    signers: Signers,
    pub(crate) given: Mutex<Option<Given>>,
    /// Why what is signed may be of the requester's own making, and how often that was looked for.
    pub(crate) unasked: Mutex<(Option<String>, usize)>,
    /// What others put on record while that is looked for, after the log was looked at.
    pub(crate) meanwhile: Mutex<Vec<(Arc<dyn Audit>, Record)>>,
}

impl Apart {
    pub(crate) fn of(signers: Signers) -> Self {
        Self {
            signers,
            given: Mutex::default(),
            unasked: Mutex::default(),
            meanwhile: Mutex::default(),
        }
    }

    pub(crate) fn give(&self, signature: &str, uid: u32) {
        *self.given.lock().unwrap() = Some(Given { signature: signature.to_owned(), uid });
    }
}

impl Trust for Apart {
    fn signers(&self, requester: u32) -> BoxFuture<'_, Result<Signers, Fault>> {
        self.signers.signers(requester)
    }

    fn holder<'a>(&'a self, _: u32, _: &'a str) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    fn unasked<'a>(&'a self, _: u32, _: &'a str) -> BoxFuture<'a, Option<String>> {
        let mut unasked = self.unasked.lock().unwrap();
        unasked.1 += 1;
        let why = unasked.0.clone();
        let meanwhile: Vec<_> = self.meanwhile.lock().unwrap().drain(..).collect();
        Box::pin(async move {
            for (log, record) in meanwhile {
                log.append(record, Durability::Synced).await.unwrap();
            }
            why
        })
    }

    fn apart(&self, _: u32) -> Result<(), String> {
        Ok(())
    }

    fn given(&self, _: AskId, _: u32) -> BoxFuture<'_, Option<Given>> {
        Box::pin(std::future::ready(self.given.lock().unwrap().clone()))
    }

    fn stamp(&self, _: AskId) -> u64 {
        self.given.lock().unwrap().as_ref().map_or(0, |given| 1 + given.signature.len() as u64)
    }
}

/// Nobody whose signature counts.
pub(crate) fn nobody(log: Arc<dyn Audit>) -> People {
    somebody(log, Signers::default())
}

/// These signers.
pub(crate) fn somebody(log: Arc<dyn Audit>, signers: Signers) -> People {
    People {
        asks: Arc::new(MemoryAsks::default()),
        trust: Arc::new(signers),
        logs: Arc::new(OneLog(log)),
        notifier: Arc::new(Told::default()),
    }
}

/// A policy by which people approve every change.
pub(crate) fn approving() -> Policy {
    let rule = |id, effect, classes: &[Class]| {
        Rule::new(id, effect, Level::User, vec![Condition::class(classes)])
    };
    let reads = rule("reads", Effect::Allow, &[Class::Read, Class::Sensitive]);
    let changes = &[Class::Mutate, Class::Destroy, Class::Escalate];
    Policy::new(vec![reads, rule("people", Effect::Approve, changes)])
}

/// A key that is made of this one byte.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// A signer of this key, in a file that nobody else can write.
pub(crate) fn signer(name: &str, key: &PrivateKey) -> Signer {
    Signer {
        name: name.into(),
        key: key.public_key().clone(),
        file: "/etc/countersign/allowed_signers".into(),
        line: 1,
        valid_after: None,
        valid_before: None,
        weak: None,
    }
}

/// The signature of an ask's document.
pub(crate) fn signature(by: &PrivateKey, namespace: &str, document: &str) -> String {
    let signed = by.sign(namespace, HashAlg::Sha512, document.as_bytes()).unwrap();
    signed.to_pem(LineEnding::LF).unwrap()
}
