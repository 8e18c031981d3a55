//! `[asks]` of the configuration, with the real program: who is told of an ask and what, how long it
//! waits, how long a denial is remembered, and how many asks are open.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration as Step;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Scene, ask, data, exists, spend, text};
use crate::support::account::Who;
use crate::support::engine::Engine;
use crate::support::program::PATIENCE;

/// Writes down how many arguments it got, and each.
const NOTIFY: &str =
    "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" >\"$0.$$\"\nmv \"$0.$$\" \"$0.told.$$\"\n";

/// A label and the rest of a name that would drive a terminal, run a command and pass for a token.
const HOSTILE: &str =
    "x\n\u{1b}]0;owned\u{7}$(touch owned) `touch owned`\u{202e}\nconfirmToken=0123";

impl Scene {
    /// Where the account's own file says this of asks.
    fn asks(&self, says: &str) {
        let file = self.world.config().join("countersign/policy.toml");
        self.world.write(&file, &format!("version = 1\n[asks]\n{says}\n"));
    }

    /// Where this program is told of asks, after a word of the configuration.
    fn notified(&self) -> PathBuf {
        let program = self.world.own(Who::Agent).join("notify");
        self.world.write(&program, NOTIFY);
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        self.asks(&format!("notify = [\"{}\", \"a word\"]", program.display()));
        program
    }
}

/// What the program was told so far, each time as its lines.
fn told(program: &Path) -> Vec<Vec<String>> {
    let files = fs::read_dir(program.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let told = files.filter(|path| path.to_string_lossy().contains("/notify.told."));
    told.map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect())
        .collect()
}

/// What the program was told of this ask, as soon as it was told anything.
fn told_of(program: &Path, id: &str) -> Vec<Vec<String>> {
    let step = Step::from_millis(20);
    let mut left = PATIENCE;
    loop {
        let told: Vec<_> =
            told(program).into_iter().filter(|said| said.iter().any(|word| word == id)).collect();
        if !told.is_empty() {
            return told;
        }
        left = left.checked_sub(step).expect("nobody was told");
        thread::sleep(step);
    }
}

#[test]
fn a_command_is_told_of_each_ask_once_in_one_plain_line() {
    let Some(scene) = Scene::new() else { return };
    let program = scene.notified();
    let engine = Engine::connect();
    let label = format!("com.docker.compose.project={HOSTILE}");
    let network = engine.network_with(HOSTILE, &["--label", &label, "--internal"]);
    let mut server = scene.serve();
    let remove = json!({"network": network});
    let first = server.call("remove_network", &remove);
    let word =
        |result: &Value, key: &str| data(result)[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(word(&first, "status"), "approval_required", "{}", text(&first));
    let id = word(&first, "ask");
    // What a server was about to tell ends with it.
    let mut second = scene.serve();
    for again in [&mut server, &mut second] {
        assert_eq!(word(&again.call("remove_network", &remove), "ask"), id);
        let handle = word(&first, "confirmToken");
        let early = json!({"network": network, "confirmToken": handle});
        assert_eq!(word(&again.call("remove_network", &early), "status"), "approval_required");
    }
    let volume = engine.volume_with("told", &["--label", &label]);
    let (other, _) = ask(&mut second, &volume);

    assert_eq!(
        told_of(&program, &other),
        [["3", "a word", &other, &format!("remove_volume {volume}")]]
    );
    let told_once = told_of(&program, &id);
    let [said] = &told_once[..] else { panic!("told more than once: {told_once:?}") };
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!(said[..3], ["3", "a word", &id]);
    assert!(
        said[3].starts_with(&format!("remove_network cs-{}-x\\u{{a}}", engine.run())),
        "{said:?}"
    );
    assert!(said[3].contains("confirm[outside text]Token"), "{said:?}");
    assert!(!said[3].contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
    assert_eq!(told(&program).len(), 2);
    for folder in [scene.world.sandbox().work(), scene.world.own(Who::Agent)] {
        assert!(!folder.join("owned").exists(), "a shell read what an ask is about");
    }
}

#[test]
fn an_ask_waits_as_long_as_is_configured() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    for (says, expires) in
        [("", Duration::minutes(10)), ("expires = \"47s\"", Duration::seconds(47))]
    {
        scene.asks(says);
        let volume = engine.volume_with(&format!("waits{}", says.len()), &[]);
        let (id, _) = ask(&mut scene.serve(), &volume);
        let document = scene.run(&["asks", "show", &id, "--document"]).json();
        let at = |key: &str| moment(document[key].as_str().unwrap());
        assert_eq!(at("expires") - at("notBefore"), expires, "{says}");
    }
}

#[test]
fn a_denial_is_remembered_as_long_as_is_configured() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("cools", &[]);
    scene.asks("cooldown = \"0s\"");
    for _ in 0..2 {
        let mut server = scene.serve();
        let (id, handle) = ask(&mut server, &volume);
        assert_eq!(scene.run(&["deny", &id, "--reason", "no"]).code, 0);
        assert_eq!(data(&spend(&mut server, &volume, &handle))["reason"], "approval_denied");
    }
    scene.asks("cooldown = \"2h\"");
    let refused = scene.serve().call("remove_volume", &json!({"volume": volume}));
    assert_eq!(data(&refused)["reason"], "cooling_down", "{}", text(&refused));
    let (_, until) = text(&refused).split_once("again before ").unwrap();
    let until = moment(until.split(',').next().unwrap());
    let lines = scene.world.sandbox().requests();
    let denied = lines.iter().rfind(|line| line["event"] == "ask_denied").unwrap();
    let remembered = until - moment(denied["ts"].as_str().unwrap());
    assert!((remembered - Duration::hours(2)).abs() < Duration::minutes(1), "{remembered}");
    assert!(exists(&volume));
}

fn moment(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

#[test]
fn as_many_asks_are_open_as_are_configured() {
    let Some(scene) = Scene::new() else { return };
    scene.asks("open = 2");
    let engine = Engine::connect();
    let volumes = ["one", "two", "three"].map(|name| engine.volume_with(name, &[]));
    let mut ids = Vec::new();
    for volume in &volumes[..2] {
        ids.push(ask(&mut scene.serve(), volume).0);
    }
    let mut server = scene.serve();
    let refused = server.call("remove_volume", &json!({"volume": volumes[2]}));
    assert_eq!(data(&refused)["reason"], "limit", "{}", text(&refused));
    assert!(text(&refused).contains("2 asks of yours are open"), "{}", text(&refused));
    assert_eq!(ask(&mut server, &volumes[0]).0, ids[0], "what is asked for already is no ask more");
    assert_eq!(scene.run(&["deny", &ids[0], "--reason", "no"]).code, 0);
    ask(&mut server, &volumes[2]);
}
