//! The state that processes share, where somebody or something else had a hand in it: what needs it is
//! refused and says why, what does not goes on, and nothing is mended behind anybody's back.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Scene, ask, data, exists, spend, text};
use crate::support::account::Who;
use crate::support::engine::Engine;
use crate::support::program::command;

fn folder(scene: &Scene) -> PathBuf {
    scene.world.state().join("countersign")
}

/// Runs a statement on the state, as whoever edits it by hand.
fn edit(scene: &Scene, statement: &str) {
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute(sys.argv[2])\n\
                  c.commit()";
    let database = folder(scene).join("state.db");
    let mut run = command("python3");
    let run = run.args(["-c", script]).arg(database).arg(statement).output();
    let run = run.expect("python3 (package python3)");
    assert!(run.status.success(), "{run:?}");
}

#[test]
fn an_ask_whose_document_was_edited_is_refused_and_no_other() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let (mut server, mut found) = (scene.serve(), Vec::new());
    for name in ["edited", "other"] {
        let volume = engine.volume_with(name, &[]);
        let (id, handle) = ask(&mut server, &volume);
        found.push((volume, id, handle));
    }
    let [(volume, id, handle), (sound, other, good)] = &found[..] else { panic!() };
    let which = format!("WHERE ask = (SELECT seq FROM asks WHERE id = '{id}')");
    for text in ["'{}'", "'no JSON'", "text || text", "replace(text, '\"v\":1', '\"v\":2')"] {
        edit(&scene, &format!("UPDATE documents SET text = {text} {which}"));
        for args in [&["asks", "show", id][..], &["asks", "show", id, "--document"]] {
            let shown = scene.run(args);
            assert_eq!(shown.code, 1, "{text}: {shown:?}");
            assert!(shown.stdout.is_empty(), "{shown:?}");
        }
        assert_eq!(scene.approve(&[id]).code, 1);
        assert_eq!(scene.run(&["asks"]).code, 0);
        let refused = spend(&mut server, volume, handle);
        assert_eq!(data(&refused)["reason"], "state_unavailable", "{}", super::text(&refused));
    }
    assert!(exists(volume));
    assert_eq!(scene.approve(&[other]).code, 0);
    assert_eq!(data(&spend(&mut server, sound, good))["status"], "ok");
}

/// Asks for a removal that cannot be kept: refused with these words, and reads go on.
fn unavailable(scene: &Scene, volume: &str, words: &str) {
    let mut server = scene.serve();
    let refused = server.call("remove_volume", &json!({"volume": volume}));
    assert_eq!(data(&refused)["reason"], "state_unavailable", "{}", text(&refused));
    assert!(text(&refused).contains(words), "{}", text(&refused));
    assert_eq!(data(&refused)["confirmToken"], Value::Null);
    let read = server.call("inspect_volume", &json!({"volume": volume}));
    assert_eq!(data(&read)["status"], "ok", "{}", text(&read));
    assert!(exists(volume));
}

#[test]
fn what_is_no_database_is_left_alone() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("garbage", &[]);
    let file = folder(&scene).join("state.db");
    for content in ["garbage ".repeat(4096), "SQLite format 3\0".repeat(600), "x".into()] {
        scene.world.write(&file, &content);
        unavailable(&scene, &volume, "Move it away");
        for args in [&["asks"][..], &["asks", "show", "ZZZZ-ZZZZ"], &["revoke", "ZZZZ-ZZZZ"]] {
            let ran = scene.run(args);
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(ran.stderr.contains("Move it away"), "{ran:?}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "it was changed");
    }
    fs::remove_file(&file).unwrap();
    ask(&mut scene.serve(), &volume);
}

#[test]
fn a_state_that_cannot_be_written_keeps_nothing() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("readonly", &[]);
    let state = scene.world.state();
    fs::set_permissions(&state, Permissions::from_mode(0o500)).unwrap();
    unavailable(&scene, &volume, "writable");
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    drop(server);
    let narrow = |mode: u32| {
        for file in fs::read_dir(folder(&scene)).unwrap() {
            let path = file.unwrap().path();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    narrow(0o400);
    let denied = scene.run(&["deny", &id, "--reason", "no"]);
    assert_eq!(denied.code, 1, "{denied:?}");
    assert!(denied.stderr.contains("writable"), "{denied:?}");
    narrow(0o600);
    assert_eq!(scene.approve(&[&id]).code, 0, "the ask is as it was");
    assert_eq!(data(&spend(&mut scene.serve(), &volume, &handle))["status"], "ok");
}

#[test]
fn a_full_disk_keeps_nothing_and_loses_nothing() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("full", &[]);
    let state = scene.world.state();
    let mount = |options: &str| {
        let mut mount = scene.world.command(Who::Root, "mount");
        mount.args(["-t", "tmpfs", "-o", options, "state"]).arg(&state);
        mount.stdout(Stdio::null()).status().unwrap().success()
    };
    let owner = format!("mode=700,uid={}", scene.world.uid());
    if !mount(&format!("size=16k,{owner}")) {
        eprintln!("SKIPPED: no file system can be mounted here");
        return;
    }
    unavailable(&scene, &volume, "Free space");
    assert!(mount("remount,size=8m"));
    let mut server = scene.serve();
    let (id, handle) = ask(&mut server, &volume);
    let fill = format!("dd if=/dev/zero of={}/fill bs=4k 2>/dev/null || true", state.display());
    scene.world.script(Who::Agent, &fill);
    let approved = scene.approve(&[&id]);
    assert_eq!(approved.code, 1, "{approved:?}");
    assert!(approved.stderr.contains("Free space"), "{approved:?}");
    scene.world.script(Who::Agent, &format!("rm {}/fill", state.display()));
    assert_eq!(scene.approve(&[&id]).code, 0, "the ask is as it was");
    assert_eq!(data(&spend(&mut server, &volume, &handle))["status"], "ok");
    assert!(!exists(&volume));
}

#[test]
fn an_approval_that_somebody_wrote_is_told_as_broken_and_can_be_taken_back() {
    let Some(scene) = Scene::new() else { return };
    let engine = Engine::connect();
    let volume = engine.volume_with("written", &[]);
    let (id, _) = ask(&mut scene.serve(), &volume);
    let by = r#"{"name":"alice","key":"SHA256:abc","uid":0}"#;
    let written = format!("state = 'approved', approver = '{by}', assurance = 'hardware'");
    edit(&scene, &format!("UPDATE asks SET {written}"));
    let late = scene.approve(&[&id]);
    assert_eq!(late.code, 3, "{late:?}");
    for (args, says) in [
        (&["asks"][..], "  broken "),
        (&["asks", "--json"], "\"broken\""),
        (&["asks", "show", &id], "and its signature does not hold."),
        (&["asks", "show", &id, "--json"], "holds no signature"),
    ] {
        let shown = scene.run(args);
        assert_eq!(shown.code, 0, "{shown:?}");
        assert!(shown.stdout.contains(says), "{args:?}: {shown:?}");
        assert!(
            !shown.stdout.contains("alice") && !shown.stdout.contains("`hardware` at"),
            "{shown:?}"
        );
    }
    assert!(late.stderr.contains(&format!("`countersign revoke {id}`; then ask anew")), "{late:?}");
    assert_eq!(scene.run(&["revoke", &id]).code, 0);
    let (anew, _) = ask(&mut scene.serve(), &volume);
    assert_ne!(anew, id);
}
