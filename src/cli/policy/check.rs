//! `policy check`: whether policy files can be used, and what they hold.

use serde_json::{Value, json};

use super::file::{Contents, FileArgs, alone, level};
use super::{Desk, Stop};
use crate::cli::{Output, exit};
use crate::core::policy::{Level, Policy};
use crate::ops::table::table;

/// Checks, and lists what was read.
pub(super) fn run(desk: &Desk<'_>, args: &FileArgs, out: Output) -> Result<u8, Stop> {
    match &args.file {
        None => {
            let config = desk.config()?;
            print(&Contents::of_all(&config), &config.policy, args.json, out);
        }
        Some(file) => {
            let level = level(args.level, &[file], out);
            let stack = alone(desk, file, level)?.stack.passed()?;
            let rows = [Contents::of(file, level, &stack.policy, &stack.tests)];
            print(&rows, &stack.policy, args.json, out);
        }
    }
    Ok(exit::DONE)
}

fn print(rows: &[Contents], policy: &Policy, json: bool, out: Output) {
    let tests: usize = rows.iter().map(|row| row.tests).sum();
    let builtin = policy.rules().iter().filter(|rule| rule.level == Level::Builtin).count();
    if json {
        let file = |row: &Contents| {
            json!({
                "level": row.level, "path": row.path, "rules": row.rules, "tests": row.tests,
            })
        };
        let files: Vec<Value> = rows.iter().map(file).collect();
        out.json(&json!({
            "files": files, "rules": policy.rules().len(), "builtin": builtin, "tests": tests,
            "policy": policy.digest(),
        }));
        return;
    }
    let cells = |row: &Contents| {
        let (rules, tests) = (row.rules.to_string(), row.tests.to_string());
        [row.level.as_str().to_owned(), rules, tests, row.path.clone()]
    };
    let cells: Vec<[String; 4]> = rows.iter().map(cells).collect();
    if cells.is_empty() {
        out.data("No policy file was found: the built-in rules hold.");
    } else {
        out.data(table(["LEVEL", "RULES", "TESTS", "FILE"], &cells).trim_end());
    }
    let sound = out.paint("ok");
    let builtin = match builtin {
        0 => "the built-in ones are replaced".to_owned(),
        count => format!("{count} of them built in"),
    };
    out.data(format!(
        "{sound}  {} rules, {builtin}; {tests} tests passed; policy {}",
        policy.rules().len(),
        policy.digest()
    ));
}
