//! Many callers, many processes, and processes that are killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Barrier;
use std::thread;

use super::support::*;
use crate::audit::{AuditLog, verify};
use crate::core::grant::Assurance;
use crate::core::plan::{Digest, Face, Principal};
use crate::core::record::{Caller, Record};
use crate::ports::{Audit, Durability};

/// Requests of one appending child.
const REQUESTS: usize = 120;

fn of(session: &str, event: Event, n: usize) -> Record {
    Record { session: Some(session.into()), ..record(event, &format!("{session}-{n}")) }
}

/// Prints `ok REQ EVENT` for each record that the log took.
#[test]
#[ignore = "a child of another test"]
fn appending_child() {
    let Some(task) = child_task() else { return };
    let (dir, session) = task.split_once('|').unwrap();
    let log = log_as(Path::new(dir), session);
    for n in 0..REQUESTS {
        put_synced(&log, of(session, Event::Allowed, n)).unwrap();
        println!("\nok {session}-{n} allowed");
        put(&log, of(session, Event::Done, n)).unwrap();
        println!("\nok {session}-{n} done");
    }
}

/// Reads on until the child said so many times `ok`, or has no more to say.
fn accepted(child: &mut Child, most: usize) -> Vec<String> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut found = Vec::new();
    let mut line = String::new();
    while found.len() < most && out.read_line(&mut line).unwrap() > 0 {
        if line.ends_with('\n')
            && let Some(said) = line.trim().strip_prefix("ok ")
        {
            found.push(said.to_owned());
        }
        line.clear();
    }
    // What the pipe's buffer holds was accepted as well.
    if found.len() == most {
        child.kill().unwrap();
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
        found.extend(whole.lines().filter_map(|l| l.strip_prefix("ok ")).map(str::to_owned));
    }
    found
}

