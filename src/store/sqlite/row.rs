//! An ask as a row, and back. Whoever owns the account can write anything into a row, so each value is
//! read with suspicion.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql, named_params};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use super::fault::{Failure, nonsense};
use crate::core::ask::{Approver, Ask, AskId, State, Turn};
use crate::core::grant::{Assurance, RequestKey, Token};
use crate::core::plan::{Digest, Principal};
use crate::core::reason::{Fault, Reason};
use crate::core::secret::SealKey;
use crate::ports::asks::Listed;

/// A text in a row, in bytes, at most.
const TEXT_MAX: usize = 64 * 1024;

/// A document, in bytes, at most.
const DOCUMENT_MAX: usize = 1024 * 1024;

/// The years that asks are made in: whoever counts on from there stays within what a calendar has.
const EARLIEST: OffsetDateTime = datetime!(2000-01-01 0:00 UTC);
const LATEST: OffsetDateTime = datetime!(2999-12-31 0:00 UTC);

/// What is selected to be read by [`ask`].
pub(super) const ASK: &str = "SELECT asks.*, documents.text AS document FROM asks \
                              LEFT JOIN documents ON documents.ask = asks.seq";

/// A moment as it is stored: microseconds since 1970.
pub(super) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// The moment that is stored so.
pub(super) fn moment(micros: i64) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok()?;
    (EARLIEST..=LATEST).contains(&at).then_some(at)
}

/// What a column holds, if it is of that sort.
struct Column<'a> {
    name: &'static str,
    value: ValueRef<'a>,
}

impl<'a> Column<'a> {
    fn of(row: &'a Row<'_>, name: &'static str) -> Result<Self, Failure> {
        Ok(Self { name, value: row.get_ref(name)? })
    }

    fn wrong(&self) -> Failure {
        nonsense(self.name).into()
    }

    fn text(&self, bytes_max: usize) -> Result<&'a str, Failure> {
        let text = self.value.as_str().ok().filter(|text| text.len() <= bytes_max);
        text.ok_or_else(|| self.wrong())
    }

    fn number(&self) -> Result<i64, Failure> {
        self.value.as_i64().map_err(|_| self.wrong())
    }

    fn read<T>(&self, read: impl FnOnce(&'a str) -> Option<T>) -> Result<T, Failure> {
        read(self.text(TEXT_MAX)?).ok_or_else(|| self.wrong())
    }

    fn moment(&self) -> Result<OffsetDateTime, Failure> {
        moment(self.number()?).ok_or_else(|| self.wrong())
    }

    fn uid(&self) -> Result<u32, Failure> {
        u32::try_from(self.number()?).map_err(|_| self.wrong())
    }

    /// What there may be or not.
    fn if_any<T>(
        self,
        read: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if self.value == ValueRef::Null { Ok(None) } else { read(&self).map(Some) }
    }

    fn seal(&self) -> Result<Arc<SealKey>, Failure> {
        let bits = self.value.as_blob().ok().and_then(|bytes| bytes.try_into().ok());
        bits.map(|bits| Arc::new(SealKey::from_random(bits))).ok_or_else(|| self.wrong())
    }
}

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn assurance(text: &str) -> Option<Assurance> {
    Assurance::ALL.into_iter().find(|assurance| assurance.as_str() == text)
}

fn principal(face: &Column<'_>, uid: &Column<'_>) -> Result<Principal, Failure> {
    let face = face.read(|face| serde_json::from_value(Value::from(face)).ok())?;
    Ok(Principal { face, uid: uid.uid()? })
}

/// The ask of a row.
pub(super) fn ask(row: &Row<'_>) -> Result<Ask, Failure> {
    let of = |name| Column::of(row, name);
    let digest = |name| of(name)?.read(Digest::parse);
    Ok(Ask {
        id: of("id")?.read(AskId::parse)?,
        document: of("document")?.text(DOCUMENT_MAX)?.into(),
        handle: Arc::new(of("handle")?.read(Token::parse)?),
        request: RequestKey { given: digest("given")?, bound: digest("bound")? },
        plan: digest("plan")?,
        operation: of("operation")?.read(owned)?,
        about: of("about")?.read(owned)?,
        principal: principal(&of("face")?, &of("uid")?)?,
        cools: digest("cools")?,
        seal: of("seal")?.if_any(Column::seal)?,
        session: of("session")?.read(owned)?,
        log: of("log")?.read(owned)?,
        made: of("made")?.moment()?,
        expires: of("expires")?.moment()?,
        state: of("state")?.read(State::parse)?,
        since: of("since")?.moment()?,
        signature: of("signature")?.if_any(|column| column.read(owned))?,
        approver: of("approver")?
            .if_any(|column| column.read(|json| serde_json::from_str::<Approver>(json).ok()))?,
        assurance: of("assurance")?.if_any(|column| column.read(assurance))?,
        words: of("words")?.if_any(|column| column.read(owned))?,
    })
}

