//! The registry: every operation that is offered here, with its schema, in a fixed order.

use serde_json::{Map, Value};

use super::erased::Erased;
use super::schema;
use crate::core::operation::Spec;
use crate::core::policy::{Known, Vocabulary};

/// An operation as the registry keeps it.
#[derive(Debug)]
pub struct Operation {
    /// Its declaration.
    pub spec: Spec,
    /// The JSON schema of its arguments.
    pub schema: Map<String, Value>,
    pub(super) entry: &'static dyn Erased,
}

/// The operations that are offered here.
#[derive(Debug)]
pub struct Registry {
    operations: Vec<Operation>,
}

impl Registry {
    /// Those of `all` that `offered` admits. A declaration that contradicts what it declares is no
    /// classification, and its operation is not offered.
    pub fn new(all: &[&'static dyn Erased], offered: impl Fn(&Spec) -> bool) -> Self {
        let operations = all
            .iter()
            .map(|entry| (entry.spec(), *entry))
            .filter(|(spec, entry)| is_consistent(spec, entry.is_change()) && offered(spec))
            .map(|(spec, entry)| Operation { schema: entry.schema(), spec, entry })
            .collect();
        Self { operations }
    }

    /// Every operation, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// What policy can speak of: these operations, with their arguments.
    pub fn vocabulary(&self) -> Vocabulary {
        let known = |operation: &Operation| Known {
            spec: operation.spec.clone(),
            arguments: schema::arguments(&operation.schema),
        };
        Vocabulary::new(self.operations.iter().map(known).collect())
    }

    /// The operation of that name.
    pub fn get(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.spec.name == name)
    }
}

/// Whether a change is declared as one, a read as one, and no class above the declared is ruled out.
fn is_consistent(spec: &Spec, is_change: bool) -> bool {
    let classes = [spec.class, spec.ceiling];
    spec.ceiling >= spec.class && classes.iter().all(|class| class.is_change() == is_change)
}
