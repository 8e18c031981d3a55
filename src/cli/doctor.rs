//! `doctor`: what is installed, what each setting is and where it comes from, what is really
//! enforced, and what to do about it.

mod account;
mod clients;
mod facts;
mod policy;
mod tier;
mod trust;
mod ways;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::{Output, exit};
use crate::audit;
use crate::config::{Config, Setting};
use crate::core::policy::{Vocabulary, length_words};
use crate::core::reason::Fault;
use crate::core::text;
use crate::ports::asks::Asks;
use crate::ports::engine::Look;
use crate::trust::TrustFiles;
use tier::Tier;

/// What has to be free on the log's disk, in bytes.
const FREE_BYTES_MIN: u64 = 2 * 1024 * 1024;

/// The longest finding, in characters.
const FOUND_CHARS_MAX: usize = 800;

/// What there is to check.
#[derive(Debug)]
pub struct Installation<'a> {
    /// The effective configuration.
    pub config: &'a Config,
    /// What rules can speak of.
    pub vocabulary: &'a Vocabulary,
    /// The engine.
    pub look: &'a dyn Look,
    /// Where the engine is reached and which setting says so, or why nowhere.
    pub endpoint: Result<(String, String), Fault>,
    /// Whether this account can reach the engine without Countersign.
    pub direct_access: Option<String>,
    /// What approvals rest on.
    pub trusting: Trusting<'a>,
}

/// What approvals rest on.
#[derive(Debug)]
pub struct Trusting<'a> {
    /// Whose signatures count.
    pub trust: &'a TrustFiles,
    /// The asks that wait.
    pub asks: &'a dyn Asks,
    /// The file that they are in.
    pub state: Option<&'a Path>,
    /// This account's home.
    pub home: Option<&'a Path>,
    /// The folder that is worked in.
    pub cwd: &'a Path,
    /// The moment.
    pub now: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    Ok,
    Warn,
    Bad,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Finding {
    about: &'static str,
    mark: Mark,
    found: String,
    /// The same as data, where there is more to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Finding {
    fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }
}

/// A finding is one line, whatever the text in it that is not ours.
fn finding(about: &'static str, mark: Mark, found: impl AsRef<str>) -> Finding {
    Finding { about, mark, found: text::line(found.as_ref(), FOUND_CHARS_MAX), data: None }
}

/// Checks everything and prints what was found. Changes nothing.
pub async fn run(installation: &Installation<'_>, json: bool, out: Output) -> u8 {
    let mut findings = Vec::new();
    engine(installation, &mut findings).await;
    settings(installation.config, &mut findings);
    policy::look(installation, &mut findings);
    log(&installation.config.audit_dir.value, &mut findings);
    rights(installation, &mut findings);
    let facts = facts::look(installation).await;
    findings.extend(trust::findings(&facts));
    let tier = Tier::of(&facts);
    if json {
        findings.push(tier.finding());
        out.json(&findings);
    } else {
        for Finding { about, mark, found, .. } in &findings {
            let mark = match mark {
                Mark::Ok => "ok  ",
                Mark::Warn => "warn",
                Mark::Bad => "bad ",
            };
            out.data(format!("{}  {about:9}  {found}", out.paint(mark)));
        }
        out.data(format!("\n{}", tier.text().trim_end()));
    }
    let bad = findings.iter().any(|finding| finding.mark == Mark::Bad);
    if bad { exit::FAILED } else { exit::DONE }
}

async fn engine(installation: &Installation<'_>, findings: &mut Vec<Finding>) {
    match &installation.endpoint {
        Ok((address, source)) => {
            findings.push(finding("engine", Mark::Ok, format!("{address} (from {source})")));
        }
        Err(fault) => return findings.push(finding("engine", Mark::Bad, fault.message.as_str())),
    }
    match installation.look.engine().await {
        Ok(engine) => findings.push(finding(
            "engine",
            Mark::Ok,
            format!(
                "{} answers: version {}, API {}, id {}",
                text::name(&engine.name),
                text::name(&engine.version),
                text::name(&engine.api),
                text::name(&engine.id)
            ),
        )),
        Err(fault) => findings.push(finding("engine", Mark::Bad, fault.message)),
    }
}

