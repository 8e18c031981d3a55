//! `approve`, `deny`, `revoke`: a person's decisions on asks.

use std::path::{Path, PathBuf};

use clap::Args;

use super::asks::{self, approved, id, lines, summary};
use super::sign::{Signed, Signing};
use super::{Output, PersonVerb, exit};
use crate::core::ask::Terms;
use crate::core::reason::{Fault, Reason};
use crate::core::text;
use crate::gate::{Approvals, Opened, WORDS_CHARS_MAX};

/// Signatures that are longer are not read, in bytes.
const SIGNATURE_BYTES_MAX: u64 = 64 * 1024;

/// The arguments of `approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// The ask's id
    pub(super) id: String,
    /// The key to sign with: a private key's file, or a public one whose private half an agent or a
    /// security key holds [default: the one in ~/.ssh that is trusted]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A signature that was made elsewhere, over `asks show ID --document`; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    signature: Option<PathBuf>,
    /// Approve as another account than the one that asks, which gives this file: what its `asks show ID
    /// --document` prints; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) document: Option<PathBuf>,
}

impl ApproveArgs {
    /// Whether another account than the one that asks approves.
    pub const fn is_across(&self) -> bool {
        self.document.is_some()
    }
}

/// The arguments of `deny`.
#[derive(Clone, Debug, Args)]
pub struct DenyArgs {
    /// The ask's id
    id: String,
    /// Why: the requester reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// The arguments of `revoke`.
#[derive(Clone, Debug, Args)]
pub struct RevokeArgs {
    /// The ask's id
    id: String,
    /// Why: the requester reads it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// Does what a person says about asks. `home` is where keys are looked for.
pub async fn decide(
    approvals: &Approvals,
    verb: PersonVerb,
    home: Option<&Path>,
    out: Output,
) -> u8 {
    match verb {
        PersonVerb::Asks(args) => asks::run(approvals, args, out).await,
        PersonVerb::Approve(args) => end(approve(approvals, args, home, out).await, out),
        PersonVerb::Deny(args) => end(deny(approvals, args, out).await, out),
        PersonVerb::Revoke(args) => end(revoke(approvals, args, out).await, out),
    }
}

/// Shows the ask, has it signed, and approves it.
async fn approve(
    approvals: &Approvals,
    args: ApproveArgs,
    home: Option<&Path>,
    out: Output,
) -> Result<(), Fault> {
    // What is shown is what is signed: the document is read once.
    let shown = approvals.open(id(&args.id)?).await?;
    approvals.may_approve(&shown).await?;
    let Opened { ask, document, plan } = &shown;
    let told = approvals.told(&shown).await;
    for line in lines(document, plan, Some(&told), approvals.turns.clock.now()) {
        out.message(line);
    }
    out.message("");
    out.message(summary(document, plan));
    let signing = Signing {
        trust: &*approvals.trust,
        clock: &*approvals.turns.clock,
        signers: approvals.signers(&shown).await?,
        takes: &document.takes,
        requester: plan.parts().principal.uid,
        account: None,
        home,
    };
    let signed = signature(&args, &signing, &ask.document, out).await;
    let signed = match signed {
        // That nothing was signed, for want of a file or of a passphrase, was no decision.
        Err(fault) if !is_decision(&fault) => return Err(fault),
        signed => approvals.or_refused(&shown, signed).await?,
    };
    let approval = approvals.approve(&shown, &signed.signature, signed.weak.as_deref()).await?;
    out.data(approved(&shown, &approval));
    Ok(())
}

/// Whether what was refused would have been somebody's signature.
fn is_decision(fault: &Fault) -> bool {
    matches!(fault.reason, Reason::SignerUnknown | Reason::AssuranceTooLow)
}

/// The signature that was made elsewhere, or one that is made now.
pub(super) async fn signature(
    args: &ApproveArgs,
    signing: &Signing<'_>,
    document: &str,
    out: Output,
) -> Result<Signed, Fault> {
    match &args.signature {
        Some(file) => Ok(Signed { signature: read(file)?, weak: None }),
        None => signing.sign(args.key.as_deref(), document, out).await,
    }
}

/// What is no text is no signature, which the approval says.
fn read(file: &Path) -> Result<String, Fault> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let opened: std::io::Result<Box<dyn std::io::Read>> = match file == Path::new("-") {
        true => Ok(Box::new(std::io::stdin())),
        false => std::fs::File::open(file).map(|file| Box::new(file) as _),
    };
    let read = opened.and_then(|file| file.take(SIGNATURE_BYTES_MAX).read_to_end(&mut bytes));
    read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| {
        let file = text::line(&file.display().to_string(), text::LINE_CHARS_MAX);
        Fault::invalid(format!("The signature in {file} cannot be read: {error}"))
    })
}

async fn deny(approvals: &Approvals, args: DenyArgs, out: Output) -> Result<(), Fault> {
    if args.reason.trim().is_empty() {
        return Err(Fault::invalid("Say why with --reason: the requester reads it."));
    }
    fits(&args.reason)?;
    let id = id(&args.id)?;
    let with = approvals.deny(id, &args.reason).await?;
    let with: Vec<String> = with.iter().map(ToString::to_string).collect();
    let with = match with.as_slice() {
        [] => String::new(),
        with => format!(", and with it what else waited for the same: {}", with.join(", ")),
    };
    out.data(format!(
        "Ask {id} is denied{with}. The same cannot be asked again for {} minutes, or for as long as \
         `[asks] cooldown` says.",
        Terms::USUAL.cooldown.whole_minutes()
    ));
    Ok(())
}

/// What would be cut is not taken: the requester is to read what a person wrote.
fn fits(reason: &str) -> Result<(), Fault> {
    let chars = reason.trim().chars().count();
    if chars <= WORDS_CHARS_MAX {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "The reason has {chars} characters, and {WORDS_CHARS_MAX} are kept at most. Nothing was \
         decided; say it shorter."
    )))
}

async fn revoke(approvals: &Approvals, args: RevokeArgs, out: Output) -> Result<(), Fault> {
    fits(&args.reason)?;
    let ask = approvals.revoke(id(&args.id)?, &args.reason).await?;
    out.data(format!("The approval of ask {} is taken back.", ask.id));
    Ok(())
}

pub(super) fn end(done: Result<(), Fault>, out: Output) -> u8 {
    match done {
        Ok(()) => exit::DONE,
        Err(fault) => {
            out.message(format!("countersign: {}", fault.message));
            fault.reason.exit_code()
        }
    }
}
