//! The account that tests of approval run the server as: an ordinary one.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::account::{Who, World};
use crate::support::engine::Engine;
use crate::support::keys::{Key, SshAgent};
use crate::support::play::Played;
use crate::support::program::{LEGACY, Ran, text};

const NAMESPACE: &str = "countersign-approval";

#[test]
fn the_account_reaches_the_engine_and_cannot_touch_the_systems_settings() {
    let Some(world) = World::with_system() else { return };
    let engine = Engine::connect();
    let container = engine.container("sleep 60").start();
    fs::write(world.system().join("policy.toml"), "version = 1\n").unwrap();
    let ran = world.run(Who::Agent, &["call", "list_containers", "all=true"]);
    assert!(ran.stdout.contains(&container.name), "{ran:?}");

    let tries = "id -u; grep -c '^Cap.*:\\s0*$' /proc/self/status; grep NoNewPrivs /proc/self/status
        cd /etc/countersign; cat policy.toml
        for deed in 'touch x' 'rm policy.toml' 'mv /etc/countersign /etc/other' 'umount /etc/countersign'
        do $deed 2>/dev/null && echo \"could $deed\"; done; ls";
    let ran = world.script(Who::Agent, tries);
    let uid = world.uid();
    assert_eq!(
        ran.stdout,
        format!("{uid}\n5\nNoNewPrivs:\t1\nversion = 1\npolicy.toml\n"),
        "{}",
        ran.stderr
    );
    assert_ne!(uid, 0);
    assert_eq!(world.script(Who::Root, "id -u; ls /etc/countersign").stdout, "0\npolicy.toml\n");
    let key = Key::new(&world, Who::Root, "alice", None);
    let ran = world.script(Who::Agent, &format!("cat {} || echo no", key.path.display()));
    assert_eq!(ran.stdout, "no\n", "the agent reads what is root's");
}

#[test]
fn a_process_of_the_account_reads_nothing_that_the_server_holds() {
    let Some(world) = World::with_system() else { return };
    let tries = "sleep 9 | countersign mcp 2>/dev/null & pid=$!; sleep 0.5; ls /proc/$pid >/dev/null
        for file in environ mem maps; do head -c1 /proc/$pid/$file >/dev/null 2>&1 && echo $file; done
        sleep 9 & pid=$!; head -c1 /proc/$pid/environ >/dev/null && echo another; kill %1 %2";
    assert_eq!(world.script(Who::Agent, tries).stdout, "another\n");
}

#[test]
fn whoever_has_the_rights_of_another_account_is_refused() {
    let Some(world) = World::with_system() else { return };
    let mut run = world.command(Who::Root, "setpriv");
    run.args(["--ruid", &world.uid().to_string(), "--euid", "0", "--"]);
    run.arg(world.sandbox().path().join("countersign")).arg("asks");
    let ran = Ran::of(run.output().unwrap());
    assert!(ran.code == 2 && ran.stderr.contains("with the rights of user 0"), "{ran:?}");
}

#[test]
fn worlds_know_nothing_of_each_other() {
    let Some(one) = World::with_system() else { return };
    let other = World::new();
    fs::write(one.system().join("x"), "one").unwrap();
    one.write(&one.config().join("countersign/policy.toml"), "");
    for who in [Who::Agent, Who::Root] {
        assert_eq!(one.script(who, "cat /etc/countersign/x").stdout, "one");
        assert_eq!(other.script(who, "ls /etc/countersign").stdout, "");
    }
    assert!(!fs::exists("/etc/countersign/x").unwrap(), "the machine's own is written");
    let mine = "touch \"$XDG_CONFIG_HOME/countersign/policy.toml\" && echo mine";
    assert_eq!(one.script(Who::Agent, mine).stdout, "mine\n");
}

#[test]
fn the_account_serves_over_an_engine_that_is_played() {
    let played = Played::willing();
    let world = World::new().on(&played).out_of_the_engines_group();
    let mut session = world.serve(&[]);
    session.initialize(LEGACY);
    let answer = session.call("restart_container", &json!({"container": "web"}));
    assert!(text(&answer).contains("confirmToken="), "{answer}");
    assert_eq!(session.end().0, 0);
    assert_eq!(world.sandbox().events(), ["preview"]);
    assert_eq!(world.sandbox().requests()[0]["caller"]["uid"], world.uid());
    let ran = world.script(Who::Agent, "id -G | wc -w; ls \"$XDG_STATE_HOME\"");
    assert!(ran.stdout.starts_with("1\n") || world.uid() != 0, "{ran:?}");
    assert!(world.state().exists());
}

#[test]
fn keys_sign_for_whoever_knows_the_passphrase() {
    let world = World::new();
    let document = world.sandbox().work().join("document");
    world.write(&document, "what is signed\n");
    let open = Key::new(&world, Who::Agent, "open", None);
    let shut = Key::new(&world, Who::Agent, "shut", Some("swordfish"));
    let signers = [open.line("open", ""), shut.line("shut", "namespaces=\"countersign-approval\"")];
    world.write(&world.sandbox().work().join("signers"), &signers.concat());
    for (key, name) in [(&open, "open"), (&shut, "shut")] {
        let signature = key.sign(&world, NAMESPACE, &document).unwrap();
        world.write(&world.sandbox().work().join("signature"), &signature);
        let verify = |namespace: &str| {
            let line = format!(
                "ssh-keygen -Y verify -f signers -I {name} -n {namespace} -s signature <document"
            );
            world.script(Who::Agent, &line).code
        };
        assert_eq!(verify(NAMESPACE), 0, "{name}");
        assert_ne!(verify("other"), 0, "{name}");
    }
    let without = format!(
        "SSH_ASKPASS=/bin/false SSH_ASKPASS_REQUIRE=force \
         ssh-keygen -Y sign -n x -f {} <document",
        shut.path.display()
    );
    assert_ne!(world.script(Who::Agent, &without).code, 0, "it signs without its passphrase");

    let agent = SshAgent::start(&world, Who::Agent);
    agent.add(&world, &shut, &[]);
    let with = format!("SSH_AUTH_SOCK={} {without}", agent.socket.display());
    assert_eq!(world.script(Who::Agent, &with).code, 0, "the ssh-agent does not sign");
    let socket = agent.socket.clone();
    drop(agent);
    std::thread::sleep(Duration::from_millis(10));
    assert!(std::os::unix::net::UnixStream::connect(socket).is_err(), "the ssh-agent lives on");
}