fn settings(config: &Config, findings: &mut Vec<Finding>) {
    fn row<T>(name: &str, setting: &Setting<T>, show: impl Fn(&T) -> String) -> Finding {
        let Setting { value, source } = setting;
        finding("setting", Mark::Ok, format!("{name} = {} ({source})", show(value)))
    }
    let seconds = |ttl: &std::time::Duration| ttl.as_secs().to_string();
    let length = |time: &time::Duration| {
        length_words(u32::try_from(time.whole_seconds()).unwrap_or(u32::MAX))
    };
    findings.extend([
        row("audit.dir", &config.audit_dir, |dir| dir.display().to_string()),
        row("audit.sync", &config.audit_sync, |sync| format!("{sync:?}").to_lowercase()),
        row("mcp.toolsets", &config.toolsets, |names| names.join(",")),
        row("mcp.read_only", &config.read_only, bool::to_string),
        row("limits.token_ttl_seconds", &config.token_ttl, seconds),
        row("limits.concurrent_calls", &config.concurrent_calls, usize::to_string),
        row("asks.expires", &config.asks.expires, length),
        row("asks.cooldown", &config.asks.cooldown, length),
        row("asks.open", &config.asks.open, usize::to_string),
        row("asks.notify", &config.asks.notify, |words| {
            if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
        }),
        row("confirm.via", &config.confirm_via, |via| via.as_str().to_owned()),
        row("log level", &config.log_level, |level| format!("{level:?}").to_lowercase()),
    ]);
}

fn log(dir: &Path, findings: &mut Vec<Finding>) {
    match audit::verify(dir, false, None) {
        Ok(report) if report.is_sound() => {
            let head = report.head().unwrap_or_else(|| "still empty".into());
            findings.push(finding(
                "audit",
                Mark::Ok,
                format!("{} lines in {}, chain whole, head {head}", report.lines, dir.display()),
            ));
            if let Some(why) = unwritable(dir) {
                findings.push(finding("audit", Mark::Bad, why));
            }
            let orphans = report.open.iter().filter(|intent| !intent.in_flight).count();
            if orphans > 0 {
                let text = format!(
                    "{orphans} intents of processes that are gone have no outcome; the next record \
                     closes them as unknown. Look at their targets (countersign audit verify)"
                );
                findings.push(finding("audit", Mark::Warn, text));
            }
        }
        Ok(report) => findings.push(finding(
            "audit",
            Mark::Bad,
            format!(
                "{} findings in {}: run `countersign audit verify`, and keep a copy of the folder",
                report.problems_total,
                dir.display()
            ),
        )),
        Err(fault) => findings.push(finding("audit", Mark::Bad, fault.message)),
    }
}

/// Why a log in this folder could not be written, as far as can be told without writing.
fn unwritable(dir: &Path) -> Option<String> {
    let metadata = std::fs::metadata(dir).ok()?;
    let uid = rustix::process::geteuid().as_raw();
    let what = if metadata.uid() != uid {
        format!("belongs to user {}, and this is user {uid}", metadata.uid())
    } else if rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_err() {
        "cannot be written to".to_owned()
    } else if rustix::fs::statvfs(dir).is_ok_and(|fs| fs.f_bavail * fs.f_frsize < FREE_BYTES_MIN) {
        "is on a disk that is nearly full".to_owned()
    } else {
        return None;
    };
    let dir = dir.display();
    Some(format!(
        "{dir} {what}: every change is refused until that is mended or --audit-dir names another"
    ))
}

fn rights(installation: &Installation<'_>, findings: &mut Vec<Finding>) {
    let uid = rustix::process::geteuid().as_raw();
    match &installation.direct_access {
        Some(how) => findings.push(finding(
            "rights",
            Mark::Warn,
            format!(
                "uid {uid} can reach an engine without Countersign ({how}), and so can an agent \
                 that has a shell under this account. Countersign governs what goes through it, \
                 and its log shows only that"
            ),
        )),
        None => findings.push(finding(
            "rights",
            Mark::Ok,
            format!("uid {uid} has no way of its own to an engine that was found"),
        )),
    }
}

#[cfg(test)]
mod tests;
