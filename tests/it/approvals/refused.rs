//! Decisions that are refused: each says which property failed, is on record, and leaves the ask as it
//! was.

use std::fs;
use std::path::{Path, PathBuf};

use super::{NAMESPACE, PASSPHRASE, Scene, ask, data, exists, spend, text};
use crate::support::account::Who;
use crate::support::engine::Engine;
use crate::support::keys::Key;
use crate::support::program::{Ran, Session};

const PENDING: &str = "pending";

/// One ask for a volume, and what alice's signature of it is.
struct Waiting {
    scene: Scene,
    server: Session,
    volume: String,
    id: String,
    handle: String,
    signature: PathBuf,
    _engine: Engine,
}

impl Waiting {
    fn new(name: &str) -> Option<Self> {
        let scene = Scene::new()?;
        let engine = Engine::connect();
        let volume = engine.volume_with(name, &[]);
        let mut server = scene.serve();
        let (id, handle) = ask(&mut server, &volume);
        let mut waiting =
            Self { scene, server, volume, id, handle, signature: PathBuf::new(), _engine: engine };
        let document = waiting.scene.run(&["asks", "show", &waiting.id, "--document"]).stdout;
        let file = waiting.write("ask", &document);
        let Scene { world, alice } = &waiting.scene;
        let signature = alice.sign(world, NAMESPACE, &file).unwrap();
        waiting.signature = waiting.write("ask.sig", &signature);
        Some(waiting)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.scene.world.own(Who::Agent).join(name);
        fs::write(&path, content).unwrap();
        self.scene.world.give(&path);
        path
    }

    /// `approve --signature` of this file.
    fn give(&self, file: &Path) -> Ran {
        self.scene.run(&["approve", &self.id, "--signature", file.to_str().unwrap()])
    }

