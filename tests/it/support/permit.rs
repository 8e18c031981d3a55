//! Permits for tests, made as the gate makes them: by a policy that allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign::core::grant::{Permit, allow};
use countersign::core::operation::{Class, Drift, Spec};
use countersign::core::plan::{Face, Parts, Plan, Principal, Target};
use countersign::core::policy::{Condition, Effect, Level, Policy, Query, Rule};
use serde_json::{Map, Value};

/// A target of this kind, id and engine.
pub(crate) fn target(kind: &'static str, id: &str, engine: &str) -> Target {
    Target {
        kind,
        id: id.to_owned(),
        name: "the-target".to_owned(),
        engine: engine.to_owned(),
        attributes: BTreeMap::new(),
    }
}

/// The permit to change `target`.
pub(crate) fn permit(target: Target) -> Permit {
    let spec = Spec {
        name: "change_container".into(),
        title: "".into(),
        summary: "".into(),
        toolset: "containers",
        class: Class::Mutate,
        ceiling: Class::Mutate,
        kinds: &[],
        references: &[],
        beside: &[],
        drift: Drift::All,
        idempotent: false,
        since_api: None,
    };
    let policy = Policy::new(vec![Rule::new(
        "tests",
        Effect::Allow,
        Level::User,
        vec![Condition::class(&[Class::Mutate])],
    )]);
    let plan = Plan::new(Parts {
        operation: "change_container".to_owned(),
        arguments: Map::new(),
        engine: Some(target.engine.clone()),
        targets: vec![target],
        facts: vec![Value::Null],
        policy: policy.digest(),
        principal: Principal { face: Face::Cli, uid: 0 },
    });
    allow(
        &Arc::new(plan.unwrap()),
        &policy.decide(&Query { class: Some(Class::Mutate), ..Query::unknown(&spec) }),
    )
    .unwrap()
}
