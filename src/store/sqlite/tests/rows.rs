//! Rows that somebody else wrote, pages that are damaged, and very many rows.

use std::fs;

use super::support::*;
use crate::core::ask::{Ask, State, Turn};
use crate::core::plan::{Face, Principal};
use crate::core::reason::Reason;
use crate::core::text;
use crate::store::rules;

#[test]
fn a_row_of_nonsense_is_no_ask() {
    let folder = Folder::new();
    let asks = folder.open();
    bring(&asks, &ask(1), State::Approved);
    put_new(&asks, &ask(2));
    let mut spoilt = 0;
    for (column, values) in [
        ("id", &["'K7Q2'", "''"][..]),
        ("handle", &["'00'", "'zz'"]),
        ("state", &["'open'", "''", "'Approved'"]),
        ("uid", &["-1", "4294967296"]),
        ("face", &["'web'", "''"]),
        ("made", &["9223372036854775807", "-9223372036854775808", "0", "253402300800000000"]),
        ("since", &["-1"]),
        ("expires", &["9223372036854775807"]),
        ("given", &["'sha256:00'"]),
        ("bound", &["''"]),
        ("plan", &["'x'"]),
        ("cools", &["'x'"]),
        ("seal", &["x'00'", "x''"]),
        ("assurance", &["'root'", "''"]),
        ("approver", &["'{}'", "'['", "'{\"uid\":-1}'", "'null'"]),
        ("about", &["replace(hex(zeroblob(40000)), '0', 'a')", "cast(x'ff' AS TEXT)"]),
        ("document", &["replace(hex(zeroblob(600000)), '0', 'a')", "cast(x'80' AS TEXT)"]),
        ("words", &["cast(x'fe' AS TEXT)"]),
    ] {
        for value in values {
            spoilt += 1;
            let raw = folder.raw();
            let (table, name, key) = match column {
                "document" => ("documents", "text", "ask"),
                _ => ("asks", column, "seq"),
            };
            let spoil = format!(
                "CREATE TEMP TABLE kept AS SELECT {name} FROM {table} WHERE {key} = 1;
                 UPDATE {table} SET {name} = {value} WHERE {key} = 1"
            );
            raw.execute_batch(&spoil).unwrap();
            let handle = wait(asks.presented(&ask(1).handle));
            let found = wait(asks.get(id(1)));
            match column {
                "id" => assert!(found.unwrap().is_none() && handle.is_err()),
                "handle" => assert!(found.is_err() && handle.unwrap().is_none()),
                _ => {
                    let why = found.unwrap_err();
                    assert_eq!(why.reason, Reason::StateUnavailable, "{column} {value}: {why}");
                    assert!(why.message.contains(column), "{column} {value}: {why}");
                    let why = turn(&asks, 1, State::Approved, State::Executing).unwrap_err();
                    assert_eq!(why.reason, Reason::StateUnavailable, "{column} {value}: {why}");
                }
            }
            assert!(get(&asks, 2).is_some());
            let listed = wait(asks.list(false, 10)).unwrap();
            assert!(listed.iter().any(|row| row.id == id(2)), "{column} {value}");
            wait(asks.overdue(NOW)).unwrap();
            wait(asks.overdue(NOW + TERMS.expires)).unwrap();
            let state: String = raw
                .query_row("SELECT state FROM asks ORDER BY seq LIMIT 1", (), |row| row.get(0))
                .unwrap();
            assert_ne!(state, "executing", "{column} {value}");
            raw.execute_batch(&format!(
                "UPDATE {table} SET {name} = (SELECT {name} FROM kept) WHERE {key} = 1"
            ))
            .unwrap();
            assert_eq!(get(&asks, 1).unwrap().state, State::Approved);
        }
    }
    assert!(spoilt > 30);
}

#[test]
fn an_ask_without_its_document_is_none() {
    let folder = Folder::new();
    let asks = folder.open();
    put_new(&asks, &ask(1));
    folder.raw().execute("DELETE FROM documents", ()).unwrap();
    let refused = wait(asks.get(id(1))).unwrap_err();
    assert!(refused.message.contains("(document)"), "{refused}");
    assert!(turn(&asks, 1, State::Pending, State::Approved).is_err());
}

