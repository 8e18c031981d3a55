//! A gate over a real engine, with a log that is kept in memory, and the trial that every change has
//! to pass.

use std::sync::Arc;
use std::time::Duration;

use countersign::core::ask::Terms;
use countersign::core::operation::Class;
use countersign::core::plan::{Face, Principal};
use countersign::core::policy::{Condition, Effect, Level, Policy, Rule};
use countersign::core::reason::Reason;
use countersign::core::record::{Caller, Event};
use countersign::docker::DockerEngine;
use countersign::gate::{Answer, Confirm, Gate, Parts, Registry, Request, Settings, Status};
use countersign::host::{HostClock, HostEntropy};
use countersign::ops::ALL;
use countersign::ports::Fixed;
use countersign::store::MemoryGrants;
use serde_json::{Value, json};

use super::fakes::FakeAudit;
use super::people::nobody;

/// The gate and its log.
#[derive(Debug)]
pub(crate) struct Real {
    pub(crate) gate: Gate,
    pub(crate) log: Arc<FakeAudit>,
}

/// A policy that lets everything be confirmed, so that what destroys shows its preview.
pub(crate) fn confirming() -> Policy {
    let changes = [Class::Mutate, Class::Destroy, Class::Escalate];
    let rule = |id: &str, effect, classes: &[Class]| {
        Rule::new(id, effect, Level::User, vec![Condition::class(classes)])
    };
    Policy::new(vec![
        rule("reads", Effect::Allow, &[Class::Read, Class::Sensitive]),
        rule("changes", Effect::Confirm, &changes),
    ])
}

/// What a change is tried with.
pub(crate) struct Trial<'a> {
    pub(crate) operation: &'a str,
    pub(crate) arguments: Value,
    /// The same arguments for another target.
    pub(crate) elsewhere: Value,
    /// Other arguments for the same target, if it takes any.
    pub(crate) otherwise: Option<Value>,
    /// Alters, behind the gate's back, what the plan is bound to, and leaves the change possible.
    pub(crate) drift: &'a dyn Fn(),
}

impl Real {
    /// Everything is offered, and every change wants to be confirmed.
    pub(crate) fn new(adapter: DockerEngine) -> Self {
        Self::with(adapter, confirming())
    }

    /// Everything is offered under this policy.
    pub(crate) fn with(adapter: DockerEngine, policy: Policy) -> Self {
        let (adapter, log) = (Arc::new(adapter), Arc::new(FakeAudit::default()));
        let gate = Gate::new(Parts {
            registry: Registry::new(ALL, |_| true),
            policies: Arc::new(Fixed::new(policy)),
            look: adapter.clone(),
            act: adapter,
            audit: log.clone(),
            grants: Arc::new(MemoryGrants::default()),
            people: nobody(log.clone()),
            clock: Arc::new(HostClock),
            entropy: Arc::new(HostEntropy),
            settings: Settings {
                read_only: false,
                token_ttl: Duration::from_secs(120),
                concurrent_calls: 4,
                session: "test".into(),
                log: "audit".into(),
                account: "alice (uid 1000)".into(),
                terms: Terms::USUAL,
            },
        });
        Self { gate, log }
    }

    /// Calls an operation.
    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Answer {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let principal = Principal { face: Face::Cli, uid: 0 };
        let caller = Caller { principal, client: None, version: None, pid: 1 };
        let operation = operation.to_owned();
        let confirm = Confirm::Echo;
        self.gate.run(Request { operation, arguments, caller, confirm, progress: None }).await
    }

    /// Asks for a change: its preview, and its confirm token.
    pub(crate) async fn preview(&self, operation: &str, arguments: Value) -> (String, String) {
        let first = self.call(operation, arguments).await;
        assert_eq!(first.status, Status::ConfirmationRequired, "{}", first.text);
        (first.text, first.confirm_token.unwrap())
    }

