//! Typed reading of TOML: each value is asked for by name and type, and whatever is wrong is noted
//! with its place, what was found and what is wanted.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Problems, Span};
use crate::core::nearest::nearest;
use crate::core::text;

/// The values of one list, at most.
pub(super) const LIST_MAX: usize = 200;

/// A value with its place.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// A text with its place.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) span: Span,
}

/// What may stand where a text does, as the text that it comes to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Also {
    /// `true` and `false`.
    pub(super) flags: bool,
    /// Whole numbers.
    pub(super) integers: bool,
}

/// A table with its fixed keys.
#[derive(Debug)]
pub(super) struct Keys<'a, 'p> {
    what: &'static str,
    table: &'a DeTable<'a>,
    /// Where the table stands, for what is missing in it.
    span: Span,
    problems: &'p mut Problems,
}

impl<'a, 'p> Keys<'a, 'p> {
    /// A table in which nothing but the keys `known` may stand.
    pub(super) fn new(
        what: &'static str,
        table: &'a DeTable<'a>,
        span: Span,
        known: &[&str],
        problems: &'p mut Problems,
    ) -> Self {
        for (key, _) in table {
            if !known.contains(&&**key.get_ref()) {
                problems.add(&key.span(), || unknown_key(key.get_ref(), what, known));
            }
        }
        Self { what, table, span, problems }
    }

    /// The place of a key, with its value.
    pub(super) fn get(&self, key: &str) -> Option<(Span, &'a Node<'a>)> {
        self.table.get_key_value(key).map(|(key, value)| (key.span(), value))
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&mut self, key: &str, mend: &str) {
        let what = self.what;
        self.problems.add(&self.span, || format!("`{key}` is missing in {what}. {mend}"));
    }

    pub(super) fn problems(&mut self) -> &mut Problems {
        self.problems
    }

    pub(super) fn text(&mut self, key: &str) -> Option<Text<'a>> {
        let (_, node) = self.get(key)?;
        text_of(node, key, Also::default(), self.problems)
    }

    /// One text, or a list of texts.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<Text<'a>>> {
        let (_, node) = self.get(key)?;
        texts_of(node, key, Also::default(), self.problems)
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let (_, node) = self.get(key)?;
        let found = node.get_ref();
        if found.as_bool().is_none() {
            self.problems.add(&node.span(), || wrong(key, "true or false, without quotes", found));
        }
        found.as_bool()
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&mut self, key: &str, least: u32, most: u32) -> Option<u32> {
        let (_, node) = self.get(key)?;
        let found = node.get_ref();
        let number = integer(found).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {least} to {most}");
            self.problems.add(&node.span(), || wrong(key, &wanted, found));
        }
        number
    }

    pub(super) fn table(&mut self, key: &str) -> Option<(Span, &'a DeTable<'a>)> {
        let (span, node) = self.get(key)?;
        let table = node.get_ref().as_table();
        if table.is_none() {
            let found = node.get_ref();
            self.problems.add(&node.span(), || wrong(key, "a table", found));
        }
        table.map(|table| (span, table))
    }

    /// The tables that `[[key]]` begins, each with its place.
    pub(super) fn tables(&mut self, key: &str, most: usize) -> Vec<(Span, &'a DeTable<'a>)> {
        let Some((_, node)) = self.get(key) else { return Vec::new() };
        let wanted = format!("a list of tables: begin each with [[{key}]]");
        let Some(list) = node.get_ref().as_array() else {
            let found = node.get_ref();
            self.problems.add(&node.span(), || wrong(key, &wanted, found));
            return Vec::new();
        };
        if let Some(beyond) = list.get(most) {
            let count = list.len();
            self.problems.add(&beyond.span(), || {
                format!(
                    "There are {count} of [[{key}]]; a file can have {most}. Split it or \
                         name several things in one."
                )
            });
            return Vec::new();
        }
        let mut tables = Vec::with_capacity(list.len());
        for node in list {
            match node.get_ref().as_table() {
                Some(table) => tables.push((node.span(), table)),
                None => self.problems.add(&node.span(), || wrong(key, &wanted, node.get_ref())),
            }
        }
        tables
    }
}

