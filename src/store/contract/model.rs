//! A store of asks beside a plain model of one, whatever is asked of them.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use time::{Duration, OffsetDateTime};

use super::given::{NOW, Place, TERMS, ask, bare, id, wait};
use crate::core::ask::{Ask, AskId, State, Terms, Turn};
use crate::core::reason::Reason;
use crate::ports::asks::Put;

#[derive(Clone, Copy, Debug)]
enum Step {
    Put { plan: u32, cools: u32 },
    Turn { n: usize, from: State, to: State },
    Wait { seconds: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = || proptest::sample::select(State::ALL.as_slice());
    let turn = |(n, from, to)| Step::Turn { n, from, to };
    let likely = [
        (State::Pending, State::Denied),
        (State::Pending, State::Approved),
        (State::Approved, State::Executing),
    ];
    let likely = proptest::sample::select(likely.to_vec());
    let step = prop_oneof![
        4 => (0_u32..5, 0_u32..3).prop_map(|(plan, cools)| Step::Put { plan, cools }),
        1 => (0_usize..12, state(), state()).prop_map(turn),
        4 => (0_usize..12, likely).prop_map(|(n, (from, to))| Step::Turn { n, from, to }),
        2 => (1_i64..400).prop_map(|seconds| Step::Wait { seconds }),
    ];
    proptest::collection::vec(step, 0..40)
}

/// What the model keeps of an ask: what it is, its plan, what it cools, and when.
#[derive(Clone, Copy)]
struct Row {
    state: State,
    plan: u32,
    cools: u32,
    expires: OffsetDateTime,
    since: OffsetDateTime,
}

/// What became of a put: the place of the ask, or why there is none.
fn put(rows: &mut Vec<Row>, plan: u32, cools: u32, now: OffsetDateTime) -> Result<usize, Reason> {
    let open = |row: &Row| row.state.is_open() && now < row.expires;
    if let Some(same) = rows.iter().position(|row| open(row) && row.plan == plan) {
        return Ok(same);
    }
    let hot = |row: &Row| row.state == State::Denied && row.since + TERMS.cooldown > now;
    if rows.iter().any(|row| hot(row) && row.cools == cools) {
        return Err(Reason::CoolingDown);
    }
    let counts = |row: &Row| open(row) || (row.state == State::Cancelled && now < row.expires);
    if rows.iter().filter(|row| counts(row)).count() >= 3 {
        return Err(Reason::Limit);
    }
    let (expires, since) = (now + TERMS.expires, now);
    rows.push(Row { state: State::Pending, plan, cools, expires, since });
    Ok(rows.len() - 1)
}

fn turn(
    rows: &mut [Row],
    n: usize,
    (from, to): (State, State),
    at: OffsetDateTime,
) -> Result<(), Reason> {
    let row = rows.get_mut(n).ok_or(Reason::NotFound)?;
    if row.state != from || !from.may_become(to) {
        return Err(Reason::AskClosed);
    }
    (row.state, row.since) = (to, at);
    Ok(())
}

fn agrees<P: Place>(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let place = P::new();
    let asks = place.open();
    let numbered = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (mut rows, mut now) = (Vec::new(), NOW);
    for step in steps {
        match step {
            Step::Wait { seconds } => now += Duration::seconds(seconds),
            Step::Put { plan, cools } => {
                let n = rows.len();
                let new = Ask {
                    plan: ask(plan).plan,
                    cools: ask(cools).cools,
                    made: now,
                    since: now,
                    expires: now + TERMS.expires,
                    ..ask(numbered(n))
                };
                let terms = Terms { open_max: 3, ..TERMS };
                let found = wait(asks.put(new, terms)).map_err(|fault| fault.reason);
                let found = found.map(|put| match put {
                    Put::New => id(numbered(n)),
                    Put::Same(row) => row.id,
                });
                let due = put(&mut rows, plan, cools, now).map(|n| id(numbered(n)));
                prop_assert_eq!(found, due);
            }
            Step::Turn { n, from, to } => {
                let found = wait(asks.turn(id(numbered(n)), Turn { at: now, ..bare(from, to) }));
                let found = found.map(|_| ()).map_err(|fault| fault.reason);
                prop_assert_eq!(found, turn(&mut rows, n, (from, to), now));
            }
        }
    }
    let listed: Vec<(AskId, State)> =
        wait(asks.list(false, 100)).unwrap().iter().map(|row| (row.id, row.state)).collect();
    let due = rows.iter().enumerate().rev().map(|(n, row)| (id(numbered(n)), row.state));
    prop_assert_eq!(listed, due.collect::<Vec<_>>());
    Ok(())
}

pub(crate) fn agrees_with_a_plain_model<P: Place>() {
    let mut runner = TestRunner::new(Config::with_cases(64));
    runner.run(&steps(), agrees::<P>).unwrap();
}
