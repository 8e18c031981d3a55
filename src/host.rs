//! The host's clock, random generator and programs, behind their ports. The only place that reads the
//! first two.

mod notifier;

use rand::TryRng as _;
use time::OffsetDateTime;

use crate::core::grant::Tick;
use crate::core::reason::{Fault, Reason};
use crate::ports::{Clock, Entropy};

pub use notifier::NotifyCommand;

/// The host's clocks.
#[derive(Clone, Copy, Debug)]
pub struct HostClock;

impl Clock for HostClock {
    #[expect(clippy::disallowed_methods, reason = "this is the system clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn tick(&self) -> Tick {
        // Linux's monotonic clock stops while the machine sleeps; a token must not outlive a night.
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let at = rustix::time::clock_gettime(clock);
        let seconds = u64::try_from(at.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(at.tv_nsec).unwrap_or_default();
        Tick(std::time::Duration::new(seconds, nanos))
    }
}

/// The operating system's random generator.
#[derive(Clone, Copy, Debug)]
pub struct HostEntropy;

impl Entropy for HostEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|error| {
            Fault::new(
                Reason::Limit,
                "The operating system gave no random bytes, so no request can be told from \
                 another and nothing is done.",
            )
            .with_detail(error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_never_goes_back_and_chance_differs() {
        let (first, second) = (HostClock.tick(), HostClock.tick());
        assert!(second >= first);
        let (mut a, mut b) = ([0; 16], [0; 16]);
        HostEntropy.fill(&mut a).unwrap();
        HostEntropy.fill(&mut b).unwrap();
        assert_ne!(a, b);
    }
}
