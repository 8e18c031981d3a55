//! Every limit of a call to the engine, in one place.

use std::time::Duration;

/// Seconds for a read, from connecting to the last byte.
pub const READ_SECONDS_MAX: u64 = 10;

/// Seconds that a log may take in all.
pub const LOG_SECONDS_MAX: u64 = 60;

/// Seconds without a byte after which a log is given up.
pub const LOG_IDLE_SECONDS_MAX: u64 = 10;

/// Seconds that saying what is on the disk may take.
pub const USAGE_SECONDS_MAX: u64 = 60;

/// Seconds for a start.
pub const START_SECONDS_MAX: u64 = 60;

/// Seconds for the removal of a container: it may be killed first, and all its own files go.
pub const REMOVAL_SECONDS_MAX: u64 = 180;

/// Seconds for a change that starts and stops nothing.
pub const CHANGE_SECONDS_MAX: u64 = 30;

/// Seconds that a stop may take beyond its grace: the kill, and releasing what the container held.
pub const STOP_MARGIN_SECONDS: u64 = 30;

/// Seconds for making or removing a volume: removing walks through all that is in it.
pub const VOLUME_SECONDS_MAX: u64 = 120;

/// Seconds for a change of a network.
pub const NETWORK_SECONDS_MAX: u64 = 60;

/// Seconds for a tag or for the removal of an image.
pub const IMAGE_SECONDS_MAX: u64 = 120;

/// Seconds that a pull may take in all.
pub const PULL_SECONDS_MAX: u64 = 3600;

/// Seconds without a word after which a pull is no longer waited for: longer than an engine waits
/// for a registry that does not answer.
pub const PULL_IDLE_SECONDS_MAX: u64 = 120;

/// Bytes of an answer that is read whole.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Connections that are kept open between reads.
pub const IDLE_CONNECTIONS_MAX: usize = 8;

/// How long the engine may take. The default is that of the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a read.
    pub read: Duration,
    /// For a whole log.
    pub log: Duration,
    /// Between two pieces of a log.
    pub log_idle: Duration,
    /// For what is on the disk.
    pub usage: Duration,
    /// For a start.
    pub start: Duration,
    /// For the removal of a container.
    pub removal: Duration,
    /// For a change that starts and stops nothing.
    pub change: Duration,
    /// For a stop beyond its grace.
    pub stop_margin: Duration,
    /// For making or removing a volume.
    pub volume: Duration,
    /// For a change of a network.
    pub network: Duration,
    /// For a tag or for the removal of an image.
    pub image: Duration,
    /// For a whole pull.
    pub pull: Duration,
    /// Between two words of a pull.
    pub pull_idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(READ_SECONDS_MAX),
            log: Duration::from_secs(LOG_SECONDS_MAX),
            log_idle: Duration::from_secs(LOG_IDLE_SECONDS_MAX),
            usage: Duration::from_secs(USAGE_SECONDS_MAX),
            start: Duration::from_secs(START_SECONDS_MAX),
            removal: Duration::from_secs(REMOVAL_SECONDS_MAX),
            change: Duration::from_secs(CHANGE_SECONDS_MAX),
            stop_margin: Duration::from_secs(STOP_MARGIN_SECONDS),
            volume: Duration::from_secs(VOLUME_SECONDS_MAX),
            network: Duration::from_secs(NETWORK_SECONDS_MAX),
            image: Duration::from_secs(IMAGE_SECONDS_MAX),
            pull: Duration::from_secs(PULL_SECONDS_MAX),
            pull_idle: Duration::from_secs(PULL_IDLE_SECONDS_MAX),
        }
    }
}
