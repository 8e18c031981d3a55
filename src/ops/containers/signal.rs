//! Signals as arguments give them: a known name, with or without `SIG`, or a number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::{signals, text};

/// A signal: `SIGKILL`, or its number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signal(String);

impl Signal {
    /// The signal as engines take it.
    pub(in crate::ops) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no process can withstand it.
    pub(in crate::ops) fn kills(&self) -> bool {
        self.is("SIGKILL")
    }

    /// Whether it freezes every process that gets it.
    pub(in crate::ops) fn freezes(&self) -> bool {
        self.is("SIGSTOP")
    }

    /// Whether it freezes a process that does nothing about it.
    pub(in crate::ops) fn may_freeze(&self) -> bool {
        ["SIGTSTP", "SIGTTIN", "SIGTTOU"].iter().any(|one| self.is(one))
    }

    /// Whether it is the one that is written so.
    pub(in crate::ops) fn is(&self, written: &str) -> bool {
        let number = signals::number(&self.0);
        number.is_some() && number == signals::number(written)
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self("SIGKILL".to_owned())
    }
}

impl TryFrom<String> for Signal {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        if signals::number(&given).is_some() {
            let upper = given.to_ascii_uppercase();
            let number = given.bytes().all(|b| b.is_ascii_digit());
            let name = upper.strip_prefix("SIG").unwrap_or(&upper);
            return Ok(Self(if number { given } else { format!("SIG{name}") }));
        }
        Err(format!(
            "`{}` is no signal; use a name such as `SIGTERM`, `HUP` or `USR1`, or a number from 1 \
             to 64",
            text::line(&given, 32)
        ))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.starts_with("SIG") {
            f.write_str(&self.0)
        } else {
            write!(f, "signal {}", self.0)
        }
    }
}

impl From<Signal> for String {
    fn from(signal: Signal) -> Self {
        signal.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known() {
        for (given, expected) in [
            ("SIGKILL", Some("SIGKILL")),
            ("kill", Some("SIGKILL")),
            ("sigusr1", Some("SIGUSR1")),
            ("HUP", Some("SIGHUP")),
            ("9", Some("9")),
            ("64", Some("64")),
            ("RTMIN+15", Some("SIGRTMIN+15")),
            ("SIGRTMAX-14", Some("SIGRTMAX-14")),
            ("0", None),
            ("65", None),
            ("09", None),
            ("+9", None),
            ("-9", None),
            ("RTMIN+16", None),
            ("RTMAX-15", None),
            ("RTMIN+", None),
            ("SIGSIGKILL", None),
            ("BOGUS", None),
            ("KILL&x=1", None),
            ("", None),
            ("SIG", None),
        ] {
            let read = Signal::try_from(given.to_owned()).ok();
            assert_eq!(read.as_ref().map(Signal::as_str), expected, "{given}");
        }
    }

    #[test]
    fn a_signal_is_itself_however_it_is_written() {
        let signal = |given: &str| Signal::try_from(given.to_owned()).unwrap();
        assert!(signal("9").kills() && signal("kill").kills() && Signal::default().kills());
        assert!(!signal("15").kills() && !signal("19").kills());
        assert!(signal("19").freezes() && signal("STOP").freezes() && !signal("18").freezes());
        assert!(signal("20").may_freeze() && signal("TTOU").may_freeze());
        assert!(!signal("19").may_freeze() && !signal("23").may_freeze());
        assert!(
            signal("28").is("SIGWINCH") && signal("iot").is("ABRT") && signal("37").is("RTMIN+3")
        );
        assert!(!signal("28").is("a word") && !signal("28").is(""));
        assert!(signal("15").is("SIGTERM") && signal("TERM").is("15") && !signal("HUP").is("TERM"));
    }
}
