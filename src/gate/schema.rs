//! Input schemas: derived from the arguments' types, in the plain form that every client takes,
//! and the check of the bounds that they declare.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::core::operation::Spec;
use crate::core::policy::Argument;
use crate::core::reason::Fault;
use crate::core::secret::{MARK, SealKey, Secret};
use crate::core::text;

/// The argument that a confirm token is presented in.
pub const TOKEN_ARGUMENT: &str = "confirmToken";

/// The JSON schema of an operation's arguments: an object without `oneOf` at its root, without
/// formats of Rust's integers and without `null` among the types.
pub(super) fn of<P: JsonSchema>(spec: &Spec) -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12()
        .with(|s| {
            s.meta_schema = None;
            s.inline_subschemas = true;
        })
        .with_transform(RecursiveTransform(plain));
    let schema = settings.into_generator().into_root_schema_for::<P>();
    let mut map = match Value::from(schema) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    map.remove("title");
    map.remove("description");
    map.entry("properties").or_insert_with(|| json!({}));
    map.insert("additionalProperties".into(), Value::Bool(false));
    if spec.takes_token()
        && let Some(Value::Object(properties)) = map.get_mut("properties")
    {
        properties.insert(
            TOKEN_ARGUMENT.into(),
            json!({
                "type": "string",
                "maxLength": 64,
                "description": "The token that a preview ended with. Leave it out to get a preview.",
            }),
        );
    }
    map
}

fn plain(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("format");
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get("type") {
        let types: Vec<Value> = types.iter().filter(|t| *t != "null").cloned().collect();
        if let [one] = types.as_slice() {
            map.insert("type".into(), one.clone());
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// What policy can ask about the arguments: each but the token with its default and, where these
/// are few, its possible values.
pub(super) fn arguments(schema: &Map<String, Value>) -> BTreeMap<String, Argument> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let argument = |name: &str, declared: &Value| Argument {
        required: is_required(name),
        default: declared.get("default").cloned(),
        possible: match declared.get("type").and_then(Value::as_str) {
            Some("boolean") => Some(vec!["false".into(), "true".into()]),
            _ => {
                declared.get("enum").and_then(Value::as_array).map(|v| v.iter().map(text).collect())
            }
        },
        range: (declared.get("type").and_then(Value::as_str) == Some("integer")).then(|| {
            let bound = |key: &str| declared.get(key).and_then(Value::as_i64);
            (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX))
        }),
        many: matches!(declared.get("type").and_then(Value::as_str), Some("array" | "object")),
    };
    properties
        .filter(|(name, _)| *name != TOKEN_ARGUMENT)
        .map(|(name, declared)| (name.clone(), argument(name, declared)))
        .collect()
}

/// Checks arguments against the types and bounds that the schema declares: they are declared once
/// and hold for every face. Which arguments there are is checked where they are read.
///
/// # Errors
/// `invalid_argument` that names the argument, its type or bound and what was given.
pub(super) fn check(
    schema: &Map<String, Value>,
    arguments: &Map<String, Value>,
) -> Result<(), Fault> {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, value) in arguments {
        let declared = properties.and_then(|p| p.get(name)).and_then(Value::as_object);
        if let Some(declared) = declared {
            fits(name, declared, value)?;
        }
    }
    Ok(())
}

/// Whether a value, and what is in it, has the type and keeps the bounds that are declared. No
/// message quotes a text: it may be a secret.
fn fits(name: &str, declared: &Map<String, Value>, value: &Value) -> Result<(), Fault> {
    typed(name, declared, value)?;
    let each = |key: &str| declared.get(key).and_then(Value::as_object);
    match value {
        Value::Array(items) => {
            counted(name, declared, ["minItems", "maxItems"], items.len())?;
            let Some(declared) = each("items") else { return Ok(()) };
            let mut items = items.iter().enumerate();
            items.try_for_each(|(at, item)| fits(&format!("{name}[{at}]"), declared, item))
        }
        Value::Object(members) => {
            counted(name, declared, ["minProperties", "maxProperties"], members.len())?;
            if let Some(declared) = each("propertyNames") {
                let of_name = format!("{name} (each name)");
                let mut names = members.keys().map(|key| Value::String(key.clone()));
                names.try_for_each(|key| within(&of_name, declared, &key))?;
            }
            let Some(declared) = each("additionalProperties") else { return Ok(()) };
            let path = |key: &str| format!("{name}.{}", text::name(key));
            members.iter().try_for_each(|(key, member)| fits(&path(key), declared, member))
        }
        _ => within(name, declared, value),
    }
}

