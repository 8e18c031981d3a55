//! `approve ID --document FILE`: a decision of another account than the one that asks. It has nothing of
//! that account's but the document, and gives a file of its own.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use time::OffsetDateTime;

use super::Output;
use super::approve::{ApproveArgs, end, signature};
use super::asks::{id, lines, summary};
use super::sign::{Signed, Signing};
use crate::core::ask::Document;
use crate::core::reason::{Fault, Reason};
use crate::core::{approval, text};
use crate::gate::{Opened, Registry};
use crate::ops::when::second;
use crate::ports::Clock;
use crate::ports::asks::Trust as _;
use crate::trust::{Trouble, TrustFiles};

/// Where a person's approval that crosses accounts comes from and goes to.
#[derive(Debug)]
pub struct Across<'a> {
    /// Whose signatures count, and where approvals are given.
    pub trust: &'a TrustFiles,
    /// Every operation that there is.
    pub registry: &'a Registry,
    /// Where keys are looked for.
    pub home: Option<&'a Path>,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// Shows the document, has it signed, and gives the signature to the account that asks.
pub async fn give(across: &Across<'_>, args: ApproveArgs, out: Output) -> u8 {
    end(run(across, args, out).await, out)
}

async fn run(across: &Across<'_>, args: ApproveArgs, out: Output) -> Result<(), Fault> {
    let Across { trust, registry, home, clock } = *across;
    let now = clock.now();
    let id = id(&args.id)?;
    // What is shown is what is signed: the document is read once.
    let written = read(args.document.as_deref().unwrap_or(Path::new("-")))?;
    let (document, plan) = Opened::read(&written, registry).map_err(|_| {
        Fault::invalid(
            "That is no document of an ask, as `countersign asks show ID --document` prints it.",
        )
    })?;
    if document.ask != id {
        return Err(Fault::invalid(format!("That is the document of ask {}.", document.ask)));
    }
    let (requester, us) = (plan.parts().principal.uid, rustix::process::geteuid().as_raw());
    if us == requester {
        return Err(Fault::invalid(format!(
            "This account asks itself: `countersign approve {id}`. Another one is root, say: \
             `countersign asks show {id} --document | sudo countersign approve {id} --document - \
             --key KEY`."
        )));
    }
    for line in lines(&document, &plan, None, now) {
        out.message(line);
    }
    out.message("");
    out.message(summary(&document, &plan));
    is_current(&document, now)?;
    trust.may_give(id, requester).map_err(fault)?;
    let (takes, account) = (&document.takes, Some(us));
    let signers = trust.signers(requester).await?;
    let signing = Signing { trust, clock, signers, takes, requester, account, home };
    let Signed { signature, weak } = signature(&args, &signing, &written, out).await?;
    let mut signers = signing.signers;
    weak.iter().for_each(|why| signers.weaken(why));
    let approval = approval::verify(&written, &signature, account, &signers, takes, now)?;
    let path = trust.give(id, requester, &signature).map_err(fault)?;
    out.data(format!(
        "Ask {id} is approved by {approval} as user {us}, for user {requester}. {} can be run once, \
         until {}.\nUntil it is, removing {} takes that back.",
        text::name(&plan.parts().operation),
        second(document.expires),
        text::line(&path.display().to_string(), text::LINE_CHARS_MAX),
    ));
    Ok(())
}

fn is_current(document: &Document, now: OffsetDateTime) -> Result<(), Fault> {
    if now < document.expires {
        return Ok(());
    }
    let message = format!("Ask {} has expired. Nothing was approved.", document.ask);
    Err(Fault::new(Reason::TokenExpired, message))
}

/// All of a file, or of standard input, that is not longer than a document can be.
fn read(file: &Path) -> Result<String, Fault> {
    let read = || {
        let source: Box<dyn Read> = if file == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            // Without NONBLOCK, opening a pipe that nobody writes to would wait.
            let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
            Box::new(OpenOptions::new().read(true).custom_flags(flags).open(file)?)
        };
        let mut written = String::new();
        source.take(Document::BYTES_MAX as u64 + 1).read_to_string(&mut written)?;
        Ok::<_, std::io::Error>(written)
    };
    read().map_err(|error| {
        Fault::invalid(format!("The document in {} cannot be read: {error}", file.display()))
    })
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Refused(message) => Fault::new(Reason::ApprovalUnavailable, message),
        Trouble::Failed(message) => Fault::new(Reason::StateUnavailable, message),
    }
}
