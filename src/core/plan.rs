//! Plans: what exactly would be done, to what, as observed, for whom. A plan's digest is what gets
//! confirmed or approved.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::hex;
use super::reason::{Fault, Reason};

/// The targets of one plan, at most.
pub const TARGETS_MAX: usize = 200;

/// The version of a plan's shape.
const VERSION: u8 = 1;

/// A SHA-256 digest, shown as `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes the parts one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest of nothing yet: 64 zeros, before the first line of a log.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 64 lower-case hex digits, with or without `sha256:`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        hex::is_lower(digits).then(|| hex::decode(digits))?.map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no digest"))
    }
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// An MCP client on standard input and output.
    Mcp,
    /// The command line.
    Cli,
}

impl Face {
    /// The face as it stands in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Cli => "cli",
        }
    }
}

/// Who asks, as far as anything is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The way in.
    pub face: Face,
    /// The user id of the process.
    pub uid: u32,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid {} over {}", self.uid, self.face.as_str())
    }
}

/// What an operation acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The name of its kind.
    pub kind: &'static str,
    /// Its immutable id.
    pub id: String,
    /// Its name when it was resolved.
    pub name: String,
    /// The id of the engine that it lives in.
    pub engine: String,
    /// What policy may ask about it: the names that its kind declares, as observed.
    pub attributes: BTreeMap<String, String>,
}

/// JSON as RFC 8785 writes it: one text for one value.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| {
        Fault::new(Reason::InvalidArgument, "An argument holds a number that has no exact form.")
            .with_detail(error.to_string())
    })
}

/// The parts of a plan, in the words of the design.
#[derive(Debug, Serialize)]
pub struct Parts {
    /// The operation's name.
    pub operation: String,
    /// The arguments with defaults filled in and references replaced by full ids.
    pub arguments: Map<String, Value>,
    /// What it acts on.
    pub targets: Vec<Target>,
    /// The observed state that it is bound to, one value a target.
    pub facts: Vec<Value>,
    /// The engine's id.
    pub engine: Option<String>,
    /// The digest of the effective policy.
    pub policy: Digest,
    /// Who asks.
    pub principal: Principal,
}

/// A plan with its digest. Its parts cannot be changed once it is made.
#[derive(Debug)]
pub struct Plan {
    parts: Parts,
    digest: Digest,
}

/// The parts of a plan as they are digested.
#[derive(Serialize)]
struct Versioned<'a> {
    v: u8,
    #[serde(flatten)]
    parts: &'a Parts,
}

impl Plan {
    /// Seals the parts.
    ///
    /// # Errors
    /// `limit` for more than [`TARGETS_MAX`] targets, `invalid_argument` for a number that has no
    /// canonical form.
    pub fn new(parts: Parts) -> Result<Self, Fault> {
        if parts.targets.len() > TARGETS_MAX {
            return Err(Fault::new(
                Reason::Limit,
                format!(
                    "This would act on {} targets; at most {TARGETS_MAX} are allowed at once. \
                     Narrow it down.",
                    parts.targets.len()
                ),
            ));
        }
        let json = canonical(&Versioned { v: VERSION, parts: &parts })?;
        let digest = Digest::of(&[b"countersign-plan-v1\n", &json]);
        Ok(Self { parts, digest })
    }

    /// SHA-256 over `countersign-plan-v1\n` and the canonical JSON of the plan.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The plan as JSON: what is digested.
    ///
    /// # Errors
    /// None that a plan which was digested can have.
    pub fn to_value(&self) -> Result<Value, Fault> {
        serde_json::to_value(Versioned { v: VERSION, parts: &self.parts })
            .map_err(|error| unreadable(&error.to_string()))
    }

