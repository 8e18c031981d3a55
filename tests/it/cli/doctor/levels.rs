//! `doctor` as an ordinary account and as root: what is said of the level that is real.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use countersign::core::grant::Assurance;
use serde_json::Value;

use crate::support::account::{Who, World};
use crate::support::keys::{Key, SshAgent};
use crate::support::play::Played;
use crate::support::program::Ran;

/// A world on an engine that is played, whose socket the account can open.
fn world() -> Option<(World, Played)> {
    let engine = Played::willing();
    Some((World::with_system()?.on(&engine).out_of_the_engines_group(), engine))
}

fn doctor(world: &World, who: Who) -> Vec<Value> {
    let ran = world.run(who, &["doctor", "--json"]);
    assert!(ran.stderr.is_empty(), "{ran:?}");
    ran.json().as_array().unwrap().clone()
}

/// What is found about something, each with its mark before it.
fn about(found: &[Value], about: &str) -> Vec<String> {
    let all = found.iter().filter(|finding| finding["about"] == about);
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    all.map(|finding| format!("{} {}", word(finding, "mark"), word(finding, "found"))).collect()
}

/// The tier and the assurance that are real.
fn real(found: &[Value]) -> (Option<&str>, &str) {
    let tier = &found.last().unwrap()["data"];
    (tier["tier"].as_str(), tier["assurance"].as_str().unwrap())
}

fn trust(world: &World, key: &Key, name: &str) {
    let public = format!("{}.pub", key.path.display());
    let ran = world.run(Who::Root, &["trust", "add", &public, "--name", name]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_account_by_itself_has_a_terminals_word_and_is_told_what_raises_it() {
    let Some((world, _engine)) = world() else { return };
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found), (Some("T0"), "tty"));
    let approval = about(&found, "approval");
    assert!(approval[0].starts_with("warn nobody can approve here"), "{approval:?}");
    assert!(approval[0].contains("sudo countersign trust add KEY.pub --name NAME"), "{approval:?}");
    assert!(about(&found, "asks")[0].starts_with("ok no asks yet"));
    assert!(!world.state().join("countersign").exists(), "looking makes no state");
    assert!(about(&found, "rights").iter().all(|says| !says.contains("is in the group")));
}

#[test]
fn a_key_that_root_trusts_is_a_secret_until_the_account_can_use_it() {
    let Some((world, engine)) = world() else { return };
    let alice = Key::new(&world, Who::Root, "alice", Some("swordfish"));
    trust(&world, &alice, "alice");
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found), (Some("T0"), "secret"));
    assert!(about(&found, "approval")[0].starts_with("ok alice can approve"), "{found:?}");
    assert!(about(&found, "signers")[0].contains("is worth `secret`"), "{found:?}");
    assert!(about(&found, "signers")[0].contains("hides or stops is not found"), "{found:?}");
    assert!(about(&found, "accounts")[0].starts_with("ok user 0 can approve what"), "{found:?}");
    fs::set_permissions(world.lib().join("approvals"), Permissions::from_mode(0o777)).unwrap();
    let odd = about(&doctor(&world, Who::Agent), "accounts");
    assert!(odd[0].starts_with("warn what other accounts give in "), "{odd:?}");
    let text = world.run(Who::Agent, &["doctor"]).stdout;
    let block = text.split("\n\n").last().unwrap();
    let block = block.replace(engine.socket().to_str().unwrap(), "<socket>");
    let block = block.replace(&format!("uid {}", world.uid()), "uid <agent>");
    insta::assert_snapshot!("the_last_block", block);

    let folder = world.system();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found).1, "tty");
    assert!(about(&found, "signers")[0].contains("and each folder above it root's"), "{found:?}");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(real(&doctor(&world, Who::Agent)).1, "secret");
}

