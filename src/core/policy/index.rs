//! Which rules can match a request at all, found without a look at the others: most rules want some
//! text that begins in a certain way.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::condition::{Condition, Key};
use super::glob::{Glob, Piece};
use super::rule::Rule;
use super::values::{Texts, Values};

/// Rules by how a text begins that they want. Rules are numbered by their place.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the slot of a key.
    wanted: BTreeMap<usize, Beginnings>,
    /// Those that want no such text.
    others: Vec<usize>,
}

/// Rules by the beginning that they want.
type Beginnings = BTreeMap<String, Vec<usize>>;

impl Index {
    /// The index of rules whose conditions have their slots.
    pub(super) fn of<'r>(rules: impl Iterator<Item = &'r Rule> + Clone) -> Self {
        let mut shared: BTreeMap<(usize, String), usize> = BTreeMap::new();
        for (slot, any) in rules.clone().flat_map(|rule| &rule.matches).filter_map(beginnings) {
            for beginning in any {
                *shared.entry((slot, beginning)).or_default() += 1;
            }
        }
        let mut index = Self::default();
        for (place, rule) in rules.enumerate() {
            // The condition that tells the rule best from the others.
            let found = rule.matches.iter().filter_map(beginnings).min_by_key(|(slot, any)| {
                let count = |beginning: &String| shared.get(&(*slot, beginning.clone())).copied();
                any.iter().filter_map(count).sum::<usize>()
            });
            match found {
                None => index.others.push(place),
                Some((slot, any)) => {
                    let wanted = index.wanted.entry(slot).or_default();
                    any.into_iter().for_each(|one| wanted.entry(one).or_default().push(place));
                }
            }
        }
        index
    }

    /// The rules that can match where this is found, in their order.
    pub(super) fn candidates(&self, values: &Values<'_>) -> Vec<usize> {
        let mut found = self.others.clone();
        for (slot, wanted) in &self.wanted {
            match values.texts.get(*slot) {
                Some(Texts::None) => {}
                Some(Texts::One(text, _)) => begin(wanted, text, &mut found),
                Some(Texts::Many(texts)) => {
                    texts.iter().for_each(|text| begin(wanted, text, &mut found));
                }
                None | Some(Texts::Unknown) => found.extend(wanted.values().flatten()),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// How a text begins that fulfils a condition, with the slot of its key; none if that can be in any
/// way. The class is no text.
fn beginnings(condition: &Condition) -> Option<(usize, Vec<String>)> {
    let any: Vec<String> = condition.any.iter().map(beginning).collect();
    let told = condition.key != Key::Class && any.iter().all(|beginning| !beginning.is_empty());
    told.then_some((condition.slot, any))
}

fn beginning(glob: &Glob) -> String {
    let chars = glob.pieces().iter().map_while(|piece| match piece {
        Piece::Char(c) => Some(*c),
        Piece::One | Piece::Many => None,
    });
    chars.collect()
}

/// Adds the rules that want a beginning of this text.
fn begin(wanted: &Beginnings, text: &str, found: &mut Vec<usize>) {
    let mut end = text;
    while let Some((beginning, rules)) = wanted.range::<str, _>(upto(end)).next_back() {
        let shared = if text.starts_with(beginning.as_str()) {
            found.extend(rules);
            let mut chars = beginning.chars();
            chars.next_back();
            chars.as_str().len()
        } else {
            // Whatever stands before it and begins the text begins this one too.
            let same = beginning.chars().zip(end.chars()).take_while(|(a, b)| a == b);
            same.map(|(c, _)| c.len_utf8()).sum()
        };
        match end.get(..shared) {
            Some(shorter) if shared > 0 => end = shorter,
            _ => break,
        }
    }
}

fn upto(end: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Unbounded, Bound::Included(end))
}
