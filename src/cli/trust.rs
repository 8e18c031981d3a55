//! `trust`: whose signatures approve, and what each is worth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Output, exit};
use crate::core::approval::Signer;
use crate::core::text;
use crate::ops::table::table;
use crate::trust::{Added, Desk, Known, Trouble, TrustFiles};

/// What to do about whom.
#[derive(Debug, Subcommand)]
pub enum TrustVerb {
    /// Trust a public key: as root for the whole system, else in your own file, which never approves
    #[command(
        after_help = "Example: sudo countersign trust add ~/.ssh/id_ed25519.pub --name alice"
    )]
    Add {
        /// The file of the public key, as `ssh-keygen` writes it
        #[arg(value_name = "KEY.pub")]
        key: PathBuf,
        /// The signer's name, which policy can ask for and records show
        #[arg(long)]
        name: String,
    },
    /// List the signers, and what a signature of each is worth for what an account asks for
    #[command(after_help = "Example: countersign trust list --uid 1000")]
    List {
        /// The account that asks [default: this one]
        #[arg(long, value_name = "NUMBER")]
        uid: Option<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust somebody no longer; approvals of theirs that wait to be spent stop working
    #[command(after_help = "Example: sudo countersign trust remove alice")]
    Remove {
        /// The signer's name, or the fingerprint of one key
        #[arg(value_name = "NAME|FINGERPRINT")]
        who: String,
    },
}

/// Does it.
pub async fn run(verb: TrustVerb, trust: &TrustFiles, now: OffsetDateTime, out: Output) -> u8 {
    let done = match verb {
        TrustVerb::Add { key, name } => {
            trust.desk().and_then(|desk| Ok((desk.add(&key, &name)?, desk))).map(|(added, desk)| {
                out.message(said(&added, &desk, &key.to_string_lossy(), &name));
                // Whoever was added is trusted even so.
                if let Err(trouble) = trust.prepare() {
                    out.message(format!("countersign: no other account can approve: {trouble}"));
                }
            })
        }
        TrustVerb::List { uid, json } => {
            let uid = uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
            match trust.look(uid).await {
                Ok(known) if json => drop(out.json(&as_json(&known, uid, now))),
                Ok(known) => list(&known, uid, now, out),
                Err(fault) => {
                    out.message(format!("countersign: {}", fault.message));
                    return fault.reason.exit_code();
                }
            }
            Ok(())
        }
        TrustVerb::Remove { who } => {
            trust.desk().and_then(|desk| Ok((desk.remove(&who)?, desk))).map(|(removed, desk)| {
                for gone in removed {
                    out.message(format!(
                        "{} trusts {} ({}) no longer, and approvals of theirs that were not spent are \
                         worth nothing by it.",
                        path(&desk),
                        gone.name,
                        gone.fingerprint
                    ));
                }
            })
        }
    };
    match done {
        Ok(()) => exit::DONE,
        Err(trouble) => {
            out.message(format!("countersign: {trouble}"));
            match trouble {
                Trouble::Refused(_) => exit::USAGE,
                Trouble::Failed(_) => exit::FAILED,
            }
        }
    }
}

fn path(desk: &Desk) -> String {
    text::line(&desk.file.display().to_string(), text::LINE_CHARS_MAX)
}

/// What was done, and what it is worth.
fn said(added: &Added, desk: &Desk, key: &str, name: &str) -> String {
    let file = path(desk);
    let does = if added.was_there { "trusts" } else { "now trusts" };
    let first = format!("{file} {does} {name} ({}).\n", added.fingerprint);
    let worth = match (desk.is_system, desk.exposed()) {
        (false, _) => format!(
            "It is your own file, which whatever runs as you can write: a signature is worth `tty` by \
             it, which confirms and never approves. To approve, let root trust the key:\n  \
             sudo countersign trust add {} --name {name}",
            text::line(key, text::LINE_CHARS_MAX)
        ),
        (true, None) => "A signature is worth `secret` by it, with a security key that is touched \
                         `hardware`, to every account but root that cannot sign with the key itself: \
                         `countersign trust list`, as that account, says."
            .to_owned(),
        (true, Some(why)) => format!(
            "It can be changed by others than root, since {why}. To whoever can, a signature is worth \
             only `tty`, which never approves: mend that."
        ),
    };
    first + &worth
}

