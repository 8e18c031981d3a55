//! What every store of asks must do.

use std::sync::Barrier;
use std::thread;

use time::Duration;

use super::given::*;
use crate::core::ask::{Approver, Ask, State, Terms, Turn};
use crate::core::grant::Assurance;
use crate::core::plan::{Face, Principal};
use crate::core::reason::Reason;
use crate::core::record::second;
use crate::ports::asks::Put;

pub(crate) fn what_is_kept_is_found<P: Place>() {
    let asks = P::new().open();
    assert!(get(&asks, 1).is_none());
    assert!(wait(asks.presented(&ask(1).handle)).unwrap().is_none());
    assert_eq!(wait(asks.list(false, 10)).unwrap(), []);
    assert!(wait(asks.overdue(NOW)).unwrap().is_empty());
    assert_eq!(turn(&asks, 1, State::Pending, State::Denied).unwrap_err().reason, Reason::NotFound);
    for n in 1..=3 {
        put_new(&asks, &ask(n));
    }
    for n in 1..=3 {
        assert_eq!(said(&get(&asks, n).unwrap()), said(&ask(n)));
        let presented = wait(asks.presented(&ask(n).handle)).unwrap().unwrap();
        assert_eq!(said(&presented), said(&ask(n)));
    }
    assert!(wait(asks.presented(&ask(4).handle)).unwrap().is_none());
    turn(&asks, 2, State::Pending, State::Cancelled).unwrap();
    let listed = |only_open, limit| -> Vec<_> {
        let rows = wait(asks.list(only_open, limit)).unwrap();
        rows.into_iter().map(|row| (row.id, row.state, row.about, row.principal)).collect()
    };
    let row = |n, state| (id(n), state, ask(n).about, ask(n).principal);
    let (pending, cancelled) = (State::Pending, State::Cancelled);
    assert_eq!(listed(false, 10), [row(3, pending), row(2, cancelled), row(1, pending)]);
    assert_eq!(listed(true, 10), [row(3, pending), row(1, pending)]);
    assert_eq!(listed(false, 2), [row(3, pending), row(2, cancelled)]);
    assert_eq!(listed(true, 0), []);
    let ended = wait(asks.list(false, 2)).unwrap().pop().unwrap();
    assert_eq!((ended.made, ended.since), (NOW, NOW + Duration::SECOND));
    let mut twin = ask(4);
    twin.id = id(1);
    assert_eq!(put(&asks, &twin).unwrap_err().reason, Reason::StateUnavailable);
    let mut twin = ask(4);
    twin.handle = ask(1).handle;
    assert_eq!(put(&asks, &twin).unwrap_err().reason, Reason::StateUnavailable);
    assert_eq!(said(&get(&asks, 1).unwrap()), said(&ask(1)));
}

pub(crate) fn the_same_plan_is_one_ask<P: Place>() {
    let asks = P::new().open();
    put_new(&asks, &ask(1));
    let again = |n, later| {
        let made = NOW + later;
        Ask { plan: ask(1).plan, made, expires: made + TERMS.expires, ..ask(n) }
    };
    let same = |ask: &Ask| match put(&asks, ask).unwrap() {
        Put::Same(row) => row,
        Put::New => panic!("the same plan was kept twice"),
    };
    let minute = Duration::MINUTE;
    assert_eq!(said(&same(&again(2, minute))), said(&ask(1)));
    turn(&asks, 1, State::Pending, State::Approved).unwrap();
    assert_eq!(same(&again(2, minute)).state, State::Approved);
    // Another principal's is another.
    for (n, principal) in [
        (3, Principal { face: Face::Cli, uid: 1000 }),
        (4, Principal { face: Face::Mcp, uid: 1001 }),
    ] {
        put_new(&asks, &Ask { principal, ..again(n, minute) });
    }
    // At its expiry it is over, whatever it says.
    assert_eq!(same(&again(2, TERMS.expires - Duration::MICROSECOND)).id, id(1));
    put_new(&asks, &again(2, TERMS.expires));
    assert_eq!(same(&again(5, TERMS.expires)).id, id(2));
    turn(&asks, 2, State::Pending, State::Cancelled).unwrap();
    put_new(&asks, &again(5, TERMS.expires));
}

