//! A request that somebody makes up at a command line, of what the `given` of a test takes.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Error, File, Source};
use crate::core::policy::{Given, Level, Vocabulary};
use crate::core::text;

/// Reads `words`, each a key=value as a test's `given` has them, on an operation.
///
/// # Errors
/// For whatever a test would be refused for.
pub fn given(operation: &str, words: &[String], vocabulary: &Vocabulary) -> Result<Given, Error> {
    let mut file = "version = 1\n[[test]]\nname = \"given\"\nexpect = \"deny\"\n".to_owned();
    line(&mut file, "op", operation);
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| Error::new(format!("`{}` is no key=value.", text::name(word))))?;
        line(&mut file, key, value);
    }
    let source = Source { path: "--given".into(), level: Level::User, named: true };
    let read = File::parse(&source, file, vocabulary)?;
    Ok(read.cases.into_iter().next().map(|(case, _)| case.given).unwrap_or_default())
}

fn line(file: &mut String, key: &str, value: &str) {
    let key = match key.split_once('.') {
        Some((family @ ("arg" | "label"), name)) => format!("{family}.{}", Value::from(name)),
        _ => Value::from(key).to_string(),
    };
    let plain = value.parse::<i64>().is_ok() || matches!(value, "true" | "false");
    let plain = plain && (key == "\"count\"" || key.starts_with("arg."));
    let value = if plain { value.to_owned() } else { Value::from(value).to_string() };
    // Writing to a String cannot fail.
    writeln!(file, "given.{key} = {value}").unwrap_or_default();
}
