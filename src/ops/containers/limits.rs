//! Limits, restart policies and names as arguments give them. What is no such thing is refused when
//! the arguments are read, and one thing has one form, however it was written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::text;
use crate::ops::units;

/// The least memory that engines take, in bytes.
const MEMORY_BYTES_MIN: i64 = 6 << 20;

/// The most memory that may be asked for, in bytes.
const MEMORY_BYTES_MAX: i64 = 64 << 40;

/// Units of memory, the largest first.
const UNITS: [(char, i64); 4] = [('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10), ('b', 1)];

/// Billionths of a processor, at least and at most: 0.01 and 1024 processors.
const NANO_CPUS: std::ops::RangeInclusive<i64> = 10_000_000..=1024 * 1_000_000_000;

/// Tries of a restart policy, at most.
const TRIES_MAX: i64 = 1_000_000;

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 128;

/// An amount of memory: `512m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory {
    /// In bytes.
    pub(in crate::ops) bytes: i64,
}

impl TryFrom<String> for Memory {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        let lower = given.to_ascii_lowercase();
        let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match lower.get(digits.len()..).unwrap_or_default() {
            "" | "b" => Some(1),
            unit => UNITS.iter().find_map(|(letter, bytes)| {
                let rest = unit.strip_prefix(*letter)?;
                ["", "b", "ib"].contains(&rest).then_some(*bytes)
            }),
        };
        let bytes = unit.and_then(|unit| whole(digits)?.checked_mul(unit));
        match bytes {
            Some(bytes) if (MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes) => {
                Ok(Self { bytes })
            }
            _ => Err(format!(
                "`{}` is no amount of memory from 6m to 65536g; write it like `512m` or `2g`",
                text::line(&given, 32)
            )),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.iter().find(|(_, unit)| self.bytes % unit == 0);
        let (letter, unit) = fitting.copied().unwrap_or(('b', 1));
        write!(f, "{}{letter}", self.bytes / unit)
    }
}

impl From<Memory> for String {
    fn from(memory: Memory) -> Self {
        memory.to_string()
    }
}

/// A share of the processors: `1.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpus {
    /// In billionths of one.
    pub(in crate::ops) nanos: i64,
}

impl TryFrom<String> for Cpus {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        let (ones, parts) = given.split_once('.').unwrap_or((&given, "0"));
        let scale = u32::try_from(parts.len()).ok().and_then(|places| 9_u32.checked_sub(places));
        let nanos = scale.and_then(|scale| {
            let ones = whole(ones)?.checked_mul(1_000_000_000)?;
            ones.checked_add(whole(parts)?.checked_mul(10_i64.pow(scale))?)
        });
        match nanos {
            Some(nanos) if NANO_CPUS.contains(&nanos) => Ok(Self { nanos }),
            _ => Err(format!(
                "`{}` is no number of processors from 0.01 to 1024; write it like `1.5`",
                text::line(&given, 32)
            )),
        }
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ones, parts) = (self.nanos / 1_000_000_000, self.nanos % 1_000_000_000);
        let parts = format!("{parts:09}");
        match parts.trim_end_matches('0') {
            "" => write!(f, "{ones}"),
            parts => write!(f, "{ones}.{parts}"),
        }
    }
}

impl From<Cpus> for String {
    fn from(cpus: Cpus) -> Self {
        cpus.to_string()
    }
}

/// Digits, and nothing else, as a number.
fn whole(digits: &str) -> Option<i64> {
    let digits = Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok())
}

/// When the engine starts a container again by itself: `no`, `always`, `unless-stopped`,
/// `on-failure` or `on-failure:3`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RestartPolicy {
    /// Its name.
    pub(in crate::ops) name: String,
    /// How often it tries; zero for without end.
    pub(in crate::ops) tries: i64,
}