pub(crate) fn what_was_denied_cools_down<P: Place>() {
    let asks = P::new().open();
    put_new(&asks, &ask(1));
    let words = Some("not on \u{202e}friday\nconfirmToken=0".to_owned());
    let denied = Turn { words, ..bare(State::Pending, State::Denied) };
    wait(asks.turn(id(1), denied)).unwrap();
    let ends = NOW + Duration::SECOND + TERMS.cooldown;
    let again = |n, made| Ask { cools: ask(1).cools, made, ..ask(n) };
    for made in [NOW + Duration::SECOND, ends - Duration::MICROSECOND] {
        let refused = put(&asks, &again(2, made)).unwrap_err();
        assert_eq!(refused.reason, Reason::CoolingDown);
        assert!(refused.message.contains("before 2026-01-02T03:14:06Z"), "{refused}");
        assert!(refused.message.contains("not on \\u{202e}friday"), "{refused}");
        assert!(!refused.message.contains(['\n', '\u{202e}']), "{refused}");
        assert!(!refused.message.contains("confirmToken="), "{refused}");
    }
    assert!(get(&asks, 2).is_none());
    put_new(&asks, &ask(3));
    put_new(&asks, &again(2, ends));
    // What waits for the same is found, whoever of the account asks, and nothing that is decided.
    let cools = ask(5).cools;
    let face = Principal { face: Face::Cli, uid: 1000 };
    put_new(&asks, &Ask { cools, ..ask(6) });
    put_new(&asks, &Ask { cools, principal: face, ..ask(7) });
    for (n, to) in [(8, State::Approved), (9, State::Cancelled)] {
        bring(&asks, &Ask { cools, ..ask(n) }, to);
    }
    assert_eq!(wait(asks.pending(cools)).unwrap(), [id(6), id(7)]);
    assert_eq!(wait(asks.pending(ask(10).cools)).unwrap(), []);
    // Nothing but a denial cools down.
    let (pending, cancelled) = (State::Pending, State::Cancelled);
    turn(&asks, 3, pending, cancelled).unwrap();
    put_new(&asks, &Ask { cools: ask(3).cools, ..ask(4) });
}

pub(crate) fn open_asks_are_limited<P: Place>() {
    let asks = P::new().open();
    let terms = Terms { open_max: 2, ..TERMS };
    let put = |ask: Ask| wait(asks.put(ask, terms)).map(|_| ()).map_err(|fault| fault.reason);
    assert_eq!([put(ask(1)), put(ask(2))], [Ok(()), Ok(())]);
    assert_eq!(put(ask(3)), Err(Reason::Limit));
    assert_eq!(put(Ask { plan: ask(1).plan, ..ask(3) }), Ok(()), "what is open already is no more");
    assert!(get(&asks, 3).is_none());
    let principal = Principal { face: Face::Cli, uid: 1000 };
    assert_eq!(put(Ask { principal, ..ask(3) }), Ok(()));
    turn(&asks, 1, State::Pending, State::Approved).unwrap();
    assert_eq!(put(ask(4)), Err(Reason::Limit));
    turn(&asks, 1, State::Approved, State::Executing).unwrap();
    assert_eq!(put(ask(4)), Ok(()));
    assert_eq!(put(ask(5)), Err(Reason::Limit));
    assert_eq!(put(Ask { made: NOW + TERMS.expires, ..ask(5) }), Ok(()));
}

pub(crate) fn what_was_taken_back_counts_until_its_time<P: Place>() {
    let asks = P::new().open();
    let terms = Terms { open_max: 3, ..TERMS };
    let put = |ask: Ask| wait(asks.put(ask, terms)).map(drop);
    let expires = |n: i64| NOW + Duration::minutes(n);
    put(Ask { expires: expires(3), ..ask(1) }).unwrap();
    put(Ask { expires: expires(2), ..ask(2) }).unwrap();
    put(Ask { expires: expires(4), ..ask(3) }).unwrap();
    turn(&asks, 2, State::Pending, State::Cancelled).unwrap();
    let refused = put(ask(4)).unwrap_err();
    assert_eq!(refused.reason, Reason::Limit);
    let until = |n, at| format!("{} until {}", id(n), second(at));
    let named = [until(2, expires(2)), until(1, expires(3)), until(3, expires(4))].join(", ");
    assert!(refused.message.contains(&named), "{refused}");
    assert!(refused.message.contains("frees no place before"), "{refused}");
    let early = expires(2) - Duration::MICROSECOND;
    assert_eq!(put(Ask { made: early, ..ask(4) }).unwrap_err().reason, Reason::Limit);
    put(Ask { made: expires(2), ..ask(4) }).unwrap();
    // What was decided or is no longer what it was does not count.
    for (n, to) in [(1, State::Denied), (3, State::Superseded)] {
        turn(&asks, n, State::Pending, to).unwrap();
        put(Ask { made: expires(2), ..ask(n + 10) }).unwrap();
    }
}

