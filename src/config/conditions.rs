//! What `match`, `unless` and `given` may ask or say: keys of the vocabulary, each with its values.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::TOOLSETS;
use super::document::{Problems, Span};
use super::table::{Also, Node, Text, list, meant, texts_of};
use crate::core::nearest::nearest;
use crate::core::operation::{Class, Form};
use crate::core::policy::{Condition, GLOB_CHARS_MAX, Glob, Key, Vocabulary};
use crate::core::text;

/// Names in a sentence, at most. There can be more operations than anyone reads.
pub(super) const WORDS_MAX: usize = 40;

/// A condition with the places of its key and of its values.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) condition: Condition,
    pub(super) key: Span,
    pub(super) values: Vec<Span>,
}

/// A value with the whole of its dotted key.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    pub(super) name: String,
    pub(super) key: Span,
    pub(super) node: &'a Node<'a>,
}

/// The values of a table and of the tables in it, in the order of the file, each name once.
pub(super) fn leaves<'a>(table: &'a DeTable<'a>, problems: &mut Problems) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    collect(table, "", &(0..0), &mut found, problems);
    found.sort_by_key(|leaf| leaf.node.span().start);
    let mut seen = BTreeSet::new();
    found.retain(|leaf| {
        let first = seen.insert(leaf.name.clone());
        if !first {
            problems.add(&leaf.key, || {
                format!("`{}` is here twice. Say it once, with a list.", text::name(&leaf.name))
            });
        }
        first
    });
    found
}

fn collect<'a>(
    table: &'a DeTable<'a>,
    family: &str,
    before: &Span,
    found: &mut Vec<Leaf<'a>>,
    problems: &mut Problems,
) {
    for (key, node) in table {
        let name = format!("{family}{}", key.get_ref());
        // A dotted key begins where its first part does, if that stands right before.
        let mut span = key.span();
        if before.end + 1 == span.start && !family.is_empty() {
            span.start = before.start;
        }
        match node.get_ref() {
            DeValue::Table(inner) if inner.is_empty() => problems.add(&span, || {
                format!("`{}` is an empty table. Say something in it.", text::name(&name))
            }),
            DeValue::Table(inner) => {
                collect(inner, &format!("{name}."), &span, found, problems);
            }
            _ => found.push(Leaf { name, key: span, node }),
        }
    }
}

/// The keys that are always there, in the order in which they are told.
const KEYS: [(&str, Key); 8] = [
    ("op", Key::Op),
    ("class", Key::Class),
    ("toolset", Key::Toolset),
    ("kind", Key::Kind),
    ("name", Key::Name),
    ("id", Key::Id),
    ("engine", Key::Engine),
    ("client", Key::Client),
];

/// The table in which a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    Match,
    Unless,
    Given,
}

impl Within {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Unless => "unless",
            Self::Given => "given",
        }
    }

    /// The keys that have a place in it whatever the vocabulary.
    fn keys(self) -> Vec<&'static str> {
        let fits = |key: &Key| match self {
            Self::Match => true,
            Self::Unless => *key != Key::Client,
            Self::Given => *key != Key::Toolset,
        };
        let mut keys: Vec<_> =
            KEYS.iter().filter(|(_, key)| fits(key)).map(|(name, _)| *name).collect();
        if self == Self::Given {
            keys.extend(["at", "count"]);
        }
        keys
    }
}

/// The key of that name, or why there is none.
pub(super) fn key(name: &str, within: Within, vocabulary: &Vocabulary) -> Result<Key, String> {
    if let Some((_, key)) = KEYS.iter().find(|(known, _)| *known == name) {
        return Ok(key.clone());
    }
    if let Some(argument) = name.strip_prefix("arg.") {
        return self::argument(argument, vocabulary);
    }
    let kinds = vocabulary.kinds();
    let mut attributes = kinds.iter().flat_map(|kind| kind.attributes);
    if attributes.any(|attribute| attribute.is_called(name)) {
        return Ok(Key::Attribute(name.to_owned()));
    }
    Err(unknown(name, within, vocabulary))
}

/// The key of an argument of that name, or why there is none.
pub(super) fn argument(name: &str, vocabulary: &Vocabulary) -> Result<Key, String> {
    let shown = text::name(name);
    let operations = vocabulary.operations();
    if operations.iter().any(|known| known.spec.references.contains(&name)) {
        return Err(format!(
            "`arg.{shown}` names a target in whatever way the caller likes. Ask what it turns out \
             to be: `name`, `id` or an attribute such as a label."
        ));
    }
    if operations.iter().any(|known| known.arguments.contains_key(name)) {
        return Ok(Key::Argument(name.to_owned()));
    }
    let all = operations.iter().flat_map(|known| known.arguments.keys());
    let meant = nearest(name, all.map(String::as_str));
    let meant = meant.map(|word| format!(" Did you mean `arg.{word}`?")).unwrap_or_default();
    Err(format!("No operation has an argument `{shown}`.{meant}"))
}

fn unknown(name: &str, within: Within, vocabulary: &Vocabulary) -> String {
    let mut attributes: Vec<&str> = Vec::new();
    for attribute in vocabulary.kinds().iter().flat_map(|kind| kind.attributes) {
        if !attributes.contains(&attribute.name) {
            attributes.push(attribute.name);
        }
    }
    let keys = within.keys();
    let families = || attributes.iter().filter_map(|name| name.strip_suffix(".*")).chain(["arg"]);
    let (first, member) = name.split_once('.').map_or((name, None), |(f, m)| (f, Some(m)));
    if families().any(|family| family == name) {
        return format!("`{name}` alone says nothing. Name one, as in {name}.NAME = \"…\".");
    }
    let meant = match member {
        None => meant(name, keys.iter().chain(&attributes).copied()),
        Some(member) => nearest(first, families())
            .map(|family| format!(" Did you mean `{family}.{}`?", text::name(member)))
            .unwrap_or_default(),
    };
    let mut all: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    all.push("arg.NAME".into());
    all.extend(attributes.iter().map(|name| name.replace('*', "NAME")));
    let (name, table) = (text::name(name), within.as_str());
    format!("There is no key `{name}` in `{table}`.{meant} There are {}.", list(&all))
}

