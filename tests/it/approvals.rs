//! Approvals with the real program and OpenSSH's own: what one process asks for is approved in a shell,
//! or on another machine, and spent in a third.

mod across;
mod agents;
mod refused;
mod settings;
mod state;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use countersign::host::HostClock;
use countersign::ports::Clock as _;
use serde_json::{Value, json};

use crate::support::account::{Who, World};
use crate::support::engine::{Engine, try_docker};
use crate::support::keys::Key;
use crate::support::program::{Ran, Session, data, text};

const NAMESPACE: &str = "countersign-approval";
const PASSPHRASE: &str = "sesam1";
const ALL: [&str; 2] = ["--toolsets", "all"];

/// An ordinary account on the real engine, and alice with a key that nobody else can use.
struct Scene {
    world: World,
    alice: Key,
}

impl Scene {
    /// None where the tests do not run as root, which is said.
    fn new() -> Option<Self> {
        let world = World::with_system()?;
        world.write(&world.own(Who::Agent).join(".ssh/config"), "");
        let alice = Key::new(&world, Who::Agent, ".ssh/id_ed25519", Some(PASSPHRASE));
        let public = format!("{}.pub", alice.path.display());
        let added = world.run(Who::Root, &["trust", "add", &public, "--name", "alice"]);
        assert_eq!(added.code, 0, "{added:?}");
        Some(Self { world, alice })
    }

    fn serve(&self) -> Session {
        let mut session = self.world.serve(&ALL);
        session.initialize("2025-06-18");
        session
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.world.run(Who::Agent, args)
    }

    /// `approve`, with the passphrase typed where OpenSSH asks for it.
    fn approve(&self, args: &[&str]) -> Ran {
        let mut command = self.world.program(Who::Agent, &["approve"]);
        self.alice.unlocks(command.args(args));
        Ran::of(command.output().unwrap())
    }

