//! How a requester's own asks stand: told, waited for, taken back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::turns::{Opened, no_ask};
use super::{Gate, Parts};
use crate::core::ask::{AskId, State, Turn};
use crate::core::grant::Tick;
use crate::core::reason::Fault;
use crate::core::record::Caller;
use crate::ports::BoxFuture;
use crate::ports::asks::{Inbox, Told};

/// How often the state is looked at while somebody waits. A look is cheap while nothing has changed.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// Requests that wait for a decision at the same time; more are told at once how it stands.
pub(super) const WATCHING_MAX: u32 = 16;

impl Gate {
    /// The ask of that id, if it is one of this caller.
    async fn own(&self, caller: &Caller, id: AskId) -> Result<Opened, Fault> {
        let found = self.parts.people.asks.get(id).await?;
        let opened = Opened::of(found.ok_or_else(|| no_ask(id))?, &self.parts.registry)?;
        let is_own = opened.plan.parts().principal == caller.principal;
        if is_own { Ok(opened) } else { Err(no_ask(id)) }
    }

    async fn decided(&self, caller: &Caller, id: AskId, wait: Duration) -> Result<Told, Fault> {
        let Parts { people, clock, registry, .. } = &self.parts;
        let (asks, trust) = (&people.asks, &people.trust);
        let until = Tick(clock.tick().0.saturating_add(wait));
        let place = self.watching.try_acquire();
        loop {
            let (version, stamp) = (asks.version()?, trust.stamp(id));
            self.turns.tidy(registry).await?;
            let opened = self.with_given(self.own(caller, id).await?).await?;
            let over = |clock: Tick| clock >= until || self.closing.load(Ordering::SeqCst);
            if opened.ask.state != State::Pending || place.is_err() || over(clock.tick()) {
                return Ok(self.told(opened).await);
            }
            let expires = opened.ask.expires;
            let same = || Ok::<_, Fault>(asks.version()? == version && trust.stamp(id) == stamp);
            loop {
                sleep(LOOK_EVERY).await;
                if !same()? || clock.now() >= expires || over(clock.tick()) {
                    break;
                }
            }
        }
    }

    async fn withdraw(&self, caller: &Caller, id: AskId) -> Result<Told, Fault> {
        self.turns.tidy(&self.parts.registry).await?;
        let opened = self.own(caller, id).await?;
        let mut turn = Turn::new(opened.ask.state, State::Cancelled, self.parts.clock.now())?;
        turn.words = Some("its requester took it back".into());
        let ask = self.turns.turn(&opened, turn, Some(caller)).await?;
        Ok(self.told(Opened { ask, ..opened }).await)
    }
}

impl Inbox for Gate {
    fn check<'a>(
        &'a self,
        caller: &'a Caller,
        id: AskId,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Told, Fault>> {
        Box::pin(self.decided(caller, id, wait))
    }

    fn cancel<'a>(&'a self, caller: &'a Caller, id: AskId) -> BoxFuture<'a, Result<Told, Fault>> {
        Box::pin(self.withdraw(caller, id))
    }
}
