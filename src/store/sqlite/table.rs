//! What is done with the asks of an open database.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior};
use time::OffsetDateTime;

use super::fault::{Failure, nonsense};
use super::row::{self, ASK, LISTED, micros, moment};
use super::running;
use crate::core::ask::{Ask, AskId, State, Terms, Turn, closed, cooling_down};
use crate::core::plan::Digest;
use crate::ports::asks::{Listed, Put, TOGETHER_MAX};
use crate::store::rules;

/// Asks that are forgotten when another is kept, at most.
const FORGOTTEN_MAX: usize = 100;

/// Begins what other processes wait for.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Failure> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

pub(super) fn put(connection: &mut Connection, ask: &Ask, terms: Terms) -> Result<Put, Failure> {
    let begun = begin(connection)?;
    if let Some(same) = same(&begun, ask)? {
        return Ok(Put::Same(Box::new(same)));
    }
    cooled(&begun, ask, terms)?;
    let counted = counted(&begun, ask)?;
    if counted.len() >= terms.open_max {
        return Err(rules::too_many(&counted).into());
    }
    forget_old(&begun, ask.made)?;
    forget_many(&begun, ask.made, terms)?;
    match row::insert(&begun, ask) {
        Err(Failure::Database(error))
            if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
        {
            return Err(rules::taken(ask.id).into());
        }
        kept => kept?,
    }
    begun.commit()?;
    Ok(Put::New)
}