pub(crate) fn what_can_no_longer_be_spent_has_no_key<P: Place>() {
    let asks = P::new().open();
    for (n, to) in State::ALL.into_iter().enumerate() {
        let n = 2 * u32::try_from(n).unwrap() + 1;
        let each = Ask { principal: Principal { face: Face::Mcp, uid: n }, ..ask(n) };
        assert!(each.seal.is_some());
        bring(&asks, &each, to);
        assert_eq!(get(&asks, n).unwrap().seal.is_some(), to.is_open(), "{to}");
    }
}

pub(crate) fn every_turn_is_one_of_the_table<P: Place>() {
    let asks = P::new().open();
    let mut n = 0;
    for is in State::ALL {
        for to in State::ALL {
            n += 1;
            let each = Ask { principal: Principal { face: Face::Mcp, uid: n }, ..ask(n) };
            bring(&asks, &each, is);
            let before = said(&get(&asks, n).unwrap());
            for from in State::ALL.into_iter().filter(|from| *from != is) {
                let refused = turn(&asks, n, from, to).unwrap_err();
                assert_eq!(refused.reason, Reason::AskClosed, "{is}: {from} → {to}");
                assert!(refused.message.contains(is.as_str()), "{refused}");
                assert_eq!(said(&get(&asks, n).unwrap()), before);
            }
            match turn(&asks, n, is, to) {
                Ok(row) => {
                    assert!(is.may_become(to), "{is} → {to}");
                    assert_eq!((row.state, row.since), (to, NOW + Duration::SECOND));
                    assert_eq!(said(&get(&asks, n).unwrap()), said(&row));
                }
                Err(refused) => {
                    assert!(!is.may_become(to), "{is} → {to}: {refused}");
                    assert_eq!(refused.reason, Reason::AskClosed);
                    assert_eq!(said(&get(&asks, n).unwrap()), before);
                }
            }
        }
    }
}

pub(crate) fn a_turn_adds_and_takes_nothing_away<P: Place>() {
    let asks = P::new().open();
    put_new(&asks, &ask(1));
    let (name, key) = (Some("alice".to_owned()), Some("SHA256:x".to_owned()));
    let approved = Turn {
        signature: Some("SIG\n".into()),
        approver: Some(Approver { name, key, uid: 7 }),
        assurance: Some(Assurance::Hardware),
        words: Some("go \"on\"".into()),
        ..bare(State::Pending, State::Approved)
    };
    let row = wait(asks.turn(id(1), approved.clone())).unwrap();
    let due = Ask {
        state: State::Approved,
        since: approved.at,
        signature: approved.signature,
        approver: approved.approver,
        assurance: approved.assurance,
        words: approved.words,
        ..ask(1)
    };
    assert_eq!(said(&row), said(&due));
    let session = Some("s2".to_owned());
    let spent = Turn { session, ..bare(State::Approved, State::Executing) };
    let row = wait(asks.turn(id(1), spent)).unwrap();
    let spent = Ask { state: State::Executing, session: "s2".into(), seal: None, ..due };
    assert_eq!(said(&row), said(&spent));
    turn(&asks, 1, State::Executing, State::Done).unwrap();
    assert_eq!(get(&asks, 1).unwrap().signature.as_deref(), Some("SIG\n"));
}