fn list(known: &Known, uid: u32, now: OffsetDateTime, out: Output) {
    if known.signers.0.is_empty() {
        let files: Vec<String> =
            known.files.iter().map(|file| file.path.display().to_string()).collect();
        out.message(format!(
            "Nobody is trusted by {}, so nothing can be approved. Trust somebody:\n  \
             sudo countersign trust add KEY.pub --name NAME",
            text::line(&files.join(" or "), text::LINE_CHARS_MAX)
        ));
    } else {
        let row = |signer: &Signer| {
            [
                text::name(&signer.name),
                signer.fingerprint(),
                signer.key.algorithm().as_str().to_owned(),
                if signer.is_valid(now) { signer.worth().as_str() } else { "-" }.to_owned(),
                at(&signer.file, signer.line),
            ]
        };
        let rows: Vec<[String; 5]> = known.signers.0.iter().map(row).collect();
        out.data(table(["NAME", "FINGERPRINT", "KIND", "WORTH", "WHERE"], &rows).trim_end());
    }
    for signer in &known.signers.0 {
        let (name, place) = (text::name(&signer.name), at(&signer.file, signer.line));
        if !signer.is_valid(now) {
            out.data(format!("{name} ({place}) does not count now: {}.", times(signer)));
        } else if let Some(why) = &signer.weak {
            out.data(format!("{name} ({place}) is worth `tty` to user {uid}, since {why}."));
        }
    }
    for left in &known.left_out {
        out.data(format!("{} does not count: {}.", at(&left.file, left.line), left.why));
    }
    for (key, names) in shared(known) {
        out.data(format!(
            "{key} is listed as {}: what it signs is on record under one of them, the one that policy \
             asks for if it asks for one. Give each key one name.",
            names.iter().map(|name| text::name(name)).collect::<Vec<_>>().join(" and ")
        ));
    }
    // Whoever is to approve needs a key that is trusted first.
    if !known.signers.0.is_empty() {
        out.data(format!("{}.", known.approvals.says(uid)));
    }
}

/// The keys that more than one name is given to.
fn shared(known: &Known) -> BTreeMap<String, BTreeSet<&str>> {
    let mut keys: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for signer in &known.signers.0 {
        keys.entry(signer.fingerprint()).or_default().insert(&signer.name);
    }
    keys.retain(|_, names| names.len() > 1);
    keys
}

fn at(file: &str, line: usize) -> String {
    text::line(&format!("{file}:{line}"), text::LINE_CHARS_MAX)
}

fn times(signer: &Signer) -> String {
    let after = moment(signer.valid_after).map(|after| format!("from {after}"));
    let before = moment(signer.valid_before).map(|before| format!("until {before}"));
    after.into_iter().chain(before).collect::<Vec<_>>().join(" ")
}

fn moment(moment: Option<OffsetDateTime>) -> Option<String> {
    moment.and_then(|moment| moment.format(&Rfc3339).ok())
}

fn as_json(known: &Known, uid: u32, now: OffsetDateTime) -> Value {
    let signer = |signer: &Signer| {
        json!({
            "name": *signer.name,
            "fingerprint": signer.fingerprint(),
            "kind": signer.key.algorithm().as_str(),
            "worth": signer.worth(),
            "why": signer.weak,
            "isValid": signer.is_valid(now),
            "validAfter": moment(signer.valid_after),
            "validBefore": moment(signer.valid_before),
            "file": *signer.file,
            "line": signer.line,
        })
    };
    let signers: Vec<Value> = known.signers.0.iter().map(signer).collect();
    let left_out = known.left_out.iter();
    let left_out: Vec<Value> = left_out
        .map(|left| json!({"file": *left.file, "line": left.line, "why": left.why}))
        .collect();
    let files = known.files.iter();
    let files: Vec<Value> = files
        .map(|file| json!({"path": file.path, "isThere": file.is_there, "why": file.weak}))
        .collect();
    let folder = &known.approvals;
    let (user, group) = folder.owner.unzip();
    let approvals = json!({
        "path": folder.path, "isThere": folder.owner.is_some(), "user": user, "group": group,
        "groupWrites": folder.is_shared, "why": folder.why,
    });
    json!({
        "uid": uid, "signers": signers, "leftOut": left_out, "files": files, "approvals": approvals,
    })
}
