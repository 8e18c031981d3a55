//! Approvals of another account, with the real program: root approves what the ordinary account asks,
//! and nothing that this account can make by itself passes for that.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{NAMESPACE, Scene, ask, exists, spend};
use crate::support::account::Who;
use crate::support::engine::Engine;
use crate::support::program::{Ran, Session, data, text};

const ANOTHER_ACCOUNT: &str = "version = 1\n[[rule]]\nid = \"another-account\"\n\
    effect = \"approve\"\napprove = { accept = [\"uid\"] }\nmatch = { op = \"remove_volume\" }\n";

impl Scene {
    /// Where only another account can approve.
    fn across() -> Option<Self> {
        let scene = Self::new()?;
        fs::write(scene.world.system().join("policy.toml"), ANOTHER_ACCOUNT).unwrap();
        Some(scene)
    }

    fn document(&self, id: &str) -> String {
        let ran = self.run(&["asks", "show", id, "--document"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    }

    /// A file of root's own.
    fn root(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.world.own(Who::Root).join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// `approve --document` as root, with alice's key.
    fn give(&self, id: &str, document: &Path) -> Ran {
        let words = ["approve", id, "--document", document.to_str().unwrap(), "--key"];
        let mut command = self.world.program(Who::Root, &words);
        self.alice.unlocks(command.arg(&self.alice.path));
        Ran::of(command.output().unwrap())
    }

    /// Where root's approval of an ask is, or would be.
    fn given(&self, id: &str) -> PathBuf {
        self.world.lib().join("approvals").join(format!("{id}.sig"))
    }

    /// When an ask was approved, as the log has it.
    fn approved_at(&self, ask: &str) -> OffsetDateTime {
        let is = |line: &&Value| line["ask"] == ask && line["event"] == "ask_approved";
        let lines = self.world.sandbox().requests();
        let at = lines.iter().find(is).unwrap()["ts"].as_str().unwrap();
        OffsetDateTime::parse(at, &Rfc3339).unwrap()
    }

    /// The lines about an ask, with who decided.
    fn on_record(&self, ask: &str) -> String {
        let mut told = String::new();
        for line in self.world.sandbox().requests().into_iter().filter(|line| line["ask"] == ask) {
            let words = ["event", "reason", "assurance"].map(|key| line[key].as_str());
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let by = match &line["approver"] {
                Value::Null => String::new(),
                by => format!(" by {} of user {}", by["name"], by["uid"]),
            };
            writeln!(told, "{words}{by}").unwrap();
        }
        told.replace(&format!("user {}", self.world.uid()), "user <agent>")
    }
}

fn still_waits(server: &mut Session, volume: &str, handle: &str, why: &str) {
    let answer = spend(server, volume, handle);
    assert_eq!(data(&answer)["status"], "approval_required", "{why}: {}", text(&answer));
    assert!(exists(volume), "{why}");
}

#[test]
fn what_policy_wants_of_another_account_root_approves_and_the_account_itself_does_not() {
    let Some(scene) = Scene::across() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("across", &[]);
    let mut server = scene.serve();
    let result = server.call("remove_volume", &json!({"volume": volume}));
    let word = |key: &str| data(&result)[key].as_str().unwrap().to_owned();
    let (id, handle) = (word("ask"), word("confirmToken"));
    let how = format!(
        "countersign asks show {id} --document | sudo countersign approve {id} --document - --key KEY"
    );
    assert!(text(&result).contains(&how), "{}", text(&result));

    let own = scene.approve(&[&id]);
    assert_eq!(own.code, 3, "{own:?}");
    assert!(own.stderr.contains("worth `secret`. Policy takes `uid` here. Given by another"));
    let document = scene.root("ask", scene.document(&id).as_bytes());
    let own = scene.approve(&[&id, "--document", document.to_str().unwrap()]);
    assert_eq!(own.code, 2, "{own:?}");
    still_waits(&mut server, &volume, &handle, "nobody else approved");

    let wait = json!({"name": "check_ask", "arguments": {"ask": id, "wait": 30}});
    let wait = server.ask("tools/call", &wait);
    server.lives();
    let given = scene.give(&id, &document);
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.stderr.contains(&format!("Acts on     volume {volume}")), "{given:?}");
    assert!(!given.stderr.contains("pending"), "what it cannot know is left out: {given:?}");
    let words = format!("as user 0, for user {}", scene.world.uid());
    assert!(given.stdout.contains(&words), "{given:?}");
    let told = server.answer(&json!(wait));
    assert!(text(&told["result"]).contains("approved by alice"), "{told}");
    let found = fs::metadata(scene.given(&id)).unwrap();
    let waited = scene.approved_at(&id) - OffsetDateTime::from(found.modified().unwrap());
    println!("given to approved: {waited}");
    assert!(waited < Duration::seconds(5));
    assert_eq!((found.uid(), found.permissions().mode() & 0o7777), (0, 0o644));
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
    assert!(!exists(&volume));
    insta::assert_snapshot!(scene.on_record(&id));
    let again = scene.give(&id, &document);
    assert!(again.code == 3 && again.stderr.contains("already"), "{again:?}");
}

#[test]
fn nothing_that_the_account_can_make_passes_for_another_accounts() {
    let Some(scene) = Scene::across() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("forged", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let document = scene.document(&id);
    // A good signature, of alice's on the account: all that is missing is another account.
    let file = scene.world.own(Who::Agent).join("ask");
    scene.world.write(&file, &document);
    let signature = scene.alice.sign(&scene.world, NAMESPACE, &file).unwrap();
    let own = scene.world.own(Who::Agent).join("own.sig");
    scene.world.write(&own, &signature);
    let roots = scene.root("root.sig", signature.as_bytes());
    let given = scene.given(&id);
    let theirs = format!("/var/lib/countersign/approvals/{id}.sig");
    for attempt in [
        format!("cp own.sig {theirs}"),
        format!("ln own.sig {theirs}"),
        format!("ln -s own.sig {theirs}"),
        "mv /var/lib/countersign/approvals /var/lib/countersign/other".to_owned(),
        "chmod 777 /var/lib/countersign/approvals".to_owned(),
    ] {
        let tried = scene
            .world
            .script(Who::Agent, &format!("cd {}\n{attempt}", own.parent().unwrap().display()));
        assert_ne!(tried.code, 0, "{attempt}");
    }
    // Had it been there nonetheless.
    fs::copy(&own, &given).unwrap();
    chown(&given, Some(scene.world.uid()), None).unwrap();
    still_waits(&mut server, &volume, &handle, "it is the account's own");
    fs::remove_file(&given).unwrap();
    symlink(&roots, &given).unwrap();
    still_waits(&mut server, &volume, &handle, "it is a link");
    fs::remove_file(&given).unwrap();
    fs::hard_link(&roots, &given).unwrap();
    still_waits(&mut server, &volume, &handle, "it is linked to here");
    fs::remove_file(&given).unwrap();
    fs::copy(&roots, &given).unwrap();
    fs::set_permissions(&given, Permissions::from_mode(0o666)).unwrap();
    still_waits(&mut server, &volume, &handle, "everybody can write it");
    fs::set_permissions(&given, Permissions::from_mode(0o644)).unwrap();
    // It counts as it is: taken back before it is spent, it does not any more.
    let check = json!({"ask": id});
    assert!(text(&server.call("check_ask", &check)).contains("approved by alice"));
    fs::remove_file(&given).unwrap();
    let refused = spend(&mut server, &volume, &handle);
    assert_eq!(data(&refused)["reason"], "approval_revoked", "{}", text(&refused));
    assert!(exists(&volume));
    insta::assert_snapshot!(scene.on_record(&id));
}

#[test]
fn a_document_that_was_swapped_approves_nothing_else() {
    let Some(scene) = Scene::across() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("swapped", &[]);
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let document = scene.document(&id);
    let swapped = scene.root("swapped", document.replace(&volume, "harmless").as_bytes());
    let given = scene.give(&id, &swapped);
    assert_eq!(given.code, 0, "{given:?}");
    assert!(given.stderr.contains("volume harmless"), "what is shown is what is signed: {given:?}");
    for _ in 0..3 {
        still_waits(&mut server, &volume, &handle, "it is another document's");
    }
    let check = server.call("check_ask", &json!({"ask": id}));
    assert!(text(&check).contains("nobody has decided yet"), "{}", text(&check));
    insta::assert_snapshot!(scene.on_record(&id));
}

#[test]
fn what_is_no_current_document_of_the_ask_is_not_signed() {
    let Some(scene) = Scene::across() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("documents", &[]);
    let (id, _) = ask(&mut scene.serve(), &volume);
    let document = scene.document(&id);
    let moment = |key: &str| {
        let value: Value = serde_json::from_str(&document).unwrap();
        value[key].as_str().unwrap().to_owned()
    };
    let late = document.replace(&moment("expires"), &moment("notBefore"));
    let other = document.replace(&format!("\"ask\":\"{id}\""), "\"ask\":\"0000-0000\"");
    let root = document.replace(&format!("\"uid\":{}", scene.world.uid()), "\"uid\":0");
    let nobody = document.replace(&format!("\"uid\":{}", scene.world.uid()), "\"uid\":-1");
    for (name, content, code, why) in [
        ("late", late.as_bytes(), 3, "has expired"),
        ("other", other.as_bytes(), 2, "the document of ask 0000-0000"),
        ("root", root.as_bytes(), 2, "This account asks itself"),
        ("nobody", nobody.as_bytes(), 2, "no document of an ask"),
        ("half", &document.as_bytes()[..document.len() / 2], 2, "no document of an ask"),
        ("spaced", format!(" {document}").as_bytes(), 2, "no document of an ask"),
        ("words", b"yes, please\x1b[2J", 2, "no document of an ask"),
        ("nothing", b"", 2, "no document of an ask"),
        ("binary", b"\xff\xfe\0", 2, "cannot be read"),
        ("huge", &vec![b' '; 2 << 20], 2, "no document of an ask"),
    ] {
        let refused = scene.give(&id, &scene.root(name, content));
        assert_eq!(refused.code, code, "{name}: {refused:?}");
        assert!(refused.stderr.contains(why), "{name}: {refused:?}");
        assert!(!scene.given(&id).exists(), "{name}");
    }
    let missing = scene.give(&id, Path::new("/nowhere/at/all"));
    assert!(missing.code == 2 && missing.stderr.contains("cannot be read"), "{missing:?}");
}

#[test]
fn where_no_other_account_can_give_anything_policy_cannot_want_it() {
    let Some(scene) = Scene::across() else { return };
    assert_eq!(scene.run(&["policy", "check"]).code, 0);
    let folder = scene.world.lib().join("approvals");
    for (owner, mode, why) in
        [(0, 0o777, "can write"), (0, 0o1777, "can write"), (scene.world.uid(), 0o755, "who asks")]
    {
        chown(&folder, Some(owner), None).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let refused = scene.run(&["tools"]);
        assert!(refused.code == 2 && refused.stderr.contains(why), "{refused:?}");
    }
    fs::remove_dir(&folder).unwrap();
    let refused = scene.run(&["tools"]);
    assert!(refused.code == 2 && refused.stderr.contains("is missing"), "{refused:?}");
    // Whoever root lets beside itself.
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o1775)).unwrap();
    assert_eq!(scene.run(&["tools"]).code, 0);
}
