//! Values that nothing can have: what is wrong with a glob that matches none of them.

use super::conditions::{WORDS_MAX, Written};
use super::document::Problems;
use super::table::{list, meant};
use crate::core::operation::{Form, Kind};
use crate::core::policy::{Glob, Key, Known, Piece, can_match};
use crate::core::text;

/// Notes each value that none of these operations can have under its key. Where none of them has
/// the key, that is what is noted.
pub(super) fn check(
    written: &Written,
    operations: &[&Known],
    all: &[Known],
    problems: &mut Problems,
) {
    let key = &written.condition.key;
    if !operations.iter().any(|known| has(key, known)) {
        let having: Vec<&str> =
            all.iter().filter(|known| has(key, known)).map(|known| &*known.spec.name).collect();
        return problems.add(&written.key, || {
            let others = match having.as_slice() {
                [] => "No operation has it.".to_owned(),
                [one] => format!("Only `{one}` has it."),
                some if some.len() > WORDS_MAX => format!("{} operations have it.", some.len()),
                some => format!("Only {} have it.", list(some)),
            };
            format!(
                "No operation that this rule speaks of has `{key}`. {others} Mend the key, or what \
                 else `match` asks."
            )
        });
    }
    if *key == Key::Class {
        // A class that no operation has yet is named for those that come later. Where all of them
        // are such, the rule can never match, and that is noted of the rule.
        return;
    }
    for (glob, span) in written.condition.any.iter().zip(&written.values) {
        if !operations.iter().any(|known| can_match(glob, key, known)) {
            problems.add(span, || impossible(glob, key, operations));
        }
    }
}

/// Whether requests of an operation have something under a key.
pub(super) fn has(key: &Key, known: &Known) -> bool {
    let kinds = known.spec.kinds;
    match key {
        Key::Argument(name) => known.arguments.contains_key(name),
        Key::Attribute(name) => kinds.iter().any(|kind| kind.attribute(name).is_some()),
        Key::Name | Key::Id | Key::Engine | Key::Kind => !kinds.is_empty(),
        Key::Op | Key::Class | Key::Toolset | Key::Client => true,
    }
}

/// Why a glob matches nothing that this key can be, with the mend.
pub(super) fn impossible(glob: &Glob, key: &Key, operations: &[&Known]) -> String {
    let found = text::name(glob.as_str());
    if let Key::Argument(name) = key {
        let arguments = || operations.iter().filter_map(|known| known.arguments.get(name));
        if let Some((least, most)) = arguments().find_map(|argument| argument.range) {
            return format!(
                "`{key}` can never be \"{found}\". It is a whole number from {least} to {most}."
            );
        }
        let possible: Vec<&str> = arguments()
            .flat_map(|argument| argument.possible.iter().flatten())
            .map(|s| &**s)
            .collect();
        let meant = meant(glob.as_str(), possible.iter().copied());
        return format!(
            "`{key}` can never be \"{found}\".{meant} It is one of {}.",
            list(&possible)
        );
    }
    let kinds = operations.iter().flat_map(|known| known.spec.kinds.iter().copied());
    let form = |kind: &'static Kind| match key {
        Key::Name => Some(kind.names),
        Key::Id => Some(kind.ids),
        Key::Attribute(name) => kind.attribute(name).map(|attribute| attribute.form),
        _ => None,
    };
    let Some(form) = kinds.filter_map(form).next() else {
        return format!("`{key}` can never be \"{found}\".");
    };
    if *key == Key::Name && glob.pieces().first() == Some(&Piece::Char('/')) {
        let without = found.trim_start_matches('/');
        return format!(
            "No name is \"{found}\": names have no leading slash here. Write \"{without}\"."
        );
    }
    let mut pieces = glob.pieces().iter();
    let foreign = pieces.find_map(|piece| match piece {
        Piece::Char(c) if !form.has(*c) => Some(text::name(&c.to_string())),
        _ => None,
    });
    let why = match foreign {
        Some(c) if form != Form::Flag => format!(": `{c}` does not occur in it"),
        _ => String::new(),
    };
    format!("`{key}` can never be \"{found}\"{why}. It is {}.", describe(form))
}

/// A form in words, after "it is".
pub(super) fn describe(form: Form) -> String {
    match form {
        Form::Text => "any text".to_owned(),
        Form::Flag => "true or false".to_owned(),
        Form::Word { upper, beside } => {
            let letters = if upper { "ASCII letters" } else { "lower-case ASCII letters" };
            format!("of {letters}, digits and `{beside}`, and never empty")
        }
        Form::Hex(digits) => format!("{digits} lower-case hexadecimal digits"),
    }
}
