//! `check_policy`: what the gate would say of a request, without asking for it.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::core::operation::Spec;
use crate::core::plan::Target;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::{Context, Read, Render, arguments, unread};
use crate::ports::Judgement;

/// The operation.
#[derive(Debug)]
pub struct CheckPolicy;

/// The request in question.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The operation's name, such as `restart_container`.
    #[schemars(length(min = 1, max = 64))]
    operation: String,
    /// Its arguments, as that operation takes them.
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// Without the arguments, which can hold secrets.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// What was found out about it.
#[derive(Debug)]
pub struct Checked {
    operation: String,
    judgement: Judgement,
}

impl Render for Checked {
    fn text(&self) -> String {
        let Judgement { effect, rule, reason, policy: _, class, targets, supposed, way } =
            &self.judgement;
        let mut out = format!("{}: {effect} (class {class}, rule `{rule}`)\n", self.operation);
        if let Some(reason) = reason {
            // Writing to a String cannot fail.
            writeln!(out, "Reason: {reason}").unwrap_or_default();
        }
        if let Some(why) = supposed {
            writeln!(out, "Note: {why}").unwrap_or_default();
        }
        for target in targets {
            writeln!(
                out,
                "Target: {} {} (id {})",
                target.kind,
                text::name(&target.name),
                target.id
            )
            .unwrap_or_default();
        }
        write!(out, "{way} Nothing was executed.").unwrap_or_default();
        out
    }

    fn data(&self) -> Value {
        let Judgement { effect, rule, reason, policy: _, class, targets, supposed, way } =
            &self.judgement;
        let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        let mut data = json!({
            "operation": self.operation, "verdict": effect, "rule": rule, "reason": reason,
            "class": class, "targets": ids, "way": way,
        });
        if let (Some(why), Some(map)) = (supposed, data.as_object_mut()) {
            map.insert("note".into(), json!(why));
        }
        data
    }

    fn record(&self) -> Value {
        let Judgement { effect, rule, policy, class, .. } = &self.judgement;
        json!({"verdict": effect, "rule": rule, "policy": policy, "class": class})
    }
}

impl Read for CheckPolicy {
    type Params = Params;
    type Output = Checked;

    fn spec() -> Spec {
        Spec::read(
            "check_policy",
            "Check the policy",
            "Says what the policy's verdict on a request would be, by which rule and why, \
             and how to get permission. Executes nothing.",
            "core",
        )
    }

    fn recorded(params: &Params) -> Map<String, Value> {
        let mut recorded = arguments(params);
        recorded.insert("arguments".into(), unread(&params.arguments));
        recorded
    }

    async fn read(cx: Context<'_>, params: &Params, _: &[Target]) -> Result<Checked, Fault> {
        let Params { operation, arguments } = params;
        let judgement = cx.judge.judge(cx.caller, operation, arguments.clone()).await?;
        Ok(Checked { operation: text::name(operation), judgement })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_in_question_are_recorded_by_name_and_size() {
        let secret = json!({"operation": "restart_container",
            "arguments": {"container": "web", "confirmToken": "0123456789abcdef"}});
        let params: Params = serde_json::from_value(secret).unwrap();
        let recorded = Value::Object(CheckPolicy::recorded(&params));
        assert_eq!(recorded["operation"], "restart_container");
        let names = recorded["arguments"]["unread"]["names"].as_array().unwrap();
        assert!(names.contains(&json!("container")), "{recorded}");
        assert!(!recorded.to_string().contains("0123456789abcdef"), "{recorded}");
        assert!(!format!("{params:?}").contains("0123456789abcdef"));
    }
}
