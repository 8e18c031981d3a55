//! A long run: mixed calls over one server against many containers that change on their own, and
//! nothing is left behind: no memory, descriptors, threads, locks or containers, and a whole log.
//! `COUNTERSIGN_SOAK_CALLS` makes it longer; `scripts/test --long` does.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::engine::{Engine, LABEL, SOCKET, docker};
use crate::support::program::{LEGACY, Sandbox, Session, command, data, text};

/// Calls, unless the environment says otherwise.
const CALLS: usize = 500;

/// Containers, of which so many run.
const CONTAINERS: usize = 50;
const RUNNING: usize = 12;

/// Calls that are on their way at the same time.
const AT_ONCE: usize = 8;

/// What a server may grow by after it is warm, in KiB. This is the build with all its checks; what
/// the release build may take is a matter of `benches/server`.
const GROWTH_KIB_MAX: u64 = 8 * 1024;

/// Descriptors that may come and go: connections that are kept, and one that is just being made.
const DESCRIPTORS_MORE: usize = 8;

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// The containers: those that run come first.
fn containers(engine: &Engine) -> Vec<String> {
    let make = |n: usize| {
        let sentence =
            engine.script("i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2; done");
        let sentence = sentence.option(&["--network", "none", "--stop-signal", "KILL"]);
        let sentence = sentence.label("com.docker.compose.project", engine.run());
        sentence.label("com.docker.compose.service", &format!("s{}", n % 5)).create().name
    };
    let names: Vec<String> = (0..CONTAINERS).map(make).collect();
    let running = names.iter().take(RUNNING).map(String::as_str);
    docker(&["start"].into_iter().chain(running).collect::<Vec<_>>());
    names
}

/// Somebody else, who changes things all the time and does not ask.
fn somebody(names: Vec<String>, run: &str, over: &Arc<AtomicBool>) -> thread::JoinHandle<usize> {
    let (over, label, mut dice) = (Arc::clone(over), format!("{LABEL}={run}"), Dice(7));
    let other = format!("cs-{run}-other");
    thread::spawn(move || {
        let mut changes = 0;
        while !over.load(Ordering::SeqCst) {
            let name = names[dice.below(RUNNING)].as_str();
            let image = crate::support::engine::IMAGE;
            let words: &[&[&str]] = match dice.below(4) {
                0 => &[&["restart", "-t", "0", name]],
                1 => &[&["pause", name], &["unpause", name]],
                2 => &[&["stop", "-t", "0", name], &["start", name]],
                _ => &[
                    &["create", "--label", &label, "--name", &other, image, "true"],
                    &["rm", "-f", &other],
                ],
            };
            for words in words {
                let host = format!("unix://{SOCKET}");
                // It may fail, as what it changes is changed by others.
                command("docker").args(["--host", &host]).args(*words).output().unwrap();
                changes += 1;
            }
        }
        changes
    })
}

/// One call of the mix.
fn call(dice: &mut Dice, names: &[String], run: &str) -> (&'static str, Value) {
    let any = names[dice.below(names.len())].as_str();
    let running = names[dice.below(RUNNING)].as_str();
    let label = format!("{LABEL}={run}");
    match dice.below(20) {
        0..=2 => ("list_containers", json!({"all": true, "label": label})),
        3 => ("list_containers", json!({"name": run, "limit": 5})),
        4..=6 => ("inspect_container", json!({"container": any})),
        7..=9 => ("get_container_logs", json!({"container": running, "tail": 20})),
        10 => ("get_container_logs", json!({"container": running, "grep": "1$", "context": 1})),
        11 => ("engine_info", json!({})),
        12 => (
            "check_policy",
            json!({"operation": "stop_container", "arguments": {"container": any}}),
        ),
        13 => ("list_projects", json!({})),
        14 => ("get_project_logs", json!({"project": run, "tail": 3})),
        15 => ("stop_container", json!({"container": running})),
        16 => ("restart_container", json!({"container": any, "confirmToken": "0".repeat(32)})),
        17 => ("inspect_container", json!({"container": "../info?"})),
        18 => ("remove_container", json!({"container": any})),
        _ => ("list_volumes", json!({})),
    }
}

struct Usage {
    kib: u64,
    descriptors: usize,
    threads: usize,
}

