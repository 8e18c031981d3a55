//! `tools`: every operation with its toolset, class, verdict and the engine API that it needs; or
//! one of them with its arguments.

use clap::Args;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{Output, exit};
use crate::config::Config;
use crate::core::operation::Spec;
use crate::core::policy::{
    Effect, Known, Level, Match, NO_MATCH, Policy, Query, RELOAD_BUDGET, Rule, Vocabulary, widens,
};
use crate::gate::{Operation, Registry, TOKEN_ARGUMENT};
use crate::ops::table::table;

/// Rules that are named for each verdict in the table; `--json` names all.
const RULES_SHOWN: usize = 4;

/// What to list.
#[derive(Clone, Debug, Args)]
pub struct ToolsArgs {
    /// One operation: what it does, and its arguments
    #[arg(value_name = "TOOL")]
    operation: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the verdict on an operation can be, of whose request nothing is known.
struct Range {
    /// From the least restrictive to the most: each effect with the rules that say so.
    steps: Vec<(Effect, Vec<String>)>,
}

/// Prints the list, or one operation. `all` holds every operation; where toolsets were named, only
/// theirs are listed.
pub fn run(
    all: &Registry,
    config: &Config,
    now: OffsetDateTime,
    ToolsArgs { operation, json }: ToolsArgs,
    out: Output,
) -> u8 {
    if let Some(name) = operation {
        return match all.find(&name) {
            Ok(operation) => {
                one(operation, &range(config, &operation.known(), now), config, json, out)
            }
            Err(fault) => {
                out.message(format!("countersign: {}", fault.message));
                fault.reason.exit_code()
            }
        };
    }
    let vocabulary = all.vocabulary();
    let named = config.toolsets.source == "--toolsets";
    let shown = vocabulary.operations().iter();
    let mut rows = Vec::new();
    for known in shown.filter(|known| !named || config.offers(&known.spec)) {
        let (spec, range) = (&known.spec, range(config, known, now));
        let offered = config.offers(spec) && !range.is_refused();
        if json {
            out.json(&as_json(spec, offered, &range));
        } else {
            rows.push([
                spec.name.clone().into_owned(),
                spec.toolset.to_owned(),
                spec.class.as_str().to_owned(),
                if offered { "yes" } else { "no" }.to_owned(),
                spec.since_api.unwrap_or("-").to_owned(),
                range.in_words(),
            ]);
        }
    }
    if !json {
        let heading = ["NAME", "TOOLSET", "CLASS", "OFFERED", "ENGINE API", "VERDICT"];
        out.data(table(heading, &rows).trim_end());
    }
    exit::DONE
}

/// Prints one operation.
fn one(operation: &Operation, range: &Range, config: &Config, json: bool, out: Output) -> u8 {
    let Operation { spec, schema, .. } = operation;
    let offered = config.offers(spec) && !range.is_refused();
    if json {
        let mut value = as_json(spec, offered, range);
        if let Value::Object(map) = &mut value {
            map.insert("inputSchema".into(), Value::Object(schema.clone()));
        }
        out.json(&value);
        return exit::DONE;
    }
    let offered = if offered { "offered" } else { "not offered" };
    out.data(format!("{} (class {}, toolset {}, {offered})", spec.name, spec.class, spec.toolset));
    out.data(&spec.summary);
    out.data(format!("Verdict: {}", range.in_words()));
    let rows = arguments(schema);
    if !rows.is_empty() {
        let table = table(["ARGUMENT", "AS", "DEFAULT", ""], &rows);
        out.data(format!("\n{}", table.trim_end()));
    }
    exit::DONE
}

/// The arguments, but the token: no shell needs that.
fn arguments(schema: &Map<String, Value>) -> Vec<[String; 4]> {
    let required = schema.get("required").and_then(Value::as_array);
    let needed = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let row = |(name, declared): (&String, &Value)| {
        let of = |key: &str| declared.get(key);
        let default = match of("default") {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None if needed(name) => "(needed)".to_owned(),
            None => "-".to_owned(),
        };
        let words = of("enum").and_then(Value::as_array);
        let words = words.map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>());
        let form = match (words, of("type").and_then(Value::as_str)) {
            (Some(words), _) => words.join("|"),
            (None, Some("array")) => format!("'{name}=[\"...\", \"...\"]'"),
            (None, Some("object")) => format!("'{name}={{\"...\": \"...\"}}'"),
            (None, Some("boolean")) => "true|false".to_owned(),
            (None, Some("integer")) => "number".to_owned(),
            _ => "text".to_owned(),
        };
        let about = of("description").and_then(Value::as_str).unwrap_or_default();
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        [name.clone(), form, default, about]
    };
    properties.filter(|(name, _)| *name != TOKEN_ARGUMENT).map(row).collect()
}

