//! An operation's arguments from the words of a command line.

use serde_json::{Map, Value};

use crate::core::text;
use crate::gate::Operation;

/// The arguments that `pairs` (key=value) and `json` (an object) come to. What is no string by the
/// operation's schema is read as JSON.
///
/// # Errors
/// What is wrong with them, in a sentence.
pub(super) fn read(
    operation: Option<&Operation>,
    pairs: &[String],
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
    let schema = operation.map(|operation| &operation.schema);
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(format!("`{}` is no argument; write key=value.", text::name(pair)));
        };
        let declared = schema.and_then(|s| s.get("properties")?.get(key)?.get("type")?.as_str());
        let value = match declared {
            Some("string") | None => Value::String(value.to_owned()),
            Some(_) => serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into())),
        };
        if map.insert(key.to_owned(), value).is_some() {
            return Err(format!("`{}` is given twice.", text::name(key)));
        }
    }
    Ok(map)
}