/// What is selected to be read by [`listed`].
pub(super) const LISTED: &str = "SELECT id, state, operation, about, uid, made, expires, since, \
                                 face FROM asks";

/// What a list says of a row. Very many are read, so they are not looked up by name.
pub(super) fn listed(row: &Row<'_>) -> Result<Listed, Failure> {
    let of = |place: usize, name| Ok::<_, Failure>(Column { name, value: row.get_ref(place)? });
    Ok(Listed {
        id: of(0, "id")?.read(AskId::parse)?,
        state: of(1, "state")?.read(State::parse)?,
        operation: of(2, "operation")?.read(owned)?,
        about: of(3, "about")?.read(owned)?,
        principal: principal(&of(8, "face")?, &of(4, "uid")?)?,
        made: of(5, "made")?.moment()?,
        expires: of(6, "expires")?.moment()?,
        since: of(7, "since")?.moment()?,
    })
}

/// Keeps an ask as a row.
pub(super) fn insert(connection: &rusqlite::Connection, ask: &Ask) -> Result<(), Failure> {
    let approver = json(ask.approver.as_ref())?;
    for text in [&ask.operation, &ask.about, &ask.session, &ask.log] {
        fits(Some(text), TEXT_MAX)?;
    }
    for text in [&approver, &ask.words, &ask.signature] {
        fits(text.as_deref(), TEXT_MAX)?;
    }
    fits(Some(&ask.document), DOCUMENT_MAX)?;
    connection.execute(
        "INSERT INTO asks (id, handle, state, operation, uid, face, made, expires, since, about, \
         given, bound, plan, cools, session, log, seal, assurance, approver, words, signature) \
         VALUES (:id, :handle, :state, :operation, :uid, :face, :made, :expires, :since, \
         :about, :given, :bound, :plan, :cools, :session, :log, :seal, :assurance, :approver, \
         :words, :signature)",
        named_params! {
            ":id": ask.id.to_string(),
            ":handle": ask.handle.reveal(),
            ":state": ask.state.as_str(),
            ":operation": ask.operation,
            ":uid": ask.principal.uid,
            ":face": ask.principal.face.as_str(),
            ":made": micros(ask.made),
            ":expires": micros(ask.expires),
            ":since": micros(ask.since),
            ":about": ask.about,
            ":given": ask.request.given.to_string(),
            ":bound": ask.request.bound.to_string(),
            ":plan": ask.plan.to_string(),
            ":cools": ask.cools.to_string(),
            ":session": ask.session,
            ":log": ask.log,
            ":seal": ask.seal.as_ref().map(|seal| seal.as_bytes().as_slice()),
            ":assurance": ask.assurance.map(Assurance::as_str),
            ":approver": approver,
            ":words": ask.words,
            ":signature": ask.signature,
        },
    )?;
    connection.execute(
        "INSERT INTO documents (ask, text) VALUES (?, ?)",
        (connection.last_insert_rowid(), &*ask.document),
    )?;
    Ok(())
}

/// Turns the row that is in the state that the turn begins with: whether there is one. What the turn
/// does not bring stays, but for the key of what can no longer be spent.
pub(super) fn update(
    connection: &rusqlite::Connection,
    id: AskId,
    turn: &Turn,
) -> Result<bool, Failure> {
    let approver = json(turn.approver.as_ref())?;
    for text in [&approver, &turn.words, &turn.signature, &turn.session] {
        fits(text.as_deref(), TEXT_MAX)?;
    }
    let texts: &[(&str, &dyn ToSql)] = named_params! {
        ":id": id.to_string(),
        ":from": turn.from.as_str(),
        ":to": turn.to.as_str(),
        ":at": micros(turn.at),
        ":signature": turn.signature,
        ":approver": approver,
        ":assurance": turn.assurance.map(Assurance::as_str),
        ":words": turn.words,
        ":session": turn.session,
        ":open": turn.to.is_open(),
    };
    let turned = connection.execute(
        "UPDATE asks SET state = :to, since = :at, signature = coalesce(:signature, signature), \
         approver = coalesce(:approver, approver), assurance = coalesce(:assurance, assurance), \
         words = coalesce(:words, words), session = coalesce(:session, session), \
         seal = CASE WHEN :open THEN seal END \
         WHERE id = :id AND state = :from",
        texts,
    )?;
    Ok(turned > 0)
}

fn json(approver: Option<&Approver>) -> Result<Option<String>, Failure> {
    approver.map(serde_json::to_string).transpose().map_err(|error| {
        Fault::new(Reason::StateUnavailable, "Who decided cannot be written.")
            .with_detail(error.to_string())
            .into()
    })
}

/// What is too long to be read back is not kept.
fn fits(text: Option<&str>, bytes_max: usize) -> Result<(), Failure> {
    if text.is_some_and(|text| text.len() > bytes_max) {
        return Err(Fault::new(
            Reason::Limit,
            format!(
                "A text of more than {bytes_max} bytes is not kept with an ask. Say it shorter."
            ),
        )
        .into());
    }
    Ok(())
}
