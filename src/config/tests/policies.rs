//! What is accepted, and what it comes to: rules, layers, tests, sizes.

use std::fmt::Write as _;
use std::path::Path;

use super::super::{Error, File, Source, Stack, alone, build};
use super::broken::load;
use super::vocabulary::vocabulary;
use crate::core::policy::{Effect, Level};

const RULE: &str = "version = 1\n[[rule]]\nid = \"r\"\neffect = \"deny\"\n";

fn file(level: Level, text: &str) -> File {
    let path = Path::new(level.as_str()).with_extension("toml");
    let source = Source { path, level, named: true };
    File::parse(&source, format!("version = 1\n{text}"), &vocabulary()).unwrap()
}

fn stack(files: &[(Level, &str)]) -> Result<Stack, Error> {
    let files: Vec<File> = files.iter().map(|(level, text)| file(*level, text)).collect();
    build(&files, &vocabulary())
}

#[test]
fn every_key_is_read() {
    let source = Source { path: "accepted.toml".into(), level: Level::User, named: true };
    let text = include_str!("accepted.toml").to_owned();
    let file = File::parse(&source, text, &vocabulary()).unwrap_or_else(|e| panic!("{e}"));
    let mut told = format!("{:#?}\n", file.settings);
    let stack = build(&[file], &vocabulary()).unwrap();
    for rule in stack.policy.rules() {
        let place = rule.place.as_ref().unwrap();
        let json = serde_json::to_string(rule).unwrap();
        writeln!(told, "{}:{} {json}", place.file, place.line).unwrap();
        if let Some(rate) = rule.when.as_ref().and_then(|when| when.rate.as_ref()) {
            writeln!(told, "counts {:?}", rate.counted).unwrap();
        }
    }
    for ran in &stack.tests {
        writeln!(told, "{}", serde_json::to_string(ran).unwrap()).unwrap();
    }
    assert!(stack.passed().is_ok());
    insta::assert_snapshot!(told);
}

/// Of each pair the first is accepted, and the nearest thing is refused with these words.
#[test]
fn the_nearest_thing_is_refused() {
    let id = "0".repeat(64);
    let names = |count| vec!["\"n\""; count].join(", ");
    for (good, bad, says) in [
        ("name = \"web\"", "name = \"/web\"", "names have no leading slash here"),
        ("name = \"w*\"", "name = \"w/*\"", "`/` does not occur"),
        (
            &*format!("name = \"{}\"", "x".repeat(200)),
            &*format!("name = \"{}\"", "x".repeat(201)),
            "longer than 200",
        ),
        (
            &*format!("name = [{}]", names(200)),
            &*format!("name = [{}]", names(201)),
            "it can have 200",
        ),
        (
            &*format!("id = \"{id}\""),
            &*format!("id = \"{id}0\" , kind = \"container\""),
            "can never match",
        ),
        ("label.env = \"\"", "project = \"\"", "never empty"),
        ("privileged = false", "privileged = \"False\"", "true or false"),
        ("privileged = \"tr*\"", "privileged = \"tree*\"", "true or false"),
        ("arg.force = \"true\"", "arg.force = 1", "one of `false` and `true`"),
        ("arg.stream = \"std*\"", "arg.stream = \"st*x\"", "one of `all`, `stdout` and `stderr`"),
        ("op = \"ping\", class = \"read\"", "op = \"ping\", class = \"mutate\"", "can never match"),
        (
            "op = \"stop_container\", class = \"destroy\"",
            "op = \"stop_container\", class = \"escalate\"",
            "can never match",
        ),
        ("client = \"x\"", "clients = \"x\"", "Did you mean `client`?"),
        ("toolset = \"volumes\"", "toolset = \"networks\"", "has no operation in this version"),
        ("label.\"a.b\" = \"x\"", "label.a = { }", "is an empty table"),
        (
            "op = \"ping\" }\nwhen = { timezone = \"UTC\", inside = \"00:00-24:00\"",
            "op = \"ping\" }\nwhen = { timezone = \"UTC\", outside = \"00:00-24:00\"",
            "no minute of the day",
        ),
        (
            "op = \"ping\" }\nwhen = { timezone = \"UTC\", days = \"sat\", inside = \"22:00-00:00\"",
            "op = \"ping\" }\nwhen = { timezone = \"UTC\", days = \"sat\", inside = \"22:00-00:01\"",
            "over midnight",
        ),
        (
            "op = \"ping\" }\nwhen = { at_least = \"1 per 7d\", scope = \"host\"",
            "op = \"ping\" }\nwhen = { at_least = \"1 per 169h\", scope = \"host\"",
            "1s to 7d",
        ),
        (
            "name = \"a*\" }\nunless = { name = \"ab\"",
            "name = \"a*\" }\nunless = { name = \"*\"",
            "`unless` holds for every request",
        ),
        (
            "name = \"a*\" }\nunless = { op = \"ping\"",
            "name = \"a*\" }\nunless = { client = \"x\"",
            "may not stand in `unless`",
        ),
        (
            "op = \"rename_container\" }\nunless = { arg.newName = \"x\"",
            "op = \"rename_container\" }\nunless = { arg.force = true",
            "No operation that this rule speaks of",
        ),
    ] {
        let text = |conditions: &str| format!("{RULE}match = {{ {conditions} }}\n");
        load("user.toml", &text(good)).unwrap_or_else(|error| panic!("{good}: {error}"));
        let error = load("user.toml", &text(bad)).expect_err(bad).to_string();
        assert!(error.contains(says), "{bad}: {error}");
    }
}

