//! The turns of asks: each is made once, in the state that processes share, and is on record in the log
//! that the ask is on record in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use tokio::time::sleep;

use super::Registry;
use crate::core::ask::{Approver, Ask, AskId, Document, Recorded, State, Turn, closed};
use crate::core::plan::{Plan, Target};
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Event, Record, TargetRefs};
use crate::core::text;
use crate::ports::asks::{Asks, Logs};
use crate::ports::{Clock, Durability, Held};

/// What is kept of the words of a decision, in characters.
pub const WORDS_CHARS_MAX: usize = 500;

/// How often the lock of an ask is looked for that somebody else has.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// How many times.
const LOCK_TRIES: u32 = 40;

/// Makes and records the turns of asks.
pub struct Turns {
    /// Where they are.
    pub asks: Arc<dyn Asks>,
    /// Where they are on record.
    pub logs: Arc<dyn Logs>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The random id of this process.
    pub session: String,
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("session", &self.session).finish_non_exhaustive()
    }
}

/// An ask with what its document says.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The ask.
    pub ask: Ask,
    /// Its document.
    pub document: Document,
    /// Its plan.
    pub plan: Arc<Plan>,
}

impl Opened {
    /// Reads the document of an ask.
    ///
    /// # Errors
    /// `state_unavailable` if it is not one that Countersign wrote for this ask.
    pub fn of(ask: Ask, registry: &Registry) -> Result<Self, Fault> {
        let (document, plan) = Self::read(&ask.document, registry)?;
        let parts = plan.parts();
        // What leads to a document and what is listed of it says what the document says.
        let agrees = document.ask == ask.id
            && document.not_before == ask.made
            && document.expires == ask.expires
            && document.log == ask.log
            && plan.digest() == ask.plan
            && parts.operation == ask.operation
            && parts.principal == ask.principal;
        if !agrees {
            return Err(Fault::new(
                Reason::StateUnavailable,
                format!(
                    "What is stored as ask {} does not agree with its document: somebody changed it. \
                     Nothing was done with it.",
                    ask.id
                ),
            ));
        }
        Ok(Self { ask, document, plan })
    }

    /// Reads a document by itself, with its plan.
    ///
    /// # Errors
    /// `state_unavailable` if it is not one that Countersign wrote.
    pub fn read(text: &str, registry: &Registry) -> Result<(Document, Arc<Plan>), Fault> {
        let document = Document::read(text)?;
        let plan = Arc::new(document.restore(|name| registry.kind(name))?);
        Ok((document, plan))
    }

    /// Whether it can still come to be spent.
    ///
    /// # Errors
    /// What has become of it, with what to do next.
    pub(super) fn is_open(&self) -> Result<(), Fault> {
        let Ask { id, state, words, .. } = &self.ask;
        let words = words.as_ref().map(|words| format!(": {}", text::line(words, WORDS_CHARS_MAX)));
        let words = words.unwrap_or_default();
        let again = "Call again without its confirmToken to get a new preview.";
        let (reason, message) = match state {
            State::Pending | State::Approved => return Ok(()),
            State::Denied => (
                Reason::ApprovalDenied,
                format!(
                    "A person denied ask {id}{words}. Nothing has changed. Do not ask again for \
                         the same in other words."
                ),
            ),
            State::Revoked => (
                Reason::ApprovalRevoked,
                format!("A person took the approval of ask {id} back{words}. Nothing has changed."),
            ),
            State::Expired => (Reason::TokenExpired, format!("Ask {id} has expired. {again}")),
            State::Superseded => (
                Reason::PlanChanged,
                format!("What ask {id} was for is no longer what it was. {again}"),
            ),
            State::Cancelled => {
                (Reason::TokenUsed, format!("Ask {id} was cancelled{words}. {again}"))
            }
            State::Executing | State::Done | State::Failed | State::Unknown => (
                Reason::TokenUsed,
                format!("Ask {id} was spent before ({state}); an approval works once. {again}"),
            ),
        };
        Err(Fault::new(reason, message))
    }

