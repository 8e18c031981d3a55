//! `policy`: checks, shows, explains, tests and compares what the rules say. None of it executes or
//! records anything.

mod check;
mod diff;
mod explain;
mod file;
mod show;
mod test;
mod words;

use std::fmt;

use clap::Subcommand;
use time::OffsetDateTime;

use super::{JsonFlag, Output, exit};
use crate::config::{self, Config, Origin, Stack};
use crate::core::reason::Fault;
use crate::gate::Parts;

use diff::DiffArgs;
use explain::ExplainArgs;
pub(super) use file::Contents;
use file::FileArgs;

/// What to do with the policy.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyVerb {
    /// Read the effective policy files, or one by itself, and run their tests
    #[command(after_help = "Examples:\n  countersign policy check\n  \
                            countersign policy check new.toml --level system\n\n\
                            Exit codes: 0 it can be used, 2 it is refused.")]
    Check(FileArgs),
    /// Print the effective rules with their sources
    #[command(after_help = "Example: countersign policy show --json")]
    Show(JsonFlag),
    /// Say why a request gets its verdict: every rule with its part in it
    #[command(after_help = ExplainArgs::EXAMPLES)]
    Explain(ExplainArgs),
    /// Show what came of every [[test]] block
    #[command(after_help = "Example: countersign policy test new.toml --level system\n\n\
                            Exit codes: 0 all passed, 2 one failed or the file is refused.")]
    Test(FileArgs),
    /// Compare two files by the requests whose verdict differs
    #[command(after_help = DiffArgs::EXAMPLES)]
    Diff(DiffArgs),
}

/// What the verbs work with.
pub struct Desk<'a> {
    /// Where settings come from.
    pub origin: &'a Origin,
    /// The time.
    pub now: OffsetDateTime,
    /// Makes the parts of a gate. It is asked what it would say, and nothing else.
    pub parts: &'a dyn Fn(&Config) -> Result<Parts, Fault>,
}

impl fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Desk<'_> {
    /// The effective configuration.
    fn config(&self) -> Result<Config, config::Error> {
        Config::load(self.origin)
    }

    /// The effective policy with its tests, also where some fail.
    fn stack(&self) -> Result<Stack, config::Error> {
        config::stack(self.origin)
    }
}

/// Why a verb stops.
enum Stop {
    /// A file cannot be used.
    File(config::Error),
    /// A request cannot be weighed.
    Fault(Fault),
}

impl From<config::Error> for Stop {
    fn from(error: config::Error) -> Self {
        Self::File(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Does it.
pub async fn run(desk: &Desk<'_>, verb: PolicyVerb, out: Output) -> u8 {
    let done = match &verb {
        PolicyVerb::Check(args) => check::run(desk, args, out),
        PolicyVerb::Show(flag) => show::run(desk, flag.json, out),
        PolicyVerb::Explain(args) => explain::run(desk, args, out).await,
        PolicyVerb::Test(args) => test::run(desk, args, out),
        PolicyVerb::Diff(args) => diff::run(desk, args, out),
    };
    done.unwrap_or_else(|stop| match stop {
        Stop::File(error) => {
            out.message(format!("countersign: {error}"));
            exit::USAGE
        }
        Stop::Fault(fault) => {
            out.message(format!("countersign: {}", fault.message));
            fault.reason.exit_code()
        }
    })
}