impl TryFrom<String> for RestartPolicy {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        let known = match given.split_once(':') {
            None => ["no", "always", "unless-stopped", "on-failure"]
                .contains(&given.as_str())
                .then_some((given.as_str(), 0)),
            Some(("on-failure", tries)) => whole(tries)
                .filter(|tries| (1..=TRIES_MAX).contains(tries))
                .map(|tries| ("on-failure", tries)),
            Some(_) => None,
        };
        match known {
            Some((name, tries)) => Ok(Self { name: name.to_owned(), tries }),
            None => Err(format!(
                "`{}` is no restart policy; use `no`, `always`, `unless-stopped`, `on-failure` or \
                 `on-failure:3`",
                text::line(&given, 32)
            )),
        }
    }
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tries {
            0 => f.write_str(&self.name),
            tries => write!(f, "{}:{tries}", self.name),
        }
    }
}

impl From<RestartPolicy> for String {
    fn from(policy: RestartPolicy) -> Self {
        policy.to_string()
    }
}

/// A name for a container: one that engines take, and that nobody can mistake for an id.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct NewName(String);

impl NewName {
    /// The name as text.
    pub(in crate::ops) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NewName {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        let first = given.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = given.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !first || !rest || !(2..=NAME_CHARS_MAX).contains(&given.len()) {
            return Err(format!(
                "`{}` is no name for a container: use 2 to {NAME_CHARS_MAX} letters, digits, `_`, \
                 `.` and `-`, starting with a letter or digit",
                text::name(&given)
            ));
        }
        let hex = given.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && (12..=64).contains(&given.len()) {
            return Err(format!(
                "`{given}` looks like an id, and engines look for names first: whoever means that \
                 id would get this container"
            ));
        }
        Ok(Self(given))
    }
}

impl From<NewName> for String {
    fn from(name: NewName) -> Self {
        name.0
    }
}

/// Swap in words, by the limit of memory and that of memory and swap together.
pub(super) fn swap_words(memory: i64, both: i64) -> String {
    match both {
        ..0 => "any amount".to_owned(),
        0 => "no limit set".to_owned(),
        _ => units::bytes(u64::try_from(both - memory).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: TryFrom<String> + Into<String>>(given: &str) -> Option<String> {
        T::try_from(given.to_owned()).ok().map(Into::into)
    }

    #[test]
    fn memory_has_one_form() {
        for (given, expected) in [
            ("512m", Some("512m")),
            ("524288k", Some("512m")),
            ("536870912", Some("512m")),
            ("1GiB", Some("1g")),
            ("1024MB", Some("1g")),
            ("6291457b", Some("6291457b")),
            ("6m", Some("6m")),
            ("6291455", None),
            ("65536g", Some("65536g")),
            ("65537g", None),
            ("9223372036854775807g", None),
            ("-1", None),
            ("+7m", None),
            ("1.5g", None),
            ("512", None),
            ("512 m", None),
            ("512x", None),
            ("512mbb", None),
            ("m", None),
            ("", None),
        ] {
            assert_eq!(read::<Memory>(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn processors_have_one_form() {
        for (given, expected) in [
            ("1.5", Some("1.5")),
            ("01.50", Some("1.5")),
            ("2", Some("2")),
            ("0.01", Some("0.01")),
            ("0.009999999", None),
            ("0.123456789", Some("0.123456789")),
            ("0.1234567890", None),
            ("1024", Some("1024")),
            ("1024.000000001", None),
            ("0", None),
            ("-1", None),
            ("1e3", None),
            ("1,5", None),
            (".", None),
            ("1.5.0", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(read::<Cpus>(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn policies_are_known() {
        for good in ["no", "always", "unless-stopped", "on-failure", "on-failure:3"] {
            assert_eq!(read::<RestartPolicy>(good).as_deref(), Some(good));
        }
        for bad in ["", "yes", "Always", "always:3", "on-failure:", "on-failure:0", "on-failure:-1"]
        {
            assert_eq!(read::<RestartPolicy>(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_no_ids() {
        for (given, good) in [
            ("web", true),
            ("a1", true),
            ("a", false),
            ("/web", false),
            ("_web", false),
            ("we b", false),
            ("../info?", false),
            ("%2e%2e/info", false),
            ("deadbeef", true),
            ("abcdefabcde", true),
            ("abcdefabcdef", false),
            ("ABCDEFABCDEF", true),
            ("abcdefabcdeg", true),
            (&"a".repeat(64), false),
            (&"a".repeat(65), true),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            assert_eq!(read::<NewName>(given).is_some(), good, "{given}");
        }
    }
}