    /// The lines about this ask, as event, reason and worth.
    fn lines(&self, ask: &str) -> Vec<String> {
        let lines = self.world.sandbox().requests().into_iter().filter(|line| line["ask"] == ask);
        let words = |line: Value| {
            let all =
                ["event", "reason", "assurance"].map(|key| line[key].as_str().map(str::to_owned));
            all.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        lines.map(words).collect()
    }
}

/// Asks for a volume's removal: the ask's id and its handle.
fn ask(session: &mut Session, volume: &str) -> (String, String) {
    let result = session.call("remove_volume", &json!({"volume": volume}));
    let word = |key: &str| data(&result)[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(word("status"), "approval_required", "{}", text(&result));
    let (id, handle) = (word("ask"), word("confirmToken"));
    let shown = text(&result);
    assert!(shown.contains("at a shell of this machine, as countersign-test (uid "), "{shown}");
    assert!(shown.contains(&format!("countersign approve {id}")), "{shown}");
    assert!(shown.contains(&format!("\nconfirmToken={handle} (single use)")), "{shown}");
    (id, handle)
}

fn spend(session: &mut Session, volume: &str, handle: &str) -> Value {
    session.call("remove_volume", &json!({"volume": volume, "confirmToken": handle}))
}

fn exists(volume: &str) -> bool {
    try_docker(&["volume", "inspect", volume]).is_some()
}

#[test]
fn what_one_process_asks_for_is_approved_in_a_shell_and_spent_in_another() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("approved", &[]);
    let (id, handle) = ask(&mut scene.serve(), &volume);
    assert!(exists(&volume));
    let listed = scene.run(&["asks"]).stdout;
    assert!(listed.contains(&id) && listed.contains("pending"), "{listed}");
    let shown = scene.run(&["asks", "show", &id.to_lowercase()]).stdout;
    let (facts, shown_then) = shown.split_once("As it was previewed.").unwrap();
    assert!(facts.contains(&format!("Acts on     volume {volume} (engine ")), "{shown}");
    assert!(facts.contains(&format!("Argument    volume = \"{volume}\"")), "{shown}");
    assert!(shown_then.contains("CANNOT BE UNDONE"), "{shown}");
    assert!(shown_then.contains("Client: tester") && !facts.contains("tester"), "{shown}");

    let elsewhere = scene.world.run(Who::Root, &["asks", "show", &id]);
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
    let named = format!("There is no ask {id} among those of root (uid 0) in /");
    assert!(elsewhere.stderr.contains(&named), "{elsewhere:?}");

    let mut other = scene.serve();
    let early = spend(&mut other, &volume, &handle);
    assert_eq!(data(&early)["status"], "approval_required", "{}", text(&early));
    let approved = scene.approve(&[&id]);
    assert_eq!(approved.code, 0, "{approved:?}");
    assert!(approved.stdout.contains("is approved by alice (SHA256:"), "{approved:?}");
    let decided = scene.run(&["asks", "show", &id]).stdout;
    assert!(decided.contains("\nDecision    approved by alice with SHA256:"), "{decided}");
    assert!(exists(&volume), "approving does nothing by itself");
    let done = spend(&mut other, &volume, &handle);
    assert_eq!(data(&done)["status"], "ok", "{}", text(&done));
    assert!(!exists(&volume));
    let over = scene.run(&["asks", "show", &id]).stdout;
    assert!(over.starts_with(&format!("Ask {id}: done since 2")), "{over}");
    let all = scene.run(&["asks", "--all"]).stdout;
    assert!(all.lines().any(|row| row.starts_with(&id) && row.contains("ended ")), "{all}");
    let again = spend(&mut scene.serve(), &volume, &handle);
    assert_eq!(data(&again)["reason"], "token_used", "{}", text(&again));
    assert_eq!(
        scene.lines(&id),
        [
            "preview",
            "preview",
            "ask_approved secret",
            "allowed secret",
            "done secret",
            "denied token_used",
        ]
    );
    let verified = scene.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_decision_of_another_machine_is_as_good_and_one_over_anything_else_is_none() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("elsewhere", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let document = scene.run(&["asks", "show", &id, "--document"]).stdout;
    let write = |name: &str, content: &str| {
        let path = scene.world.own(Who::Agent).join(name);
        scene.world.write(&path, content);
        path
    };
    let signed = |name: &str, namespace: &str, content: &str| {
        let file = write(name, content);
        let signature = scene.alice.sign(&scene.world, namespace, &file).unwrap();
        write(&format!("{name}.sig"), &signature)
    };
    let give = |file: &Path| scene.approve(&[&id, "--signature", file.to_str().unwrap()]);
    let swapped = document.replace(&volume, "another-volume");
    for (file, reason) in [
        (signed("swapped", NAMESPACE, &swapped), "not one over this ask"),
        (signed("purpose", "file", &document), "was given for `file`"),
        (write("nothing", "yes, please"), "no signature as"),
    ] {
        let refused = give(&file);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains(reason), "{refused:?}");
    }
    let still = spend(&mut server, &volume, &handle);
    assert_eq!(data(&still)["status"], "approval_required", "the ask is as it was");
    let given = give(&signed("ask", NAMESPACE, &document));
    assert_eq!(given.code, 0, "{given:?}");
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
    assert!(!exists(&volume));
}

#[test]
fn a_denial_reaches_the_agent_in_its_words() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("denied", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let wait = server
        .ask("tools/call", &json!({"name": "check_ask", "arguments": {"ask": id, "wait": 30}}));
    server.lives();
    let denied = scene.run(&["deny", &id, "--reason", "the backup is not done yet"]);
    assert_eq!(denied.code, 0, "{denied:?}");
    let told = server.answer(&json!(wait));
    assert!(text(&told["result"]).contains("denied: the backup is not done yet"), "{told}");
    let refused = spend(&mut server, &volume, &handle);
    assert_eq!(data(&refused)["reason"], "approval_denied", "{}", text(&refused));
    let anew = server.call("remove_volume", &json!({"volume": volume}));
    assert_eq!(data(&anew)["reason"], "cooling_down", "{}", text(&anew));
    assert!(exists(&volume));
    let late = scene.approve(&[&id]);
    assert_eq!(late.code, 3, "{late:?}");
    assert_eq!(late.stderr.lines().count(), 1, "no preview of what is over: {late:?}");
    assert_eq!(scene.lines(&id).last().map(String::as_str), Some("ask_refused ask_closed"));
}

#[test]
fn a_denial_ends_what_else_waits_for_the_same() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let container = engine.container("sleep 600").start();
    let mut server = scene.serve();
    let mut remove = |volumes| {
        let arguments = json!({"container": container.name, "force": true, "volumes": volumes});
        let result = server.call("remove_container", &arguments);
        let word = |key: &str| data(&result)[key].as_str().unwrap_or_default().to_owned();
        (word("ask"), word("reason"))
    };
    let [(one, _), (other, _)] = [false, true].map(&mut remove);
    let denied = scene.run(&["deny", &one, "--reason", "it is in use"]);
    assert_eq!(denied.code, 0, "{denied:?}");
    let said = format!("Ask {one} is denied, and with it what else waited for the same: {other}.");
    assert!(denied.stdout.starts_with(&said), "{denied:?}");
    for id in [&one, &other] {
        assert_eq!(scene.lines(id), ["preview", "ask_denied"]);
    }
    let shown = scene.run(&["asks", "show", &other]).stdout;
    assert!(shown.contains(&format!("together with ask {one}: it is in use")), "{shown}");
    assert_eq!(remove(true).1, "cooling_down");
    assert_eq!(scene.approve(&[&other]).code, 3);
}