/// The same of what a rule takes for an approval, and of how people are asked.
#[test]
fn the_nearest_thing_to_ask_of_people_is_refused() {
    let some =
        |count: usize| (0..count).map(|n| format!("\"n{n}\"")).collect::<Vec<_>>().join(", ");
    let approve = |takes: &str| {
        let rule =
            "[[rule]]\nid = \"r\"\neffect = \"approve\"\nmatch = { op = \"remove_container\" }";
        format!("{rule}\napprove = {{ {takes} }}")
    };
    let asks = |setting: &str| format!("[asks]\n{setting}");
    let long = |count| "n".repeat(count);
    for (good, bad, says) in [
        (approve("accept = \"uid\""), approve("accept = \"tty\""), "`tty` cannot approve"),
        (approve("expires = \"30s\""), approve("expires = \"29s\""), "from 30s to 24h"),
        (approve("expires = \"24h\""), approve("expires = \"1441m\""), "from 30s to 24h"),
        (approve("by = \"a._@+-Z9\""), approve("by = \"a b\""), "is no name of a signer"),
        (
            approve(&format!("by = [{}]", some(16))),
            approve(&format!("by = [{}]", some(17))),
            "can name 16",
        ),
        (
            approve(&format!("by = \"{}\"", long(64))),
            approve(&format!("by = \"{}\"", long(65))),
            "1 to 64 characters",
        ),
        (asks("expires = \"30s\""), asks("expires = \"29s\""), "from 30s to 24h"),
        (asks("cooldown = \"24h\""), asks("cooldown = \"86401s\""), "from 0s to 24h"),
        (asks("open = 1"), asks("open = 0"), "from 1 to 256"),
        (asks("open = 256"), asks("open = 257"), "from 1 to 256"),
        (asks("notify = \"notify-send\""), asks("notify = \"-send\""), "names no program"),
        (asks("notify = \"/bin/n m\""), asks("notify = \"bin/nm\""), "names no program"),
        (
            asks(&format!("notify = [{}]", some(16))),
            asks(&format!("notify = [{}]", some(17))),
            "can have 16",
        ),
        (
            asks(&format!("notify = [\"a\", \"{}\"]", long(256))),
            asks(&format!("notify = [\"a\", \"{}\"]", long(257))),
            "1 to 256",
        ),
        (
            "[confirm]\nvia = \"token\"".into(),
            "[confirm]\nvia = \"echo\"".into(),
            "`via` is `echo`",
        ),
    ] {
        let load = |text: &str| load("user.toml", &format!("version = 1\n{text}\n"));
        load(&good).unwrap_or_else(|error| panic!("{good}: {error}"));
        let error = load(&bad).expect_err(&bad).to_string();
        assert!(error.contains(says), "{bad}: {error}");
    }
}

