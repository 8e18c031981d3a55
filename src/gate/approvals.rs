//! Decisions on asks: what a person at a shell can do. No operation leads here.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use super::asks::is_current;
use super::turns::{Opened, Turns, WORDS_CHARS_MAX, unsigned};
use super::{Registry, verified};
use crate::core::approval::{Approval, Signers};
use crate::core::ask::{Ask, AskId, State, Turn, closed};
use crate::core::reason::{Fault, Reason};
use crate::core::record::Caller;
use crate::core::text;
use crate::ports::asks::{Listed, Told, Trust};

/// What a person decides with.
#[derive(Debug)]
pub struct Approvals {
    /// Makes and records the turns.
    pub turns: Turns,
    /// Whose signatures count.
    pub trust: Arc<dyn Trust>,
    /// Every operation that there is.
    pub registry: Registry,
    /// Who decides.
    pub caller: Caller,
    /// Whose asks these are and where they are kept, for people.
    pub kept: String,
}

impl Approvals {
    /// The newest asks, those that are open or all; and which of them say that they are approved, and
    /// are not.
    ///
    /// # Errors
    /// `state_unavailable`.
    pub async fn list(
        &self,
        only_open: bool,
        limit: usize,
    ) -> Result<(Vec<Listed>, BTreeSet<AskId>), Fault> {
        self.turns.tidy(&self.registry).await?;
        let listed = self.turns.asks.list(only_open, limit).await?;
        let listed = self.with_all_given(listed, only_open, limit).await?;
        let (mut broken, mut signers) = (BTreeSet::new(), BTreeMap::new());
        for row in listed.iter().filter(|row| row.state == State::Approved) {
            if !self.holds(row.id, &mut signers).await {
                broken.insert(row.id);
            }
        }
        Ok((listed, broken))
    }

    /// The same asks, once approvals that other accounts gave are taken.
    async fn with_all_given(
        &self,
        listed: Vec<Listed>,
        only_open: bool,
        limit: usize,
    ) -> Result<Vec<Listed>, Fault> {
        let is_given = |ask: &&Listed| ask.state == State::Pending && self.trust.stamp(ask.id) != 0;
        let given: Vec<AskId> = listed.iter().filter(is_given).map(|ask| ask.id).collect();
        if given.is_empty() {
            return Ok(listed);
        }
        for id in given {
            self.open(id).await?;
        }
        self.turns.asks.list(only_open, limit).await
    }

