//! Signals as arguments give them: a known name, with or without `SIG`, or a number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::text;

/// The names that Linux engines know, but for real-time ones.
const NAMES: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

/// Numbers of signals.
const NUMBERS: std::ops::RangeInclusive<u8> = 1..=64;

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

    /// Whether it is the one that is written so.
    pub(in crate::ops) fn is(&self, written: &str) -> bool {
        let number = |name: &str| match name {
            "HUP" => "1".to_owned(),
            "INT" => "2".to_owned(),
            "QUIT" => "3".to_owned(),
            "KILL" => "9".to_owned(),
            "TERM" => "15".to_owned(),
            other => other.to_owned(),
        };
        let bare = |text: &str| {
            let upper = text.to_ascii_uppercase();
            number(upper.strip_prefix("SIG").unwrap_or(&upper))
        };
        bare(&self.0) == bare(written)
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
        let upper = given.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = given.parse().is_ok_and(|number: u8| NUMBERS.contains(&number));
        let plain = given.bytes().all(|b| b.is_ascii_digit()) && !given.starts_with('0');
        if number && plain {
            return Ok(Self(given));
        }
        if NAMES.contains(&name) || real_time(name) {
            return Ok(Self(format!("SIG{name}")));
        }
        Err(format!(
            "`{}` is no signal; use a name such as `SIGTERM`, `HUP` or `USR1`, or a number from 1 \
             to 64",
            text::line(&given, 32)
        ))
    }
}

/// `RTMIN+1` to `RTMIN+15`, and `RTMAX-14` to `RTMAX`.
fn real_time(name: &str) -> bool {
    let within = |digits: &str, max: u8| {
        !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
            && digits.parse().is_ok_and(|number: u8| (1..=max).contains(&number))
    };
    name == "RTMAX"
        || name.strip_prefix("RTMIN+").is_some_and(|digits| within(digits, 15))
        || name.strip_prefix("RTMAX-").is_some_and(|digits| within(digits, 14))
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
        assert!(signal("15").is("SIGTERM") && signal("TERM").is("15") && !signal("HUP").is("TERM"));
    }
}
