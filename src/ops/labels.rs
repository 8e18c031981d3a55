//! Labels: what policy may ask about what carries them, and which ones a caller may give.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::containers::target::PROJECT;
use crate::core::reason::Fault;
use crate::core::redact::Redactor;
use crate::core::text;

/// Labels that one call gives, at most.
const LABELS_MAX: usize = 32;

/// A label's name in characters, at most.
const KEY_CHARS_MAX: usize = 128;

/// A label's value in characters, at most.
const VALUE_CHARS_MAX: usize = 512;

/// What others go by, and what we do: such labels say where a thing comes from.
const RESERVED: [&str; 3] = ["com.docker.", "io.podman.compose.", "countersign."];

/// Of these, those by which others take a container for one of theirs.
const MEMBERSHIP: [&str; 4] =
    ["com.docker.compose.", "com.docker.stack.", "com.docker.swarm.", "io.podman.compose."];

/// The label of what a swarm made for a stack. Its value is the stack's name.
pub(super) const STACK: &str = "com.docker.stack.namespace";

/// What the labels of a swarm's own containers begin with.
const SWARM: &str = "com.docker.swarm.";

/// The label that says that a thing was made through here, and by which operation.
pub(super) const CREATED_BY: &str = "countersign.created-by";

/// Labels as a caller gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": LABELS_MAX,
            "propertyNames": {"minLength": 1, "maxLength": KEY_CHARS_MAX},
            "additionalProperties": {"type": "string", "maxLength": VALUE_CHARS_MAX},
        })
    }
}

impl Labels {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be given: these labels, and the one that says which operation gave them.
    ///
    /// # Errors
    /// `invalid_argument` for too many or too long ones, and for names that others go by.
    pub(super) fn checked(&self, operation: &str) -> Result<BTreeMap<String, String>, Fault> {
        if self.0.len() > LABELS_MAX {
            return Err(Fault::invalid(format!("`labels` takes at most {LABELS_MAX} labels.")));
        }
        for (key, value) in &self.0 {
            check(key, value)?;
        }
        let ours = (CREATED_BY.to_owned(), operation.to_owned());
        Ok(self.0.clone().into_iter().chain([ours]).collect())
    }

    /// Each of them, for a preview. What looks like a secret is hidden, and so is what these
    /// variables hold.
    pub(super) fn rows(&self, env: &[String]) -> Vec<(&'static str, String)> {
        let shown = Redactor::new(env).labels(&self.0);
        if shown.is_empty() {
            return vec![("labels", "none".to_owned())];
        }
        let line = |text: &str| text::line(text, VALUE_CHARS_MAX);
        shown
            .iter()
            .map(|(key, value)| ("label", format!("{}={}", line(key), line(value))))
            .collect()
    }

    /// What the log keeps of them: as [`Self::rows`] shows them.
    pub(super) fn recorded(&self, env: &[String]) -> Value {
        json!(BTreeMap::from_iter(Redactor::new(env).labels(&self.0)))
    }
}

fn check(key: &str, value: &str) -> Result<(), Fault> {
    let too_long = |text: &str, max| text.chars().count() > max;
    let named = text::name(key);
    if key.is_empty() || too_long(key, KEY_CHARS_MAX) || key.chars().any(odd) {
        return Err(Fault::invalid(format!(
            "`{named}` is no name of a label: use 1 to {KEY_CHARS_MAX} characters without blanks and \
             `=`."
        )));
    }
    if too_long(value, VALUE_CHARS_MAX) || value.chars().any(text::is_hidden) {
        return Err(Fault::invalid(format!(
            "The value of the label `{named}` must be at most {VALUE_CHARS_MAX} visible characters."
        )));
    }
    if let Some(owner) = RESERVED.iter().find(|owner| key.starts_with(**owner)) {
        return Err(Fault::invalid(format!(
            "The label `{named}` cannot be given here: others believe what labels of `{owner}*` \
             say. Use a name of your own."
        )));
    }
    Ok(())
}

