//! The command line face: one file per verb, and the only place that prints.

mod approve;
mod arguments;
mod asks;
mod audit;
mod call;
mod doctor;
mod generate;
mod give;
mod init;
mod output;
mod policy;
mod serve;
mod sign;
mod tools;
mod trust;

use clap::{Args, Parser, Subcommand};

pub use approve::{ApproveArgs, DenyArgs, RevokeArgs};
pub use asks::{AsksArgs, AsksVerb};
pub use audit::AuditVerb;
pub use call::CallArgs;
pub use doctor::{Installation, Trusting};
pub use output::Output;
pub use policy::{Desk, PolicyVerb};
pub use trust::TrustVerb;

use crate::config::Flags;

/// Exit codes of the contract that no reason code stands for.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// The operation failed.
    pub const FAILED: u8 = 1;
    /// Usage or configuration.
    pub const USAGE: u8 = 2;
    /// A policy permits more than before, or that could not be decided.
    pub const WIDENED: u8 = 3;
    /// The audit log is damaged.
    pub const AUDIT_DAMAGED: u8 = 5;
}

/// Lets agents operate local infrastructure: reads are free, nothing changes without a
/// countersignature, every decision is on record.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, disable_help_subcommand = true)]
#[command(after_help = "Examples:\n  countersign doctor\n  countersign mcp --read-only")]
pub struct Cli {
    /// Settings, on every verb
    #[command(flatten)]
    pub flags: Flags,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve MCP on standard input and output
    #[command(after_help = "Example: countersign mcp --toolsets core,containers --read-only")]
    Mcp,
    /// Run one operation through the gate
    #[command(after_help = CallArgs::EXAMPLES)]
    Call(CallArgs),
    /// List every operation with its verdict under the effective policy, or one with its arguments
    #[command(after_help = "Examples:\n  countersign tools --toolsets containers\n  \
                            countersign tools restart_container")]
    Tools(ToolsArgs),
    /// What a person says about asks
    #[command(flatten)]
    Person(PersonVerb),
    /// Check, show, explain, test and compare the policy
    #[command(subcommand, after_help = "Example: countersign policy explain stop_container web")]
    Policy(PolicyVerb),
    /// Read and check the audit log
    #[command(subcommand, after_help = "Example: countersign audit show --since 1h --event denied")]
    Audit(AuditVerb),
    /// Say whose signatures approve, and what each is worth
    #[command(
        subcommand,
        after_help = "Example: sudo countersign trust add alice.pub --name alice"
    )]
    Trust(TrustVerb),
    /// Check the installation: engine, settings, policy, audit log, rights, and what approvals are worth
    #[command(after_help = "Example: countersign doctor")]
    Doctor(JsonFlag),
    /// Write a first `countersign.toml` for this folder, and print the client configuration
    #[command(
        after_help = "Example: countersign init\n\nA file that is there is never overwritten."
    )]
    Init,
    /// Print a shell's completions
    #[command(after_help = "Example: countersign completions bash > \
                            ~/.local/share/bash-completion/completions/countersign")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or that of one verb
    #[command(after_help = "Example: countersign man call | man -l -")]
    Man {
        /// The verb
        verb: Option<String>,
    },
}

/// What a person says about asks.
#[derive(Debug, Subcommand)]
pub enum PersonVerb {
    /// List what waits for a person, or show one ask
    #[command(after_help = "Examples:\n  countersign asks\n  countersign asks show K7Q2-M4XD")]
    Asks(AsksArgs),
    /// Approve an ask by signing it with an SSH key
    #[command(after_help = "Examples:\n  countersign approve K7Q2-M4XD\n  \
                            countersign approve K7Q2-M4XD --signature ask.sig\n\nAs \
                            another account than the one that asks:\n  countersign asks show K7Q2-M4XD \
                            --document | sudo countersign approve K7Q2-M4XD --document - --key KEY\n\nExit codes: 0 \
                            approved, 1 no such ask, 2 usage, 3 refused: the ask is as it was.")]
    Approve(ApproveArgs),
    /// Deny an ask
    #[command(after_help = "Example: countersign deny K7Q2-M4XD --reason 'not before the backup'")]
    Deny(DenyArgs),
    /// Take an approval back that was not spent yet
    #[command(after_help = "Example: countersign revoke K7Q2-M4XD --reason 'wrong volume'")]
    Revoke(RevokeArgs),
}

/// Data for programs.
#[derive(Clone, Copy, Debug, Args)]
pub struct JsonFlag {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub use approve::decide;
pub use audit::run as audit;
pub use call::caller;
pub use call::run as call;
pub use doctor::run as doctor;
pub use generate::{completions, man};
pub use give::{Across, give};
pub use init::run as init;
pub use policy::run as policy;
pub use serve::run as serve;
pub use tools::{ToolsArgs, run as tools};
pub use trust::run as trust;