/// One text.
pub(super) fn text_of<'a>(
    node: &'a Node<'a>,
    key: &str,
    also: Also,
    problems: &mut Problems,
) -> Option<Text<'a>> {
    let text = match node.get_ref() {
        DeValue::String(text) => Some(Cow::Borrowed(&**text)),
        DeValue::Boolean(flag) if also.flags => {
            Some(Cow::Borrowed(if *flag { "true" } else { "false" }))
        }
        found if also.integers => integer(found).map(|number| Cow::Owned(number.to_string())),
        _ => None,
    };
    if text.is_none() {
        let wanted = match also {
            Also { integers: true, .. } => "a string in quotes, a whole number, or true or false",
            Also { flags: true, .. } => "true or false",
            _ => "a string in quotes",
        };
        problems.add(&node.span(), || wrong(key, wanted, node.get_ref()));
    }
    text.map(|text| Text { text, span: node.span() })
}

/// One text, or a list of some; none if a value is no text.
pub(super) fn texts_of<'a>(
    node: &'a Node<'a>,
    key: &str,
    also: Also,
    problems: &mut Problems,
) -> Option<Vec<Text<'a>>> {
    let DeValue::Array(list) = node.get_ref() else {
        let wanted = "a string in quotes, or a list of such";
        if matches!(node.get_ref(), DeValue::Table(_)) {
            problems.add(&node.span(), || wrong(key, wanted, node.get_ref()));
            return None;
        }
        return text_of(node, key, also, problems).map(|text| vec![text]);
    };
    let count = list.len();
    if count == 0 {
        problems.add(&node.span(), || {
            format!(
                "`{}` is an empty list, which nothing can be in. Leave the key out or name \
                     something.",
                text::name(key)
            )
        });
        return None;
    }
    if count > LIST_MAX {
        problems.add(&node.span(), || {
            format!("`{}` is a list of {count}; it can have {LIST_MAX}.", text::name(key))
        });
        return None;
    }
    // Every element is read, so that all that is wrong with the list is said.
    let texts: Vec<_> = list.iter().map(|node| text_of(node, key, also, problems)).collect();
    texts.into_iter().collect()
}

/// A whole number; none for what is another value, or too large for any use.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn unknown_key(key: &str, what: &str, known: &[&str]) -> String {
    let meant = meant(key, known.iter().copied());
    let there_are = if known.len() == 1 { "There is only" } else { "There are" };
    format!("There is no key `{}` in {what}.{meant} {there_are} {}.", text::name(key), list(known))
}

/// The words that suggest what was meant, with a space before them; empty if nothing is near.
pub(super) fn meant<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(found, words).map(|word| format!(" Did you mean `{word}`?")).unwrap_or_default()
}

/// Words as a list in a sentence.
pub(super) fn list<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        Some((last, [_, ..])) => {
            let first = quoted.iter().take(quoted.len() - 1).map(String::as_str);
            format!("{} and {last}", first.collect::<Vec<_>>().join(", "))
        }
        _ => quoted.concat(),
    }
}

/// The words for a value that is not of the type that is wanted.
pub(super) fn wrong(key: &str, wanted: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(text) => format!("the string \"{}\"", text::line(text, 80)),
        DeValue::Integer(number) => format!("the number {}", text::line(number.as_str(), 40)),
        DeValue::Float(number) => format!("the number {}", text::line(number.as_str(), 40)),
        DeValue::Boolean(flag) => format!("{flag} without quotes"),
        DeValue::Datetime(moment) => format!("the date or time {moment}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    format!("`{}` is {found}; it must be {wanted}.", text::name(key))
}