/// Reads one condition. What is wrong with its values is noted, and then there is none.
pub(super) fn read(
    leaf: &Leaf<'_>,
    key: Key,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<Written> {
    let also = match &key {
        Key::Attribute(name) => Also { flags: is_flag(name, vocabulary), integers: false },
        Key::Argument(_) => Also { flags: true, integers: true },
        _ => Also::default(),
    };
    let texts = texts_of(leaf.node, &leaf.name, also, problems)?;
    // Every value is read, so that all that is wrong is said.
    let globs: Vec<Option<Glob>> = texts
        .iter()
        .map(|text| match glob(&key, text, vocabulary) {
            Ok(glob) => Some(glob),
            Err(why) => {
                problems.add(&text.span, || why);
                None
            }
        })
        .collect();
    let any: Vec<Glob> = globs.into_iter().collect::<Option<_>>()?;
    let values = texts.into_iter().map(|text| text.span).collect();
    Some(Written { condition: Condition::new(key, any), key: leaf.key.clone(), values })
}

pub(super) fn is_flag(attribute: &str, vocabulary: &Vocabulary) -> bool {
    let kinds = vocabulary.kinds();
    let mut attributes = kinds.iter().filter_map(|kind| kind.attribute(attribute));
    attributes.any(|attribute| attribute.form == Form::Flag)
}

/// The glob that a value means under a key, or what is wrong with it.
fn glob(key: &Key, text: &Text<'_>, vocabulary: &Vocabulary) -> Result<Glob, String> {
    let value = &*text.text;
    let exact = match key {
        Key::Op => word("operation", value, &operations(vocabulary)),
        Key::Class => word("class", value, &Class::ALL.map(Class::as_str)),
        Key::Toolset => toolset(value, &toolsets(vocabulary)),
        Key::Kind => word("kind of targets", value, &kinds(vocabulary)),
        Key::Id => id(value, vocabulary),
        Key::Engine => engine(value),
        Key::Name | Key::Client | Key::Argument(_) | Key::Attribute(_) => {
            return Glob::parse(value)
                .map_err(|why| format!("`{}` is no glob: {why}.", text::name(value)));
        }
    };
    exact.map(|()| Glob::literal(value))
}

/// One of a few words.
pub(super) fn word(what: &str, found: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&found) {
        return Ok(());
    }
    let shown = text::name(found);
    let meant = meant(found, words.iter().copied());
    let mend = if found.contains(['*', '?']) { " It is no glob: name each." } else { "" };
    let all = if words.len() > WORDS_MAX {
        format!("There are {}; `countersign tools` lists them.", words.len())
    } else if words.is_empty() {
        "There is none.".to_owned()
    } else {
        format!("There are {}.", list(words))
    };
    Err(format!("There is no {what} `{shown}`.{meant}{mend} {all}"))
}

pub(super) fn operations(vocabulary: &Vocabulary) -> Vec<&str> {
    vocabulary.operations().iter().map(|known| &*known.spec.name).collect()
}

fn toolsets(vocabulary: &Vocabulary) -> Vec<&str> {
    let mut toolsets: Vec<&str> = Vec::new();
    for known in vocabulary.operations() {
        if !toolsets.contains(&known.spec.toolset) {
            toolsets.push(known.spec.toolset);
        }
    }
    toolsets
}

fn toolset(found: &str, used: &[&str]) -> Result<(), String> {
    if TOOLSETS.contains(&found) && !used.contains(&found) {
        return Err(format!(
            "The toolset `{found}` has no operation in this version, so nothing would match. Take \
             it out."
        ));
    }
    word("toolset", found, used)
}

fn kinds(vocabulary: &Vocabulary) -> Vec<&str> {
    vocabulary.kinds().iter().map(|kind| kind.name).collect()
}

/// A full id of some kind's form.
pub(super) fn id(found: &str, vocabulary: &Vocabulary) -> Result<(), String> {
    let kinds = vocabulary.kinds();
    let fits = |form: Form| match form {
        Form::Hex(digits) => found.len() == digits && found.chars().all(|c| form.has(c)),
        _ => !found.is_empty() && found.chars().all(|c| form.has(c)),
    };
    if kinds.iter().any(|kind| fits(kind.ids)) {
        return Ok(());
    }
    let all: Vec<String> = kinds
        .iter()
        .map(|kind| format!("that of a {} is {}", kind.name, super::forms::describe(kind.ids)))
        .collect();
    Err(format!(
        "`{}` is no full id: {}. Write all of it, or ask for `name`.",
        text::name(found),
        all.join("; ")
    ))
}

pub(super) fn engine(found: &str) -> Result<(), String> {
    let long = found.chars().count() > GLOB_CHARS_MAX;
    if found.is_empty() || long || found.contains(['*', '?']) {
        return Err(format!(
            "`engine` is the whole id of an engine, of 1 to {GLOB_CHARS_MAX} characters, and no \
             glob. `countersign doctor` shows it."
        ));
    }
    Ok(())
}
