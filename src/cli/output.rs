//! Printing: data to standard output, messages to people to standard error. A reader that goes
//! away is no error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

/// Where a verb prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    color: bool,
}

impl Output {
    /// Standard output and error; in colour on a terminal unless `no_color` says otherwise.
    pub fn new(no_color: bool) -> Self {
        Self { color: !no_color && io::stdout().is_terminal() }
    }

    /// Prints a line of data.
    pub fn data(self, line: impl Display) {
        // The reader may have gone; there is nobody left to tell.
        drop(writeln!(io::stdout().lock(), "{line}"));
    }

    /// Prints a value as one line of JSON.
    pub fn json(self, value: &impl Serialize) {
        self.data(serde_json::to_string(value).unwrap_or_default());
    }

    /// Prints bytes of data as they are.
    pub fn bytes(self, bytes: &[u8]) {
        drop(io::stdout().lock().write_all(bytes));
    }

    /// Prints a message to a person.
    pub fn message(self, line: impl Display) {
        drop(writeln!(io::stderr().lock(), "{line}"));
    }

    /// Prints a question to a person, and reads the answer's line.
    pub fn ask(self, question: impl Display) -> Option<String> {
        let mut stderr = io::stderr().lock();
        drop(write!(stderr, "{question}").and_then(|()| stderr.flush()));
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether a person is at both ends.
    pub fn is_terminal() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// A word in the colour of an event: red for refusals and failures, yellow for what is unknown,
    /// green for what was done.
    pub fn paint(self, word: &str) -> String {
        let code = match word.trim() {
            "denied" | "failed" | "deny" | "bad" => "31",
            "unknown" | "preview" | "confirm" | "approve" | "warn" => "33",
            "done" | "allow" | "ok" => "32",
            _ => return word.to_owned(),
        };
        if self.color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}
