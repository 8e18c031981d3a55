//! `audit`: follow, filter, count and check the log.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Output, exit};
use crate::audit::{Entry, Filter, Follow, Report, Stats, parse_anchor, read, verify};
use crate::core::plan::Digest;
use crate::core::reason::Fault;
use crate::core::record::Event;
use crate::core::text;
use crate::ops::when::Window;

/// How often a followed log is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// Lines that `tail` shows before it follows.
const TAIL_LINES: usize = 20;

/// What to do with the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditVerb {
    /// Show the last lines and follow the log until interrupted
    #[command(after_help = "Example: countersign audit tail --event denied")]
    Tail(FilterArgs),
    /// Show the lines that fit
    #[command(after_help = "Example: countersign audit show --since 2h --target web --json")]
    Show(FilterArgs),
    /// Count lines by event, operation, reason and target
    #[command(after_help = "Example: countersign audit stats --since 7d")]
    Stats(FilterArgs),
    /// Check the chain: edits, deleted, swapped and doubled lines, tears and open intents
    #[command(after_help = "Example: countersign audit verify --anchor 42:9f3a…\n\n\
                            Exit codes: 0 sound, 1 unreadable, 5 damaged. Without an anchor nobody \
                            can see a change to the very last line or a cut at the end.")]
    Verify {
        /// Demand that the log begins with its first line
        #[arg(long)]
        from_start: bool,
        /// A line that the log must still hold, as an earlier check printed it
        #[arg(long, value_name = "SEQ:SHA256")]
        anchor: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which lines.
#[derive(Clone, Debug, Args)]
pub struct FilterArgs {
    /// Not before: RFC 3339, or an age such as 10m, 2h, 3d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The operation's name
    #[arg(long, value_name = "NAME")]
    op: Option<String>,
    /// The event
    #[arg(long, value_name = "EVENT", value_parser = event_parser())]
    event: Option<String>,
    /// The target's name, or the beginning of its id
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Print the lines as they stand in the log, and of torn ones their place, size and digest
    #[arg(long)]
    json: bool,
}

fn event_parser() -> clap::builder::PossibleValuesParser {
    Event::ALL.map(Event::as_str).into()
}

impl FilterArgs {
    fn filter(&self, now: OffsetDateTime) -> Result<Filter, Fault> {
        let event = self.event.as_deref();
        Ok(Filter {
            since: Window::parse(self.since.as_deref(), None, now)?.since,
            op: self.op.clone(),
            event: Event::ALL.into_iter().find(|e| Some(e.as_str()) == event),
            target: self.target.clone(),
        })
    }
}

/// Does it, on the log in `dir`.
pub async fn run(dir: &Path, verb: AuditVerb, now: OffsetDateTime, out: Output) -> u8 {
    let done = match verb {
        AuditVerb::Tail(args) => tail(dir, &args, now, out).await,
        AuditVerb::Show(args) => show(dir, &args, now, out),
        AuditVerb::Stats(args) => stats(dir, &args, now, out),
        AuditVerb::Verify { from_start, anchor, json } => {
            check(dir, from_start, anchor.as_deref(), json, out)
        }
    };
    done.unwrap_or_else(|fault| {
        out.message(format!("countersign: {}", fault.message));
        fault.reason.exit_code()
    })
}

async fn tail(
    dir: &Path,
    args: &FilterArgs,
    now: OffsetDateTime,
    out: Output,
) -> Result<u8, Fault> {
    let filter = args.filter(now)?;
    let mut follow = Follow::from_start(dir);
    let mut last: Vec<Entry> = Vec::new();
    loop {
        let new = follow.look()?;
        if new.is_empty() {
            break;
        }
        last.extend(new.into_iter().filter(|entry| filter.wants(entry)));
        last.drain(..last.len().saturating_sub(TAIL_LINES));
    }
    let mut read = last.iter().all(|entry| print(entry, args.json, out));
    while read && !out.is_deserted() {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(exit::DONE),
            () = tokio::time::sleep(FOLLOW_EVERY) => {}
        }
        let new = follow.look()?;
        read = new.iter().filter(|entry| filter.wants(entry)).all(|e| print(e, args.json, out));
    }
    Ok(exit::DONE)
}

fn show(dir: &Path, args: &FilterArgs, now: OffsetDateTime, out: Output) -> Result<u8, Fault> {
    let filter = args.filter(now)?;
    for entry in read(dir)? {
        let entry = entry?;
        if filter.wants(&entry) && !print(&entry, args.json, out) {
            break;
        }
    }
    Ok(exit::DONE)
}

