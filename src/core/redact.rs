//! Redaction: what of a configuration may be shown. Names always, values only where they look
//! harmless; in doubt a value is hidden.

mod shape;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use shape::{
    is_digest_label, is_env_name, is_secret_word, login_end, may_name_secret, names_secret,
};

/// What stands for a hidden part.
pub const HIDDEN: &str = "(hidden)";

/// What stands for the hidden value of an environment variable.
pub const SET: &str = "(set)";

/// Environment variables whose values may be shown, if these do not look secret themselves.
const HARMLESS: [&str; 20] = [
    "COLORTERM",
    "DEBIAN_FRONTEND",
    "GOPATH",
    "GOROOT",
    "HOME",
    "HOSTNAME",
    "JAVA_HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NODE_ENV",
    "OLDPWD",
    "PATH",
    "PORT",
    "PWD",
    "SHELL",
    "SHLVL",
    "TERM",
    "TZ",
    "USER",
];

/// A hidden value is looked for as a part of other words from this length on, in bytes.
const PART_BYTES_MIN: usize = 6;

/// A hidden value is looked for as a whole word from this length on, in bytes.
const WORD_BYTES_MIN: usize = 4;

/// A short flag of a program that holds a password.
#[derive(Clone, Copy, Debug)]
struct Short {
    program: &'static str,
    flag: &'static str,
    /// In the same word.
    glued: bool,
    /// In the next word.
    apart: bool,
}

const SHORT: [Short; 7] = [
    Short { program: "mysql", flag: "-p", glued: true, apart: false },
    Short { program: "mariadb", flag: "-p", glued: true, apart: false },
    Short { program: "sshpass", flag: "-p", glued: true, apart: true },
    Short { program: "redis", flag: "-a", glued: false, apart: true },
    Short { program: "valkey", flag: "-a", glued: false, apart: true },
    Short { program: "mongo", flag: "-p", glued: false, apart: true },
    Short { program: "mysqladmin", flag: "password", glued: false, apart: true },
];

impl Short {
    fn is_in(&self, word: &str) -> bool {
        self.glued && word.len() > self.flag.len() && word.starts_with(self.flag)
    }
}

/// What is expected of the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Nothing special.
    Any,
    /// It is a secret.
    Secret,
    /// It is `NAME=value`.
    Pair,
    /// It is `user:password`.
    Login,
    /// It is of SQL that identifies somebody, by a secret between quotes.
    By,
}

/// Hides what may be secret in one configuration, and counts it.
#[derive(Default)]
pub struct Redactor {
    /// Values of variables that are secret by name or shape, longest first.
    secrets: Vec<String>,
    /// Values of all other hidden variables.
    others: Vec<String>,
    /// The flags of the programs in the command that is being read.
    short: Vec<Short>,
    hidden: usize,
}

