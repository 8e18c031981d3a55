//! The turns of asks: each is made once, in the state that processes share, and is on record in the log
//! that the ask is on record in.

use std::fmt;
use std::sync::Arc;

use serde_json::json;
use time::OffsetDateTime;

use super::Registry;
use crate::core::ask::{Approver, Ask, AskId, Document, State, Turn};
use crate::core::plan::Plan;
use crate::core::reason::{Fault, Reason};
use crate::core::record::{Caller, Event, Record, TargetRefs};
use crate::core::text;
use crate::ports::asks::{Asks, Logs};
use crate::ports::{Clock, Durability};

/// What is kept of the words of a decision, in characters.
pub const WORDS_CHARS_MAX: usize = 500;

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
    /// Turns an ask and puts that on record. What gives permission is taken back if it cannot be
    /// recorded; what takes it away stands.
    pub(super) async fn turn(
        &self,
        opened: &Opened,
        turn: Turn,
        caller: Option<&Caller>,
    ) -> Result<Ask, Fault> {
        let Opened { ask, .. } = opened;
        let turned = self.asks.turn(ask.id, turn.clone()).await?;
        let mut record = opened.record(turn.to.event());
        record.caller = caller.cloned();
        record.approver.clone_from(&turn.approver);
        record.assurance = turn.assurance;
        if turn.to == State::Unknown {
            record.reason = Some(Reason::OutcomeUnknown);
            record.error = Some(
                "The process that spent it ended, and this log holds no intent of it.".to_owned(),
            );
        }
        if let Some(words) = &turn.words {
            record.log.insert("words".into(), json!(text::line(words, WORDS_CHARS_MAX)));
        }
        if let Err(fault) = self.record(&opened.document.log, record).await {
            if turn.to == State::Approved {
                let back = Turn::new(State::Approved, State::Revoked, self.clock.now())?;
                self.asks.turn(ask.id, back).await?;
            }
            return Err(fault);
        }
        Ok(turned)
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
            None => self.turn(opened, turn, None).await,
        }
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
