//! `[[test]]`: typical requests with the verdicts that they must get.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::conditions::{self, Leaf, Within, is_flag, leaves, operations, word};
use super::document::{Document, Problems, Span};
use super::rules::{effect, is_id};
use super::table::{Also, Keys, LIST_MAX, Node, integer, meant, text_of, wrong};
use super::{forms, table};
use crate::core::operation::Class;
use crate::core::policy::{Case, Given, Glob, Key, Known, Vocabulary, can_match};
use crate::core::text;

/// Tests of one file, at most.
const CASES_MAX: usize = 10_000;

/// The longest name of a test, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The longest text that a request can have here, in characters.
const VALUE_CHARS_MAX: usize = 1000;

/// Earlier requests that can be assumed, at most.
const COUNT_MAX: i64 = 1_000_000;

/// The keys of a test.
const KEYS: [&str; 4] = ["name", "given", "expect", "by"];

/// The tests of a file, each with the place of its name.
pub(super) fn read(
    top: &mut Keys<'_, '_>,
    document: &Document,
    vocabulary: &Vocabulary,
) -> Vec<(Case, Span)> {
    let tables = top.tables("test", CASES_MAX);
    let problems = top.problems();
    let mut cases = Vec::new();
    for (span, table) in tables {
        let mut keys = Keys::new("`[[test]]`", table, span, &KEYS, problems);
        let name = name(&mut keys);
        let given = given(&mut keys, vocabulary);
        let expect = effect(&mut keys, "expect");
        let by = by(&mut keys);
        if let (Some((name, span)), Some(given), Some((expect, _)), Some(by)) =
            (name, given, expect, by)
        {
            let place = document.place(&span);
            let by = by.map(Into::into);
            cases.push((Case { name: name.into(), given, expect, by, place }, span));
        }
    }
    cases
}

fn name(keys: &mut Keys<'_, '_>) -> Option<(String, Span)> {
    if keys.get("name").is_none() {
        keys.missing("name", "Say what it shows, such as name = \"prod asks a person\".");
    }
    let name = keys.text("name")?;
    let count = name.text.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&count) {
        keys.problems().add(&name.span, || {
            format!("`name` has {count} characters; it can have 1 to {NAME_CHARS_MAX}.")
        });
        return None;
    }
    Some((text::line(&name.text, NAME_CHARS_MAX), name.span))
}

/// The rule that must decide: none within if any may.
fn by(keys: &mut Keys<'_, '_>) -> Option<Option<String>> {
    if keys.get("by").is_none() {
        return Some(None);
    }
    let by = keys.text("by")?;
    if !is_id(&by.text) {
        keys.problems().add(&by.span, || {
            format!(
                "`by` is `{}`; it must be the id of a rule, or `no-match`.",
                text::name(&by.text)
            )
        });
        return None;
    }
    Some(Some(by.text.into_owned()))
}

fn given(keys: &mut Keys<'_, '_>, vocabulary: &Vocabulary) -> Option<Given> {
    if keys.get("given").is_none() {
        keys.missing("given", "Say the request, such as given = { op = \"…\" }.");
    }
    let (span, table) = keys.table("given")?;
    let known = operation(keys, &span, table, vocabulary)?;
    let problems = keys.problems();
    let before = problems.count();
    let kind = table.get("kind").and_then(|node| kind(node, known, problems));
    let mut given = Given { operation: known.spec.name.to_string(), kind, ..Given::default() };
    for leaf in leaves(table, problems) {
        let what = Said { leaf: &leaf, known, kind, vocabulary };
        match &*leaf.name {
            "op" | "kind" => {}
            "class" => given.class = what.class(problems),
            "at" => given.at = what.moment(problems),
            "count" => given.count = what.count(problems).unwrap_or(0),
            "toolset" => problems.add(&leaf.key, || {
                "`toolset` follows from `op` and is not given. Leave it out.".to_owned()
            }),
            _ => what.value(&mut given, problems),
        }
    }
    if problems.count() == before
        && !given.attributes.is_empty()
        && given.described(&known.spec).is_none()
    {
        problems.add(&span, || {
            format!(
                "Nothing that {} acts on has all of this: a test describes one target. Say its \
                 `kind`, and what that has.",
                known.spec.name
            )
        });
    }
    (problems.count() == before).then_some(given)
}

