//! `trust`, and what signatures are worth to an ordinary account, with OpenSSH's own programs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::account::{Who, World};
use crate::support::keys::{Key, SshAgent};
use crate::support::program::Ran;

const NAMESPACE: &str = "countersign-approval";

fn list(world: &World, vars: &[(&str, &Path)]) -> Value {
    let mut run = world.program(Who::Agent, &["trust", "list", "--json"]);
    run.envs(vars.iter().copied());
    let ran = Ran::of(run.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

/// What the one signer there is worth to the account, and why no more.
fn worth(world: &World, vars: &[(&str, &Path)]) -> (String, String) {
    let listed = list(world, vars);
    let signers = listed["signers"].as_array().unwrap();
    assert_eq!(signers.len(), 1, "{listed}");
    let word = |key: &str| signers[0][key].as_str().unwrap_or_default().to_owned();
    (word("worth"), word("why"))
}

fn add(world: &World, who: Who, key: &Path, name: &str) -> Ran {
    let public = format!("{}.pub", key.display());
    world.run(who, &["trust", "add", &public, "--name", name])
}

/// A key pair of the account's at this place of its home.
fn own(world: &World, name: &str, passphrase: Option<&'static str>) -> Key {
    world.write(&world.own(Who::Agent).join(".ssh/config"), "");
    Key::new(world, Who::Agent, &format!(".ssh/{name}"), passphrase)
}

#[test]
fn root_trusts_for_everybody_and_everybody_else_for_themselves() {
    let Some(world) = World::with_system() else { return };
    let (alice, bob) = (Key::new(&world, Who::Root, "alice", None), own(&world, "bob", Some("x1")));
    let none = world.run(Who::Agent, &["trust", "list"]);
    assert!(none.stdout.is_empty() && none.stderr.contains("Nobody is trusted"), "{none:?}");

    let ran = add(&world, Who::Root, &alice.path, "alice");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("now trusts alice (SHA256:"), "{ran:?}");
    assert!(ran.stderr.contains("is worth `secret` by it"), "{ran:?}");
    assert_eq!(worth(&world, &[]), ("secret".into(), String::new()));
    let again = add(&world, Who::Root, &alice.path, "alice");
    assert!(again.code == 0 && again.stderr.contains("signers trusts alice"), "{again:?}");

    let ran = add(&world, Who::Agent, &bob.path, "bob");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("which confirms and never approves"), "{ran:?}");
    assert!(ran.stderr.contains("sudo countersign trust add"), "{ran:?}");
    let listed = list(&world, &[]);
    let of = |name: &str, key: &str| {
        let all = listed["signers"].as_array().unwrap();
        all.iter().find(|signer| signer["name"] == name).unwrap()[key].clone()
    };
    let own = "bob (own file)";
    assert_eq!((of("alice", "worth"), of(own, "worth")), ("secret".into(), "tty".into()));
    assert!(of(own, "why").as_str().unwrap().contains("a file of the account itself"));
    assert_eq!(listed["approvals"]["user"], 0);
    assert_eq!(listed["approvals"]["why"], Value::Null, "root makes the folder");
    let table = world.run(Who::Agent, &["trust", "list"]).stdout;
    let across = "user 0 can approve what user ";
    assert!(table.contains(across), "{table}");
    let twice = fs::read_to_string(world.system().join("allowed_signers")).unwrap();
    fs::write(world.system().join("allowed_signers"), twice.replace("alice", "alice,carol"))
        .unwrap();
    let shared = world.run(Who::Agent, &["trust", "list"]).stdout;
    assert!(shared.contains(" is listed as alice and carol: "), "{shared}");
    assert!(!table.contains(" is listed as "), "{table}");
    fs::write(world.system().join("allowed_signers"), twice).unwrap();
    assert!(table.starts_with("NAME") && table.contains("worth `tty` to user"), "{table}");
    // To root, who could write whatever it likes, nobody is worth more.
    let root = world.run(Who::Root, &["trust", "list", "--json"]).json();
    assert_eq!(root["signers"][0]["worth"], "tty");
    let uid = world.uid().to_string();
    let root = world.run(Who::Root, &["trust", "list", "--json", "--uid", &uid]).json();
    assert_eq!(root["signers"][0]["worth"], "secret");
    let other = world.run(Who::Agent, &["trust", "list", "--json", "--uid", "54321"]).json();
    assert_eq!(other["files"].as_array().unwrap().len(), 1, "nobody's own file but one's own");

    for (who, name, code) in
        [(Who::Agent, "alice", 2), (Who::Agent, "bob", 0), (Who::Root, "alice", 0)]
    {
        let ran = world.run(who, &["trust", "remove", name]);
        assert_eq!(ran.code, code, "{ran:?}");
        let told = ran.stderr.contains("`sudo countersign trust remove alice`");
        assert_eq!(told, code == 2, "{ran:?}");
    }
    assert_eq!(list(&world, &[])["signers"], Value::Array(Vec::new()));
    let ran = world.run(Who::Root, &["trust", "add", &alice.path.to_string_lossy(), "--name", "a"]);
    assert!(ran.code == 2 && ran.stderr.contains("it is a private one"), "{ran:?}");
}

