//! `asks`: what waits for a person, and one ask as its approver should see it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Output, exit};
use crate::core::approval::Approval;
use crate::core::ask::{Ask, AskId, Document, State};
use crate::core::plan::{Plan, Target};
use crate::core::reason::Fault;
use crate::core::record::timestamp;
use crate::core::text;
use crate::gate::{Approvals, Opened};
use crate::ops::table::table;
use crate::ops::when::{ago, second};
use crate::ports::asks::{Listed, Told};

/// Asks that are listed.
const LISTED_MAX: usize = 100;

/// Characters of a name in a table.
const CELL_CHARS_MAX: usize = 40;

/// Characters of what is shown. Nothing of a document is cut before somebody signs it: that it is not too
/// long to be shown is seen when it is made.
const SHOWN_CHARS_MAX: usize = 16 * Document::BYTES_MAX;

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
    // The newest stands last, as everywhere.
    if json {
        for ask in asks.iter().rev() {
            out.json(&as_json(ask, &state(ask)));
        }
        return Ok(());
    }
    if asks.is_empty() {
        let none = if all { "There are no asks" } else { "Nothing waits for a person" };
        out.data(format!("{none} among the asks of {}.", approvals.kept));
        return Ok(());
    }
    let rows: Vec<[String; 7]> = asks.iter().rev().map(|ask| row(ask, state(ask), now)).collect();
    let heading = ["ASK", "STATE", "OPERATION", "ACTS ON", "ASKED BY", "ASKED", "ENDS"];
    out.data(table(heading, &rows).trim_end());
    if more {
        out.data(format!("... the newest {LISTED_MAX}; older ones are left out"));
    }
    Ok(())
}

fn as_json(ask: &Listed, state: &str) -> Value {
    let Listed { id, state: _, operation, about, principal, made, expires, since } = ask;
    json!({
        "ask": id, "state": state, "operation": operation, "about": text::name(about),
        "uid": principal.uid, "face": principal.face,
        "made": timestamp(*made), "expires": timestamp(*expires), "since": timestamp(*since),
    })
}

fn row(ask: &Listed, shown: String, now: OffsetDateTime) -> [String; 7] {
    let Listed { id, state, operation, about, principal, made, expires, since } = ask;
    let operation = text::line(operation, CELL_CHARS_MAX);
    let about = text::line(about, CELL_CHARS_MAX);
    let ends = match state {
        State::Pending | State::Approved => second(*expires),
        State::Executing => "under way".to_owned(),
        State::Expired => format!("ended {}", ago(*expires, now)),
        _ => format!("ended {}", ago(*since, now)),
    };
    let (id, from) = (id.to_string(), principal.to_string());
    [id, shown, operation, about, from, ago(*made, now), ends]
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
        let Ask { state, approver, assurance, words, made, since, .. } = &told.ask;
        out.json(&json!({
            "state": state, "made": timestamp(*made), "since": timestamp(*since),
            "approver": approver, "assurance": assurance, "words": words, "document": opened.document,
            "broken": told.broken,
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
    let line = |text: &str| text::line(text, SHOWN_CHARS_MAX);
    let (ask, instead) = (told.map(|told| &told.ask), told.and_then(Told::instead));
    let when = ask.map(|ask| format!(", {}", ago(ask.made, now))).unwrap_or_default();
    let mut out = vec![
        format!("Ask {}: {}", document.ask, standing(document, told, now)),
        format!("Asked by    {}{when}", parts.principal),
        format!("Operation   {} (class {})", text::name(&parts.operation), document.class),
    ];
    let why = document.why.as_deref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    out.push(format!("Rule        {}{why}", text::name(&document.rule)));
    out.push(format!("It takes    {}", line(&document.takes.words())));
    for target in plan.targets() {
        let (name, engine) = (text::name(&target.name), text::name(&target.engine));
        let id = other_id(target).map(|id| format!("id {id}, ")).unwrap_or_default();
        out.push(format!("Acts on     {} {name} ({id}engine {engine})", target.kind));
    }
    for (name, planned) in &parts.arguments {
        let value = document.written.get(name).unwrap_or(planned).to_string();
        let value = text::block(&value, SHOWN_CHARS_MAX);
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
    out.extend(text::block(&document.preview, SHOWN_CHARS_MAX).lines().map(str::to_owned));
    out
}

/// How an ask stands and until when; or since when, where that is over.
fn standing(document: &Document, told: Option<&Told>, now: OffsetDateTime) -> String {
    // What is signed counts, not what stands beside it.
    let left = (document.expires - now).whole_seconds().max(0);
    let until = format!("until {} ({left} s)", second(document.expires));
    match told {
        None => until,
        Some(Told { broken: Some(_), .. }) => format!("broken, {until}"),
        Some(Told { ask, .. }) if ask.state.is_open() => format!("{}, {until}", ask.state),
        Some(Told { ask: Ask { state, since, expires, words, .. }, .. }) => {
            // It ended by itself, whenever somebody saw that.
            let since = if *state == State::Expired { expires } else { since };
            let why = words.as_ref().filter(|_| *state == State::Cancelled);
            let why = why.map(|why| format!(": {}", text::name(why))).unwrap_or_default();
            format!("{state} since {} ({}){why}", second(*since), ago(*since, now))
        }
    }
}

/// The id of a target, where it is not its name already.
fn other_id(target: &Target) -> Option<String> {
    (target.id != target.name).then(|| text::name(&target.id))
}

/// What is signed, in one line of ours: the last that is shown before it.
pub(super) fn summary(document: &Document, plan: &Plan) -> String {
    let named = |target: &Target| {
        let id = other_id(target).map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{} {}{id}", target.kind, text::name(&target.name))
    };
    let targets: Vec<String> = plan.targets().iter().map(named).collect();
    let targets =
        if targets.is_empty() { "nothing that is there".into() } else { targets.join(", ") };
    format!(
        "You sign: {} (class {}) on {}, once, until {}.",
        text::name(&plan.parts().operation),
        document.class,
        text::line(&targets, SHOWN_CHARS_MAX),
        second(document.expires)
    )
}

/// Who decided what, and when, as far as that is kept: of what was spent or closed since, the time is in
/// the audit log.
fn decision(ask: &Ask) -> Option<String> {
    let by = ask.approver.as_ref()?;
    let name = by.name.as_deref().map_or_else(|| format!("uid {}", by.uid), text::name);
    let words = ask.words.as_deref().map(|words| format!(": {words}")).unwrap_or_default();
    let at = second(ask.since);
    let key = by.key.as_deref().map(|key| format!(" with {key}")).unwrap_or_default();
    let worth = ask.assurance.map(|assurance| format!(", `{assurance}`")).unwrap_or_default();
    Some(match ask.state {
        State::Denied => format!("denied by {name} at {at}{words}"),
        State::Revoked => format!("approved, and taken back by {name} at {at}{words}"),
        State::Approved => format!("approved by {name}{key}{worth} at {at}"),
        // Whose signature it was is told only where it was verified; the log has it.
        _ if by.name.is_none() => "approved; by whom says `countersign audit show`".to_owned(),
        _ => format!("approved by {name}{key}{worth}"),
    })
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