fn odd(c: char) -> bool {
    c == '=' || c.is_whitespace() || text::is_hidden(c)
}

/// The first of labels that makes a container pass for one of a project, a stack or a swarm.
pub(super) fn membership(labels: &BTreeMap<String, String>) -> Option<&String> {
    labels.keys().find(|key| MEMBERSHIP.iter().any(|owner| key.starts_with(owner)))
}

/// Whether a swarm made a container with these labels: it would make another in its place.
pub(super) fn is_of_swarm(labels: &BTreeMap<String, String>) -> bool {
    labels.contains_key(STACK) || labels.keys().any(|key| key.starts_with(SWARM))
}

/// What policy may ask about a thing with these labels.
pub(super) fn attributes(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let all = labels.iter().map(|(key, value)| (format!("label.{key}"), value.clone()));
    let project = labels.get(PROJECT).map(|project| ("project".to_owned(), project.clone()));
    all.chain(project).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Labels {
        Labels(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn labels_that_others_believe_are_refused() {
        for good in ["env", "com.example.owner", "com.dockerless", "countersign", "a/b:c"] {
            let labels = given(&[(good, "x")]).checked("create_volume").unwrap();
            assert_eq!(labels[good], "x");
            assert_eq!(labels[CREATED_BY], "create_volume");
        }
        for bad in [
            "com.docker.compose.project",
            "com.docker.stack.namespace",
            "com.docker.volume.anonymous",
            "io.podman.compose.project",
            "countersign.created-by",
            "countersign.x",
            "",
            "a b",
            "a=b",
            "a\u{202e}b",
            &"x".repeat(129),
        ] {
            assert!(given(&[(bad, "x")]).checked("create_volume").is_err(), "{bad}");
        }
        assert!(given(&[("a", &"x".repeat(512))]).checked("x").is_ok());
        assert!(given(&[("a", &"x".repeat(513))]).checked("x").is_err());
        assert!(given(&[("a", "b\u{1b}")]).checked("x").is_err());
        let many =
            |count: usize| Labels((0..count).map(|i| (format!("k{i}"), "v".into())).collect());
        assert!(many(32).checked("x").is_ok() && many(33).checked("x").is_err());
        assert_eq!(many(32).rows(&[]).len(), 32);
        assert_eq!(given(&[]).rows(&[]), [("labels", "none".to_owned())]);
    }

    #[test]
    fn values_are_shown_unless_they_look_secret() {
        let labels = given(&[
            ("api_token", "x"),
            ("build", "8c1f0ab2d94e7766"),
            ("dsn", "v1"),
            ("env", "prod"),
            ("owner", "team a, team b"),
            ("stage", "hunter2-x"),
        ]);
        let env = ["PASSWORD=hunter2-x".to_owned()];
        let expected = [
            "api_token=(hidden)",
            "build=(hidden)",
            "dsn=(hidden)",
            "env=prod",
            "owner=team a, team b",
            "stage=(hidden)",
        ];
        let shown: Vec<String> = labels.rows(&env).into_iter().map(|(_, row)| row).collect();
        assert_eq!(shown, expected);
        let recorded = labels.recorded(&env);
        assert_eq!((&recorded["env"], &recorded["stage"]), (&json!("prod"), &json!("(hidden)")));
        let plain = given(&[("env", "prod")]);
        assert_eq!(plain.recorded(&[]), json!(plain), "what hides nothing is not sealed");
    }

    #[test]
    fn labels_that_make_a_member_are_found() {
        let of = |key: &str| membership(&BTreeMap::from([(key.to_owned(), "x".into())])).cloned();
        for key in ["com.docker.compose.project", "com.docker.swarm.x", "io.podman.compose.service"]
        {
            assert_eq!(of(key).as_deref(), Some(key));
        }
        for key in ["com.docker.compose", "com.docker.extension.x", "countersign.test", "x"] {
            assert_eq!(of(key), None, "{key}");
        }
    }
}