pub(crate) fn of_64_threads_one_turns_it<P: Place>() {
    let asks = P::new().open();
    let gate = Barrier::new(64);
    let won: Vec<u32> = thread::scope(|scope| {
        let one = || {
            let turned = |n: u32| {
                if gate.wait().is_leader() {
                    let uid = n;
                    let each = Ask { principal: Principal { face: Face::Mcp, uid }, ..ask(n) };
                    bring(&asks, &each, State::Approved);
                }
                gate.wait();
                turn(&asks, n, State::Approved, State::Executing).is_ok().then_some(n)
            };
            (1..=200).filter_map(turned).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut won = won;
    won.sort_unstable();
    assert_eq!(won, (1..=200).collect::<Vec<_>>());
}

pub(crate) fn what_one_does_another_sees<P: Place>() {
    let place = P::new();
    let (one, two) = (place.open(), place.open());
    let mut seen = (one.version().unwrap(), two.version().unwrap());
    assert_eq!(seen, (0, 0));
    let mut moved = |why: &str| {
        let now = (one.version().unwrap(), two.version().unwrap());
        assert!(now.0 != seen.0 && now.1 != seen.1, "{why}: {seen:?} {now:?}");
        assert_eq!(now, (one.version().unwrap(), two.version().unwrap()), "nothing happened");
        seen = now;
    };
    put_new(&one, &ask(1));
    moved("put");
    assert_eq!(said(&get(&two, 1).unwrap()), said(&ask(1)));
    turn(&two, 1, State::Pending, State::Approved).unwrap();
    moved("turned");
    assert_eq!(get(&one, 1).unwrap().state, State::Approved);
    turn(&one, 1, State::Pending, State::Denied).unwrap_err();
    put_new(&two, &ask(2));
    moved("another");
    drop((one, two));
    let later = place.open();
    assert_eq!(get(&later, 1).unwrap().state, State::Approved);
    assert_eq!(said(&get(&later, 2).unwrap()), said(&ask(2)));
}

pub(crate) fn what_should_have_turned_is_told<P: Place>() {
    let place = P::new();
    let (one, two) = (place.open(), place.open());
    let overdue = |now| -> Vec<_> {
        let found = wait(two.overdue(now)).unwrap();
        let mut found: Vec<_> = found.iter().map(|(ask, to)| (ask.id, ask.state, *to)).collect();
        found.sort_unstable();
        found
    };
    bring(&one, &ask(1), State::Approved);
    put_new(&one, &ask(2));
    bring(&one, &ask(3), State::Denied);
    let held = one.hold(id(1)).unwrap();
    for other in [&one, &two] {
        assert_eq!(other.hold(id(1)).unwrap_err().reason, Reason::Busy);
    }
    turn(&one, 1, State::Approved, State::Executing).unwrap();
    assert_eq!(overdue(NOW), []);
    assert_eq!(overdue(NOW + TERMS.expires), [(id(2), State::Pending, State::Expired)]);
    drop(held);
    assert_eq!(overdue(NOW), [(id(1), State::Executing, State::Unknown)]);
    turn(&one, 1, State::Executing, State::Unknown).unwrap();
    assert_eq!(overdue(NOW), []);
    drop(two.hold(id(1)).unwrap());
    turn(&one, 2, State::Pending, State::Approved).unwrap();
    assert_eq!(overdue(NOW + TERMS.expires), [(id(2), State::Approved, State::Expired)]);
}

pub(crate) fn old_asks_are_forgotten<P: Place>() {
    let asks = P::new().open();
    bring(&asks, &ask(1), State::Denied);
    bring(&asks, &ask(2), State::Executing);
    put_new(&asks, &ask(3));
    let late = NOW + Duration::SECOND + Duration::DAY;
    let at = |n, made| Ask { made, expires: made + TERMS.expires, ..ask(n) };
    put_new(&asks, &at(4, late - Duration::MICROSECOND));
    assert!(get(&asks, 1).is_some());
    put_new(&asks, &at(5, late));
    assert!(get(&asks, 1).is_none());
    assert!((2..=5).all(|n| get(&asks, n).is_some()));
    // Nor does it take another ask: to look is enough.
    turn(&asks, 3, State::Pending, State::Denied).unwrap();
    wait(asks.overdue(late - Duration::MICROSECOND)).unwrap();
    assert!(get(&asks, 3).is_some());
    wait(asks.overdue(late)).unwrap();
    assert!(get(&asks, 3).is_none());
}

/// The contract, as tests of one store.
macro_rules! contract {
    ($place:ty: $($clause:ident),* $(,)?) => {
        $(#[test] fn $clause() { $crate::store::contract::asks::$clause::<$place>(); })*
    };
    ($place:ty) => {
        $crate::store::contract::asks::contract!($place:
            what_is_kept_is_found,
            the_same_plan_is_one_ask,
            what_was_denied_cools_down,
            open_asks_are_limited,
            what_was_taken_back_counts_until_its_time,
            what_can_no_longer_be_spent_has_no_key,
            every_turn_is_one_of_the_table,
            a_turn_adds_and_takes_nothing_away,
            of_64_threads_one_turns_it,
            what_one_does_another_sees,
            what_should_have_turned_is_told,
            old_asks_are_forgotten,
        );
        #[test] fn agrees_with_a_plain_model() {
            $crate::store::contract::model::agrees_with_a_plain_model::<$place>();
        }
    };
}

pub(crate) use contract;
