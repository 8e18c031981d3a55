//! `policy explain`: why a request gets its verdict. The request is a real one, asked of the engine
//! as the gate would ask it; or one that the audit log knows; or one that is made up.

mod parts;
mod then;

use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value, json};

use super::words::shown;
use super::{Desk, Stop};
use crate::cli::{Output, arguments, call, exit};
use crate::config::{self, Config};
use crate::core::operation::Spec;
use crate::core::policy::{History, Policy, Query, Verdict};
use crate::core::reason::{Fault, Reason};
use crate::core::record::second;
use crate::gate::{Gate, Parts, Registry, Settings};
use crate::ops;
use crate::ports::Fixed;

/// What to explain.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// The operation's name
    #[arg(value_name = "OPERATION", required_unless_present = "req")]
    operation: Option<String>,
    /// The target, such as a container's name or id, and further arguments as key=value
    #[arg(value_name = "TARGET|KEY=VALUE")]
    words: Vec<String>,
    /// The arguments, as a JSON object
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Ask no engine: the request is made up, of what the `given` of a [[test]] takes
    #[arg(long, value_name = "KEY=VALUE", num_args = 0.., conflicts_with_all = ["words", "args"])]
    given: Option<Vec<String>>,
    /// A request of the audit log, by its `req`
    #[arg(long, value_name = "ID", conflicts_with_all = ["operation", "words", "args", "given"])]
    req: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ExplainArgs {
    pub(super) const EXAMPLES: &str = "\
Examples:
  countersign policy explain stop_container web timeout=5
  countersign policy explain restart_container --given label.env=prod at=2026-01-31T22:00:00Z
  countersign policy explain --req 9f3a0c5d11e2b7a4

A rule matches where all of its `match` and `when` say yes and its `unless` do not all say yes. What \
is not known counts against the request. Nothing is executed or recorded.";
}

/// A request with what is known of it, and what policy says of it.
struct Case<'a> {
    policy: &'a Policy,
    query: Query<'a>,
    /// Its arguments as they may be shown: without secrets.
    shown: Option<&'a Map<String, Value>>,
    verdict: Verdict,
    /// What the reader should know of it.
    notes: Vec<String>,
}

/// Explains.
pub(super) async fn run(desk: &Desk<'_>, args: &ExplainArgs, out: Output) -> Result<u8, Stop> {
    let config = desk.config()?;
    match (&args.req, &args.operation, &args.given) {
        (Some(req), ..) => recorded(desk, &config, req, args.json, out).await?,
        (None, Some(operation), Some(given)) => {
            supposed(desk, &config, operation, given, args.json, out)?;
        }
        (None, Some(operation), None) => asked(desk, &config, operation, args, out).await?,
        (None, None, _) => {
            return Err(Fault::invalid("Name an operation, or a request with --req.").into());
        }
    }
    Ok(exit::DONE)
}

/// A request that could be made now.
async fn asked(
    desk: &Desk<'_>,
    config: &Config,
    name: &str,
    args: &ExplainArgs,
    out: Output,
) -> Result<(), Fault> {
    let gate = Gate::new(parts(desk, config)?);
    let operation = gate.registry().find(name)?;
    let arguments = arguments::read(Some(operation), &args.words, args.args.as_deref())
        .map_err(Fault::invalid)?;
    let weighed = gate.weigh(&call::caller(), name, arguments).await?;
    let spec = &operation.spec;
    let case = Case {
        policy: &weighed.policy,
        query: weighed.query(),
        shown: Some(&weighed.recorded),
        verdict: weighed.verdict.clone(),
        notes: weighed.supposed.clone().into_iter().chain(switched_off(config, spec)).collect(),
    };
    print(&case, None, args.json, out);
    Ok(())
}

/// A request that nobody makes, of what a test would say of it.
fn supposed(
    desk: &Desk<'_>,
    config: &Config,
    name: &str,
    words: &[String],
    json: bool,
    out: Output,
) -> Result<(), Stop> {
    let vocabulary = &desk.origin.vocabulary;
    let known = every().find(name)?.known();
    let given = config::given(name, words, vocabulary)?;
    let (targets, arguments) = (given.targets(&known.spec), given.arguments(&known));
    let history = History::assumed(given.count);
    let query = Query {
        class: Some(given.class.unwrap_or(known.spec.class)),
        arguments: Some(&arguments),
        client: Some(given.client.as_deref()),
        targets: Some(&targets),
        now: given.at,
        history: Some(&history),
        ..Query::unknown(&known.spec)
    };
    let (policy, notes) = (&config.policy, switched_off(config, &known.spec));
    let (shown, verdict) = (query.arguments, policy.decide(&query));
    print(&Case { policy, query, shown, verdict, notes }, None, json, out);
    Ok(())
}