#[test]
fn eight_processes_append_while_some_are_killed() {
    let (_top, dir) = fresh();
    let spawn = |n: usize| {
        child("crowd::appending_child", &format!("{}|p{n}", dir.display())).spawn().unwrap()
    };
    let children: Vec<Child> = (0..8).map(spawn).collect();
    let said: Vec<String> = thread::scope(|scope| {
        let readers: Vec<_> = children
            .into_iter()
            .enumerate()
            .map(|(n, mut child)| {
                scope.spawn(move || {
                    let most = if n % 2 == 0 { usize::MAX } else { 20 + n * 7 };
                    let said = accepted(&mut child, most);
                    let status = child.wait().unwrap();
                    assert_eq!(status.success(), n % 2 == 0);
                    said
                })
            })
            .collect();
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
    });
    assert!(said.len() >= 4 * 2 * REQUESTS + 4 * 20, "{}", said.len());
    sound(&dir);
    put(&log_as(&dir, "last"), brief()).unwrap();
    let report = verify(&dir, true, None).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert!(report.open.is_empty(), "{:?}", report.open);
    let mut logged = BTreeSet::new();
    let (mut intents, mut outcomes) = (0, BTreeSet::new());
    for line in records(&dir) {
        let (Some(req), Some(event)) = (line["req"].as_str(), line["event"].as_str()) else {
            continue;
        };
        logged.insert(format!("{req} {event}"));
        if event == "allowed" {
            intents += 1;
        } else {
            assert!(outcomes.insert(req.to_owned()), "a second outcome of {req}");
        }
    }
    assert_eq!(intents, outcomes.len());
    let lost: Vec<_> = said.iter().filter(|said| !logged.contains(*said)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(fs::read_dir(dir.join(".live")).unwrap().count(), 0);
}

#[test]
fn sixty_four_callers_share_one_log() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let log: Arc<AuditLog> = Arc::new(log);
        let callers: Vec<_> = (0..64)
            .map(|caller| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    for n in 0..20 {
                        let req = format!("{caller}-{n}");
                        log.append(record(Event::Preview, &req), Durability::Synced).await.unwrap();
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    let report = sound(&dir);
    assert_eq!(report.lines, 64 * 20 + 1);
    // Each caller's own records stand in its order.
    let reqs: Vec<String> =
        records(&dir).iter().filter_map(|r| Some(r["req"].as_str()?.to_owned())).collect();
    for caller in 0..64 {
        let own: Vec<_> =
            reqs.iter().filter(|r| r.split_once('-').unwrap().0 == caller.to_string()).collect();
        let due: Vec<String> = (0..20).map(|n| format!("{caller}-{n}")).collect();
        assert_eq!(own, due.iter().collect::<Vec<_>>());
    }
}

/// An intent that says all that an intent can say.
fn intent(session: &str, n: usize) -> Record {
    let principal = Principal { face: Face::Mcp, uid: 1000 };
    Record {
        caller: Some(Caller { principal, client: Some("c".into()), version: None, pid: 42 }),
        args: Some(serde_json::json!({"container": "web", "timeout": 10})),
        rule: Some("builtin-changes".into()),
        policy: Some(Digest::of(&[b"policy"])),
        assurance: Some(Assurance::Echo),
        ..of(session, Event::Allowed, n)
    }
}

/// A session that ended with two of its three intents open.
fn crashed(dir: &Path, session: &str) {
    let log = log_as(dir, session);
    for n in 0..3 {
        put(&log, intent(session, n)).unwrap();
    }
    put(&log, of(session, Event::Failed, 1)).unwrap();
    drop(log);
    assert!(dir.join(".live").join(session).exists(), "open intents keep the mark");
}

#[test]
fn two_racing_processes_close_a_crashed_session_once() {
    for _ in 0..10 {
        let (_top, dir) = fresh();
        crashed(&dir, "gone");
        assert_eq!(sound(&dir).open.len(), 2);
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            for session in ["a", "b"] {
                let (dir, barrier) = (&dir, &barrier);
                scope.spawn(move || {
                    let log = log_as(dir, session);
                    barrier.wait();
                    put(&log, brief()).unwrap();
                });
            }
        });
        let report = sound(&dir);
        assert!(report.open.is_empty());
        let closed: Vec<_> =
            records(&dir).into_iter().filter(|r| r["event"] == "unknown").collect();
        let reqs: Vec<_> = closed.iter().map(|r| r["req"].as_str().unwrap()).collect();
        assert_eq!(reqs, ["gone-0", "gone-2"]);
        assert!(!dir.join(".live/gone").exists());
    }
}

#[test]
fn a_closing_says_what_the_intent_said() {
    let (_top, dir) = fresh();
    crashed(&dir, "gone");
    put(&log_as(&dir, "next"), brief()).unwrap();
    let all = records(&dir);
    let intent = all.iter().find(|r| r["req"] == "gone-2" && r["event"] == "allowed").unwrap();
    let closing = all.iter().find(|r| r["req"] == "gone-2" && r["event"] == "unknown").unwrap();
    let keys = ["op", "class", "caller", "session", "req", "args", "target", "plan", "rule"];
    for key in keys.into_iter().chain(["policy", "assurance"]) {
        assert_eq!(intent[key], closing[key], "{key}");
        assert!(!closing[key].is_null(), "{key}");
    }
    assert_eq!(closing["reason"], "outcome_unknown");
    assert!(closing["error"].as_str().unwrap().contains("ended before the outcome"));
}

#[test]
fn a_living_session_is_left_alone() {
    let (_top, dir) = fresh();
    let living = log_as(&dir, "living");
    put(&living, of("living", Event::Allowed, 0)).unwrap();
    put(&log_as(&dir, "other"), brief()).unwrap();
    let report = sound(&dir);
    assert_eq!(report.open.len(), 1);
    assert!(report.open[0].in_flight);
    assert_eq!((report.open[0].req.as_str(), report.open[0].seq), ("living-0", 2));
    put(&living, of("living", Event::Done, 0)).unwrap();
    drop(living);
    assert!(sound(&dir).open.is_empty());
    assert!(!dir.join(".live/living").exists(), "a clean exit removes the mark");
}

