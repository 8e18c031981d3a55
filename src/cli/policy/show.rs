//! `policy show`: the effective rules, whose they are and where they are written.

use serde_json::{Value, json};

use super::words::{clauses, place};
use super::{Desk, Stop};
use crate::cli::{Output, exit};
use crate::core::policy::Rule;
use crate::ops::table::table;

/// Prints the effective rules with their sources, in the order in which they were written.
pub(super) fn run(desk: &Desk<'_>, json: bool, out: Output) -> Result<u8, Stop> {
    let policy = desk.config()?.policy;
    let rules = policy.rules();
    if json {
        let rules: Vec<Value> = rules.iter().map(as_json).collect();
        out.json(&json!({"policy": policy.digest(), "rules": rules}));
        return Ok(exit::DONE);
    }
    let cells = |rule: &Rule| {
        [rule.effect.as_str().into(), rule.level.as_str().into(), rule.id.to_string(), place(rule)]
    };
    let rows: Vec<[String; 4]> = rules.iter().map(cells).collect();
    let table = table(["EFFECT", "LEVEL", "RULE", "WHERE"], &rows);
    let mut lines = table.lines();
    out.data(lines.next().unwrap_or_default());
    for (line, rule) in lines.zip(rules) {
        out.data(line);
        for (table, what) in clauses(rule) {
            if !out.data(format!("  {table:6}  {what}")) {
                return Ok(exit::DONE);
            }
        }
    }
    out.data(format!("{} rules, policy {}", rules.len(), policy.digest()));
    Ok(exit::DONE)
}

/// A rule as a policy file says it, with its source.
fn as_json(rule: &Rule) -> Value {
    let mut value = serde_json::to_value(rule).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        let place = rule.place.as_ref();
        map.insert("file".into(), place.map_or(Value::Null, |place| json!(place.file)));
        map.insert("line".into(), place.map_or(Value::Null, |place| json!(place.line)));
    }
    value
}
