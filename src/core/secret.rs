//! Secrets among arguments: values that only their operation and policy read. Everything else, such
//! as plans, digests and the log, knows them by a keyed hash, since a plain digest of a short secret
//! is found by trial.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::hex;

/// The keyword that marks a secret in the schema of arguments.
pub const MARK: &str = "writeOnly";

/// What a seal begins with.
pub const SEALED: &str = "hmac-sha256:";

/// The members of a secret on its way from a request to its operation.
const SEAL: &str = "seal";
const VALUE: &str = "value";

/// The random key of one process. It is kept nowhere but beside an ask that holds a secret, so that
/// nobody who has only the log can try what a secret in it was.
pub struct SealKey([u8; Self::BYTES]);

impl SealKey {
    /// As many as the hash takes in at once.
    pub const BYTES: usize = 64;

    /// Makes a key of random bits.
    pub const fn from_random(bits: [u8; Self::BYTES]) -> Self {
        Self(bits)
    }

    /// Its bits, for the store of asks: who spends one seals by the key of who asked.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// What stands for a secret: `hmac-sha256:` and 64 hex digits, the same for the same bytes.
    pub fn seal(&self, secret: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new(&self.0.into()).chain_update(secret);
        format!("{SEALED}{}", hex::encode(&mac.finalize().into_bytes()))
    }

    /// Whether that is the seal of these bytes. Takes as long whatever part of it is wrong.
    pub fn is_seal(&self, secret: &[u8], seal: &str) -> bool {
        self.seal(secret).as_bytes().ct_eq(seal.as_bytes()).into()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// A secret value. Shown and written it is its seal, so that it cannot get anywhere by mistake; it
/// cannot be read from arguments that were not sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    seal: String,
    value: String,
}

impl Secret {
    /// Seals a value.
    pub fn new(value: String, key: &SealKey) -> Self {
        Self { seal: key.seal(value.as_bytes()), value }
    }

    /// The value, for whoever it is meant for.
    pub fn reveal(&self) -> &str {
        &self.value
    }

    /// The form in which an operation reads it from its arguments.
    pub fn into_argument(self) -> Value {
        json!({ SEAL: self.seal, VALUE: self.value })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.seal)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.seal)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // No message may quote what was given, as those that are derived do.
        let given = Value::deserialize(deserializer).map_err(|_| unsealed())?;
        let part = |name: &str| given.get(name)?.as_str().map(str::to_owned);
        let (seal, value) = part(SEAL).zip(part(VALUE)).ok_or_else(unsealed)?;
        Ok(Self { seal, value })
    }
}

fn unsealed<E: serde::de::Error>() -> E {
    E::custom("a secret was not sealed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SealKey = SealKey::from_random([7; SealKey::BYTES]);

    #[test]
    fn a_seal_is_an_hmac_of_the_value_and_of_nothing_else() {
        // The key and the text of RFC 4231's second case; a key is filled up with zeros.
        let mut bits = [0; SealKey::BYTES];
        bits[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            SealKey::from_random(bits).seal(b"what do ya want for nothing?"),
            "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let other = SealKey::from_random([8; SealKey::BYTES]);
        assert_eq!(KEY.seal(b"x"), KEY.seal(b"x"));
        assert_ne!(KEY.seal(b"x"), KEY.seal(b"y"));
        assert_ne!(KEY.seal(b"x"), other.seal(b"x"));
        assert!(KEY.is_seal(b"x", &KEY.seal(b"x")));
        let longer = KEY.seal(b"x") + "0";
        for bad in ["", SEALED, &KEY.seal(b"y"), &other.seal(b"x"), &longer] {
            assert!(!KEY.is_seal(b"x", bad), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_shown_and_written_as_its_seal_only() {
        let secret = Secret::new("hunter2".into(), &KEY);
        let seal = KEY.seal(b"hunter2");
        assert_eq!(format!("{secret:?}"), seal);
        assert_eq!(serde_json::to_value(&secret).unwrap(), json!(seal));
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{KEY:?}").contains('7'));
    }

    #[test]
    fn only_what_was_sealed_is_read_and_nothing_is_quoted() {
        let secret = Secret::new("hunter2".into(), &KEY);
        let read: Secret = serde_json::from_value(secret.clone().into_argument()).unwrap();
        assert_eq!(read, secret);
        for bad in [json!("hunter2"), json!({"value": "hunter2"}), json!(["hunter2"]), json!(7)] {
            let error = serde_json::from_value::<Secret>(bad).unwrap_err().to_string();
            assert_eq!(error, "a secret was not sealed");
        }
    }
}
