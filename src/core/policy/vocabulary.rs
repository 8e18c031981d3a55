//! The vocabulary of policy: the operations that exist, their arguments, and what can be asked about
//! their targets. It is taken from the declarations, so that a rule about anything else is refused.

use std::collections::BTreeMap;

use serde_json::Value;

use super::glob::{Glob, Piece};
use crate::core::operation::{Kind, Spec};

/// An operation as policy knows it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its declaration.
    pub spec: Spec,
    /// Its arguments by name.
    pub arguments: BTreeMap<String, Argument>,
}

impl Known {
    /// Leaves of the kinds that it acts on only the one of that name.
    pub fn narrow(&mut self, kind: &str) {
        let mut kinds = self.spec.kinds.iter();
        self.spec.kinds = kinds.find(|one| one.name == kind).map_or(&[], std::slice::from_ref);
    }

    /// Whether no request goes without a target, since each names one.
    pub(super) fn always_acts(&self) -> bool {
        let required = |name: &&str| self.arguments.get(*name).is_some_and(|one| one.required);
        !self.spec.references.is_empty() && self.spec.references.iter().all(required)
    }
}

/// An argument as policy knows it.
#[derive(Clone, Debug, Default)]
pub struct Argument {
    /// What it is where it is left out.
    pub default: Option<Value>,
    /// What it can be, where that is a short list.
    pub possible: Option<Vec<String>>,
    /// The least and the greatest that it can be, where it is a whole number.
    pub range: Option<(i64, i64)>,
    /// Whether it is a list or an object, and so can be several texts.
    pub many: bool,
    /// Whether no request goes without it.
    pub required: bool,
}

impl Argument {
    /// Whether a glob matches anything that it can be.
    pub(super) fn can_be(&self, glob: &Glob) -> bool {
        let digits = |piece: &Piece| match piece {
            Piece::Char(c) => c.is_ascii_digit() || *c == '-',
            Piece::One | Piece::Many => true,
        };
        let in_range = |(least, most)| match glob.as_literal() {
            Some(text) => text
                .parse()
                .is_ok_and(|n: i64| n.to_string() == text && (least..=most).contains(&n)),
            None => glob.pieces().iter().all(digits),
        };
        let possible = self.possible.as_ref();
        possible.is_none_or(|texts| texts.iter().any(|text| glob.matches(text)))
            && self.range.is_none_or(in_range)
    }
}

/// Every operation that rules can speak of.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    operations: Vec<Known>,
}

impl Vocabulary {
    /// The vocabulary of these operations.
    pub const fn new(operations: Vec<Known>) -> Self {
        Self { operations }
    }

    /// The operations, in the order of the registry.
    pub fn operations(&self) -> &[Known] {
        &self.operations
    }

    /// The operation of that name.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.operations.iter().find(|known| known.spec.name == name)
    }

    /// The kinds of targets, each once.
    pub fn kinds(&self) -> Vec<&'static Kind> {
        let mut kinds: Vec<&'static Kind> = Vec::new();
        for kind in self.operations.iter().flat_map(|known| known.spec.kinds) {
            if !kinds.contains(kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}
