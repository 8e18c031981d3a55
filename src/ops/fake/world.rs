//! Everything that a gate asks of the world beside an engine, for tests: time stands still, chance
//! repeats itself, the log is a list and grants are another.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::people::{NoAsks, nobody};
use super::{Answered, Fake, NOW, ready};
use crate::core::ask::{AskId, Recorded, Terms};
use crate::core::grant::{GrantRow, Tick, TokenHash};
use crate::core::operation::Class;
use crate::core::plan::{Face, Principal, Target};
use crate::core::policy::{Condition, Effect, History, Level, Policy, Recall, Rule};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Record};
use crate::gate::{Answer, Confirm, Context, Gate, Parts, Registry, Request, Settings};
use crate::ports::engine::{Act, Look};
use crate::ports::{
    Audit, BoxFuture, Clock, Durability, Entropy, Fixed, Gone, GrantStore, Held, Judge, Judgement,
};

/// All of it.
#[derive(Debug, Default)]
pub(in crate::ops) struct World {
    grants: Mutex<Vec<GrantRow>>,
    pub(in crate::ops) records: Mutex<Vec<Record>>,
    /// What the policy says of every change; else the built-in one stands.
    changes: Option<Effect>,
}

impl World {
    /// A world in which every change can be confirmed.
    pub(in crate::ops) fn confirming() -> Self {
        Self { changes: Some(Effect::Confirm), ..Self::default() }
    }

    /// A world in which every change is allowed.
    pub(in crate::ops) fn allowing() -> Self {
        Self { changes: Some(Effect::Allow), ..Self::default() }
    }
}

impl Clock for World {
    fn now(&self) -> OffsetDateTime {
        NOW
    }

    fn tick(&self) -> Tick {
        Tick(Duration::ZERO)
    }
}

impl Entropy for World {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        bytes.fill(0xab);
        Ok(())
    }
}

impl Audit for World {
    fn append(&self, record: Record, _: Durability) -> BoxFuture<'static, Result<(), Fault>> {
        self.records.lock().unwrap().push(record);
        ready(Ok(()))
    }

    fn hold(&self, _: &[Target]) -> Result<Held, Fault> {
        Ok(Box::new(()))
    }

    fn recall<'a>(&'a self, _: &'a Recall) -> BoxFuture<'a, Result<Arc<History>, Fault>> {
        ready(Ok(Arc::default()))
    }

    fn recorded(&self, _: AskId, _: OffsetDateTime) -> BoxFuture<'static, Result<Recorded, Fault>> {
        ready(Ok(Recorded::default()))
    }

    fn hold_count(&self) -> BoxFuture<'_, Result<Held, Fault>> {
        ready(Ok(Box::new(()) as Held))
    }
}

impl GrantStore for World {
    fn put(&self, row: GrantRow, _: Tick) {
        self.grants.lock().unwrap().push(row);
    }

    fn take(&self, hash: &TokenHash, _: Tick) -> Result<GrantRow, Gone> {
        let mut grants = self.grants.lock().unwrap();
        let index = grants.iter().position(|row| row.hash() == *hash).ok_or(Gone::Unknown)?;
        Ok(grants.remove(index))
    }
}

struct NoJudge;

impl Judge for NoJudge {
    fn judge<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a str,
        _: Map<String, Value>,
    ) -> Answered<'a, Judgement> {
        ready(Err(Fault::new(Reason::Unclassified, "Nobody asks this.")))
    }
}

const CALLER: Caller = Caller {
    principal: Principal { face: Face::Mcp, uid: 1000 },
    client: None,
    version: None,
    pid: 1,
};
static POLICY: LazyLock<Policy> = LazyLock::new(Policy::builtin);
static WORLD: World =
    World { grants: Mutex::new(Vec::new()), records: Mutex::new(Vec::new()), changes: None };

/// What an operation is given, over this engine.
pub(in crate::ops) fn context(engine: &Fake) -> Context<'_> {
    Context {
        caller: &CALLER,
        policy: &POLICY,
        look: engine,
        clock: &WORLD,
        entropy: &WORLD,
        judge: &NoJudge,
        inbox: &NoAsks,
        granted: None,
    }
}

fn policy(changes: Effect) -> Policy {
    let rule = |id: &str, effect, classes: &[Class]| {
        Rule::new(id, effect, Level::User, vec![Condition::class(classes)])
    };
    Policy::new(vec![
        rule("reads", Effect::Allow, &[Class::Read, Class::Sensitive]),
        rule("changes", changes, &[Class::Mutate, Class::Destroy, Class::Escalate]),
    ])
}

/// A gate over this engine, with this world's policy and every operation.
pub(in crate::ops) fn gate(engine: &Arc<Fake>, world: &Arc<World>) -> Gate {
    Gate::new(Parts {
        registry: Registry::new(crate::ops::ALL, |_| true),
        policies: Arc::new(Fixed::new(world.changes.map_or_else(Policy::builtin, policy))),
        look: Arc::clone(engine) as Arc<dyn Look>,
        act: Arc::clone(engine) as Arc<dyn Act>,
        audit: Arc::clone(world) as Arc<dyn Audit>,
        grants: Arc::clone(world) as Arc<dyn GrantStore>,
        people: nobody(world),
        clock: Arc::clone(world) as Arc<dyn Clock>,
        entropy: Arc::clone(world) as Arc<dyn Entropy>,
        settings: Settings {
            read_only: false,
            token_ttl: Duration::from_secs(120),
            concurrent_calls: 4,
            session: "s".into(),
            log: "audit".into(),
            account: "alice (uid 1000)".into(),
            terms: Terms::USUAL,
        },
    })
}

/// Calls an operation.
pub(in crate::ops) async fn call(gate: &Gate, operation: &str, arguments: Value) -> Answer {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    gate.run(Request {
        operation: operation.into(),
        arguments,
        caller: CALLER,
        confirm: Confirm::Echo,
        progress: None,
    })
    .await
}
