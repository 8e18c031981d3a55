//! Which processes are alive: a locked file for each in `.live`, and the closing of what a process
//! that ended without a word left open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, openat, unlinkat};
use serde_json::Value;

use crate::core::operation::Class;
use crate::core::plan::Digest;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Event, Record};

use super::line::Head;
use super::lock::try_hold;
use super::place::{Day, Place, failed, names, unavailable};
use super::read::RawLines;
use super::sys;

/// What the names of target locks begin with; no session's does.
pub(super) const TARGET: &str = "target-";

const SESSION_CHARS_MAX: usize = 64;

/// The mark of this process, locked while it lives.
#[derive(Debug)]
pub(super) struct Mark {
    folder: OwnedFd,
    session: String,
    lock: File,
}

impl Mark {
    /// Marks this session as live. Its intents stand after `position`.
    pub(super) fn set(
        place: &Place,
        session: &str,
        position: Option<(Day, u64)>,
    ) -> Result<Self, Fault> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = (1..=SESSION_CHARS_MAX).contains(&session.len());
        if !fits || !session.bytes().all(plain) || session.starts_with(TARGET) {
            return Err(unavailable(
                format_args!("`{session}` is no name for a session"),
                "Use letters, digits, `-` and `_`.",
            ));
        }
        let folder = place.live()?;
        let shown = place.path().join(".live").join(session);
        let held = try_hold(&folder, session).map_err(|e| e.fault(shown.display()))?;
        let Some(mut lock) = held else {
            return Err(unavailable(
                format_args!("{} is held by another process", shown.display()),
                "Two processes cannot share a session: start this one again.",
            ));
        };
        if let Some((day, size)) = position {
            lock.write_all(format!("{day} {size}\n").as_bytes())
                .map_err(|e| failed(format_args!("{} cannot be written", shown.display()), &e))?;
        }
        // An intent that survives the machine is closed only if its mark does too.
        sys::sync(&lock)
            .and_then(|()| Ok(rustix::fs::fsync(&folder)?))
            .map_err(|e| failed(format_args!("{} cannot be synced", shown.display()), &e))?;
        place.sync()?;
        Ok(Self { folder, session: session.to_owned(), lock })
    }

    /// Removes the mark: nothing of this session is open.
    pub(super) fn clear(self) {
        let Self { folder, session, lock } = self;
        remove(&folder, &session);
        drop(lock);
    }
}

/// A session whose process is gone; locked by us now.
#[derive(Debug)]
pub(super) struct Orphan {
    folder: OwnedFd,
    session: String,
    lock: File,
    from: Option<(Day, u64)>,
}

impl Orphan {
    /// Removes the mark: its intents are closed.
    pub(super) fn clear(self) {
        let Self { folder, session, lock, from: _ } = self;
        remove(&folder, &session);
        drop(lock);
    }
}

/// The sessions that left a mark and hold no lock on it any more. Our `own` is none of them.
pub(super) fn orphans(place: &Place, own: &str) -> Result<Vec<Orphan>, Fault> {
    let Some(folder) = place.existing_live() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for session in sessions(&folder, place)?.into_iter().filter(|session| session != own) {
        let lock = match try_hold(&folder, &session) {
            Ok(Some(lock)) => lock,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(session, ?error, "a mark in .live is not ours and stays");
                continue;
            }
        };
        let mut text = String::new();
        let from = match (&lock).take(100).read_to_string(&mut text) {
            Ok(_) => position(&text),
            Err(_) => None,
        };
        let folder = folder.try_clone().map_err(|e| failed(".live cannot be opened", &e))?;
        found.push(Orphan { folder, session, lock, from });
    }
    Ok(found)
}

