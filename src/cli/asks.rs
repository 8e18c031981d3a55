//! `asks`: what waits for a person, and one ask as its approver should see it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Output, exit};
use crate::core::approval::Approval;
use crate::core::ask::{Ask, AskId, Document};
use crate::core::plan::Plan;
use crate::core::reason::Fault;
use crate::core::record::timestamp;
use crate::core::text;
use crate::gate::{Approvals, Opened};
use crate::ops::table::table;
use crate::ops::when::{ago, second};
use crate::ports::asks::{Listed, Told};

/// Asks that are listed.
const LISTED_MAX: usize = 100;

/// Characters of a line of what is shown.
const LINE_CHARS_MAX: usize = 2000;

/// Characters of a preview that is shown.
const PREVIEW_CHARS_MAX: usize = 100_000;

/// The arguments of `asks`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AsksArgs {
    #[command(subcommand)]
    verb: Option<AsksVerb>,
    /// List those that are decided or spent as well
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to do with asks.
#[derive(Clone, Debug, Subcommand)]
pub enum AsksVerb {
    /// Show one ask: what would be done, to what, for whom
    #[command(after_help = "Examples:\n  countersign asks show K7Q2-M4XD\n  \
                            countersign asks show K7Q2-M4XD --document > ask\n\nOn another machine: \
                            ssh-keygen -Y sign -n countersign-approval -f KEY ask")]
    Show {
        /// The ask's id
        id: String,
        /// Print the document that is signed, byte by byte
        #[arg(long)]
        document: bool,
        /// Print JSON
        #[arg(long, conflicts_with = "document")]
        json: bool,
    },
}

/// The id that a person typed.
pub(super) fn id(typed: &str) -> Result<AskId, Fault> {
    AskId::parse(typed).ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is no id of an ask, such as K7Q2-M4XD. `countersign asks` lists them.",
            text::name(typed)
        ))
    })
}

/// Does it.
pub(super) async fn run(approvals: &Approvals, args: AsksArgs, out: Output) -> u8 {
    let now = approvals.turns.clock.now();
    let done = match args.verb {
        None => list(approvals, args.all, args.json, now, out).await,
        Some(AsksVerb::Show { id: typed, document, json }) => {
            show(approvals, &typed, document, json, now, out).await
        }
    };
    done.map_or_else(
        |fault| {
            out.message(format!("countersign: {}", fault.message));
            fault.reason.exit_code()
        },
        |()| exit::DONE,
    )
}

async fn list(
    approvals: &Approvals,
    all: bool,
    json: bool,
    now: OffsetDateTime,
    out: Output,
) -> Result<(), Fault> {
    let (mut asks, broken) = approvals.list(!all, LISTED_MAX + 1).await?;
    // What says that it is approved, and is not, is not listed as that.
    let state = |ask: &Listed| match broken.contains(&ask.id) {
        true => "broken".to_owned(),
        false => ask.state.to_string(),
    };
    let more = asks.len() > LISTED_MAX;
    asks.truncate(LISTED_MAX);
    if json {
        for ask in &asks {
            out.json(&as_json(ask, state(ask)));
        }
        return Ok(());
    }
    if asks.is_empty() {
        out.data(if all { "There are no asks." } else { "Nothing waits for a person." });
        return Ok(());
    }
    // The newest stands last, as everywhere.
    let rows: Vec<[String; 7]> = asks.iter().rev().map(|ask| row(ask, state(ask), now)).collect();
    let heading = ["ASK", "STATE", "OPERATION", "ACTS ON", "UID", "ASKED", "UNTIL"];
    out.data(table(heading, &rows).trim_end());
    if more {
        out.data(format!("... the newest {LISTED_MAX}; older ones are left out"));
    }
    Ok(())
}

fn as_json(ask: &Listed, state: String) -> Value {
    let Listed { id, operation, about, uid, made, expires, state: _ } = ask;
    json!({
        "ask": id, "state": state, "operation": operation, "about": text::name(about), "uid": uid,
        "made": timestamp(*made), "expires": timestamp(*expires),
    })
}

fn row(ask: &Listed, state: String, now: OffsetDateTime) -> [String; 7] {
    let Listed { id, operation, about, uid, made, expires, state: _ } = ask;
    let (operation, about) = (text::name(operation), text::name(about));
    let (asked, until) = (ago(*made, now), second(*expires));
    [id.to_string(), state, operation, about, uid.to_string(), asked, until]
}

