//! Many callers, many processes, and processes that are killed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rusqlite::TransactionBehavior;

use super::support::*;
use crate::core::ask::{Ask, AskId, State};
use crate::core::plan::{Face, Principal};
use crate::core::reason::Reason;
use crate::ports::asks::Asks;

/// Threads of one process that spend the same ask.
const THREADS: usize = 64;

/// Asks that two processes spend.
const ROUNDS: u32 = 1000;

/// One of many that has a principal of its own, so that no limit stands in its way.
fn own(n: u32) -> Ask {
    Ask { principal: Principal { face: Face::Mcp, uid: n }, ..ask(n) }
}

/// For each number that it is told, spends that ask with all its threads at once, and prints how many of
/// them had it.
#[test]
#[ignore = "a child of another test"]
fn spending_child() {
    let Some(file) = child_task() else { return };
    let asks = open(Path::new(&file));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    println!("\nready");
    for line in std::io::stdin().lines() {
        let n: u32 = line.unwrap().parse().unwrap();
        let spend = || {
            let asks = Arc::clone(&asks);
            async move { asks.turn(id(n), bare(State::Approved, State::Executing)).await }
        };
        let won = runtime.block_on(async {
            let callers: Vec<_> = (0..THREADS).map(|_| tokio::spawn(spend())).collect();
            let mut won = 0;
            for caller in callers {
                match caller.await.unwrap() {
                    Ok(_) => won += 1,
                    Err(fault) => assert_eq!(fault.reason, Reason::AskClosed, "{fault}"),
                }
            }
            won
        });
        println!("\nwon {won}");
    }
}

/// A child that is told numbers and answers each.
struct Spender {
    child: Child,
    told: ChildStdin,
    said: BufReader<std::process::ChildStdout>,
}

impl Spender {
    fn start(folder: &Folder) -> Self {
        let mut child = child("crowd::spending_child", &folder.file().display().to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut spender = Self { child, told, said: BufReader::new(said) };
        assert_eq!(spender.answer(), "ready");
        spender
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if line.starts_with("ready") || line.starts_with("won") {
                return line.trim().to_owned();
            }
            line.clear();
        }
        panic!("the child ended");
    }
}

#[test]
fn of_two_processes_with_64_threads_one_spends_an_ask() {
    let folder = Folder::new();
    let asks = folder.open();
    let mut spenders = [Spender::start(&folder), Spender::start(&folder)];
    let mut by_both = [0, 0];
    // Made at once, since nothing of this test is about how durable that is.
    put_new(&asks, &own(1));
    let raw = folder.raw();
    raw.execute("UPDATE asks SET state = 'approved'", ()).unwrap();
    let copy = "INSERT INTO asks SELECT NULL, ?, ?, state, operation, ?, face, made, expires, since, \
                about, given, bound, plan, cools, session, log, seal, assurance, approver, words, \
                signature FROM asks WHERE seq = 1";
    let batch = raw.unchecked_transaction().unwrap();
    for n in 2..=ROUNDS {
        let ask = own(n);
        raw.execute(copy, (ask.id.to_string(), ask.handle.reveal(), n)).unwrap();
    }
    raw.execute("INSERT INTO documents SELECT seq, 'x' FROM asks WHERE seq > 1", ()).unwrap();
    batch.commit().unwrap();
    for n in 1..=ROUNDS {
        for spender in &mut spenders {
            writeln!(spender.told, "{n}").unwrap();
        }
        let won = spenders.each_mut().map(Spender::answer);
        match (won[0].as_str(), won[1].as_str()) {
            ("won 1", "won 0") => by_both[0] += 1,
            ("won 0", "won 1") => by_both[1] += 1,
            _ => panic!("ask {n}: {won:?}"),
        }
    }
    assert!(by_both.iter().all(|won| *won > 0), "one was always faster: {by_both:?}");
    assert!((1..=ROUNDS).all(|n| get(&asks, n).unwrap().state == State::Executing));
    for spender in spenders {
        let Spender { mut child, told, said: _ } = spender;
        drop(told);
        assert!(child.wait().unwrap().success());
    }
}

/// Brings one ask after another to its end, and prints each turn that was told to be done.
#[test]
#[ignore = "a child of another test"]
fn turning_child() {
    use State::{Approved, Done, Executing, Pending};
    let Some(task) = child_task() else { return };
    let (file, from) = task.split_once('|').unwrap();
    let asks = open(Path::new(file));
    for n in from.parse::<u32>().unwrap().. {
        put_new(&asks, &own(n));
        println!("\nok {n} pending");
        turn(&asks, n, Pending, Approved).unwrap();
        println!("\nok {n} approved");
        let held = asks.hold(id(n)).unwrap();
        turn(&asks, n, Approved, Executing).unwrap();
        println!("\nok {n} executing");
        turn(&asks, n, Executing, Done).unwrap();
        println!("\nok {n} done");
        drop(held);
    }
}

