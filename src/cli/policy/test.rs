//! `policy test`: the tests that policy files bring, and what came of each.

use serde_json::{Value, json};

use super::file::{FileArgs, alone, level};
use super::{Desk, Stop};
use crate::cli::{Output, exit};
use crate::config::Stack;
use crate::core::policy::Ran;
use crate::core::text;
use crate::ops::table::table;

/// Runs the tests of one file, or of all that are in effect, and shows every one.
pub(super) fn run(desk: &Desk<'_>, args: &FileArgs, out: Output) -> Result<u8, Stop> {
    let Stack { policy, tests, failed } = match &args.file {
        None => desk.stack()?,
        Some(file) => alone(desk, file, level(args.level, &[file], out))?.stack,
    };
    let passed = tests.iter().filter(|test| test.passed).count();
    if args.json {
        let tests: Vec<Value> = tests.iter().map(as_json).collect();
        let failed = tests.len() - passed;
        out.json(&json!({
            "tests": tests, "passed": passed, "failed": failed, "policy": policy.digest(),
        }));
    } else {
        if !tests.is_empty() {
            let rows: Vec<[String; 5]> = tests.iter().map(|test| cells(test, out)).collect();
            let heading = ["TEST", "EXPECTED", "FOUND", "RULE", "RESULT"];
            out.data(table(heading, &rows).trim_end());
        }
        out.data(format!("{passed} of {} tests passed", tests.len()));
        if let Some(error) = &failed {
            out.message(format!("countersign: {error}"));
        }
    }
    Ok(if failed.is_some() { exit::USAGE } else { exit::DONE })
}

fn cells(test: &Ran, out: Output) -> [String; 5] {
    let by = test.by_expected.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    [
        text::name(&test.name),
        format!("{}{by}", test.expected.as_str()),
        if test.timeless { "depends on the time" } else { test.found.as_str() }.to_owned(),
        test.rule.to_string(),
        out.paint(if test.passed { "pass" } else { "FAIL" }),
    ]
}

fn as_json(test: &Ran) -> Value {
    let mut value = serde_json::to_value(test).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        map.insert("file".into(), json!(test.place.file));
        map.insert("line".into(), json!(test.place.line));
    }
    value
}