#[test]
fn a_key_without_a_passphrase_and_an_agent_that_does_not_ask_are_found() {
    let Some((world, _engine)) = world() else { return };
    world.write(&world.own(Who::Agent).join(".ssh/config"), "");
    let open = Key::new(&world, Who::Agent, ".ssh/open", None);
    trust(&world, &open, "open");
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found).1, "tty");
    let signers = about(&found, "signers");
    assert!(signers[0].contains("without a passphrase: give the key a passphrase"), "{signers:?}");
    assert!(signers[0].contains("ssh-keygen -p -f KEY"), "{signers:?}");

    let shut = Key::new(&world, Who::Agent, ".ssh/shut", Some("swordfish"));
    trust(&world, &shut, "shut");
    assert_eq!(real(&doctor(&world, Who::Agent)).1, "secret");
    let agent = SshAgent::start(&world, Who::Agent);
    agent.add(&world, &shut, &[]);
    let mut run = world.program(Who::Agent, &["doctor", "--json"]);
    let ran = Ran::of(run.env("SSH_AUTH_SOCK", &agent.socket).output().unwrap());
    let found = ran.json().as_array().unwrap().clone();
    assert_eq!(real(&found).1, "tty");
    let told = about(&found, "signers").concat();
    assert!(told.contains("signs with the key without asking") && told.contains("ssh-add -c KEY"));
}

#[test]
fn root_can_never_have_an_approval_and_is_told() {
    let Some((world, _engine)) = world() else { return };
    trust(&world, &Key::new(&world, Who::Root, "alice", Some("swordfish")), "alice");
    let found = doctor(&world, Who::Root);
    assert_eq!(real(&found), (Some("T0"), "tty"));
    let rights = about(&found, "rights").concat();
    assert!(rights.contains("uid 0 can write every file of signers"), "{rights}");
    assert!(about(&found, "approval")[0].contains("under an ordinary account"), "{found:?}");
}

#[test]
fn an_account_in_the_engines_group_is_told_and_one_out_of_it_has_no_tier() {
    let Some(world) = World::with_system() else { return };
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found).0, Some("T0"));
    let rights = about(&found, "rights").concat();
    assert!(rights.contains("is in the group"), "{rights}");
    let world = world.out_of_the_engines_group();
    let found = doctor(&world, Who::Agent);
    assert_eq!(real(&found).0, None, "{found:?}");
    assert!(about(&found, "engine").iter().any(|says| says.starts_with("bad")), "{found:?}");
    let rights = about(&found, "rights").concat();
    assert!(rights.contains("has no way of its own"), "{rights}");
}

#[test]
fn clients_settings_that_answer_for_a_person_are_told() {
    let Some((world, _engine)) = world() else { return };
    let (home, work) = (world.own(Who::Agent), world.sandbox().work());
    let hook = r#"{"hooks": {"Elicitation": [{"hooks": [{"type": "command", "command": "y"}]}]}}"#;
    world.write(&home.join(".claude/settings.json"), hook);
    world.write(&work.join(".claude/settings.local.json"), "{ broken");
    let found = doctor(&world, Who::Agent);
    let told = about(&found, "client");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("warn ") && told[0].contains("`Elicitation`"), "{told:?}");
    assert!(told[1].contains("no JSON"), "{told:?}");
    assert_eq!(world.run(Who::Agent, &["doctor"]).code, 0, "hints are no failure");
}

#[test]
fn open_asks_are_counted_and_a_state_that_is_no_state_is_bad() {
    let Some((world, _engine)) = world() else { return };
    trust(&world, &Key::new(&world, Who::Root, "alice", Some("swordfish")), "alice");
    let words = ["call", "remove_container", "web", "force=true", "--toolsets", "all"];
    let asked = world.run(Who::Agent, &words);
    let found = doctor(&world, Who::Agent);
    assert!(about(&found, "asks")[0].starts_with("ok 1 open in "), "{found:?} {asked:?}");
    let kept = about(&found, "kept").concat();
    assert!(kept.contains("the state in ") && kept.contains("the log in "), "{kept}");
    world.write(&world.state().join("countersign/state.db"), "no database at all, but long enough");
    let ran = world.run(Who::Agent, &["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = ran.json().as_array().unwrap().clone();
    assert!(about(&found, "asks")[0].starts_with("bad "), "{found:?}");
}

#[test]
fn the_page_that_is_pointed_to_has_every_level_and_tier() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/trust.md")).unwrap();
    // One is no person's.
    let levels = Assurance::ALL.into_iter().map(Assurance::as_str);
    let levels = levels.filter(|level| *level != "policy");
    for row in
        levels.map(|level| format!("`{level}`")).chain(["T0", "T1", "T2", "T3"].map(Into::into))
    {
        assert!(page.contains(&format!("\n| {row} | ")), "{row} has no row");
    }
    assert!(page.contains("\n## Tiers\n"));
}
