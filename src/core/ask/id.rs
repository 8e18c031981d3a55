//! The id of an ask: short enough to be read out and typed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The digits: those that nobody takes for another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Digits of an id.
const LENGTH: usize = 8;

/// 40 random bits, shown as `K7Q2-M4XD`. It names an ask and gives nobody any right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskId([u8; LENGTH]);

impl AskId {
    /// Random bytes that an id takes.
    pub const BYTES: usize = 5;

    /// Makes an id of random bits.
    pub fn from_random(bits: [u8; Self::BYTES]) -> Self {
        let bits = bits.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let digit = |place: usize| {
            let value = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
            DIGITS.get(value).copied().unwrap_or(b'0')
        };
        Self(std::array::from_fn(|place| digit(LENGTH - 1 - place)))
    }

    /// Reads an id as people write it: in either case, with or without the dash, and with the letters
    /// that are no digits taken for those that they look like.
    pub fn parse(text: &str) -> Option<Self> {
        let digits =
            text.trim().chars().filter(|c| *c != '-').map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            });
        let mut id = [0; LENGTH];
        let mut places = id.iter_mut();
        for digit in digits {
            let byte = u8::try_from(digit).ok().filter(|byte| DIGITS.contains(byte))?;
            *places.next()? = byte;
        }
        places.next().is_none().then_some(Self(id))
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.0.iter().enumerate() {
            let dash = if place == LENGTH / 2 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(*digit))?;
        }
        Ok(())
    }
}

impl fmt::Debug for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no id of an ask"))
    }
}
