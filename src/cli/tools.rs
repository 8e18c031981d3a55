//! `tools`: every operation with its toolset, class, verdict and the engine API that it needs.

use serde_json::{Value, json};

use super::{Output, exit};
use crate::config::Config;
use crate::core::operation::Spec;
use crate::core::policy::{Effect, Match, NO_MATCH, Policy, Query};
use crate::gate::Registry;
use crate::ops::table::table;

/// Rules that are named for each verdict in the table; `--json` names all.
const RULES_SHOWN: usize = 4;

/// What the verdict on an operation can be, of whose request nothing is known.
struct Range {
    /// From the least restrictive to the most: each effect with the rules that say so.
    steps: Vec<(Effect, Vec<String>)>,
}

/// Prints the list. `all` holds every operation; where toolsets were named, only theirs are shown.
pub fn run(all: &Registry, policy: &Policy, config: &Config, json: bool, out: Output) -> u8 {
    let named = config.toolsets.source == "--toolsets";
    let shown = all.iter().map(|operation| &operation.spec);
    let mut rows = Vec::new();
    for spec in shown.filter(|spec| !named || config.offers(spec)) {
        let range = range(policy, config, spec);
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
fn range(policy: &Policy, config: &Config, spec: &Spec) -> Range {
    if config.read_only.value && spec.class.is_change() {
        return Range::denied("read_only");
    }
    let unknown = Query::unknown(spec);
    if let Some(denied) = policy.refuses_all(&unknown) {
        return Range::denied(denied.rule());
    }
    let (least, most) = (policy.least(&unknown), policy.decide(&unknown));
    let account: Vec<_> = policy.account(&unknown).into_iter().flatten().collect();
    let says = |effect: Effect| {
        let possible = account
            .iter()
            .filter(|part| part.rule.effect == effect && part.stands != Match::Cannot);
        let mut rules: Vec<String> = possible.map(|part| part.rule.id.to_string()).collect();
        if effect == most.effect() && most.rule() == NO_MATCH {
            rules.push(NO_MATCH.to_owned());
        }
        (effect, rules)
    };
    let between = Effect::ALL.into_iter().filter(|e| (least..=most.effect()).contains(e));
    Range { steps: between.map(says).filter(|(_, rules)| !rules.is_empty()).collect() }
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
