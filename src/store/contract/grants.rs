//! What every store of grants must do.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use crate::core::grant::{GrantRow, RequestKey, Tick, Token, issue};
use crate::core::plan::{Digest, Plan, tests::parts};
use crate::ports::{Gone, GrantStore};
use crate::store::MemoryGrants;
use crate::store::memory::WAITING_MAX;

fn at(seconds: u64) -> Tick {
    Tick(Duration::from_secs(seconds))
}

fn token(n: u16) -> Token {
    let [high, low] = n.to_be_bytes();
    let mut bits = [7; 16];
    bits[0] = high;
    bits[1] = low;
    Token::from_random(bits)
}

fn row(n: u16, expires: u64) -> GrantRow {
    let plan = Arc::new(Plan::new(parts("a1", json!(1))).unwrap());
    let key = RequestKey { given: Digest::ZERO, bound: Digest::ZERO };
    issue(&token(n), &plan, key, at(expires))
}

#[test]
fn a_grant_is_taken_once() {
    let store = MemoryGrants::default();
    store.put(row(1, 120), at(0));
    assert!(store.take(&token(1).hash(), at(1)).is_ok());
    assert_eq!(store.take(&token(1).hash(), at(1)).err(), Some(Gone::Used));
    assert_eq!(store.take(&token(2).hash(), at(1)).err(), Some(Gone::Unknown));
}

#[test]
fn a_grant_expires_at_its_moment() {
    let store = MemoryGrants::default();
    store.put(row(1, 120), at(0));
    store.put(row(2, 120), at(0));
    assert!(store.take(&token(1).hash(), at(119)).is_ok());
    assert_eq!(store.take(&token(2).hash(), at(120)).err(), Some(Gone::Expired));
    assert_eq!(store.take(&token(2).hash(), at(120)).err(), Some(Gone::Used));
}

#[test]
fn the_oldest_makes_room() {
    let store = MemoryGrants::default();
    for n in 0..=u16::try_from(WAITING_MAX).unwrap() {
        store.put(row(n, 120), at(0));
    }
    assert_eq!(store.take(&token(0).hash(), at(1)).err(), Some(Gone::Expired));
    assert!(store.take(&token(1).hash(), at(1)).is_ok());
}

#[test]
fn of_64_threads_one_gets_the_grant() {
    for round in 0..200 {
        let store = Arc::new(MemoryGrants::default());
        store.put(row(round, 120), at(0));
        let threads: Vec<_> = (0..64)
            .map(|_| {
                let store = Arc::clone(&store);
                std::thread::spawn(move || store.take(&token(round).hash(), at(1)).is_ok())
            })
            .collect();
        let won = threads.into_iter().filter_map(|t| t.join().ok()).filter(|won| *won).count();
        assert_eq!(won, 1);
    }
}

proptest! {
    #[test]
    fn agrees_with_a_plain_model(steps in proptest::collection::vec((0_u16..6, 0_u64..40, any::<bool>()), 0..60)) {
        let store = MemoryGrants::default();
        let mut model = std::collections::BTreeMap::<u16, (u64, bool)>::new();
        let mut now = 0;
        for (n, wait, put) in steps {
            now += wait;
            if put && !model.contains_key(&n) {
                store.put(row(n, now + 120), at(now));
                model.insert(n, (now + 120, false));
            } else if !put {
                let expected = match model.get_mut(&n) {
                    None => Err(Gone::Unknown),
                    Some((_, spent)) if *spent => Err(Gone::Used),
                    Some((expires, spent)) => {
                        *spent = true;
                        if now < *expires { Ok(()) } else { Err(Gone::Expired) }
                    }
                };
                prop_assert_eq!(store.take(&token(n).hash(), at(now)).map(|_| ()), expected);
            }
        }
    }
}