async fn show(
    approvals: &Approvals,
    typed: &str,
    document: bool,
    json: bool,
    now: OffsetDateTime,
    out: Output,
) -> Result<(), Fault> {
    let opened = approvals.open(id(typed)?).await?;
    if document && out.is_read() {
        return Err(Fault::invalid(
            "The document is for signing, byte by byte, and may hold what a terminal obeys. Send it to \
             a file: --document > FILE.",
        ));
    }
    let told = approvals.told(&opened).await;
    if document {
        out.bytes(opened.ask.document.as_bytes());
    } else if json {
        let Ask { state, approver, assurance, words, made, .. } = &told.ask;
        out.json(&json!({
            "state": state, "made": timestamp(*made), "approver": approver, "assurance": assurance,
            "words": words, "document": opened.document, "broken": told.broken,
        }));
    } else {
        for line in lines(&opened.document, &opened.plan, Some(&told), now) {
            out.data(line);
        }
    }
    Ok(())
}

/// An ask for the one who decides: first what holds, then how it was previewed. What has become of it
/// is left out where it cannot be known.
pub(super) fn lines(
    document: &Document,
    plan: &Plan,
    told: Option<&Told>,
    now: OffsetDateTime,
) -> Vec<String> {
    let parts = plan.parts();
    let line = |text: &str| text::line(text, LINE_CHARS_MAX);
    let ask = told.map(|told| &told.ask);
    // What is signed counts, not what stands beside it.
    let left = (document.expires - now).whole_seconds().max(0);
    let instead = told.and_then(Told::instead);
    let state = match (&instead, ask) {
        (Some(_), _) => "broken, ".to_owned(),
        (None, ask) => ask.map(|ask| format!("{}, ", ask.state)).unwrap_or_default(),
    };
    let when = ask.map(|ask| format!(", {}", ago(ask.made, now))).unwrap_or_default();
    let mut out = vec![
        format!("Ask {}: {state}until {} ({left} s)", document.ask, second(document.expires)),
        format!(
            "Asked by    uid {} over {}{when}",
            parts.principal.uid,
            parts.principal.face.as_str()
        ),
        format!("Operation   {} (class {})", text::name(&parts.operation), document.class),
    ];
    let why = document.why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    out.push(format!("Rule        {}{why}", text::name(&document.rule)));
    out.push(format!("It takes    {}", line(&document.takes.words())));
    for target in plan.targets() {
        let (name, id) = (text::name(&target.name), text::name(&target.id));
        let engine = text::name(&target.engine);
        out.push(format!("Acts on     {} {name} (id {id}, engine {engine})", target.kind));
    }
    for (name, planned) in &parts.arguments {
        let value = document.written.get(name).unwrap_or(planned).to_string();
        let value = text::block(&value, PREVIEW_CHARS_MAX);
        out.push(format!("Argument    {} = {value}", text::name(name)));
    }
    out.push(format!("Plan        {}", plan.digest()));
    let decision = instead.or_else(|| ask.and_then(decision));
    out.extend(decision.map(|decision| format!("Decision    {}", line(&decision))));
    out.push(String::new());
    out.push(
        "As it was previewed. The requester wrote names, labels and commands in it, and whoever has \
         its account could change it: what holds stands above."
            .to_owned(),
    );
    let client = document.client.as_deref().unwrap_or("says nothing of itself");
    out.push(format!("Client: {}", text::name(client)));
    out.extend(text::block(&document.preview, PREVIEW_CHARS_MAX).lines().map(str::to_owned));
    out
}

/// What is signed, in one line of ours: the last that is shown before it.
pub(super) fn summary(document: &Document, plan: &Plan) -> String {
    let targets: Vec<String> = plan
        .targets()
        .iter()
        .map(|target| format!("{} {} ({})", target.kind, text::name(&target.name), target.id))
        .collect();
    let targets =
        if targets.is_empty() { "nothing that is there".into() } else { targets.join(", ") };
    format!(
        "You sign: {} (class {}) on {}, once, until {}.",
        text::name(&plan.parts().operation),
        document.class,
        text::line(&targets, LINE_CHARS_MAX),
        second(document.expires)
    )
}

fn decision(ask: &Ask) -> Option<String> {
    let by = ask.approver.as_ref()?;
    let name = by.name.as_deref().map_or_else(|| format!("uid {}", by.uid), text::name);
    let key = by.key.as_deref().map(|key| format!(" with {key}")).unwrap_or_default();
    let worth = ask.assurance.map(|assurance| format!(", `{assurance}`")).unwrap_or_default();
    let words = ask.words.as_deref().map(|words| format!(": {words}")).unwrap_or_default();
    Some(format!("by {name}{key}{worth}{words}"))
}

/// What an approval comes to, for the one who gave it.
pub(super) fn approved(opened: &Opened, approval: &Approval) -> String {
    format!(
        "Ask {} is approved by {approval}. {} can be run once, until {}.",
        opened.ask.id,
        text::name(&opened.plan.parts().operation),
        second(opened.document.expires)
    )
}