/// The last word on each ask.
fn last_words(said: &str) -> BTreeMap<u32, State> {
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let words = whole.lines().filter_map(|line| line.strip_prefix("ok ")?.split_once(' '));
    words.map(|(n, state)| (n.parse().unwrap(), State::parse(state).unwrap())).collect()
}

#[test]
fn a_process_that_is_killed_leaves_whole_turns() {
    let folder = Folder::new();
    let (mut told, mut overdue) = (0, 0);
    for round in 0..25_u32 {
        let from = 1 + round * 1000;
        let mut child =
            child("crowd::turning_child", &format!("{}|{from}", folder.file().display()))
                .spawn()
                .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("ok ") {
            assert!(out.read_line(&mut said).unwrap() > 0, "the child ended");
        }
        thread::sleep(Duration::from_micros(5_000 + u64::from(round) * 3_717));
        child.kill().unwrap();
        out.read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        let asks = folder.open();
        let words = last_words(&said);
        let last = words.keys().next_back().copied();
        for (n, state) in &words {
            let is = get(&asks, *n).unwrap();
            let next = state.may_become(is.state) && last == Some(*n);
            assert!(is.state == *state || next, "ask {n} was {state} and is {}", is.state);
            assert_eq!(said_of(&is), said_of(&own(*n)));
            told += 1;
        }
        for (ask, to) in wait(asks.overdue(NOW)).unwrap() {
            assert_eq!((ask.state, to), (State::Executing, State::Unknown));
            turn(&asks, number(ask.id), State::Executing, State::Unknown).unwrap();
            overdue += 1;
        }
        assert!(wait(asks.overdue(NOW)).unwrap().is_empty());
        let listed = wait(asks.list(false, usize::MAX)).unwrap();
        assert!(listed.iter().all(|row| row.state != State::Executing));
        let check: String =
            folder.raw().query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
    println!("{told} asks, {overdue} were left executing");
    assert!(told > 50, "{told}");
}

/// What no turn changes.
fn said_of(ask: &Ask) -> String {
    said(&Ask { state: State::Pending, since: NOW, seal: None, ..ask.clone() })
}

fn number(wanted: AskId) -> u32 {
    (0..30_000).find(|n| id(*n) == wanted).unwrap()
}

#[test]
fn the_first_ones_make_one_database() {
    for _ in 0..10 {
        let folder = Folder::new();
        let begin = Barrier::new(16);
        thread::scope(|scope| {
            for n in 0..16 {
                let (folder, begin) = (&folder, &begin);
                scope.spawn(move || {
                    let asks = folder.open();
                    begin.wait();
                    put_new(&asks, &ask(n));
                });
            }
        });
        assert_eq!(wait(folder.open().list(true, 100)).unwrap().len(), 16);
    }
}

#[test]
fn one_of_many_holds_an_ask() {
    let folder = Folder::new();
    let (inside, most) = (std::sync::atomic::AtomicU32::new(0), std::sync::Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            let (folder, inside, most) = (&folder, &inside, &most);
            scope.spawn(move || {
                let asks = folder.open();
                let mut won = 0;
                while won < 50 {
                    let Ok(held) = asks.hold(id(1)) else {
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
    assert_eq!(std::fs::read_dir(folder.state().join("running")).unwrap().count(), 0);
}

#[test]
fn one_that_writes_for_ever_is_not_waited_for() {
    let folder = Folder::new();
    let asks: Arc<dyn Asks> = folder.open();
    put_new(&asks, &ask(1));
    let mut raw = folder.raw();
    let writing = raw.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    writing.execute("UPDATE asks SET words = 'x'", ()).unwrap();
    assert_eq!(get(&asks, 1).unwrap().words, None, "to read goes on");
    let version = asks.version().unwrap();
    let refused = turn(&asks, 1, State::Pending, State::Denied).unwrap_err();
    assert_eq!(refused.reason, Reason::StateUnavailable);
    assert!(refused.message.contains("is held by another process"), "{refused}");
    assert_eq!(asks.version().unwrap(), version);
    drop(writing);
    turn(&asks, 1, State::Pending, State::Denied).unwrap();
}
