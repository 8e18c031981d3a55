//! Printing: data to standard output, messages to people to standard error. A reader that goes
//! away is no error.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use crate::core::text;

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

    /// Prints a line of data; false if the reader has gone.
    pub fn data(self, line: impl Display) -> bool {
        writeln!(io::stdout().lock(), "{line}").is_ok()
    }

    /// Prints a value as one line of JSON; false if the reader has gone.
    pub fn json(self, value: &impl Serialize) -> bool {
        self.json_text(&serde_json::to_string(value).unwrap_or_default())
    }

    /// Prints one line that is JSON already; false if the reader has gone. What is hidden in its
    /// strings is escaped, which says the same.
    pub fn json_text(self, json: &str) -> bool {
        self.data(plain_json(json))
    }

    /// Prints bytes of data as they are.
    pub fn bytes(self, bytes: &[u8]) {
        // The reader may have gone; there is nobody left to tell.
        drop(io::stdout().lock().write_all(bytes));
    }

    /// Whether nobody reads the data any more, found out without writing any.
    pub fn is_deserted(self) -> bool {
        let stdout = io::stdout();
        let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
        let gone = PollFlags::ERR | PollFlags::HUP;
        poll(&mut ends, Some(&Timespec::default())).is_ok()
            && ends.iter().any(|end| end.revents().intersects(gone))
    }

    /// Prints a message to a person, with whatever is hidden in it made visible.
    pub fn message(self, line: impl Display) {
        drop(writeln!(io::stderr().lock(), "{}", text::visible(&line.to_string())));
    }

    /// Prints a question to a person, and reads the answer's line.
    pub fn ask(self, question: impl Display) -> Option<String> {
        let mut stderr = io::stderr().lock();
        drop(
            write!(stderr, "{}", text::visible(&question.to_string()))
                .and_then(|()| stderr.flush()),
        );
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether data goes to a person's terminal.
    pub fn is_read(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether a person is at both ends.
    pub fn is_terminal() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// A word in the colour of an event: red for refusals and failures, yellow for what is unknown,
    /// green for what was done.
    pub fn paint(self, word: &str) -> String {
        let code = match word.trim() {
            "denied" | "failed" | "deny" | "bad" | "FAIL" | "ask_denied" | "ask_refused"
            | "ask_revoked" => "31",
            "unknown" | "preview" | "confirm" | "approve" | "warn" => "33",
            "done" | "allow" | "ok" | "pass" | "ask_approved" => "32",
            _ => return word.to_owned(),
        };
        if self.color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}

/// JSON in which nothing is hidden: outside of strings only blanks can be, inside they are escaped.
fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\t' | '\r' | '\n' => out.push(' '),
            c if text::is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    write!(out, "\\u{unit:04x}").unwrap_or_default();
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain_json;

    #[test]
    fn json_says_the_same_without_anything_hidden() {
        let given = "{\"a\":\t\"\u{9b}31m \u{202e} \u{e0041} gr\u{fc}n\"}";
        let plain = plain_json(given);
        assert_eq!(plain, "{\"a\": \"\\u009b31m \\u202e \\udb40\\udc41 gr\u{fc}n\"}");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&plain), read(given));
    }
}