    /// A line about it.
    pub(super) fn record(&self, event: Event) -> Record {
        let Self { ask, document, plan } = self;
        let mut record = Record::new(event);
        record.op = Some(plan.parts().operation.clone());
        record.class = Some(document.class);
        record.target = TargetRefs::of(plan.targets());
        record.plan = Some(plan.digest());
        record.rule = Some(document.rule.clone());
        record.policy = Some(plan.parts().policy);
        record.ask = Some(ask.id);
        record
    }
}

impl Turns {
    /// Turns an ask and puts that on record, while nobody else does or spends it. What gives permission
    /// is taken back if it cannot be recorded. What takes it away is on record first, so that whoever
    /// changes the state back gains nothing; and it stands even if it cannot be recorded.
    pub(super) async fn turn(
        &self,
        opened: &Opened,
        turn: Turn,
        caller: Option<&Caller>,
    ) -> Result<Ask, Fault> {
        let _alone = match self.alone(&opened.ask, &turn, LOCK_TRIES).await {
            Ok(held) => Some(held),
            // Whoever can write the log can keep its locks, and keeps no person from saying no.
            Err(fault)
                if fault.reason != Reason::AskClosed
                    && matches!(turn.to, State::Denied | State::Revoked) =>
            {
                None
            }
            Err(fault) => return Err(fault),
        };
        self.turn_alone(opened, turn, caller).await
    }

    /// The same for who has the lock of the ask.
    pub(super) async fn turn_alone(
        &self,
        opened: &Opened,
        turn: Turn,
        caller: Option<&Caller>,
    ) -> Result<Ask, Fault> {
        let id = opened.ask.id;
        let record = turned(opened, &turn, caller);
        if turn.to != State::Approved {
            let recorded = self.close(opened, record).await;
            let to = turn.to;
            let turned = self.asks.turn(id, turn).await?;
            return recorded.map(|_| turned).map_err(|fault| Fault {
                message: format!(
                    "Ask {id} is {to}, but that is not on record, and whoever can write its state can \
                     undo it: say it again once the log can be written. {}",
                    fault.message
                ),
                ..fault
            });
        }
        let turned = self.asks.turn(id, turn).await?;
        if let Err(fault) = self.record(&opened.document.log, record).await {
            let back = Turn::new(State::Approved, State::Revoked, self.clock.now())?;
            self.asks.turn(id, back).await?;
            return Err(fault);
        }
        Ok(turned)
    }

    /// Puts a turn on record that was made and never recorded: the process ended between the two, or
    /// the log could not be written.
    ///
    /// # Errors
    /// `ask_closed`, if it is on record.
    pub(super) async fn make_up(
        &self,
        opened: &Opened,
        turn: &Turn,
        caller: &Caller,
    ) -> Result<Ask, Fault> {
        match self.close(opened, turned(opened, turn, Some(caller))).await? {
            true => Ok(opened.ask.clone()),
            false => Err(closed(opened.ask.state, turn.to)),
        }
    }

    /// Writes the line that closes an ask, if the log has none. Says whether it did.
    async fn close(&self, opened: &Opened, record: Record) -> Result<bool, Fault> {
        let Opened { ask, document, .. } = opened;
        let log = self.logs.of(&document.log);
        // A log that cannot be read is written to all the same.
        if let Ok(Recorded { spent: Some(_), .. }) = log.recorded(ask.id, document.not_before).await
        {
            return Ok(false);
        }
        self.record(&document.log, record).await.map(|()| true)
    }

    /// Takes the lock of an ask that is still as it has to be for this turn; looks for it so many times.
    async fn alone(&self, ask: &Ask, turn: &Turn, tries: u32) -> Result<Held, Fault> {
        let log = self.logs.of(&ask.log);
        let mut left = tries;
        loop {
            let held = log.hold(&[itself(ask)]);
            let now = self.asks.get(ask.id).await?.map_or(ask.state, |ask| ask.state);
            if now != turn.from {
                return Err(closed(now, turn.to));
            }
            left = left.saturating_sub(1);
            match held {
                Err(fault) if fault.reason == Reason::Busy && left > 0 => sleep(LOCK_EVERY).await,
                held => return held,
            }
        }
    }