#[test]
fn a_system_file_that_the_account_can_change_never_approves() {
    let Some(world) = World::with_system() else { return };
    let key = Key::new(&world, Who::Root, "alice", None);
    let file = world.system().join("allowed_signers");
    let write = || {
        fs::write(&file, key.line("alice", "")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    };
    write();
    assert_eq!(worth(&world, &[]).0, "secret");
    for (path, wide, usual) in [(file.clone(), 0o666, 0o644), (world.system(), 0o777, 0o755)] {
        fs::set_permissions(&path, Permissions::from_mode(wide)).unwrap();
        let (worth_now, why) = worth(&world, &[]);
        assert!(worth_now == "tty" && why.contains("can write"), "{why}");
        fs::set_permissions(&path, Permissions::from_mode(usual)).unwrap();
        chown(&path, Some(world.uid()), None).unwrap();
        let (worth_now, why) = worth(&world, &[]);
        assert!(worth_now == "tty" && why.contains("who asks"), "{why}");
        chown(&path, Some(0), None).unwrap();
        assert_eq!(worth(&world, &[]).0, "secret");
    }
    let elsewhere = world.own(Who::Agent).join("signers");
    world.write(&elsewhere, &key.line("alice", ""));
    fs::remove_file(&file).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(worth(&world, &[]).0, "tty");
    let ran = add(&world, Who::Root, &key.path, "bob");
    assert!(ran.code == 2 && ran.stderr.contains("is a link"), "{ran:?}");
    fs::remove_file(&elsewhere).unwrap();
    let ran = world.run(Who::Agent, &["trust", "list"]);
    assert!(ran.code == 1 && ran.stderr.contains("no signature counts"), "{ran:?}");
    fs::remove_file(&file).unwrap();
    write();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let ran = world.run(Who::Agent, &["trust", "list"]);
    assert!(ran.code == 1 && ran.stderr.contains("Permission denied"), "{ran:?}");
}

#[test]
fn a_key_that_lies_open_at_home_never_approves() {
    let Some(world) = World::with_system() else { return };
    let home = world.own(Who::Agent);
    world.write(&home.join(".ssh/config"), "");
    for (number, (words, open)) in [
        ("-t ed25519", true),
        ("-t ecdsa -b 256", true),
        ("-t rsa -b 2048", true),
        ("-t rsa -b 2048 -m PEM", true),
        ("-t rsa -b 2048 -m PKCS8", true),
        ("-t ecdsa -b 256 -m PEM", true),
        ("-t ecdsa -b 256 -m PKCS8", true),
        ("-t ed25519 -N word1", false),
        ("-t rsa -b 2048 -m PEM -N word1", false),
        ("-t rsa -b 2048 -m PKCS8 -N word1", false),
    ]
    .into_iter()
    .enumerate()
    {
        let path = home.join(format!(".ssh/odd-{number}"));
        let mut make = world.command(Who::Agent, "ssh-keygen");
        let none = ["-N", ""];
        make.arg("-q").args(words.split(' ')).args(none.iter().take(if open { 2 } else { 0 }));
        assert!(make.arg("-f").arg(&path).status().unwrap().success(), "{words}");
        let public = path.with_extension("pub");
        fs::rename(&public, home.join("public.pub")).unwrap();
        assert_eq!(add(&world, Who::Root, &home.join("public"), "alice").code, 0);
        let (worth_now, why) = worth(&world, &[]);
        assert_eq!(worth_now, if open { "tty" } else { "secret" }, "{words}: {why}");
        let says = why.contains(&format!("odd-{number} holds the key without a passphrase"));
        assert_eq!(says, open, "{words}: {why}");
        fs::remove_file(&path).unwrap();
        assert_eq!(worth(&world, &[]).0, "secret", "{words}");
        assert_eq!(world.run(Who::Root, &["trust", "remove", "alice"]).code, 0);
    }
}

#[test]
fn an_agent_that_signs_unasked_never_approves_and_one_that_asks_may() {
    let Some(world) = World::with_system() else { return };
    let key = own(&world, "alice", Some("word1"));
    assert_eq!(add(&world, Who::Root, &key.path, "alice").code, 0);
    assert_eq!(worth(&world, &[]).0, "secret");
    let agent = SshAgent::start(&world, Who::Agent);
    let socket: [(&str, &Path); 1] = [("SSH_AUTH_SOCK", &agent.socket)];
    assert_eq!(worth(&world, &socket).0, "secret", "an agent without keys");
    agent.add(&world, &key, &[]);
    let (worth_now, why) = worth(&world, &socket);
    assert!(worth_now == "tty" && why.contains("signs with the key without asking"), "{why}");
    assert_eq!(worth(&world, &[]).0, "secret", "no process is told of that one");
    // Where systems put it, it is found without being told of.
    let usual = world.sandbox().path().join("run/ssh-agent.socket");
    symlink(&agent.socket, &usual).unwrap();
    assert_eq!(worth(&world, &[]).0, "tty");
    fs::remove_file(&usual).unwrap();
    // With `-c`, it asks: here nobody is there to answer.
    let mut delete = world.command(Who::Agent, "ssh-add");
    delete.args(["-q", "-D"]).env("SSH_AUTH_SOCK", &agent.socket);
    assert!(delete.stderr(Stdio::null()).status().unwrap().success());
    agent.add(&world, &key, &["-c"]);
    assert_eq!(worth(&world, &socket).0, "secret");
}

/// What `ssh-keygen` says of a signature by a key whose line in a file of signers is this.
fn ssh_keygen_counts(world: &World, line: &str, signature: &Path, document: &Path) -> bool {
    let file = world.own(Who::Root).join("compared");
    fs::write(&file, line).unwrap();
    let script = "ssh-keygen -q -Y verify -n \"$1\" -I alice -f \"$2\" -s \"$3\" <\"$4\"";
    let mut verify = world.command(Who::Root, "sh");
    verify.args(["-c", script, "verify", NAMESPACE]).arg(&file).arg(signature).arg(document);
    verify.stdout(Stdio::null()).stderr(Stdio::null()).env("TZ", "UTC").status().unwrap().success()
}

#[test]
fn whatever_counts_here_counts_to_ssh_keygen() {
    let Some(world) = World::with_system() else { return };
    let key = Key::new(&world, Who::Root, "alice", None);
    let root = world.own(Who::Root);
    let (document, signature) = (root.join("document"), root.join("signature"));
    fs::write(&document, "a document\n").unwrap();
    fs::write(&signature, key.sign(&world, NAMESPACE, &document).unwrap()).unwrap();
    let public = key.public();
    let file = world.system().join("allowed_signers");
    // Each with whether it counts to ssh-keygen, and whether it does here.
    for (line, theirs, ours) in [
        ("alice KEY", true, true),
        (" \talice \t KEY a comment", true, true),
        ("alice,bob KEY\r", true, true),
        ("alice namespaces=\"countersign-approval\" KEY", true, true),
        ("alice NAMESPACES=\"file,*sign-?pproval\" KEY", true, true),
        ("alice namespaces=\"x\\\"y,*\" KEY", true, true),
        ("alice namespaces=\"*\",valid-after=\"20200101Z\" KEY", true, true),
        ("alice valid-before=\"29990101000000Z\" KEY", true, true),
        ("alice valid-after=\"20200101\",valid-before=\"299901010000\" KEY", true, true),
        ("# alice KEY", false, false),
        ("bob KEY", false, false),
        ("alice", false, false),
        ("alice cert-authority KEY", false, false),
        ("alice namespaces=\"file\" KEY", false, false),
        ("alice namespaces=\"*,!counter*\" KEY", false, false),
        ("alice namespaces=\"\" KEY", false, false),
        ("alice namespaces=\"* KEY", false, false),
        ("alice namespaces=* KEY", false, false),
        ("alice valid-before=\"20200101Z\" KEY", false, false),
        ("alice valid-after=\"29990101Z\" KEY", false, false),
        ("alice valid-after=\"20261301Z\" KEY", false, false),
        ("alice valid-after=\"soon\" KEY", false, false),
        ("alice unknown KEY", false, false),
        ("alice namespaces=\"*\",namespaces=\"*\" KEY", false, false),
        ("alice valid-after=\"20210101Z\",valid-before=\"20200101Z\" KEY", false, false),
        ("alice,!alice KEY", false, false),
        // What is read more strictly here.
        ("* KEY", true, false),
        ("al?ce KEY", true, false),
        ("alice,!bob KEY", true, false),
        ("\"alice\" KEY", true, false),
        ("alice valid-after=\"20200230Z\" KEY", true, false),
        ("alice valid-after=\"20200101000060Z\" KEY", true, false),
    ] {
        let line = format!("{}\n", line.replace("KEY", &public));
        assert_eq!(ssh_keygen_counts(&world, &line, &signature, &document), theirs, "{line}");
        fs::write(&file, &line).unwrap();
        let listed = list(&world, &[]);
        let signers = listed["signers"].as_array().unwrap();
        let counts =
            signers.iter().any(|signer| signer["name"] == "alice" && signer["isValid"] == true);
        assert_eq!(counts, ours, "{line}: {listed}");
        assert!(theirs || !ours, "{line}");
    }
    // What is added here is read there.
    fs::remove_file(&file).unwrap();
    assert_eq!(add(&world, Who::Root, &key.path, "alice").code, 0);
    let added = fs::read_to_string(&file).unwrap();
    assert!(ssh_keygen_counts(&world, &added, &signature, &document), "{added}");
}
