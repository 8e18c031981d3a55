//! Samples and what is said of them.

use std::fmt;
use std::time::Duration;

pub(crate) struct Samples {
    name: &'static str,
    times: Vec<Duration>,
}

impl Samples {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    pub(crate) fn clear(&mut self) {
        self.times.clear();
    }

    fn at(&self, part: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort();
        sorted[((sorted.len() - 1) as f64 * part).round() as usize]
    }

    pub(crate) fn p50(&self) -> Duration {
        self.at(0.5)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(0.99)
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.p50().as_micros(), self.p99().as_micros());
        write!(f, "{:34} p50 {p50:>7}  p99 {p99:>7}", self.name)
    }
}

/// Whether a bar is met, in words.
pub(crate) fn bar(met: bool) -> &'static str {
    if met { "  (met)" } else { "  (MISSED)" }
}
