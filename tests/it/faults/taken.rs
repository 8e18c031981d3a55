//! A process that dies at each call of a port while it takes permission away: a person denies or takes
//! back, the requester cancels, the plan is another now, the time is over. Whoever is told that this was
//! done was told the truth; what the log has as over is over, whatever the state says; and whoever
//! repeats it completes it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;

use countersign::audit::verify;
use countersign::core::ask::{Ask, AskId, State};
use countersign::core::grant::Tick;
use countersign::core::reason::Reason;
use countersign::gate::{Answer, Status};
use countersign::host::HostClock;
use countersign::ports::Clock;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::asks::{Scene, block_on, effects};
use super::{count, ledger, spawn, told};
use crate::gate::request;
use crate::support::program::command;

/// Calls of ports that no turn comes to.
const POINTS_MAX: u64 = 100;

/// What is taken away, and how.
const TURNS: [(State, State); 8] = [
    (State::Pending, State::Denied),
    (State::Approved, State::Revoked),
    (State::Pending, State::Cancelled),
    (State::Approved, State::Cancelled),
    (State::Pending, State::Superseded),
    (State::Approved, State::Superseded),
    (State::Pending, State::Expired),
    (State::Approved, State::Expired),
];

/// The usual clock, so much later.
#[derive(Debug)]
struct Later(Duration);

impl Clock for Later {
    fn now(&self) -> OffsetDateTime {
        HostClock.now() + self.0
    }

    fn tick(&self) -> Tick {
        Tick(HostClock.tick().0 + self.0.unsigned_abs())
    }
}

/// A process in which an ask comes to be this.
fn scene(folder: &Path, fuse: u64, name: &str, to: State) -> Scene {
    let later = if to == State::Expired { Duration::HOUR } else { Duration::ZERO };
    let scene = Scene::at(folder, fuse, name, Arc::new(Later(later)));
    if to == State::Superseded {
        scene.burning.engine.change(1, |container| container.state.started_at = "later".into());
    }
    scene
}

/// The one of these turns that this name begins with.
fn of(name: &str) -> State {
    let mut states = TURNS.into_iter().map(|(_, to)| to);
    states.find(|to| name.starts_with(to.as_str())).unwrap()
}

/// Takes it away. What was said instead, if it was not said that this was done.
async fn take(scene: &Scene, ask: &Ask, name: &str) -> Result<(), String> {
    let told = |answer: Answer, is: bool| if is { Ok(()) } else { Err(answer.text) };
    let done = match of(name) {
        State::Denied => scene.approvals.deny(ask.id, "no").await.map(drop),
        State::Revoked => scene.approvals.revoke(ask.id, "no").await.map(drop),
        State::Expired => scene.approvals.list(true, 1).await.map(drop),
        State::Cancelled => {
            let cancel = request("cancel_ask", json!({"ask": ask.id.to_string()}));
            let answer = scene.gate.run(cancel).await;
            let is = answer.status == Status::Ok;
            return told(answer, is);
        }
        _ => {
            let answer = scene.present(name, &ask.handle.reveal()).await;
            let is = answer.reason == Some(Reason::PlanChanged);
            return told(answer, is);
        }
    };
    done.map_err(|fault| fault.message)
}

/// The child's part: it takes away what waits. As a test of its own, nobody tells it anything and it does
/// nothing.
#[test]
fn child() {
    let Some(folder) = told("COUNTERSIGN_FAULT_FOLDER") else { return };
    let fuse = told("COUNTERSIGN_FAULT_FUSE").unwrap().parse().unwrap();
    let name = told("COUNTERSIGN_FAULT_NAME").unwrap();
    let scene = scene(Path::new(&folder), fuse, &name, of(&name));
    block_on(async {
        let ask = scene.stored(&name).await.unwrap();
        take(&scene, &ask, &name).await.unwrap();
    });
    scene.burning.audit.close();
}

