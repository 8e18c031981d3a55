//! The gate with fakes: each exit writes exactly its lines, and nothing changes without a permit.

mod alike;
mod apart;
mod asking;
mod asks;
mod check;
mod exits;
mod matrix;
mod order;
mod ourselves;
mod paths;
mod race;
mod rates;
mod reload;
mod rules;
mod steps;
mod taken_back;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use countersign::core::ask::Terms;
use countersign::core::grant::Assurance;
use countersign::core::operation::Class;
use countersign::core::plan::{Face, Principal};
use countersign::core::policy::{Condition, Effect, Level, Policy, Rule};
use countersign::core::record::Caller;
use countersign::gate::{Answer, Confirm, Gate, Parts, People, Registry, Request, Settings};
use countersign::ports::{Audit, Fixed, Policies};
use countersign::store::MemoryGrants;
use serde_json::{Value, json};

use crate::support::fakes::{FakeAudit, FakeClock, FakeEngine, FakeEntropy};
use crate::support::operations;
use crate::support::people::nobody;

/// A gate over fakes, with the fakes at hand.
pub(crate) struct Bench {
    pub(crate) gate: Arc<Gate>,
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) audit: Arc<FakeAudit>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) grants: Arc<MemoryGrants>,
    pub(crate) people: People,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Policy::builtin(), false)
    }

    pub(crate) fn with(policy: Policy, read_only: bool) -> Self {
        Self::under(Arc::new(Fixed::new(policy)), read_only)
    }

    pub(crate) fn under(policies: Arc<dyn Policies>, read_only: bool) -> Self {
        Self::made(policies, read_only, nobody)
    }

    /// One that asks these people.
    pub(crate) fn asking(
        policies: Arc<dyn Policies>,
        people: impl FnOnce(Arc<dyn Audit>) -> People,
    ) -> Self {
        Self::made(policies, false, people)
    }

    fn made(
        policies: Arc<dyn Policies>,
        read_only: bool,
        people: impl FnOnce(Arc<dyn Audit>) -> People,
    ) -> Self {
        let engine = FakeEngine::with(&["web", "db", "cache"]);
        let audit = Arc::new(FakeAudit::default());
        let clock = Arc::new(FakeClock::default());
        let grants = Arc::new(MemoryGrants::default());
        let people = people(audit.clone());
        let gate = Gate::new(Parts {
            registry: Registry::new(operations::ALL, |_| true),
            policies,
            look: engine.clone(),
            act: engine.clone(),
            audit: audit.clone(),
            grants: grants.clone(),
            people: people.clone(),
            clock: clock.clone(),
            entropy: Arc::new(FakeEntropy::default()),
            settings: Settings {
                read_only,
                token_ttl: Duration::from_secs(120),
                concurrent_calls: 32,
                session: "session".into(),
                log: "audit".into(),
                account: "alice (uid 1000)".into(),
                terms: Terms::USUAL,
            },
        });
        Self { gate: Arc::new(gate), engine, audit, clock, grants, people }
    }

    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Answer {
        self.gate.run(request(operation, arguments)).await
    }

    /// The token of a preview.
    pub(crate) async fn token(&self, operation: &str, arguments: Value) -> String {
        self.call(operation, arguments).await.confirm_token.unwrap()
    }
}

pub(crate) fn request(operation: &str, arguments: Value) -> Request {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Request {
        operation: operation.to_owned(),
        arguments,
        caller: Caller {
            principal: Principal { face: Face::Mcp, uid: 1000 },
            client: None,
            version: None,
            pid: 1,
        },
        confirm: Confirm::Echo,
        progress: None,
    }
}

/// A policy of one rule on every class.
pub(crate) fn always(effect: Effect) -> Policy {
    let all = vec![Condition::class(&Class::ALL)];
    let rule = Rule::new("always", effect, Level::User, all);
    Policy::new(vec![Rule { reason: Some("as the test wants it".into()), ..rule }])
}

pub(crate) fn with_token(mut arguments: Value, token: &str) -> Value {
    arguments["confirmToken"] = json!(token);
    arguments
}

pub(crate) const ECHO: Option<Assurance> = Some(Assurance::Echo);