    /// Whether the approval of an ask holds. The signers of an account are looked for once.
    async fn holds(&self, id: AskId, known: &mut BTreeMap<u32, Signers>) -> bool {
        let Ok(Some(ask)) = self.turns.asks.get(id).await else { return false };
        let Ok(opened) = Opened::of(ask, &self.registry) else { return false };
        let requester = opened.ask.principal.uid;
        let signers = match known.entry(requester) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.signers(&opened).await.unwrap_or_default()),
        };
        let now = self.turns.clock.now();
        verified::told_by(&*self.trust, signers, opened, now).await.broken.is_none()
    }

    /// An ask as it may be told.
    pub async fn told(&self, opened: &Opened) -> Told {
        verified::told(&*self.trust, opened.clone(), self.turns.clock.now()).await
    }

    /// One ask, with its document.
    ///
    /// # Errors
    /// `not_found`, `state_unavailable`.
    pub async fn open(&self, id: AskId) -> Result<Opened, Fault> {
        self.turns.tidy(&self.registry).await?;
        self.find(id).await
    }

    async fn find(&self, id: AskId) -> Result<Opened, Fault> {
        let ask = self.turns.asks.get(id).await?.ok_or_else(|| self.no_ask(id))?;
        self.with_given(Opened::of(ask, &self.registry)?).await
    }

    /// The refusal of an id that no ask here has.
    fn no_ask(&self, id: AskId) -> Fault {
        Fault::new(
            Reason::NotFound,
            format!(
                "There is no ask {id} among those of {}. Each account has its own: look as the one \
                 whose server asked, with `sudo -u NAME -H countersign asks`, say.",
                self.kept
            ),
        )
    }

    /// Whose signatures count for an ask.
    ///
    /// # Errors
    /// `state_unavailable`.
    pub async fn signers(&self, opened: &Opened) -> Result<Signers, Fault> {
        self.trust.signers(opened.plan.parts().principal.uid).await
    }

    /// Whether an ask can be approved at all, so that nobody signs in vain.
    ///
    /// # Errors
    /// `ask_closed` if it is not pending any more. Recorded.
    pub async fn may_approve(&self, shown: &Opened) -> Result<(), Fault> {
        let now = self.turns.clock.now();
        let turn = Turn::new(shown.ask.state, State::Approved, now).map(drop);
        let turn = match turn {
            Err(mut fault) => {
                let instead = self.told(shown).await.instead();
                instead.iter().for_each(|is| fault.message = format!("This ask is {is}"));
                Err(fault)
            }
            Ok(()) => is_current(&shown.document, now),
        };
        self.or_refused(shown, turn).await
    }

    /// What came of a decision. That it was refused is put on record.
    ///
    /// # Errors
    /// As it came.
    pub async fn or_refused<T>(&self, opened: &Opened, done: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &done {
            self.turns.refused(opened, fault, Some(&self.caller), None).await;
        }
        done
    }

    /// Approves an ask by a signature over the document that was shown. `weak` is why that is worth no
    /// more than somebody at a terminal, in a clause, if it was seen so.
    ///
    /// # Errors
    /// What is wrong with the signature, or `ask_closed` if the ask is not pending any more. Recorded; the
    /// ask is as it was.
    pub async fn approve(
        &self,
        shown: &Opened,
        signature: &str,
        weak: Option<&str>,
    ) -> Result<Approval, Fault> {
        let signed = self.sign(shown, signature, weak).await;
        self.or_refused(shown, signed).await
    }

    async fn sign(
        &self,
        shown: &Opened,
        signature: &str,
        weak: Option<&str>,
    ) -> Result<Approval, Fault> {
        let stored = self.open(shown.ask.id).await?;
        if stored.ask.document != shown.ask.document {
            return Err(Fault::new(
                Reason::SignatureInvalid,
                "The ask's document was changed while it was shown. Nothing was approved; find out \
                 who can write the state.",
            ));
        }
        let mut signers = self.signers(&stored).await?;
        weak.into_iter().for_each(|why| signers.weaken(why));
        let approved =
            self.turns.approve(&stored, signature, None, &signers, Some(&self.caller)).await?;
        Ok(approved.1)
    }

    /// Denies an ask, with words for the one who asked; and with it whatever else waits for the same,
    /// whatever its arguments. Says which these are.
    ///
    /// # Errors
    /// `ask_closed` if it is not pending any more. Recorded; the ask is as it was. What keeps one of
    /// the others from being denied is said once the rest are.
    pub async fn deny(&self, id: AskId, words: &str) -> Result<Vec<AskId>, Fault> {
        let deny = (State::Pending, State::Denied);
        let denied = self.close(id, deny, words).await?;
        let words = format!("together with ask {id}: {words}");
        let (mut with, mut left) = (Vec::new(), Ok(()));
        for other in self.turns.asks.pending(denied.cools).await? {
            match self.close(other, deny, &words).await {
                Ok(_) => with.push(other),
                // Somebody was faster, or its time is over.
                Err(fault) if fault.reason == Reason::AskClosed => {}
                Err(fault) => {
                    let message = format!(
                        "Ask {id} is denied, but ask {other}, which waits for the same, is not: {}",
                        fault.message
                    );
                    left = Err(Fault { message, ..fault });
                }
            }
        }
        left.map(|()| with)
    }

    /// Takes an approval back, with words for the one who asked.
    ///
    /// # Errors
    /// `ask_closed` if it is not approved, or spent already. Recorded; the ask is as it was.
    pub async fn revoke(&self, id: AskId, words: &str) -> Result<Ask, Fault> {
        self.close(id, (State::Approved, State::Revoked), words).await
    }

    /// Turns an ask from what it has to be. One that was turned so already is put on record if it is
    /// not: the log counts, whatever the state says.
    async fn close(
        &self,
        id: AskId,
        (from, to): (State, State),
        words: &str,
    ) -> Result<Ask, Fault> {
        // Others are left for later: nothing may keep a person from saying no.
        let opened = self.find(id).await?;
        let mut turn = Turn::new(from, to, self.turns.clock.now())?;
        let words = text::line(words.trim(), WORDS_CHARS_MAX);
        turn.words = Some(words).filter(|words| !words.is_empty());
        turn.approver = Some(unsigned(&self.caller));
        let is = opened.ask.state;
        let turned = if is == from {
            self.turns.turn(&opened, turn, Some(&self.caller)).await
        } else if is == to {
            self.turns.make_up(&opened, &turn, &self.caller).await
        } else {
            Err(closed(is, to))
        };
        self.or_refused(&opened, turned).await
    }

    /// An ask once an approval that another account gave is taken. That one counts for nothing is told by
    /// the server of who asked.
    async fn with_given(&self, opened: Opened) -> Result<Opened, Fault> {
        if opened.ask.state != State::Pending {
            return Ok(opened);
        }
        let (id, requester) = (opened.ask.id, opened.plan.parts().principal.uid);
        let Some(given) = self.trust.given(id, requester).await else { return Ok(opened) };
        match self.turns.take(&*self.trust, &opened, &given).await {
            Ok(ask) => Ok(Opened { ask, ..opened }),
            Err(fault) => {
                tracing::warn!("what was given for ask {id} is not taken: {}", fault.message);
                let ask = self.turns.asks.get(id).await?.unwrap_or(opened.ask);
                Ok(Opened { ask, ..opened })
            }
        }
    }
}
