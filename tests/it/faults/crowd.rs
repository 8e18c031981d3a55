//! Two processes of 64 threads each that present the same approved ask, each through a gate of its own:
//! one effect.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use countersign::core::ask::State;
use countersign::gate::Status;
use countersign::host::HostClock;
use countersign::ports::Clock as _;
use tokio::sync::Barrier;

use super::asks::{Scene, block_on, effects};
use super::{count, ledger, told};
use crate::support::fakes::{container, id};

/// Rounds, unless `COUNTERSIGN_CROWD_ROUNDS` says otherwise.
const ROUNDS: u64 = 1000;

/// Rounds that share a state and a log.
const ROUNDS_PER_STATE: usize = 20;

const PROCESSES: usize = 2;
const THREADS: usize = 64;

/// What a child's lines begin with, among those of the tests' own harness.
const SAYS: &str = "crowd: ";

fn say(what: &str) {
    writeln!(stdout(), "\n{SAYS}{what}").unwrap();
}

/// The next container to present an ask for.
fn meet(scene: &Scene, name: &str) {
    scene.burning.engine.put(container(id(1), name));
}

/// The child's part: for each line of a name and a handle, as many calls as threads, once it is told
/// to go. As a test of its own, nobody tells it anything and it does nothing.
#[test]
fn child() {
    let Some(folder) = told("COUNTERSIGN_CROWD_FOLDER") else { return };
    let scene = Arc::new(Scene::new(Path::new(&folder), u64::MAX, "nothing"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.unwrap();
    let mut lines = stdin().lines();
    while let Some(line) = lines.next() {
        let line = line.unwrap();
        let (name, handle) = line.split_once(' ').unwrap();
        meet(&scene, name);
        say("ready");
        assert_eq!(lines.next().unwrap().unwrap(), "go");
        let barrier = Arc::new(Barrier::new(THREADS));
        let call = |_| {
            let (scene, barrier) = (scene.clone(), barrier.clone());
            let (name, handle) = (name.to_owned(), handle.to_owned());
            runtime.spawn(async move {
                barrier.wait().await;
                let answer = scene.present(&name, &handle).await;
                match answer.status {
                    Status::Ok => "ok",
                    _ => answer.reason.map_or("nothing", |reason| reason.as_str()),
                }
            })
        };
        let calls: Vec<_> = (0..THREADS).map(call).collect();
        let ends = calls.into_iter().map(|call| runtime.block_on(call).unwrap());
        say(&ends.collect::<Vec<_>>().join(" "));
    }
    scene.burning.audit.close();
}

/// A child, and how one talks to it.
struct Process {
    child: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Process {
    #[expect(clippy::disallowed_methods, reason = "the child is a process")]
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::crowd::child", "--test-threads=1"])
            .env("COUNTERSIGN_CROWD_FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, hear) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, tell, hear: BufReader::new(hear) }
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.tell, "{what}").unwrap();
    }

    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the child is gone");
            if let Some(said) = line.strip_prefix(SAYS) {
                return said.trim().to_owned();
            }
        }
    }

    fn end(self) {
        let Self { mut child, tell, .. } = self;
        drop(tell);
        assert!(child.wait().unwrap().success());
    }
}

/// Rounds over one state. Gives how the calls ended.
fn rounds(names: &[String]) -> BTreeMap<String, usize> {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), u64::MAX, "nothing");
    let asked = |name: &String| {
        meet(&scene, name);
        block_on(scene.approved(name)).unwrap()
    };
    let handles: Vec<String> = names.iter().map(asked).collect();
    let mut processes: Vec<Process> =
        (0..PROCESSES).map(|_| Process::start(folder.path())).collect();
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for (name, handle) in names.iter().zip(&handles) {
        for process in &mut processes {
            process.tell(&format!("{name} {handle}"));
            assert_eq!(process.hear(), "ready");
        }
        processes.iter_mut().for_each(|process| process.tell("go"));
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for process in &mut processes {
            for end in process.hear().split(' ') {
                *ends.entry(end.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(ends.get("ok"), Some(&1), "{name}: {ends:?}");
        let refused = ["token_used", "busy"].map(|reason| ends.get(reason).unwrap_or(&0));
        assert_eq!(refused.into_iter().sum::<usize>(), PROCESSES * THREADS - 1, "{ends:?}");
        assert_eq!(effects(folder.path(), name), 1, "{name}: {ends:?}");
        ends.into_iter().for_each(|(end, n)| *all.entry(end).or_default() += n);
    }
    processes.into_iter().for_each(Process::end);
    let ledger = ledger(folder.path());
    for name in names {
        let lines = &ledger[name];
        assert_eq!((count(lines, &["allowed"]), count(lines, &["done"])), (1, 1), "{name}");
        assert_eq!(block_on(scene.stored(name)).unwrap().state, State::Done, "{name}");
    }
    all
}

#[test]
fn of_all_threads_of_two_processes_one_spends_an_ask() {
    let total = told("COUNTERSIGN_CROWD_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let names: Vec<String> = (0..total).map(|round| format!("c{round}")).collect();
    let started = HostClock.tick();
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for names in names.chunks(ROUNDS_PER_STATE) {
        rounds(names).into_iter().for_each(|(end, n)| *all.entry(end).or_default() += n);
    }
    let seconds = (HostClock.tick().0 - started.0).as_secs();
    println!("{total} rounds, {PROCESSES} processes, {THREADS} threads: {all:?}, {seconds} s");
}
