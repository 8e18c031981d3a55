//! Attackers: shell scripts that run as the agent's own account, each with its outcome as a golden
//! file: what it was told, what is on record, and what the engine was asked to do. Each begins with
//! what it tries and what comes of it.

mod people;

use std::fmt::Write as _;
use std::fs;

use regex::Regex;

use crate::support::account::{Who, World};
use crate::support::play::Played;

/// What every one of them has at hand.
const AGENT: &str = include_str!("agent.bash");

/// The scene of an attack: an engine that does every change at once, and an agent's account.
struct Scene {
    engine: Played,
    world: World,
}

impl Scene {
    /// None where the tests do not run as root, which is said.
    fn new() -> Option<Self> {
        let engine = Played::willing();
        let world = World::with_system()?.on(&engine);
        Some(Self { engine, world })
    }

    /// With this as the system's policy.
    fn policy(self, text: &str) -> Self {
        fs::write(self.world.system().join("policy.toml"), text).unwrap();
        self
    }

    /// Runs a script as the agent, and says what came of it.
    fn attack(&self, script: &str) -> String {
        self.attack_with(&[], script)
    }

    fn attack_with(&self, at_hand: &[&str], script: &str) -> String {
        self.attack_between(at_hand, script, |what| panic!("{what}: nobody does that"))
    }

    /// Runs a script in parts, each by a shell of its own. A line that begins with `#-- ` ends one, and
    /// says what others do then.
    fn attack_between(
        &self,
        at_hand: &[&str],
        script: &str,
        mut others: impl FnMut(&str),
    ) -> String {
        let at_hand = [&[AGENT], at_hand].concat().join("\n");
        let mut stdout = String::new();
        for (place, part) in script.split("\n#-- ").enumerate() {
            if place > 0 {
                let what = part.lines().next().unwrap_or_default();
                others(what);
                writeln!(stdout, "({what})").unwrap();
            }
            let first = if place > 0 { "#" } else { "" };
            let text = format!("{at_hand}\n{first}{part}");
            let ran = self.world.script(Who::Agent, &text);
            assert_eq!(ran.code, 0, "{ran:?}");
            stdout.push_str(&ran.stdout);
        }
        let about: Vec<&str> = script.lines().take_while(|line| line.starts_with('#')).collect();
        let lines = self.world.sandbox().requests();
        let recorded = lines.iter().map(|line| {
            let keys = ["event", "op", "reason", "assurance"];
            let words: Vec<&str> = keys.iter().filter_map(|key| line[*key].as_str()).collect();
            words.join(" ")
        });
        let changes = listed("What the engine was asked to change", &self.engine.changes());
        let recorded = listed("On record", &recorded.collect::<Vec<_>>());
        let told = format!("{}\n\n{}\n{recorded}\n{changes}", about.join("\n"), stdout);
        self.told_alike(&told)
    }

    /// Without what differs from run to run.
    fn told_alike(&self, text: &str) -> String {
        let text = text.replace(self.world.sandbox().path().to_str().unwrap(), "<world>");
        let text = text.replace(self.engine.socket().to_str().unwrap(), "<socket>");
        let text = text.replace(&format!("user {}", self.world.uid()), "user <agent>");
        let text = text.replace(&format!("uid {}", self.world.uid()), "uid <agent>");
        let replace = [
            (r"\b[0-9a-f]{32}\b", "<token>"),
            (r"audit-\d{8}", "audit-<day>"),
            (r"/v1\.\d+/", "/<api>/"),
            (r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", "<ask>"),
            (r"SHA256:[A-Za-z0-9+/]{43}", "<key>"),
            (r"\b(until|before) \d{4}-[-0-9T:.]+Z", "$1 <time>"),
        ];
        replace.iter().fold(text, |text, (form, word)| {
            Regex::new(form).unwrap().replace_all(&text, *word).into_owned()
        })
    }
}

/// Lines under a head.
fn listed(head: &str, lines: &[String]) -> String {
    let told = |same: &[String]| match same {
        [line] => line.clone(),
        _ => format!("{} ({} times)", same.first().map_or("", String::as_str), same.len()),
    };
    let told: Vec<String> = lines.chunk_by(PartialEq::eq).map(told).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join("\n") };
    format!("{head}:\n{told}\n")
}

const NO_RESTARTS: &str = "version = 1\n[[rule]]\nid = \"no-restarts\"\neffect = \"deny\"\n\
                           match = { op = \"restart_container\" }\nreason = \"not here\"\n";

const ONLY_TERMINALS: &str = "version = 1\n[[rule]]\nid = \"on-a-terminal\"\n\
                              effect = \"confirm\"\nconfirm = { accept = [\"tty\"] }\n\
                              match = { op = \"restart_container\" }\n";

#[test]
fn echoing() {
    let Some(scene) = Scene::new() else { return };
    insta::assert_snapshot!(scene.attack(include_str!("echo.bash")));
}

#[test]
fn replaying() {
    let Some(scene) = Scene::new() else { return };
    insta::assert_snapshot!(scene.attack(include_str!("replay.bash")));
}

#[test]
fn its_own_dialog() {
    let Some(scene) = Scene::new() else { return };
    insta::assert_snapshot!(scene.attack(include_str!("own_dialog.bash")));
}

#[test]
fn its_own_terminal() {
    let Some(scene) = Scene::new() else { return };
    let scene = scene.policy(ONLY_TERMINALS);
    insta::assert_snapshot!(scene.attack(include_str!("own_terminal.bash")));
}

#[test]
fn a_request_state() {
    let Some(scene) = Scene::new() else { return };
    insta::assert_snapshot!(scene.attack(include_str!("request_state.bash")));
}

#[test]
fn a_second_server() {
    let Some(scene) = Scene::new() else { return };
    let scene = scene.policy(NO_RESTARTS);
    insta::assert_snapshot!(scene.attack(include_str!("second_server.bash")));
}

#[test]
fn a_symlinked_log() {
    let Some(scene) = Scene::new() else { return };
    insta::assert_snapshot!(scene.attack(include_str!("symlinked_log.bash")));
}