    /// The plan that [`Plan::to_value`] wrote, with the kinds of targets as they are known here.
    ///
    /// # Errors
    /// `state_unavailable` for what it did not write.
    pub fn restore(
        value: &Value,
        kind: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<Self, Fault> {
        let stored: Stored =
            Stored::deserialize(value).map_err(|error| unreadable(&error.to_string()))?;
        let targets = stored.targets.into_iter().map(|target| {
            let kind = kind(&target.kind)
                .ok_or_else(|| unreadable("it names a kind of target that there is not"))?;
            let StoredTarget { id, name, engine, attributes, kind: _ } = target;
            Ok(Target { kind, id, name, engine, attributes })
        });
        let plan = Self::new(Parts {
            operation: stored.operation,
            arguments: stored.arguments,
            targets: targets.collect::<Result<_, Fault>>()?,
            facts: stored.facts,
            engine: stored.engine,
            policy: stored.policy,
            principal: stored.principal,
        })?;
        if stored.v != VERSION || plan.to_value()? != *value {
            return Err(unreadable("it is written in another way"));
        }
        Ok(plan)
    }

    /// What the plan says.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What the plan acts on.
    pub fn targets(&self) -> &[Target] {
        &self.parts.targets
    }
}

/// A plan as it is stored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u8,
    operation: String,
    arguments: Map<String, Value>,
    targets: Vec<StoredTarget>,
    facts: Vec<Value>,
    engine: Option<String>,
    policy: Digest,
    principal: Principal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTarget {
    kind: String,
    id: String,
    name: String,
    engine: String,
    attributes: BTreeMap<String, String>,
}

fn unreadable(detail: &str) -> Fault {
    Fault::new(Reason::StateUnavailable, "A stored plan is not one that Countersign wrote.")
        .with_detail(detail)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    pub(crate) fn parts(id: &str, facts: Value) -> Parts {
        let target = Target {
            kind: "container",
            id: id.to_owned(),
            name: "web".into(),
            engine: "E".into(),
            attributes: BTreeMap::from([("label.env".into(), "dev".into())]),
        };
        Parts {
            operation: "restart_container".into(),
            arguments: Map::from_iter([("container".into(), json!(id))]),
            targets: vec![target],
            facts: vec![facts],
            engine: Some("E".into()),
            policy: Digest::ZERO,
            principal: Principal { face: Face::Mcp, uid: 1000 },
        }
    }

    #[test]
    fn the_digest_is_stable() {
        let plan = Plan::new(parts("a1", json!({"status": "running"}))).unwrap();
        assert_eq!(
            plan.digest().to_string(),
            "sha256:4489a242b6700d6df8d4c228c734e106adaa300912230e96c1c842a41eb84b2c"
        );
    }

    #[test]
    fn canonical_json_follows_rfc_8785() {
        for (value, text) in [
            (json!({"b": 1, "a": [true, null, "é"]}), r#"{"a":[true,null,"é"],"b":1}"#),
            (
                json!({"\u{20ac}": 1, "\r": 2, "1": 3, "\u{fb33}": 4, "\u{1f600}": 5}),
                "{\"\\r\":2,\"1\":3,\"€\":1,\"😀\":5,\"\u{fb33}\":4}",
            ),
            (json!([1.0, 0.5, 1e21, -0.0]), "[1,0.5,1e+21,0]"),
        ] {
            assert_eq!(String::from_utf8(canonical(&value).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn too_many_targets_are_refused() {
        let mut many = parts("a1", json!(1));
        many.targets = vec![many.targets[0].clone(); TARGETS_MAX + 1];
        assert_eq!(Plan::new(many).map(|p| p.digest()).unwrap_err().reason, Reason::Limit);
        let mut most = parts("a1", json!(1));
        most.targets = vec![most.targets[0].clone(); TARGETS_MAX];
        assert!(Plan::new(most).is_ok());
    }

    #[test]
    fn digests_are_read_back() {
        let digest = Digest::of(&[b"x"]);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("sha256:12"), None);
        for bad in ["g", "A", "+"] {
            assert_eq!(Digest::parse(&bad.repeat(64)), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn key_order_does_not_matter_and_values_do(
            map in proptest::collection::btree_map("[a-z]{1,4}", 0_i64..5, 1..6),
        ) {
            let forward: Map<String, Value> =
                map.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            let backward: Map<String, Value> =
                map.iter().rev().map(|(k, v)| (k.clone(), json!(v))).collect();
            let a = Plan::new(parts("a1", Value::Object(forward.clone()))).unwrap();
            let b = Plan::new(parts("a1", Value::Object(backward))).unwrap();
            prop_assert_eq!(a.digest(), b.digest());
            let mut other = forward;
            for value in other.values_mut() {
                *value = json!(7);
            }
            let c = Plan::new(parts("a1", Value::Object(other))).unwrap();
            prop_assert_ne!(a.digest(), c.digest());
        }
    }
}