/// The asks of this principal that are open, or were taken back before their time was over, so that
/// nobody asks without end; the first to end is first.
fn counted(connection: &Connection, ask: &Ask) -> Result<Vec<(AskId, OffsetDateTime)>, Failure> {
    let mut statement = connection.prepare(
        "SELECT id, expires FROM asks INDEXED BY asks_due \
         WHERE state IN ('pending', 'approved') AND expires > ?1 AND uid = ?2 AND face = ?3 \
         UNION ALL SELECT id, expires FROM asks INDEXED BY asks_taken_back \
         WHERE state = 'cancelled' AND expires > ?1 AND uid = ?2 AND face = ?3 ORDER BY 2",
    )?;
    let by = (micros(ask.made), ask.principal.uid, ask.principal.face.as_str());
    let found = statement.query_map(by, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    found
        .map(|row| {
            let (id, expires) = row?;
            let id = AskId::parse(&id).ok_or_else(|| nonsense("id"))?;
            Ok((id, moment(expires).ok_or_else(|| nonsense("expires"))?))
        })
        .collect()
}

/// The open ask for the same plan.
fn same(connection: &Connection, ask: &Ask) -> Result<Option<Ask>, Failure> {
    let mut statement = connection.prepare(&format!(
        "{ASK} WHERE uid = ? AND face = ? AND plan = ? AND expires > ? \
         AND state IN ('pending', 'approved') ORDER BY seq LIMIT 1"
    ))?;
    let principal = &ask.principal;
    let plan = ask.plan.to_string();
    let mut rows =
        statement.query((principal.uid, principal.face.as_str(), plan, micros(ask.made)))?;
    rows.next()?.map(row::ask).transpose()
}

/// Refuses what was denied lately.
fn cooled(connection: &Connection, ask: &Ask, terms: Terms) -> Result<(), Failure> {
    let denied: Option<(i64, Option<String>)> = connection
        .query_row(
            "SELECT since, words FROM asks WHERE state = 'denied' AND cools = ? AND since > ? \
             ORDER BY since DESC LIMIT 1",
            (ask.cools.to_string(), cooled_since(ask.made, terms)),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((since, words)) = denied else { return Ok(()) };
    let since = moment(since).ok_or_else(|| nonsense("since"))?;
    let ends = since.checked_add(terms.cooldown).unwrap_or(since);
    Err(cooling_down(words.as_deref(), ends).into())
}

/// A denial after this counts still.
fn cooled_since(now: OffsetDateTime, terms: Terms) -> i64 {
    let cooldown = i64::try_from(terms.cooldown.whole_microseconds()).unwrap_or(i64::MAX);
    micros(now).saturating_sub(cooldown)
}

/// Closed asks, as the index of them has them.
const CLOSED: &str = "state NOT IN ('pending', 'approved', 'executing')";

/// Drops what was closed long ago: some each time.
fn forget_old(connection: &Connection, now: OffsetDateTime) -> Result<(), Failure> {
    let old = format!(
        "SELECT seq FROM asks WHERE {CLOSED} AND since <= ? ORDER BY since LIMIT {FORGOTTEN_MAX}"
    );
    let since = micros(now.saturating_sub(rules::KEPT));
    // To drop nothing would wait for those who write as well.
    if connection.query_row(&format!("SELECT EXISTS ({old})"), (since,), |row| row.get(0))? {
        connection.execute(&format!("DELETE FROM asks WHERE seq IN ({old})"), (since,))?;
    }
    Ok(())
}

/// Drops the oldest of too many: some each time. What cools down stays.
fn forget_many(connection: &Connection, now: OffsetDateTime, terms: Terms) -> Result<(), Failure> {
    let count = format!("SELECT count(*) FROM asks WHERE {CLOSED}");
    let closed: i64 = connection.query_row(&count, (), |row| row.get(0))?;
    let surplus = usize::try_from(closed).unwrap_or_default().saturating_sub(rules::CLOSED_MAX);
    let surplus = i64::try_from(surplus.min(FORGOTTEN_MAX)).unwrap_or_default();
    connection.execute(
        &format!(
            "DELETE FROM asks WHERE seq IN (SELECT seq FROM asks WHERE {CLOSED} \
             AND (state <> 'denied' OR since <= ?) ORDER BY since LIMIT ?)"
        ),
        (cooled_since(now, terms), surplus),
    )?;
    Ok(())
}

pub(super) fn get(connection: &Connection, id: AskId) -> Result<Option<Ask>, Failure> {
    find(connection, "id", &id.to_string())
}

pub(super) fn presented(connection: &Connection, handle: &str) -> Result<Option<Ask>, Failure> {
    find(connection, "handle", handle)
}

fn find(connection: &Connection, column: &str, key: &str) -> Result<Option<Ask>, Failure> {
    let mut statement = connection.prepare(&format!("{ASK} WHERE {column} = ?"))?;
    let mut rows = statement.query((key,))?;
    rows.next()?.map(row::ask).transpose()
}

pub(super) fn turn(connection: &mut Connection, id: AskId, turn: &Turn) -> Result<Ask, Failure> {
    let found = |connection: &Connection| {
        get(connection, id)?.ok_or_else(|| Failure::from(rules::not_found(id)))
    };
    // Whoever comes too late is told so without waiting for those who write.
    let is = found(connection)?.state;
    if is != turn.from || !is.may_become(turn.to) {
        return Err(closed(is, turn.to).into());
    }
    let begun = begin(connection)?;
    let turned = row::update(&begun, id, turn)?;
    // A row that cannot be read back stays as it was.
    let ask = found(&begun)?;
    if !turned {
        return Err(closed(ask.state, turn.to).into());
    }
    begun.commit()?;
    Ok(ask)
}

pub(super) fn pending(connection: &Connection, cools: Digest) -> Result<Vec<AskId>, Failure> {
    let most = i64::try_from(TOGETHER_MAX).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(
        "SELECT id FROM asks WHERE state IN ('pending', 'approved') AND state = 'pending' \
         AND cools = ? ORDER BY seq LIMIT ?",
    )?;
    let found = statement.query_map((cools.to_string(), most), |row| row.get::<_, String>(0))?;
    let found = found.collect::<Result<Vec<_>, _>>()?;
    Ok(found.iter().filter_map(|id| AskId::parse(id)).collect())
}

pub(super) fn list(
    connection: &Connection,
    only_open: bool,
    limit: usize,
) -> Result<Vec<Listed>, Failure> {
    let which = if only_open { "WHERE state IN ('pending', 'approved')" } else { "" };
    let mut statement = connection.prepare(&format!("{LISTED} {which} ORDER BY seq DESC"))?;
    let mut rows = statement.query(())?;
    let (mut found, mut broken) = (Vec::new(), 0_u32);
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        match row::listed(row) {
            Ok(row) => found.push(row),
            Err(Failure::Refused(_)) => broken += 1,
            Err(failure) => return Err(failure),
        }
    }
    if broken > 0 {
        tracing::warn!(broken, "asks that Countersign did not write are left out");
    }
    Ok(found)
}

pub(super) fn overdue(
    connection: &Connection,
    state: &Path,
    now: OffsetDateTime,
) -> Result<Vec<(Ask, State)>, Failure> {
    // Nobody's look fails since something could not be forgotten.
    if let Err(failure) = forget_old(connection, now) {
        let fault = failure.fault(state.display());
        tracing::warn!("closed asks are kept for longer: {}", fault.message);
    }
    let late = "state IN ('pending', 'approved') AND expires <= ? ORDER BY expires";
    let mut found = readable(connection, late, &[micros(now)], |_| Ok(true))?;
    let running = "state = 'executing' ORDER BY seq";
    // Who spends one lets go of it after its last turn: what is executing still was let go of by none.
    let gone = |ask: &Ask| {
        let is = |ask: Option<Ask>| ask.is_some_and(|ask| ask.state == State::Executing);
        Ok(!running::is_running(state, ask.id)? && is(get(connection, ask.id)?))
    };
    found.extend(readable(connection, running, &[], gone)?);
    let due = |ask: Ask| {
        let to = if ask.state == State::Executing { State::Unknown } else { State::Expired };
        (ask, to)
    };
    Ok(found.into_iter().map(due).collect())
}

/// The rows that are asks, and of the sort that is looked for: so many as are dealt with at once.
fn readable(
    connection: &Connection,
    which: &str,
    keys: &[i64],
    is_due: impl Fn(&Ask) -> Result<bool, Failure>,
) -> Result<Vec<Ask>, Failure> {
    let mut statement = connection.prepare(&format!("{ASK} WHERE {which}"))?;
    let mut rows = statement.query(rusqlite::params_from_iter(keys))?;
    let mut found = Vec::new();
    while found.len() < rules::OVERDUE_MAX
        && let Some(row) = rows.next()?
    {
        match row::ask(row) {
            Ok(ask) if is_due(&ask)? => found.push(ask),
            Ok(_) => {}
            Err(Failure::Refused(fault)) => tracing::warn!(%fault, "an ask is left out"),
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}
