//! `update_container`: changes limits and the restart policy of a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lifecycle::{self, Beside, Current, Facts, Notes};
use super::limits::{Cpus, Memory, RestartPolicy, swap_words};
use super::notes::{self, Rows, Run};
use super::outcome::{Expect, Told};
use super::verb::{Names, Verb};
use crate::core::grant::Granted;
use crate::core::operation::Spec;
use crate::core::reason::Fault;
use crate::core::text;
use crate::gate::Context;
use crate::ops::beside::UNCHECKED;
use crate::ops::units;
use crate::ports::engine::{Act, Acted, Asked, Container, Limits};

/// The operation.
#[derive(Debug)]
pub struct UpdateContainer;

/// Which container, and what to change of it.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Params {
    /// Name, full id or id prefix (at least 6 hex digits).
    #[schemars(length(min = 1, max = 129))]
    container: String,
    /// Memory limit: `512m`, `2g`; at least `6m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 20))]
    memory: Option<Memory>,
    /// Processor limit: `0.5`, `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 20))]
    cpus: Option<Cpus>,
    /// `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 20))]
    restart_policy: Option<RestartPolicy>,
}

impl Params {
    /// What is to change, where the limits are these now.
    fn limits(&self, now: &Current) -> Limits {
        Limits {
            memory_bytes: self.memory.map(|memory| memory.bytes),
            memory_swap_bytes: self.memory.map(|memory| now.swap_for(memory.bytes)),
            nano_cpus: self.cpus.map(|cpus| cpus.nanos),
            restart_policy: self.restart_policy.clone().map(|one| (one.name, one.tries)),
        }
    }
}

impl Names for Params {
    fn container(&self) -> &str {
        &self.container
    }

    fn check(&self) -> Result<(), Fault> {
        if self.memory.is_none() && self.cpus.is_none() && self.restart_policy.is_none() {
            return Err(Fault::invalid(
                "Nothing is to change: give at least one of `memory`, `cpus` and `restartPolicy`.",
            ));
        }
        Ok(())
    }
}

impl Verb for UpdateContainer {
    type Params = Params;

    const BESIDE: Beside = Beside { usage: true, ..Beside::NOTHING };

    fn spec() -> Spec {
        let spec = lifecycle::admin_spec(
            "update_container",
            "Change a container's limits",
            "Changes the memory limit, the processor limit or the restart policy of a container \
             while it runs. The swap limit follows the memory limit.",
        );
        Spec { since_api: Some("1.25"), ..spec }
    }

    fn facts(container: &Container) -> Facts {
        let mut facts = Facts::of(container);
        facts.limits = Some(Current::of(container));
        facts
    }

    async fn possible(
        _: Context<'_>,
        params: &Params,
        now: &Container,
        _: &str,
    ) -> Result<(), Fault> {
        let name = text::name(&now.name);
        let restarts = params.restart_policy.as_ref().is_some_and(|policy| policy.name != "no");
        if restarts && now.auto_remove {
            return Err(Fault::invalid(format!(
                "{name} was run with --rm, and an engine gives no restart policy to what is removed \
                 when it ends. Leave out `restartPolicy`."
            )));
        }
        let limits = Current::of(now);
        if params.cpus.is_some() && limits.has_quota() {
            return Err(Fault::invalid(format!(
                "{name} has {}, and an engine takes no other processor limit beside that. Leave out \
                 `cpus`; `docker update --cpu-quota` changes the quota.",
                limits.processors()
            )));
        }
        Ok(())
    }

    fn headline(params: &Params, notes: &Notes) -> String {
        let name = text::name(&notes.container.name);
        let mut parts = Vec::new();
        parts.extend(params.memory.map(|_| "memory limit"));
        parts.extend(params.cpus.map(|_| "processor limit"));
        parts.extend(params.restart_policy.as_ref().map(|_| "restart policy"));
        format!("Change the {} of {name}.", parts.join(", "))
    }

    fn bound(params: &Params, container: &Container) -> Rows {
        let now = Current::of(container);
        let mut rows = Rows::new();
        if let Some(memory) = params.memory {
            let (from, to) = (memory_words(now.memory_bytes), memory_words(memory.bytes));
            rows.push(("memory limit", format!("{from} -> {to}")));
            let to = swap_words(memory.bytes, now.swap_for(memory.bytes));
            let from = swap_words(now.memory_bytes, now.memory_swap_bytes);
            rows.push(("swap beside it", format!("{from} -> {to}")));
        }
        if let Some(cpus) = params.cpus {
            rows.push(("processors", format!("{} -> {cpus}", now.processors())));
        }
        if let Some(policy) = &params.restart_policy {
            let from = text::name(&now.restart_policy);
            let then = match policy.name.as_str() {
                "no" => "it stays down once it ends",
                "on-failure" => "it is started again if it ends with an error",
                "unless-stopped" => {
                    "it is started again whenever it ends, and when the engine starts if it was \
                     not stopped by hand"
                }
                _ => "it is started again whenever it ends, and when the engine starts",
            };
            rows.push(("restart policy", format!("{from} -> {policy}: {then}")));
        }
        rows
    }

