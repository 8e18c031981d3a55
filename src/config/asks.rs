//! `[asks]` and `[confirm]`: how people are asked.

use time::Duration;

use super::document::Problems;
use super::file::File;
use super::settings::refuse;
use super::table::{Keys, Text, list, meant};
use super::takes::{EXPIRES_MAX, EXPIRES_MIN, length};
use super::{Setting, pick};
use crate::core::ask::Terms;
use crate::core::policy::Level;
use crate::core::text;

/// How long an ask waits unless told otherwise, in seconds.
const EXPIRES: u32 = 600;

/// How long nobody asks again for what was denied unless told otherwise, in seconds.
const COOLDOWN: u32 = 600;

/// How many asks of one principal are open unless told otherwise.
const OPEN: u32 = 16;

/// How many can be open, at most.
const OPEN_MAX: u32 = 256;

/// The words of a command, at most.
const WORDS_MAX: usize = 16;

/// The longest of them, in characters.
const WORD_CHARS_MAX: usize = 256;

/// How asks are kept and told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asks {
    /// How long one waits, and its approval works, at most.
    pub expires: Setting<Duration>,
    /// How long nobody asks again for what was denied.
    pub cooldown: Setting<Duration>,
    /// Open asks of one principal, at most.
    pub open: Setting<usize>,
    /// The command that tells of a new ask: a program and its first arguments; empty for none.
    pub notify: Setting<Vec<String>>,
}

/// How a confirmation comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the client's dialog where it has one, else by the token.
    Auto,
    /// By the token.
    Token,
    /// By the client's dialog only.
    Elicit,
}

impl Via {
    const ALL: [Self; 3] = [Self::Auto, Self::Token, Self::Elicit];

    /// The word in a file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Token => "token",
            Self::Elicit => "elicit",
        }
    }
}

impl Asks {
    pub(super) fn of(files: &[File]) -> Self {
        fn map<T, U>(Setting { value, source }: Setting<T>, to: impl Fn(T) -> U) -> Setting<U> {
            Setting { value: to(value), source }
        }
        let seconds = |seconds: u32| Duration::seconds(seconds.into());
        let count = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            expires: map(pick(files, |s| s.asks.expires, EXPIRES), seconds),
            cooldown: map(pick(files, |s| s.asks.cooldown, COOLDOWN), seconds),
            open: map(pick(files, |s| s.asks.open, OPEN), count),
            notify: pick(files, |s| s.asks.notify.clone(), Vec::new()),
        }
    }

    /// How asks are kept.
    pub const fn terms(&self) -> Terms {
        Terms {
            expires: self.expires.value,
            cooldown: self.cooldown.value,
            open_max: self.open.value,
        }
    }
}

/// What a file says of it; what it leaves out is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    expires: Option<u32>,
    cooldown: Option<u32>,
    open: Option<u32>,
    notify: Option<Vec<String>>,
}

/// Reads `[asks]`.
pub(super) fn asks(top: &mut Keys<'_, '_>, level: Level) -> Said {
    let Some((span, table)) = top.table("asks") else { return Said::default() };
    if level == Level::Project {
        refuse(&span, "`[asks]`", "", top.problems());
        return Said::default();
    }
    let known = ["expires", "cooldown", "open", "notify"];
    let mut keys = Keys::new("`[asks]`", table, span, &known, top.problems());
    Said {
        expires: length(&mut keys, "expires", EXPIRES_MIN, EXPIRES_MAX),
        cooldown: length(&mut keys, "cooldown", 0, EXPIRES_MAX),
        open: keys.number("open", 1, OPEN_MAX),
        notify: command(&mut keys, "notify"),
    }
}

/// A program with its first arguments. It is run without a shell, so it is a list.
fn command(keys: &mut Keys<'_, '_>, key: &str) -> Option<Vec<String>> {
    keys.get(key)?;
    let words = keys.texts(key)?;
    let problems = keys.problems();
    let before = problems.count();
    if let Some(beyond) = words.get(WORDS_MAX) {
        problems.add(&beyond.span, || {
            format!("`{key}` has {} words; it can have {WORDS_MAX}.", words.len())
        });
    }
    for word in &words {
        note_word(word, key, problems);
    }
    if let Some(program) = words.first().filter(|program| !is_program(&program.text)) {
        problems.add(&program.span, || {
            format!(
                "`{key}` begins with \"{}\", which names no program. It begins with the name of one, \
                 such as \"notify-send\", or its path from the root on; each argument is a string of \
                 its own, and no shell is asked.",
                text::name(&program.text)
            )
        });
    }
    (problems.count() == before)
        .then(|| words.into_iter().map(|word| word.text.into_owned()).collect())
}

fn note_word(word: &Text<'_>, key: &str, problems: &mut Problems) {
    let count = word.text.chars().count();
    if !(1..=WORD_CHARS_MAX).contains(&count) {
        problems.add(&word.span, || {
            format!("A word of `{key}` has {count} characters; it can have 1 to {WORD_CHARS_MAX}.")
        });
    } else if word.text.chars().any(char::is_control) {
        problems.add(&word.span, || {
            format!("A word of `{key}` holds a control character. Leave it out.")
        });
    }
}

/// Whether it can be a program: its path, or a plain name that is looked for in `PATH`.
fn is_program(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    let is_name = word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (word.starts_with('/') && !word.ends_with('/')) || (is_name && word.chars().all(plain))
}

/// Reads `[confirm]`.
pub(super) fn confirm(top: &mut Keys<'_, '_>, level: Level) -> Option<Via> {
    let (span, table) = top.table("confirm")?;
    if level == Level::Project {
        refuse(&span, "`[confirm]`", "", top.problems());
        return None;
    }
    let mut keys = Keys::new("`[confirm]`", table, span, &["via"], top.problems());
    let found = keys.text("via")?;
    let via = Via::ALL.into_iter().find(|via| via.as_str() == found.text);
    if via.is_none() {
        let words = Via::ALL.map(Via::as_str);
        keys.problems().add(&found.span, || {
            let (meant, found) = (meant(&found.text, words), text::name(&found.text));
            format!("`via` is `{found}`.{meant} It can be {}.", list(&words))
        });
    }
    via
}