#[test]
fn what_could_not_be_read_back_is_not_kept() {
    let folder = Folder::new();
    let asks = folder.open();
    let long = || "é".repeat(40_000);
    for bad in [
        Ask { operation: long(), ..ask(1) },
        Ask { about: long(), ..ask(1) },
        Ask { words: Some(long()), ..ask(1) },
        Ask { document: "x".repeat(1024 * 1024 + 1).into(), ..ask(1) },
    ] {
        assert_eq!(put(&asks, &bad).unwrap_err().reason, Reason::Limit);
        assert!(get(&asks, 1).is_none());
    }
    let most = Ask {
        about: "\u{1f600}\0'\"\u{202e}".repeat(100),
        document: "x".repeat(1024 * 1024).into(),
        ..ask(1)
    };
    put_new(&asks, &most);
    assert_eq!(said(&get(&asks, 1).unwrap()), said(&most));
    let words = Some(long());
    let denied = Turn { words, ..bare(State::Pending, State::Denied) };
    assert_eq!(wait(asks.turn(id(1), denied)).unwrap_err().reason, Reason::Limit);
    assert_eq!(get(&asks, 1).unwrap().state, State::Pending);
}

#[test]
fn damaged_pages_are_told_and_nothing_worse() {
    let folder = Folder::new();
    {
        let asks = folder.open();
        for n in 0..60 {
            let principal = Principal { face: Face::Mcp, uid: n };
            put_new(&asks, &Ask { principal, document: "x".repeat(3000).into(), ..ask(n) });
        }
    }
    let sound = fs::read(folder.file()).unwrap();
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut told = 0;
    for round in 0..60 {
        let mut bytes = sound.clone();
        match round % 3 {
            0 => (0..20).for_each(|_| bytes[next(sound.len())] ^= 0xff),
            1 => {
                let page = 1 + next(sound.len() / 4096 - 1);
                bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
            }
            _ => bytes.truncate(100 + next(sound.len() - 100)),
        }
        for ending in ["-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{ending}", folder.file().display())));
        }
        fs::write(folder.file(), &bytes).unwrap();
        let asks = folder.open();
        let mut faults = Vec::new();
        faults.extend(wait(asks.list(false, 100)).err());
        for n in 0..60 {
            faults.extend(wait(asks.get(id(n))).err());
        }
        faults.extend(turn(&asks, 1, State::Pending, State::Approved).err());
        faults.extend(put(&asks, &ask(99)).err());
        faults.extend(wait(asks.overdue(NOW + TERMS.expires)).err());
        for fault in &faults {
            let known = [Reason::StateUnavailable, Reason::NotFound, Reason::AskClosed];
            assert!(known.contains(&fault.reason), "{fault}");
            assert!(!fault.message.chars().any(text::is_hidden), "{fault}");
        }
        told += usize::from(!faults.is_empty());
    }
    assert!(told > 20, "{told}");
}

#[test]
fn no_more_are_remembered_than_may_be() {
    const CLOSED_MAX: i64 = rules::CLOSED_MAX as i64;
    let folder = Folder::new();
    let asks = folder.open();
    bring(&asks, &ask(1), State::Denied);
    bring(&asks, &ask(2), State::Executing);
    bring(&asks, &ask(3), State::Superseded);
    let raw = folder.raw();
    let copy = "INSERT INTO asks SELECT NULL, 'X' || n, 'H' || n, state, operation, uid, face, made, \
                expires, since + n, about, given, bound, plan, cools, session, log, seal, assurance, \
                approver, words, signature FROM asks, \
                (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) \
                SELECT n FROM c) WHERE id = ?";
    raw.execute(copy, (CLOSED_MAX, id(3).to_string())).unwrap();
    raw.execute("UPDATE asks SET cools = ? WHERE state <> 'denied'", (ask(9).cools.to_string(),))
        .unwrap();
    let count = || -> i64 {
        raw.query_row(
            "SELECT count(*) FROM asks WHERE state IN ('superseded', 'denied')",
            (),
            |row| row.get(0),
        )
        .unwrap()
    };
    assert_eq!(count(), CLOSED_MAX + 2);
    put_new(&asks, &ask(4));
    assert_eq!(count(), CLOSED_MAX);
    assert!(get(&asks, 3).is_none(), "the oldest goes first");
    assert!(get(&asks, 1).is_some(), "what cools down stays");
    assert!(get(&asks, 2).is_some(), "and what is under way");
    // Once it is too long ago, some go each time.
    let late = NOW + time::Duration::days(60);
    put_new(&asks, &Ask { made: late, expires: late + TERMS.expires, ..ask(5) });
    assert_eq!(count(), CLOSED_MAX - 100);
    assert!(get(&asks, 1).is_none());
    let orphans: i64 = raw
        .query_row(
            "SELECT count(*) FROM documents WHERE ask NOT IN (SELECT seq FROM asks)",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(orphans, 0);
}