/// Holds `web` until its input ends.
#[test]
#[ignore = "a child of another test"]
fn holding_child() {
    let Some(dir) = child_task() else { return };
    let held = log_as(Path::new(&dir), "child").hold(&[target("web")]).unwrap();
    println!("\nheld");
    let mut end = String::new();
    std::io::stdin().read_to_string(&mut end).unwrap();
    drop(held);
}

#[test]
fn a_target_is_held_across_processes() {
    for kill in [false, true] {
        let (_top, dir) = fresh();
        let mut child = child("crowd::holding_child", &dir.display().to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        assert!(out.lines().map_while(Result::ok).any(|line| line == "held"));
        let log = log_as(&dir, "parent");
        let refused = log.hold(&[target("web")]).unwrap_err();
        assert_eq!(refused.reason, Reason::Busy);
        assert!(refused.message.contains("Another change of `web` is running"), "{refused}");
        assert_eq!(log.hold(&[target("db"), target("web")]).unwrap_err().reason, Reason::Busy);
        assert!(log.hold(&[target("db")]).is_ok(), "a refusal leaves nothing held");
        if kill {
            child.kill().unwrap();
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(log.hold(&[target("web")]).is_ok());
    }
}

#[test]
fn one_of_many_threads_holds_a_target() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    let (inside, most) = (std::sync::atomic::AtomicU32::new(0), std::sync::Mutex::new(0));
    thread::scope(|scope| {
        for n in 0..8 {
            let (log, inside, most) = (&log, &inside, &most);
            let names = if n % 2 == 0 { ["web", "db"] } else { ["db", "web"] };
            scope.spawn(move || {
                let mut won = 0;
                while won < 50 {
                    let Ok(held) = log.hold(&[target(names[0]), target(names[1])]) else {
                        thread::yield_now();
                        continue;
                    };
                    won += 1;
                    let now = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                    let mut most = most.lock().unwrap();
                    *most = now.max(*most);
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    drop(held);
                }
            });
        }
    });
    assert_eq!(*most.lock().unwrap(), 1);
    assert_eq!(fs::read_dir(dir.join(".live")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_locks_of_processes_that_are_gone_are_removed() {
    let (_top, dir) = fresh();
    let live = dir.join(".live");
    let other = log_as(&dir, "other");
    let held = other.hold(&[target("held")]).unwrap();
    for n in 0..5 {
        fs::write(live.join(format!("target-{n}")), "").unwrap();
    }
    fs::create_dir(live.join("target-folder")).unwrap();
    let log = log_as(&dir, "s1");
    let own = log.hold(&[target("own")]).unwrap();
    put(&log, brief()).unwrap();
    let left: BTreeSet<_> = fs::read_dir(&live)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 3, "what is held stays, and what is no lock of ours: {left:?}");
    assert_eq!(other.hold(&[target("own")]).unwrap_err().reason, Reason::Busy);
    assert_eq!(log.hold(&[target("held")]).unwrap_err().reason, Reason::Busy);
    drop((held, own));
    assert_eq!(fs::read_dir(&live).unwrap().count(), 1);
}

#[test]
fn the_same_target_twice_is_one() {
    let (_top, dir) = fresh();
    let log = log_as(&dir, "s1");
    let held = log.hold(&[target("web"), target("web")]).unwrap();
    assert!(log.hold(&[target("web")]).is_err());
    drop(held);
    let mut elsewhere = target("web");
    elsewhere.engine = "other".into();
    let _here = log.hold(&[target("web")]).unwrap();
    assert!(log.hold(&[elsewhere]).is_ok(), "another engine's target is another target");
    let (_top, untouched) = fresh();
    assert!(log_as(&untouched, "s1").hold(&[]).is_ok());
    assert!(!untouched.exists());
}