    fn notes(params: &Params, notes: &Notes) -> Rows {
        let container = &notes.container;
        let now = Current::of(container);
        let mut rows = Rows::new();
        notes::swarm(&mut rows, container);
        if notes::run(container) != Run::Down {
            memory_use(&mut rows, params.memory, notes);
        }
        rows.push(("kept", "everything; it is not stopped for this".into()));
        let undo = match (params.memory, now.memory_bytes, params.cpus, now.nano_cpus) {
            (Some(_), 0, ..) | (_, _, Some(_), 0) => {
                "partly: a limit can be changed back, and not be taken away again"
            }
            _ => "the same with the old values",
        };
        rows.push(("undo", undo.into()));
        rows
    }

    fn act<'a>(
        act: &'a dyn Act,
        params: &'a Params,
        target: &'a Granted<'a>,
        facts: &'a Facts,
    ) -> Asked<'a, Acted> {
        let limits = params.limits(&facts.limits.clone().unwrap_or_default());
        Box::pin(async move { act.update(target, &limits).await })
    }

    fn expect(params: &Params, facts: &Facts) -> Option<Expect> {
        Some(Expect::Limited(params.limits(facts.limits.as_ref()?)))
    }

    fn told(params: &Params, name: &str) -> Told {
        Told {
            changed: format!("Updated {name}."),
            already: format!("Nothing was done to {name}."),
            expect: Expect::Limited(Limits {
                memory_swap_bytes: None,
                ..params.limits(&Current::default())
            }),
            shown: |container| {
                let now = Current::of(container);
                let memory = memory_words(now.memory_bytes);
                let policy = text::name(&now.restart_policy);
                let cpus = now.processors();
                vec![
                    ("memoryBytes", json!(now.memory_bytes), format!("memory limit {memory}")),
                    ("memorySwapBytes", json!(now.memory_swap_bytes), {
                        let swap = swap_words(now.memory_bytes, now.memory_swap_bytes);
                        format!("swap beside it {swap}")
                    }),
                    ("nanoCpus", json!(now.nano_cpus), format!("processors {cpus}")),
                    ("restartPolicy", json!(policy), format!("restart policy {policy}")),
                ]
            },
        }
    }
}

impl Current {
    /// Whether processors are limited by a quota or a period, beside which engines take no number
    /// of processors.
    const fn has_quota(&self) -> bool {
        self.nano_cpus == 0 && (self.cpu_quota > 0 || self.cpu_period > 0)
    }

    fn processors(&self) -> String {
        match (self.nano_cpus, self.has_quota()) {
            (1.., _) => Cpus { nanos: self.nano_cpus }.to_string(),
            (_, false) => "no limit".to_owned(),
            (_, true) => {
                let micros = |count: i64, none: &str| match count {
                    1.. => format!("{count} us"),
                    _ => none.to_owned(),
                };
                let quota = micros(self.cpu_quota, "any time");
                let period = micros(self.cpu_period, "the usual period");
                format!("a quota of {quota} in {period}")
            }
        }
    }

    /// The limit of memory and swap together that goes with a new limit of memory, without which
    /// engines refuse one above the old. Any amount of swap stays any; as much swap as memory, which
    /// is what engines take where nothing is said, stays that; every other amount stays the same.
    fn swap_for(&self, memory_bytes: i64) -> i64 {
        let (memory, both) = (self.memory_bytes, self.memory_swap_bytes);
        if both < 0 {
            -1
        } else if both == memory.saturating_mul(2) || both < memory {
            memory_bytes.saturating_mul(2)
        } else {
            memory_bytes.saturating_add(both - memory)
        }
    }
}

fn memory_use(rows: &mut Rows, wanted: Option<Memory>, notes: &Notes) {
    let Some(used) = notes.usage.as_ref().and_then(|usage| usage.memory_bytes) else {
        rows.push(("memory in use", UNCHECKED.into()));
        return;
    };
    let limit = wanted.and_then(|memory| u64::try_from(memory.bytes).ok());
    let tail = match limit {
        Some(limit) if limit < used => {
            ": MORE than the new limit; the engine refuses it, or processes are KILLED for lack of \
             memory"
        }
        Some(limit) if limit - used < limit / 5 => ": close to the new limit",
        _ => "",
    };
    rows.push(("memory in use", format!("{}{tail}", units::bytes(used))));
}

fn memory_words(bytes: i64) -> String {
    match u64::try_from(bytes) {
        Ok(0) | Err(_) => "none".to_owned(),
        Ok(bytes) => units::bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_follows_memory() {
        for ((memory, both), expected) in [
            ((0, 0), 200),
            ((50, 100), 200),
            ((50, 50), 100),
            ((50, 60), 110),
            ((50, -1), -1),
            ((0, -1), -1),
            ((50, 0), 200),
        ] {
            let now =
                Current { memory_bytes: memory, memory_swap_bytes: both, ..Current::default() };
            assert_eq!(now.swap_for(100), expected, "{memory} {both}");
        }
    }
}
