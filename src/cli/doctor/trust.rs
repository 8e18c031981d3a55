//! What an approval is worth here, and what takes from it: findings, of facts that were found.

use serde_json::json;

use super::facts::{Asks, Facts};
use super::{Finding, Mark, finding};
use crate::config::shown;
use crate::core::approval::Signer;
use crate::core::grant::Assurance;
use crate::core::reason::Fault;
use crate::core::text;
use crate::trust::{Folder, Known};

/// Signers, and lines that do not count, that are told one by one.
const TOLD_MAX: usize = 20;

/// How root is made to trust a key.
pub(super) const ADD: &str = "sudo countersign trust add KEY.pub --name NAME";

/// Everything that is to be said.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = account(facts);
    findings.extend(kept(facts));
    findings.push(asks(&facts.asks));
    match &facts.trusted {
        Ok(known) => {
            findings.extend(signers(known, facts));
            findings.push(accounts(&known.approvals, facts.uid));
            findings.push(approval(known, facts));
        }
        Err(fault) => findings.push(finding("signers", Mark::Bad, &fault.message)),
    }
    findings.extend(facts.clients.iter().map(|hint| {
        finding("client", Mark::Warn, format!("{}: {}", shown(&hint.file), hint.says))
    }));
    findings.extend(facts.ptrace.map(ptrace));
    findings
}

/// What the account can do beside Countersign.
fn account(Facts { uid, groups, sudo, .. }: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if *uid == 0 {
        findings.push(finding(
            "rights",
            Mark::Warn,
            "uid 0 can write every file of signers, so nothing that is asked for under it can be \
             approved: run Countersign under an ordinary account that the engine lets in",
        ));
    }
    if !groups.is_empty() {
        let (group, groups) =
            (if groups.len() == 1 { "group" } else { "groups" }, groups.join(", "));
        findings.push(finding(
            "rights",
            Mark::Warn,
            format!("uid {uid} is in the {group} {groups}, which can lead to root or to an engine"),
        ));
    }
    if *sudo {
        findings.push(finding(
            "rights",
            Mark::Warn,
            format!(
                "sudo runs something for uid {uid} without a password (`sudo -n -l` tells what), and \
                 so for an agent that has a shell under this account"
            ),
        ));
    }
    findings
}

/// Who can change what is kept.
fn kept(Facts { uid, kept, .. }: &Facts) -> Vec<Finding> {
    let others = kept.iter().filter_map(|(what, path, changers)| {
        let why = changers.others.as_ref()?;
        let found = format!(
            "the {what} in {} can be replaced by others than uid {uid}, since {why}",
            shown(path)
        );
        Some(finding("kept", Mark::Warn, found))
    });
    let mut findings: Vec<Finding> = others.collect();
    let own = kept.iter().filter(|(.., changers)| changers.us.is_some());
    let own: Vec<String> =
        own.map(|(what, path, _)| format!("the {what} in {}", shown(path))).collect();
    if !own.is_empty() {
        let found = format!(
            "uid {uid} can change {}, as it must to write there: edits of the log show (`countersign \
             audit verify`), its end or the whole missing only by a head that is kept elsewhere \
             (--anchor)",
            own.join(" and ")
        );
        findings.push(finding("kept", Mark::Ok, found));
    }
    findings
}

fn asks(asks: &Result<Asks, Fault>) -> Finding {
    match asks {
        Ok(Asks { file, is_there: false, .. }) => {
            let found = format!("no asks yet; the first one makes {}", shown(file));
            finding("asks", Mark::Ok, found)
        }
        Ok(Asks { file, open, .. }) => {
            let found = format!("{open} open in {}, which can be read", shown(file));
            finding("asks", Mark::Ok, found).with(json!({"open": open, "file": file}))
        }
        Err(fault) => finding("asks", Mark::Bad, &fault.message),
    }
}

/// What each signer's signature is worth, and why no more.
fn signers(known: &Known, facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        known.signers.0.iter().take(TOLD_MAX).map(|signer| one(signer, known, facts)).collect();
    findings.extend(known.left_out.iter().take(TOLD_MAX).map(|left| {
        let place = text::line(&left.file, text::LINE_CHARS_MAX);
        let found = format!("{place}:{} does not count: {}", left.line, left.why);
        finding("signers", Mark::Warn, found)
    }));
    let over = |count: usize| count.saturating_sub(TOLD_MAX);
    let more = over(known.signers.0.len()) + over(known.left_out.len());
    if more > 0 {
        let found = format!("{more} more: countersign trust list");
        findings.push(finding("signers", Mark::Ok, found));
    }
    findings
}

/// Who else can approve, under an account of their own.
fn accounts(folder: &Folder, uid: u32) -> Finding {
    let is_odd = folder.owner.is_some() && folder.why.is_some() && uid != 0;
    finding("accounts", if is_odd { Mark::Warn } else { Mark::Ok }, folder.says(uid))
}

