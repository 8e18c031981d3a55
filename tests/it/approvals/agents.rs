//! Keys that sign without asking anybody, in agents and in files: what they sign is worth `tty`, and an
//! agent that asks shows no dialog for anything but what is signed and one test of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use super::{Scene, ask, data, exists, spend, text};
use crate::support::account::Who;
use crate::support::engine::Engine;
use crate::support::keys::{Key, SshAgent};
use crate::support::program::Ran;

/// Answers the first dialog with yes, after as long as a person takes, and each other with no.
const FIRST: &str = "#!/bin/sh\necho asked >>\"$0.asked\"\n\
    if [ \"$(wc -l <\"$0.asked\")\" = 1 ]; then sleep 0.6; exit 0; fi\nexit 1\n";

fn approve_by(scene: &Scene, id: &str, agent: &SshAgent, more: &[&str]) -> Ran {
    let mut approve = scene.world.program(Who::Agent, &["approve", id]);
    Ran::of(approve.args(more).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap())
}

#[test]
fn an_agent_that_asks_shows_two_dialogs_for_an_approval_and_the_second_is_refused() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("asks", &[]);
    let script = scene.world.own(Who::Agent).join("dialog");
    scene.world.write(&script, FIRST);
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let agent = SshAgent::asking(&scene.world, Who::Agent, &script);
    agent.add(&scene.world, &scene.alice, &["-c"]);
    let usual = scene.world.sandbox().path().join("run/ssh-agent.socket");
    std::os::unix::fs::symlink(&agent.socket, usual).unwrap();
    let dialogs = || {
        let asked = fs::read_to_string(script.with_extension("asked")).unwrap_or_default();
        asked.lines().count()
    };

    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    assert_eq!(dialogs(), 0, "to ask shows nobody anything");
    let given = approve_by(&scene, &id, &agent, &[]);
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.stderr.contains("Refuse that one: a refusal shows that it does."), "{given:?}");
    assert_eq!(dialogs(), 1, "the one for what is signed");
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
    assert_eq!(dialogs(), 2);
    assert!(!exists(&volume));
}

#[test]
fn an_agent_that_signs_at_once_approves_nothing_here_or_elsewhere() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("unasked", &[]);
    let agent = SshAgent::start(&scene.world, Who::Agent);
    agent.add(&scene.world, &scene.alice, &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let refused = approve_by(&scene, &id, &agent, &[]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("is worth `tty`"), "{refused:?}");
    assert!(refused.stderr.contains("signed without asking anybody"), "{refused:?}");
    assert!(refused.stderr.contains("ssh-add -c KEY"), "{refused:?}");
    assert_eq!(scene.lines(&id).last().unwrap(), "ask_refused assurance_too_low");
    // A signature says nothing of how it came about; the server sees the agent for itself.
    let document = scene.run(&["asks", "show", &id, "--document"]).stdout;
    let file = scene.world.own(Who::Agent).join("ask");
    scene.world.write(&file, &document);
    let signature = scene.alice.sign(&scene.world, super::NAMESPACE, &file).unwrap();
    scene.world.write(&file, &signature);
    let given = approve_by(&scene, &id, &agent, &["--signature", file.to_str().unwrap()]);
    assert_eq!(given.code, 0, "{given:?}");
    let usual = scene.world.sandbox().path().join("run/ssh-agent.socket");
    std::os::unix::fs::symlink(&agent.socket, &usual).unwrap();
    let refused = spend(&mut server, &volume, &handle);
    assert_eq!(data(&refused)["reason"], "assurance_too_low", "{}", text(&refused));
    assert!(text(&refused).contains("signs with the key without asking"), "{}", text(&refused));
    assert!(exists(&volume));
    let mut delete = scene.world.command(Who::Agent, "ssh-add");
    delete.args(["-q", "-D"]).env("SSH_AUTH_SOCK", &agent.socket).stderr(Stdio::null());
    assert!(delete.status().unwrap().success());
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
}

#[test]
fn a_key_that_lies_open_signs_nothing_wherever_it_lies() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("open", &[]);
    let open = Key::new(&scene.world, Who::Agent, "open", None);
    let both = format!("{}{}", scene.alice.line("alice", ""), open.line("bob", ""));
    fs::write(scene.world.system().join("allowed_signers"), both).unwrap();
    let (id, _) = ask(&mut scene.serve(), &volume);
    let public = format!("{}.pub", open.path.display());
    for key in [&open.path, Path::new(&public)] {
        let refused = scene.run(&["approve", &id, "--key", key.to_str().unwrap()]);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains("worth `tty`, since"), "{refused:?}");
        assert!(refused.stderr.contains("holds the key without a passphrase"), "{refused:?}");
        assert!(refused.stderr.contains("Nothing was signed."), "{refused:?}");
        assert!(!refused.stderr.contains("Signing with"), "{refused:?}");
        assert_eq!(scene.lines(&id).last().unwrap(), "ask_refused assurance_too_low");
    }
    assert_eq!(scene.approve(&[&id]).code, 0, "alice's is another");
}
