//! `tools`: every operation and what policy says of it.

use serde_json::Value;

use crate::support::program::Sandbox;

fn rows(args: &[&str]) -> Vec<Value> {
    let ran = Sandbox::new().run(&[&["tools", "--json"], args].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn the_table_holds_every_operation() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["tools"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let all = rows(&[]);
    assert_eq!(ran.stdout.lines().count(), all.len() + 1);
    for word in ["NAME", "TOOLSET", "CLASS", "OFFERED", "ENGINE API", "VERDICT"] {
        assert!(ran.stdout.lines().next().unwrap().contains(word), "{word}");
    }
    for (line, row) in ran.stdout.lines().skip(1).zip(&all) {
        for key in ["name", "toolset", "class", "verdict"] {
            assert!(line.contains(row[key].as_str().unwrap()), "{key}: {line}");
        }
    }
    assert!(!sandbox.log().exists(), "listing writes nothing");
}

#[test]
fn verdicts_follow_the_class() {
    for row in rows(&[]) {
        let verdict = row["verdict"].as_str().unwrap();
        let begins = match row["class"].as_str().unwrap() {
            "read" | "sensitive" => "allow",
            "mutate" => "confirm",
            _ => "approve",
        };
        assert!(verdict.starts_with(begins), "{row}");
    }
}

#[test]
fn toolsets_narrow_the_list() {
    let core = rows(&["--toolsets", "core"]);
    assert!(names(&core).contains(&"ping") && !names(&core).contains(&"restart_container"));
    assert!(core.iter().all(|row| row["toolset"] == "core" && row["offered"] == true));
    let all = rows(&["--toolsets", "all"]);
    assert_eq!(names(&all), names(&rows(&[])));
}

#[test]
fn read_only_offers_no_change() {
    for row in rows(&["--read-only"]) {
        let is_change = ["mutate", "destroy", "escalate"].contains(&row["class"].as_str().unwrap());
        assert_eq!(row["offered"] == false, is_change, "{row}");
        assert_eq!(row["verdict"].as_str().unwrap().contains("read_only"), is_change, "{row}");
    }
}