/// Without what must not be shown.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Learns from `NAME=value` entries the values that must not appear anywhere else.
    pub fn new(env: &[String]) -> Self {
        let mut blank = Self::default();
        let (mut secrets, mut others) = (Vec::new(), Vec::new());
        for (name, value) in env.iter().filter_map(|entry| entry.split_once('=')) {
            if value.len() < WORD_BYTES_MIN || blank.may_show(name, value) {
                continue;
            }
            let secret = names_secret(name) || blank.mask(value) != value;
            if secret { &mut secrets } else { &mut others }.push(value.to_owned());
        }
        secrets.sort_by_key(|value| Reverse(value.len()));
        Self { secrets, others, ..Self::default() }
    }

    /// How many values and parts were hidden so far.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// The variables in their order: each name, with its value if that is harmless.
    pub fn env(&mut self, env: &[String]) -> Vec<(String, String)> {
        let mut show = |entry: &String| match entry.split_once('=') {
            Some((name, value)) if self.may_show(name, value) => (name.into(), value.into()),
            Some((name, _)) => {
                self.hidden += 1;
                (name.to_owned(), SET.to_owned())
            }
            None => (entry.clone(), String::new()),
        };
        env.iter().map(&mut show).collect()
    }

    /// A program and its arguments.
    pub fn command(&mut self, words: &[String]) -> Vec<String> {
        let runs = |short: &Short| words.iter().any(|word| word.contains(short.program));
        self.short = SHORT.into_iter().filter(runs).collect();
        let mut next = Next::Any;
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            let expected = std::mem::replace(&mut next, Next::Any);
            let flagged = word.split_once('=').filter(|(name, value)| match expected {
                Next::Pair => !self.may_show(name, value),
                _ => name.starts_with('-') && names_secret(name),
            });
            out.push(if expected == Next::Secret && is_scheme(word) {
                // What follows it is the secret, unless it is one itself.
                next = Next::Secret;
                self.hide()
            } else if expected == Next::Secret || self.others.contains(word) {
                self.hide()
            } else if let Some(Short { flag, .. }) = self.glued(word) {
                format!("{flag}{}", self.hide())
            } else if let Some((name, _)) = flagged {
                format!("{name}={}", self.hide())
            } else {
                let (masked, after) = self.mask_from(word, expected);
                next = after;
                masked
            });
        }
        self.short.clear();
        out
    }

    /// Labels: a value is shown whole or not at all. Values of variables that are merely hidden may
    /// stand in labels: a project's name is no secret because a variable holds it too.
    pub fn labels(&mut self, labels: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let others = std::mem::take(&mut self.others);
        let mut out = Vec::with_capacity(labels.len());
        for (key, value) in labels {
            let before = self.hidden;
            let shown =
                is_digest_label(key, value) || (!names_secret(key) && self.mask(value) == *value);
            self.hidden = before + usize::from(!shown);
            out.push((key.clone(), if shown { value.clone() } else { HIDDEN.to_owned() }));
        }
        self.others = others;
        out
    }

    /// Any other text, such as what an engine says of a failure.
    pub fn text(&mut self, text: &str) -> String {
        self.mask(text)
    }

    fn may_show(&mut self, name: &str, value: &str) -> bool {
        let harmless = is_harmless(name);
        let before = self.hidden;
        let harmless = harmless && self.mask(value) == value;
        self.hidden = before;
        harmless
    }

    /// The flag with a password in it that this word is.
    fn glued(&self, word: &str) -> Option<Short> {
        self.short.iter().find(|short| short.is_in(word)).copied()
    }

    fn hide(&mut self) -> String {
        self.hidden += 1;
        HIDDEN.to_owned()
    }

    fn mask(&mut self, text: &str) -> String {
        self.mask_from(text, Next::Any).0
    }

    /// Hides the secret parts of a text, and says what its end makes of the word after it.
    fn mask_from(&mut self, text: &str, mut next: Next) -> (String, Next) {
        if text.contains("-----BEGIN") {
            return (self.hide(), Next::Any);
        }
        let text = self.without_learned(text);
        let (mut out, mut rest) = (String::new(), text.as_str());
        while !rest.is_empty() {
            if next == Next::Secret {
                rest = self.value(rest, &mut out, &mut next);
                continue;
            }
            let (gap, tail) = split(rest, |c| !is_gap(c));
            out.push_str(gap);
            let (chunk, _) = split(tail, char::is_whitespace);
            if let Some((kept, end)) = login_end(chunk, next == Next::Login) {
                out.push_str(tail.get(..kept).unwrap_or_default());
                out.push_str(&self.hide());
                rest = tail.get(end..).unwrap_or_default();
                next = Next::Any;
                continue;
            }
            if let Some(Short { flag, .. }) = self.glued(chunk) {
                out.push_str(flag);
                rest = tail.get(flag.len()..).unwrap_or_default();
                next = Next::Secret;
                continue;
            }
            let (word, tail) = split(tail, is_gap);
            self.word(word, &mut out);
            let blank = tail.chars().next().is_none_or(char::is_whitespace);
            let apart = self.short.iter().any(|short| short.apart && short.flag == word);
            next = if apart && blank { Next::Secret } else { after(word, tail, next) };
            rest = tail;
        }
        (out, next)
    }

    /// Takes a secret value off the beginning of a text: between quotes, or up to a blank.
    fn value<'a>(&mut self, rest: &'a str, out: &mut String, next: &mut Next) -> &'a str {
        let (lead, tail) = split(rest, |c| !(is_quote(c) || c.is_whitespace() || "=:".contains(c)));
        out.push_str(lead);
        if tail.is_empty() {
            return tail;
        }
        let quote = lead.chars().next_back().filter(|c| is_quote(*c) && *c != '\\');
        let mut escaped = false;
        let ends = |c: char| {
            let end = quote.map_or(c.is_whitespace(), |quote| c == quote && !escaped);
            escaped = c == '\\' && !escaped;
            end
        };
        let (value, tail) = split(tail, ends);
        let scheme = is_scheme(value);
        if scheme && !tail.is_empty() {
            out.push_str(value);
        } else {
            out.push_str(&if value == HIDDEN { value.to_owned() } else { self.hide() });
            *next = Next::Any;
        }
        tail
    }

    fn word(&mut self, word: &str, out: &mut String) {
        if self.others.iter().any(|other| other == word) || is_secret_word(word) {
            out.push_str(&self.hide());
            return;
        }
        match word.split_once(':') {
            Some((name, value))
                if !value.is_empty() && !value.starts_with("//") && names_secret(name) =>
            {
                out.push_str(name);
                out.push(':');
                out.push_str(&self.hide());
            }
            _ => out.push_str(word),
        }
    }

    /// The text without the secret values that were learned.
    fn without_learned(&mut self, text: &str) -> String {
        let mut out = text.to_owned();
        for secret in &self.secrets {
            if out == *secret || (secret.len() >= PART_BYTES_MIN && out.contains(secret)) {
                self.hidden += out.matches(secret.as_str()).count();
                out = out.replace(secret.as_str(), HIDDEN);
            }
        }
        out
    }
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
        || name.starts_with("LC_")
        || (name.ends_with("_VERSION") && !names_secret(name))
}

/// What a word and what follows it make of the next word.
fn after(word: &str, tail: &str, expected: Next) -> Next {
    let assigned = tail.starts_with('=');
    let named = tail.trim_start_matches(is_quote).starts_with(':') || word.ends_with(':');
    let flag = word.starts_with('-') && tail.chars().next().is_none_or(char::is_whitespace);
    let quoted = tail.starts_with(char::is_whitespace) && tail.trim_start().starts_with(is_quote);
    let by = expected == Next::By && word.eq_ignore_ascii_case("by");
    if (quoted && by) || (names_secret(word) && (assigned || named || flag || quoted)) {
        return Next::Secret;
    }
    let variable = word.strip_prefix("-e").unwrap_or(word);
    let named = expected == Next::Pair || is_env_name(variable) || may_name_secret(word);
    if assigned && named {
        return if is_harmless(variable) { Next::Any } else { Next::Secret };
    }
    match word {
        "-e" | "--env" | "declare" | "env" | "export" => Next::Pair,
        "-u" | "--user" => Next::Login,
        _ if expected == Next::By || word.eq_ignore_ascii_case("identified") => Next::By,
        _ => Next::Any,
    }
}

/// Splits before the first character that fits; all is head if none does.
fn split(text: &str, fits: impl FnMut(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(fits).unwrap_or(text.len()))
}

/// Whether it names the form of what stands behind it in a header.
fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\\')
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || ";|&(){}[]<>,=".contains(c)
}

#[cfg(test)]
mod tests;