impl Usage {
    fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        let descriptors = match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(descriptors) => descriptors.count(),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
                eprintln!("SKIPPED: only root sees the descriptors of a program that is closed");
                0
            }
        };
        let threads = usize::try_from(number("Threads:")).unwrap();
        Self { kib: number("VmRSS:"), descriptors, threads }
    }
}

/// Confirms a change from preview to result; whether it was done. It may be refused, as somebody
/// else is at it too.
fn change(session: &mut Session, dice: &mut Dice, names: &[String]) -> (usize, bool) {
    let name = &names[dice.below(RUNNING)];
    let preview = session.call("restart_container", &json!({"container": name, "timeout": 0}));
    let Some(token) = data(&preview)["confirmToken"].as_str() else { return (1, false) };
    let confirm = json!({"container": name, "timeout": 0, "confirmToken": token});
    let done = session.call("restart_container", &confirm);
    let known = ["ok", "denied", "failed", "confirmation_required", "unknown"];
    assert!(known.contains(&data(&done)["status"].as_str().unwrap()), "{done}");
    (2, data(&done)["status"] == "ok")
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment how long to run")]
fn calls() -> usize {
    std::env::var("COUNTERSIGN_SOAK_CALLS").map_or(CALLS, |calls| calls.parse().unwrap())
}

#[test]
fn nothing_is_left_behind() {
    let engine = Engine::connect();
    let (names, total) = (containers(&engine), calls());
    let sandbox = Sandbox::new();
    let host = format!("unix://{SOCKET}");
    let mut session = sandbox.serve(&["--host", &host, "--toolsets", "all"]);
    session.initialize(LEGACY);
    let over = Arc::new(AtomicBool::new(false));
    let somebody = somebody(names.clone(), engine.run(), &over);

    let (mut dice, mut made, mut changed, mut warm) = (Dice(42), 0, 0, None);
    while made < total {
        let asked: Vec<u64> = (0..AT_ONCE)
            .map(|_| {
                let (tool, arguments) = call(&mut dice, &names, engine.run());
                session.ask("tools/call", &json!({"name": tool, "arguments": arguments}))
            })
            .collect();
        for id in asked {
            let answer = session.answer(&json!(id));
            assert!(!text(&answer["result"]).is_empty(), "{answer}");
            made += 1;
        }
        if dice.below(8) == 0 {
            let (calls, done) = change(&mut session, &mut dice, &names);
            made += calls;
            changed += usize::from(done);
        }
        if warm.is_none() && made > total / 5 {
            warm = Some(Usage::of(session.pid()));
        }
    }
    over.store(true, Ordering::SeqCst);
    let outside = somebody.join().unwrap();
    assert!(changed > 0 && outside > 20, "{changed} of ours, {outside} of others");
    let (warm, after) = (warm.unwrap(), Usage::of(session.pid()));
    assert!(after.kib < warm.kib + GROWTH_KIB_MAX, "{} KiB, then {}", warm.kib, after.kib);
    assert!(after.descriptors <= warm.descriptors + DESCRIPTORS_MORE, "{}", after.descriptors);
    assert!(after.threads <= warm.threads + 4, "{} threads", after.threads);
    let live = || fs::read_dir(sandbox.log().join(".live")).unwrap().count();
    assert_eq!(live(), 1, "no target is locked, and one process lives");
    println!("{made} calls, {changed} changes, {outside} outside; {} KiB", after.kib);

    let (code, rest, said) = session.end();
    assert_eq!((code, rest.len()), (0, 0), "{said}");
    assert_eq!(live(), 0);
    let lines = sandbox.requests();
    let ends = ["read", "denied", "done", "failed", "unknown", "preview"];
    let of = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let ended = lines.iter().filter(|line| ends.contains(&line["event"].as_str().unwrap()));
    let requests: BTreeSet<String> = ended.map(|line| of(line, "req")).collect();
    assert!(requests.len() >= made, "{} of {made} calls on record", requests.len());
    let verified = sandbox.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let mine = format!("label={LABEL}={}", engine.run());
    let left = docker(&["ps", "-aq", "--filter", &mine]).lines().count();
    assert_eq!(left, CONTAINERS, "nothing was added, nothing is gone");
}