/// One line of the log as JSON, or for a person: when, what, on what, by whom and why. False if the
/// reader has gone.
fn print(entry: &Entry, json: bool, out: Output) -> bool {
    let Entry { file, line, raw, record } = entry;
    let Some(record) = record else {
        let (bytes, digest) = (raw.len(), Digest::of(&[raw]));
        return if json {
            let torn = json!({"file": file, "line": line, "bytes": bytes, "sha256": digest});
            out.json(&json!({"torn": torn}))
        } else {
            out.data(format!("{file}:{line}  torn, {bytes} bytes"))
        };
    };
    if json {
        // A record was read from it, so it is text.
        return out.json_text(&String::from_utf8_lossy(raw));
    }
    let field = |key: &str| text::name(entry.text(key).unwrap_or("-"));
    let seq = record.get("seq").and_then(Value::as_u64).unwrap_or_default();
    let time: String = field("ts").chars().take(19).collect();
    let names: Vec<String> = entry.targets().iter().map(|(_, name)| text::name(name)).collect();
    let target = if names.is_empty() { "-".to_owned() } else { text::line(&names.join(","), 60) };
    let face =
        record.pointer("/caller/face").and_then(Value::as_str).map_or("-".into(), text::name);
    let why = ["reason", "rule"].iter().find_map(|key| entry.text(key)).map(text::name);
    let ask = entry.text("ask").map(|ask| format!("  ask {}", text::name(ask)));
    out.data(format!(
        "{seq:>6}  {time}  {}  {:20}  {:9}  {target:20}  {face:4}  {}{}",
        out.paint(&format!("{:14}", field("event"))),
        field("op"),
        field("class"),
        why.unwrap_or_default(),
        ask.unwrap_or_default()
    ))
}

fn stats(dir: &Path, args: &FilterArgs, now: OffsetDateTime, out: Output) -> Result<u8, Fault> {
    let filter = args.filter(now)?;
    let mut stats = Stats::default();
    for entry in read(dir)? {
        let entry = entry?;
        if filter.wants(&entry) {
            stats.add(&entry);
        }
    }
    if args.json {
        out.json(&stats);
        return Ok(exit::DONE);
    }
    let moment = |at: &Option<String>| text::name(at.as_deref().unwrap_or("-"));
    out.data(format!("lines      {} ({} torn)", stats.lines, stats.torn));
    out.data(format!("first      {}", moment(&stats.first)));
    out.data(format!("last       {}", moment(&stats.last)));
    for (title, counts) in [
        ("event", &stats.events),
        ("operation", &stats.operations),
        ("reason", &stats.reasons),
        ("target", &stats.targets),
    ] {
        for (name, count) in counts {
            out.data(format!("{title:9}  {count:>8}  {}", text::name(name)));
        }
    }
    Ok(exit::DONE)
}

fn check(
    dir: &Path,
    from_start: bool,
    anchor: Option<&str>,
    json: bool,
    out: Output,
) -> Result<u8, Fault> {
    let parsed = anchor.map(|text| {
        parse_anchor(text).ok_or_else(|| {
            Fault::invalid(
                "An anchor is a line's seq and digest, as `verify` prints the head: \
                            42: and 64 hex digits.",
            )
        })
    });
    let report = verify(dir, from_start, parsed.transpose()?)?;
    let code = if report.is_sound() { exit::DONE } else { exit::AUDIT_DAMAGED };
    if json {
        let sound = report.is_sound();
        out.json(&json!({"dir": dir.display().to_string(), "sound": sound, "report": report}));
    } else {
        report_for_people(dir, &report, out);
    }
    Ok(code)
}

fn report_for_people(dir: &Path, report: &Report, out: Output) {
    let first =
        report.first.map_or("-".to_owned(), |(seq, prev)| format!("seq {seq}, prev {prev}"));
    let last = report.last.map_or("-".to_owned(), |(seq, _)| format!("seq {seq}"));
    let head = report.head().unwrap_or_else(|| "-".into());
    if report.files == 0 {
        out.message("There is no log in this folder. If there was one, it has been removed.");
    }
    let shown = text::line(&dir.display().to_string(), text::LINE_CHARS_MAX);
    out.data(format!("log        {shown}"));
    out.data(format!("files      {}", report.files));
    out.data(format!("lines      {}", report.lines));
    out.data(format!("first      {first}"));
    out.data(format!("last       {last}"));
    out.data(format!("head       {head}"));
    out.data(format!("tears      {} (closed and accounted for)", report.tears));
    if let Some(bytes) = report.unfinished_bytes {
        out.data(format!("unfinished {bytes} bytes at the end, which the next record will close"));
    }
    out.data(format!("open       {} intents without an outcome", report.open.len()));
    for intent in &report.open {
        let state = if intent.in_flight { "in flight" } else { "its process is gone" };
        let target = intent.target.get("name").and_then(Value::as_str).unwrap_or("-");
        out.data(format!(
            "  seq {}  {}  {} on {}  ({state})",
            intent.seq,
            text::name(&intent.ts),
            text::name(&intent.op),
            text::name(target)
        ));
    }
    for problem in &report.problems {
        out.data(format!(
            "{}  {}:{}  {}",
            out.paint("bad"),
            problem.file,
            problem.line,
            problem.what
        ));
    }
    if report.is_sound() {
        let proof = match report.anchored {
            Some(true) => "The anchor holds.",
            _ => {
                "Without an anchor a change to the very last line, or a cut at the end, cannot be \
                  seen: keep the head somewhere else, and give it as --anchor next time."
            }
        };
        out.data(format!("{}  the chain is whole. {proof}", out.paint("ok")));
    } else {
        out.data(format!("{}  {} findings", out.paint("bad"), report.problems_total));
    }
}
