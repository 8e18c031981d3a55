//! An operation's arguments from the words of a command line.

use serde_json::{Map, Value};

use crate::core::text;
use crate::gate::Operation;

/// The arguments that `words` and `json` (an object) come to. A word is key=value, or the value of
/// the next argument that no request goes without. What is no string by the operation's schema is
/// read as JSON.
///
/// # Errors
/// What is wrong with them, in a sentence.
pub(super) fn read(
    operation: Option<&Operation>,
    words: &[String],
    json: Option<&str>,
) -> Result<Map<String, Value>, String> {
    let mut map = match json.map(serde_json::from_str) {
        None => Map::new(),
        Some(Ok(Value::Object(map))) => map,
        Some(Ok(_)) => {
            return Err("--args takes a JSON object, such as '{\"container\": \"web\"}'.".into());
        }
        Some(Err(error)) => {
            return Err(format!("--args is no JSON: {}", text::line(&error.to_string(), 200)));
        }
    };
    // What there is no such operation of is refused, and recorded, by the gate.
    let Some(operation) = operation else { return Ok(map) };
    let mut next = needed(operation).into_iter();
    for word in words {
        let (key, value) = match word.split_once('=') {
            Some(pair) => pair,
            None => (next.next().ok_or_else(|| too_many(operation, word))?, word.as_str()),
        };
        let value = match type_of(operation, key) {
            Some("string") | None => Value::String(value.to_owned()),
            Some(_) => serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into())),
        };
        if map.insert(key.to_owned(), value).is_some() {
            return Err(format!("`{}` is given twice.", text::name(key)));
        }
    }
    Ok(map)
}

/// The arguments that a word without `=` stands for, in turn: what names a target, then whatever
/// else has to be given and is a text.
pub(super) fn needed(operation: &Operation) -> Vec<&str> {
    let Operation { spec, schema, .. } = operation;
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let others = required.filter_map(Value::as_str).filter(|name| {
        !spec.references.contains(name) && type_of(operation, name) == Some("string")
    });
    spec.references.iter().copied().chain(others).collect()
}

fn type_of<'a>(operation: &'a Operation, argument: &str) -> Option<&'a str> {
    operation.schema.get("properties")?.get(argument)?.get("type")?.as_str()
}

fn too_many(operation: &Operation, word: &str) -> String {
    let name = &operation.spec.name;
    let taken = match needed(operation).as_slice() {
        [] => "every argument".to_owned(),
        needed => format!("whatever is not {}", needed.join(" or ")),
    };
    format!(
        "`{}` is one word too many: write {taken} as key=value. `countersign tools {name}` lists the \
         arguments.",
        text::name(word)
    )
}