#[test]
fn a_broken_file_of_a_project_keeps_nobody_from_deciding() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("broken", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let file = scene.world.sandbox().work().join("countersign.toml");
    scene.world.write(&file, "nonsense");
    assert!(scene.run(&["asks"]).stdout.contains(&id));
    assert_eq!(scene.approve(&[&id]).code, 0);
    assert_eq!(scene.run(&["revoke", &id]).code, 0);
    fs::remove_file(&file).unwrap();
    let refused = spend(&mut server, &volume, &handle);
    assert_eq!(data(&refused)["reason"], "approval_revoked", "{}", text(&refused));
    assert!(exists(&volume));
}

#[test]
fn the_account_of_the_agent_alone_has_nobody_to_ask() {
    let world = World::new();
    let engine = Engine::connect();
    let volume = engine.volume_with("alone", &[]);
    world.write(&world.own(Who::Agent).join(".ssh/config"), "");
    let own = Key::new(&world, Who::Agent, ".ssh/id_ed25519", None);
    let public = format!("{}.pub", own.path.display());
    let call = ["call", "--toolsets", "all", "remove_volume", &volume];
    let refused = world.run(Who::Agent, &call);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("no file trusts anybody's key"), "{refused:?}");
    assert_eq!(world.run(Who::Agent, &["trust", "add", &public, "--name", "me"]).code, 0);
    let refused = world.run(Who::Agent, &call);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("is worth `tty`, since"), "{refused:?}");
    assert!(exists(&volume));
    assert!(!world.state().join("countersign/state.db").exists(), "nothing was asked");
}

#[test]
fn a_server_of_root_can_never_have_an_approval() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("root", &[]);
    let call = ["call", "--toolsets", "all", "remove_volume", &volume];
    let refused = scene.world.run(Who::Root, &call);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("Countersign runs as root"), "{refused:?}");
    assert!(exists(&volume));
}

#[test]
fn a_waiting_check_knows_of_an_approval_at_once() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let mut server = scene.serve();
    let mut waits = Vec::new();
    for n in 0..5 {
        let volume = engine.volume_with(&format!("soon{n}"), &[]);
        let (id, handle) = ask(&mut server, &volume);
        let wait = json!({"name": "check_ask", "arguments": {"ask": id, "wait": 55}});
        let wait = server.ask("tools/call", &wait);
        let before = HostClock.tick();
        thread::sleep(Duration::from_millis(200));
        assert_eq!(scene.approve(&[&id]).code, 0);
        let told = server.answer(&json!(wait));
        assert!(text(&told["result"]).contains("approved by alice"), "{told}");
        assert!(HostClock.tick().0 - before.0 < Duration::from_secs(30));
        assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
        waits.push(between(&scene, &id));
    }
    waits.sort_unstable();
    println!("approved to allowed, in ms: {waits:?}");
}

/// From the approval on record to the intent on record, in milliseconds.
fn between(scene: &Scene, ask: &str) -> i128 {
    let lines = scene.world.sandbox().requests();
    let at = |event: &str| {
        let line = lines.iter().find(|line| line["ask"] == ask && line["event"] == event).unwrap();
        let at = line["ts"].as_str().unwrap();
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(at, format).unwrap()
    };
    (at("allowed") - at("ask_approved")).whole_milliseconds()
}

#[test]
fn what_is_stored_is_only_for_its_owner() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("stored", &[]);
    ask(&mut scene.serve(), &volume);
    let folder = scene.world.state().join("countersign");
    for (path, mode) in [(folder.clone(), 0o700), (folder.join("state.db"), 0o600)] {
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.permissions().mode() & 0o777), (scene.world.uid(), mode));
    }
}