#[test]
fn ids_and_reasons_have_their_lengths() {
    let rule = |id: &str, reason: &str| {
        format!(
            "version = 1\n[[rule]]\nid = \"{id}\"\neffect = \"deny\"\nmatch = {{ op = \"ping\" }}\nreason = \"{reason}\"\n"
        )
    };
    let stack = load("user.toml", &rule(&"a".repeat(64), &"ü".repeat(300))).unwrap();
    assert_eq!(stack.policy.rules().last().unwrap().reason.as_ref().unwrap().chars().count(), 300);
    assert!(load("user.toml", &rule(&"a".repeat(65), "x")).is_err());
    assert!(load("user.toml", &rule("a", &"ü".repeat(301))).is_err());
    assert!(load("user.toml", &rule("a", "")).is_err());
}

#[test]
fn a_label_with_dots_is_one_label_however_it_is_written() {
    let digests: Vec<_> = [
        "match = { label.\"com.example.team\" = \"a\" }",
        "match = { label.com.example.team = \"a\" }",
        "match.label.com = { example.team = \"a\" }",
        "[rule.match.label.com.example]\nteam = [\"a\"]",
        "match = { \"label.com.example.team\" = 'a' }",
    ]
    .iter()
    .map(|text| load("user.toml", &format!("{RULE}{text}\n")).unwrap().policy.digest())
    .collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
}

#[test]
fn only_a_trusted_file_replaces_the_builtin_rules() {
    let text = "base = \"replace\"\n[[rule]]\nid = \"a\"\neffect = \"allow\"\nmatch = { class = \"mutate\" }\n";
    for level in [Level::System, Level::User] {
        let stack = stack(&[(level, text)]).unwrap();
        assert_eq!(stack.policy.rules().len(), 1, "{level:?}");
    }
    assert_eq!(
        stack(&[]).unwrap().policy.digest(),
        crate::core::policy::Policy::builtin().digest()
    );
    // With the built-in rules it would say nothing; where the system's file took them away, it does.
    let allows = text.replace("base = \"replace\"\n", "");
    let error = stack(&[(Level::User, &allows)]).unwrap_err().to_string();
    assert!(error.contains("`builtin-mutate` always matches with it"), "{error}");
    let other =
        "base = \"replace\"\n[[rule]]\nid = \"b\"\neffect = \"deny\"\nmatch = { op = \"ping\" }\n";
    assert_eq!(
        stack(&[(Level::System, other), (Level::User, &allows)]).unwrap().policy.rules().len(),
        2
    );
}

#[test]
fn ids_are_unique_over_files() {
    let rule = |op: &str| {
        format!("[[rule]]\nid = \"x\"\neffect = \"deny\"\nmatch = {{ op = \"{op}\" }}\n")
    };
    let error = stack(&[(Level::User, &rule("ping")), (Level::Project, &rule("stop_container"))]);
    let error = error.unwrap_err();
    assert_eq!(error.problems.len(), 1);
    let told = error.to_string();
    assert!(
        told.starts_with("project.toml:3:6: The id `x` is also that of the rule at user.toml:3."),
        "{told}"
    );
}

#[test]
fn a_files_tests_see_the_files_up_to_it() {
    let user = "[[test]]\nname = \"t\"\ngiven = { op = \"ping\" }\nexpect = \"allow\"\nby = \"builtin-reads\"\n";
    let project = "[[rule]]\nid = \"x\"\neffect = \"deny\"\nmatch = { op = \"ping\" }\n\
                   [[test]]\nname = \"t\"\ngiven = { op = \"ping\" }\nexpect = \"deny\"\nby = \"x\"\n\
                   [[test]]\nname = \"u\"\ngiven = { op = \"remove_volume\" }\nexpect = \"deny\"\n";
    let stack = stack(&[(Level::User, user), (Level::Project, project)]).unwrap();
    let passed: Vec<bool> = stack.tests.iter().map(|ran| ran.passed).collect();
    assert_eq!(passed, [true, true, false]);
    assert_eq!(&*stack.tests[2].rule, "builtin-destroy");
    assert_eq!(stack.tests[2].found, Effect::Approve);
    let error = stack.passed().unwrap_err().to_string();
    assert!(error.starts_with("project.toml:12:8: The test `u` fails"), "{error}");
}