fn as_json(spec: &Spec, offered: bool, range: &Range) -> Value {
    let rules: Vec<Value> = range
        .steps
        .iter()
        .flat_map(|(effect, rules)| rules.iter().map(move |id| json!({"effect": effect, "id": id})))
        .collect();
    json!({
        "name": spec.name, "title": spec.title, "toolset": spec.toolset, "kinds": kinds(spec),
        "class": spec.class, "ceiling": spec.ceiling, "offered": offered,
        "verdict": range.in_words(),
        "least": range.steps.first().map(|(effect, _)| effect),
        "most": range.steps.last().map(|(effect, _)| effect),
        "rules": rules, "engineApi": spec.since_api.unwrap_or("-"),
    })
}

fn kinds(spec: &Spec) -> Vec<&'static str> {
    spec.kinds.iter().map(|kind| kind.name).collect()
}

/// What the verdict can be, depending on the target, the time and whatever else is not known.
fn range(config: &Config, known: &Known, now: OffsetDateTime) -> Range {
    let (policy, spec) = (&config.policy, &known.spec);
    if config.read_only.value && spec.class.is_change() {
        return Range::denied("read_only");
    }
    let unknown = Query::unknown(spec);
    if let Some(denied) = policy.refuses_all(&unknown) {
        return Range::denied(denied.rule());
    }
    let (least, most) = (policy.least(&unknown), policy.decide(&unknown));
    let unmatched = most.rule() == NO_MATCH && lacks(policy, known, now);
    let account: Vec<_> = policy.account(&unknown).into_iter().flatten().collect();
    let says = |effect: Effect| {
        let possible = account
            .iter()
            .filter(|part| part.rule.effect == effect && part.stands != Match::Cannot);
        let mut rules: Vec<String> = possible.map(|part| part.rule.id.to_string()).collect();
        if effect == most.effect() && unmatched {
            rules.push(NO_MATCH.to_owned());
        }
        (effect, rules)
    };
    let between = Effect::ALL.into_iter().filter(|e| (least..=most.effect()).contains(e));
    Range { steps: between.map(says).filter(|(_, rules)| !rules.is_empty()).collect() }
}

/// Whether some request of the operation may be denied because nothing permits it: one more rule that
/// allows everything would then widen the policy.
fn lacks(policy: &Policy, known: &Known, now: OffsetDateTime) -> bool {
    let mut rules = policy.rules().to_vec();
    rules.push(Rule::new(NO_MATCH, Effect::Allow, Level::User, Vec::new()));
    let vocabulary = Vocabulary::new(vec![known.clone()]);
    widens(policy, &Policy::new(rules), &vocabulary, now, RELOAD_BUDGET)
}

impl Range {
    fn denied(rule: &str) -> Self {
        Self { steps: vec![(Effect::Deny, vec![rule.to_owned()])] }
    }

    /// Whether it is denied, whatever is found.
    fn is_refused(&self) -> bool {
        self.steps.first().is_some_and(|(least, _)| *least == Effect::Deny)
    }

    fn in_words(&self) -> String {
        let step = |(effect, rules): &(Effect, Vec<String>)| {
            let mut named: Vec<&str> = rules.iter().take(RULES_SHOWN).map(String::as_str).collect();
            let more = rules.len().saturating_sub(RULES_SHOWN);
            let more = (more > 0).then(|| format!("{more} more"));
            named.extend(more.as_deref());
            format!("{} ({})", effect.as_str(), named.join(", "))
        };
        self.steps.iter().map(step).collect::<Vec<_>>().join(" to ")
    }
}
