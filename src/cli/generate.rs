//! `completions` and `man`: generated from the declaration of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Output, exit};

/// Prints a shell's completions.
pub fn completions(shell: Shell, out: Output) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut script);
    out.bytes(&script);
    exit::DONE
}

/// Prints the manual page of the program or of one verb.
pub fn man(verb: Option<&str>, out: Output) -> u8 {
    let mut command = Cli::command();
    command.build();
    let command = match verb {
        None => Some(&command),
        Some(verb) => command.find_subcommand(verb),
    };
    let Some(command) = command else {
        out.message("countersign: there is no such verb. Run `countersign --help` to see them.");
        return exit::USAGE;
    };
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(command.clone()).render(&mut page) {
        out.message(format!("countersign: the page could not be made: {error}"));
        return exit::FAILED;
    }
    out.bytes(&page);
    exit::DONE
}