/// How often the log has it that this ask came to be this.
fn closed(folder: &Path, name: &str, id: AskId, to: State) -> usize {
    let mut lines = ledger(folder).remove(name).unwrap_or_default();
    lines.retain(|line| line["ask"] == id.to_string());
    count(&lines, &[to.event().as_str()])
}

/// Nobody can have it run: not as it stands, nor as alice signs it again.
fn is_over(folder: &Path, name: &str, id: AskId) {
    let scene = Scene::new(folder, u64::MAX, name);
    block_on(async {
        let ask = scene.stored(name).await.unwrap();
        if ask.state == State::Pending {
            drop(scene.sign(id).await);
        }
        let answer = scene.present(name, &ask.handle.reveal()).await;
        assert_ne!(answer.status, Status::Ok, "{name}, {}: {}", ask.state, answer.text);
    });
    scene.burning.audit.close();
    assert_eq!(effects(folder, name), 0, "{name}");
}

/// What another process finds once the child has ended, and can still do.
fn check(folder: &Path, name: &str, (from, to): (State, State), id: AskId, said: bool) {
    let ask = block_on(scene(folder, u64::MAX, name, to).stored(name)).unwrap();
    let lines = closed(folder, name, id, to);
    assert!(lines <= 1, "{name}: {lines} lines");
    assert!(ask.state == to || ask.state == from, "{name}: {}", ask.state);
    assert!(ask.state == from || lines == 1, "{name}: the state says {to}, and the log does not");
    assert!(!said || ask.state == to, "{name}: it was said that it is {to}, and it is {from}");
    if lines == 1 {
        let left = folder.join("left");
        copy(&folder.join("state"), &left);
        is_over(folder, name, id);
        put_back(&left, folder);
    }
    let next = scene(folder, u64::MAX, name, to);
    let repeated = block_on(take(&next, &ask, name));
    next.burning.audit.close();
    if let Err(why) = repeated {
        assert!(ask.state == to || lines == 1, "{name}: {why}");
    }
    // What nobody said stays refused where the log has it, until its time is over.
    let completed = block_on(next.stored(name)).unwrap().state;
    assert!(completed == to || to == State::Superseded, "{name}: {completed}");
    assert_eq!(closed(folder, name, id, to), 1, "{name}");
    is_over(folder, name, id);
}

fn copy(from: &Path, to: &Path) {
    assert!(command("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Puts a copy of the state in its place, as whoever owns it can.
fn put_back(copy: &Path, folder: &Path) {
    let state = folder.join("state");
    fs::remove_dir_all(&state).unwrap();
    fs::rename(copy, &state).unwrap();
}

/// One child for each call of a port, until one has told that it was done. How many died.
fn deaths(turn: (State, State)) -> u64 {
    for fuse in 1..POINTS_MAX {
        // A denial ends what else waits for the same, so that nothing else may wait.
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let name = format!("{}-{fuse}", turn.1);
        let before = folder.join("before");
        let id = block_on(async {
            let scene = Scene::new(folder, u64::MAX, &name);
            if turn.0 == State::Approved {
                scene.approved(&name).await.unwrap();
            } else {
                scene.asked(&name).await.unwrap();
            }
            let id = scene.stored(&name).await.unwrap().id;
            scene.burning.audit.close();
            id
        });
        copy(&folder.join("state"), &before);
        let ended = spawn("faults::taken::child", folder, fuse, &name).wait().unwrap();
        assert!(ended.success() || ended.signal().is_some(), "{name}: {ended}");
        check(folder, &name, turn, id, ended.success());
        put_back(&before, folder);
        is_over(folder, &name, id);
        let report = verify(&folder.join("audit"), true, None).unwrap();
        assert!(report.is_sound() && report.open.is_empty(), "{name}: {report:?}");
        if ended.success() {
            return fuse - 1;
        }
    }
    panic!("it never came to be {}", turn.1);
}

#[test]
fn no_death_leaves_standing_what_was_said_to_be_taken_away() {
    let deaths = TURNS.map(deaths);
    println!("died while it was taken away: {deaths:?}");
    assert!(deaths.iter().all(|deaths| *deaths >= 4), "too few died: {deaths:?}");
}