/// The kind of the target that is described: one of several that the operation acts on.
fn kind(node: &Node<'_>, known: &Known, problems: &mut Problems) -> Option<&'static str> {
    let found = text_of(node, "kind", Also::default(), problems)?;
    let names: Vec<&'static str> = known.spec.kinds.iter().map(|kind| kind.name).collect();
    let kind = names.iter().copied().find(|name| *name == found.text);
    if names.len() > 1 && kind.is_some() {
        return kind;
    }
    problems.add(&found.span, || {
        let operation = &known.spec.name;
        if names.len() < 2 {
            return format!("`kind` follows from `op`: {operation} has no choice. Leave it out.");
        }
        let meant = meant(&found.text, names.iter().copied());
        let found = text::name(&found.text);
        format!("{operation} acts on no `{found}`.{meant} It acts on {}.", table::list(&names))
    });
    None
}

/// The operation that a request is of.
fn operation<'v>(
    keys: &mut Keys<'_, '_>,
    span: &Span,
    table: &DeTable<'_>,
    vocabulary: &'v Vocabulary,
) -> Option<&'v Known> {
    let Some(node) = table.get("op") else {
        keys.problems().add(span, || {
            "`given` says no `op`, and a request is of one operation. Add it.".to_owned()
        });
        return None;
    };
    let op = text_of(node, "op", Also::default(), keys.problems())?;
    let known = vocabulary.get(&op.text);
    if let Err(why) = word("operation", &op.text, &operations(vocabulary)) {
        keys.problems().add(&op.span, || why);
    }
    known
}

/// One thing that is said of a request.
struct Said<'a> {
    leaf: &'a Leaf<'a>,
    known: &'a Known,
    /// The kind that is described, where the test says one.
    kind: Option<&'static str>,
    vocabulary: &'a Vocabulary,
}