    /// Puts a refused decision on record. The ask is as it was.
    pub(super) async fn refused(
        &self,
        opened: &Opened,
        fault: &Fault,
        caller: Option<&Caller>,
        approver: Option<Approver>,
    ) {
        let mut record = opened.record(Event::AskRefused);
        record.caller = caller.cloned();
        record.approver = approver;
        record.reason = Some(fault.reason);
        record.error = Some(fault.detail.clone().unwrap_or_else(|| fault.message.clone()));
        if let Err(unrecorded) = self.record(&opened.document.log, record).await {
            tracing::error!("a refused decision is not on record: {}", unrecorded.message);
        }
    }

    async fn record(&self, log: &str, mut record: Record) -> Result<(), Fault> {
        record.session = Some(self.session.clone());
        self.logs.of(log).append(record, Durability::Synced).await
    }

    /// Turns what should have turned by itself.
    ///
    /// # Errors
    /// `state_unavailable` or `audit_unavailable`.
    pub(super) async fn tidy(&self, registry: &Registry) -> Result<(), Fault> {
        let now = self.clock.now();
        for (ask, to) in self.asks.overdue(now).await? {
            let turned = match Opened::of(ask.clone(), registry) {
                Ok(opened) => self.overdue(&opened, to, now).await,
                // What somebody changed cannot be recorded as what it was.
                Err(_) => self.asks.turn(ask.id, Turn::new(ask.state, to, now)?).await,
            };
            // One ask that cannot be turned keeps nobody from deciding on the others; and it is no
            // fault that another process was faster.
            if let Err(fault) = turned
                && fault.reason != Reason::AskClosed
            {
                tracing::warn!("ask {} stays as it is: {}", ask.id, fault.message);
            }
        }
        Ok(())
    }

    /// Turns what was spent by a process that is gone to what the log has of it, where it stands once
    /// already: an intent that it left open is closed by the next process that writes.
    async fn overdue(&self, opened: &Opened, to: State, now: OffsetDateTime) -> Result<Ask, Fault> {
        let Opened { ask, document, .. } = opened;
        let log = self.logs.of(&document.log);
        let spent = match to {
            State::Unknown => log.recorded(ask.id, document.not_before).await?.spent,
            _ => None,
        };
        let ended = match spent {
            Some(Event::Done) => State::Done,
            Some(Event::Failed) => State::Failed,
            _ => to,
        };
        let turn = Turn::new(ask.state, ended, now)?;
        match spent {
            Some(_) => self.asks.turn(ask.id, turn).await,
            // Whoever has its lock is about to turn it. Nobody waits for that, least of all many times.
            None => {
                let _alone = self.alone(ask, &turn, 1).await?;
                self.turn_alone(opened, turn, None).await
            }
        }
    }
}

/// The line about a turn.
fn turned(opened: &Opened, turn: &Turn, caller: Option<&Caller>) -> Record {
    let mut record = opened.record(turn.to.event());
    record.caller = caller.cloned();
    record.approver.clone_from(&turn.approver);
    record.assurance = turn.assurance;
    if turn.to == State::Unknown {
        record.reason = Some(Reason::OutcomeUnknown);
        record.error =
            Some("The process that spent it ended, and this log holds no intent of it.".to_owned());
    }
    if let Some(words) = &turn.words {
        record.log.insert("words".into(), json!(text::line(words, WORDS_CHARS_MAX)));
    }
    record
}

/// An ask as something of which one thing at a time is done.
pub(super) fn itself(ask: &Ask) -> Target {
    Target {
        kind: "ask",
        id: ask.id.to_string(),
        name: ask.id.to_string(),
        engine: String::new(),
        attributes: BTreeMap::new(),
    }
}

/// Who decides in a shell without signing.
pub(super) const fn unsigned(caller: &Caller) -> Approver {
    Approver { name: None, key: None, uid: caller.principal.uid }
}

/// The refusal of an id that no ask of the one who asks has.
pub(super) fn no_ask(id: AskId) -> Fault {
    Fault::new(Reason::NotFound, format!("There is no ask {id} of yours."))
}