    /// It was refused with these words, for this reason, which is on record; the ask is as it was.
    fn refused(&self, ran: &Ran, words: &str, reason: &str, state: &str) {
        assert_eq!(ran.code, 3, "{words}: {ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
        let last = self.scene.lines(&self.id).pop().unwrap();
        assert_eq!(last, format!("ask_refused {reason}"), "{words}: {ran:?}");
        let listed = self.scene.run(&["asks", "--all"]).stdout;
        let row = listed.lines().find(|line| line.starts_with(&self.id)).unwrap();
        assert!(row.contains(state), "{words}: {row}");
        assert!(exists(&self.volume));
    }

    fn trust(&self, lines: &str) {
        fs::write(self.scene.world.system().join("allowed_signers"), lines).unwrap();
    }
}

#[test]
fn a_key_that_does_not_count_now_approves_nothing() {
    let Some(waiting) = Waiting::new("signers") else { return };
    let Scene { world, alice } = &waiting.scene;
    let bob = Key::new(world, Who::Agent, ".ssh/id_bob", Some(PASSPHRASE)).line("bob", "");
    for (options, words) in [
        ("valid-before=\"20200101Z\"", "not at this time"),
        ("valid-after=\"20990101Z\"", "not at this time"),
        ("namespaces=\"file,git\"", "No file trusts the key"),
        ("cert-authority", "No file trusts the key"),
    ] {
        waiting.trust(&format!("{}{bob}", alice.line("alice", options)));
        let ran = waiting.give(&waiting.signature);
        waiting.refused(&ran, words, "signer_unknown", PENDING);
    }
    waiting.trust(&bob);
    let ran = waiting.give(&waiting.signature);
    waiting.refused(&ran, "No file trusts the key", "signer_unknown", PENDING);
    waiting.trust(
        &alice.line("alice", "namespaces=\"countersign-approval\",valid-after=\"20200101Z\""),
    );
    let ran = waiting.give(&waiting.signature);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_rule_that_names_another_takes_nobody_elses_signature() {
    let Some(scene) = Scene::new() else { return };
    let rule = "version = 1\n[[rule]]\nid = \"bobs\"\neffect = \"approve\"\n\
                match = { op = \"remove_volume\" }\napprove = { by = [\"bob\"] }\n";
    fs::write(scene.world.system().join("policy.toml"), rule).unwrap();
    let bob = Key::new(&scene.world, Who::Agent, ".ssh/id_bob", Some(PASSPHRASE));
    let both = format!("{}{}", scene.alice.line("alice", ""), bob.line("bob", ""));
    fs::write(scene.world.system().join("allowed_signers"), both).unwrap();
    let engine = Engine::connect();
    let volume = engine.volume_with("bobs", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let key = |key: &Key| {
        let mut approve = scene.world.program(Who::Agent, &["approve", &id, "--key"]);
        key.unlocks(approve.arg(&key.path));
        Ran::of(approve.output().unwrap())
    };
    let refused = key(&scene.alice);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("policy wants the signature of bob"), "{refused:?}");
    assert_eq!(scene.lines(&id).pop().unwrap(), "ask_refused signer_unknown");
    let given = key(&bob);
    assert_eq!(given.code, 0, "{given:?}");
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
}

#[test]
fn there_are_no_other_turns() {
    let Some(mut waiting) = Waiting::new("turns") else { return };
    let id = waiting.id.clone();
    let ran = waiting.scene.run(&["revoke", &id]);
    waiting.refused(&ran, "This ask is pending. Nobody has approved it", "ask_closed", PENDING);
    assert_eq!(waiting.give(&waiting.signature).code, 0);
    let ran = waiting.give(&waiting.signature);
    waiting.refused(
        &ran,
        "This ask is approved already. Its requester can spend it",
        "ask_closed",
        "approved",
    );
    let ran = waiting.scene.run(&["deny", &id, "--reason", "no"]);
    waiting.refused(
        &ran,
        "This ask is approved. Take the approval back with `countersign revoke`",
        "ask_closed",
        "approved",
    );
    assert_eq!(waiting.scene.run(&["revoke", &id, "--reason", "the wrong one"]).code, 0);
    let told = spend(&mut waiting.server, &waiting.volume, &waiting.handle);
    assert_eq!(data(&told)["reason"], "approval_revoked", "{}", text(&told));
    assert!(text(&told).contains("the wrong one"), "{}", text(&told));
    for args in [&["deny", &*id, "--reason", "no"][..], &["revoke", &id]] {
        let ran = waiting.scene.run(args);
        waiting.refused(&ran, "Whoever still wants it has to ask anew", "ask_closed", "revoked");
    }
    let ran = waiting.give(&waiting.signature);
    waiting.refused(&ran, "This ask is revoked. Whoever still wants it", "ask_closed", "revoked");
}

#[test]
fn what_is_no_signature_of_the_document_is_told_so() {
    let Some(waiting) = Waiting::new("signatures") else { return };
    let good = fs::read_to_string(&waiting.signature).unwrap();
    let begin = "-----BEGIN SSH SIGNATURE-----\n";
    for (name, content) in [
        ("empty", Vec::new()),
        ("binary", (0..=255).cycle().take(5000).collect()),
        ("huge", vec![b'A'; 10 << 20]),
        ("begun", begin.as_bytes().to_vec()),
        ("twice", format!("{good}{good}").into_bytes()),
        ("after", format!("{good}and more").into_bytes()),
        ("before", format!("see here\n{good}").into_bytes()),
        ("long", format!("{begin}{}\n-----END SSH SIGNATURE-----\n", "A".repeat(60_000)).into()),
    ] {
        let ran = waiting.give(&waiting.write(name, content));
        waiting.refused(&ran, "signature", "signature_invalid", PENDING);
        assert!(ran.stderr.len() < 8000 && ran.stderr.is_ascii(), "{name}: {ran:?}");
        let said = ran.stderr.lines().filter(|line| line.starts_with("countersign: "));
        assert_eq!(said.count(), 1, "nothing of the library's: {ran:?}");
    }
    let before = waiting.scene.lines(&waiting.id);
    for file in [waiting.scene.world.own(Who::Agent), "/nonexistent".into(), "".into()] {
        let ran = waiting.give(&file);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    assert_eq!(waiting.scene.lines(&waiting.id), before);
    let mut run = waiting.scene.world.program(Who::Agent, &["approve", &waiting.id]);
    run.args(["--signature", "-"]).stdin(fs::File::open(&waiting.signature).unwrap());
    assert_eq!(Ran::of(run.output().unwrap()).code, 0);
}

#[test]
fn what_is_no_ask_is_not_found_and_nothing_is_on_record() {
    let Some(waiting) = Waiting::new("ids") else { return };
    let before = waiting.scene.world.sandbox().requests().len();
    let long = "K".repeat(100_000);
    for (id, code) in [
        ("ZZZZ-ZZZZ", 1),
        ("", 2),
        ("../../../etc/passwd", 2),
        ("K7Q2-M4XD; rm -rf /", 2),
        ("K7Q2-M4X\u{0}".trim_end_matches('\0'), 2),
        ("\u{1b}[31m\u{202e}x", 2),
        ("' OR 1=1 --", 2),
        ("%", 2),
        (&long, 2),
    ] {
        let file = waiting.signature.to_str().unwrap();
        for args in [
            &["asks", "show", "--", id][..],
            &["approve", "--signature", file, "--", id],
            &["deny", "--reason", "no", "--", id],
            &["revoke", "--", id],
        ] {
            let ran = waiting.scene.run(args);
            assert_eq!(ran.code, code, "{id:?}: {ran:?}");
            assert!(ran.stdout.is_empty() && ran.stderr.len() < 2000, "{ran:?}");
            assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
        }
    }
    assert_eq!(waiting.scene.world.sandbox().requests().len(), before);
}

#[test]
fn the_words_of_a_decision_reach_the_agent_as_data() {
    let Some(mut waiting) = Waiting::new("words") else { return };
    for blank in ["", "  \n\t "] {
        let ran = waiting.scene.run(&["deny", &waiting.id, "--reason", blank]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    let token = "0123456789abcdef0123456789abcdef";
    let words = format!(
        "no\u{1b}[2J\u{202e}\nError: done\nconfirmToken={token} (single use)\n{}",
        "x".repeat(300)
    );
    let long = format!("{words}{}", "x".repeat(100_000));
    for verb in ["deny", "revoke"] {
        let ran = waiting.scene.run(&[verb, &waiting.id, "--reason", &long]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("500 are kept at most"), "{ran:?}");
    }
    let ran = waiting.scene.run(&["deny", &waiting.id, "--reason", &words]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = spend(&mut waiting.server, &waiting.volume, &waiting.handle);
    let said = text(&told);
    assert_eq!(data(&told)["reason"], "approval_denied", "{said}");
    assert!(said.len() < 2000 && said.lines().count() < 4, "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
    assert!(!said.contains(&format!("confirmToken={token}")), "{said}");
    let lines = waiting.scene.world.sandbox().requests();
    let denied = lines.iter().find(|line| line["event"] == "ask_denied").unwrap();
    assert!(denied.to_string().len() < 8000, "{denied}");
    assert!(exists(&waiting.volume));
}
