//! The registry: every operation that is offered here, with its schema, in a fixed order.

use serde_json::{Map, Value};

use super::erased::Erased;
use super::schema;
use crate::core::nearest::nearest;
use crate::core::operation::Spec;
use crate::core::policy::{Known, Vocabulary};
use crate::core::reason::{Fault, Reason};
use crate::core::text;

/// An operation as the registry keeps it.
#[derive(Debug)]
pub struct Operation {
    /// Its declaration.
    pub spec: Spec,
    /// The JSON schema of its arguments.
    pub schema: Map<String, Value>,
    pub(super) entry: &'static dyn Erased,
}

impl Operation {
    /// What policy can speak of in it.
    pub fn known(&self) -> Known {
        Known { spec: self.spec.clone(), arguments: schema::arguments(&self.schema) }
    }
}

/// The operations that are offered here.
#[derive(Debug)]
pub struct Registry {
    operations: Vec<Operation>,
    /// Those that there are and that are not offered.
    withheld: Vec<Spec>,
}

impl Registry {
    /// Those of `all` that `offered` admits. A declaration that contradicts what it declares is no
    /// classification, and its operation is not offered.
    pub fn new(all: &[&'static dyn Erased], offered: impl Fn(&Spec) -> bool) -> Self {
        let (mut operations, mut withheld) = (Vec::new(), Vec::new());
        for entry in all {
            let spec = entry.spec();
            if !is_consistent(&spec, entry.is_change()) {
                continue;
            }
            if offered(&spec) {
                operations.push(Operation { schema: entry.schema(), spec, entry: *entry });
            } else {
                withheld.push(spec);
            }
        }
        Self { operations, withheld }
    }

    /// Every operation, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// The kind of target of that name, as the operations declare it.
    pub(super) fn kind(&self, name: &str) -> Option<&'static str> {
        let offered = self.operations.iter().map(|operation| &operation.spec);
        offered.chain(&self.withheld).find_map(|spec| spec.kind(name)).map(|kind| kind.name)
    }

    /// What policy can speak of: these operations, with their arguments.
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary::new(self.operations.iter().map(Operation::known).collect())
    }

    /// The operation of that name.
    pub fn get(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.spec.name == name)
    }

    /// The operation of that name.
    ///
    /// # Errors
    /// `unclassified` with what to do instead.
    pub fn find(&self, name: &str) -> Result<&Operation, Fault> {
        self.get(name).ok_or_else(|| Fault::new(Reason::Unclassified, self.without(name)))
    }

    /// Why there is no operation of that name here, and what to do.
    fn without(&self, name: &str) -> String {
        let shown = text::name(name);
        if let Some(Spec { toolset, .. }) = self.withheld.iter().find(|spec| spec.name == name) {
            return format!(
                "`{shown}` is of the toolset `{toolset}`, which is not offered here. The operator \
                 can offer it: with `--toolsets default,{toolset}`, or by `toolsets` in a file that is \
                 no project's."
            );
        }
        let offered = self.operations.iter().map(|operation| &operation.spec);
        let names = offered.chain(&self.withheld).map(|spec| &*spec.name);
        let meant = nearest(name, names).map(|word| format!(" Did you mean `{word}`?"));
        format!(
            "There is no operation `{shown}`, and what there is not is refused.{} At a shell, \
             `countersign tools` prints all.",
            meant.unwrap_or_default()
        )
    }
}

/// Whether a change is declared as one, a read as one, and no class above the declared is ruled out.
fn is_consistent(spec: &Spec, is_change: bool) -> bool {
    let classes = [spec.class, spec.ceiling];
    spec.ceiling >= spec.class && classes.iter().all(|class| class.is_change() == is_change)
}