/// A request that was made, as of then, under the policy of today.
async fn recorded(
    desk: &Desk<'_>,
    config: &Config,
    req: &str,
    json: bool,
    out: Output,
) -> Result<(), Fault> {
    let dir = &config.audit_dir.value;
    let (then, policy) = (then::find(dir, req)?, &config.policy);
    let gate = Gate::new(Parts { clock: then.clock(), ..parts(desk, config)? });
    let operation = gate.registry().find(&then.operation).inspect_err(|_| {
        if !json {
            then.print(policy, out);
        }
    })?;
    let found = gate.weigh(&then.caller, &then.operation, then.arguments.clone()).await;
    let history = then::history(dir, policy, &operation.spec, &then)?;
    let mut notes = switched_off(config, &operation.spec);
    let masked = then.masked();
    if !masked.is_empty() {
        notes.push(format!(
            "The log keeps something else than what was given in {}: what rules ask of that may be \
             answered otherwise than then.",
            masked.join(", ")
        ));
    }
    let query = match &found {
        Ok(weighed) => {
            notes.extend(weighed.supposed.clone());
            weighed.query()
        }
        Err(fault) => {
            notes.push(format!("What it acts on is not known now: {}", fault.message));
            let readable = fault.reason != Reason::InvalidArgument;
            Query {
                arguments: readable.then_some(&then.arguments),
                ..Query::unknown(&operation.spec)
            }
        }
    };
    let query = Query {
        class: then.class.or(query.class),
        client: Some(then.caller.client.as_deref()),
        now: Some(then.at),
        history: Some(&history),
        ..query
    };
    let verdict = policy.refuses_all(&query).unwrap_or_else(|| policy.decide(&query));
    // The log holds no more than may be shown.
    print(&Case { policy, query, shown: query.arguments, verdict, notes }, Some(&then), json, out);
    Ok(())
}

/// A gate over every operation, under the policy that was just read. That some operations are
/// switched off is no matter of policy.
fn parts(desk: &Desk<'_>, config: &Config) -> Result<Parts, Fault> {
    let parts = (desk.parts)(config)?;
    Ok(Parts {
        registry: every(),
        policies: Arc::new(Fixed::from(Arc::clone(&config.policy))),
        settings: Settings { read_only: false, ..parts.settings },
        ..parts
    })
}

fn every() -> Registry {
    Registry::new(ops::ALL, |_| true)
}

/// What refuses the operation here before policy is asked.
fn switched_off(config: &Config, spec: &Spec) -> Vec<String> {
    let mut notes = Vec::new();
    if config.read_only.value && spec.class.is_change() {
        let source = shown(&config.read_only.source);
        notes.push(format!("Changes are switched off here (read_only by {source})."));
    }
    if !config.offers(spec) {
        notes.push(format!("The toolset `{}` is not offered here.", spec.toolset));
    }
    notes
}

fn print(case: &Case<'_>, then: Option<&then::Then>, json: bool, out: Output) {
    let Case { policy, query, shown: arguments, verdict, notes } = case;
    if json {
        out.json(&json!({
            "operation": query.spec.name,
            "verdict": verdict.effect(),
            "rule": verdict.rule(),
            "reason": verdict.reason(),
            "takes": verdict.asks(),
            "takesBy": parts::takes(case).map(|(_, rules)| rules),
            "class": query.class,
            "policy": policy.digest(),
            "at": query.now.map(second),
            "arguments": arguments,
            "client": query.client.flatten(),
            "then": then.map(|then| then.as_json(policy)),
            "notes": notes,
            "targets": parts::as_json(case),
        }));
        return;
    }
    if let Some(then) = then {
        then.print(policy, out);
    }
    let effect = verdict.effect().as_str();
    let class = match query.class {
        Some(class) => format!("class {class}"),
        None if query.spec.class == query.spec.ceiling => format!("class {}", query.spec.class),
        None => format!("class {} to {}", query.spec.class, query.spec.ceiling),
    };
    let rule = verdict.rule();
    out.data(format!("{}: {} ({class}, rule `{rule}`)", query.spec.name, out.paint(effect)));
    if let Some(reason) = verdict.reason() {
        out.data(format!("Reason: {}", shown(reason)));
    }
    if let Some((takes, rules)) = parts::takes(case) {
        let by = if rules.is_empty() { "as usual".into() } else { rules.join(", ") };
        out.data(format!("Takes: {takes} ({by})"));
    }
    for note in notes {
        out.data(format!("Note: {}", shown(note)));
    }
    parts::print(case, out);
    let at = query.now.map(|now| format!(", at {}", second(now))).unwrap_or_default();
    out.data(format!("{} rules, policy {}{at}", policy.rules().len(), policy.digest()));
}