impl Said<'_> {
    fn text(&self, also: Also, problems: &mut Problems) -> Option<String> {
        let text = text_of(self.leaf.node, &self.leaf.name, also, problems)?;
        let count = text.text.chars().count();
        if count > VALUE_CHARS_MAX {
            problems.add(&text.span, || {
                format!("It has {count} characters; it can have {VALUE_CHARS_MAX}.")
            });
            return None;
        }
        Some(text.text.into_owned())
    }

    /// The effective class: one that the operation can have.
    fn class(&self, problems: &mut Problems) -> Option<Class> {
        let found = self.text(Also::default(), problems)?;
        let spec = &self.known.spec;
        let possible = Class::ALL.into_iter().filter(|c| (spec.class..=spec.ceiling).contains(c));
        let names: Vec<&str> = possible.map(Class::as_str).collect();
        if !names.contains(&found.as_str()) {
            problems.add(&self.leaf.node.span(), || {
                let meant = meant(&found, names.iter().copied());
                format!(
                    "The class of {} cannot be `{}`.{meant} It can be {}.",
                    spec.name,
                    text::name(&found),
                    table::list(&names)
                )
            });
        }
        Class::ALL.into_iter().find(|class| class.as_str() == found)
    }

    fn moment(&self, problems: &mut Problems) -> Option<OffsetDateTime> {
        let found = match self.leaf.node.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(moment) => moment.to_string(),
            _ => String::new(),
        };
        let moment = OffsetDateTime::parse(&found, &Rfc3339).ok();
        if moment.is_none() {
            let wanted = "a moment with its offset, such as \"2026-01-31T12:00:00Z\" or \
                          \"2026-01-31T13:00:00+01:00\"";
            problems.add(&self.leaf.node.span(), || wrong("at", wanted, self.leaf.node.get_ref()));
        }
        moment
    }

    fn count(&self, problems: &mut Problems) -> Option<u32> {
        let found = self.leaf.node.get_ref();
        let count = integer(found).filter(|count| (0..=COUNT_MAX).contains(count));
        if count.is_none() {
            let wanted = format!("a whole number from 0 to {COUNT_MAX}");
            problems.add(&self.leaf.node.span(), || wrong("count", &wanted, found));
        }
        count.and_then(|count| u32::try_from(count).ok())
    }

    /// What conditions can ask about too.
    fn value(&self, given: &mut Given, problems: &mut Problems) {
        if let Some(argument) = self.leaf.name.strip_prefix("arg.") {
            // The entries of an argument that is an object have names of their own.
            let (argument, entry) = argument
                .split_once('.')
                .map_or((argument, None), |(name, entry)| (name, Some(entry)));
            return self.argument(argument, entry, given, problems);
        }
        let key = match conditions::key(&self.leaf.name, Within::Given, self.vocabulary) {
            Ok(key) => key,
            Err(why) => return problems.add(&self.leaf.key, || why),
        };
        let flags = matches!(&key, Key::Attribute(name) if is_flag(name, self.vocabulary));
        let Some(found) = self.text(Also { flags, integers: false }, problems) else { return };
        if let Err(why) = self.possible(&key, &found) {
            return problems.add(&self.leaf.node.span(), || why);
        }
        match key {
            Key::Name => given.name = found,
            Key::Id => given.id = found,
            Key::Engine => given.engine = found,
            Key::Client => given.client = Some(found),
            Key::Attribute(name) => {
                given.attributes.insert(name, found);
            }
            Key::Op | Key::Class | Key::Toolset | Key::Kind | Key::Argument(_) => {}
        }
    }

    /// Whether a request of this operation can have this value.
    fn possible(&self, key: &Key, found: &str) -> Result<(), String> {
        let operation = &self.known.spec.name;
        let mut known = self.known.clone();
        if let Some(kind) = self.kind {
            known.narrow(kind);
        }
        if !forms::has(key, &known) {
            return Err(match self.kind {
                Some(kind) => {
                    format!("A {kind} has no `{key}`. Leave it out, or say another kind.")
                }
                None => format!("{operation} acts on nothing that has `{key}`. Leave it out."),
            });
        }
        let glob = Glob::literal(found);
        if can_match(&glob, key, &known) {
            return Ok(());
        }
        Err(forms::impossible(&glob, key, &[&known]))
    }

    /// An argument, or an entry of one that is an object, as a caller would give it.
    fn argument(
        &self,
        name: &str,
        entry: Option<&str>,
        given: &mut Given,
        problems: &mut Problems,
    ) {
        let key = match conditions::argument(name, self.vocabulary) {
            Ok(key) => key,
            Err(why) => return problems.add(&self.leaf.key, || why),
        };
        let Some(declared) = self.known.arguments.get(name) else {
            return problems.add(&self.leaf.key, || {
                let meant = meant(name, self.known.arguments.keys().map(String::as_str));
                format!("{} has no argument `{name}`.{meant}", self.known.spec.name)
            });
        };
        if entry.is_some() && !declared.many {
            return problems.add(&self.leaf.key, || {
                format!("`arg.{name}` has one value and no entries. Write arg.{name} = \"…\".")
            });
        }
        let found = self.leaf.node.get_ref();
        let single = entry.is_none() && !found.is_array();
        let value = Self::json(found).filter(|_| single || declared.many);
        let Some(value) = value else {
            let wanted = match (declared.many, entry) {
                (true, None) => "a string, a whole number, true or false, or a list of such",
                _ => "a string, a whole number, or true or false",
            };
            return problems.add(&self.leaf.node.span(), || wrong(&self.leaf.name, wanted, found));
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (true, Err(why)) = (single, self.possible(&key, &text)) {
            return problems.add(&self.leaf.node.span(), || why);
        }
        let arguments = &mut given.arguments;
        match entry {
            None => {
                arguments.insert(name.to_owned(), value);
            }
            Some(entry) => {
                let object = arguments.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(object) = object {
                    object.insert(entry.to_owned(), value);
                }
            }
        }
    }

    /// A value as JSON; none for what no argument can be.
    fn json(value: &DeValue<'_>) -> Option<Value> {
        match value {
            DeValue::String(text) => {
                (text.chars().count() <= VALUE_CHARS_MAX).then(|| Value::from(&**text))
            }
            DeValue::Boolean(flag) => Some(Value::from(*flag)),
            DeValue::Integer(_) => integer(value).map(Value::from),
            DeValue::Array(list) if list.len() <= LIST_MAX => {
                let values = list.iter().map(Spanned::get_ref);
                values.map(|value| Self::json(value).filter(|json| !json.is_array())).collect()
            }
            _ => None,
        }
    }
}