fn counted(
    name: &str,
    declared: &Map<String, Value>,
    [min, max]: [&str; 2],
    count: usize,
) -> Result<(), Fault> {
    let bound = |key: &str| declared.get(key).and_then(Value::as_u64);
    let (min, max) = (bound(min).unwrap_or(0), bound(max).unwrap_or(u64::MAX));
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if (min..=max).contains(&count) {
        return Ok(());
    }
    Err(Fault::invalid(format!("`{name}` must hold {min} to {max} elements; {count} were given.")))
}

fn typed(name: &str, declared: &Map<String, Value>, value: &Value) -> Result<(), Fault> {
    let given = match value {
        Value::Null => "null (leave it out instead)",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match declared.get("type").and_then(Value::as_str) {
        Some("integer") if given == "number" => Ok(()),
        Some(wanted) if wanted != given => {
            let mend = match (wanted, given) {
                ("string", "number" | "boolean") => " Put it in quotes.",
                ("integer", "string") => " Write a whole number.",
                ("boolean", "string") => " Write true or false.",
                ("array", _) => " Write a list, such as [\"one\", \"two\"].",
                ("object", _) => " Write an object, such as {\"name\": \"value\"}.",
                _ => "",
            };
            let not = format!("`{name}` takes a value of type {wanted}, not {given}.{mend}");
            Err(Fault::invalid(not))
        }
        _ => Ok(()),
    }
}

fn within(name: &str, declared: &Map<String, Value>, value: &Value) -> Result<(), Fault> {
    let bound = |key: &str| declared.get(key).and_then(Value::as_i64);
    let outside = |what: String, given: String| {
        Err(Fault::invalid(format!("`{name}` must be {what}; {given} was given.")))
    };
    match value {
        Value::Number(number) => {
            let (min, max) = (bound("minimum"), bound("maximum"));
            let given = number.as_i64();
            let low = min.is_some_and(|min| given.is_none_or(|given| given < min));
            let high = max.is_some_and(|max| given.is_none_or(|given| given > max));
            if low || high {
                let (min, max) = (min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX));
                return outside(format!("a whole number from {min} to {max}"), number.to_string());
            }
        }
        Value::String(string) => {
            let count = i64::try_from(string.chars().count()).unwrap_or(i64::MAX);
            let (min, max) = (bound("minLength"), bound("maxLength"));
            if min.is_some_and(|min| count < min) || max.is_some_and(|max| count > max) {
                let (min, max) = (min.unwrap_or(0), max.unwrap_or(i64::MAX));
                return outside(format!("{min} to {max} characters"), format!("{count}"));
            }
            let choices = declared.get("enum").and_then(Value::as_array);
            if let Some(choices) = choices.filter(|choices| !choices.contains(value)) {
                let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
                let choices = choices.join(", ");
                return Err(Fault::invalid(format!("`{name}` must be one of {choices}.")));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether arguments are declared that hold secrets, and some are given.
pub(super) fn holds_secrets(schema: &Map<String, Value>, arguments: &Map<String, Value>) -> bool {
    let declared = |name: &String| schema.get("properties")?.get(name);
    arguments.keys().filter_map(declared).any(is_secret)
}

fn is_secret(declared: &Value) -> bool {
    let inside = |key: &str| declared.get(key).is_some_and(is_secret);
    declared.get(MARK) == Some(&Value::Bool(true))
        || inside("items")
        || inside("additionalProperties")
}

/// Seals the secrets among arguments that were checked, which no operation reads otherwise. Gives
/// the arguments that held any as they were, for policy alone.
pub(super) fn seal(
    schema: &Map<String, Value>,
    arguments: &mut Map<String, Value>,
    key: &SealKey,
) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut open = Map::new();
    for (name, value) in arguments {
        let declared = properties.and_then(|properties| properties.get(name));
        if let Some(declared) = declared.filter(|declared| is_secret(declared)) {
            open.insert(name.clone(), value.clone());
            seal_each(declared, value, key);
        }
    }
    open
}

fn seal_each(declared: &Value, value: &mut Value, key: &SealKey) {
    let inner = |name: &str| declared.get(name).unwrap_or(&Value::Null);
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| seal_each(inner("items"), item, key));
        }
        Value::Object(members) => {
            let declared = inner("additionalProperties");
            members.values_mut().for_each(|member| seal_each(declared, member, key));
        }
        Value::String(text) if is_secret(declared) => {
            *value = Secret::new(std::mem::take(text), key).into_argument();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Map<String, Value> {
        let Value::Object(map) = json!({"properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 10},
            "s": {"type": "string", "minLength": 1, "maxLength": 3},
            "e": {"type": "string", "enum": ["a", "b"]},
            "l": {"type": "array", "minItems": 1, "maxItems": 2,
                  "items": {"type": "string", "maxLength": 2}},
            "m": {"type": "object", "maxProperties": 1,
                  "propertyNames": {"minLength": 1, "maxLength": 2},
                  "additionalProperties": {"type": "string", "maxLength": 2}},
        }}) else {
            return Map::new();
        };
        map
    }

    #[test]
    fn no_value_is_quoted() {
        for arguments in [
            json!({"m": {"k": "hunter2"}}),
            json!({"m": {"k": 7531}}),
            json!({"l": [7531]}),
            json!({"e": "hunter2"}),
        ] {
            let fault = check(&schema(), arguments.as_object().unwrap()).unwrap_err();
            assert!(!fault.message.contains("hunter2") && !fault.message.contains("7531"));
        }
    }

    #[test]
    fn bounds_hold() {
        for (arguments, good) in [
            (json!({"n": 1}), true),
            (json!({"n": 10}), true),
            (json!({"n": 0}), false),
            (json!({"n": 11}), false),
            (json!({"n": 1e300}), false),
            (json!({"s": "äöü"}), true),
            (json!({"s": ""}), false),
            (json!({"s": "abcd"}), false),
            (json!({"e": "a"}), true),
            (json!({"e": "c"}), false),
            (json!({"other": 5}), true),
            (json!({"s": 5}), false),
            (json!({"s": ["a"]}), false),
            (json!({"n": "5"}), false),
            (json!({"n": null}), false),
            (json!({"l": ["ab", ""]}), true),
            (json!({"l": []}), false),
            (json!({"l": ["a", "b", "c"]}), false),
            (json!({"l": ["abc"]}), false),
            (json!({"l": [1]}), false),
            (json!({"l": "ab"}), false),
            (json!({"m": {}}), true),
            (json!({"m": {"k": "ab"}}), true),
            (json!({"m": {"k": "abc"}}), false),
            (json!({"m": {"kl": "a"}}), true),
            (json!({"m": {"klm": "a"}}), false),
            (json!({"m": {"": "a"}}), false),
            (json!({"m": {"k": 5}}), false),
            (json!({"m": {"k": "a", "l": "b"}}), false),
        ] {
            assert_eq!(
                check(&schema(), arguments.as_object().unwrap()).is_ok(),
                good,
                "{arguments}"
            );
        }
    }

    #[test]
    fn secrets_are_sealed_wherever_they_are_declared() {
        let secret = json!({"type": "string", "writeOnly": true});
        let Value::Object(schema) = json!({"properties": {
            "s": secret, "l": {"type": "array", "items": secret},
            "m": {"type": "object", "additionalProperties": secret}, "open": {"type": "string"},
        }}) else {
            return;
        };
        let key = SealKey::from_random([7; SealKey::BYTES]);
        let sealed = |text: &str| Secret::new(text.to_owned(), &key).into_argument();
        let given = json!({"s": "a", "l": ["b"], "m": {"k": "c"}, "open": "d", "other": "e"});
        let mut arguments = given.as_object().unwrap().clone();
        assert!(holds_secrets(&schema, &arguments));
        let open = seal(&schema, &mut arguments, &key);
        let expected = json!({
            "s": sealed("a"), "l": [sealed("b")], "m": {"k": sealed("c")}, "open": "d",
            "other": "e",
        });
        assert_eq!(Value::Object(arguments), expected);
        assert_eq!(Value::Object(open), json!({"s": "a", "l": ["b"], "m": {"k": "c"}}));
        let none = json!({"open": "d"});
        assert!(!holds_secrets(&schema, none.as_object().unwrap()));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_with_the_form_to_write() {
        for (name, value, form) in [
            ("s", json!(0.5), " Put it in quotes."),
            ("s", json!(true), " Put it in quotes."),
            ("n", json!("5"), " Write a whole number."),
            ("l", json!("ls -l"), " Write a list, such as [\"one\", \"two\"]."),
            ("s", json!(["a"]), "not array."),
        ] {
            let Value::Object(given) = json!({name: value}) else { panic!("an object") };
            let told = check(&schema(), &given).unwrap_err().message;
            assert!(told.ends_with(form), "{told}");
            assert!(!told.contains("0.5") && !told.contains("ls -l"), "{told}");
        }
    }
}
