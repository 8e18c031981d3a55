//! Attacks on what people approve: restarts and signals want alice's signature, and the system's file of
//! signers trusts her key, which is in the agent's own home.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::Scene;
use crate::support::account::Who;
use crate::support::keys::Key;
use crate::support::program::Ran;

/// What each of them has at hand beside the rest.
const PEOPLE: &str = include_str!("people.bash");

const POLICY: &str = "version = 1\n[[rule]]\nid = \"people\"\neffect = \"approve\"\n\
                      match = { op = [\"restart_container\", \"kill_container\"] }\n\
                      reason = \"a person decides\"\n";

impl Scene {
    /// With alice, and the rule that wants her.
    fn people() -> Option<Self> {
        let scene = Self::new()?.policy(POLICY);
        let world = &scene.world;
        world.write(&world.own(Who::Agent).join(".ssh/config"), "");
        let alice = Key::new(world, Who::Agent, ".ssh/id_ed25519", Some("sesam1"));
        scene.trust(&alice.line("alice", ""));
        Some(scene)
    }

    /// Adds a line to the system's signers.
    fn trust(&self, line: &str) {
        let file = self.world.system().join("allowed_signers");
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, text + line).unwrap();
    }

    /// As [`Self::attack`], with what there is at hand where people approve.
    fn outsmart(&self, script: &str) -> String {
        self.attack_with(&[PEOPLE], script)
    }
}

#[test]
fn editing_the_state() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("edited_state.bash")));
}

#[test]
fn an_unwritable_log() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("unwritable_log.bash")));
}

#[test]
fn a_file_that_root_removed() {
    let Some(scene) = Scene::people() else { return };
    let world = &scene.world;
    let bob = Key::new(world, Who::Root, "bob", Some("sesam2"));
    scene.trust(&bob.line("bob", ""));
    let work = world.sandbox().work();
    let told = scene.attack_between(&[PEOPLE], include_str!("removed_file.bash"), |what| {
        let id = fs::read_to_string(work.join("asked")).unwrap();
        let id = id.trim();
        if what.starts_with("bob approves it") {
            let mut approve = world.program(Who::Root, &["approve", id, "--document"]);
            approve.arg(work.join("document")).arg("--key").arg(&bob.path);
            bob.unlocks(&mut approve);
            let given = Ran::of(approve.output().unwrap());
            assert_eq!(given.code, 0, "{given:?}");
        } else {
            fs::remove_file(world.lib().join(format!("approvals/{id}.sig"))).unwrap();
        }
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_made_up_ask() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("made_up_ask.bash")));
}

#[test]
fn a_swapped_document() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("swapped_document.bash")));
}

#[test]
fn a_key_of_its_own() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("own_key.bash")));
}

#[test]
fn wrong_signatures() {
    let Some(scene) = Scene::people() else { return };
    let former = Key::new(&scene.world, Who::Agent, ".ssh/former", None);
    scene.trust(&former.line("carol", "valid-before=\"20010101\""));
    insta::assert_snapshot!(scene.outsmart(include_str!("wrong_signatures.bash")));
}

#[test]
fn approving_on_a_terminal_of_its_own() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("private_terminal.bash")));
}

#[test]
fn an_ssh_agent_that_signs_without_asking() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("ssh_agent.bash")));
}

#[test]
fn a_false_ssh_keygen() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("fake_ssh_keygen.bash")));
}

#[test]
fn a_linked_file_of_signers() {
    let Some(scene) = Scene::people() else { return };
    let system = scene.world.system().join("allowed_signers");
    let linked = scene.world.own(Who::Agent).join("signers");
    scene.world.write(&linked, &fs::read_to_string(&system).unwrap());
    fs::remove_file(&system).unwrap();
    symlink(linked, &system).unwrap();
    insta::assert_snapshot!(scene.outsmart(include_str!("linked_signers.bash")));
}

#[test]
fn a_writable_folder_of_signers() {
    let Some(scene) = Scene::people() else { return };
    fs::set_permissions(scene.world.system(), Permissions::from_mode(0o777)).unwrap();
    insta::assert_snapshot!(scene.outsmart(include_str!("writable_signers.bash")));
}

#[test]
fn other_places() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("other_places.bash")));
}

#[test]
fn replaying_an_approval() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("replayed_handle.bash")));
}

#[test]
fn other_words() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("other_words.bash")));
}

#[test]
fn flooding() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("flood.bash")));
}

#[test]
fn what_others_asked() {
    let Some(scene) = Scene::people() else { return };
    insta::assert_snapshot!(scene.outsmart(include_str!("others_asks.bash")));
}