/// The outcomes, `unknown`, of the intents that these sessions left open.
pub(super) fn closings(place: &Place, orphans: &[Orphan]) -> Result<Vec<Record>, Fault> {
    let names: BTreeSet<&str> = orphans.iter().map(|orphan| orphan.session.as_str()).collect();
    // A mark without a position was torn; then the whole log is looked through.
    let mut from = orphans.first().and_then(|orphan| orphan.from);
    for orphan in orphans {
        from = from.min(orphan.from);
    }
    let mut open: BTreeMap<(String, String), (u64, Record)> = BTreeMap::new();
    let mut lines = RawLines::new(place, from)?;
    let mut raw = Vec::new();
    while lines.next(place, &mut raw)?.is_some() {
        let Some(head) = Head::parse(&raw) else { continue };
        if !head.session.as_deref().is_some_and(|session| names.contains(session)) {
            continue;
        }
        let Some(key) = head.key() else { continue };
        if head.event == "allowed" {
            if let Ok(intent) = serde_json::from_slice(&raw) {
                open.insert(key, (head.seq, unknown(&intent)));
            }
        } else if head.is_outcome() {
            open.remove(&key);
        }
    }
    let mut closed: Vec<(u64, Record)> = open.into_values().collect();
    closed.sort_by_key(|(seq, _)| *seq);
    Ok(closed.into_iter().map(|(_, record)| record).collect())
}

/// Removes the target locks of processes that are gone: for each, room would stay reserved.
pub(super) fn sweep(place: &Place) {
    let Some(folder) = place.existing_live() else { return };
    let found = names(&folder).unwrap_or_default();
    for name in found.iter().filter(|name| name.starts_with(TARGET)) {
        match try_hold(&folder, name) {
            Ok(Some(lock)) => {
                remove(&folder, name);
                drop(lock);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(name, ?error, "a lock in .live is not ours and stays"),
        }
    }
}

/// How many lines may still be owed: one a session, and one a target that is being changed.
pub(super) fn owed(place: &Place) -> u64 {
    let marks = place.existing_live().and_then(|folder| names(&folder).ok());
    marks.map_or(0, |marks| marks.len() as u64)
}

/// Whether a session's process is alive. To ask takes the lock for a moment: a process that looks
/// for orphans in that moment leaves this one to the next.
pub(super) fn is_live(place: &Place, session: &str) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    place
        .existing_live()
        .filter(|_| !session.contains('/'))
        .and_then(|folder| openat(&folder, session, flags, Mode::empty()).ok())
        .is_some_and(|mark| flock(&mark, FlockOperation::NonBlockingLockShared).is_err())
}

fn sessions(folder: &OwnedFd, place: &Place) -> Result<Vec<String>, Fault> {
    let mut names =
        names(folder).map_err(|e| failed(format_args!("{}/.live", place.path().display()), &e))?;
    names.retain(|name| !name.starts_with(TARGET));
    names.sort_unstable();
    Ok(names)
}

/// Reads `audit-<yyyyMMdd>.jsonl <size>`.
fn position(text: &str) -> Option<(Day, u64)> {
    let (day, size) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((Day::parse(day)?, size.parse().ok()?))
}

/// The outcome of an intent whose process ended.
fn unknown(intent: &Value) -> Record {
    let text = |key: &str| intent.get(key).and_then(Value::as_str);
    let class = text("class");
    let mut record = Record {
        op: text("op").map(str::to_owned),
        class: Class::ALL.into_iter().find(|c| Some(c.as_str()) == class),
        session: text("session").map(str::to_owned),
        req: text("req").map(str::to_owned),
        plan: text("plan").and_then(Digest::parse),
        reason: Some(Reason::OutcomeUnknown),
        error: Some(
            "The process ended before the outcome was recorded. Look at the target to see whether \
             the change happened."
                .to_owned(),
        ),
        ..Record::new(Event::Unknown)
    };
    // As they were logged: what is read back is no more than its text.
    for key in ["caller", "args", "target", "rule", "policy", "assurance", "ask", "approver"] {
        if let Some(said) = intent.get(key) {
            record.log.insert(key.into(), said.clone());
        }
    }
    record
}

/// Removes a lock file, which the caller holds.
pub(super) fn remove(folder: &impl AsFd, name: &str) {
    if let Err(error) = unlinkat(folder, name, AtFlags::empty()) {
        tracing::warn!(name, %error, "a lock in .live cannot be removed");
    }
}