#[test]
fn a_test_without_a_time_is_one_only_where_time_matters() {
    let rules = "[[rule]]\nid = \"night\"\neffect = \"deny\"\nmatch = { class = \"mutate\" }\n\
                 when = { timezone = \"UTC\", outside = \"09:00-17:00\" }\n";
    for (given, expect, passes) in [
        ("op = \"restart_container\"", "deny", false),
        ("op = \"restart_container\"", "confirm", false),
        ("op = \"restart_container\", at = 2026-01-31T18:00:00Z", "deny", true),
        ("op = \"restart_container\", at = 2026-01-31T10:00:00Z", "confirm", true),
        ("op = \"restart_container\", at = 2026-01-31T10:00:00-08:00", "deny", true),
        ("op = \"remove_volume\"", "approve", true),
        ("op = \"ping\"", "allow", true),
    ] {
        let test = format!(
            "{rules}[[test]]\nname = \"t\"\ngiven = {{ {given} }}\nexpect = \"{expect}\"\n"
        );
        let stack = stack(&[(Level::User, &test)]).unwrap();
        assert_eq!(stack.tests[0].passed, passes, "{given}: {:?}", stack.tests[0]);
        assert_eq!(stack.tests[0].timeless, !passes && !given.contains("at ="), "{given}");
    }
}

#[test]
fn sizes_are_bounded() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("policy.toml");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        alone(&path, Level::User, &vocabulary()).map_err(|error| error.to_string())
    };
    let padded =
        |size: usize| format!("{:\n<12}{}", "version = 1", " ".repeat(size - 12)).into_bytes();
    assert!(read(&padded(1024 * 1024)).is_ok());
    assert!(read(&padded(1024 * 1024 + 1)).unwrap_err().contains("it is longer than 1 MiB"));
    let rules = |count| {
        let mut text = String::from("version = 1\n");
        for number in 0..count {
            write!(text, "[[rule]]\nid=\"{number}\"\neffect=\"deny\"\nmatch={{op=\"ping\"}}\n")
                .unwrap();
        }
        text.into_bytes()
    };
    assert_eq!(read(&rules(10_000)).unwrap().rules.len(), 10_000);
    assert!(read(&rules(10_001)).unwrap_err().contains("There are 10001 of [[rule]]"));
    assert!(read(b"version = 1\n# \xff\n").unwrap_err().contains("policy.toml:2:3: This byte"));
    std::fs::remove_file(&path).unwrap();
    assert!(
        alone(&path, Level::User, &vocabulary())
            .unwrap_err()
            .to_string()
            .contains("cannot be read: No such file")
    );
    std::fs::create_dir(&path).unwrap();
    assert!(
        alone(&path, Level::User, &vocabulary())
            .unwrap_err()
            .to_string()
            .contains("no regular file")
    );
}

#[test]
fn nothing_that_nests_ends_the_program() {
    let deep = |part: &str, times: usize, end: &str| part.repeat(times) + end;
    for text in [
        deep("a.", 400_000, "a = 1"),
        format!("[{}]", deep("a.", 400_000, "a")),
        deep("a = [", 200_000, ""),
        deep("a = {", 200_000, ""),
        format!("{RULE}match = {}", deep("{ a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p = ", 79, "1")),
        format!(
            "{RULE}match = {}{}",
            deep("{ a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p = ", 79, "1"),
            " }".repeat(79)
        ),
    ] {
        let error = load("user.toml", &text).unwrap_err();
        assert!(error.problems.iter().all(|problem| problem.position.is_some()));
    }
}
