//! `tools`: every operation with its toolset, class, verdict and the engine API that it needs.

use serde_json::json;

use super::{Output, exit};
use crate::config::Config;
use crate::core::operation::Spec;
use crate::core::policy::{Policy, Query};
use crate::gate::Registry;

/// Prints the list. `all` holds every operation; where toolsets were named, only theirs are shown.
pub fn run(all: &Registry, policy: &Policy, config: &Config, json: bool, out: Output) -> u8 {
    let named = config.toolsets.source == "--toolsets";
    let shown = all.iter().map(|operation| &operation.spec);
    let rows: Vec<_> = shown.filter(|spec| !named || config.offers(spec)).collect();
    if !json {
        let header = ["NAME", "TOOLSET", "CLASS", "OFFERED", "ENGINE API", "VERDICT"];
        out.data(line(&header));
    }
    for spec in rows {
        let offered = config.offers(spec) && !(config.read_only.value && spec.class.is_change());
        let verdict = verdict(policy, config, spec);
        let api = spec.since_api.unwrap_or("-");
        if json {
            out.json(&json!({
                "name": spec.name, "title": spec.title, "toolset": spec.toolset,
                "class": spec.class, "offered": offered, "verdict": verdict, "engineApi": api,
            }));
        } else {
            let offered = if offered { "yes" } else { "no" };
            let class = spec.class.as_str();
            out.data(line(&[&spec.name, spec.toolset, class, offered, api, &verdict]));
        }
    }
    exit::DONE
}

fn line([name, toolset, class, offered, api, verdict]: &[&str; 6]) -> String {
    format!("{name:22}  {toolset:16}  {class:9}  {offered:7}  {api:10}  {verdict}")
}

/// The verdict; where it depends on the target or the time, from the least restrictive to the most.
fn verdict(policy: &Policy, config: &Config, spec: &Spec) -> String {
    if config.read_only.value && spec.class.is_change() {
        return "deny (read_only)".into();
    }
    let unknown = Query::unknown(spec);
    if let Some(denied) = policy.refuses_all(&unknown) {
        return format!("{} ({})", denied.effect().as_str(), denied.rule());
    }
    let (least, most) = (policy.least(&unknown), policy.decide(&unknown));
    if least == most.effect() {
        return format!("{} ({})", least.as_str(), most.rule());
    }
    format!("{} to {} ({})", least.as_str(), most.effect().as_str(), most.rule())
}
