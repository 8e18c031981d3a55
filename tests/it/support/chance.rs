//! Time and chance for tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::core::grant::Tick;
use countersign::core::reason::Fault;
use countersign::ports::{Clock, Entropy};
use time::OffsetDateTime;
use time::macros::datetime;

/// A clock that goes when it is told to.
#[derive(Debug, Default)]
pub(crate) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.advance_ms(seconds * 1000);
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> OffsetDateTime {
        datetime!(2026-11-21 12:00 UTC) + self.tick().0
    }

    fn tick(&self) -> Tick {
        Tick(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

/// Bytes that count up.
#[derive(Debug, Default)]
pub(crate) struct FakeEntropy(AtomicU64);

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        // Of few bytes the last ones, which differ.
        let skipped = n.len().saturating_sub(bytes.len());
        for (byte, value) in bytes.iter_mut().zip(n.iter().cycle().skip(skipped)) {
            *byte = *value;
        }
        Ok(())
    }
}