    /// Calls with a token.
    pub(crate) async fn spend(&self, operation: &str, arguments: &Value, token: &str) -> Answer {
        let mut arguments = arguments.clone();
        arguments["confirmToken"] = json!(token);
        self.call(operation, arguments).await
    }

    /// The preview of a change, and the answer to its confirmation.
    pub(crate) async fn confirm(&self, operation: &str, arguments: Value) -> (String, Answer) {
        let (preview, token) = self.preview(operation, arguments.clone()).await;
        (preview, self.spend(operation, &arguments, &token).await)
    }

    /// What is said of a change that the engine is sure to refuse: there is no preview of it.
    pub(crate) async fn impossible(&self, operation: &str, arguments: Value) -> String {
        let answer = self.call(operation, arguments).await;
        assert_eq!(answer.reason, Some(Reason::InvalidArgument), "{operation}: {}", answer.text);
        assert_eq!(answer.confirm_token, None, "{operation}");
        assert_eq!(self.log.last().event, Event::Denied, "{operation}");
        answer.text
    }

    /// What a reference names is of the kind that stands in its place.
    fn targets_stand_as_declared(&self, operation: &str) {
        let spec = &self.gate.registry().get(operation).unwrap().spec;
        let targets = match serde_json::to_value(self.log.last().target).unwrap() {
            Value::Array(all) => all,
            one => vec![one],
        };
        for (place, reference) in spec.references.iter().enumerate() {
            let kind = spec.kinds[place].name;
            assert_eq!(targets[place]["kind"], kind, "{operation}: {reference}");
        }
    }

    /// Holds a change to its plan: for another target, for other arguments, after drift and a second
    /// time it is refused; once it is done, and the log has every line of it. Gives the last preview
    /// and the answer.
    pub(crate) async fn holds_to_its_plan(&self, trial: Trial<'_>) -> (String, Answer) {
        let Trial { operation, arguments, elsewhere, otherwise, drift } = trial;
        let refused = |answer: &Answer, reason| {
            assert_eq!(answer.reason, Some(reason), "{operation}: {}", answer.text);
        };
        let (_, token) = self.preview(operation, arguments.clone()).await;
        self.targets_stand_as_declared(operation);
        refused(&self.spend(operation, &elsewhere, &token).await, Reason::TokenMismatch);
        refused(&self.spend(operation, &arguments, &token).await, Reason::TokenUsed);
        if let Some(otherwise) = otherwise {
            let (_, token) = self.preview(operation, arguments.clone()).await;
            refused(&self.spend(operation, &otherwise, &token).await, Reason::TokenMismatch);
        }
        let (_, token) = self.preview(operation, arguments.clone()).await;
        drift();
        let changed = self.spend(operation, &arguments, &token).await;
        refused(&changed, Reason::PlanChanged);
        assert!(
            !self.log.events().contains(&Event::Allowed),
            "{operation}: nothing was let through"
        );
        let token = changed.confirm_token.unwrap();
        let done = self.spend(operation, &arguments, &token).await;
        assert_eq!(done.status, Status::Ok, "{operation}: {}", done.text);
        refused(&self.spend(operation, &arguments, &token).await, Reason::TokenUsed);
        self.log_is_complete(operation);
        (changed.text, done)
    }

    /// One intent, one outcome after it, and each step before and after it was taken.
    fn log_is_complete(&self, operation: &str) {
        let records = self.log.records();
        let place = |event| records.iter().position(|(record, _)| record.event == event);
        let (allowed, done) = (place(Event::Allowed).unwrap(), place(Event::Done).unwrap());
        assert!(allowed < done, "{operation}");
        let count = |event| records.iter().filter(|(record, _)| record.event == event).count();
        assert_eq!((count(Event::Allowed), count(Event::Done)), (1, 1), "{operation}");
        assert_eq!(count(Event::Step), count(Event::StepDone), "{operation}");
        for (record, _) in &records[allowed..=done] {
            assert_eq!(record.req, records[allowed].0.req, "{operation}");
            assert!(record.plan.is_some() && record.target.is_some(), "{operation}: {record:?}");
        }
    }
}