fn one(signer: &Signer, known: &Known, Facts { uid, now, .. }: &Facts) -> Finding {
    let (name, key, worth) = (text::name(&signer.name), signer.fingerprint(), signer.worth());
    let who = format!("{name} ({key}, {}:{})", signer.file, signer.line);
    let is_valid = signer.is_valid(*now);
    let (mark, found) = match &signer.weak {
        _ if !is_valid => (Mark::Warn, format!("{who} does not count at this time")),
        None if signer.is_hardware() => {
            (Mark::Ok, format!("{who} is worth `{worth}` to uid {uid}"))
        }
        None => (
            Mark::Ok,
            format!(
                "{who} is worth `{worth}` to uid {uid}, as far as can be seen: a copy of the key or an \
                 ssh-agent that somebody hides or stops is not found"
            ),
        ),
        Some(why) => {
            let mend = mend(signer, known, *uid).map(|mend| format!(": {mend}"));
            let mend = mend.unwrap_or_default();
            (Mark::Warn, format!("{who} is worth `{worth}` to uid {uid}, since {why}{mend}"))
        }
    };
    let why = &signer.weak;
    finding("signers", mark, found).with(json!({
        "name": *signer.name, "fingerprint": key, "worth": worth, "why": why, "isValid": is_valid,
    }))
}

/// What makes a signer worth more, if something does.
pub(super) fn mend(signer: &Signer, known: &Known, uid: u32) -> Option<String> {
    let why = signer.weak.as_ref().filter(|_| uid != 0)?;
    let file = known.files.iter().find(|seen| seen.path.to_str() == Some(&*signer.file));
    if file.is_none_or(|seen| seen.weak.as_ref() != Some(why)) {
        return Some(
            "give the key a passphrase (ssh-keygen -p -f KEY), let ssh-agents ask (ssh-add -c KEY), \
             or keep it on another machine"
                .into(),
        );
    }
    let is_own = known.files.iter().skip(1).any(|seen| seen.path.to_str() == Some(&*signer.file));
    let system = known.files.first().map(|seen| shown(&seen.path)).unwrap_or_default();
    Some(match is_own {
        true => format!("let root trust the key ({ADD})"),
        false => {
            format!("make {system} and each folder above it root's, and writable by root only")
        }
    })
}

/// What the best signature is worth that somebody can give now, and who can.
pub(super) fn best(facts: &Facts) -> (Assurance, Vec<String>) {
    let signers = facts.trusted.iter().flat_map(|known| &known.signers.0);
    let valid: Vec<&Signer> = signers.filter(|signer| signer.is_valid(facts.now)).collect();
    let worth = valid.iter().map(|signer| signer.worth()).max().unwrap_or(Assurance::Tty);
    let of_that = valid.iter().filter(|signer| signer.worth() == worth && worth > Assurance::Tty);
    let mut names: Vec<String> = of_that.map(|signer| text::name(&signer.name)).collect();
    names.sort_unstable();
    names.dedup();
    (worth, names)
}

fn approval(known: &Known, facts: &Facts) -> Finding {
    let (worth, names) = best(facts);
    if worth > Assurance::Tty {
        let found = format!(
            "{} can approve what uid {} asks for, worth `{worth}` (countersign asks, countersign \
             approve ID). A confirm token is spent by the caller itself, and is no person's consent",
            some(&names),
            facts.uid
        );
        return finding("approval", Mark::Ok, found);
    }
    let found = format!(
        "nobody can approve here, so what needs an approval is refused: {}. A confirm token is spent \
         by the caller itself, and is no person's consent",
        raise(known, facts)
    );
    finding("approval", Mark::Warn, found)
}

/// The next thing to do for approvals to be worth more.
pub(super) fn raise(known: &Known, facts: &Facts) -> String {
    if facts.uid == 0 {
        return "run Countersign under an ordinary account that the engine lets in".into();
    }
    let valid = || known.signers.0.iter().filter(|signer| signer.is_valid(facts.now));
    match best(facts).0 {
        Assurance::Hardware => "nothing: a security key is trusted".into(),
        Assurance::Secret => {
            format!("a security key that has to be touched: ssh-keygen -t ed25519-sk, then {ADD}")
        }
        // One whom the system's file names is nearer than one of the account's own.
        _ => valid().find_map(|signer| mend(signer, known, facts.uid)).unwrap_or(ADD.into()),
    }
}

/// Some names, and how many more.
pub(super) fn some(names: &[String]) -> String {
    let told = names.iter().take(TOLD_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(TOLD_MAX) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

fn ptrace(scope: u8) -> Finding {
    match scope {
        0 => finding(
            "ptrace",
            Mark::Warn,
            "each process of this account can read and change others of it, though not Countersign's: \
             ssh-keygen as well, while a passphrase is typed into it: sudo sysctl \
             kernel.yama.ptrace_scope=1",
        ),
        _ => finding(
            "ptrace",
            Mark::Ok,
            format!(
                "kernel.yama.ptrace_scope is {scope}: only what starts a process can change it"
            ),
        ),
    }
}
